import Encodings

/// The systems whose players are told where a licence comes from.
public enum ProtectionSystem: String, Sendable, Hashable, CaseIterable {
    case widevine, playReady, fairPlay, clearKey

    /// The 16 bytes that name it (dashif.org/identifiers/content_protection). ClearKey's header box is the common
    /// system's (W3C "cenc" initialization data format).
    var systemID: KeyID {
        let text =
            switch self {
            case .widevine: "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
            case .playReady: "9a04f079-9840-4286-ab92-e65be0885f95"
            case .fairPlay: "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
            case .clearKey: "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
            }
        guard let id = KeyID(text) else { preconditionFailure("a system's id is a UUID: \(text)") }
        return id
    }

    /// Those with a `pssh` in `moov`; FairPlay has none.
    static let inHeader: [ProtectionSystem] = [.widevine, .playReady, .clearKey]

    /// The `pssh` box (ISO/IEC 23001-7, 8.1) for some protected tracks of one scheme.
    func headerBox(of tracks: [TrackProtection]) -> [UInt8] {
        var file = BoxWriter()
        let ids = tracks.map(\.keyID)
        file.fullBox("pssh", version: self == .clearKey ? 1 : 0) { box in
            box.raw(systemID.bytes)
            if self == .clearKey {
                box.u32(UInt32(ids.count))
                for id in ids { box.raw(id.bytes) }
            }
            let data: [UInt8] =
                switch self {
                case .widevine: Self.widevineData(tracks)
                case .playReady: Self.playReadyObject(tracks)
                case .fairPlay, .clearKey: []
                }
            box.u32(UInt32(data.count))
            box.raw(data)
        }
        return file.bytes
    }

    /// WidevinePsshData in Protocol Buffers' wire format: key_ids (field 2) and protection_scheme (field 9).
    private static func widevineData(_ tracks: [TrackProtection]) -> [UInt8] {
        var data: [UInt8] = []
        for track in tracks { data += [0x12, 16] + track.keyID.bytes }
        guard let scheme = tracks.first?.scheme else { return data }
        var value = scheme.rawValue.utf8.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        data.append(0x48)
        while value >= 0x80 {
            data.append(UInt8(value & 0x7F) | 0x80)
            value >>= 7
        }
        data.append(UInt8(value))
        return data
    }

    /// A PlayReady Object with one rights management header (PlayReady Header Specification): version 4.0 for
    /// AES-CTR, which every client reads, 4.3 for AES-CBC. Its checksum is optional and would take the key.
    static func playReadyObject(_ tracks: [TrackProtection]) -> [UInt8] {
        let header = Array(playReadyHeader(tracks).utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
        let record = littleEndian(1, 2) + littleEndian(header.count, 2) + header
        return littleEndian(4 + 2 + record.count, 4) + littleEndian(1, 2) + record
    }

    private static func playReadyHeader(_ tracks: [TrackProtection]) -> String {
        let name = "http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader"
        // A key id is a GUID there: its first three groups are little-endian.
        let values = tracks.map { track -> String in
            let id = track.keyID.bytes
            return Base64.encode([3, 2, 1, 0, 5, 4, 7, 6].map { id[$0] } + id[8...])
        }
        if tracks.first?.scheme == .cenc, values.count == 1 {
            return "<WRMHEADER xmlns=\"\(name)\" version=\"4.0.0.0\"><DATA><PROTECTINFO><KEYLEN>16</KEYLEN>"
                + "<ALGID>AESCTR</ALGID></PROTECTINFO><KID>\(values[0])</KID></DATA></WRMHEADER>"
        }
        let algorithm = tracks.first?.scheme == .cenc ? "AESCTR" : "AESCBC"
        let ids = values.map { "<KID ALGID=\"\(algorithm)\" VALUE=\"\($0)\"></KID>" }.joined()
        return "<WRMHEADER xmlns=\"\(name)\" version=\"4.3.0.0\"><DATA><PROTECTINFO><KIDS>\(ids)</KIDS>"
            + "</PROTECTINFO></DATA></WRMHEADER>"
    }

    private static func littleEndian(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
