/// What slice headers of HEVC depend on: sequence and picture parameter sets (ISO/IEC 23008-2, 7.3.2).
struct HEVCParameterSets: Sendable, Hashable {
    /// A short-term reference picture set, as far as slice headers count it.
    struct ReferenceSet: Sendable, Hashable {
        var deltas: [Int] = []
        var used: [Bool] = []
        var negatives = 0

        var usedCount: Int { used.reduce(0) { $0 + ($1 ? 1 : 0) } }
    }

    struct Sequence: Sendable, Hashable {
        var chromaFormat = 1
        var hasSeparatePlanes = false
        var orderBits = 4
        var pictureBlocks = 1
        var hasOffsets = false
        var sets: [ReferenceSet] = []
        var hasLongTerm = false
        var longTermUsed: [Bool] = []
        var hasTemporalMotion = false
        var color: ColorDescription?

        var hasChroma: Bool { chromaFormat != 0 && !hasSeparatePlanes }
    }

    struct Picture: Sendable, Hashable {
        var sequence = 0
        var hasDependentSlices = false
        var hasOutputFlag = false
        var extraBits = 0
        var hasCABACInit = false
        var firstReferences = 1
        var secondReferences = 1
        var hasChromaOffsets = false
        var weighsP = false
        var weighsB = false
        var hasEntryPoints = false
        var filtersAcrossSlices = false
        var overridesDeblocking = false
        var disablesDeblocking = false
        var modifiesLists = false
        var hasHeaderExtension = false
        var hasChromaOffsetLists = false
    }

    private(set) var sequences: [Int: Sequence] = [:]
    private(set) var pictures: [Int: Picture] = [:]

    /// Takes a parameter set, wherever it stands; other NAL units change nothing. What cannot be read is left out: a
    /// slice that refers to it says so.
    mutating func learn(_ unit: UnsafeRawBufferPointer) {
        guard unit.count > 2 else { return }
        switch unit[0] >> 1 & 0x3F {
        case 33: learnSequence(unit)
        case 34: learnPicture(unit)
        default: break
        }
    }

    private mutating func learnSequence(_ unit: UnsafeRawBufferPointer) {
        var bits = BitReader(unit, emulationPrevention: true)
        var set = Sequence()
        bits.skip(16 + 4)
        let subLayers = bits.bits(3)
        bits.skip(1)
        Self.skipProfile(&bits, subLayers: subLayers)
        let id = bits.unsigned()
        set.chromaFormat = bits.unsigned()
        if set.chromaFormat == 3 { set.hasSeparatePlanes = bits.bit() }
        let width = bits.unsigned()
        let height = bits.unsigned()
        if bits.bit() { for _ in 0..<4 { _ = bits.unsigned() } }
        _ = bits.unsigned()
        _ = bits.unsigned()
        set.orderBits = bits.unsigned() + 4
        for _ in (bits.bit() ? 0 : subLayers)...subLayers { for _ in 0..<3 { _ = bits.unsigned() } }
        let smallest = bits.unsigned() + 3
        let largest = smallest + bits.unsigned()
        guard largest <= 6, width <= 1 << 16, height <= 1 << 16, set.orderBits <= 16 else { return }
        let side = 1 << largest
        set.pictureBlocks = ((width + side - 1) / side) * ((height + side - 1) / side)
        for _ in 0..<4 { _ = bits.unsigned() }
        if bits.bit(), bits.bit() { Self.skipScalingLists(&bits) }
        bits.skip(1)
        set.hasOffsets = bits.bit()
        if bits.bit() {
            bits.skip(8)
            _ = bits.unsigned()
            _ = bits.unsigned()
            bits.skip(1)
        }
        let count = bits.unsigned()
        guard count <= 64, !bits.isExhausted else { return }
        for index in 0..<count {
            guard let next = Self.referenceSet(&bits, index: index, count: count, known: set.sets) else { return }
            set.sets.append(next)
        }
        set.hasLongTerm = bits.bit()
        if set.hasLongTerm {
            let longTerms = bits.unsigned()
            guard longTerms <= 32 else { return }
            for _ in 0..<longTerms {
                bits.skip(set.orderBits)
                set.longTermUsed.append(bits.bit())
            }
        }
        set.hasTemporalMotion = bits.bit()
        bits.skip(1)
        guard !bits.isExhausted, id <= 15 else { return }
        if bits.bit() { set.color = ColorDescription(usabilityInformation: &bits) }
        sequences[id] = set
    }

    private static func skipProfile(_ bits: inout BitReader, subLayers: Int) {
        bits.skip(88 + 8)
        let present = (0..<subLayers).map { _ in (bits.bit(), bits.bit()) }
        if subLayers > 0 { bits.skip((8 - subLayers) * 2) }
        for (profile, level) in present {
            if profile { bits.skip(88) }
            if level { bits.skip(8) }
        }
    }

    private static func skipScalingLists(_ bits: inout BitReader) {
        for size in 0..<4 {
            for _ in stride(from: 0, to: 6, by: size == 3 ? 3 : 1) {
                if !bits.bit() {
                    _ = bits.unsigned()
                } else {
                    if size > 1 { _ = bits.signed() }
                    for _ in 0..<min(64, 1 << (4 + (size << 1))) { _ = bits.signed() }
                }
            }
        }
    }

    /// `st_ref_pic_set(index)` (7.3.7, 7.4.8); nil beyond the 16 pictures a set may hold.
    static func referenceSet(
        _ bits: inout BitReader, index: Int, count: Int, known: [ReferenceSet]
    ) -> ReferenceSet? {
        if index > 0, bits.bit() {
            let back = index == count ? bits.unsigned() + 1 : 1
            guard back <= index, known.indices.contains(index - back) else { return nil }
            let base = known[index - back]
            let isNegative = bits.bit()
            let delta = (bits.unsigned() + 1) * (isNegative ? -1 : 1)
            // For each picture of the base and for the base itself: used now, and kept at all.
            var flags: [(used: Bool, kept: Bool)] = []
            for _ in 0...base.deltas.count {
                let used = bits.bit()
                flags.append((used, used || bits.bit()))
            }
            return derived(from: base, by: delta, flags)
        }
        let negatives = bits.unsigned()
        let positives = bits.unsigned()
        guard negatives <= 16, positives <= 16 else { return nil }
        var set = ReferenceSet()
        set.negatives = negatives
        for (length, sign) in [(negatives, -1), (positives, 1)] {
            var delta = 0
            for _ in 0..<length {
                delta += sign * (bits.unsigned() + 1)
                set.deltas.append(delta)
                set.used.append(bits.bit())
            }
        }
        return bits.isExhausted ? nil : set
    }

    /// Equations 7-61 and 7-62: nearest pictures first, those before the current one in front.
    private static func derived(
        from base: ReferenceSet, by delta: Int, _ flags: [(used: Bool, kept: Bool)]
    ) -> ReferenceSet? {
        var set = ReferenceSet()
        let own = base.deltas.count
        func take(_ place: Int, _ value: Int, before: Bool) {
            guard before ? value < 0 : value > 0, flags[place].kept else { return }
            set.deltas.append(value)
            set.used.append(flags[place].used)
        }
        for place in (base.negatives..<own).reversed() { take(place, base.deltas[place] + delta, before: true) }
        take(own, delta, before: true)
        for place in 0..<base.negatives { take(place, base.deltas[place] + delta, before: true) }
        set.negatives = set.deltas.count
        for place in (0..<base.negatives).reversed() { take(place, base.deltas[place] + delta, before: false) }
        take(own, delta, before: false)
        for place in base.negatives..<own { take(place, base.deltas[place] + delta, before: false) }
        return set.deltas.count <= 16 ? set : nil
    }

    private mutating func learnPicture(_ unit: UnsafeRawBufferPointer) {
        var bits = BitReader(unit, emulationPrevention: true)
        var set = Picture()
        bits.skip(16)
        let id = bits.unsigned()
        set.sequence = bits.unsigned()
        set.hasDependentSlices = bits.bit()
        set.hasOutputFlag = bits.bit()
        set.extraBits = bits.bits(3)
        bits.skip(1)
        set.hasCABACInit = bits.bit()
        set.firstReferences = bits.unsigned() + 1
        set.secondReferences = bits.unsigned() + 1
        _ = bits.signed()
        bits.skip(1)
        let skipsTransform = bits.bit()
        if bits.bit() { _ = bits.unsigned() }
        _ = bits.signed()
        _ = bits.signed()
        set.hasChromaOffsets = bits.bit()
        set.weighsP = bits.bit()
        set.weighsB = bits.bit()
        bits.skip(1)
        let hasTiles = bits.bit()
        let synchronizes = bits.bit()
        set.hasEntryPoints = hasTiles || synchronizes
        if hasTiles {
            let columns = bits.unsigned()
            let rows = bits.unsigned()
            guard columns < 1 << 10, rows < 1 << 10 else { return }
            if !bits.bit() { for _ in 0..<columns + rows { _ = bits.unsigned() } }
            bits.skip(1)
        }
        set.filtersAcrossSlices = bits.bit()
        if bits.bit() {
            set.overridesDeblocking = bits.bit()
            set.disablesDeblocking = bits.bit()
            if !set.disablesDeblocking { for _ in 0..<2 { _ = bits.signed() } }
        }
        if bits.bit() { Self.skipScalingLists(&bits) }
        set.modifiesLists = bits.bit()
        _ = bits.unsigned()
        set.hasHeaderExtension = bits.bit()
        if bits.bit() {
            let hasRange = bits.bit()
            // Multilayer, 3D and screen content extensions change slice headers: such pictures are not read.
            guard bits.bits(7) == 0 else { return }
            if hasRange {
                if skipsTransform { _ = bits.unsigned() }
                bits.skip(1)
                set.hasChromaOffsetLists = bits.bit()
            }
        }
        guard !bits.isExhausted, id <= 63, set.firstReferences <= 15, set.secondReferences <= 15 else { return }
        pictures[id] = set
    }
}
