/// An OpusSpecificBox (Encapsulation of Opus in ISO Base Media File Format, 4.3.2).
public struct OpusConfiguration: Sendable, Hashable {
    /// The content of the `dOps` box.
    public let record: [UInt8]

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 11, record[0] == 0, record[1] > 0,
            record[10] == 0 || record.count >= 13 + Int(record[1])
        else {
            throw PackagingError(
                .codecConfigurationInvalid, "the dOps record has \(record.count) bytes; version 0 is packaged")
        }
        self.record = record
    }
}

/// An AC3SpecificBox (ETSI TS 102 366, F.4).
public struct AC3Configuration: Sendable, Hashable {
    /// The content of the `dac3` box.
    public let record: [UInt8]

    public init(record: [UInt8]) throws(PackagingError) {
        guard record.count >= 3 else {
            throw PackagingError(.codecConfigurationInvalid, "the dac3 record has \(record.count) bytes, not 3")
        }
        self.record = record
    }

    var channelMask: UInt16 {
        DolbyChannels.mask(mode: Int(record[1] >> 3 & 7), hasLowFrequency: record[1] & 4 != 0)
    }
}

/// An EC3SpecificBox (ETSI TS 102 366, F.6).
public struct EnhancedAC3Configuration: Sendable, Hashable {
    /// The content of the `dec3` box.
    public let record: [UInt8]
    let channelMask: UInt16
    /// Objects of Dolby Digital Plus with Atmos (TS 103 420); zero without.
    let objects: Int

    public init(record: [UInt8]) throws(PackagingError) {
        let read = record.withUnsafeBytes { bytes -> (UInt16, Int)? in
            var bits = BitReader(bytes)
            bits.skip(13)
            var mask: UInt16 = 0
            for stream in 0...bits.bits(3) {
                bits.skip(2 + 5 + 1 + 1 + 3)
                let mode = bits.bits(3)
                let hasLowFrequency = bits.bit()
                if stream == 0 { mask = DolbyChannels.mask(mode: mode, hasLowFrequency: hasLowFrequency) }
                bits.skip(3)
                if bits.bits(4) > 0 {
                    let places = bits.bits(9)
                    if stream == 0 { mask |= DolbyChannels.mask(dependentPlaces: places) }
                } else {
                    bits.skip(1)
                }
            }
            guard !bits.isExhausted else { return nil }
            bits.skip(7)
            let objects = bits.bit() ? bits.bits(8) : 0
            return (mask, bits.isExhausted ? 0 : objects)
        }
        guard record.count >= 5, let (mask, objects) = read else {
            throw PackagingError(.codecConfigurationInvalid, "the dec3 record has \(record.count) bytes and ends early")
        }
        self.record = record
        channelMask = mask
        self.objects = objects
    }
}

/// Dolby's channels as bits: left is the highest (ETSI TS 102 366, E.1.3.1.8).
enum DolbyChannels {
    static func mask(mode: Int, hasLowFrequency: Bool) -> UInt16 {
        // acmod: 1+1, C, L R, L C R, L R S, L C R S, L R Ls Rs, L C R Ls Rs.
        [0xA000, 0x4000, 0xA000, 0xE000, 0xA100, 0xE100, 0xB800, 0xF800][mode] | (hasLowFrequency ? 1 : 0)
    }

    /// `chan_loc`, lowest bit first: Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh, LFE2.
    static func mask(dependentPlaces: Int) -> UInt16 {
        let places: [UInt16] = [0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010, 0x0008, 0x0002]
        return places.enumerated().reduce(0) { dependentPlaces >> $1.offset & 1 == 1 ? $0 | $1.element : $0 }
    }

    static func count(_ mask: UInt16) -> Int {
        // Pairs: Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh.
        mask.nonzeroBitCount + (mask & 0x0670).nonzeroBitCount
    }
}
