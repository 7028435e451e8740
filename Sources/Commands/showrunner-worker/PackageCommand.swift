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
              showrunner package video-720p.mp4 audio-eng.mp4,lang=en \\
                subtitles.vtt,lang=en --hls --dash --out package
              showrunner package film.mp4 --hls --dash --scheme cbcs --key KID:KEY \\
                --clear-lead 8 --out package

            A bare FILE gives all its tracks; an audio track equal to one of an earlier file is left out. Options stand \
            behind the name: FILE,stream=video takes its video alone, FILE,lang=L names the language, FILE,role=R what \
            it is for. FILE.vtt, FILE.srt and FILE.ttml are subtitles.
            Keys: --key [LABEL=]KID:KEY[:HDCP], id and key of 32 hexadecimal digits; LABEL is audio, video, sd, hd or \
            uhd, HDCP what playlists say of screens: NONE, TYPE-0 or TYPE-1. One without a label protects what no other \
            is for. Arguments are seen by other users of a machine: a key file has one such key a line.
            Exit codes: 0 done, 1 failed, 2 wrong use.
            """)

    @Argument(help: ArgumentHelp("FILE[,stream=video|audio|text][,lang=L][,role=R]", valueName: "file"))
    var files: [String]

    @Flag(help: "Write master.m3u8 and the media playlists.")
    var hls = false

    @Flag(help: "Write manifest.mpd.")
    var dash = false

    @Option(help: "Protection: cbcs or cenc.")
    var scheme: String?

    @Option(
        parsing: .singleValue, help: ArgumentHelp("A content key, in hexadecimal.", valueName: "[label=]kid:key[:hdcp]")
    )
    var key: [String] = []

    @Option(help: ArgumentHelp("A file of content keys, one a line.", valueName: "file"))
    var keyFile: String?

    @Option(help: ArgumentHelp("Seconds at the start that stay clear: whole segments.", valueName: "seconds"))
    var clearLead = 0

    @Option(help: ArgumentHelp("How long segments aim to be, 1 to 30.", valueName: "seconds"))
    var segmentDuration = 4

    @Flag(help: "One file a track, with byte ranges, in place of a file a segment.")
    var singleFile = false

    @Option(help: ArgumentHelp("Where the package goes.", valueName: "dir"))
    var out: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let scheme, !["cbcs", "cenc"].contains(scheme) {
            throw ValidationError("--scheme is '\(scheme)'; it has to be cbcs or cenc.")
        }
        guard hls || dash else { throw ValidationError("say --hls, --dash or both.") }
        guard (1...30).contains(segmentDuration) else {
            throw ValidationError("--segment-duration is \(segmentDuration); it has to be 1 to 30.")
        }
        guard (0...60).contains(clearLead) else {
            throw ValidationError("--clear-lead is \(clearLead); it has to be 0 to 60.")
        }
        if scheme == nil, !key.isEmpty || keyFile != nil || clearLead > 0 {
            throw ValidationError("keys and --clear-lead go with --scheme.")
        }
        if scheme != nil, key.isEmpty, keyFile == nil { throw ValidationError("--scheme needs --key or --key-file.") }
    }

    func run() async throws {
        var inputs: [LocalPackage.Input] = []
        let protection: LocalProtection?
        do {
            inputs = try files.map { try LocalPackage.Input(argument: $0) }
            protection = try scheme.map { scheme in
                try LocalProtection(
                    scheme: scheme, keys: try key + (keyFile.map(Self.lines) ?? []), clearLeadSeconds: clearLead)
            }
        } catch let error as StepFailure {
            throw ValidationError(error.cause)
        }
        for input in inputs { try LocalMedia.checkReadable(input.path) }
        let bars = ProgressBars.forCommand(json: json)
        let output = try LocalPackage.run(
            inputs, writesHLS: hls, writesDASH: dash, directory: out,
            segmentSeconds: segmentDuration, singleFile: singleFile, protection: protection,
            report: { bars.show($0) })
        if json { return Terminal.json(placed(output)) }
        for name in ["hls", "dash"] {
            if let path = output[name]?.stringValue { Terminal.line("\(out)/\(path)") }
        }
    }

    /// The lines of a small file, without empty ones and comments.
    private static func lines(of path: String) throws -> [String] {
        try LocalMedia.checkReadable(path)
        guard let file = fopen(path, "re") else {
            throw ValidationError("\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count < bytes.count else { throw ValidationError("\(path) is too long for a file of keys") }
        return String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
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
