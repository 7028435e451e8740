import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

extension RunsCommand {
    struct Why: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say why a run waits: a sentence for each state that does not move.",
            discussion: """
                Example:
                  showrunner runs why ingest/night-42
                """)

        @Argument(help: ArgumentHelp(ExecutionArgument.help))
        var execution: String
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let client = try engine.client()
            let execution = try await ExecutionArgument.arn(of: execution, client)
            let document = try await client.get("/console/api/runs/\(EngineClient.segment(execution))/waits")
            if engine.json {
                Terminal.json(document)
                return
            }
            let waits = document["waits"]?.arrayValue ?? []
            if waits.isEmpty {
                Terminal.line("It does not wait: it has ended, or workers work on all of it.")
                return
            }
            Terminal.table(
                [["ENTRY", "STATE", "WHY"]]
                    + waits.map { wait in
                        let path = wait["path"]?.stringValue ?? ""
                        return [
                            wait["entry"]?.text ?? "",
                            (path.isEmpty ? "" : path + "/") + (wait["state"]?.stringValue ?? ""),
                            wait["sentence"]?.stringValue ?? "",
                        ]
                    })
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a parked task be tried again, or a run that was set aside go on.",
            discussion: """
                A task is parked after workers were lost with it in their hands; a run is set aside after engines ended
                while they decided on it. 'runs why' tells both.

                Example:
                  showrunner runs release ingest/night-42 --entry 7
                """)

        @Argument(help: ArgumentHelp(ExecutionArgument.help))
        var execution: String
        @Option(help: "The state entry whose task is parked, as 'runs why' numbers it. Without one: the run itself.")
        var entry: Int?
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let client = try engine.client()
            let run = EngineClient.segment(try await ExecutionArgument.arn(of: execution, client))
            let place = entry.map { "/states/\($0)" } ?? ""
            _ = try await client.post("/console/api/runs/\(run)\(place)/release", [:])
            if engine.json { Terminal.json(["released": true]) } else { Terminal.line("released") }
        }
    }

    struct FailTask: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fail-task", abstract: "Give a parked task up: it fails, and its state's Catch may take that.",
            discussion: """
                Example:
                  showrunner runs fail-task ingest/night-42 --entry 7 --cause "the film crashes the decoder"
                """)

        @Argument(help: ArgumentHelp(ExecutionArgument.help))
        var execution: String
        @Option(help: "The state entry whose task is parked, as 'runs why' numbers it.")
        var entry: Int
        @Option(help: "The error's name. Default: Showrunner.TaskParked.")
        var error: String?
        @Option(help: "Why.")
        var cause: String?
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let client = try engine.client()
            let run = EngineClient.segment(try await ExecutionArgument.arn(of: execution, client))
            _ = try await client.post(
                "/console/api/runs/\(run)/states/\(entry)/fail",
                .members(("error", error.map(JSON.string)), ("cause", cause.map(JSON.string))))
            if engine.json { Terminal.json(["failed": true]) } else { Terminal.line("failed") }
        }
    }
}
