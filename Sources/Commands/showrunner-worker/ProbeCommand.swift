import ArgumentParser
import Encodings
import JSON
import MediaSteps
import StepContracts
import TerminalOutput

struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Tell what a film holds, or why it cannot become a title.",
        discussion: """
            Example:
              showrunner probe film.mp4 --json

            Exit codes: 0 done, 1 the film is refused (with the reason), 2 wrong use.
            """)

    @Argument(help: "The film.")
    var file: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        try LocalMedia.checkReadable(file)
        let media = try await LocalMedia.run(
            .validate, file: file, directory: nil, threads: 1, usesResults: false, bars: .forCommand(json: json)
        ).output
        if json { return Terminal.json(media) }
        for line in MediaText.lines(media) { Terminal.line(line) }
    }
}

/// What validate found, for people.
enum MediaText {
    static func lines(_ media: JSON) -> [String] {
        func text(_ value: JSON?) -> String { value?.stringValue ?? value?.text ?? "?" }
        func count(_ value: JSON?, _ noun: String) -> String {
            value?.integerValue.map { counted($0, noun) } ?? "? \(noun)s"
        }
        var lines = ["container  \(text(media["container"])), \(text(media["durationSeconds"])) s"]
        if let video = media["video"] {
            lines.append(
                "video      \(text(video["codec"])) \(text(video["width"]))x\(text(video["height"])), "
                    + "\(text(video["frameRate"])) frames/s, \(count(video["frames"], "frame")), "
                    + "\(text(video["pixelFormat"]))")
        }
        for audio in media["audio"]?.arrayValue ?? [] {
            let language = audio["language"]?.stringValue.map { ", \($0)" } ?? ""
            lines.append(
                "audio      \(text(audio["codec"])), \(text(audio["sampleRate"])) Hz, "
                    + "\(count(audio["channels"], "channel"))\(language)")
        }
        for subtitle in media["subtitles"]?.arrayValue ?? [] {
            lines.append(
                "subtitles  \(text(subtitle["codec"]))" + (subtitle["language"]?.stringValue.map { ", \($0)" } ?? ""))
        }
        for check in media["checks"]?.arrayValue ?? [] {
            lines.append("\(text(check["severity"]))".padding(to: 11) + text(check["message"]))
        }
        return lines
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
