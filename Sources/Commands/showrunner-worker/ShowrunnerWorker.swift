import ArgumentParser
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
              showrunner-worker --engine http://127.0.0.1:4600 \\
                --store /srv/showrunner/objects
              showrunner-worker probe film.mp4 --json

            Exit codes: 0 done, 1 failed, 2 wrong use.
            """,
        version: Release.version,
        subcommands: [
            ServeCommand.self, ProbeCommand.self, TranscodeCommand.self, ThumbsCommand.self, PackageCommand.self,
            InspectCommand.self, RunStepCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static func main() async {
        await runAsProgram { $0 is StepFailure ? 1 : nil }
    }
}
