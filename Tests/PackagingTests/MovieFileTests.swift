import SeededNumbers
import Testing

@testable import Packaging

/// Movies written by the words of ISO/IEC 14496-12, read back.
@Suite struct MovieFileTests {
    /// Tables and fragments of any shape say the same.
    @Test(arguments: 0..<60)
    func readsBackWhatWasWritten(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let movie = WrittenMovie(using: &random)
        let file = try #require(try MovieFile(MemoryBytes(movie.bytes)))
        #expect(file.tracks.count == 2)
        for (index, track) in movie.tracks.enumerated() {
            #expect(file.tracks[index].timeScale == track.timeScale && file.tracks[index].id == track.id)
            #expect(try file.allSamples(of: index) == movie.samples(of: index), "seed \(seed), track \(index)")
        }
        // An excerpt is a movie again, of the same beginning.
        let excerpt = try #require(try MovieFile(MemoryBytes(try file.excerpt())))
        for (index, track) in movie.tracks.enumerated() {
            let written = movie.samples(of: index).prefix(MovieExcerpt.samplesPerTrack)
            let read = try excerpt.allSamples(of: index)
            #expect(read.count == written.count, "seed \(seed)")
            let start = (read.first?.decodeTime ?? 0) - (written.first?.decodeTime ?? 0)
            for (one, other) in zip(read, written) {
                #expect(one.decodeTime == other.decodeTime + start && one.isSync == other.isSync)
                #expect(one.presentationTime == other.presentationTime + start && one.data.count == other.data.count)
            }
            #expect(excerpt.tracks[index].editOffset == file.tracks[index].editOffset)
            #expect(excerpt.tracks[index].id == track.id)
        }
    }

    /// Whatever byte of the headers is another, or wherever the file ends, there is an answer.
    @Test(arguments: 0..<20)
    func damageIsTold(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed) + 1000)
        let movie = WrittenMovie(using: &random)
        for _ in 0..<100 {
            var bytes = movie.bytes
            if Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, bytes[place] ^ 1].randomElement(using: &random) ?? 0
                }
            }
            do {
                guard let file = try MovieFile(MemoryBytes(bytes)) else { continue }
                for index in file.tracks.indices {
                    for sample in try file.allSamples(of: index) {
                        #expect(sample.data.lowerBound >= 0 && sample.data.upperBound <= bytes.count)
                    }
                }
                _ = try file.excerpt()
            } catch let error as PackagingError {
                #expect(!error.message.isEmpty)
            }
        }
    }

    @Test(arguments: [
        Lie("a count beyond the box", says: "'stts'") { $0.replace("stts", at: 4, with: [0x7F, 0xFF, 0xFF, 0xFF]) },
        Lie("durations beyond all numbers", says: "add up to") {
            $0.replace("stts", at: 8, with: [UInt8](repeating: 0xFF, count: 8))
        },
        Lie("fewer durations than samples", says: "describes 4 samples of 6") {
            $0.replace("stts", at: 16, with: [0, 0, 0, 0])
        },
        Lie("more samples than a day has", code: .limitExceeded, says: "up to") {
            $0.replace("stsz", at: 4, with: [0, 0, 0, 1, 0xFF])
        },
        Lie("a size beyond the file", says: "promise more than there is") {
            $0.replace("stsz", at: 12, with: [0x7F, 0xFF, 0xFF, 0xFF])
        },
        Lie("a chunk behind the end", says: "promise more than there is") {
            $0.replace("stco", at: 8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        },
        Lie("fewer chunks than samples need", says: "'stco' describes 3 samples of 6") {
            $0.replace("stco", at: 4, with: [0, 0, 0, 1])
        },
        Lie("chunks that begin at the second", says: "no order") { $0.replace("stsc", at: 8, with: [0, 0, 0, 2]) },
        Lie("empty chunks", says: "no samples") { $0.replace("stsc", at: 12, with: [0, 0, 0, 0]) },
        Lie("no time scale", says: "no time scale") { $0.replace("mdhd", at: 12, with: [0, 0, 0, 0]) },
        Lie("an impossible box", says: "claims") { $0.replace("stsd", at: -8, with: [0x7F, 0, 0, 0]) },
        Lie("cut off in its headers", says: "cut off in its index") { $0.removeLast() },
        Lie("another sample description", code: .trackInvalid, says: "sample 1 has another") {
            $0.replace("stsc", at: 16, with: [0, 0, 0, 2])
        },
        Lie("an edit of two parts", code: .trackInvalid, says: "several parts") {
            $0.replace("elst", at: 12, with: [0, 0, 0, 0])
        },
        Lie("an edit before all time", says: "an edit begins at -2") {
            $0.replace("elst", at: 12, with: [0xFF, 0xFF, 0xFF, 0xFE])
        },
    ])
    func liesAreTold(lie: Lie) throws {
        var bytes = WrittenMovie.plain
        let good = try #require(try MovieFile(MemoryBytes(bytes)))
        #expect(try good.allSamples(of: 0).count == 6)
        lie.tell(&bytes)
        let error = try #require(throws: PackagingError.self) {
            _ = try MovieFile(MemoryBytes(bytes))?.allSamples(of: 0)
        }
        #expect(error.code == lie.code && error.message.contains(lie.says), "\(error)")
    }

    @Test func otherThingsAreNoMovie() throws {
        let words = Array("no media at all, but text".utf8)
        for bytes in [
            [], words, WrittenMovie.box("mdat", [1, 2, 3]), WrittenMovie.box("RIFF", [1]) + words,
            WrittenMovie.box("mdat", words) + [1, 2],
        ] as [[UInt8]] {
            #expect(try MovieFile(MemoryBytes(bytes)) == nil)
        }
    }
}

/// What is wrong with a movie, and what is said of it.
struct Lie: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: PackagingError.Code
    let says: String
    let tell: @Sendable (inout [UInt8]) -> Void

    init(
        _ name: String, code: PackagingError.Code = .samplesInvalid, says: String,
        _ tell: @escaping @Sendable (inout [UInt8]) -> Void
    ) {
        testDescription = name
        self.code = code
        self.says = says
        self.tell = tell
    }
}

extension [UInt8] {
    /// Overwrites bytes of a box's content, by the first box of that type; its head lies before zero.
    fileprivate mutating func replace(_ type: String, at offset: Int, with bytes: [UInt8]) {
        let code = Array(type.utf8)
        guard let place = indices.first(where: { self[$0...].starts(with: code) }) else {
            preconditionFailure("no box \(type)")
        }
        replaceSubrange(place + 4 + offset..<place + 4 + offset + bytes.count, with: bytes)
    }
}

extension MovieFile {
    fileprivate func allSamples(of index: Int) throws -> [MovieSample] {
        var samples = samples(of: index)
        var all: [MovieSample] = []
        while let sample = try samples.next() { all.append(sample) }
        return all
    }
}

/// A movie with a track of pictures and one of sound, in tables, in fragments, or in both.
struct WrittenMovie {
    struct Track {
        let id: Int
        let timeScale: Int
        let isVideo: Bool
        /// Of its first edit.
        let editStart: Int
        /// In ticks of the movie, of an empty edit before it; zero for none.
        let delay: Int
        /// How many of its samples lie in tables.
        let inTables: Int
        let chunk: Int
        var samples: [(duration: Int, offset: Int, size: Int, isSync: Bool, place: Int)]
    }

    private(set) var tracks: [Track] = []
    private(set) var bytes: [UInt8] = []
    private static let movieScale = 600

    init(using random: inout SplitMix64) {
        let isFragmented = Bool.random(using: &random)
        let isHybrid = isFragmented && Bool.random(using: &random)
        for (id, isVideo) in [(3, true), (7, false)] {
            let count = Int.random(in: 1...120, using: &random)
            let hasOneDuration = Bool.random(using: &random)
            let (one, size) = (Int.random(in: 1...2000, using: &random), Int.random(in: 1...60, using: &random))
            let hasOneSize = Int.random(in: 0...3, using: &random) == 0
            let hasOffsets = isVideo && Bool.random(using: &random)
            var samples: [(duration: Int, offset: Int, size: Int, isSync: Bool, place: Int)] = []
            for place in 0..<count {
                samples.append(
                    (
                        hasOneDuration ? one : Int.random(in: 1...3000, using: &random),
                        hasOffsets ? Int.random(in: -2000...4000, using: &random) : 0,
                        hasOneSize ? size : Int.random(in: 1...60, using: &random),
                        !isVideo || place == 0 || Int.random(in: 0...9, using: &random) == 0, 0
                    ))
            }
            tracks.append(
                Track(
                    id: id, timeScale: isVideo ? 12800 : 48000, isVideo: isVideo,
                    editStart: Bool.random(using: &random) ? Int.random(in: 0...3000, using: &random) : 0,
                    delay: Bool.random(using: &random) ? Int.random(in: 1...900, using: &random) : 0,
                    inTables: isHybrid ? Int.random(in: 0...count, using: &random) : isFragmented ? 0 : count,
                    chunk: Int.random(in: 1...7, using: &random), samples: samples))
        }
        write(isFragmented: isFragmented, using: &random)
    }

    private init(plain count: Int) {
        let samples = (0..<count).map { (duration: 10, offset: 0, size: 5 + $0 % 2, isSync: $0 % 3 == 0, place: 0) }
        tracks = [
            Track(
                id: 1, timeScale: 100, isVideo: true, editStart: 0, delay: 5, inTables: count, chunk: 3,
                samples: samples)
        ]
        var random = SplitMix64(seed: 0)
        write(isFragmented: false, using: &random)
    }

    /// Six samples in two chunks, with an empty edit in front.
    static let plain = WrittenMovie(plain: 6).bytes

    /// What must be read.
    func samples(of index: Int) -> [MovieSample] {
        let track = tracks[index]
        let delay = MediaTime(Int64(track.delay), scale: Int64(Self.movieScale)).ticks(scale: Int64(track.timeScale))
        var time = delay - Int64(track.editStart)
        return track.samples.map { sample in
            defer { time += Int64(sample.duration) }
            return MovieSample(
                decodeTime: time, presentationTime: time + Int64(sample.offset), duration: Int64(sample.duration),
                isSync: sample.isSync, data: sample.place..<sample.place + sample.size)
        }
    }

    private mutating func write(isFragmented: Bool, using random: inout SplitMix64) {
        bytes = Self.box("ftyp", Array("isom".utf8) + Self.number(0) + Array("isomiso6".utf8))
        // Chunks of both tracks in turn.
        let start = bytes.count
        bytes += Self.number(0) + Array("mdat".utf8)
        var done = tracks.map { _ in 0 }
        while zip(done, tracks).contains(where: { $0 < $1.inTables }) {
            for index in tracks.indices {
                let end = min(done[index] + tracks[index].chunk, tracks[index].inTables)
                for place in done[index]..<end { add(place, ofTrack: index) }
                done[index] = end
            }
        }
        bytes.replaceSubrange(start..<start + 4, with: Self.number(bytes.count - start))
        var moov = Self.full("mvhd", [UInt8](repeating: 0, count: 8) + Self.number(Self.movieScale) + Self.number(0))
        for track in tracks { moov += Self.box("trak", header(of: track)) }
        if isFragmented {
            moov += Self.box(
                "mvex",
                tracks.flatMap { Self.full("trex", [$0.id, 1, 11, 22, 0x1_0000].flatMap { Self.number($0) }) })
        }
        bytes += Self.box("moov", moov)
        guard isFragmented else { return }
        var starts = tracks.map { track in track.samples.prefix(track.inTables).reduce(0) { $0 + $1.duration } }
        while zip(done, tracks).contains(where: { $0 < $1.samples.count }) {
            let first = Bool.random(using: &random) ? 0 : 1
            let order = [first, 1 - first].filter { done[$0] < tracks[$0].samples.count }
            var parts: [(track: Int, places: Range<Int>)] = []
            for index in order {
                let end = min(done[index] + Int.random(in: 1...40, using: &random), tracks[index].samples.count)
                parts.append((index, done[index]..<end))
                done[index] = end
            }
            addFragment(parts, &starts, using: &random)
        }
    }

    private mutating func add(_ place: Int, ofTrack index: Int) {
        tracks[index].samples[place].place = bytes.count
        bytes += [UInt8](repeating: UInt8(truncatingIfNeeded: place), count: tracks[index].samples[place].size)
    }

    private mutating func addFragment(
        _ parts: [(track: Int, places: Range<Int>)], _ starts: inout [Int], using random: inout SplitMix64
    ) {
        let start = bytes.count
        // From the fragment's beginning, from the file's, or behind the data before: three ways to say a place.
        let addressing = Int.random(in: 0...2, using: &random)
        func moof(size: Int) -> [UInt8] {
            var place = size + 8
            var content = Self.full("mfhd", Self.number(1))
            for (index, places) in parts {
                let track = tracks[index]
                var tfhd = Self.number(track.id)
                var position = Self.number(place)
                if addressing == 1 {
                    tfhd += Self.number(0) + Self.number(start + 4)
                    position = Self.number(place - 4)
                }
                let samples = track.samples[places]
                let one = samples.first.map(\.duration).flatMap { first in
                    samples.allSatisfy { $0.duration == first } ? first : nil
                }
                if let one { tfhd += Self.number(one) }
                let isFirst = index == parts[0].track
                let runFlags =
                    (addressing == 2 && !isFirst ? 0 : 1) | 0x200 | 0x400 | 0x800 | (one == nil ? 0x100 : 0)
                var trun = Self.number(samples.count)
                if runFlags & 1 != 0 { trun += position }
                for sample in samples {
                    if one == nil { trun += Self.number(sample.duration) }
                    trun += Self.number(sample.size) + Self.number(sample.isSync ? 0x200_0000 : 0x101_0000)
                    trun += Self.number(sample.offset)
                    place += sample.size
                }
                content += Self.box(
                    "traf",
                    Self.full(
                        "tfhd", flags: (addressing == 0 ? 0x2_0000 : addressing == 1 ? 1 : 0) | (one == nil ? 0 : 8),
                        tfhd)
                        + Self.full("tfdt", Self.number(starts[index])) + Self.full("trun", flags: runFlags, trun))
            }
            return Self.box("moof", content)
        }
        let size = moof(size: 0).count
        bytes += moof(size: size)
        let data = bytes.count
        bytes += Self.number(0) + Array("mdat".utf8)
        for (index, places) in parts {
            for place in places {
                add(place, ofTrack: index)
                starts[index] += tracks[index].samples[place].duration
            }
        }
        bytes.replaceSubrange(data..<data + 4, with: Self.number(bytes.count - data))
    }

    private func header(of track: Track) -> [UInt8] {
        let samples = track.samples.prefix(track.inTables)
        var edits: [UInt8] = []
        if track.delay > 0 { edits += Self.number(track.delay) + Self.number(-1) + Self.number(0x1_0000) }
        edits += Self.number(0) + Self.number(track.editStart) + Self.number(0x1_0000)
        let zeros = [UInt8](repeating: 0, count: 8)
        let description = Self.full("stsd", Self.number(1) + Self.box("none", zeros))
        // Runs of equal values, but for some that are split.
        func runs(_ values: [Int]) -> [UInt8] {
            var runs: [(count: Int, value: Int)] = []
            for value in values {
                if let last = runs.last, last.value == value, last.count % 5 != 4 {
                    runs[runs.count - 1].count += 1
                } else {
                    runs.append((1, value))
                }
            }
            return Self.number(runs.count) + runs.flatMap { Self.number($0.count) + Self.number($0.value) }
        }
        var tables = description + Self.full("stts", runs(samples.map(\.duration)))
        if samples.contains(where: { $0.offset != 0 }) {
            tables += Self.box("ctts", [1, 0, 0, 0] + runs(samples.map(\.offset)))
        }
        if samples.contains(where: { !$0.isSync }) {
            let numbers = samples.enumerated().filter(\.element.isSync).map { Self.number($0.offset + 1) }
            tables += Self.full("stss", Self.number(numbers.count) + numbers.joined())
        }
        let chunks = stride(from: 0, to: samples.count, by: track.chunk).map { samples[$0].place }
        let last = samples.count % track.chunk
        var entries = [[1, min(track.chunk, max(1, samples.count)), 1]]
        if last > 0, chunks.count > 1 { entries.append([chunks.count, last, 1]) }
        tables += Self.full(
            "stsc",
            Self.number(samples.isEmpty ? 0 : entries.count)
                + (samples.isEmpty ? [] : entries.joined().flatMap { Self.number($0) }))
        let sizes = Set(samples.map(\.size))
        tables += Self.full(
            "stsz",
            Self.number(sizes.count == 1 ? sizes.first ?? 0 : 0) + Self.number(samples.count)
                + (sizes.count == 1 ? [] : samples.flatMap { Self.number($0.size) }))
        let isLong = track.chunk % 2 == 0
        tables += Self.full(
            isLong ? "co64" : "stco",
            Self.number(chunks.count) + chunks.flatMap { (isLong ? Self.number(0) : []) + Self.number($0) })
        let media =
            Self.full(
                "mdhd",
                zeros + Self.number(track.timeScale) + Self.number(samples.reduce(0) { $0 + $1.duration })
                    + Self.number(0))
            + Self.full(
                "hdlr", Self.number(0) + Array((track.isVideo ? "vide" : "soun").utf8) + zeros + Self.number(0))
            + Self.box("minf", Self.box("stbl", tables))
        return Self.full("tkhd", zeros + Self.number(track.id) + zeros)
            + Self.box("edts", Self.full("elst", Self.number(track.delay > 0 ? 2 : 1) + edits))
            + Self.box("mdia", media)
    }

    static func number(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
        number(content.count + 8) + Array(type.utf8) + content
    }

    static func full(_ type: String, flags: Int = 0, _ content: [UInt8]) -> [UInt8] {
        box(type, number(flags) + content)
    }
}
