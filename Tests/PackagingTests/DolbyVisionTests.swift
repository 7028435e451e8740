import Testing

@testable import Packaging

/// Dolby Vision over pictures that others show as well, and what playlists tell of outputs.
@Suite struct DolbyVisionTests {
    /// Version 1.0, with metadata and base layer.
    private static func record(profile: UInt8, level: UInt8, compatibility: UInt8) -> [UInt8] {
        [1, 0, profile << 1 | level >> 5, level << 3 | 0b101, compatibility << 4] + [UInt8](repeating: 0, count: 19)
    }

    private static let hevc: [UInt8] =
        [1, 1, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93] + [UInt8](repeating: 0xF0, count: 9) + [1]

    private static func presentation(
        _ codec: CodecConfiguration, _ record: [UInt8], protection: TrackProtection? = nil
    ) throws -> Presentation {
        let description = try TrackDescription(
            name: "v", codec: codec,
            media: .video(.init(width: 64, height: 64, dolbyVision: DolbyVisionConfiguration(record: record))),
            timeScale: 25)
        let pictures = try Fixture.pictures(50, group: 25)
        var subsamples = SubsampleTable()
        for picture in pictures { try subsamples.append([Subsample(clear: 4, protected: picture.size - 4)]) }
        return try Presentation(
            tracks: [
                TrackInput(
                    description: description, samples: pictures, protection: protection,
                    subsamples: protection == nil ? nil : subsamples)
            ])
    }

    @Test(
        arguments: [
            (8, 6, 1, "dvh1.08.06/db1p"), (8, 33, 4, "dvh1.08.33/db4h"), (8, 1, 2, "dvh1.08.01/db2g"),
            // For Dolby Vision alone.
            (5, 6, 0, nil),
        ] as [(UInt8, UInt8, UInt8, String?)])
    func playlistsTellOfIt(profile: UInt8, level: UInt8, compatibility: UInt8, codecs: String?) throws {
        let record = Self.record(profile: profile, level: level, compatibility: compatibility)
        let presentation = try Self.presentation(.hevc(HEVCConfiguration(record: Self.hevc)), record)
        let lines = HLSPlaylists(presentation).multivariant.split(separator: "\n").filter { $0.contains("CODECS=") }
        #expect(!lines.isEmpty)
        for line in lines {
            #expect(line.contains("SUPPLEMENTAL-CODECS") == (codecs != nil))
            if let codecs { #expect(line.contains(",SUPPLEMENTAL-CODECS=\"\(codecs)\",")) }
        }
        // What is written is read again.
        let dump = try BoxDump.text(presentation.tracks[0].initializationSegment)
        #expect(dump.contains("dvvC") == (codecs != nil))
    }

    @Test func otherCodecs() throws {
        let record = Self.record(profile: 10, level: 5, compatibility: 1)
        let video = try #require(DolbyVisionConfiguration(record: record))
        #expect(try video.codecs(over: .av1(AV1Configuration(record: [0x81, 4, 0x4C, 0]))) == "dav1.10.05/db1p")
        #expect(try video.codecs(over: .aac(AACConfiguration(record: Fixture.aacRecord))) == nil)
        #expect(DolbyVisionConfiguration(record: Array(record.prefix(4))) == nil)
        #expect(DolbyVisionConfiguration(record: [2] + record.dropFirst()) == nil)
    }

    @Test func sampleDescriptionsCarryIt() throws {
        let record = Self.record(profile: 8, level: 6, compatibility: 1)
        var writer = BoxWriter()
        writer.fullBox("stsd") { stsd in
            stsd.u32(1)
            stsd.box("hvc1") { entry in
                entry.zeros(78)
                entry.box("dvvC") { $0.raw(record) }
            }
        }
        #expect(try SampleDescription(box: writer.bytes).dolbyVision?.record == record)
    }

    @Test(arguments: [OutputLevel?.none, .some(.none), .type0, .type1])
    func playlistsTellWhatOutputsNeed(level: OutputLevel?) throws {
        let protection = TrackProtection(
            scheme: .cenc, keyID: try #require(KeyID(ProtectionTests.keyID)), vector: [0, 0, 0, 0, 0, 0, 0, 1],
            outputLevel: level)
        let presentation = try Self.presentation(
            .hevc(HEVCConfiguration(record: Self.hevc)), [], protection: protection)
        let lines = HLSPlaylists(presentation).multivariant.split(separator: "\n").filter { $0.contains("CODECS=") }
        #expect(lines.count == 2)
        for line in lines {
            #expect(line.contains("HDCP-LEVEL=") == (level != nil))
            if let level { #expect(line.contains("HDCP-LEVEL=\(level.rawValue)")) }
        }
    }
}
