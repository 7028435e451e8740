import ArgumentParser
import EngineClient
import Glibc
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
        version: "0.1.0",
        subcommands: [
            UpCommand.self, EngineCommand.self, IngestCommand.self, RunsCommand.self, WorkersCommand.self,
            LintCommand.self, ProbeCommand.self, TranscodeCommand.self, ThumbsCommand.self, PackageCommand.self,
        ])

    static func main() async {
        // A reader that goes away is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            fail(error)
        }
    }

    /// One line on standard error, and the exit code that the documentation promises.
    private static func fail(_ error: any Error) -> Never {
        switch error {
        case let code as ExitCode: Glibc.exit(code.rawValue)
        case let unreadable as FileBytes.Unreadable: end("showrunner: \(unreadable)", 2)
        case let failure as EngineClientError: end("showrunner: \(failure)", failure.code == .usage ? 2 : 1)
        default: break
        }
        let code = exitCode(for: error)
        if code == .success {
            print(fullMessage(for: error))
            Glibc.exit(0)
        }
        let isUsage = code == .validationFailure
        end(isUsage ? fullMessage(for: error) : "showrunner: \(error)", isUsage ? 2 : 1)
    }

    private static func end(_ message: String, _ status: Int32) -> Never {
        Terminal.error(message)
        Glibc.exit(status)
    }
}
