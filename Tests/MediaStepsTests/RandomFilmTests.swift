import FilmThreads
import Foundation
import JSON
import MediaSteps
import SeededNumbers
import StepContracts
import Testing

/// Films by chance: whatever holds them, at whatever rate, their pictures and their length come out as they went in, in one
/// and in parts.
@Suite("Films by chance", .filmThreads)
struct RandomFilmTests {
    private struct Film: CustomStringConvertible {
        let file: String
        let codec: [String]
        let rate: String
        let size: String
        let frames: Int
        let offset: Double
        let hasSound: Bool

        var rateValue: Double {
            let parts = rate.split(separator: "/").compactMap { Double($0) }
            return parts.count == 2 ? parts[0] / parts[1] : parts[0]
        }
        var seconds: Double { Double(frames) / rateValue }
        var description: String {
            "\(file), \(codec[1]), \(rate) a second, \(size), \(frames) pictures, \(offset) s late, sound: \(hasSound)"
        }

        init(seed: UInt64) {
            var numbers = SplitMix64(seed: seed)
            func pick<Value>(_ values: [Value]) -> Value { values[Int(numbers.next() % UInt64(values.count))] }
            (file, codec) = pick([
                ("a.mp4", ["-c:v", "libx264", "-preset", "ultrafast", "-bf", pick(["0", "2", "3"]), "-g", "17"]),
                ("a.mkv", ["-c:v", "libx264", "-preset", "ultrafast", "-bf", pick(["0", "2"]), "-g", "40"]),
                ("a.mov", ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"]), ("a.avi", ["-c:v", "mpeg4", "-q:v", "4"]),
                ("a.ts", ["-c:v", "mpeg2video", "-q:v", "4", "-bf", pick(["0", "2"])]), ("a.mkv", ["-c:v", "ffv1"]),
            ])
            rate = pick(["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"])
            size = "\(64 + 2 * Int(numbers.next() % 64))x\(64 + 2 * Int(numbers.next() % 32))"
            frames = 20 + Int(numbers.next() % 120)
            // AVI has no place for a beginning, and QuickTime's is an edit list.
            offset = file.hasSuffix(".mkv") || file.hasSuffix(".ts") ? Double(numbers.next() % 2000) / 1000 : 0
            hasSound = numbers.next() % 2 == 0
        }
    }

    @Test("pictures, times and length are those of the source", arguments: 1...8 as ClosedRange<UInt64>)
    func comesOutAsItWentIn(seed: UInt64) throws {
        let film = Film(seed: seed)
        let work = try Workplace()
        let sound =
            film.hasSound
            ? ["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=\(film.seconds)", "-c:a", "ac3"] : []
        let source = try work.make(
            film.file,
            ["-f", "lavfi", "-i", "testsrc2=size=\(film.size):rate=\(film.rate),trim=end_frame=\(film.frames)"] + sound
                + film.codec + (film.codec.contains("-pix_fmt") ? [] : ["-pix_fmt", "yuv420p"])
                + (film.offset > 0 ? ["-output_ts_offset", "\(film.offset)"] : []))
        let words: Comment = "seed \(seed): \(film)"
        let media = try work.run(ValidateStep(), on: source, [("partSeconds", 1)])
        let video = try #require(media["video"])
        #expect(video["frames"]?.integerValue == film.frames, words)
        #expect(video["frameRate"]?.stringValue == (film.rate.contains("/") ? film.rate : film.rate + "/1"), words)
        #expect(abs((video["durationSeconds"]?.doubleValue ?? 0) - film.seconds) < 0.0001, words)

        let more: [(String, JSON)] = [("preset", "ultrafast")]
        let output = try work.run(TranscodeStep(), on: source, more)
        let rung = try #require(try Rendition.all(output, work, kind: "video").first)
        let times = try work.packets(rung.path).map(\.time)
        #expect(times.count == film.frames, words)
        #expect(times.enumerated().allSatisfy { abs($1 - Double($0) / film.rateValue) < 0.0001 }, words)
        #expect(abs((rung.json["durationSeconds"]?.doubleValue ?? 0) - film.seconds) < 0.0001, words)
        let sounds = try Rendition.all(output, work, kind: "audio")
        #expect(sounds.count == (film.hasSound ? 1 : 0), words)
        // A block of the source's codec at its end, and one of AAC's.
        for sound in sounds {
            #expect(abs((sound.json["durationSeconds"]?.doubleValue ?? 0) - film.seconds) < 0.06, words)
        }
        let plan = media["parts"]?.arrayValue ?? []
        guard !plan.isEmpty else { return }
        let parts = try plan.enumerated().map { index, part in
            try work.stored(
                try work.run(TranscodeStep(), on: source, more + [("media", media), ("part", part)], out: "\(index)"),
                in: "\(index)")
        }
        let joined = try work.join(parts, [:], out: "joined")
        let file = try #require(joined["renditions"]?[0]?["file"]?["file"]?.stringValue)
        #expect(try work.packets(work.path("joined/\(file)")).map(\.time) == times, words)
    }
}
