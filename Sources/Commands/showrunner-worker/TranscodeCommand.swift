import ArgumentParser
import JSON
import MediaSteps
import StepContracts
import TerminalOutput
import WorkerProgram

struct TranscodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcode", abstract: "Encode a film into a ladder of renditions, one MP4 per track.",
        discussion: """
            Example:
              showrunner transcode film.mp4 --out renditions --json

            What has been encoded before into the same directory, from the same bytes with the same options, is not \
            encoded again, unless --no-cache says so.
            Exit codes: 0 done, 1 failed, 2 wrong use.
            """)

    enum Ladder: String, ExpressibleByArgument, CaseIterable {
        case fixed
        case perTitle = "per-title"
    }

    /// A whole or decimal number of LUFS, or `source`.
    enum Loudness: ExpressibleByArgument {
        case source
        case integrated(Double)

        init?(argument: String) {
            if argument == "source" {
                self = .source
            } else if let lufs = Double(argument), (-40 ... -5).contains(lufs) {
                self = .integrated(lufs)
            } else {
                return nil
            }
        }

        var json: JSON {
            switch self {
            case .source: "source"
            case .integrated(let lufs): ["integrated": .double(lufs)]
            }
        }
    }

    @Argument(help: "The film.")
    var file: String

    @Option(help: ArgumentHelp("Where the renditions go.", valueName: "dir"))
    var out: String

    @Option(help: "Which rungs: fixed, by the film's size, or per-title, by trial. (default: fixed)")
    var ladder: Ladder?

    @Option(
        help: ArgumentHelp(
            "What rungs are coded in beside h264, comma-separated: hevc, av1, vp9.", valueName: "codecs"))
    var codecs: String?

    @Option(help: "x264's preset, from ultrafast to veryslow. (default: veryfast)")
    var preset: String?

    @Option(
        help: ArgumentHelp(
            "What sound is brought to, in LUFS from -40 to -5, or source to leave it as it is. (default: -23)",
            valueName: "lufs"))
    var loudness: Loudness?

    @Flag(help: "Put the largest pictures in H.264 and the first sound into one more file, download.mp4.")
    var download = false

    @Option(help: "Threads to keep busy. (default: the machine's cores)")
    var threads: Int?

    @Flag(name: .customLong("no-cache"), help: "Encode anew what has been encoded before.")
    var ignoresResults = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let preset, !TranscodeStep.presets.contains(preset) {
            throw ValidationError(
                "--preset is '\(preset)'; it has to be one of \(TranscodeStep.presets.joined(separator: ", ")).")
        }
        for codec in codecNames where !TranscodeStep.codecs.contains(codec) {
            throw ValidationError(
                "--codecs has '\(codec)'; it has to be of \(TranscodeStep.codecs.joined(separator: ", ")).")
        }
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads has to be from 1 to 1024.")
        }
    }

    private var codecNames: [String] {
        (codecs ?? "").split(separator: ",").map(String.init)
    }

    func run() async throws {
        try LocalMedia.checkReadable(file)
        let input = JSON.members(
            ("codecs", codecs == nil ? nil : .array(codecNames.map { .string($0) })),
            ("ladder", ladder.map { .string($0.rawValue) }), ("preset", preset.map { .string($0) }),
            ("loudness", loudness?.json), ("download", download ? true : nil))
        let result = try await LocalMedia.run(
            .transcode, file: file, input: input, directory: out, threads: threads ?? MachineCapacity.cores,
            usesResults: !ignoresResults, bars: .forCommand(json: json))
        if json {
            var output = result.output
            output["cached"] = .bool(result.isCached)
            return Terminal.json(output)
        }
        for rendition in result.output["renditions"]?.arrayValue ?? [] {
            let size =
                rendition["width"].flatMap { width in rendition["height"].map { " \(width.text)x\($0.text)" } } ?? ""
            let score = rendition["score"]?["ssim"].map { ", SSIM \($0.text)" } ?? ""
            Terminal.line(
                "\(rendition["file"]?.stringValue ?? "?")  \(rendition["codec"]?.stringValue ?? "?")\(size)\(score)")
        }
        let ladder = result.output["ladder"]
        if let reason = ladder?["reason"]?.stringValue { Terminal.line("the fixed ladder: \(reason)") }
        for rung in (ladder?["rungs"]?.arrayValue ?? []) + (ladder?["dropped"]?.arrayValue ?? []) {
            Terminal.line("\(rung["name"]?.stringValue ?? "?")  \(rung["reason"]?.stringValue ?? "?")")
        }
        if result.isCached { Terminal.line("encoded before; nothing was done") }
    }
}
