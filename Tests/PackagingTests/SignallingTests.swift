import Encodings
import Foundation
import Testing

@testable import Packaging

/// What a key server wants players to be told stands in the place of what follows from the key's id.
@Suite struct SignallingTests {
    private static func box(_ system: ProtectionSystem, _ data: [UInt8], version: UInt8 = 0, ids: [KeyID] = [])
        -> [UInt8]
    {
        var content: [UInt8] = [version, 0, 0, 0] + system.systemID.bytes
        if version == 1 { content += [0, 0, 0, UInt8(ids.count)] + ids.flatMap(\.bytes) }
        content += [0, 0, 0, UInt8(data.count)] + data
        return [0, 0, 0, UInt8(content.count + 8)] + Array("pssh".utf8) + content
    }

    @Test func theServersHeadersAndAddressesAreWritten() throws {
        let keyID = try #require(KeyID(ProtectionTests.keyID))
        let widevine = Self.box(.widevine, [1, 2, 3])
        let playReady = Self.box(.playReady, [9, 8, 7], version: 1, ids: [keyID])
        let protection = TrackProtection(
            scheme: .cbcs, keyID: keyID, vector: [UInt8](repeating: 5, count: 16),
            signalling: [
                .widevine: SystemSignalling(header: widevine), .playReady: SystemSignalling(header: playReady),
                .fairPlay: SystemSignalling(address: "skd://keys.example/1"),
            ])
        let presentation = try Presentation(
            tracks: [
                TrackInput(
                    description: Fixture.audio(), samples: Fixture.sound(samples: 480_000), protection: protection)
            ], options: PackagingOptions())
        let header = Data(presentation.tracks[0].initializationSegment)
        #expect(header.range(of: Data(widevine)) != nil && header.range(of: Data(playReady)) != nil)
        #expect(header.range(of: Data(ProtectionSystem.clearKey.systemID.bytes)) == nil)
        let keys = HLSPlaylists(presentation).media(of: presentation.tracks[0]).split(separator: "\n")
            .filter { $0.hasPrefix("#EXT-X-KEY:") }
        #expect(keys.count == 3)
        #expect(keys.contains { $0.contains("base64,\(Base64.encode(widevine))\"") })
        #expect(
            keys.contains { $0.contains("UTF-16;base64,\(Base64.encode([9, 8, 7]))\"") && $0.contains("playready") })
        #expect(keys.contains { $0.contains("URI=\"skd://keys.example/1\"") && $0.contains("streamingkeydelivery") })
        let manifest = DASHManifest(presentation).text
        #expect(manifest.contains("<cenc:pssh>\(Base64.encode(widevine))</cenc:pssh>"))
        #expect(manifest.contains("<mspr:pro>\(Base64.encode([9, 8, 7]))</mspr:pro>"))
        #expect(!manifest.contains("ClearKey1.0") && !manifest.contains(ProtectionSystem.clearKey.systemID.uuid))
    }

    @Test func onlyAWholeBoxOfTheSystemIsAHeader() throws {
        let good = Self.box(.widevine, [1, 2, 3])
        #expect(SystemSignalling.isHeader(good, of: .widevine))
        #expect(SystemSignalling.isHeader(Self.box(.playReady, [], version: 1, ids: []), of: .playReady))
        #expect(!SystemSignalling.isHeader(good, of: .playReady))
        for count in 0..<good.count { #expect(!SystemSignalling.isHeader(Array(good.prefix(count)), of: .widevine)) }
        #expect(!SystemSignalling.isHeader(good + [0], of: .widevine))
        for place in Array(0..<9) + Array(12..<32) {
            var changed = good
            changed[place] ^= 0x42
            #expect(!SystemSignalling.isHeader(changed, of: .widevine), "\(place)")
        }
        // A number of ids that the box can't hold.
        var many = Self.box(.widevine, [], version: 1, ids: [])
        many[28] = 0xFF
        #expect(!SystemSignalling.isHeader(many, of: .widevine))
    }
}
