import ArgumentParser
import JSON
import TerminalOutput

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List the workers and what they do.",
        discussion: """
            Example:
              showrunner workers --json
            """)

    @OptionGroup var engine: EngineOptions

    func run() async throws {
        let document = try await engine.client().get("/console/api/workers")
        if engine.json {
            Terminal.json(document)
            return
        }
        let workers = document["workers"]?.arrayValue ?? []
        if workers.isEmpty {
            Terminal.error("no worker has been heard of since the engine started")
            return
        }
        Terminal.table(
            [["WORKER", "VERSION", "SLOTS", "HEALTH AND METRICS", "LAST SEEN", "DOES"]]
                + workers.map { worker in
                    let tasks = (worker["tasks"]?.arrayValue ?? []).map { task in
                        let share = task["progress"].map { " " + RunDisplay.mediaTime($0) } ?? ""
                        return (task["state"]?.stringValue ?? "") + share
                    }
                    return [
                        worker["name"]?.stringValue ?? "", worker["version"]?.stringValue ?? "",
                        worker["slots"]?.text ?? "", worker["address"]?.stringValue ?? "-",
                        worker["lastSeen"]?.stringValue ?? "",
                        tasks.isEmpty ? "-" : tasks.joined(separator: ", "),
                    ]
                })
    }
}
