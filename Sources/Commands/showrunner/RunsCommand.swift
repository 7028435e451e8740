import ArgumentParser
import EngineClient
import Interpreter
import JSON
import TerminalOutput

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Start, list, show, watch, explain, redrive and stop runs.",
        discussion: """
            Example:
              showrunner runs list --status FAILED
            """,
        subcommands: [
            Start.self, List.self, Show.self, Why.self, Compare.self, Watch.self, History.self, Redrive.self,
            RedriveAll.self, Release.self,
            FailTask.self, Stop.self,
        ])

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start a run of a state machine.",
            discussion: """
                Example:
                  showrunner runs start ingest --input '{"source": "file:///films/elf.mp4"}' \\
                    --wait
                """)

        @Argument(help: "The machine: its file's name without .asl.yaml, or its ARN.")
        var machine: String
        @Option(help: "JSON, or @FILE. Default: {}.")
        var input = "{}"
        @Option(help: "The run's name, which no other run of the machine has.")
        var name: String?
        @Flag(help: "Wait until the run has ended.")
        var wait = false
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let text = try JSONArgument.text(input, of: "--input")
            let client = try engine.client(change)
            let started = try await client.call(
                "StartExecution",
                .members(
                    ("stateMachineArn", .string(MachineArgument.arn(of: machine))), ("name", name.map(JSON.string)),
                    ("input", .string(text))))
            let arn = started["executionArn"]?.stringValue ?? ""
            guard wait else {
                if engine.json { Terminal.json(started) } else { Terminal.line(arn) }
                return
            }
            let run = try await RunDisplay(isQuiet: engine.json).follow(FoundRun(client: client, arn: arn))
            try RunReport.end(run, json: engine.json)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List runs, the latest first.",
            discussion: """
                --since and --search look through the latest 10,000 runs.

                Example:
                  showrunner runs list --machine ingest --status RUNNING
                  showrunner runs list --status FAILED --since 24h --search StorageUnavailable
                """)

        @OptionGroup var filter: RunFilter
        @Option(help: "RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.")
        var status: String?
        @Option(help: "At most so many, 1 to 1000.")
        var limit = 50
        @OptionGroup var engine: EngineOptions

        func validate() throws {
            let known = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
            if let status, !known.contains(status.uppercased()) {
                throw ValidationError("--status has to be one of \(known.joined(separator: ", "))")
            }
            guard (1...1000).contains(limit) else { throw ValidationError("--limit has to be from 1 to 1000") }
        }

        func run() async throws {
            let client = try engine.client()
            let document: JSON
            if filter.isSearch {
                document = ["items": .array(try await filter.find(client, status: status, limit: limit))]
            } else {
                document = try await client.get(filter.page(status: status, limit: limit))
            }
            if document["items"]?.arrayValue?.isEmpty == true { try await filter.requireMachine(client) }
            engine.print(
                document, list: "items", none: "no runs",
                columns: ["STATUS", "MACHINE", "STARTED", "TITLE", "NOW", "EXECUTION"]
            ) { run in
                [
                    run["status"]?.stringValue ?? "", run["machine"]?.stringValue ?? "",
                    run["startDate"]?.stringValue ?? "", run["title"]?.stringValue ?? "-", RunDisplay.now(run),
                    run["executionArn"]?.stringValue ?? "",
                ]
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one run: its states, attempts, error and output.",
            discussion: """
                Example:
                  showrunner runs show ingest/night-42
                """)

        @OptionGroup var choice: RunChoice

        func run() async throws {
            let run = try await choice.find()
            let document = try await run.client.get(run.path)
            if choice.engine.json { Terminal.json(document) } else { RunDisplay.show(document) }
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show runs as they move: one, or all that are open.",
            discussion: """
                Example:
                  showrunner runs watch
                  showrunner runs watch night-42
                """)

        @Argument(help: ArgumentHelp(ExecutionArgument.help + " Without one: all open runs, until none is."))
        var execution: String?
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let client = try engine.client()
            guard let execution else {
                try await RunDisplay.watchAll(client, json: engine.json)
                return
            }
            let run = FoundRun(client: client, arn: try await ExecutionArgument.arn(of: execution, client))
            let ended = try await RunDisplay(isQuiet: false, json: engine.json).follow(run)
            try RunReport.end(ended, json: engine.json)
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a run's history events.",
            discussion: """
                Example:
                  showrunner runs history ingest/night-42 --json
                """)

        @OptionGroup var choice: RunChoice

        func run() async throws {
            let run = try await choice.find()
            var events: [JSON] = []
            var next: JSON?
            repeat {
                let page = try await run.client.call(
                    "GetExecutionHistory",
                    .members(("executionArn", .string(run.arn)), ("maxResults", 1000), ("nextToken", next)))
                events += page["events"]?.arrayValue ?? []
                next = page["nextToken"]
            } while next != nil
            if choice.engine.json {
                Terminal.json(["events": .array(events)])
                return
            }
            let told = events.compactMap { Interpreter.History.Event(wire: $0) }
            Terminal.table(Interpreter.History.table(of: told, from: told.first?.at ?? 0))
        }
    }

    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a run that failed, timed out or was stopped go on where it had stopped.",
            discussion: """
                What had succeeded stays done; the state that had not is run again on the same input, with its retries \
                counted anew. The run keeps its definition. A failed Map Run is redriven with the run it is in.

                Example:
                  showrunner runs redrive ingest/night-42 --wait
                """)

        @OptionGroup var choice: RunChoice
        @Flag(help: "Wait until the run has ended.")
        var wait = false
        @OptionGroup var change: ChangeReason

        func run() async throws {
            let json = choice.engine.json
            let run = try await choice.find(change)
            let redriven = try await run.client.call("RedriveExecution", ["executionArn": .string(run.arn)])
            guard wait else {
                if json { Terminal.json(redriven) } else { Terminal.line("redriven") }
                return
            }
            try RunReport.end(try await RunDisplay(isQuiet: json).follow(run), json: json)
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop a run; it ends ABORTED. One that has ended stays as it is.",
            discussion: """
                Example:
                  showrunner runs stop ingest/night-42 --cause "wrong cut"
                """)

        @OptionGroup var choice: RunChoice
        @Option(help: "An error name to record.")
        var error: String?
        @Option(help: "Why.")
        var cause: String?
        @OptionGroup var change: ChangeReason

        func run() async throws {
            let run = try await choice.find(change)
            let status = try await run.client.get(run.path)["status"]?.stringValue ?? ""
            let stopped = try await run.client.call(
                "StopExecution",
                .members(
                    ("executionArn", .string(run.arn)), ("error", error.map(JSON.string)),
                    ("cause", cause.map(JSON.string))))
            if choice.engine.json {
                Terminal.json(stopped)
            } else {
                Terminal.line(status == "RUNNING" ? "stopped" : "it had ended \(status) already")
            }
        }
    }
}
