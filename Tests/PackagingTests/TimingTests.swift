import SeededNumbers
import Testing

@testable import Packaging

/// Films whose times go wrong where somebody rounds or guesses: long ones at rates that are no whole number, those of one
/// frame, and pictures decoded in an order far from that in which they are shown. Times are read back from the boxes, the
/// playlists and the manifest, without the writers' code.
@Suite struct TimingTests {
    struct Film: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let scale: Int
        let duration: Int64
        let frames: Int
        /// Samples at 48 kHz; nil for a film without sound.
        let sound: Int64?

        init(_ name: String, _ scale: Int, _ duration: Int64, frames: Int, sound: Int64? = nil) {
            testDescription = name
            self.scale = scale
            self.duration = duration
            self.frames = frames
            self.sound = sound
        }
    }

    @Test(arguments: [
        Film("23.976 for seven hours", 24000, 1001, frames: 604_195),
        Film("29.97 for three hours, with sound", 30000, 1001, frames: 323_676, sound: 518_399_481),
        Film("one frame", 24000, 1001, frames: 1),
        Film("one frame, with sound", 25, 1, frames: 1, sound: 1920),
    ])
    func nothingDrifts(film: Film) throws {
        // A key frame every second, nearly: cuts then lie at every fourth.
        let group = Int((Int64(film.scale) + film.duration - 1) / film.duration)
        var tracks = [
            (
                try Fixture.video(timeScale: film.scale),
                try Fixture.pictures(film.frames, duration: film.duration, group: group, reordering: film.frames > 1)
            )
        ]
        if let sound = film.sound { tracks.append((try Fixture.audio(), try Fixture.sound(samples: sound))) }
        let presentation = try Presentation(tracks: tracks)
        let frameLengths = [film.duration, 1024]
        let ends = [Int64(film.frames) * film.duration, film.sound ?? 0]
        for (track, (frameLength, end)) in zip(presentation.tracks, zip(frameLengths, ends)) {
            let last = try #require(track.segments.last)
            let piece = try #require(last.pieces.first)
            let written = try WrittenRun(try track.header(of: piece, in: last))
            // What has been decoded before it, and not one tick more or less after hours.
            #expect(written.decodeTime == Int64(piece.samples.lowerBound) * frameLength)
            #expect(track.end == end && last.start + last.duration == end)

            let scale = Int128(track.description.timeScale)
            let lines = HLSPlaylists(presentation).media(of: track).split(separator: "\n")
            let microseconds = lines.filter { $0.hasPrefix("#EXTINF:") }.map { line in
                Int128(line.dropFirst(8).filter(\.isNumber)) ?? -1
            }
            #expect(microseconds.count == track.segments.count && microseconds.allSatisfy { $0 > 0 })
            let sum = microseconds.reduce(0, +)
            // The nearest microsecond to the whole, however many segments it has.
            #expect(2 * abs(sum * scale - Int128(end) * 1_000_000) <= scale, "\(sum) of \(end)/\(scale)")
        }
        let timelines = DASHManifest(presentation).text.split(separator: "<SegmentTimeline>").dropFirst()
        #expect(timelines.count == tracks.count)
        for (timeline, end) in zip(timelines, ends) {
            var sum: Int64 = 0
            for line in timeline.split(separator: "</SegmentTimeline>")[0].split(separator: "\n") {
                guard let match = line.firstMatch(of: /d="([0-9]+)"(?: r="([0-9]+)")?/) else { continue }
                sum += (Int64(match.1) ?? 0) * ((match.2.flatMap { Int64($0) } ?? 0) + 1)
            }
            #expect(sum == end)
        }
    }

    /// Groups in the order of an encoder that nests B-pictures in B-pictures, their decoding times as containers have them
    /// that know negative offsets: each picture is decoded when it has its place, and some are shown earlier than that.
    @Test(arguments: [31, 32, 33, 34, 35, 36] as [UInt64])
    func pyramidsAreShownAsTheyWere(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var shown: [Int64] = []
        var isSync: [Bool] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let start = Int64(shown.count)
            shown.append(start)
            isSync.append(true)
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let first = Int64(shown.count)
                let length = Int64.random(in: 1...8, using: &random)
                // The last of the mini group first, then halves within halves.
                shown.append(first + length - 1)
                Self.halves(first, first + length - 1, into: &shown)
                isSync += [Bool](repeating: false, count: Int(length))
            }
        }
        let duration = Int64.random(in: 1...3000, using: &random)
        var index = SampleIndex()
        for (place, time) in shown.enumerated() {
            try index.append(
                decodeTime: Int64(place) * duration, presentationTime: time * duration, size: 10, isSync: isSync[place])
        }
        let hasNegative = zip(shown, 0...).contains { $0 < $1 }
        let presentation = try Presentation(tracks: [
            (
                Fixture.video(timeScale: 30000),
                try index.samples(mediaDuration: Int64(shown.count) * duration)
            )
        ])
        let track = presentation.tracks[0]
        let head = track.initializationSegment
        let skipped = Int64(try HeaderFacts(head, try BoxTree.read(head)).skippedTicks)
        #expect(hasNegative == (skipped > 0), "seed \(seed)")
        var read: [Int64] = []
        var decoded: Int64 = 0
        for segment in track.segments {
            for piece in segment.pieces {
                let run = try WrittenRun(try track.header(of: piece, in: segment))
                #expect(run.decodeTime == decoded, "seed \(seed)")
                for (length, offset) in zip(run.durations, run.offsets) {
                    #expect(offset >= 0, "seed \(seed)")
                    read.append(decoded + offset - skipped)
                    decoded += length
                }
            }
        }
        #expect(read == shown.map { $0 * duration }, "seed \(seed)")
    }

    /// Decoding order of the pictures between two that are there: the middle one, then those on its left and right.
    private static func halves(_ first: Int64, _ end: Int64, into shown: inout [Int64]) {
        guard first < end else { return }
        let middle = (first + end) / 2
        shown.append(middle)
        halves(first, middle, into: &shown)
        halves(middle + 1, end, into: &shown)
    }

    /// Encoders begin sound before its first sample that is to be heard, each by its own measure.
    @Test(arguments: [0, 312, 1024, 2048, 2112, 3072] as [Int64])
    func primingIsSkipped(priming: Int64) throws {
        let presentation = try Presentation(tracks: [
            (Fixture.video(timeScale: 24000), try Fixture.pictures(240, duration: 1001, group: 48, reordering: true)),
            (Fixture.audio(), try Fixture.sound(samples: 480_480, priming: priming)),
        ])
        for (track, expected) in zip(presentation.tracks, [1001, priming]) {
            let head = track.initializationSegment
            #expect(Int64(try HeaderFacts(head, try BoxTree.read(head)).skippedTicks) == expected)
            let first = try #require(track.segments.first)
            #expect(try WrittenRun(try track.header(of: try #require(first.pieces.first), in: first)).decodeTime == 0)
        }
        #expect(presentation.tracks[1].end == 480_480)
    }
}

/// A `moof` with one run, read by the words of ISO/IEC 14496-12, 8.8.
private struct WrittenRun {
    var decodeTime: Int64
    var durations: [Int64] = []
    var offsets: [Int64] = []

    init(_ bytes: [UInt8]) throws {
        let moof = try #require(try BoxTree.read(bytes).first { $0.type == "moof" })
        func content(_ type: String) throws -> [UInt8] {
            Array(try #require(moof.descendant("traf", type)).content(of: bytes))
        }
        func number(_ bytes: ArraySlice<UInt8>) -> Int64 { bytes.reduce(0) { $0 << 8 | Int64($1) } }
        let time = try content("tfdt")
        try #require(time[0] == 1)
        decodeTime = number(time[4..<12])
        let head = try content("tfhd")
        // After flags and track: a base offset, a description's index, then the duration.
        var place = 8 + (head[3] & 0x01 != 0 ? 8 : 0) + (head[3] & 0x02 != 0 ? 4 : 0)
        let standard = head[3] & 0x08 != 0 ? number(head[place..<place + 4]) : nil
        let run = try content("trun")
        let flags = number(run[1..<4])
        let count = number(run[4..<8])
        place = 8 + (flags & 0x01 != 0 ? 4 : 0) + (flags & 0x04 != 0 ? 4 : 0)
        func next() -> Int64 {
            defer { place += 4 }
            return number(run[place..<place + 4])
        }
        for _ in 0..<count {
            let duration = flags & 0x100 != 0 ? next() : standard
            durations.append(try #require(duration))
            if flags & 0x200 != 0 { _ = next() }
            if flags & 0x400 != 0 { _ = next() }
            offsets.append(flags & 0x800 != 0 ? Int64(Int32(truncatingIfNeeded: next())) : 0)
        }
        try #require(place == run.count)
    }
}
