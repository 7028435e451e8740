import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Testing

/// Films of different kinds, each with a ladder of its own.
@Suite("Ladders by trial", .filmThreads)
struct PerTitleTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        let source: String
        var testDescription: String { name }
    }

    static let kinds: [Kind] = [
        // A slow flight over detail of every size, with a sensor's noise.
        Kind(
            name: "natural",
            source: "mandelbrot=size=384x216:rate=24:start_scale=0.3:end_scale=0.15:end_pts=240,noise=alls=3:allf=t"),
        // Flat surfaces with hard edges that move, each drawing held for two pictures.
        Kind(name: "animation", source: "testsrc2=size=384x216:rate=12,fps=24"),
        // Soft shapes under a film's grain.
        Kind(name: "grain", source: "testsrc2=size=384x216:rate=24,gblur=sigma=8,noise=alls=6:allf=t"),
        Kind(name: "screen", source: "testsrc=size=384x216:rate=24:decimals=2"),
    ]

    /// The films are short, so that the search takes longer than their encode.
    private static let patience: (String, JSON) = ("searchShare", 10)

    private static func make(_ source: String, _ work: Workplace) throws -> String {
        try work.make(
            "a.mkv",
            [
                "-f", "lavfi", "-i", source, "-t", "5", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset",
                "ultrafast", "-qp", "4", "-g", "48",
            ])
    }

    @Test("each rung is as similar to the film as the fixed ladder's, at no more bits; why is told", arguments: kinds)
    func kind(_ kind: Kind) throws {
        let work = try Workplace()
        let source = try PerTitleTests.make(kind.source, work)
        let fixed = try work.run(TranscodeStep(), on: source, [("ladder", "fixed")], out: "fixed")
        let chosen = try work.run(TranscodeStep(), on: source, [("ladder", "per-title"), PerTitleTests.patience])
        let ladder = try #require(chosen["ladder"])
        #expect(ladder["kind"] == "per-title")
        #expect(ladder["samples"]?["frames"]?.integerValue == 24)
        #expect(fixed["ladder"] == nil)
        #expect(chosen["searchCpuSeconds"]?.doubleValue ?? 0 > 0)
        #expect((ladder["tools"]?.arrayValue ?? []).count == 5)
        let rungs = try #require(ladder["rungs"]?.arrayValue)
        #expect(rungs.map { $0["name"] } == ["216p"])
        let rung = try #require(rungs.first)
        #expect(rung["reason"]?.stringValue?.contains("similarity 0.") == true)
        #expect(rung["fixed"]?["ssim"]?.doubleValue ?? 0 > 0.8)
        let mine = try #require(try Rendition.all(chosen, work, kind: "video").first)
        #expect(mine.json["name"] == "video-216p")
        let theirs = work.path("fixed/video-216p.mp4")
        let bytes = try #require(fixed["renditions"]?[0]?["bytes"]?.integerValue)
        #expect(try #require(mine.json["bytes"]?.integerValue) <= bytes * 101 / 100)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        let (ours, before) = (mean(try work.likeness(mine.path, source)), mean(try work.likeness(theirs, source)))
        #expect(ours >= before - 0.0002, "\(ours), \(before)")
    }

    @Test("a film without the detail of its size gets no rung of that size, in any codec")
    func soft() throws {
        let work = try Workplace()
        let source = try PerTitleTests.make(
            "testsrc2=size=160x90:rate=24,gblur=sigma=2,scale=854:480:flags=bicubic", work)
        let output = try work.run(
            TranscodeStep(), on: source,
            [("ladder", "per-title"), ("codecs", ["hevc"]), ("preset", "ultrafast"), PerTitleTests.patience])
        let dropped = try #require(output["ladder"]?["dropped"]?.arrayValue)
        #expect(dropped.map { $0["name"] } == ["480p"])
        #expect(dropped.first?["reason"] == "the film has no detail that the rung below does not show")
        let names = try Rendition.all(output, work, kind: "video").map { $0.json["name"] }
        #expect(names == ["video-360p", "video-hevc-360p"])
    }

    @Test("parts are encoded in the ladder that the step chose, and in no ladder of their own")
    func parts() throws {
        let work = try Workplace()
        let source = try PerTitleTests.make("testsrc2=size=160x90:rate=24", work)
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let plan = try #require(media["parts"]?.arrayValue)
        var ladder = try work.run(
            LadderStep(), on: source, [("media", media), ("preset", "veryfast"), PerTitleTests.patience])
        for field in StepContract.ladder.output where field.isRequired {
            #expect(ladder[field.name].map(field.accepts) == true, "\(field.name)")
        }
        var rung = try #require(ladder["rungs"]?[0])
        rung["quality"] = 31.5
        rung["tools"] = ["bframes": "6", "aq-mode": "2"]
        ladder["rungs"] = [rung]
        let part = try work.run(
            TranscodeStep(), on: source, [("media", media), ("part", plan[0]), ("ladder", ladder)])
        let options = try #require(part["renditions"]?[0]?["options"])
        #expect(options["crf"] == "31.5" && options["x264-params"] == "aq-mode=2:bframes=6")
        for (wish, cause) in [
            ("per-title", "a part takes the ladder that the step ladder chose for its film"),
            (["rungs": []], "ladder.rungs holds no rung"),
            (
                ["rungs": [["name": "x"]]],
                "ladder.rungs[0] is no rung, or one of that name stands before it; ladder.rungs holds no rung"
            ),
        ] as [(JSON, String)] {
            let failure = #expect(throws: StepFailure.self) {
                try work.run(TranscodeStep(), on: source, [("media", media), ("part", plan[0]), ("ladder", wish)])
            }
            #expect(failure?.cause == cause)
        }
        rung["width"] = 320
        rung["tools"] = ["bframes": "6"]
        ladder["rungs"] = [rung]
        let failure = #expect(throws: StepFailure.self) {
            try work.run(TranscodeStep(), on: source, [("ladder", ladder)])
        }
        #expect(failure?.cause == "rung 90p is larger than the film, 160x90")
        rung["tools"] = ["output": "/etc/passwd"]
        ladder["rungs"] = [rung]
        #expect(throws: StepFailure.self) { try work.run(TranscodeStep(), on: source, [("ladder", ladder)]) }
    }

    @Test("a film too short to try within the search's share gets the fixed ladder, and is told so")
    func short() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "160x90", seconds: 10)
        let output = try work.run(TranscodeStep(), on: source, [("ladder", "per-title"), ("preset", "ultrafast")])
        #expect(output["ladder"]?["kind"] == "fixed")
        #expect(output["ladder"]?["reason"] == "the film is too short to try anything")
        #expect(output["renditions"]?[0]?["name"] == "video-90p")
        let failure = #expect(throws: StepFailure.self) {
            try work.run(TranscodeStep(), on: source, [("ladder", "per-title"), ("searchShare", 0)])
        }
        #expect(failure?.cause == "searchShare must be a number from 0.01 to 10")
    }
}
