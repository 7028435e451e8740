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
        subcommands: [
            UpCommand.self, EngineCommand.self, DataWorkerCommand.self, IngestCommand.self, RunsCommand.self,
            StartsCommand.self, WorkersCommand.self, TasksCommand.self, ConnectionsCommand.self, KeysCommand.self,
            AccountsCommand.self,
            AuditCommand.self, JournalCommand.self, RetentionCommand.self,
            LintCommand.self, SchemaCommand.self,
            GraphCommand.self, TestStateCommand.self,
            SimulateCommand.self, SchedulesCommand.self, TriggersCommand.self, EvalCommand.self, ProbeCommand.self,
            TranscodeCommand.self,
            ThumbsCommand.self,
            PackageCommand.self, InspectCommand.self, RecommendCommand.self,
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
