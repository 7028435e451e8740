import FilmThreads
import Foundation
import JSON
import StepContracts
import Testing

@testable import MediaSteps

@Suite("Thumbnails", .filmThreads)
struct ThumbnailTests {
    /// A film whose pictures are one grey each, six shades brighter every second.
    private static func makeGreyClip(
        _ work: Workplace, _ name: String, size: String = "320x180", seconds: Int, _ arguments: [String]
    ) throws -> String {
        try work.make(
            name,
            [
                "-f", "lavfi", "-i",
                "color=black:size=\(size):rate=10:duration=\(seconds),geq=lum='30+6*floor(T+0.001)':cb=128:cr=128",
                "-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv420p",
            ] + arguments)
    }

    @Test(
        "tile i shows the film at i times the interval",
        arguments: [
            ("a.mp4", ["-g", "7"]), ("a.mp4", ["-g", "1000", "-bf", "3"]), ("a.mkv", ["-g", "25"]),
            ("a.ts", ["-g", "12"]), ("a.ts", ["-g", "1000"]),
        ])
    func tiles(name: String, arguments: [String]) throws {
        let work = try Workplace()
        let source = try ThumbnailTests.makeGreyClip(work, name, seconds: 30, arguments)
        let output = try work.run(ThumbnailStep(), on: source)
        let tile = try #require(output["tile"])
        #expect(
            tile == [
                "width": 160, "height": 90, "columns": 5, "rows": 5, "intervalSeconds": 1, "count": 30,
            ])
        let sheets = try #require(output["sprites"]?.arrayValue).compactMap { $0["file"]?.stringValue }
        #expect(sheets == ["sprite-001.jpg", "sprite-002.jpg"])
        for (number, sheet) in sheets.enumerated() {
            let grey = try work.grey(work.path("out/\(sheet)"), width: 800, height: 450)
            for index in (number * 25)..<min(30, number * 25 + 25) {
                let (column, row) = (index % 25 % 5, index % 25 / 5)
                let middle = Int(grey[(row * 90 + 45) * 800 + column * 160 + 80])
                // The sheet is full range: 16...235 stretched to 0...255, then shown as television grey again or not.
                let expected = [30 + 6 * index, (30 + 6 * index - 16) * 255 / 219]
                #expect(expected.contains { abs($0 - middle) <= 2 }, "tile \(index) is \(middle)")
            }
        }
    }

    @Test("the WebVTT file names each tile's place, without gaps, to the film's end")
    func webVTT() throws {
        let work = try Workplace()
        let source = try ThumbnailTests.makeGreyClip(work, "a.mp4", seconds: 27, [])
        _ = try work.run(ThumbnailStep(), on: source)
        let text = try String(contentsOfFile: work.path("out/thumbnails.vtt"), encoding: .utf8)
        let cues = text.components(separatedBy: "\n\n")
        #expect(cues.count == 28)
        #expect(cues[0] == "WEBVTT")
        #expect(cues[1] == "00:00:00.000 --> 00:00:01.000\nsprite-001.jpg#xywh=0,0,160,90")
        #expect(cues[8] == "00:00:07.000 --> 00:00:08.000\nsprite-001.jpg#xywh=320,90,160,90")
        #expect(cues[27] == "00:00:26.000 --> 00:00:27.000\nsprite-002.jpg#xywh=160,0,160,90\n")
    }

    @Test("the poster is a picture with contrast, not the black at the beginning")
    func poster() throws {
        let work = try Workplace()
        let source = try work.make(
            "a.mp4",
            [
                "-f", "lavfi", "-i",
                "testsrc2=size=1920x1080:rate=10:duration=10,drawbox=color=black:t=fill:enable='lt(t,2.1)'",
                "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "5",
            ])
        let output = try work.run(ThumbnailStep(), on: source)
        #expect(output["poster"] == ["file": "poster.jpg"])
        let grey = try work.grey(work.path("out/poster.jpg"), width: 1280, height: 720)
        #expect(grey.filter { $0 > 40 }.count > grey.count / 2)
    }

    @Test("the poster is no fade, no picture out of focus, no flat one, and comes in two sizes")
    func posterAmongWorse() throws {
        let work = try Workplace()
        // Black, a fade, out of focus, good from 3.5 to 5, grey.
        let source = try work.make(
            "a.mp4",
            [
                "-f", "lavfi", "-i",
                "testsrc2=size=1920x1080:rate=10:duration=12,gblur=sigma=40:enable='between(t,2,3.45)',"
                    + "fade=in:st=1:d=1,drawbox=color=gray:t=fill:enable='gte(t,5)'",
                "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10",
            ])
        let output = try work.run(ThumbnailStep(), on: source)
        #expect(output["posterSeconds"]?.doubleValue == 4)
        #expect(
            output["posters"] == [
                ["width": 1280, "height": 720, "file": ["file": "poster.jpg"]],
                ["width": 1920, "height": 1080, "file": ["file": "poster-2x.jpg"]],
            ])
        #expect(try work.entry("width", of: work.path("out/poster-2x.jpg")) == "1920")
        #expect(try work.entry("width", of: work.path("out/poster.jpg")) == "1280")
    }

    @Test("tiles come in twice the size, too, with a WebVTT file of their own, where the film has it")
    func retina() throws {
        let work = try Workplace()
        let source = try ThumbnailTests.makeGreyClip(work, "a.mp4", seconds: 27, [])
        let output = try work.run(ThumbnailStep(), on: source)
        #expect(
            output["retina"] == [
                "sprites": [["file": "sprite-001-2x.jpg"], ["file": "sprite-002-2x.jpg"]],
                "thumbnails": ["file": "thumbnails-2x.vtt"],
            ])
        let text = try String(contentsOfFile: work.path("out/thumbnails-2x.vtt"), encoding: .utf8)
        #expect(text.contains("00:00:26.000 --> 00:00:27.000\nsprite-002-2x.jpg#xywh=320,0,320,180\n"))
        let grey = try work.grey(work.path("out/sprite-002-2x.jpg"), width: 1600, height: 900)
        let middle = Int(grey[90 * 1600 + 320 + 160])
        #expect([30 + 6 * 26, (30 + 6 * 26 - 16) * 255 / 219].contains { abs($0 - middle) <= 2 }, "\(middle)")
        let small = try work.makeClip("small.mp4", size: "160x90", seconds: 1)
        #expect(try work.run(ThumbnailStep(), on: small, out: "small")["retina"] == nil)
    }

    @Test("a turned film has upright tiles and an upright poster")
    func turned() throws {
        let work = try Workplace()
        let plain = try ThumbnailTests.makeGreyClip(work, "plain.mp4", seconds: 2, [])
        let source = try work.make("a.mp4", ["-i", plain, "-c", "copy", "-metadata:s:v", "rotate=90"])
        let output = try work.run(ThumbnailStep(), on: source)
        #expect(output["tile"]?["width"] == 160)
        #expect(output["tile"]?["height"] == 284)
        #expect(try work.entry("width", of: work.path("out/poster.jpg")) == "180")
        #expect(try work.entry("height", of: work.path("out/poster.jpg")) == "320")
    }

    @Test("a film of one picture has one tile")
    func onePicture() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "320x180", ["-frames:v", "1"])
        let output = try work.run(ThumbnailStep(), on: source)
        #expect(output["tile"]?["count"] == 1)
        let text = try String(contentsOfFile: work.path("out/thumbnails.vtt"), encoding: .utf8)
        #expect(text == "WEBVTT\n\n00:00:00.000 --> 00:00:00.040\nsprite-001.jpg#xywh=0,0,160,90\n")
    }

    @Test(
        "the interval keeps the tiles at a hundred",
        arguments: [(0.04, 1, 1), (99.5, 1, 100), (100.5, 2, 51), (5400, 60, 90), (7200, 120, 60), (43200, 600, 72)])
    func intervals(seconds: Double, interval: Int, count: Int) {
        let plan = TilePlan(width: 1920, height: 1080, durationSeconds: seconds)
        #expect(plan.intervalSeconds == interval)
        #expect(plan.count == count)
        #expect(plan.count <= TilePlan.tilesAtMost)
    }
}
