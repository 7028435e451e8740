import ArgumentParser
import Glibc
import StepContracts
import TerminalOutput

/// The doorway: parses and runs.
@main
struct ShowrunnerWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "showrunner-worker",
        abstract: "Do the media steps of Showrunner's workflows, or try them on local files.",
        discussion: """
            Example:
              showrunner-worker --engine http://127.0.0.1:4600 --store /srv/showrunner/objects
              showrunner-worker probe film.mp4 --json

            Exit codes: 0 done, 1 failed, 2 wrong use.
            """,
        version: release,
        subcommands: [
            ServeCommand.self, ProbeCommand.self, TranscodeCommand.self, ThumbsCommand.self, PackageCommand.self,
            RunStepCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static let release = "0.1.0"

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

    /// What went wrong on standard error, and the exit code that the documentation promises.
    private static func fail(_ error: any Error) -> Never {
        switch error {
        case let code as ExitCode: Glibc.exit(code.rawValue)
        case let failure as StepFailure: end("showrunner-worker: \(failure)", 1)
        default: break
        }
        let code = exitCode(for: error)
        if code == .success {
            Terminal.line(fullMessage(for: error))
            Glibc.exit(0)
        }
        let isUsage = code == .validationFailure
        end(isUsage ? fullMessage(for: error) : "showrunner-worker: \(error)", isUsage ? 2 : 1)
    }

    private static func end(_ message: String, _ status: Int32) -> Never {
        Terminal.error(message)
        Glibc.exit(status)
    }
}
