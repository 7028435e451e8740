import ArgumentParser
import EngineClient
import TerminalOutput

/// The doorway: parses and runs.
@main
struct Showrunner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "showrunner", abstract: "Runs state machines over media work, and shows how they run.",
        discussion: """
            Example:
              showrunner up --data ./data --port 4600 --workers 2
              showrunner ingest film.mp4 --wait

            Exit codes: 0 done, 1 failed, 2 wrong use.
            """,
        version: Release.version,
        groupedSubcommands: [
            CommandGroup(name: "Servers", subcommands: [UpCommand.self, EngineCommand.self, DataWorkerCommand.self]),
            CommandGroup(
                name: "Runs",
                subcommands: [
                    IngestCommand.self, RunsCommand.self, TasksCommand.self, SchedulesCommand.self,
                    TriggersCommand.self, StartsCommand.self, WorkersCommand.self,
                ]),
            CommandGroup(
                name: "State machines",
                subcommands: [
                    LintCommand.self, GraphCommand.self, TestStateCommand.self, SimulateCommand.self,
                    EvalCommand.self, SchemaCommand.self,
                ]),
            CommandGroup(
                name: "Access",
                subcommands: [
                    KeysCommand.self, AuditCommand.self, ConnectionsCommand.self, AccountsCommand.self,
                ]),
            CommandGroup(name: "Database", subcommands: [JournalCommand.self, RetentionCommand.self]),
            CommandGroup(
                name: "Media",
                subcommands: [
                    ProbeCommand.self, TranscodeCommand.self, ThumbsCommand.self, PackageCommand.self,
                    InspectCommand.self,
                ]),
            CommandGroup(name: "Recommendations", subcommands: [RecommendCommand.self]),
        ])

    static func main() async {
        await runAsProgram { error in
            switch error {
            case is FileBytes.Unreadable: 2
            case let failure as EngineClientError: failure.code == .usage ? 2 : 1
            default: nil
            }
        }
    }
}
