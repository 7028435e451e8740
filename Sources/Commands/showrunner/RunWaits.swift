import ArgumentParser
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

        @OptionGroup var choice: RunChoice

        func run() async throws {
            let run = try await choice.find()
            let document = try await run.client.get(run.path + "/waits")
            if choice.engine.json {
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
                A task is parked after workers were lost with it in their hands; a run is set aside after engines \
                ended while they decided on it. 'runs why' tells both.

                Example:
                  showrunner runs release ingest/night-42 --entry 7
                """)

        @OptionGroup var choice: RunChoice
        @Option(help: "The state entry whose task is parked, as 'runs why' numbers it. Without one: the run itself.")
        var entry: Int?
        @OptionGroup var change: ChangeReason

        func run() async throws {
            let run = try await choice.find(change)
            let place = entry.map { "/states/\($0)" } ?? ""
            _ = try await run.client.post(run.path + place + "/release", [:])
            if choice.engine.json { Terminal.json(["released": true]) } else { Terminal.line("released") }
        }
    }

    struct FailTask: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fail-task", abstract: "Give a parked task up: it fails, and its state's Catch may take that.",
            discussion: """
                Example:
                  showrunner runs fail-task ingest/night-42 --entry 7 \\
                    --cause "the film crashes the decoder"
                """)

        @OptionGroup var choice: RunChoice
        @Option(help: "The state entry whose task is parked, as 'runs why' numbers it.")
        var entry: Int
        @Option(help: "The error's name. Default: Showrunner.TaskParked.")
        var error: String?
        @Option(help: "Why.")
        var cause: String?
        @OptionGroup var change: ChangeReason

        func run() async throws {
            let run = try await choice.find(change)
            _ = try await run.client.post(
                run.path + "/states/\(entry)/fail",
                .members(("error", error.map(JSON.string)), ("cause", cause.map(JSON.string))))
            if choice.engine.json { Terminal.json(["failed": true]) } else { Terminal.line("failed") }
        }
    }
}
