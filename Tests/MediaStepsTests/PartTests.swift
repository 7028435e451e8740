import FilmThreads
import Foundation
import JSON
import MediaFiles
import MediaSteps
import StepContracts
import Testing

@Suite("Films in parts", .filmThreads)
struct PartTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let file: String
        let arguments: [String]
        var isConstant = false
        var source = "testsrc2=size=160x96:rate=25:duration=7"
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "constant, with B-frames, keyframes elsewhere", file: "a.mp4",
            arguments: ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "33"],
            isConstant: true),
        Row(
            name: "Matroska with open groups of pictures", file: "a.mkv",
            arguments: [
                "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                "log-level=error:open-gop=1:keyint=40:bframes=4",
            ]),
        Row(
            name: "varying rate", file: "a.mp4",
            arguments: ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "20", "-fps_mode", "vfr"],
            source: "testsrc2=size=160x96:rate=30:duration=7,select='not(mod(n,3))+gt(mod(n,50),30)'"),
        Row(
            name: "interlaced", file: "a.mp4",
            arguments: ["-c:v", "libx264", "-preset", "ultrafast", "-flags", "+ildct+ilme", "-g", "25"],
            source: "testsrc2=size=160x96:rate=50:duration=7,tinterlace=interleave_top"),
    ]

    @Test("parts encoded apart are the film encoded in one: pictures, times, keyframes, sound", arguments: rows)
    func parts(_ row: Row) throws {
        let work = try Workplace()
        let source = try work.make(
            row.file,
            ["-f", "lavfi", "-i", row.source, "-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=7", "-pix_fmt"]
                + ["yuv420p"] + row.arguments + ["-c:a", "aac"])
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let plan = try #require(media["parts"]?.arrayValue)
        #expect(plan.count >= 3)
        let whole = try work.run(TranscodeStep(), on: source, [("preset", "veryfast")], out: "whole")
        let parts = try plan.enumerated().map { index, part in
            try work.stored(
                try work.run(
                    TranscodeStep(), on: source, [("media", media), ("part", part), ("preset", "veryfast")],
                    out: "part-\(index)"), in: "part-\(index)")
        }
        let sound = try work.stored(
            try work.run(TranscodeStep(), on: source, [("media", media), ("part", "sound")], out: "sound"), in: "sound")
        #expect(parts.map { $0["framesEncoded"] } == plan.map { $0["count"] })
        #expect(sound["framesEncoded"] == 0)
        let joined = try work.join(parts, sound, out: "joined")
        let (mine, theirs) = (work.path("joined/video-96p.mp4"), work.path("whole/video-96p.mp4"))
        try work.decodeStrictly(mine)
        let (packets, expected) = (try work.packets(mine), try work.packets(theirs))
        #expect(packets.map(\.time) == expected.map(\.time))
        #expect(packets.map(\.isKeyframe) == expected.map(\.isKeyframe))
        #expect(joined["frames"] == whole["framesEncoded"])
        #expect(joined["renditions"]?.arrayValue?.map { $0["name"] } == ["video-96p", "audio-und"])
        try work.run("cmp", ["sound/audio-und.mp4", "whole/audio-und.mp4"])
        // The same pictures, but for what the encoder makes of a fresh beginning.
        let likeness = try work.likeness(mine, theirs)
        #expect(likeness.count == packets.count)
        #expect(likeness.allSatisfy { $0 > 0.94 }, "\(likeness.min() ?? 0)")
        guard row.isConstant else { return }
        // The same part again, on a machine with other cores, is the same to the byte.
        _ = try work.run(
            TranscodeStep(), on: source, [("media", media), ("part", plan[1]), ("preset", "veryfast")], out: "again",
            threads: 4)
        try work.run("diff", ["-r", "part-1", "again"])
        // As near to the source on both sides of each border as the whole encode is.
        let (ours, one) = (try work.likeness(mine, source), try work.likeness(theirs, source))
        for part in plan.dropFirst() {
            let border = try #require(part["first"]?.integerValue)
            for side in [(border - 12)..<border, border..<min(border + 12, packets.count)] {
                func mean(_ values: [Double]) -> Double { values[side].reduce(0, +) / Double(side.count) }
                #expect(mean(ours) > mean(one) - 0.005, "\(side)")
            }
        }
    }

    @Test(
        "where the peak rate binds it holds across borders as in one encode, and parts are the same bytes again",
        arguments: ["h264", "hevc", "av1", "vp9"])
    func peakAcrossBorders(codec: String) throws {
        let work = try Workplace()
        // VP9's encoder meets its rate later than the others: too late for parts of two seconds that are grain alone.
        let source = try work.makeNoise(
            "a.mp4", size: "320x180", seconds: 6, noise: codec == "vp9" ? 40 : 80, ["-g", "50"])
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let plan = try #require(media["parts"]?.arrayValue)
        #expect(plan.count == 3)
        // x264 looks ahead from veryfast on: without that no first picture is foreseen.
        let preset: JSON = codec == "h264" ? "veryfast" : "superfast"
        let more: [(String, JSON)] = [("preset", preset), ("codecs", codec == "h264" ? [] : [.string(codec)])]
        func transcode(_ part: JSON, out: String, threads: Int = 2) throws -> JSON {
            try work.run(
                TranscodeStep(), on: source, more + [("media", media), ("part", part)], out: out, threads: threads)
        }
        let parts = try plan.enumerated().map { index, part in
            try work.stored(try transcode(part, out: "part-\(index)"), in: "part-\(index)")
        }
        _ = try transcode(plan[1], out: "again", threads: 4)
        try work.run("diff", ["-r", "part-1", "again"])
        let joined = try work.join(parts, [:], out: "joined")
        let whole = try work.run(TranscodeStep(), on: source, more, out: "whole")
        let rung = try #require(joined["renditions"]?.arrayValue?.last)
        #expect(rung["codec"]?.stringValue == codec)
        let options = try #require(whole["renditions"]?.arrayValue?.last?["options"])
        let rate = try #require(options["maxrate"]?.stringValue.flatMap(Double.init))
        let room = try #require(options["bufsize"]?.stringValue.flatMap(Double.init))
        let file = try #require(rung["file"]?["file"]?.stringValue)
        let (mine, theirs) = (
            try work.emptiest(work.path("joined/\(file)"), rate: rate, room: room),
            try work.emptiest(work.path("whole/\(file)"), rate: rate, room: room)
        )
        print(
            "peak \(codec): \((rung["bitRate"]?.doubleValue ?? 0) / rate) of the rate, \(mine) joined, \(theirs) in one"
        )
        // VP9's encoder aims at half of it.
        let least = rate * (codec == "vp9" ? 0.6 : 0.8)
        #expect(rung["bitRate"]?.doubleValue ?? 0 > least, "without the peak there is nothing to see")
        #expect(mine >= min(0, theirs), "\(codec)")
    }

    @Test("a part that lacks a picture is refused by name")
    func missingPicture() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "160x90", seconds: 6)
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let plan = try #require(media["parts"]?.arrayValue)
        var parts = try plan.prefix(2).enumerated().map { index, part in
            try work.stored(
                try work.run(
                    TranscodeStep(), on: source, [("media", media), ("part", part), ("preset", "ultrafast")],
                    out: "part-\(index)"), in: "part-\(index)")
        }
        var rendition = try #require(parts[1]["renditions"]?[0])
        rendition["frames"] = 51
        parts[1]["renditions"] = [rendition]
        let failure = #expect(throws: StepFailure.self) { try work.join(parts, [:], out: "joined") }
        #expect(failure?.error == "Showrunner.SourceInvalid")
        #expect(failure?.cause.contains("part 1 has 50 pictures") == true, "\(failure?.cause ?? "")")
    }

    @Test("a part beyond the film's end, and parts whose rungs differ in length, are refused")
    func partsThatDoNotFit() throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "160x90", seconds: 4)
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
        let beyond = #expect(throws: StepFailure.self) {
            try work.run(
                TranscodeStep(), on: source, [("media", media), ("part", ["first": 50, "count": 51])], out: "beyond")
        }
        #expect(beyond == .parametersInvalid("the part ends at picture 101, and the film has 100"))
        func part(_ frames: [Int]) -> JSON {
            [
                "renditions": .array(
                    frames.enumerated().map { index, count -> JSON in
                        [
                            "kind": "video", "name": .string("video-\(index)"), "file": ["key": .string(source)],
                            "frames": .integer(count),
                        ]
                    })
            ]
        }
        let uneven = #expect(throws: StepFailure.self) { try work.join([part([100, 99])], [:], out: "uneven") }
        #expect(uneven?.error == "Showrunner.ParametersInvalid")
        #expect(uneven?.cause.contains("the parts of 'video-1' have 99 pictures, not 100") == true, "\(uneven as Any)")
        let endless = #expect(throws: StepFailure.self) {
            try work.join([part([.max]), part([.max])], [:], out: "endless")
        }
        #expect(
            endless
                == .parametersInvalid("part 0 has no rendition 'video-0' with its frames, or it was not brought"))
    }

    @Test("a part needs what validate found, of this film", arguments: [true, false])
    func mediaNeeded(isGiven: Bool) throws {
        let work = try Workplace()
        let source = try work.makeClip("a.mp4", size: "160x90")
        let media: JSON = isGiven ? ["video": ["index": 7]] : [:]
        let failure = #expect(throws: StepFailure.self) {
            try work.run(TranscodeStep(), on: source, [("media", media), ("part", ["first": 0, "count": 50])])
        }
        #expect(failure?.error == "Showrunner.ParametersInvalid")
    }
}

extension Workplace {
    /// A step's output as the worker hands it on: files by key, here their paths.
    func stored(_ output: JSON, in folder: String) throws -> JSON {
        var output = output
        output["renditions"] = .array(
            try #require(output["renditions"]?.arrayValue).map { rendition in
                var rendition = rendition
                if let file = rendition["file"]?["file"]?.stringValue {
                    rendition["file"] = ["key": .string(path("\(folder)/\(file)"))]
                }
                return rendition
            })
        return output
    }

    func join(_ parts: [JSON], _ sound: JSON, out: String, _ more: [(String, JSON)] = []) throws -> JSON {
        try FileManager.default.createDirectory(atPath: path(out), withIntermediateDirectories: true)
        var files: [String: String] = [:]
        for rendition in (parts + [sound]).flatMap({ $0["renditions"]?.arrayValue ?? [] }) {
            if let key = rendition["file"]?["key"]?.stringValue { files[key] = key }
        }
        var input: JSON = [
            "parts": .array(parts.map { $0["renditions"] ?? [] }), "sound": sound["renditions"] ?? [],
        ]
        for (name, value) in more { input[name] = value }
        return try JoinStep().run(
            input: input,
            in: StepSurroundings(
                files: files, outputDirectory: path(out), outputPrefix: "media/test", threads: 1, report: { _ in },
                isCancelled: { false }))
    }

    /// How full a decoder's buffer is at least, as a share of its room, if it is filled at a rate and was full at first; below
    /// zero where bits come too late.
    func emptiest(_ file: String, rate: Double, room: Double) throws -> Double {
        let packets = try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=dts_time,size", "-of", "csv=p=0",
                file,
            ]
        ).split(separator: "\n").map { $0.split(separator: ",").compactMap { Double($0) } }
        // Filled at the peak rate, emptied picture by picture.
        var (fill, least) = (room, room)
        for (before, packet) in zip([packets[0]] + packets, packets) {
            fill = min(room, fill + rate * (packet[0] - before[0])) - packet[1] * 8
            least = min(least, fill)
        }
        return least / room
    }

    /// The structural similarity of each picture of two films.
    /// - Parameter plane: `All`, or `Y` for luma alone.
    func likeness(_ one: String, _ other: String, of plane: String = "All") throws -> [Double] {
        let file = path("ssim-\(UUID().uuidString)")
        try run(
            "ffmpeg", ["-v", "error", "-i", one, "-i", other, "-lavfi", "ssim=stats_file=\(file)", "-f", "null", "-"])
        return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("\(plane):") }
                .flatMap { Double($0.dropFirst(plane.count + 1)) }
        }
    }
}

@Suite("Films in one file", .filmThreads)
struct DownloadTests {
    @Test("pictures and sound are those of the renditions, in step, the index in front", arguments: [false, true])
    func download(isInParts: Bool) throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mp4", size: "160x90", seconds: 6,
            audio: ["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=6"], ["-c:a", "aac"])
        let preset: [(String, JSON)] = [("preset", "veryfast")]
        let wish: [(String, JSON)] = [("download", true)]
        var output = try work.run(TranscodeStep(), on: source, preset + wish)
        if isInParts {
            let media = try work.run(ValidateStep(), on: source, [("partSeconds", 2)])
            let pieces = try (#require(media["parts"]?.arrayValue) + ["sound"]).enumerated().map { index, part in
                try work.stored(
                    try work.run(
                        TranscodeStep(), on: source, preset + [("media", media), ("part", part)], out: "part-\(index)"),
                    in: "part-\(index)")
            }
            output = try work.join(Array(pieces.dropLast()), pieces.last ?? [:], out: "joined", wish)
        }
        let folder = isInParts ? "joined" : "out"
        #expect(output["download"] == ["file": "download.mp4"])
        let file = work.path("\(folder)/download.mp4")
        try work.decodeStrictly(file)
        #expect(try work.entry("codec_name", of: file, stream: "v:0") == "h264")
        #expect(try work.entry("codec_name", of: file, stream: "a:0") == "aac")
        let rung = work.path("\(folder)/video-90p.mp4")
        #expect(try work.packets(file).map(\.time) == work.packets(rung).map(\.time))
        #expect(
            try work.packets(file, stream: "a:0").map(\.time)
                == work.packets(work.path("out/audio-und.mp4"), stream: "a:0").map(\.time))
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let (index, media) = (
            try #require(bytes.range(of: Data("moov".utf8))), try #require(bytes.range(of: Data("mdat".utf8)))
        )
        #expect(index.lowerBound < media.lowerBound)
    }

    @Test("a part is no film to download")
    func part() throws {
        let work = try Workplace()
        let failure = #expect(throws: StepFailure.self) {
            try work.run(TranscodeStep(), on: "/nowhere", [("download", true), ("part", "sound")])
        }
        #expect(failure?.cause == "a download is of a whole film: join makes it of parts")
    }
}
