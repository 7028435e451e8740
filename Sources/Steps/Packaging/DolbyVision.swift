/// A DOVIDecoderConfigurationRecord (Dolby, "Dolby Vision Streams Within the ISO Base Media File Format", 3.2) of a stream
/// that other players show as the codec says.
public struct DolbyVisionConfiguration: Sendable, Hashable {
    /// The content of the `dvcC` or `dvvC` box.
    public let record: [UInt8]
    public let profile: Int
    public let level: Int
    /// What the stream looks like without the metadata: 1 HDR10, 2 SDR, 4 HLG.
    public let compatibility: Int

    /// Nil where the record is cut off or the stream is for Dolby Vision alone.
    public init?(record: [UInt8]) {
        guard record.count >= 5, record[0] == 1 else { return nil }
        profile = Int(record[2] >> 1)
        level = Int(record[2] & 1) << 5 | Int(record[3] >> 3)
        compatibility = Int(record[4] >> 4)
        guard [1, 2, 4].contains(compatibility) else { return nil }
        self.record = record
    }

    /// The box is called by the profile.
    var boxType: StaticString { profile > 7 ? "dvvC" : "dvcC" }

    /// The brand of files that may be shown without the metadata (registered at mp4ra.org).
    private var brand: String { compatibility == 1 ? "db1p" : compatibility == 2 ? "db2g" : "db4h" }

    /// `SUPPLEMENTAL-CODECS` (RFC 8216bis, 4.4.6.2); nil for codecs without a name of that kind.
    func codecs(over codec: CodecConfiguration) -> String? {
        let name: String
        switch codec {
        case .hevc: name = "dvh1"
        case .av1: name = "dav1"
        case .avc: name = "dva1"
        case .vp9, .aac, .opus, .ac3, .enhancedAC3: return nil
        }
        return "\(name).\(twoDigits(profile)).\(twoDigits(level))/\(brand)"
    }
}
