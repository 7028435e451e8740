/// What a decoder must know before the first sample, read from the container's own record, never from what an encoder
/// was asked for.
public enum CodecConfiguration: Sendable, Hashable {
    case avc(AVCConfiguration)
    case hevc(HEVCConfiguration)
    case av1(AV1Configuration)
    case vp9(VP9Configuration)
    case aac(AACConfiguration)
    case opus(OpusConfiguration)
    case ac3(AC3Configuration)
    case enhancedAC3(EnhancedAC3Configuration)

    /// The codecs parameter (RFC 6381, 3.3; ISO/IEC 14496-15, annex E; the codecs' own bindings to ISO files).
    public var codecs: String {
        switch self {
        case .avc(let configuration): configuration.codecs
        case .hevc(let configuration): configuration.codecs
        case .av1(let configuration): configuration.codecs
        case .vp9(let configuration): configuration.codecs
        case .aac(let configuration): configuration.codecs
        case .opus: "Opus"
        case .ac3: "ac-3"
        case .enhancedAC3: "ec-3"
        }
    }

    public var isVideo: Bool {
        switch self {
        case .avc, .hevc, .av1, .vp9: true
        case .aac, .opus, .ac3, .enhancedAC3: false
        }
    }

    /// What can be switched between within one decoder.
    var family: String {
        switch self {
        case .avc: "avc"
        case .hevc: "hevc"
        case .av1: "av1"
        case .vp9: "vp9"
        case .aac: "aac"
        case .opus: "opus"
        case .ac3: "ac3"
        case .enhancedAC3: "eac3"
        }
    }

    /// The colours that the codec's own headers state, where they are read.
    var color: ColorDescription? {
        switch self {
        case .avc(let configuration): configuration.color
        case .hevc(let configuration): configuration.color
        case .vp9(let configuration): configuration.color
        case .av1, .aac, .opus, .ac3, .enhancedAC3: nil
        }
    }
}

/// An AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), the DecoderSpecificInfo of `esds`.
public struct AACConfiguration: Sendable, Hashable {
    public let record: [UInt8]
    public let objectType: Int
    /// ISO/IEC 23001-8 ChannelConfiguration; zero when the channels stand in a program config element.
    public let channelConfiguration: Int

    public init(record: [UInt8]) throws(PackagingError) {
        let read = record.withUnsafeBytes { bytes -> (Int, Int)? in
            var bits = BitReader(bytes)
            var objectType = bits.bits(5)
            if objectType == 31 { objectType = 32 + bits.bits(6) }
            if bits.bits(4) == 15 { bits.skip(24) }
            let channels = bits.bits(4)
            return bits.isExhausted || objectType == 0 ? nil : (objectType, channels)
        }
        guard (2...64).contains(record.count) else {
            throw PackagingError(
                .codecConfigurationInvalid,
                "the AudioSpecificConfig has \(record.count) bytes; 2 to 64 are packaged "
                    + "(a stream with ADTS headers must be converted first)")
        }
        guard let (objectType, channelConfiguration) = read else {
            throw PackagingError(.codecConfigurationInvalid, "the AudioSpecificConfig ends early")
        }
        self.record = record
        self.objectType = objectType
        self.channelConfiguration = channelConfiguration
    }

    var codecs: String { "mp4a.40.\(objectType)" }
}
