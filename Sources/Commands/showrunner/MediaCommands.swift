import ArgumentParser
import Glibc

/// Media commands are handed to `showrunner-worker` as they stand: it alone links FFmpeg. Same flags, same exit code.
private func handOver(_ command: String, _ arguments: [String]) throws {
    let path = try Places.companion("showrunner-worker")
    var words = ([path, command] + arguments).map { strdup($0) as UnsafeMutablePointer<CChar>? }
    words.append(nil)
    execv(path, words)
    throw CommandFailure("showrunner-worker can't be run: \(String(cString: strerror(errno)))")
}

struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Tell what a film holds.",
        discussion: "Example:\n  showrunner probe film.mp4 --json", helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try handOver("probe", arguments) }
}

struct TranscodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcode", abstract: "Encode a film into a ladder of renditions.",
        discussion: "Example:\n  showrunner transcode film.mp4 --out renditions", helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try handOver("transcode", arguments) }
}

struct ThumbsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "thumbs", abstract: "Make a film's poster and scrubbing thumbnails.",
        discussion: "Example:\n  showrunner thumbs film.mp4 --out pictures", helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try handOver("thumbs", arguments) }
}

struct PackageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "package", abstract: "Package renditions for HLS and DASH.",
        discussion: "Example:\n  showrunner package video-720p.mp4 audio-und.mp4 --hls --dash --out package",
        helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try handOver("package", arguments) }
}

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Tell what a package holds, and what is wrong with it.",
        discussion: "Example:\n  showrunner inspect package/master.m3u8 package/manifest.mpd", helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try handOver("inspect", arguments) }
}
