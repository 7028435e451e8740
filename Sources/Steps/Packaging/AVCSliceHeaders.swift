/// Where a slice's header ends in H.264 (ISO/IEC 14496-10, 7.3.3): protection begins behind it.
struct AVCSliceHeaders: Sendable, Hashable {
    struct Sequence: Sendable, Hashable {
        var hasSeparatePlanes = false
        var chromaFormat = 1
        var frameNumberBits = 4
        var orderType = 0
        var orderBits = 4
        var orderAlwaysZero = false
        var framesOnly = true
        var mapUnits = 0
        var color: ColorDescription?
    }

    struct Picture: Sendable, Hashable {
        var sequence = 0
        var usesCABAC = false
        var hasBottomOrder = false
        var groups = 1
        var groupType = 0
        var groupRate = 1
        var firstReferences = 0
        var secondReferences = 0
        var weighsP = false
        var weighsB = 0
        var controlsDeblocking = false
        var countsRedundant = false
    }

    private(set) var sequences: [Int: Sequence] = [:]
    private(set) var pictures: [Int: Picture] = [:]

    /// Takes a sequence or picture parameter set, wherever it stands; other NAL units change nothing. What cannot be
    /// read is left out: a slice that refers to it says so.
    mutating func learn(_ unit: UnsafeRawBufferPointer) {
        guard unit.count > 1 else { return }
        switch unit[0] & 0x1F {
        case 7: learnSequence(unit)
        case 8: learnPicture(unit)
        default: break
        }
    }

    private static let highProfiles: Set<Int> = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]

    private mutating func learnSequence(_ unit: UnsafeRawBufferPointer) {
        var bits = BitReader(unit, emulationPrevention: true)
        var set = Sequence()
        bits.skip(8)
        let profile = bits.bits(8)
        bits.skip(16)
        let id = bits.unsigned()
        if Self.highProfiles.contains(profile) {
            set.chromaFormat = bits.unsigned()
            if set.chromaFormat == 3 { set.hasSeparatePlanes = bits.bit() }
            _ = bits.unsigned()
            _ = bits.unsigned()
            bits.skip(1)
            if bits.bit() {
                for list in 0..<(set.chromaFormat == 3 ? 12 : 8) where bits.bit() {
                    var last = 8
                    var next = 8
                    for _ in 0..<(list < 6 ? 16 : 64) {
                        if next != 0 { next = (last + bits.signed() + 256) % 256 }
                        if next != 0 { last = next }
                    }
                }
            }
        }
        set.frameNumberBits = bits.unsigned() + 4
        set.orderType = bits.unsigned()
        if set.orderType == 0 {
            set.orderBits = bits.unsigned() + 4
        } else if set.orderType == 1 {
            set.orderAlwaysZero = bits.bit()
            _ = bits.signed()
            _ = bits.signed()
            let count = bits.unsigned()
            guard count <= 255 else { return }
            for _ in 0..<count { _ = bits.signed() }
        }
        _ = bits.unsigned()
        bits.skip(1)
        let width = bits.unsigned() + 1
        let height = bits.unsigned() + 1
        // 139,264 macroblocks a picture is the most that a level allows (A.3).
        guard width <= 1 << 18, height <= 1 << 18 else { return }
        set.mapUnits = width * height
        set.framesOnly = bits.bit()
        if !set.framesOnly { bits.skip(1) }
        bits.skip(1)
        if bits.bit() { for _ in 0..<4 { _ = bits.unsigned() } }
        guard !bits.isExhausted, id <= 31, set.frameNumberBits <= 16, set.orderBits <= 16 else { return }
        if bits.bit() { set.color = ColorDescription(usabilityInformation: &bits) }
        sequences[id] = set
    }

    private mutating func learnPicture(_ unit: UnsafeRawBufferPointer) {
        var bits = BitReader(unit, emulationPrevention: true)
        var set = Picture()
        bits.skip(8)
        let id = bits.unsigned()
        set.sequence = bits.unsigned()
        set.usesCABAC = bits.bit()
        set.hasBottomOrder = bits.bit()
        set.groups = bits.unsigned() + 1
        guard set.groups <= 8 else { return }
        if set.groups > 1 {
            set.groupType = bits.unsigned()
            switch set.groupType {
            case 0: for _ in 0..<set.groups { _ = bits.unsigned() }
            case 2: for _ in 0..<(set.groups - 1) * 2 { _ = bits.unsigned() }
            case 3, 4, 5:
                bits.skip(1)
                set.groupRate = bits.unsigned() + 1
                guard set.groupRate <= 1 << 36 else { return }
            case 6:
                let count = bits.unsigned() + 1
                let width = set.groups > 4 ? 3 : set.groups > 2 ? 2 : 1
                bits.skip(min(count, 1 << 20) * width)
            default: break
            }
        }
        set.firstReferences = bits.unsigned() + 1
        set.secondReferences = bits.unsigned() + 1
        set.weighsP = bits.bit()
        set.weighsB = bits.bits(2)
        for _ in 0..<3 { _ = bits.signed() }
        set.controlsDeblocking = bits.bit()
        bits.skip(1)
        set.countsRedundant = bits.bit()
        guard !bits.isExhausted, id <= 255, set.firstReferences <= 32, set.secondReferences <= 32 else { return }
        pictures[id] = set
    }

    /// Bytes of the NAL unit header and the slice header of a slice (NAL unit types 1 and 5), rounded up to whole
    /// bytes; nil when they cannot be read.
    func headerSize(_ unit: UnsafeRawBufferPointer) -> Int? {
        guard unit.count > 1 else { return nil }
        let isReference = unit[0] & 0x60 != 0
        let isIDR = unit[0] & 0x1F == 5
        var bits = BitReader(unit, emulationPrevention: true)
        bits.skip(8)
        _ = bits.unsigned()
        let type = bits.unsigned() % 5  // P B I SP SI
        guard let picture = pictures[bits.unsigned()], let sequence = sequences[picture.sequence] else { return nil }
        if sequence.hasSeparatePlanes { bits.skip(2) }
        bits.skip(sequence.frameNumberBits)
        var isField = false
        if !sequence.framesOnly {
            isField = bits.bit()
            if isField { bits.skip(1) }
        }
        if isIDR { _ = bits.unsigned() }
        if sequence.orderType == 0 {
            bits.skip(sequence.orderBits)
            if picture.hasBottomOrder, !isField { _ = bits.signed() }
        } else if sequence.orderType == 1, !sequence.orderAlwaysZero {
            _ = bits.signed()
            if picture.hasBottomOrder, !isField { _ = bits.signed() }
        }
        if picture.countsRedundant { _ = bits.unsigned() }
        let isB = type == 1
        let isIntra = type == 2 || type == 4
        var references = (picture.firstReferences, picture.secondReferences)
        if isB { bits.skip(1) }
        if !isIntra, bits.bit() {
            references.0 = bits.unsigned() + 1
            if isB { references.1 = bits.unsigned() + 1 }
        }
        guard references.0 <= 32, references.1 <= 32 else { return nil }
        if !isIntra {
            for _ in 0..<(isB ? 2 : 1) where bits.bit() {
                while bits.unsigned() < 3, !bits.isExhausted { _ = bits.unsigned() }
            }
        }
        if picture.weighsP && (type == 0 || type == 3) || picture.weighsB == 1 && isB {
            let hasChroma = !sequence.hasSeparatePlanes && sequence.chromaFormat != 0
            _ = bits.unsigned()
            if hasChroma { _ = bits.unsigned() }
            for count in isB ? [references.0, references.1] : [references.0] {
                for _ in 0..<count {
                    if bits.bit() { for _ in 0..<2 { _ = bits.signed() } }
                    if hasChroma, bits.bit() { for _ in 0..<4 { _ = bits.signed() } }
                }
            }
        }
        if isReference { Self.skipMarking(&bits, isIDR: isIDR) }
        if picture.usesCABAC, !isIntra { _ = bits.unsigned() }
        _ = bits.signed()
        if type == 3 || type == 4 {
            if type == 3 { bits.skip(1) }
            _ = bits.signed()
        }
        if picture.controlsDeblocking, bits.unsigned() != 1 {
            _ = bits.signed()
            _ = bits.signed()
        }
        if picture.groups > 1, (3...5).contains(picture.groupType) {
            // Ceil(Log2(PicSizeInMapUnits / SliceGroupChangeRate + 1)) bits (7.4.3).
            let steps = (sequence.mapUnits + picture.groupRate - 1) / max(1, picture.groupRate)
            bits.skip(bitWidth(of: steps))
        }
        return bits.isExhausted ? nil : bits.bytesRead
    }

    private static func skipMarking(_ bits: inout BitReader, isIDR: Bool) {
        if isIDR {
            bits.skip(2)
        } else if bits.bit() {
            while !bits.isExhausted {
                let operation = bits.unsigned()
                if operation == 0 || operation > 6 { return }
                if operation != 5 { _ = bits.unsigned() }
                if operation == 3 { _ = bits.unsigned() }
            }
        }
    }
}

/// Bits that a whole number needs: Ceil(Log2(value + 1)).
func bitWidth(of value: Int) -> Int { max(0, Int.bitWidth - max(0, value).leadingZeroBitCount) }
