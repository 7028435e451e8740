import FilmThreads
import Foundation
import JSON
import MediaSteps
import StepContracts
import TemporaryFolder
import Testing

/// Every codec that is packaged, from ffmpeg's encoders.
struct CodedClip: Sendable, CustomStringConvertible {
    let name: String
    let isVideo: Bool
    let arguments: [String]
    /// What its codecs parameter begins with.
    let codecs: String
    /// What the multivariant playlist says beside it.
    var says: [String] = []
    /// Boxes that its header must have.
    var boxes: [String] = []

    var description: String { name }

    private static let highDynamicRange = [
        "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace",
        "bt2020nc",
    ]

    static let all: [CodedClip] = [
        CodedClip(
            name: "HEVC, PQ",
            isVideo: true,
            arguments: [
                "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params",
                "log-level=0:keyint=25:scenecut=0:open-gop=0:repeat-headers=1:hash=1:hdr10=1:colorprim=bt2020:"
                    + "transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:master-display="
                    + "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
            ] + highDynamicRange,
            codecs: "hvc1.2.4.L", says: ["VIDEO-RANGE=PQ"], boxes: ["hvcC", "colr", "mdcv", "clli"]),
        CodedClip(
            name: "AV1, PQ", isVideo: true,
            arguments: ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25"] + highDynamicRange,
            codecs: "av01.0.", says: ["VIDEO-RANGE=PQ", ".10.0.110.09.16.09.0"], boxes: ["av1C", "colr"]),
        CodedClip(
            name: "AV1, tiles, grain, frames shown later", isVideo: true,
            arguments: [
                "-s", "320x192", "-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "30", "-b:v", "0", "-tiles", "2x2",
                "-g", "25", "-aom-params", "film-grain-test=5", "-pix_fmt", "yuv420p",
            ], codecs: "av01.0.", boxes: ["av1C"]),
        CodedClip(
            name: "VP9", isVideo: true,
            arguments: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "200k"],
            codecs: "vp09.00.", boxes: ["vpcC"]),
        CodedClip(
            name: "H.264, fields, several slices, weighted",
            isVideo: true,
            arguments: [
                "-vf", "fade=in:0:25", "-c:v", "libx264", "-x264-params",
                "interlaced=1:slices=3:weightp=2:keyint=25:bframes=3:b-pyramid=normal", "-pix_fmt", "yuv420p",
            ], codecs: "avc1.", boxes: ["avcC"]),
        CodedClip(
            name: "H.264, CAVLC, negative composition offsets",
            isVideo: true,
            arguments: [
                "-c:v", "libx264", "-x264-params", "cabac=0:keyint=25:bframes=3", "-pix_fmt", "yuv420p", "-movflags",
                "+negative_cts_offsets",
            ], codecs: "avc1."),
        CodedClip(
            name: "Opus", isVideo: false, arguments: ["-c:a", "libopus"], codecs: "Opus", boxes: ["dOps"]),
        CodedClip(
            name: "AC-3, 5.1", isVideo: false, arguments: ["-c:a", "ac3", "-ac", "6"], codecs: "ac-3",
            says: ["CHANNELS=\"6\""], boxes: ["dac3"]),
        CodedClip(
            name: "E-AC-3, 5.1", isVideo: false, arguments: ["-c:a", "eac3", "-ac", "6"], codecs: "ec-3",
            says: ["CHANNELS=\"6\""], boxes: ["dec3"]),
        CodedClip(name: "AAC", isVideo: false, arguments: ["-c:a", "aac"], codecs: "mp4a.40.2", boxes: ["esds"]),
    ]

    func write(to path: String) throws {
        let input = isVideo ? "testsrc2=s=160x96:r=25" : "sine=r=48000"
        try Tool.ffmpeg(["-f", "lavfi", "-i", input, "-t", "3"] + arguments + [path])
    }
}

@Suite(.filmThreads) struct CodecTests {
    @Test(arguments: CodedClip.all)
    func packagesEveryCodec(clip: CodedClip) throws {
        let scratch = try TemporaryFolder()
        let film = scratch.path + "/film.mp4"
        let picture = scratch.path + "/picture.mp4"
        let out = scratch.path + "/out"
        try clip.write(to: film)
        try MovieSamplesTests.compare(film, "\(clip)")
        var inputs = [LocalPackage.Input(path: film)]
        if !clip.isVideo {
            try Clip(name: "picture", frames: 75, languages: []).write(to: picture)
            inputs.append(LocalPackage.Input(path: picture))
        }
        let document = try LocalPackage.run(
            inputs, writesHLS: true, writesDASH: true, directory: out, segmentSeconds: 1)
        let rendition = try #require(document["renditions"]?[0])
        let name = try #require(rendition["name"]?.stringValue)
        let codecs = try #require(rendition["codecs"]?.stringValue)
        #expect(codecs.hasPrefix(clip.codecs), "\(codecs)")
        let master = try text(out + "/master.m3u8")
        for part in clip.says + [codecs] { #expect(master.contains(part), "\(part)") }
        let header = try Data(contentsOf: URL(filePath: "\(out)/\(name)/init.mp4"))
        for box in clip.boxes { #expect(header.range(of: Data(box.utf8)) != nil, "\(box)") }

        let stream = clip.isVideo ? "v:0" : "a:0"
        let expected = try Tool.frameDigests(film, stream: stream)
        let whole = try Tool.joined(track: "\(out)/\(name)", in: scratch)
        let packaged = try Tool.frameDigests(whole, stream: stream)
        if clip.isVideo {
            #expect(packaged == expected)
        } else {
            // Of a file in fragments libavformat skips no priming and cuts no end: a block more at either.
            #expect(Set(expected).subtracting(packaged).count <= 1 && packaged.count >= expected.count)
        }
        for file in [out + "/master.m3u8", out + "/manifest.mpd"] {
            try Tool.ffmpeg(["-i", file, "-map", "0", "-f", "null", "-"])
        }
        guard clip.isVideo else { return }
        let pictures = try Playlist(path: "\(out)/\(name)/iframes.m3u8")
        try decodeAlone(pictures, of: "\(out)/\(name)", in: scratch, expected: expected)
    }

    /// Each entry of an I-frame playlist behind the header gives one picture, which is one of the film's.
    private func decodeAlone(
        _ pictures: Playlist, of folder: String, in scratch: TemporaryFolder, expected: [String]
    ) throws {
        let lines = try text(folder + "/iframes.m3u8").split(separator: "\n")
        let ranges = lines.compactMap { $0.wholeMatch(of: /#EXT-X-BYTERANGE:(\d+)@(\d+)/) }
        #expect(ranges.count == pictures.segments.count && ranges.count >= 2)
        let header = try Data(contentsOf: URL(filePath: folder + "/init.mp4"))
        for (segment, range) in zip(pictures.segments, ranges) {
            let (count, start) = try (#require(Int(range.1)), #require(Int(range.2)))
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/\(segment)"))
            let file = scratch.path + "/picture-alone.mp4"
            try (header + bytes[start..<start + count]).write(to: URL(filePath: file))
            let frames = try Tool.frameDigests(file, stream: "v:0")
            #expect(frames.count == 1 && frames.allSatisfy(expected.contains), "\(segment) \(start)")
        }
    }
}
