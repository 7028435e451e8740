import Testing

@testable import Packaging

/// Movies as few write them, and such as are made to do harm.
@Suite struct OddMovieTests {
    private static func number(_ value: Int) -> [UInt8] { WrittenMovie.number(value) }
    private static func box(_ type: String, _ content: [UInt8]) -> [UInt8] { WrittenMovie.box(type, content) }
    private static func full(_ type: String, flags: Int = 0, _ numbers: [Int]) -> [UInt8] {
        WrittenMovie.full(type, flags: flags, numbers.flatMap(number))
    }

    /// - Parameters:
    ///   - front: what stands first in the track.
    ///   - tables: the content of `stbl`.
    private static func movie(front: [UInt8] = [], tables: [UInt8], fragments: [UInt8]? = nil) -> [UInt8] {
        let media = full("mdhd", [0, 0, 100, 0, 0]) + box("minf", box("stbl", tables))
        let defaults = fragments.map { _ in box("mvex", full("trex", [1, 1, 10, 5, 0])) } ?? []
        return box(
            "moov",
            full("mvhd", [0, 0, 600, 0]) + box("trak", front + full("tkhd", [0, 0, 1]) + box("mdia", media))
                + defaults) + (fragments ?? [])
    }

    private static func samples(_ bytes: [UInt8]) throws -> [MovieSample] {
        let movie = try #require(try MovieFile(MemoryBytes(bytes)))
        var samples = movie.samples(of: 0)
        var all: [MovieSample] = []
        while let sample = try samples.next() { all.append(sample) }
        return all
    }

    /// Of tables that come twice the second one holds, whatever form the first one had.
    @Test(arguments: [([5, 3], [5, 5, 5]), ([0, 3, 6, 7, 8], [6, 7, 8])])
    func tablesComeTwice(second: [Int], sizes: [Int]) throws {
        for first in [[0, 1, 9], [4, 9]] {
            let tables =
                Self.full("stts", [1, 3, 10]) + Self.full("stsc", [1, 1, 3, 1]) + Self.full("stco", [1, 0])
                + Self.full("stsz", first) + Self.full("stsz", second)
            #expect(try Self.samples(Self.movie(tables: tables)).map(\.data.count) == sizes)
        }
    }

    /// A fragment's samples in several runs and track fragments, some of which hold none.
    @Test func manyRuns() throws {
        func run(_ count: Int) -> [UInt8] {
            Self.full("trun", flags: 0x100, [count] + Array(repeating: 7, count: count))
        }
        let head = Self.full("tfhd", flags: 0x2_0000, [1])
        let parts =
            Self.box("traf", head + Self.full("tfdt", [50]) + run(2) + run(0) + run(1) + run(0))
            + Self.box("traf", head) + Self.box("traf", head + Self.full("tfdt", [500]) + run(2))
        let fragment = Self.box("moof", Self.full("mfhd", [1]) + parts) + Self.box("mdat", [1, 2, 3])
        let found = try Self.samples(Self.movie(tables: [], fragments: fragment + fragment))
        #expect(found.map(\.decodeTime) == [50, 57, 64, 71, 78, 50, 57, 64, 71, 78])
        #expect(found.allSatisfy { $0.data.count == 5 })
    }

    /// Every way to what is looked for ends.
    @Test func headersOfTooManyBoxes() throws {
        let many = Array([[UInt8]](repeating: Self.box("free", []), count: BoxWalk.maximumInside).joined())
        let error = try #require(throws: PackagingError.self) {
            _ = try MovieFile(MemoryBytes(Self.movie(front: many, tables: [])))
        }
        #expect(error.code == .limitExceeded && error.message.hasPrefix("more than 10000 boxes side by side"))
    }

    private static let references: [([UInt8], [Int])] = [
        (box("tref", number(3) + number(0)), []),
        (box("tref", number(0x7FFF_FFFF) + Array("chap".utf8)), []),
        (box("tref", number(1) + Array("chap".utf8)), []),
        (box("tref", box("chap", [0, 0])), []),
        (box("tref", box("chap", number(7) + number(9) + [0])), [7, 9]),
        (box("tref", Array(repeating: box("free", []), count: BoxWalk.maximumInside + 1).flatMap(\.self)), []),
    ]

    /// A film plays without its chapters: a damaged reference to them is none, and all else stands.
    @Test(arguments: references)
    func chapters(front: [UInt8], ids: [Int]) throws {
        let movie = try #require(try MovieFile(MemoryBytes(Self.movie(front: front, tables: []))))
        #expect(movie.tracks.map(\.id) == [1] && movie.tracks.map(\.chapters) == [ids])
    }

    /// Damage is no reason where storage does not answer: the film may have chapters.
    @Test func chaptersThatStorageHolds() throws {
        let bytes = Self.movie(front: Self.box("tref", Self.box("chap", Self.number(7))), tables: [])
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: "chap".utf8) }) + 4
        let error = #expect(throws: PackagingError.self) {
            _ = try MovieFile(BytesWithGap(content: bytes, gap: place..<place + 4))
        }
        #expect(error?.code == .storageUnavailable)
    }

    /// Bytes of which some cannot be had for now.
    private struct BytesWithGap: StoredBytes {
        let content: [UInt8]
        let gap: Range<Int>

        var count: Int { content.count }

        func bytes(_ range: Range<Int>) throws(PackagingError) -> [UInt8] {
            guard range != gap else { throw PackagingError(.storageUnavailable, "no answer") }
            return Array(content[range])
        }
    }

    /// QuickTime's descriptions of sound have further fields by their version, and a zero at the end.
    @Test(arguments: [(0, 0, 0), (0, 1, 16), (0, 2, 36), (1, 1, 0)])
    func soundDescriptions(version: Int, ofEntry: UInt8, fields: Int) throws {
        let head = [UInt8](repeating: 0, count: 9) + [ofEntry] + [UInt8](repeating: 0, count: 18 + fields)
        let entry = Self.box("mp4a", head + Self.box("esds", [1, 2]) + Self.number(0))
        let boxes = try BoxTree.read(Self.box("stsd", Self.number(version << 24) + Self.number(1) + entry))
        #expect(boxes.first?.first("mp4a")?.children.map(\.type) == ["esds"])
    }

    private static let soundBoxes: [([UInt8], Bool)] = [
        (box("wave", box("frma", number(0)) + box("dac3", [1, 2, 3]) + number(8) + number(0)), true),
        (box("wave", box("dac3", [1, 2, 3]) + number(0)), true),
        (box("wave", box("dac3", [1, 2, 3])) + number(0), true),
        (box("dac3", [1, 2, 3]), true),
        (box("wave", []), false),
        (box("wave", box("mp4a", number(0)) + [1, 2, 3]), false),
    ]

    /// QuickTime has what describes a codec in a box of its own, which may end by zeros; damage in it is that of its codec.
    @Test(arguments: soundBoxes)
    func descriptionsInTheWaveBox(boxes: [UInt8], isFound: Bool) throws {
        let entry = Self.box("ac-3", [UInt8](repeating: 0, count: 28) + boxes)
        let description = try SampleDescription(box: Self.box("stsd", Self.number(0) + Self.number(1) + entry))
        if isFound {
            #expect(try description.ac3().record == [1, 2, 3])
        } else {
            let error = #expect(throws: PackagingError.self) { try description.ac3() }
            #expect(error?.message == "the sample entry 'ac-3' has no 'dac3' box")
        }
    }

    @Test(arguments: [
        Edited("no movie", parts: 0, bytes: box("free", [1])), Edited("nothing", parts: 0, bytes: []),
        Edited("no list", parts: 0, bytes: box("moov", box("trak", full("tkhd", [1])))),
        Edited("a delay alone", [[(9, -1)]], parts: 0), Edited("one part", [[(9, 0)]], parts: 1),
        Edited("a delay and a part", [[(9, -1), (9, 100)]], parts: 1),
        Edited("parts with a pause", [[(9, 0), (9, -1), (9, 0)]], parts: 2),
        Edited("the most of several tracks", [[], [(9, 0), (9, 10), (9, 20)], [(9, 0)]], parts: 3),
        Edited("times of 64 bits", parts: 2, bytes: track("elst", [0x100_0000, 2, 0, 9, 0, 7, 1, 0, 9, 0, 8, 1])),
        Edited("a list that promises more than it holds", parts: 1, bytes: track("elst", [0, -1, 9, 0, 1, 9, 4])),
        Edited(
            "more than are counted", parts: 1024,
            bytes: track("elst", [0, 2000] + [[Int]](repeating: [9, 0, 1], count: 2000).joined())),
        Edited(
            "an impossible box in front of the list", parts: 0, bytes: box("moov", number(3) + number(0) + number(0))),
        Edited("a movie that is cut off behind the list", [[(9, 0)], []], parts: 1, cut: 1),
        // As of a recording of three hours, which can be read though it was never ended.
        Edited(
            "many fragments", [[(9, 0)]], parts: 1,
            behind: Array([[UInt8]](repeating: box("moof", []) + box("mdat", [0]), count: 6000).joined())),
        Edited("a second movie", [[(9, 0)]], parts: 1, behind: track("elst", [0, 2, 9, 0, 1, 9, 0, 1])),
    ])
    func editedParts(film: Edited) throws {
        #expect(try MovieFile.editedParts(MemoryBytes(film.bytes)) == film.parts)
    }

    /// A movie of one track with a list.
    private static func track(_ type: String, _ numbers: [Int]) -> [UInt8] {
        box("moov", box("trak", box("edts", box(type, numbers.flatMap(number)))))
    }

    struct Edited: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let parts: Int
        let bytes: [UInt8]

        init(_ name: String, parts: Int, bytes: [UInt8]) {
            testDescription = name
            self.parts = parts
            self.bytes = bytes
        }

        /// - Parameter tracks: lengths and times of the edits of each.
        init(_ name: String, _ tracks: [[(Int, Int)]], parts: Int, behind: [UInt8] = [], cut: Int = 0) {
            let content = tracks.flatMap { edits in
                let list = full("elst", [edits.count] + edits.flatMap { [$0.0, $0.1, 0x1_0000] })
                return box("trak", full("tkhd", [1]) + (edits.isEmpty ? [] : box("edts", list)))
            }
            self.init(name, parts: parts, bytes: (box("moov", content) + behind).dropLast(cut))
        }
    }
}
