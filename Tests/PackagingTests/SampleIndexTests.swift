import Testing

@testable import Packaging

@Suite struct SampleIndexTests {
    private static func index(_ rows: [(Int64, Int64, Bool)]) throws -> SampleIndex {
        var index = SampleIndex()
        for (decode, present, sync) in rows {
            try index.append(decodeTime: decode, presentationTime: present, size: 10, isSync: sync)
        }
        return index
    }

    @Test(
        arguments: [
            ("no reordering", [(0, 0, true), (1, 1, false)], [0, 1], [0, 0]),
            ("decoding ahead by one", [(-1, 0, true), (0, 2, false), (1, 1, false)], [-1, 0, 1], [1, 2, 0]),
            (
                "decoding further ahead than needed", [(-5, 0, true), (-4, 2, false), (-3, 1, false)], [-1, 0, 1],
                [1, 2, 0]
            ),
            ("negative offsets", [(0, 0, true), (1, 2, false), (2, 1, false)], [-1, 0, 1], [1, 2, 0]),
            ("priming", [(-1024, -1024, true), (0, 0, true)], [-1024, 0], [0, 0]),
            ("a late start stays late", [(90, 100, true), (91, 101, false)], [100, 101], [0, 0]),
        ] as [(String, [(Int64, Int64, Bool)], [Int64], [Int32])])
    func shiftsDecodingTimes(
        name: String, rows: [(Int64, Int64, Bool)], decodeTimes: [Int64], offsets: [Int32]
    ) throws {
        let samples = try Self.index(rows).samples(mediaDuration: nil)
        #expect(samples.map(\.decodeTime) == decodeTimes, "\(name)")
        #expect(samples.map(\.compositionOffset) == offsets, "\(name)")
        #expect(samples.map(\.presentationTime) == rows.map(\.1), "\(name)")
    }

    @Test(
        arguments: [
            ("given by the container", 2560, [1024, 1024, 512]), ("unknown", nil, [1024, 1024, 1024]),
            ("shorter than the samples", 2048, [1024, 1024, 1024]),
        ] as [(String, Int64?, [UInt32])])
    func findsTheLastDuration(name: String, media: Int64?, durations: [UInt32]) throws {
        let index = try Self.index([(0, 0, true), (1024, 1024, true), (2048, 2048, true)])
        #expect(try index.samples(mediaDuration: media).map(\.duration) == durations, "\(name)")
    }

    @Test func refusesWhatContradictsItself() throws {
        let empty = try #require(throws: PackagingError.self) { try SampleIndex().samples(mediaDuration: nil) }
        #expect(empty.code == .samplesInvalid)
        let noKey = try #require(throws: PackagingError.self) {
            try Self.index([(0, 0, false)]).samples(mediaDuration: nil)
        }
        #expect(noKey.code == .samplesInvalid)
        let backwards = try #require(throws: PackagingError.self) { try Self.index([(5, 5, true), (5, 6, false)]) }
        #expect(backwards.code == .samplesInvalid)
        #expect(backwards.message.contains("sample 2") && backwards.message.contains("5"))
        let tooFar = try #require(throws: PackagingError.self) {
            try Self.index([(0, 0, true), (1 << 33, 1 << 33, false)]).samples(mediaDuration: nil)
        }
        #expect(tooFar.code == .limitExceeded)
        for time in [Int64.min, -1 << 53, 1 << 53, .max] {
            let decoding = try #require(throws: PackagingError.self) { try Self.index([(time, 0, true)]) }
            #expect(decoding.code == .limitExceeded, "\(time)")
            let presentation = try #require(throws: PackagingError.self) { try Self.index([(0, time, true)]) }
            #expect(presentation.code == .limitExceeded, "\(time)")
        }
        for size in [0, -1, SampleIndex.maximumSize + 1] {
            var index = SampleIndex()
            let error = try #require(throws: PackagingError.self) {
                try index.append(decodeTime: 0, presentationTime: 0, size: size, isSync: true)
            }
            #expect(error.code == .limitExceeded, "\(size)")
        }
    }
}
