import Testing

@testable import Packaging

/// Where tiles lie in AV1. The samples were coded by libaom from a test pattern of 128 x 128 in two by two tiles; the sizes of
/// their headers are those that FFmpeg's trace_headers tells.
@Suite struct AV1SubsampleTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.map { UInt8($0 < 0x3A ? $0 - 0x30 : $0 - 0x57) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// With the sequence header, which then need not be in the samples.
    private static let record = bytes("81000c000a0a0000000337ffe6d7c802")
    private static let key = bytes(
        "328e021000e0e00249208092c080004b240a07ca2dce6dae21533606f5ffd602c0f626821adfdc060061eddf2899c106432b"
            + "b9add3dabbab2aa866ad0f56ac618383b3fbf2804dceeac8be40230044ca956c44c8bd394576fbd9c2644523415ca81239e0"
            + "f2807c9663e017670486506a44c3b28be1869e65a3e2ed52da5ca4feb212b017ec5e1d731488614024bd389112f7db7055cc"
            + "2d4220fcffb11182e623711c702f269980c4d7757bea5e9226b4d07d4dc4f37ba9588f579d4427300f36ba966206bfd16a3e"
            + "6e2d10e7f7e55f6004c19c8c2690d8b1c01945518ae7b64619197ca9ff68e699b8fb201b7c60e6e1ec6325263612eb5ac5cd"
            + "19de214299fe6e3f3dd6006b80fb8c3de71bdda2cb986c")
    private static let inter = bytes(
        "321d3003c080000006e1e001c71060b0000800000199100199100199109910")

    private static func layout(_ scheme: ProtectionScheme, record: [UInt8] = record) throws -> SubsampleLayout {
        let track = try TrackDescription(
            name: "v", codec: .av1(AV1Configuration(record: record)), media: .video(.init(width: 128, height: 128)),
            timeScale: 25)
        return try #require(SubsampleLayout(track, scheme: scheme))
    }

    private static func parts(_ sample: [UInt8], _ layout: inout SubsampleLayout) throws -> [Subsample] {
        try sample.withUnsafeBytes { bytes throws(PackagingError) in try layout.subsamples(of: bytes) }
    }

    /// Whole blocks at the end of each tile, under either scheme; a tile without one is a part all the same.
    @Test(arguments: ProtectionScheme.allCases)
    func tilesAreProtectedAndNothingElse(scheme: ProtectionScheme) throws {
        var layout = try Self.layout(scheme)
        #expect(
            try Self.parts(Self.key, &layout) == [
                Subsample(clear: 16 + 12, protected: 64), Subsample(clear: 1 + 6, protected: 64),
                Subsample(clear: 1, protected: 48), Subsample(clear: 13, protected: 48),
            ])
        #expect(
            try Self.parts(Self.inter, &layout) == [
                Subsample(clear: 21 + 2, protected: 0), Subsample(clear: 1 + 2, protected: 0),
                Subsample(clear: 1 + 2, protected: 0), Subsample(clear: 2, protected: 0),
            ])
    }

    /// Temporal delimiters, metadata and padding stay clear, before and behind.
    @Test func otherUnitsStayClear() throws {
        var layout = try Self.layout(.cenc)
        let metadata: [UInt8] = [0x2A, 3, 4, 0x80, 0x80]
        let parts = try Self.parts([0x12, 0] + metadata + Self.key + [0x7A, 2, 0, 0x80], &layout)
        #expect(parts.first == Subsample(clear: 7 + 28, protected: 64))
        #expect(parts.last == Subsample(clear: 4, protected: 0))
        #expect(parts.count == 5)
    }

    /// A sequence header may come with a sample, and the last unit of one without its size.
    @Test func withoutConfiguration() throws {
        var layout = try Self.layout(.cbcs, record: Array(Self.record.prefix(4)))
        let parts = try Self.parts(
            Array(Self.record.dropFirst(4)) + [Self.key[0] & ~2] + Self.key.dropFirst(3), &layout)
        #expect(parts.map(\.protected) == [64, 64, 48, 48])
        #expect(parts.first?.clear == UInt16(Self.record.count - 4 + 28 - 2))
    }

    @Test func whatCannotBeReadIsRefused() throws {
        for (record, sample) in [
            (Array(Self.record.prefix(4)), Self.key), (Self.record, Array(Self.key.dropLast())),
            (Self.record, Array(Self.key.prefix(9))), (Self.record, [0x80, 0]), (Self.record, [0x32]),
            (Self.record, [0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), (Self.record, [0x42, 1, 0]),
        ] {
            var layout = try Self.layout(.cenc, record: record)
            let error = try #require(throws: PackagingError.self) { try Self.parts(sample, &layout) }
            #expect(error.code == .samplesInvalid)
        }
    }

    /// Whether a sample is refused; if not, its parts are the sample.
    private static func isRefused(_ sample: [UInt8], record: [UInt8]) throws -> Bool {
        var layout = try layout(.cenc, record: record)
        do {
            let parts = try parts(sample, &layout)
            #expect(parts.reduce(0) { $0 + Int($1.clear) + Int($1.protected) } == sample.count)
            return false
        } catch is PackagingError { return true }
    }

    /// Whatever the bits are: an error, or parts that are the sample.
    @Test func anyBitsAreReadOrRefused() throws {
        func flipped(_ bytes: [UInt8], _ place: Int) -> [UInt8] {
            var result = bytes
            result[place / 8] ^= 0x80 >> UInt8(place % 8)
            return result
        }
        let keys = try (0..<Self.key.count * 8).count { place in
            try Self.isRefused(flipped(Self.key, place), record: Self.record)
        }
        let records = try (32..<Self.record.count * 8).count { place in
            try Self.isRefused(Self.key, record: flipped(Self.record, place))
        }
        #expect(keys > 0 && records > 0)
    }

    /// The rule for the references that a frame does not name: the nearest on each side first, and the first of all for those
    /// that are left.
    @Test func shortReferences() {
        // Eight frames shown at 0, 8, 4, 2, 6, 16, 12, 10; the new one at 7.
        let orders = [0, 8, 4, 2, 6, 16, 12, 10]
        #expect(AV1ShortReferences.places(last: 4, golden: 0, order: 7, orders, 5) == [4, 2, 3, 0, 1, 7, 5])
        // All before: there is nothing behind.
        #expect(
            AV1ShortReferences.places(last: 7, golden: 0, order: 20, [1, 2, 3, 4, 5, 6, 7, 8], 7)
                == [7, 6, 5, 0, 4, 3, 2])
        // The hints go round: 30 lies before 1.
        #expect(AV1ShortReferences.distance(30, 1, 5) == -3)
        #expect(AV1ShortReferences.distance(1, 30, 5) == 3)
        #expect(AV1ShortReferences.distance(1, 30, 0) == 0)
    }
}
