import FilmThreads
import Foundation
import JSON
import MediaSteps
import SeededNumbers
import StepContracts
import Synchronization
import Testing

@Suite("Films that are refused", .filmThreads)
struct RefusalTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let error: String
        let cause: String
        /// Further words that must stand in the cause.
        var words: [String] = []
        let make: @Sendable (Workplace) throws -> String
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "no byte", error: "SourceInvalid", cause: "the file is empty (0 bytes)") { work in
            try write(work, "a.mp4", [])
        },
        Row(name: "text renamed", error: "SourceInvalid", cause: "the file is no film: it holds text") { work in
            try write(
                work, "a.mp4", Array(String(repeating: "Sehr geehrte Frau Müller, anbei der Film.\n", count: 90).utf8))
        },
        Row(
            name: "zeros", error: "SourceInvalid", cause: "the file is no film: it begins with nothing but zero bytes"
        ) { work in
            try write(work, "a.mp4", Array(repeating: 0, count: 50_000))
        },
        Row(
            name: "noise", error: "SourceInvalid", cause: "the file is no media file, or its beginning is damaged",
            words: ["Invalid data found when processing input"]
        ) { work in
            var generator = SplitMix64(seed: 7)
            return try write(work, "a.mp4", (0..<50_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
        },
        Row(
            name: "MP4 without its index", error: "SourceInvalid",
            cause: "the file is incomplete: its index (moov) is missing, as after an interrupted upload or recording",
            words: ["moov atom not found"]
        ) { work in
            try cut(work, try work.makeClip("whole.mp4"), to: "a.mp4", share: 0.5)
        },
        Row(
            name: "MP4 cut off behind its index", error: "SourceInvalid", cause: "the file is damaged or cut off",
            words: ["stream 0", "byte "]
        ) { work in
            try cut(work, try work.makeClip("whole.mp4", ["-movflags", "+faststart"]), to: "a.mp4", share: 0.5)
        },
        Row(
            name: "Matroska cut off", error: "SourceInvalid",
            cause: "the file is cut off: it ends in the middle of an element", words: ["File ended prematurely"]
        ) { work in
            try cut(work, try work.makeClip("whole.mkv"), to: "a.mkv", share: 0.5)
        },
        Row(
            name: "sound only", error: "SourceUnsupported",
            cause: "the file has no video stream: it holds audio only"
        ) { work in
            try work.make("a.mp4", ["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac"])
        },
        Row(
            name: "sound with a cover", error: "SourceUnsupported",
            cause: "the file has no video stream: its only picture is cover art"
        ) { work in
            let cover = try work.make("cover.jpg", ["-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1"])
            return try work.make(
                "a.mp3",
                [
                    "-f", "lavfi", "-i", "sine=duration=1", "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy",
                    "-disposition:v", "attached_pic",
                ])
        },
        Row(
            name: "a single picture", error: "SourceUnsupported",
            cause: "the file is in no container that is accepted here"
        ) { work in
            try work.make("a.png", ["-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1"])
        },
        Row(
            name: "16384x8192", error: "SourceUnsupported",
            cause:
                "the pictures measure 16384x8192; at most 8192 pixels a side and 35389440 in all are taken (stream 0)"
        ) { work in
            try work.make(
                "a.mp4",
                [
                    "-f", "lavfi", "-i", "color=size=16384x8192", "-frames:v", "1", "-c:v", "libx264", "-preset",
                    "ultrafast",
                ])
        },
        Row(
            name: "8192x8192 told by the decoder only", error: "SourceUnsupported",
            cause: "the pictures are too large; at most 35389440 pixels are taken (stream 0)",
            words: ["Picture size 8192x8192"]
        ) { work in
            try work.make(
                "a.mov",
                [
                    "-f", "lavfi", "-i", "color=size=8192x8192", "-frames:v", "1", "-c:v", "mjpeg", "-pix_fmt",
                    "yuvj420p",
                ])
        },
        Row(
            name: "65488x65488", error: "SourceUnsupported",
            cause: "the pictures are too large; at most 35389440 pixels are taken (stream 0)",
            words: ["Picture size 65488x65488"]
        ) { work in
            let whole = try work.makeClip("whole.avi", size: "64x64", seconds: 0.2, ["-c:v", "rawvideo"])
            return try claim(work, whole, to: "a.avi", width: 65488, height: 65488)
        },
        Row(
            name: "decoding that takes for ever", error: "SourceUnsupported", cause: "decoding would take ",
            words: ["seconds of processor time for 00:00:02.000 of film; at most 30 a second are spent"]
        ) { work in
            // One picture that is dear to decode, four hundred times over: the index names the same bytes again and again.
            let one = try work.make(
                "one.mov",
                [
                    "-f", "lavfi", "-i", "color=gray:size=1536x1024:rate=200,noise=alls=100:allf=t", "-frames:v", "1",
                    "-pix_fmt", "yuv420p", "-c:v", "jpeg2000", "-video_track_timescale", "200",
                ])
            return try write(
                work, "a.mov", try RepeatedSample.film([UInt8](Data(contentsOf: URL(fileURLWithPath: one))), times: 400)
            )
        },
        Row(
            name: "two recordings one behind the other", error: "SourceUnsupported",
            cause: "the film's clock goes back to 00:00:01.400, as where recordings were put one behind the other",
            words: ["stream 0, timecode 00:00:05.360, byte "]
        ) { work in
            let one = try Data(
                contentsOf: URL(fileURLWithPath: try work.makeClip("one.ts", size: "160x96", seconds: 4)))
            return try write(work, "a.ts", [UInt8](one + one))
        },
        Row(
            name: "a picture shown for three hundred years", error: "SourceUnsupported", cause: "the film is "
        ) { work in
            try write(
                work, "a.mkv",
                OddMatroska.film(try onePicture(work), tick: 1_000_003, start: 0, duration: 9_900_000_000_000))
        },
        Row(
            name: "a time that no clock shows", error: "SourceInvalid", cause: "a packet has an impossible time",
            words: ["stream 0"]
        ) { work in
            try write(
                work, "a.mkv",
                OddMatroska.film(try onePicture(work), tick: 1 << 31, start: (1 << 46) + 1, duration: 1))
        },
        Row(
            name: "more bytes than an upload may have", error: "SourceUnsupported",
            cause: "the file has 274877906945 bytes; at most 274877906944 are taken"
        ) { work in
            let film = try work.makeClip("a.mp4", size: "64x64", seconds: 0.2)
            try #require(truncate(film, (256 << 30) + 1) == 0)
            return film
        },
        Row(
            name: "500 frames a second", error: "SourceUnsupported",
            cause: "the video has 500/1 frames a second; at most 240 are taken (stream 0)"
        ) { work in
            try work.makeClip("a.mp4", size: "64x64", rate: "500", seconds: 0.2)
        },
        Row(
            name: "more pixels a second than 8K at 60", error: "SourceUnsupported",
            cause: "the video has 8192x4320 pixels 120/1 times a second; at most 2123366400 pixels a second are taken"
        ) { work in
            let whole = try work.makeClip("whole.avi", size: "64x64", rate: "120", seconds: 0.2, ["-c:v", "rawvideo"])
            return try claim(work, whole, to: "a.avi", width: 8192, height: 4320)
        },
        Row(
            name: "13 hours", error: "SourceUnsupported",
            cause: "the film is 13:00:00.000 long; at most 12:00:00.000 are taken"
        ) { work in
            try work.makeClip("a.mp4", size: "64x64", rate: "1/3600", seconds: 46800)
        },
        Row(
            name: "70 streams", error: "SourceUnsupported", cause: "the file has more than 64 streams"
        ) { work in
            try work.makeClip(
                "a.mkv", size: "64x64", seconds: 0.2, audio: ["-f", "lavfi", "-i", "sine=duration=0.2"],
                ["-map", "0", "-c:a", "pcm_s16le"] + (0..<69).flatMap { _ in ["-map", "1"] })
        },
        Row(
            name: "an MP4 header that claims a day", error: "SourceInvalid",
            cause:
                "the file's header claims a duration of 24:00:00.000, but its packets hold 00:00:01.000: the file is "
                + "cut off or its header is wrong"
        ) { work in
            let whole = try work.makeClip("whole.mp4")
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
            // Movie header, version 0: time scale 12 and duration 16 bytes behind the version.
            let header = try #require(find("mvhd", in: bytes)) + 4
            let scale = bytes[(header + 12)..<(header + 16)].reduce(0) { $0 << 8 | UInt32($1) }
            put(86400 * scale, into: &bytes, at: header + 16)
            return try write(work, "a.mp4", bytes)
        },
        Row(
            name: "a Matroska header that claims a day", error: "SourceInvalid",
            cause:
                "the file's header claims a duration of 24:00:00.000, but its packets hold 00:00:01.000: the file is "
                + "cut off or its header is wrong"
        ) { work in
            let whole = try work.makeClip("whole.mkv")
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
            // Duration (0x4489), eight bytes of floating point, in milliseconds.
            let element = try #require(
                bytes.indices.dropLast(11).first { Array(bytes[$0..<($0 + 3)]) == [0x44, 0x89, 0x88] })
            let pattern = (86_400_000.0).bitPattern
            put(UInt32(pattern >> 32), into: &bytes, at: element + 3)
            put(UInt32(truncatingIfNeeded: pattern), into: &bytes, at: element + 7)
            return try write(work, "a.mkv", bytes)
        },
        Row(
            name: "damage at the beginning", error: "SourceInvalid", cause: "the video cannot be decoded (stream 0, ",
            words: ["timecode 00:00:00.000", "byte "]
        ) { work in
            try damage(work, try work.makeClip("whole.mp4"), to: "a.mp4", share: 0.001)
        },
        Row(
            name: "damage at the end", error: "SourceInvalid", cause: "", words: ["stream 0", "timecode ", "byte "]
        ) { work in
            try damage(work, try work.makeClip("whole.mp4", seconds: 6), to: "a.mp4", share: 0.98)
        },
        Row(
            name: "sound in an unknown format", error: "SourceUnsupported",
            cause: "the sound is in a format that is not known here ('none') (stream 1)"
        ) { work in
            try replaceSound(work, tracks: [0])
        },
        Row(name: "a folder", error: "StorageUnavailable", cause: "/ is no regular file") { _ in "/" },
    ]

    @Test("validate names the error and says what a person can act on", arguments: rows)
    func refused(_ row: Row) throws {
        let work = try Workplace()
        let source = try row.make(work)
        let (began, spent) = (ContinuousClock.now, RefusalTests.processorSeconds())
        let failure = try work.failure(ValidateStep(), on: source)
        let seconds = ((ContinuousClock.now - began) / .milliseconds(1)).rounded() / 1000
        let processor = RefusalTests.processorSeconds() - spent
        try Workplace.tabulate([
            row.name, failure.error, failure.cause.replacing("\n", with: " "), "\(seconds) s",
            "\((processor * 1000).rounded() / 1000) s",
        ])
        // Whatever else the machine does: of five seconds some are left to others.
        #expect(processor < 4.5, "\(row.name) took \(processor) s of processor time")
        #expect(failure.error == "Showrunner.\(row.error)")
        #expect(failure.cause.hasPrefix(row.cause), "\(failure.cause)")
        for words in row.words { #expect(failure.cause.contains(words), "\(failure.cause)") }
        #expect(failure.retry == (row.error.hasPrefix("Source") ? .never : .transient))
    }

    /// Processor time of this thread, on which all of a film is read and decoded.
    private static func processorSeconds() -> Double {
        var time = timespec()
        precondition(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0, "a thread's clock can be read")
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test("a first keyframe without a time stops neither the look at the film nor its report")
    func keyframeWithoutTime() throws {
        let work = try Workplace()
        let whole = try work.makeClip("whole.ts", size: "160x90", seconds: 2)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
        // PES headers (ISO/IEC 13818-1, 2.4.3.6) of the video: the first one loses its mark that times follow, which become
        // stuffing.
        let first = try #require(bytes.indices.dropLast(9).first { Array(bytes[$0..<($0 + 4)]) == [0, 0, 1, 0xE0] })
        bytes[first + 7] &= 0x3F
        let header = Int(bytes[first + 8])
        for index in (first + 9)..<(first + 9 + header) { bytes[index] = 0xFF }
        let source = try write(work, "a.ts", bytes)
        let reports = Mutex<[StepProgress]>([])
        let media = try work.run(
            ValidateStep(), on: source, report: { progress in reports.withLock { $0.append(progress) } },
            reportInterval: .zero)
        #expect(media["video"]?["frames"]?.integerValue ?? 0 >= 49)
        let told = reports.withLock { $0 }
        #expect(told.contains { $0.stage == "look" })
        #expect(told.allSatisfy { $0.mediaSeconds.isFinite && !$0.json.text.isEmpty })
    }

    @Test("damage between the places validate looks at stops the encode, with the place")
    func damagedInside() throws {
        let work = try Workplace()
        let source = try damage(work, try work.makeClip("whole.mp4", seconds: 8), to: "a.mp4", share: 0.3)
        for threads in [1, 4] {
            let failure = #expect(throws: StepFailure.self) { try work.transcode(source, threads: threads) }
            #expect(failure?.error == "Showrunner.SourceInvalid")
            #expect(failure?.cause.contains("stream 0, timecode 00:00:0") == true, "\(failure?.cause ?? "")")
            #expect(failure?.cause.contains("byte ") == true)
        }
    }

    @Test("damaged sound stops the encode")
    func damagedSound() throws {
        let work = try Workplace()
        let whole = try work.makeClip(
            "whole.mkv", size: "64x64", seconds: 4, audio: ["-f", "lavfi", "-i", "sine=duration=4"],
            ["-c:a", "flac", "-ac", "2"])
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
        // FLAC frames begin with 0xFFF8; one in the middle loses its header.
        let places = bytes.indices.dropLast(1).filter { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xF8 }
        let middle = places[places.count / 2]
        for index in middle..<(middle + 40) { bytes[index] = 0x55 }
        let source = try write(work, "a.mkv", bytes)
        let failure = #expect(throws: StepFailure.self) { try work.transcode(source) }
        #expect(failure?.error == "Showrunner.SourceInvalid")
        #expect(failure?.cause.hasPrefix("the audio cannot be decoded (stream 1, timecode 00:00:0") == true)
    }

    @Test("a further track in an unknown format is left out")
    func unknownTrack() throws {
        let work = try Workplace()
        let source = try RefusalTests.replaceSound(work, tracks: [1])
        #expect(try work.validate(source)["audio"]?.arrayValue?.map { $0["index"] } == [1])
        #expect(try Rendition.all(try work.transcode(source), work, kind: "audio").count == 1)
    }

    @Test("every step refuses a bad film by the same name")
    func everyStep() throws {
        let work = try Workplace()
        let source = try write(work, "a.mp4", [])
        for step in [ValidateStep(), TranscodeStep(), ThumbnailStep()] as [any LocalStep] {
            #expect(try work.failure(step, on: source) == .sourceInvalid("the file is empty (0 bytes)"))
        }
    }

    @Test("an input that does not fit the contract lists what is wrong")
    func contract() {
        let surroundings = StepSurroundings(
            files: [:], outputDirectory: "/", outputPrefix: "", threads: 1, report: { _ in }, isCancelled: { false })
        let failure = #expect(throws: StepFailure.self) {
            try TranscodeStep().run(input: ["source": 7, "preset": 1], in: surroundings)
        }
        #expect(
            failure
                == .parametersInvalid(
                    "'source' of transcode must be of type object; 'preset' of transcode must be of type string"))
    }

    // MARK: Making bad files

    private static func write(_ work: Workplace, _ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: work.path(name)))
        return work.path(name)
    }

    private static func onePicture(_ work: Workplace) throws -> [UInt8] {
        let path = try work.makeClip("one.mkv", size: "64x64", seconds: 0.04, ["-live", "1"])
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func cut(_ work: Workplace, _ file: String, to name: String, share: Double) throws -> String {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        return try write(work, name, Array(bytes.prefix(Int(Double(bytes.count) * share))))
    }

    /// An AVI with another size in its header, where alone raw video has it.
    private static func claim(
        _ work: Workplace, _ file: String, to name: String, width: Int, height: Int
    ) throws -> String {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let header = try #require(find("strf", in: bytes)) + 4
        for (place, side) in [(8, width), (12, height)] {
            for index in 0..<4 { bytes[header + place + index] = UInt8(truncatingIfNeeded: side >> (8 * index)) }
        }
        return try write(work, name, bytes)
    }

    /// Overwrites a part of the media data with noise.
    private static func damage(_ work: Workplace, _ file: String, to name: String, share: Double) throws -> String {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let data = try #require(find("mdat", in: bytes)) + 4
        let start = data + 12 + Int(Double(bytes.count - data) * share)
        var generator = SplitMix64(seed: 11)
        for index in start..<min(start + 3000, bytes.count) {
            bytes[index] = UInt8(truncatingIfNeeded: generator.next())
        }
        return try write(work, name, bytes)
    }

    private func write(_ work: Workplace, _ name: String, _ bytes: [UInt8]) throws -> String {
        try RefusalTests.write(work, name, bytes)
    }

    private func damage(_ work: Workplace, _ file: String, to name: String, share: Double) throws -> String {
        try RefusalTests.damage(work, file, to: name, share: share)
    }

    /// A film with two sound tracks, of which some are made ones of a format nobody knows.
    static func replaceSound(_ work: Workplace, tracks: [Int]) throws -> String {
        let tone = ["-f", "lavfi", "-i", "sine=duration=1"]
        let whole = try work.makeClip(
            "whole.mp4", size: "64x64", audio: tone + tone, ["-map", "0", "-map", "1", "-map", "2", "-c:a", "aac"])
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
        // The sample entry's type, and the box that tells its codec another way.
        for type in ["mp4a", "esds"] {
            let places = bytes.indices.dropLast(4).filter { Array(bytes[$0..<($0 + 4)]) == Array(type.utf8) }
            for track in tracks { bytes.replaceSubrange(places[track]..<(places[track] + 4), with: "zzzz".utf8) }
        }
        return try write(work, "a.mp4", bytes)
    }

    /// Where a box's type stands.
    private static func find(_ type: String, in bytes: [UInt8]) -> Int? {
        let wanted = Array(type.utf8)
        return bytes.indices.dropLast(4).first { Array(bytes[$0..<($0 + 4)]) == wanted }
    }

    private static func put(_ value: UInt32, into bytes: inout [UInt8], at index: Int) {
        for place in 0..<4 { bytes[index + place] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(place))) }
    }
}
