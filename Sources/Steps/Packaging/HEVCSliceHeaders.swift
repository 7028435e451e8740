/// Where a slice segment's header ends in HEVC (ISO/IEC 23008-2, 7.3.6.1): protection begins behind it.
struct HEVCSliceHeaders: Sendable, Hashable {
    private(set) var sets = HEVCParameterSets()
    mutating func learn(_ unit: UnsafeRawBufferPointer) { sets.learn(unit) }

    /// Bytes of the NAL unit header and the slice segment header (NAL unit types 0 to 31); nil when they cannot be
    /// read.
    func headerSize(_ unit: UnsafeRawBufferPointer) -> Int? {
        guard unit.count > 2 else { return nil }
        let type = Int(unit[0] >> 1 & 0x3F)
        // Layers above the base one have headers of their own.
        guard unit[0] & 1 == 0, unit[1] >> 3 == 0 else { return nil }
        var bits = BitReader(unit, emulationPrevention: true)
        bits.skip(16)
        let isFirst = bits.bit()
        if (16...23).contains(type) { bits.skip(1) }
        guard let picture = sets.pictures[bits.unsigned()], let sequence = sets.sequences[picture.sequence] else {
            return nil
        }
        var isDependent = false
        if !isFirst {
            if picture.hasDependentSlices { isDependent = bits.bit() }
            bits.skip(bitWidth(of: sequence.pictureBlocks - 1))
        }
        if !isDependent, !Self.skipIndependent(&bits, type: type, picture, sequence) { return nil }
        if picture.hasEntryPoints {
            let count = bits.unsigned()
            if count > 0 {
                let length = bits.unsigned() + 1
                guard length <= 32, count <= 1 << 16 else { return nil }
                bits.skip(count * length)
            }
        }
        if picture.hasHeaderExtension {
            let length = bits.unsigned()
            guard length <= 256 else { return nil }
            bits.skip(length * 8)
        }
        // byte_alignment(): a one and zeros.
        bits.skip(1)
        return bits.isExhausted ? nil : bits.bytesRead
    }

    private static func skipIndependent(
        _ bits: inout BitReader, type: Int, _ picture: HEVCParameterSets.Picture,
        _ sequence: HEVCParameterSets.Sequence
    ) -> Bool {
        bits.skip(picture.extraBits)
        let slice = bits.unsigned()  // B P I
        guard slice <= 2 else { return false }
        if picture.hasOutputFlag { bits.skip(1) }
        if sequence.hasSeparatePlanes { bits.skip(2) }
        var usedPictures = 0
        var hasTemporalMotion = false
        if type != 19, type != 20 {
            guard let used = countReferences(&bits, sequence) else { return false }
            usedPictures = used
            if sequence.hasTemporalMotion { hasTemporalMotion = bits.bit() }
        }
        var filtersLuma = false
        var filtersChroma = false
        if sequence.hasOffsets {
            filtersLuma = bits.bit()
            if sequence.hasChroma { filtersChroma = bits.bit() }
        }
        if slice != 2 {
            guard skipPrediction(&bits, isB: slice == 0, usedPictures, hasTemporalMotion, picture, sequence) else {
                return false
            }
        }
        _ = bits.signed()
        if picture.hasChromaOffsets { for _ in 0..<2 { _ = bits.signed() } }
        if picture.hasChromaOffsetLists { bits.skip(1) }
        var disablesDeblocking = picture.disablesDeblocking
        if picture.overridesDeblocking, bits.bit() {
            disablesDeblocking = bits.bit()
            if !disablesDeblocking { for _ in 0..<2 { _ = bits.signed() } }
        }
        if picture.filtersAcrossSlices, filtersLuma || filtersChroma || !disablesDeblocking { bits.skip(1) }
        return !bits.isExhausted
    }

    /// Reads the reference picture sets; the number of pictures that may be referred to (NumPicTotalCurr, 7-55).
    private static func countReferences(_ bits: inout BitReader, _ sequence: HEVCParameterSets.Sequence) -> Int? {
        bits.skip(sequence.orderBits)
        var used = 0
        if !bits.bit() {
            guard
                let set = HEVCParameterSets.referenceSet(
                    &bits, index: sequence.sets.count, count: sequence.sets.count, known: sequence.sets)
            else { return nil }
            used = set.usedCount
        } else {
            let index = sequence.sets.count > 1 ? bits.bits(bitWidth(of: sequence.sets.count - 1)) : 0
            guard sequence.sets.indices.contains(index) else { return nil }
            used = sequence.sets[index].usedCount
        }
        if sequence.hasLongTerm {
            let listed = sequence.longTermUsed.isEmpty ? 0 : bits.unsigned()
            let own = bits.unsigned()
            guard listed <= 32, own <= 32 else { return nil }
            for index in 0..<listed + own {
                if index < listed {
                    let count = sequence.longTermUsed.count
                    let place = count > 1 ? bits.bits(bitWidth(of: count - 1)) : 0
                    guard sequence.longTermUsed.indices.contains(place) else { return nil }
                    if sequence.longTermUsed[place] { used += 1 }
                } else {
                    bits.skip(sequence.orderBits)
                    if bits.bit() { used += 1 }
                }
                if bits.bit() { _ = bits.unsigned() }
            }
        }
        return bits.isExhausted ? nil : used
    }

    private static func skipPrediction(
        _ bits: inout BitReader, isB: Bool, _ usedPictures: Int, _ hasTemporalMotion: Bool,
        _ picture: HEVCParameterSets.Picture, _ sequence: HEVCParameterSets.Sequence
    ) -> Bool {
        var references = (picture.firstReferences, picture.secondReferences)
        if bits.bit() {
            references.0 = bits.unsigned() + 1
            if isB { references.1 = bits.unsigned() + 1 }
        }
        guard references.0 <= 15, references.1 <= 15 else { return false }
        let lists = isB ? [references.0, references.1] : [references.0]
        if picture.modifiesLists, usedPictures > 1 {
            let width = bitWidth(of: usedPictures - 1)
            for count in lists where bits.bit() { bits.skip(count * width) }
        }
        if isB { bits.skip(1) }
        if picture.hasCABACInit { bits.skip(1) }
        if hasTemporalMotion {
            let isFromFirst = isB ? bits.bit() : true
            if isFromFirst ? references.0 > 1 : references.1 > 1 { _ = bits.unsigned() }
        }
        if isB ? picture.weighsB : picture.weighsP {
            _ = bits.unsigned()
            if sequence.hasChroma { _ = bits.signed() }
            for count in lists {
                let luma = (0..<count).map { _ in bits.bit() }
                let chroma = (0..<count).map { _ in sequence.hasChroma && bits.bit() }
                for index in 0..<count {
                    for _ in 0..<(luma[index] ? 2 : 0) + (chroma[index] ? 4 : 0) { _ = bits.signed() }
                }
            }
        }
        _ = bits.unsigned()
        return !bits.isExhausted
    }
}
