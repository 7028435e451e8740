/// How coded values stand for light (ISO/IEC 23091-2): the `nclx` form of `colr`.
public struct ColorDescription: Sendable, Hashable {
    public var primaries: Int
    public var transfer: Int
    public var matrix: Int
    public var isFullRange: Bool

    public init(primaries: Int, transfer: Int, matrix: Int, isFullRange: Bool = false) {
        self.primaries = primaries
        self.transfer = transfer
        self.matrix = matrix
        self.isFullRange = isFullRange
    }

    /// The colour description of the video usability information, which begins the same in H.264 and HEVC (ISO/IEC 14496-10
    /// and 23008-2, E.2.1); nil where there is none or it cannot be read.
    init?(usabilityInformation bits: inout BitReader) {
        if bits.bit(), bits.bits(8) == 255 { bits.skip(32) }
        if bits.bit() { bits.skip(1) }
        guard bits.bit() else { return nil }
        bits.skip(3)
        let isFull = bits.bit()
        guard bits.bit() else { return nil }
        self.init(primaries: bits.bits(8), transfer: bits.bits(8), matrix: bits.bits(8), isFullRange: isFull)
        if bits.isExhausted { return nil }
    }

    /// ITU-R BT.709, what the codecs parameters of AV1 and VP9 leave out.
    static let bt709 = ColorDescription(primaries: 1, transfer: 1, matrix: 1)

    /// `VIDEO-RANGE` (RFC 8216bis, 4.4.6.2): transfer characteristics 16 are PQ, 18 are HLG.
    var videoRange: String { transfer == 16 ? "PQ" : transfer == 18 ? "HLG" : "SDR" }
}

/// What the picture was graded on and how bright it gets, as the boxes carry it.
public struct HighDynamicRangeMetadata: Sendable, Hashable {
    /// The 24 bytes of `mdcv` (SMPTE ST 2086; ISO/IEC 14496-12, 12.1.7), empty when unknown.
    public var masteringDisplay: [UInt8]
    /// The 4 bytes of `clli` (CTA-861.3; ISO/IEC 14496-12, 12.1.6), empty when unknown.
    public var contentLight: [UInt8]

    public init(masteringDisplay: [UInt8] = [], contentLight: [UInt8] = []) {
        self.masteringDisplay = masteringDisplay.count == 24 ? masteringDisplay : []
        self.contentLight = contentLight.count == 4 ? contentLight : []
    }
}
