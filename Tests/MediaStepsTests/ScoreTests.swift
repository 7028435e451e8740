import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Testing

/// How similar the rungs are to the film, as the steps tell it.
@Suite("Scores of rungs", .filmThreads)
struct ScoreTests {
    @Test("each rung's score is that of its pictures as they are decoded, in every codec")
    func scores() throws {
        let work = try Workplace()
        // A hundred pictures for each one that is compared.
        let source = try work.makeNoise("a.mkv", size: "128x72", seconds: 8, noise: 12)
        let output = try work.run(
            TranscodeStep(), on: source, [("preset", "ultrafast"), ("codecs", ["hevc", "av1", "vp9"])])
        for rung in try Rendition.all(output, work, kind: "video") {
            let score = try #require(rung.json["score"], "\(rung.json)")
            #expect(score["pictures"] == 2 && score["first"] == 104)
            let likeness = try work.likeness(rung.path, source, of: "Y")[104..<106]
            let ssim = try #require(score["ssim"]?.doubleValue)
            #expect(abs(ssim - likeness.reduce(0, +) / 2) < 0.0001, "\(rung.path): \(score.text), \(likeness)")
            #expect((20...60).contains(score["psnr"]?.doubleValue ?? 0), "\(score.text)")
        }
    }

    @Test("a film of one picture and one of high dynamic range have scores, too")
    func odd() throws {
        let work = try Workplace()
        let one = try work.makeClip("one.mp4", size: "160x90", seconds: 0.04)
        let bright = try work.makeBright("bright.mp4", size: "160x90", seconds: 1)
        for (source, out, first) in [(one, "one", 0), (bright, "bright", 4)] as [(String, String, JSON)] {
            let output = try work.run(
                TranscodeStep(), on: source, [("preset", "veryfast"), ("codecs", ["hevc"])], out: out)
            for rung in output["renditions"]?.arrayValue ?? [] {
                #expect(rung["score"]?["pictures"] == 1 && rung["score"]?["first"] == first)
                #expect((0.9...1).contains(rung["score"]?["ssim"]?.doubleValue ?? 0), "\(rung.text)")
            }
        }
    }

    @Test("pictures of a few lines have scores, and a ladder by trial", arguments: ["fixed", "per-title"])
    func flat(ladder: String) throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mkv", size: "2000x16", seconds: 1)
        let output = try work.run(
            TranscodeStep(), on: source, [("preset", "ultrafast"), ("ladder", .string(ladder)), ("searchShare", 10)])
        let rungs = try Rendition.all(output, work, kind: "video")
        #expect(rungs.first?.json["height"] == 16 && rungs.last?.json["height"] == 6)
        for rung in rungs {
            #expect((0.5...1).contains(rung.json["score"]?["ssim"]?.doubleValue ?? 0), "\(rung.json.text)")
        }
    }

    @Test("what is joined has the score of each part, and their mean")
    func parts() throws {
        let work = try Workplace()
        let source = try work.makeNoise("a.mp4", size: "160x96", seconds: 7, noise: 12)
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let plan = try #require(media["parts"]?.arrayValue)
        let parts = try plan.enumerated().map { index, part in
            try work.stored(
                try work.run(
                    TranscodeStep(), on: source, [("media", media), ("part", part), ("preset", "ultrafast")],
                    out: "part-\(index)"), in: "part-\(index)")
        }
        let rung = try #require(try work.join(parts, [:], out: "joined")["renditions"]?[0])
        let own = parts.compactMap { $0["renditions"]?[0]?["score"] }
        #expect(own.count == plan.count)
        #expect(rung["scores"]?["ssim"]?.arrayValue == own.compactMap { $0["ssim"] })
        #expect(rung["scores"]?["psnr"]?.arrayValue == own.compactMap { $0["psnr"] })
        let frames = plan.compactMap { $0["count"]?.integerValue }
        let mean =
            zip(own, frames).reduce(0) { $0 + ($1.0["ssim"]?.doubleValue ?? 0) * Double($1.1) }
            / Double(frames.reduce(0, +))
        #expect(abs((rung["score"]?["ssim"]?.doubleValue ?? 0) - mean) < 0.00002)
        #expect(rung["score"]?["pictures"]?.integerValue == plan.count && rung["score"]?["first"] == nil)
        let decibels = own.compactMap { $0["psnr"]?.doubleValue }
        let psnr = try #require(rung["score"]?["psnr"]?.doubleValue)
        #expect((decibels.min() ?? 0) <= psnr && psnr <= (decibels.max() ?? 0))
    }
}
