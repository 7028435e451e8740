/// What a decoder must know before the first sample, read from the container's own record, never from what an encoder
/// was asked for.
public enum CodecConfiguration: Sendable, Hashable {
    case avc(AVCConfiguration)
    case hevc(HEVCConfiguration)
    case aac(AACConfiguration)

    /// The codecs parameter (RFC 6381, 3.3; ISO/IEC 14496-15, annex E).
    public var codecs: String {
        switch self {
        case .avc(let configuration): configuration.codecs
        case .hevc(let configuration): configuration.codecs
        case .aac(let configuration): configuration.codecs
        }
    }
}

/// An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
public struct AVCConfiguration: Sendable, Hashable {
    /// The content of the `avcC` box.
    public let record: [UInt8]

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 7, record[0] == 1 else {
            throw PackagingError(
                .codecConfigurationInvalid,
                "the avcC record has \(record.count) bytes and version \(record.first.map { "\($0)" } ?? "none"); "
                    + "version 1 with parameter sets is packaged (a stream with start codes must be converted first)")
        }
        guard record[5] & 0x1F > 0 else {
            throw PackagingError(.codecConfigurationInvalid, "the avcC record has no sequence parameter set")
        }
        self.record = record
    }

    var codecs: String { "avc1." + hexText(record[1...3]) }
}

/// An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1).
public struct HEVCConfiguration: Sendable, Hashable {
    /// The content of the `hvcC` box.
    public let record: [UInt8]

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 23, record[0] == 1, record[22] > 0 else {
            throw PackagingError(
                .codecConfigurationInvalid,
                "the hvcC record has \(record.count) bytes; version 1 with parameter sets is packaged")
        }
        self.record = record
    }

    var codecs: String {
        let space = ["", "A", "B", "C"][Int(record[1] >> 6)]
        let tier = record[1] & 0x20 == 0 ? "L" : "H"
        let flags = record[2...5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        var reversed: UInt32 = 0
        for bit in 0..<32 where flags & (1 << UInt32(bit)) != 0 { reversed |= 1 << UInt32(31 - bit) }
        var constraints = Array(record[6...11])
        while constraints.last == 0 { constraints.removeLast() }
        let fields = [
            "hvc1", "\(space)\(record[1] & 0x1F)", String(reversed, radix: 16, uppercase: true),
            "\(tier)\(record[12])",
        ]
        return (fields + constraints.map { String($0, radix: 16, uppercase: true) }).joined(separator: ".")
    }
}

/// An AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), the DecoderSpecificInfo of `esds`.
public struct AACConfiguration: Sendable, Hashable {
    public let record: [UInt8]
    public let objectType: Int
    /// ISO/IEC 23001-8 ChannelConfiguration; zero when the channels stand in a program config element.
    public let channelConfiguration: Int

    public init(record: [UInt8]) throws(PackagingError) {
        var bits = BitReader(record)
        guard record.count <= 64, var objectType = bits.read(5) else {
            throw PackagingError(
                .codecConfigurationInvalid,
                "the AudioSpecificConfig has \(record.count) bytes; 2 to 64 are packaged "
                    + "(a stream with ADTS headers must be converted first)")
        }
        if objectType == 31, let extended = bits.read(6) { objectType = 32 + extended }
        guard let frequencyIndex = bits.read(4), frequencyIndex != 15 || bits.read(24) != nil,
            let channelConfiguration = bits.read(4), objectType > 0
        else {
            throw PackagingError(.codecConfigurationInvalid, "the AudioSpecificConfig ends early")
        }
        self.record = record
        self.objectType = objectType
        self.channelConfiguration = channelConfiguration
    }

    var codecs: String { "mp4a.40.\(objectType)" }
}

/// Reads fields that do not lie on bytes.
private struct BitReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next `count` bits, most significant first; nil when fewer are left.
    mutating func read(_ count: Int) -> Int? {
        guard position + count <= bytes.count * 8 else { return nil }
        var value = 0
        for _ in 0..<count {
            value = value << 1 | Int(bytes[position / 8] >> UInt8(7 - position % 8) & 1)
            position += 1
        }
        return value
    }
}

func hexText(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
        let digits = String(byte, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }.joined()
}
