import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List the workers and what they do; drain, quarantine and release them.",
        discussion: """
            Example:
              showrunner workers --json
              showrunner workers drain worker-3 --reason "new disk"
            """,
        subcommands: [List.self, Drain.self, Quarantine.self, Release.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the workers and what they do (the default).",
            discussion: """
                Example:
                  showrunner workers list
                """)

        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client().get("/console/api/workers")
            engine.print(
                document, list: "workers", none: "no worker has been heard of since the engine started",
                columns: ["WORKER", "VERSION", "MODE", "SLOTS", "LABELS", "HEALTH AND METRICS", "LAST SEEN", "DOES"]
            ) { worker in
                let tasks = (worker["tasks"]?.arrayValue ?? []).map { task in
                    let share = task["progress"].map { " " + RunDisplay.mediaTime($0) } ?? ""
                    return (task["state"]?.stringValue ?? "") + share
                }
                let labels = (worker["labels"]?.objectValue ?? [:]).map {
                    "\($0.key)=\($0.value.stringValue ?? "")"
                }
                return [
                    worker["name"]?.stringValue ?? "", worker["version"]?.stringValue ?? "",
                    worker["mode"]?.stringValue ?? "active", worker["slots"]?.text ?? "",
                    labels.isEmpty ? "-" : labels.joined(separator: ","), worker["address"]?.stringValue ?? "-",
                    worker["lastSeen"]?.stringValue ?? "", tasks.isEmpty ? "-" : tasks.joined(separator: ", "),
                ]
            }
            if engine.json { return }
            for worker in document["workers"]?.arrayValue ?? [] {
                let name = worker["name"]?.stringValue ?? ""
                if let reason = worker["reason"]?.stringValue {
                    Terminal.line("\(name) is \(worker["mode"]?.stringValue ?? ""): \(reason)")
                }
                for (step, reason) in worker["setAside"]?.objectValue ?? [:] {
                    Terminal.line("\(name) gets no '\(step)' for a while: \(reason.stringValue ?? "")")
                }
            }
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a worker no new tasks; what it has it finishes. Holds until it is released.",
            discussion: """
                Example:
                  showrunner workers drain worker-3 --reason "new disk"
                """)

        @OptionGroup var choice: Choice

        func run() async throws { try await choice.set("draining") }
    }

    struct Quarantine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a worker that is mistrusted no new tasks. Holds until it is released.",
            discussion: """
                Example:
                  showrunner workers quarantine worker-3 --reason "its encodes are green"
                """)

        @OptionGroup var choice: Choice

        func run() async throws { try await choice.set("quarantined") }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a worker tasks again.",
            discussion: """
                Example:
                  showrunner workers release worker-3
                """)

        @OptionGroup var choice: Choice

        func run() async throws { try await choice.set("active") }
    }

    /// The worker that a command is about.
    struct Choice: ParsableArguments {
        @Argument(help: "The worker's name.")
        var worker: String
        @OptionGroup var change: ChangeReason
        @OptionGroup var engine: EngineOptions

        /// Says what the engine shall give it: one of the modes of `/console/api/workers`.
        func set(_ mode: String) async throws {
            _ = try await engine.client(change).post(
                "/console/api/workers/\(EngineClient.segment(worker))/mode",
                .members(("mode", .string(mode)), ("reason", change.reason.map(JSON.string))))
            if engine.json {
                Terminal.json(["worker": .string(worker), "mode": .string(mode)])
            } else {
                Terminal.line("\(worker) is \(mode)")
            }
        }
    }
}
