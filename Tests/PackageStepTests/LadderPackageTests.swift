import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import TemporaryFolder
import Testing

/// What transcode makes goes through package: every codec, both dynamic ranges, clear and protected.
@Suite(.filmThreads) struct LadderPackageTests {
    @Test(arguments: ["none", "cbcs"])
    func packagesRungsOfEveryCodec(protection: String) throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        try Tool.ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=2,format=yuv420p10le", "-c:v", "libx265",
            "-preset", "ultrafast", "-x265-params",
            "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer=smpte2084:max-cll=1000,400:master-display="
                + "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)", film,
        ])
        let (rungs, out) = (scratch.path + "/rungs", scratch.path + "/out")
        for folder in [rungs, out] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let transcoded = try TranscodeStep().run(
            input: [
                "source": ["url": "film"], "preset": "ultrafast", "codecs": ["hevc", "av1", "vp9"],
            ],
            in: StepSurroundings(
                files: ["film": film], outputDirectory: rungs, outputPrefix: "r", threads: 2, report: { _ in },
                isCancelled: { false }))
        var files: [String: String] = [:]
        let renditions = try #require(transcoded["renditions"]?.arrayValue).map { rendition in
            var rendition = rendition
            let file = try #require(rendition["file"]?["file"]?.stringValue)
            files["k/" + file] = rungs + "/" + file
            rendition["file"] = ["key": .string("k/" + file)]
            return rendition
        }
        let keyID = "00112233445566778899aabbccddeeff"
        let key = [UInt8](0..<16)
        let output = try PackageStep().run(
            input: [
                "renditions": .array(renditions), "protection": .string(protection),
                "keys": protection == "none" ? [] : [["keyId": .string(keyID)]],
            ],
            in: StepSurroundings(
                files: files, outputDirectory: out, outputPrefix: "p", threads: 1,
                contentKeys: ContentKeys([keyID: key]), report: { _ in }, isCancelled: { false }))
        let codecs = try #require(output["renditions"]?.arrayValue).compactMap { $0["codecs"]?.stringValue }
        #expect(codecs.count == 4)
        for (codec, beginning) in zip(codecs, ["avc1.", "hvc1.2.", "av01.0.", "vp09.00."]) {
            #expect(codec.hasPrefix(beginning), "\(codec)")
        }
        let master = try text(out + "/master.m3u8")
        let variants = master.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-STREAM-INF") }
        #expect(variants.count == 4)
        for (variant, (codec, range)) in zip(variants, zip(codecs, ["SDR", "PQ", "PQ", "SDR"])) {
            #expect(variant.contains("CODECS=\"\(codec)\"") && variant.contains("VIDEO-RANGE=\(range),"), "\(variant)")
        }
        let manifest = try text(out + "/manifest.mpd")
        for codec in codecs { #expect(manifest.contains("codecs=\"\(codec)\"")) }
        for name in ["video-hevc-96p", "video-av1-96p"] {
            let header = try Data(contentsOf: URL(filePath: "\(out)/\(name)/init.mp4"))
            for box in ["colr", "mdcv", "clli"] { #expect(header.range(of: Data(box.utf8)) != nil, "\(name) \(box)") }
        }
        guard protection == "none" else { return }
        for file in [out + "/master.m3u8", out + "/manifest.mpd"] {
            try Tool.ffmpeg(["-i", file, "-map", "0", "-f", "null", "-"])
        }
    }
}
