import ArgumentParser
import EngineClient
import JSON
import TerminalOutput

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show who changed what, when, from where and why, the latest first.",
        discussion: """
            Example:
              showrunner audit --action StopExecution --limit 20
            """)

    @Option(help: "Only rows of this access key.")
    var key: String?
    @Option(help: "Only this action, such as StopExecution or ManageAccessKeys.")
    var action: String?
    @Option(help: "At most so many, 1 to 1000.")
    var limit = 50
    @Option(help: "Only rows before this one: the 'next' of --json.")
    var before: String?
    @OptionGroup var engine: EngineOptions

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit has to be from 1 to 1000") }
    }

    func run() async throws {
        var query = "limit=\(limit)"
        for (name, value) in [("key", key), ("action", action), ("before", before)] {
            if let value { query += "&\(name)=\(EngineClient.segment(value))" }
        }
        engine.print(
            try await engine.client().get("/access/v1/audit?\(query)"), list: "items", none: "no rows",
            columns: ["AT", "KEY", "ROLE", "ACTION", "RESOURCE", "FROM", "OUTCOME", "REASON"]
        ) { row in
            ["at", "accessKeyId", "role", "action", "resource", "source", "outcome", "reason"].map {
                row[$0]?.stringValue ?? "-"
            }
        }
    }
}
