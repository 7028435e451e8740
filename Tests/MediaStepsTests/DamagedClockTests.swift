import FilmThreads
import Foundation
import JSON
import MediaFiles
import MediaSteps
import Testing

/// Times of a broadcast's pictures that were damaged on the way.
@Suite("Damaged clocks", .filmThreads)
struct DamagedClockTests {
    struct Damage: Sendable, CustomTestStringConvertible {
        /// The place of a picture in the order of the file, of a hundred.
        let picture: Int
        /// That is turned over in the picture's times: one worth from one second to three minutes.
        let bit: Int
        /// Whether both times of a picture that has two are damaged, or the first alone, at which it is shown.
        let hitsBoth: Bool
        var testDescription: String { "picture \(picture), bit \(bit), \(hitsBoth ? "both times" : "one time")" }
    }

    /// Of the first picture's times bit 17 is set: it is moved to the front, where it is left. So is one of the last pictures that
    /// is shown later than all others: there may be a pause before it.
    static let damages: [Damage] = [0, 1, 12, 40, 98].flatMap { picture in
        [17, 18, 20, 24].flatMap { bit in
            [true, false].map { Damage(picture: picture, bit: bit, hitsBoth: $0) }
        }
    }.filter { ($0.picture > 0 || $0.bit > 17) && ($0.picture < 98 || $0.hitsBoth) }

    /// A film of four seconds, a hundred pictures.
    static func clip(_ work: Workplace) throws -> [UInt8] {
        let path = try work.makeClip("whole.ts", size: "160x96", seconds: 4, ["-preset", "veryfast", "-bf", "2"])
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Where the headers of the pictures lie (ISO/IEC 13818-1, 2.4.3.6).
    static func headers(_ bytes: [UInt8]) -> [Int] {
        bytes.indices.dropLast(9).filter { bytes[$0] == 0 && Array(bytes[$0..<($0 + 4)]) == [0, 0, 1, 0xE0] }
    }

    static func damaged(_ bytes: [UInt8], _ damage: Damage) throws -> [UInt8] {
        var bytes = bytes
        let headers = headers(bytes)
        #expect(headers.count == 100)
        let header = headers[damage.picture]
        // Bits 29 to 15 of a time stand behind the first of its five bytes (2.4.3.7).
        let place = 8 + 29 - damage.bit
        for time in 0..<(bytes[header + 7] & 0x40 == 0 || !damage.hitsBoth ? 1 : 2) {
            bytes[header + 9 + 5 * time + place / 8] ^= 0x80 >> UInt8(place % 8)
        }
        return bytes
    }

    @Test("one picture's damaged time neither hides pictures nor makes the film longer", arguments: damages)
    func oneTime(damage: Damage) throws {
        let work = try Workplace()
        let path = work.path("a.ts")
        try Data(DamagedClockTests.damaged(DamagedClockTests.clip(work), damage)).write(
            to: URL(fileURLWithPath: path))
        let media = try work.validate(path)
        // Where only the time is lost at which a picture is shown, it comes a little early, by when it is decoded: among the
        // first ones it may fall in front of the keyframe.
        let isGuessed = !damage.hitsBoth || damage.bit == 17
        #expect((isGuessed ? 99...100 : 100...100).contains(media["video"]?["frames"]?.integerValue ?? 0))
        #expect(media["video"]?["regularFrameRate"] == "25/1")
        let seconds = try #require(media["durationSeconds"]?.doubleValue)
        #expect((3.9...4.1).contains(seconds))
        let output = try work.transcode(path)
        let film = try #require(Rendition.all(output, work, kind: "video").first)
        #expect((99...102).contains(film.json["frames"]?.integerValue ?? 0))
        // Nothing stands still for longer than it takes to show a picture twice.
        #expect((output["framesRepeated"]?.integerValue ?? .max) <= 2)
    }

    /// Pauses of three seconds and less than two, over which pictures are decoded out of order, and one before the last.
    @Test("what is shown after a pause keeps its time", arguments: [[], ["-preset", "veryfast", "-bf", "3"]])
    func pauses(options: [String]) throws {
        let work = try Workplace()
        let isShown = { (picture: Int) in
            !(100...175).contains(picture) && !(300...340).contains(picture) && !(360...398).contains(picture)
        }
        let path = try work.make(
            "a.ts",
            [
                "-f", "lavfi", "-i", "testsrc=size=160x96:rate=25:duration=16", "-vf",
                "select='not(between(n,100,175))*not(between(n,300,340))*not(between(n,360,398))'", "-vsync", "vfr",
                "-c:v", "libx264",
            ] + options)
        let demuxer = try Demuxer(path: path)
        let packet = try Packet()
        var times: [Int64] = []
        while try demuxer.read(into: packet) { times.append(try #require(packet.timestamp)) }
        times.sort()
        let first = try #require(times.first)
        #expect(times.map { ($0 - first) / 3600 } == (0..<400).filter(isShown).map { Int64($0) })
    }

    /// A program stream of 150 kb/s, where many a packet holds several pictures and tells the first one's time.
    @Test("one damaged time of several pictures is mended")
    func severalPictures() throws {
        let work = try Workplace()
        let path = try work.make(
            "a.mpg",
            [
                "-f", "lavfi", "-i", "testsrc=size=160x96:rate=25:duration=8", "-f", "lavfi", "-i", "sine=duration=8",
                "-c:v", "mpeg2video", "-bf", "2", "-b:v", "150k", "-c:a", "mp2", "-b:a", "64k", "-f", "vob",
            ])
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let times = try DamagedClockTests.decodingTimes(path)
        try #require(times.count == 200)
        let headers = DamagedClockTests.headers(whole).filter {
            whole[$0 + 6] & 0xC0 == 0x80 && whole[$0 + 7] & 0x80 != 0
        }
        try #require(headers.count > 40)
        let damaged = work.path("b.mpg")
        // Of the last ones it may be that a second recording begins there.
        for (place, header) in headers.dropFirst().dropLast(2).enumerated() {
            var bytes = whole
            for time in 0..<(bytes[header + 7] & 0x40 == 0 ? 1 : 2) { bytes[header + 9 + 5 * time + 2] ^= 0x40 }
            try Data(bytes).write(to: URL(fileURLWithPath: damaged))
            #expect(try DamagedClockTests.decodingTimes(damaged) == times, "header \(place + 1)")
            if place % 8 == 0 { #expect(try work.validate(damaged)["video"]?["frames"] == 200) }
        }
    }

    private static func decodingTimes(_ path: String) throws -> [Int64?] {
        let demuxer = try Demuxer(path: path)
        let packet = try Packet()
        var times: [Int64?] = []
        while try demuxer.read(into: packet) {
            if packet.streamIndex == demuxer.mainVideo?.index { times.append(packet.decodingTimestamp) }
        }
        return times
    }

    struct SoundDamage: Sendable, CustomTestStringConvertible {
        /// Which time of those in the file.
        let place: Int
        /// Seconds at which the film starts: at five thousand some of the bits are set, and sound without one is set back.
        var start = 0
        var testDescription: String { "time \(place) of a film from \(start)" }
    }

    /// Bits worth from twelve seconds to fifty minutes; the first time of all, one near it, and one in the middle.
    @Test(
        "a damaged time of sound neither silences it nor makes it longer", arguments: [20, 24, 28],
        [SoundDamage(place: 0), SoundDamage(place: 1), SoundDamage(place: 1, start: 5000), SoundDamage(place: 10)])
    func sound(bit: Int, damage: SoundDamage) throws {
        let work = try Workplace()
        let whole = try work.makeClip(
            "whole.ts", size: "96x64", seconds: 8, audio: ["-f", "lavfi", "-i", "sine=duration=8"],
            ["-c:a", "mp2", "-output_ts_offset", "\(damage.start)"])
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
        let headers = bytes.indices.dropLast(9).filter {
            bytes[$0] == 0 && Array(bytes[$0..<($0 + 4)]) == [0, 0, 1, 0xC0]
        }
        try #require(headers.count > 20)
        let place = 8 + 29 - bit
        bytes[headers[damage.place] + 9 + place / 8] ^= 0x80 >> UInt8(place % 8)
        let path = work.path("a.ts")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let media = try work.validate(path)
        #expect((7.9...8.2).contains(media["durationSeconds"]?.doubleValue ?? 0))
        #expect(media["audio"]?[0]?["silence"]?.arrayValue?.isEmpty == true)
        let sound = try #require(Rendition.all(try work.transcode(path), work, kind: "audio").first)
        #expect((7.9...8.2).contains(sound.json["durationSeconds"]?.doubleValue ?? 0))
        // What ought to be heard all through.
        let heard = try work.run(
            ValidateStep(),
            on: work.make("heard.mkv", ["-i", path, "-i", sound.path, "-map", "0:v", "-map", "1:a", "-c", "copy"]))
        #expect(heard["audio"]?[0]?["silence"]?.arrayValue?.isEmpty == true)
    }

    struct Join: Sendable, CustomTestStringConvertible {
        /// Pictures of each recording.
        let first: Int
        let second: Int
        var isNoticed = true
        var testDescription: String { "\(first) and \(second)" }
    }

    /// A single picture might as well have a damaged time: it is shown beside the others.
    static let joins: [Join] = [
        Join(first: 100, second: 2), Join(first: 2, second: 100), Join(first: 2, second: 2), Join(first: 3, second: 3),
        Join(first: 100, second: 1, isNoticed: false), Join(first: 1, second: 100, isNoticed: false),
    ]

    @Test("of recordings put one behind the other no picture is lost unnoticed", arguments: joins)
    func recordings(join: Join) throws {
        let work = try Workplace()
        func clip(_ name: String, _ pictures: Int, at seconds: Int) throws -> Data {
            let path = try work.makeClip(
                name, size: "160x96", seconds: Double(pictures) / 25, ["-output_ts_offset", "\(seconds)"])
            return try Data(contentsOf: URL(fileURLWithPath: path))
        }
        let path = work.path("a.ts")
        try (clip("first.ts", join.first, at: 60) + clip("second.ts", join.second, at: 10)).write(
            to: URL(fileURLWithPath: path))
        guard join.isNoticed else {
            let media = try work.validate(path)
            #expect(media["video"]?["frames"]?.integerValue == join.first + join.second)
            #expect((media["durationSeconds"]?.doubleValue ?? 0) < 5)
            return
        }
        let failure = try work.failure(ValidateStep(), on: path)
        #expect(failure.error == "Showrunner.SourceUnsupported")
        #expect(failure.cause.contains("clock goes back to 00:00:1"), "\(failure.cause)")
    }
}
