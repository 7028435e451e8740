import ArgumentParser
import Glibc
import JSON
import MediaSteps
import StepContracts
import TerminalOutput

struct PackageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "package", abstract: "Package renditions into CMAF segments for HLS and DASH.",
        discussion: """
            Example:
              showrunner package video-720p.mp4 audio-eng.mp4,lang=en --hls --dash --out package

            A bare FILE gives all its tracks; an audio track equal to one of an earlier file is left out. Options stand \
            behind the name: FILE,stream=video takes its video alone, FILE,lang=L names the language.
            Exit codes: 0 done, 1 failed, 2 wrong use.
            """)

    @Argument(help: ArgumentHelp("FILE[,stream=video|audio|text][,lang=L]", valueName: "file"))
    var files: [String]

    @Flag(help: "Write master.m3u8 and the media playlists.")
    var hls = false

    @Flag(help: "Write manifest.mpd.")
    var dash = false

    @Option(help: "Protection: cbcs or cenc.")
    var scheme: String?

    @Option(parsing: .singleValue, help: ArgumentHelp("A content key, in hexadecimal.", valueName: "KID:KEY"))
    var key: [String] = []

    @Option(help: ArgumentHelp("Where the package goes.", valueName: "dir"))
    var out: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let scheme, !["cbcs", "cenc"].contains(scheme) {
            throw ValidationError("--scheme is '\(scheme)'; it has to be cbcs or cenc.")
        }
        guard hls || dash else { throw ValidationError("say --hls, --dash or both.") }
    }

    func run() async throws {
        guard scheme == nil, key.isEmpty else {
            throw StepFailure.parametersInvalid("protection (--scheme, --key) is not available in this version")
        }
        var inputs: [LocalPackage.Input] = []
        for file in files {
            do {
                inputs.append(try LocalPackage.Input(argument: file))
            } catch {
                // What is allowed and not there yet has failed; anything else is wrong use.
                if file.contains(",stream=text") { throw error }
                throw ValidationError(error.cause)
            }
        }
        for input in inputs { try LocalMedia.checkReadable(input.path) }
        let bars = ProgressBars.forCommand(json: json)
        let output = try LocalPackage.run(
            inputs, writesHLS: hls, writesDASH: dash, directory: out, report: { bars.show($0) })
        if json { return Terminal.json(placed(output)) }
        for name in ["hls", "dash"] {
            if let path = output[name]?.stringValue { Terminal.line("\(out)/\(path)") }
        }
    }

    /// The step's output with paths as the caller sees them.
    private func placed(_ output: JSON) -> JSON {
        var output = output
        for name in ["hls", "dash"] {
            if let path = output[name]?.stringValue { output[name] = .string("\(out)/\(path)") }
        }
        let objects = output["objects"]?.arrayValue ?? []
        output["objects"] = .array(
            objects.compactMap { $0["file"]?.stringValue.map { .string("\(out)/\($0)") } })
        return output
    }
}
