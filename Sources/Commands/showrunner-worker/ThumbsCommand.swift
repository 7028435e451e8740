import ArgumentParser
import JSON
import MediaSteps
import StepContracts
import TerminalOutput
import WorkerProgram

struct ThumbsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "thumbs", abstract: "Make a film's poster and the small pictures of its seek bar.",
        discussion: """
            Example:
              showrunner thumbs film.mp4 --out pictures

            Exit codes: 0 done, 1 failed, 2 wrong use.
            """)

    @Argument(help: "The film.")
    var file: String

    @Option(help: ArgumentHelp("Where the pictures go.", valueName: "dir"))
    var out: String

    @Flag(name: .customLong("no-cache"), help: "Make anew what has been made before.")
    var ignoresResults = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        try LocalMedia.checkReadable(file)
        let output = try await LocalMedia.run(
            .thumbnail, file: file, directory: out, threads: MachineCapacity.cores, usesResults: !ignoresResults,
            bars: .forCommand(json: json)
        ).output
        if json { return Terminal.json(output) }
        let posters = (output["posters"]?.arrayValue ?? []).map { $0["file"] }
        let tiles = [output, output["retina"] ?? [:]].flatMap { tiles -> [JSON?] in
            (tiles["sprites"]?.arrayValue ?? []) + [tiles["thumbnails"]]
        }
        for file in posters + tiles { if let path = file?.stringValue { Terminal.line(path) } }
    }
}
