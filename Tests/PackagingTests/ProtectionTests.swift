import Foundation
import Testing

@testable import Packaging

@Suite struct ProtectionTests {
    static let keyID = "00112233445566778899aabbccddeeff"

    static func protection(_ scheme: ProtectionScheme) throws -> TrackProtection {
        TrackProtection(
            scheme: scheme, keyID: try #require(KeyID(keyID)),
            vector: scheme == .cbcs ? (0..<16).map { UInt8($0) } : [0, 0, 0, 0, 0, 0, 0, 0xFE])
    }

    /// A film with one rung and one sound track; pictures have one subsample each.
    static func film(
        _ scheme: ProtectionScheme, clearLead: MediaTime = .zero, addressing: SegmentAddressing = .files
    ) throws -> Presentation {
        let pictures = try Fixture.pictures(250, group: 50)
        var subsamples = SubsampleTable()
        for picture in pictures {
            try subsamples.append([Subsample(clear: 100, protected: picture.size - 100)])
        }
        return try Presentation(
            tracks: [
                TrackInput(
                    description: Fixture.video(), samples: pictures, protection: protection(scheme),
                    subsamples: subsamples),
                TrackInput(
                    description: Fixture.audio(), samples: Fixture.sound(samples: 480_000),
                    protection: protection(scheme)),
            ],
            options: PackagingOptions(addressing: addressing, clearLead: clearLead))
    }

    @Test(arguments: ProtectionScheme.allCases)
    func headersAndFragments(scheme: ProtectionScheme) throws {
        let presentation = try Self.film(scheme, clearLead: MediaTime(2, scale: 1))
        for track in presentation.tracks {
            let kind = track.description.isVideo ? "video" : "audio"
            try Golden.expect(
                try BoxDump.text(track.initializationSegment), in: "init-\(kind)-\(scheme.rawValue).txt")
            let last = try #require(track.segments.last)
            #expect(!track.segments[0].isProtected && last.isProtected)
            let heads = try last.pieces.map { try BoxDump.text(try track.header(of: $0, in: last)) }
            try Golden.expect(heads[0], in: "segment-\(kind)-\(scheme.rawValue).txt")
            let lead = try BoxDump.text(try track.header(of: track.segments[0].pieces[0], in: track.segments[0]))
            #expect(!lead.contains("senc") && lead.contains("tfhd 28"), "the clear lead names the second sample entry")
        }
    }

    @Test(arguments: ProtectionScheme.allCases)
    func playlistsAndManifest(scheme: ProtectionScheme) throws {
        let presentation = try Self.film(scheme, clearLead: MediaTime(2, scale: 1))
        let playlists = HLSPlaylists(presentation)
        try Golden.expect(playlists.multivariant, in: "master-\(scheme.rawValue).m3u8")
        try Golden.expect(playlists.media(of: presentation.tracks[0]), in: "video-\(scheme.rawValue).m3u8")
        try Golden.expect(DASHManifest(presentation).text, in: "manifest-\(scheme.rawValue).mpd")
    }

    @Test func byteRanges() throws {
        let presentation = try Self.film(.cbcs, addressing: .byteRanges)
        let playlists = HLSPlaylists(presentation)
        try Golden.expect(playlists.media(of: presentation.tracks[0]), in: "video-ranges.m3u8")
        try Golden.expect(playlists.pictures(of: presentation.tracks[0]), in: "iframes-ranges.m3u8")
        try Golden.expect(DASHManifest(presentation).text, in: "manifest-ranges.mpd")
        // Ranges lie one behind the other, the first behind the index.
        for track in presentation.tracks {
            var place = track.initializationSegment.count
            #expect(track.indexRange.upperBound == place)
            for segment in track.segments {
                #expect(segment.offset == place)
                place += segment.size
            }
        }
    }

    @Test(
        arguments: [
            (keyID, keyID), ("00112233-4455-6677-8899-AABBCCDDEEFF", keyID), ("0011223344556677", nil), ("", nil),
            ("00112233445566778899aabbccddeefg", nil), ("0011-22334455-6677-8899-aabbccddeeff", nil),
            ("00112233445566778899aabbccddeeff00", nil), ("----11223344556677-8899aabbccddeeff00", nil),
        ] as [(String, String?)])
    func readsKeyIDs(text: String, expected: String?) {
        #expect(KeyID(text)?.hex == expected)
    }

    @Test func everySampleHasACounterOfItsOwn() throws {
        let protection = try Self.protection(.cenc)
        let zeros = [UInt8](repeating: 0, count: 8)
        #expect(protection.vector(ofSample: 0) == [0, 0, 0, 0, 0, 0, 0, 0xFE] + zeros)
        #expect(protection.vector(ofSample: 2) == [0, 0, 0, 0, 0, 0, 1, 0] + zeros)
        let last = TrackProtection(
            scheme: .cenc, keyID: protection.keyID, vector: [UInt8](repeating: 0xFF, count: 8))
        #expect(last.vector(ofSample: 1) == zeros + zeros)
        #expect(try Self.protection(.cbcs).vector(ofSample: 7) == (0..<16).map { UInt8($0) })
    }

    @Test(arguments: [
        (640, 360, KeyLabel.sd), (1024, 576, .sd), (576, 1024, .sd), (1280, 720, .hd), (1920, 1088, .hd),
        (1080, 1920, .hd), (1921, 1080, .uhd), (1440, 1440, .uhd), (3840, 2160, .uhd), (2160, 3840, .uhd),
    ])
    func picturesOfASizeHaveOneLabelUprightOrNot(width: Int, height: Int, label: KeyLabel) {
        #expect(KeyLabel(width: width, height: height) == label)
    }

    /// The object is UTF-16 in little-endian records; its key id is a GUID in base 64.
    @Test(arguments: ProtectionScheme.allCases)
    func playReadyHeaderNamesTheKey(scheme: ProtectionScheme) throws {
        let object = ProtectionSystem.playReadyObject([try Self.protection(scheme)])
        let size = object[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(size == object.count)
        #expect(Array(object[4..<8]) == [1, 0, 1, 0])
        #expect(object[8..<10].reversed().reduce(0) { $0 << 8 | Int($1) } == object.count - 10)
        let text = try #require(String(data: Data(object[10...]), encoding: .utf16LittleEndian))
        #expect(text.contains("MyIRAFVEd2aImaq7zN3u/w=="))
        #expect(text.contains(scheme == .cenc ? "version=\"4.0.0.0\"" : "ALGID=\"AESCBC\""))
        #expect(try XMLNode.read(Array(text.utf8)).name == "WRMHEADER")
    }

    @Test func refusesWhatCannotBeDescribed() throws {
        var table = SubsampleTable()
        let many = [Subsample](repeating: Subsample(clear: 1, protected: 16), count: 41)
        let error = try #require(throws: PackagingError.self) { try table.append(many) }
        #expect(error.code == .limitExceeded)
        var index = SampleIndex(hasSubsamples: true)
        let late = try #require(throws: PackagingError.self) {
            try index.append(decodeTime: 0, presentationTime: 0, size: 697, isSync: true, subsamples: many)
        }
        #expect(late == error)
    }
}
