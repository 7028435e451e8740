import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Synchronization
import Testing

@Suite("Transcode", .filmThreads)
struct TranscodeTests {
    struct Film: Sendable, CustomTestStringConvertible {
        let name: String
        let file: String
        let rate: String
        var arguments: [String] = []
        /// Exact rate expected, where the container's times are constant.
        let expected: String
        var testDescription: String { name }
    }

    static let films: [Film] = [
        Film(name: "24 in MP4", file: "a.mp4", rate: "24", expected: "24/1"),
        Film(name: "23.976 in MP4", file: "a.mp4", rate: "24000/1001", expected: "24000/1001"),
        Film(name: "25 in MP4 with B-frames", file: "a.mp4", rate: "25", arguments: ["-bf", "3"], expected: "25/1"),
        Film(name: "29.97 in QuickTime", file: "a.mov", rate: "30000/1001", expected: "30000/1001"),
        Film(name: "30 in AVI", file: "a.avi", rate: "30", arguments: ["-c:v", "mpeg4"], expected: "30/1"),
        Film(name: "50 in a transport stream", file: "a.ts", rate: "50", arguments: ["-bf", "2"], expected: "50/1"),
        Film(name: "59.94 in MP4", file: "a.mp4", rate: "60000/1001", expected: "60000/1001"),
        Film(name: "24 in Matroska", file: "a.mkv", rate: "24", expected: "24/1"),
        Film(name: "23.976 in Matroska", file: "a.mkv", rate: "24000/1001", expected: "24000/1001"),
        Film(name: "29.97 in Matroska", file: "a.mkv", rate: "30000/1001", expected: "30000/1001"),
        Film(name: "59.94 in Matroska", file: "a.mkv", rate: "60000/1001", expected: "60000/1001"),
        Film(name: "MPEG-2", file: "a.mpg", rate: "25", arguments: ["-c:v", "mpeg2video"], expected: "25/1"),
        Film(
            name: "ProRes 10 bit", file: "a.mov", rate: "25",
            arguments: ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"], expected: "25/1"),
    ]

    @Test("every rung has every picture at its time, and keyframes at the same ones", arguments: films)
    func pictures(_ film: Film) throws {
        let work = try Workplace()
        let source = try work.makeClip(film.file, rate: film.rate, seconds: 4.6, film.arguments)
        let sourceTimes = try work.frameTimes(source)
        let origin = try #require(sourceTimes.first)
        let media = try work.validate(source)
        #expect(media["video"]?["frames"]?.integerValue == sourceTimes.count)
        #expect(media["video"]?["frameRate"]?.stringValue == film.expected)
        #expect(media["video"]?["constantFrameRate"] == true)

        let output = try work.transcode(source)
        let rungs = try Rendition.all(output, work, kind: "video")
        #expect(rungs.map { $0.json["name"]?.stringValue } == ["video-480p", "video-360p"])
        #expect(output["framesDecoded"]?.integerValue == sourceTimes.count)
        #expect(output["framesEncoded"]?.integerValue == sourceTimes.count * rungs.count)
        var keyframes: [[Int]] = []
        for rung in rungs {
            try work.decodeStrictly(rung.path)
            let packets = try work.packets(rung.path)
            #expect(packets.count == sourceTimes.count)
            #expect(rung.json["frames"]?.integerValue == sourceTimes.count)
            #expect(packets.first?.time == 0)
            let worst = zip(packets, sourceTimes).map { abs($0.time - ($1 - origin)) }.max() ?? 0
            #expect(worst <= 0.0011, "pictures stay at their times, but for the container's rounding")
            #expect(try work.entry("r_frame_rate", of: rung.path) == film.expected)
            #expect(try work.entry("has_b_frames", of: rung.path) != "")
            keyframes.append(packets.indices.filter { packets[$0].isKeyframe })
        }
        let interval = try #require(rungs.first?.json["keyframeInterval"]?.integerValue)
        #expect(keyframes.allSatisfy { $0 == Array(stride(from: 0, to: sourceTimes.count, by: interval)) })
    }

    @Test("a varying rate becomes a constant one, each moment showing what it showed", arguments: ["a.mp4", "a.mkv"])
    func variable(_ name: String) throws {
        let work = try Workplace()
        // Each picture has a grey of its own.
        let source = try work.make(
            name,
            [
                "-f", "lavfi", "-i",
                "color=black:size=64x64:rate=30:duration=3,geq=lum='20+2*N':cb=128:cr=128,select='not(mod(n,3))+gt(n,40)'",
                "-c:v", "libx264", "-preset", "ultrafast", "-crf", "1", "-pix_fmt", "yuv420p", "-fps_mode", "vfr",
            ])
        let media = try work.validate(source)
        #expect(media["video"]?["constantFrameRate"] == false)
        #expect(media["video"]?["regularFrameRate"] == "30/1")
        #expect(media["video"]?["frames"] == 63)
        let output = try work.transcode(source)
        #expect(output["framesDecoded"] == 63 && output["framesRepeated"] == 27 && output["framesDropped"] == 0)
        for rung in try Rendition.all(output, work, kind: "video") {
            try work.decodeStrictly(rung.path)
            let packets = try work.packets(rung.path)
            #expect(packets.count == 90)
            #expect(packets.indices.allSatisfy { abs(packets[$0].time - Double($0) / 30) < 0.0011 })
            let greys = try work.greys(rung.path)
            #expect(greys.count == 90)
            for (place, grey) in greys.enumerated() {
                let shown = place > 40 ? place : place / 3 * 3
                #expect(abs(Int(grey) - (20 + 2 * shown)) <= 2, "place \(place) shows \(grey)")
            }
        }
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        let name: String
        let size: String
        var filter = "null"
        var pixelFormat = "yuv420p"
        var codec = ["-c:v", "libx264", "-preset", "ultrafast"]
        let rungs: [String]
        var testDescription: String { name }
    }

    static let shapes: [Shape] = [
        Shape(name: "sample aspect 4:3", size: "480x360", filter: "setsar=4/3", rungs: ["360p 640x360"]),
        Shape(
            name: "PAL 16:15", size: "720x576", filter: "setsar=16/15",
            rungs: ["576p 768x576", "480p 640x480", "360p 480x360"]),
        Shape(
            name: "odd sides", size: "322x182", filter: "crop=321:181:0:0:exact=1", pixelFormat: "yuv444p",
            rungs: ["180p 320x180"]),
        Shape(name: "portrait", size: "360x640", rungs: ["360p 360x640"]),
        Shape(name: "wide film", size: "1280x536", rungs: ["720p 1280x536", "480p 854x358", "360p 640x268"]),
        Shape(name: "10 bit", size: "320x180", pixelFormat: "yuv420p10le", rungs: ["180p 320x180"]),
        Shape(
            name: "RGB in PNG pictures", size: "320x180", pixelFormat: "rgb24", codec: ["-c:v", "png"],
            rungs: ["180p 320x180"]),
        Shape(
            name: "full range JPEG pictures", size: "320x180", pixelFormat: "yuvj422p", codec: ["-c:v", "mjpeg"],
            rungs: ["180p 320x180"]),
    ]

    @Test("rungs are even, square-sampled, eight bits, not above the film", arguments: shapes)
    func shape(_ shape: Shape) throws {
        let work = try Workplace()
        let source = try work.make(
            "a.mov",
            [
                "-f", "lavfi", "-i",
                "testsrc2=size=\(shape.size):rate=25:duration=0.4,format=\(shape.pixelFormat),\(shape.filter)",
            ] + shape.codec + ["-pix_fmt", shape.pixelFormat])
        let output = try work.transcode(source)
        let rungs = try Rendition.all(output, work, kind: "video")
        var found: [String] = []
        for rung in rungs {
            try work.decodeStrictly(rung.path)
            let width = try work.entry("width", of: rung.path)
            let height = try work.entry("height", of: rung.path)
            found.append("\(rung.json["name"]?.stringValue?.dropFirst(6) ?? "") \(width)x\(height)")
            #expect(try work.entry("pix_fmt", of: rung.path) == "yuv420p")
            #expect(try work.entry("sample_aspect_ratio", of: rung.path) == "1:1")
            #expect(rung.json["frames"]?.integerValue == 10)
        }
        #expect(found == shape.rungs)
    }

    @Test("a turned camera's film stands upright", arguments: [90, 180, 270])
    func rotation(_ degrees: Int) throws {
        let work = try Workplace()
        let plain = try work.makeClip("plain.mp4", size: "320x180", seconds: 0.4)
        let source = try work.make("a.mp4", ["-i", plain, "-c", "copy", "-metadata:s:v", "rotate=\(degrees)"])
        let output = try work.transcode(source)
        let rung = try #require(try Rendition.all(output, work, kind: "video").first)
        let isUpright = degrees == 180
        #expect(rung.json["width"]?.integerValue == (isUpright ? 320 : 180))
        #expect(rung.json["height"]?.integerValue == (isUpright ? 180 : 320))
        // The ffmpeg program turns pictures by the same matrix: ours must look like its.
        try work.run(
            "ffmpeg",
            [
                "-v", "error", "-i", source, "-i", rung.path, "-lavfi", "psnr=stats_file=\(work.path("psnr.txt"))",
                "-f", "null", "-",
            ])
        let worst = try String(contentsOfFile: work.path("psnr.txt"), encoding: .utf8).split(separator: "\n")
            .compactMap { line in line.split(separator: " ").first { $0.hasPrefix("psnr_avg:") } }
            .compactMap { Double($0.dropFirst("psnr_avg:".count)) }.min()
        #expect(try #require(worst) > 25)
    }

    @Test("high dynamic range becomes BT.709 of eight bits")
    func highDynamicRange() throws {
        let work = try Workplace()
        let source = try work.makeBright("a.mp4", size: "320x180", seconds: 0.4)
        #expect(try work.validate(source)["video"]?["highDynamicRange"] == true)
        let rung = try #require(try Rendition.all(try work.transcode(source), work, kind: "video").first)
        try work.decodeStrictly(rung.path)
        #expect(try work.entry("pix_fmt", of: rung.path) == "yuv420p")
        #expect(try work.entry("color_transfer", of: rung.path) == "bt709")
        #expect(rung.json["frames"]?.integerValue == 10)
    }

    @Test("one picture is a film")
    func onePicture() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", ["-frames:v", "1"])
        #expect(try work.validate(source)["video"]?["frames"] == 1)
        let output = try work.transcode(source)
        for rung in try Rendition.all(output, work, kind: "video") {
            try work.decodeStrictly(rung.path)
            #expect(try work.packets(rung.path).count == 1)
            #expect(rung.json["durationSeconds"]?.doubleValue == 0.04)
        }
    }

    @Test("interlaced pictures become progressive ones of the same number")
    func interlaced() throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mp4", size: "720x576", rate: "50", seconds: 1,
            ["-vf", "tinterlace=interleave_top", "-flags", "+ildct+ilme"])
        #expect(try work.validate(source)["video"]?["fieldOrder"] == "tt")
        for rung in try Rendition.all(try work.transcode(source), work, kind: "video") {
            #expect(try work.packets(rung.path).count == 25)
            #expect(try work.entry("field_order", of: rung.path) == "progressive")
        }
        let one = try work.make("one.mp4", ["-i", source, "-frames:v", "1", "-c", "copy"])
        #expect(try work.run(TranscodeStep(), on: one, out: "one")["framesDecoded"] == 1)
    }

    @Test("a film that changes its size in the middle keeps all its pictures")
    func changingSize() throws {
        let work = try Workplace()
        _ = try work.makeClip("a.ts", size: "640x360", rate: "25", seconds: 1)
        _ = try work.makeClip("b.ts", size: "320x180", rate: "25", seconds: 1, ["-output_ts_offset", "1"])
        let source = work.path("c.ts")
        try work.run("sh", ["-c", "cat a.ts b.ts > c.ts"])
        let output = try work.transcode(source)
        let rung = try #require(try Rendition.all(output, work, kind: "video").first)
        try work.decodeStrictly(rung.path)
        #expect(output["framesDecoded"]?.integerValue == 50)
        #expect(try work.packets(rung.path).count == 50)
    }

    @Test("an edit list that cuts the beginning is honoured")
    func editList() throws {
        let work = try Workplace()
        let whole = try work.makeClip("whole.mp4", rate: "24", seconds: 2)
        let source = try work.make("a.mp4", ["-ss", "0.7", "-i", whole, "-c", "copy"])
        let shown = try work.frameTimes(source).count
        #expect(try work.validate(source)["video"]?["frames"]?.integerValue == shown)
        let output = try work.transcode(source)
        #expect(output["framesDecoded"]?.integerValue == shown)
    }

    @Test("pictures that refer to what was cut away in front are neither counted nor shown")
    func openBeginning() throws {
        let work = try Workplace()
        let whole = try work.make(
            "whole.mkv",
            [
                "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3", "-c:v", "libx265", "-preset",
                "ultrafast",
                "-x265-params", "log-level=error:bframes=4:open-gop=1:keyint=20",
            ])
        let source = try work.make(
            "a.mkv", ["-ss", "1.5", "-i", whole, "-c", "copy", "-avoid_negative_ts", "make_zero"])
        let shown = try work.frameTimes(source).count
        #expect(try work.packets(source).count > shown)
        let media = try work.validate(source)
        #expect(media["video"]?["frames"]?.integerValue == shown)
        #expect(media["video"]?["frameRate"] == "25/1")
        let output = try work.transcode(source)
        #expect(output["framesDecoded"]?.integerValue == shown)
        let rung = try #require(try Rendition.all(output, work, kind: "video").first)
        #expect(try work.packets(rung.path).first?.time == 0)
    }

    @Test("the threads given change neither pictures nor times", arguments: [1, 4])
    func threads(_ count: Int) throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", seconds: 1, ["-bf", "2"])
        let output = try work.transcode(source, threads: count)
        #expect(output["framesDecoded"] == 25)
        for rung in try Rendition.all(output, work, kind: "video") { try work.decodeStrictly(rung.path) }
    }

    @Test("progress tells media time and each part's share, and ends at the end")
    func progress() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", seconds: 2)
        let reports = Mutex<[StepProgress]>([])
        _ = try work.run(
            TranscodeStep(), on: source, [("preset", "ultrafast")],
            report: { progress in reports.withLock { $0.append(progress) } })
        let all = reports.withLock { $0 }.filter { $0.stage == "encode" }
        let last = try #require(all.last)
        #expect(last.parts.map(\.name) == ["video-480p", "video-360p"])
        #expect(last.parts.allSatisfy { $0.share == 1 })
        #expect(last.mediaSeconds == 2 && last.totalSeconds == 2)
        #expect(last.frames == 100)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.mediaSeconds <= $1.mediaSeconds && $0.frames <= $1.frames })
    }

    @Test("a step that is told to stop stops")
    func cancelled() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", seconds: 1)
        for step in [TranscodeStep(), ThumbnailStep(), ValidateStep()] as [any LocalStep] {
            let failure = #expect(throws: StepFailure.self) {
                try work.run(step, on: source, isCancelled: { true })
            }
            #expect(failure?.error == "Showrunner.Cancelled")
        }
    }

    @Test(
        "parameters that do not exist are refused by name",
        arguments: [
            ("preset", "placebo", "there is no preset 'placebo'"), ("ladder", "tall", "there is no ladder 'tall'"),
        ])
    func parameters(name: String, value: String, beginning: String) throws {
        let work = try Workplace()
        let failure = #expect(throws: StepFailure.self) {
            try work.run(TranscodeStep(), on: "/nowhere", [(name, .string(value))])
        }
        #expect(failure?.error == "Showrunner.ParametersInvalid")
        #expect(failure?.cause.hasPrefix(beginning) == true)
    }

    @Test("where the peak rate binds, the same input gives the same bytes, however many threads there are")
    func sameBytesAtThePeak() throws {
        let work = try Workplace()
        let source = try work.makeNoise("a.mkv", size: "640x480", seconds: 2, noise: 60)
        let threads = [2, 2, 4, 1]
        for (number, threads) in threads.enumerated() {
            let output = try work.run(
                TranscodeStep(), on: source, [("preset", "superfast")], out: "out\(number)", threads: threads)
            let rungs = try #require(output["renditions"]?.arrayValue)
            #expect(rungs.map { $0["name"] } == ["video-480p", "video-360p"])
            for rung in rungs {
                let peak = try #require(rung["options"]?["maxrate"]?.stringValue.flatMap(Double.init))
                let rate = try #require(rung["bitRate"]?.doubleValue)
                #expect(rate > peak * 0.8, "without the peak there is nothing to see here")
                #expect(rung["options"]?["threads"] == "1")
            }
        }
        for number in threads.indices.dropFirst() { try work.run("diff", ["-r", "out0", "out\(number)"]) }
    }

    @Test("where the peak rate binds in HEVC, the same input gives the same bytes")
    func sameBytesAtThePeakOfHEVC() throws {
        let work = try Workplace()
        let source = try work.makeNoise("a.mkv", size: "320x180", seconds: 2, noise: 80)
        for (out, threads) in [("one", 2), ("two", 4), ("three", 4)] {
            let output = try work.run(
                TranscodeStep(), on: source, [("preset", "ultrafast"), ("codecs", ["hevc"])], out: out, threads: threads
            )
            let rung = try #require(output["renditions"]?.arrayValue?.last)
            #expect(rung["codec"] == "hevc")
            let peak = try #require(rung["options"]?["maxrate"]?.stringValue.flatMap(Double.init))
            #expect(
                try #require(rung["bitRate"]?.doubleValue) > peak * 0.8, "without the peak there is nothing to see here"
            )
        }
        try work.run("diff", ["-r", "one", "two"])
        try work.run("diff", ["-r", "one", "three"])
    }

    @Test("whatever lay in memory before, the same input gives the same bytes")
    func sameBytesInAnyMemory() async {
        await #expect(processExitsWith: .success) {
            let work = try Workplace()
            let source = try work.make(
                "a.mp4",
                [
                    "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1", "-pix_fmt", "yuv420p", "-c:v",
                    "libx264",
                    "-preset", "ultrafast",
                ])
            // What is allocated is filled with this from now on: mallopt(3), which no module of Swift's has; M_PERTURB is -6.
            let symbol = try #require(dlsym(nil, "mallopt"))
            let mallopt = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
            for filling in [1, 77, 165] as [Int32] {
                try #require(mallopt(-6, filling) == 1)
                _ = try work.run(TranscodeStep(), on: source, [("preset", "veryfast")], out: "out\(filling)")
            }
            try work.run("diff", ["-r", "out1", "out77"])
            try work.run("diff", ["-r", "out1", "out165"])
        }
    }

    @Test("the same input gives the same bytes")
    func sameBytes() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", audio: ["-f", "lavfi", "-i", "sine=duration=1"], ["-c:a", "aac"])
        for out in ["one", "two"] {
            _ = try work.run(TranscodeStep(), on: source, [("preset", "ultrafast")], out: out)
        }
        try work.run("diff", ["-r", "one", "two"])
    }
}
