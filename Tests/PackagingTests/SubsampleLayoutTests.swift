import Testing

@testable import Packaging

@Suite struct SubsampleLayoutTests {
    /// Baseline, 16x16: every field of the slice header that is there is short.
    private static let record: [UInt8] = {
        let sequence: [UInt8] = [0x67, 0x42, 0xC0, 0x0A, 0xDD, 0xC4]
        let picture: [UInt8] = [0x68, 0xCE, 0x38, 0x80]
        return [1, 0x42, 0xC0, 0x0A, 0xFF, 0xE1, 0, UInt8(sequence.count)] + sequence + [1, 0, UInt8(picture.count)]
            + picture
    }()

    private static func layout(_ scheme: ProtectionScheme) throws -> SubsampleLayout {
        let track = try TrackDescription(
            name: "v", codec: .avc(AVCConfiguration(record: record)), media: .video(.init(width: 16, height: 16)),
            timeScale: 25)
        return try #require(SubsampleLayout(track, scheme: scheme))
    }

    private static func unit(_ bytes: [UInt8]) -> [UInt8] {
        [0, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
    }

    /// An IDR slice: first_mb 0, type 7, pps 0, frame_num, idr_pic_id 0, ..., then data.
    private static func slice(_ length: Int) -> [UInt8] {
        unit([0x65, 0x88, 0x84, 0xA0] + (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + 9) })
    }

    private static func parts(_ sample: [UInt8], _ scheme: ProtectionScheme) throws -> [Subsample] {
        var layout = try layout(scheme)
        return try sample.withUnsafeBytes { bytes throws(PackagingError) in try layout.subsamples(of: bytes) }
    }

    @Test func unitsWithoutPicturesStayClear() throws {
        let message = Self.unit([0x06, 5, 1, 2, 0x80])
        let sample = message + Self.slice(200)
        for scheme in ProtectionScheme.allCases {
            let parts = try Self.parts(sample, scheme)
            #expect(parts.count == 1)
            #expect(parts[0].clear >= message.count + 4 + 4)
            if scheme == .cbcs { #expect(parts[0].clear == message.count + 4 + 4) }
            #expect(Int(parts[0].clear) + Int(parts[0].protected) == sample.count)
        }
        #expect(try Self.parts(sample, .cenc)[0].protected % 16 == 0)
    }

    @Test func whatFollowsStaysClearInAPartOfItsOwn() throws {
        let sample = Self.slice(100) + Self.unit([0x06, 1, 1, 2, 0x80])
        let parts = try Self.parts(sample, .cbcs)
        #expect(parts.count == 2)
        #expect(parts[1] == Subsample(clear: 9, protected: 0))
    }

    @Test func aClearPartIsAtMostSixteenBitsLong() throws {
        var sample = Self.unit([0x06] + [UInt8](repeating: 7, count: 60_000))
        sample += Self.unit([0x06] + [UInt8](repeating: 7, count: 60_000)) + Self.slice(50)
        let parts = try Self.parts(sample, .cbcs)
        #expect(parts.first == Subsample(clear: .max, protected: 0))
        #expect(parts.reduce(0) { $0 + Int($1.clear) + Int($1.protected) } == sample.count)
    }

    @Test(
        arguments: [
            ("a length beyond the sample", [0, 0, 1, 0, 0x65, 0x88]), ("a length cut off", [0, 0, 0]),
            ("a slice of an unknown parameter set", [0, 0, 0, 5, 0x65, 0x88, 0x01, 0x01, 0x01]),
            ("a data partition", [0, 0, 0, 3, 0x62, 0x88, 0x84]),
            ("a slice that is all header", [0, 0, 0, 2, 0x65, 0x88]),
        ] as [(String, [UInt8])])
    func refusesWhatItCannotRead(name: String, sample: [UInt8]) throws {
        let error = try #require(throws: PackagingError.self, "\(name)") { try Self.parts(sample, .cbcs) }
        #expect(error.code == .samplesInvalid && error.message.contains("sample 1"), "\(error)")
    }

    @Test func soundIsProtectedWhole() throws {
        let sound = try Fixture.audio()
        #expect(SubsampleLayout(sound, scheme: .cbcs) == nil)
    }
}
