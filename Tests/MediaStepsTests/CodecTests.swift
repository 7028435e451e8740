import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import Testing

@Suite("Codecs of rungs", .filmThreads)
struct CodecTests {
    private static let all: JSON = ["hevc", "av1", "vp9"]

    @Test("rungs of every codec have the pictures, times and keyframes of H.264's, and the same bytes each time")
    func everyCodec() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "160x90", seconds: 5)
        let more: [(String, JSON)] = [("preset", "ultrafast"), ("codecs", CodecTests.all)]
        let output = try work.run(TranscodeStep(), on: source, more)
        let rungs = try Rendition.all(output, work, kind: "video")
        #expect(rungs.map { $0.json["name"] } == ["video-90p", "video-hevc-90p", "video-av1-90p", "video-vp9-90p"])
        #expect(rungs.map { $0.json["codec"] } == ["h264", "hevc", "av1", "vp9"])
        #expect(output["framesEncoded"] == 500)
        for rung in rungs {
            try work.decodeStrictly(rung.path)
            let packets = try work.packets(rung.path)
            #expect(packets.count == 125)
            #expect(packets.enumerated().allSatisfy { abs($1.time - Double($0) / 25) < 0.0001 })
            let keyframes = packets.indices.filter { packets[$0].isKeyframe }
            #expect(keyframes == [0, 50, 100], "\(rung.path)")
            #expect(try work.entry("codec_name", of: rung.path) == rung.json["codec"]?.stringValue)
            #expect(try work.entry("width,height", of: rung.path) == "160\n90")
            #expect(rung.json["videoRange"] == "SDR" && rung.json["pixelFormat"] == "yuv420p")
            let likeness = try work.likeness(rung.path, rungs[0].path)
            #expect(likeness.count == 125 && likeness.allSatisfy { $0 > 0.8 }, "\(likeness.min() ?? 0)")
        }
        #expect(try work.entry("codec_tag_string", of: rungs[1].path) == "hvc1")
        _ = try work.run(TranscodeStep(), on: source, more, out: "again")
        try work.run("diff", ["-r", "out", "again"])
    }

    @Test("parts of every codec join to the film")
    func parts() throws {
        let work = try Workplace()
        let source = try work.makeBright("a.mp4", size: "160x96", seconds: 6, CodecTests.grading)
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let plan = try #require(media["parts"]?.arrayValue)
        #expect(plan.count == 3)
        let more: [(String, JSON)] = [("media", media), ("preset", "ultrafast"), ("codecs", CodecTests.all)]
        let parts = try plan.enumerated().map { index, part in
            try work.stored(
                try work.run(TranscodeStep(), on: source, more + [("part", part)], out: "part-\(index)"),
                in: "part-\(index)")
        }
        let joined = try work.join(parts, [:], out: "out")
        #expect(joined["frames"] == 150)
        for rung in try Rendition.all(joined, work, kind: "video") {
            try work.decodeStrictly(rung.path)
            let packets = try work.packets(rung.path)
            #expect(packets.count == 150)
            #expect(packets.enumerated().allSatisfy { abs($1.time - Double($0) / 25) < 0.0001 }, "\(rung.path)")
            #expect(packets.indices.filter { packets[$0].isKeyframe } == [0, 50, 100])
            #expect(try work.isGraded(rung.path) == (rung.json["videoRange"] == "PQ"))
        }
    }

    private static let grading =
        ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"

    @Test("HDR10 and HLG stay in HEVC and AV1 and are tone-mapped in H.264 and VP9", arguments: ["PQ", "HLG"])
    func highDynamicRange(_ range: String) throws {
        let work = try Workplace()
        let transfer = range == "PQ" ? "smpte2084" : "arib-std-b67"
        let source = try work.makeBright(
            "a.mp4", size: "160x90", seconds: 0.4, transfer: transfer, range == "PQ" ? CodecTests.grading : "")
        let output = try work.run(
            TranscodeStep(), on: source, [("preset", "ultrafast"), ("codecs", CodecTests.all)])
        let rungs = try Rendition.all(output, work, kind: "video")
        #expect(rungs.map { $0.json["videoRange"] } == ["SDR", .string(range), .string(range), "SDR"])
        for rung in rungs {
            try work.decodeStrictly(rung.path)
            let isKept = rung.json["videoRange"] != "SDR"
            #expect(try work.entry("pix_fmt", of: rung.path) == (isKept ? "yuv420p10le" : "yuv420p"))
            #expect(try work.entry("color_transfer", of: rung.path) == (isKept ? transfer : "bt709"))
            #expect(try work.entry("color_primaries", of: rung.path) == (isKept ? "bt2020" : "bt709"))
            #expect(try work.isGraded(rung.path) == (isKept && range == "PQ"), "\(rung.path)")
            // As bright as the source, shown as it is; tone-mapped pictures are darker or brighter.
            if isKept { #expect(try work.likeness(rung.path, source).allSatisfy { $0 > 0.85 }) }
        }
    }

    @Test("a codec that is none is refused by name, and one that needs larger pictures has no rung")
    func refused() throws {
        let work = try Workplace()
        let failure = #expect(throws: StepFailure.self) {
            try work.run(TranscodeStep(), on: "/nowhere", [("codecs", ["theora"])])
        }
        #expect(failure?.error == "Showrunner.ParametersInvalid")
        #expect(failure?.cause == "there is no codec 'theora'; choose of h264, hevc, av1, vp9")
        let small = try work.makeClip("a.mp4", size: "64x36", seconds: 0.2)
        let output = try work.run(TranscodeStep(), on: small, [("codecs", CodecTests.all), ("preset", "ultrafast")])
        #expect(try Rendition.all(output, work, kind: "video").map { $0.json["codec"] } == ["h264", "vp9"])
    }
}

extension Workplace {
    /// Whether a file's header tells what the film was graded on and how bright it gets, as the test's source does.
    func isGraded(_ file: String) throws -> Bool {
        let words = try run(
            "ffprobe", ["-v", "error", "-show_entries", "stream_side_data", "-of", "default=nw=1", file])
        return words.contains("max_luminance=10000000/10000") && words.contains("max_content=1000")
    }
}
