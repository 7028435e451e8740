/// What frame headers of AV1 depend on of the sequence header (AV1 Bitstream & Decoding Process Specification, 5.5).
struct AV1SequenceHeader: Sendable, Hashable {
    struct OperatingPoint: Sendable, Hashable {
        /// The layers that belong to it, 0 for all.
        var layers = 0
        var hasDecoderModel = false
    }

    var isReducedStill = false
    var hasDecoderModel = false
    var hasEqualIntervals = false
    var removalTimeBits = 0
    var presentationTimeBits = 0
    var operatingPoints: [OperatingPoint] = []
    var widthBits = 0
    var heightBits = 0
    var width = 0
    var height = 0
    /// Bits of a frame's id and of the difference of two; 0 where frames have none.
    var idBits = 0
    var idDeltaBits = 0
    var usesLargeBlocks = false
    var hasWarpedMotion = false
    /// 0 where frames have no order hint.
    var orderBits = 0
    var hasReferenceMotion = false
    /// 2: each frame says it itself.
    var screenContentTools = 2
    var integerMotion = 2
    var hasSuperResolution = false
    var hasDirectionalEnhancement = false
    var hasRestoration = false
    var isMonochrome = false
    var subsamplesX = true
    var subsamplesY = true
    var separatesChroma = false
    var hasFilmGrain = false

    /// Reads the payload of a sequence header OBU; nil where it ends too early.
    init?(_ bits: inout BitReader) {
        let profile = bits.bits(3)
        bits.skip(1)
        isReducedStill = bits.bit()
        if isReducedStill {
            operatingPoints = [OperatingPoint()]
            bits.skip(5)
        } else {
            readOperatingPoints(&bits)
        }
        widthBits = bits.bits(4) + 1
        heightBits = bits.bits(4) + 1
        width = bits.bits(widthBits) + 1
        height = bits.bits(heightBits) + 1
        if !isReducedStill, bits.bit() {
            idDeltaBits = bits.bits(4) + 2
            idBits = idDeltaBits + bits.bits(3) + 1
        }
        usesLargeBlocks = bits.bit()
        bits.skip(2)
        if !isReducedStill { readTools(&bits) }
        hasSuperResolution = bits.bit()
        hasDirectionalEnhancement = bits.bit()
        hasRestoration = bits.bit()
        readColor(&bits, profile: profile)
        hasFilmGrain = bits.bit()
        if bits.isExhausted { return nil }
    }

    private mutating func readOperatingPoints(_ bits: inout BitReader) {
        var delayBits = 0
        if bits.bit() {
            bits.skip(64)
            hasEqualIntervals = bits.bit()
            if hasEqualIntervals { bits.skipLongCode() }
            hasDecoderModel = bits.bit()
            if hasDecoderModel {
                delayBits = bits.bits(5) + 1
                bits.skip(32)
                removalTimeBits = bits.bits(5) + 1
                presentationTimeBits = bits.bits(5) + 1
            }
        }
        let hasDisplayDelay = bits.bit()
        for _ in 0...bits.bits(5) {
            var point = OperatingPoint(layers: bits.bits(12))
            if bits.bits(5) > 7 { bits.skip(1) }
            if hasDecoderModel {
                point.hasDecoderModel = bits.bit()
                if point.hasDecoderModel { bits.skip(2 * delayBits + 1) }
            }
            if hasDisplayDelay, bits.bit() { bits.skip(4) }
            operatingPoints.append(point)
        }
    }

    private mutating func readTools(_ bits: inout BitReader) {
        bits.skip(2)
        hasWarpedMotion = bits.bit()
        bits.skip(1)
        let hasOrder = bits.bit()
        if hasOrder {
            bits.skip(1)
            hasReferenceMotion = bits.bit()
        }
        if !bits.bit() { screenContentTools = bits.bits(1) }
        if screenContentTools > 0, !bits.bit() { integerMotion = bits.bits(1) }
        if hasOrder { orderBits = bits.bits(3) + 1 }
    }

    private mutating func readColor(_ bits: inout BitReader, profile: Int) {
        let isDeep = bits.bit()
        let isTwelveBit = profile == 2 && isDeep ? bits.bit() : false
        if profile != 1 { isMonochrome = bits.bit() }
        var description = [2, 2, 2]
        if bits.bit() { description = (0..<3).map { _ in bits.bits(8) } }
        if isMonochrome { return bits.skip(1) }
        if description == [1, 13, 0] {
            // sRGB has all of its samples.
            (subsamplesX, subsamplesY) = (false, false)
        } else {
            bits.skip(1)
            if profile == 1 {
                (subsamplesX, subsamplesY) = (false, false)
            } else if profile == 2 {
                subsamplesX = isTwelveBit ? bits.bit() : true
                subsamplesY = isTwelveBit && subsamplesX ? bits.bit() : false
            }
            if subsamplesX, subsamplesY { bits.skip(2) }
        }
        separatesChroma = bits.bit()
    }
}

extension BitReader {
    /// `uvlc()` (4.10.3)
    mutating func skipLongCode() {
        var leading = 0
        while !bit() {
            leading += 1
            if isExhausted { return }
        }
        if leading < 32 { skip(leading) }
    }

    /// `ns(n)` (4.10.7): a number below n.
    mutating func below(_ count: Int) -> Int {
        let width = bitWidth(of: count)
        let spare = (1 << width) - count
        let value = bits(width - 1)
        return value < spare ? value : (value << 1) - spare + bits(1)
    }

    /// `su(n)` (4.10.6)
    mutating func twosComplement(_ count: Int) -> Int {
        let value = bits(count)
        return value >> (count - 1) == 1 ? value - (1 << count) : value
    }
}
