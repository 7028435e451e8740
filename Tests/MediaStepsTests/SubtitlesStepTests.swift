import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Testing

@Suite("Subtitles beside a film", .filmThreads)
struct SubtitlesStepTests {
    private static func run(_ text: String, _ work: Workplace, _ more: JSON = [:]) throws -> JSON {
        let file = work.path("beside.txt")
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.createDirectory(atPath: work.path("out"), withIntermediateDirectories: true)
        var input: JSON = ["source": "https://uploads.example/beside"]
        for (name, value) in more.objectValue ?? [:] { input[name] = value }
        return try SubtitlesStep().run(
            input: input,
            in: StepSurroundings(
                files: ["https://uploads.example/beside": file], outputDirectory: work.path("out"), outputPrefix: "p",
                threads: 1, report: { _ in }, isCancelled: { false }))
    }

    @Test("a file becomes a rendition that keeps its times, whatever its format")
    func formats() throws {
        let work = try Workplace()
        let ttml =
            #"<tt xmlns="http://www.w3.org/ns/ttml"><body><div>"#
            + #"<p begin="0.25s" end="0.901s">Hello</p><p begin="1.003s" end="1.75s">Again</p></div></body></tt>"#
        let subRip = "1\n00:00:00,250 --> 00:00:00,901\nHello\n\n2\n00:00:01,003 --> 00:00:01,750\nAgain\n"
        let webVTT = "WEBVTT\n\n00:00:00.250 --> 00:00:00.901\nHello\n\n00:00:01.003 --> 00:00:01.750\nAgain\n"
        for (text, format) in [(ttml, "ttml"), (subRip, "subrip"), (webVTT, "webvtt")] {
            let output = try SubtitlesStepTests.run(text, work, ["language": "de", "role": "caption"])
            for field in StepContract.subtitles.output { #expect(output[field.name].map(field.accepts) == true) }
            #expect(output["format"] == .string(format) && output["cues"] == 2)
            let rendition = try #require(output["renditions"]?[0])
            #expect(rendition["kind"] == "text" && rendition["name"] == "text-de" && rendition["role"] == "caption")
            #expect(rendition["durationSeconds"] == 1.75)
            #expect(try String(contentsOfFile: work.path("out/text-de.vtt"), encoding: .utf8) == webVTT)
        }
    }

    @Test(
        "what is no subtitles is refused with the reason",
        arguments: [
            ("Dear Sir or Madam\n", "SourceInvalid", "line 1: 'Dear Sir or Madam' is no cue"),
            ("WEBVTT\n", "SourceInvalid", "the file holds no subtitle"),
            ("", "SourceInvalid", "neither WebVTT nor SubRip"),
            ("<html/>", "SourceInvalid", "line 1: the root is 'html' and not TTML's 'tt'"),
        ])
    func refused(text: String, error: String, cause: String) throws {
        let work = try Workplace()
        let failure = #expect(throws: StepFailure.self) { try SubtitlesStepTests.run(text, work) }
        #expect(failure?.error == "Showrunner." + error)
        #expect(failure?.cause.hasPrefix(cause) == true, "\(failure?.cause ?? "")")
    }
}
