import Encodings

/// An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
public struct AVCConfiguration: Sendable, Hashable {
    /// The content of the `avcC` box.
    public let record: [UInt8]
    /// Bytes in front of each NAL unit that tell its length.
    let lengthSize: Int
    let slices: AVCSliceHeaders

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
        lengthSize = Int(record[4] & 3) + 1
        var slices = AVCSliceHeaders()
        record.withUnsafeBytes { bytes in
            var place = 5
            for mask in [UInt8(0x1F), 0xFF] {
                guard place < bytes.count else { return }
                let count = bytes[place] & mask
                place += 1
                for _ in 0..<count {
                    guard let unit = lengthPrefixed(bytes, at: &place) else { return }
                    slices.learn(unit)
                }
            }
        }
        self.slices = slices
    }

    var codecs: String { "avc1." + Hex.encode(record[1...3]) }
    var color: ColorDescription? { slices.sequences.min { $0.key < $1.key }?.value.color }
}

/// An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1).
public struct HEVCConfiguration: Sendable, Hashable {
    /// The content of the `hvcC` box.
    public let record: [UInt8]
    let lengthSize: Int
    let slices: HEVCSliceHeaders
    /// What supplemental information in the record says.
    let metadata: HighDynamicRangeMetadata

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 23, record[0] == 1, record[22] > 0 else {
            throw PackagingError(
                .codecConfigurationInvalid,
                "the hvcC record has \(record.count) bytes; version 1 with parameter sets is packaged")
        }
        self.record = record
        lengthSize = Int(record[21] & 3) + 1
        var slices = HEVCSliceHeaders()
        var metadata = HighDynamicRangeMetadata()
        record.withUnsafeBytes { bytes in
            var place = 23
            for _ in 0..<bytes[22] {
                guard place + 3 <= bytes.count else { return }
                let count = Int(bytes[place + 1]) << 8 | Int(bytes[place + 2])
                place += 3
                for _ in 0..<count {
                    guard let unit = lengthPrefixed(bytes, at: &place) else { return }
                    slices.learn(unit)
                    SupplementalInformation.read(unit, into: &metadata)
                }
            }
        }
        self.slices = slices
        self.metadata = metadata
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

    var color: ColorDescription? { slices.sets.sequences.min { $0.key < $1.key }?.value.color }
}

/// An AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding, 2.3).
public struct AV1Configuration: Sendable, Hashable {
    /// The content of the `av1C` box.
    public let record: [UInt8]

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 4, record[0] == 0x81 else {
            throw PackagingError(
                .codecConfigurationInvalid, "the av1C record has \(record.count) bytes; version 1 is packaged")
        }
        self.record = record
    }

    private var bitDepth: Int { record[2] & 0x40 == 0 ? 8 : record[2] & 0x20 == 0 ? 10 : 12 }

    /// Without colours (the same binding, 5).
    var codecs: String {
        let level = Int(record[1] & 0x1F)
        let tier = record[2] & 0x80 == 0 ? "M" : "H"
        return "av01.\(record[1] >> 5).\(twoDigits(level))\(tier).\(twoDigits(bitDepth))"
    }

    /// With colours, where they are not those that may be left out.
    func codecs(color: ColorDescription?) -> String {
        let monochrome = record[2] >> 4 & 1
        let subsampling = "\(record[2] >> 3 & 1)\(record[2] >> 2 & 1)\(record[2] & 3)"
        guard let color, color != .bt709 else { return codecs }
        return codecs
            + ".\(monochrome).\(subsampling).\(twoDigits(color.primaries)).\(twoDigits(color.transfer))."
            + "\(twoDigits(color.matrix)).\(color.isFullRange ? 1 : 0)"
    }
}

/// A VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding).
public struct VP9Configuration: Sendable, Hashable {
    /// The content of the `vpcC` box behind its version and flags.
    public let record: [UInt8]

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 8, record[0] <= 3 else {
            throw PackagingError(.codecConfigurationInvalid, "the vpcC record has \(record.count) bytes")
        }
        self.record = record
    }

    var color: ColorDescription? {
        ColorDescription(
            primaries: Int(record[3]), transfer: Int(record[4]), matrix: Int(record[5]),
            isFullRange: record[2] & 1 == 1)
    }

    var codecs: String {
        let chroma = Int(record[2] >> 1 & 7)
        let short = "vp09.\(twoDigits(Int(record[0]))).\(twoDigits(Int(record[1]))).\(twoDigits(Int(record[2] >> 4)))"
        guard let color, color != .bt709 || chroma != 1 else { return short }
        return short
            + ".\(twoDigits(chroma)).\(twoDigits(color.primaries)).\(twoDigits(color.transfer))."
            + "\(twoDigits(color.matrix)).\(color.isFullRange ? "01" : "00")"
    }
}

func twoDigits(_ value: Int) -> String { zeroPadded(value, 2) }

/// A NAL unit behind 16 bits of length; nil when it is not all there.
private func lengthPrefixed(_ bytes: UnsafeRawBufferPointer, at place: inout Int) -> UnsafeRawBufferPointer? {
    guard place + 2 <= bytes.count else { return nil }
    let length = Int(bytes[place]) << 8 | Int(bytes[place + 1])
    guard place + 2 + length <= bytes.count else { return nil }
    defer { place += 2 + length }
    return UnsafeRawBufferPointer(rebasing: bytes[place + 2..<place + 2 + length])
}

/// Messages of HEVC's supplemental enhancement information (ISO/IEC 23008-2, annex D) that have boxes of their own.
enum SupplementalInformation {
    /// Takes mastering display colour volume (137) and content light level (144) from a prefix SEI NAL unit (39).
    static func read(_ unit: UnsafeRawBufferPointer, into metadata: inout HighDynamicRangeMetadata) {
        guard unit.count > 3, unit[0] >> 1 & 0x3F == 39 else { return }
        var bits = BitReader(unit, emulationPrevention: true)
        bits.skip(16)
        while !bits.isExhausted, bits.bytesRead + 2 < unit.count {
            var type = 0
            var size = 0
            var byte = bits.bits(8)
            while byte == 255, !bits.isExhausted {
                type += 255
                byte = bits.bits(8)
            }
            type += byte
            byte = bits.bits(8)
            while byte == 255, !bits.isExhausted {
                size += 255
                byte = bits.bits(8)
            }
            size += byte
            guard !bits.isExhausted, size <= unit.count else { return }
            let payload = (0..<size).map { _ in UInt8(bits.bits(8)) }
            guard !bits.isExhausted else { return }
            // The boxes have the messages' fields in the messages' order.
            if type == 137, size == 24 { metadata.masteringDisplay = payload }
            if type == 144, size == 4 { metadata.contentLight = payload }
        }
    }
}
