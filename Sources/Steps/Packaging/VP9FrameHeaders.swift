/// Where frames and their uncompressed headers end in VP9 (VP9 Bitstream and Decoding Process Specification, 6.2 and
/// annex B): protection covers what lies behind a frame's uncompressed header.
struct VP9FrameHeaders: Sendable, Hashable {
    /// Width of each reference slot, for frames that take their size from one: tiles are counted by it.
    private var widths = [Int](repeating: 0, count: 8)

    /// Goes over a sample's frames, giving the clear and protected bytes of each.
    /// - Returns: false where a header cannot be read.
    mutating func frames(of sample: UnsafeRawBufferPointer, take: (Int, Int) -> Void) -> Bool {
        var (sizes, indexSize) = Self.superframe(sample)
        if sizes.isEmpty { sizes = [sample.count] }
        var place = 0
        for size in sizes {
            guard size <= sample.count - place - indexSize else { return false }
            let frame = UnsafeRawBufferPointer(rebasing: sample[place..<place + size])
            guard let head = headerSize(frame), head <= size else { return false }
            take(head, size - head)
            place += size
        }
        take(sample.count - place, 0)
        return true
    }

    /// The sizes of the frames of a superframe and its index's; no sizes where the sample is one frame.
    private static func superframe(_ sample: UnsafeRawBufferPointer) -> ([Int], Int) {
        guard let marker = sample.last, marker & 0xE0 == 0xC0 else { return ([], 0) }
        let bytes = Int(marker >> 3 & 3) + 1
        let frames = Int(marker & 7) + 1
        let size = 2 + bytes * frames
        guard sample.count >= size, sample[sample.count - size] == marker else { return ([], 0) }
        let sizes = (0..<frames).map { frame in
            (0..<bytes).reduce(0) { $0 | Int(sample[sample.count - size + 1 + frame * bytes + $1]) << (8 * $1) }
        }
        return (sizes, size)
    }

    private mutating func headerSize(_ frame: UnsafeRawBufferPointer) -> Int? {
        guard !frame.isEmpty else { return 0 }
        var bits = BitReader(frame)
        guard bits.bits(2) == 2 else { return nil }
        let low = bits.bits(1)
        let profile = bits.bits(1) << 1 | low
        if profile == 3 { bits.skip(1) }
        if bits.bit() { return frame.count }  // an earlier frame shown again
        let isKey = !bits.bit()
        let isShown = bits.bit()
        let resists = bits.bit()
        var width = 0
        if isKey {
            bits.skip(24)
            Self.skipColor(&bits, profile: profile)
            width = Self.size(&bits)
            for slot in widths.indices { widths[slot] = width }
        } else {
            let isIntra = isShown ? false : bits.bit()
            if !resists { bits.skip(2) }
            if isIntra {
                bits.skip(24)
                if profile > 0 { Self.skipColor(&bits, profile: profile) }
            }
            let refreshed = bits.bits(8)
            if isIntra {
                width = Self.size(&bits)
            } else {
                let references = (0..<3).map { _ in
                    let slot = bits.bits(3)
                    bits.skip(1)
                    return slot
                }
                var found: Int?
                for slot in references where found == nil { if bits.bit() { found = slot } }
                if let found {
                    width = widths[found]
                    if bits.bit() { bits.skip(32) }
                } else {
                    width = Self.size(&bits)
                }
                bits.skip(1)
                if !bits.bit() { bits.skip(2) }
            }
            for slot in widths.indices where refreshed >> slot & 1 == 1 { widths[slot] = width }
        }
        if !resists { bits.skip(2) }
        bits.skip(2)
        Self.skipFilters(&bits)
        Self.skipSegmentation(&bits)
        Self.skipTiles(&bits, width: width)
        bits.skip(16)
        return bits.isExhausted ? nil : bits.bytesRead
    }

    private static func skipColor(_ bits: inout BitReader, profile: Int) {
        if profile >= 2 { bits.skip(1) }
        let space = bits.bits(3)
        if space != 7 {
            bits.skip(1)
            if profile & 1 == 1 { bits.skip(3) }
        } else if profile & 1 == 1 {
            bits.skip(1)
        }
    }

    /// Frame size and render size; the width.
    private static func size(_ bits: inout BitReader) -> Int {
        let width = bits.bits(16) + 1
        bits.skip(16)
        if bits.bit() { bits.skip(32) }
        return width
    }

    private static func skipFilters(_ bits: inout BitReader) {
        bits.skip(9)
        if bits.bit(), bits.bit() { for _ in 0..<6 where bits.bit() { bits.skip(7) } }
        bits.skip(8)
        for _ in 0..<3 where bits.bit() { bits.skip(5) }
    }

    private static func skipSegmentation(_ bits: inout BitReader) {
        guard bits.bit() else { return }
        if bits.bit() {
            for _ in 0..<7 where bits.bit() { bits.skip(8) }
            if bits.bit() { for _ in 0..<3 where bits.bit() { bits.skip(8) } }
        }
        if bits.bit() {
            bits.skip(1)
            for _ in 0..<8 {
                // Value and sign of quantizer and filter, value of reference, nothing for skip.
                for length in [9, 7, 2, 0] where bits.bit() { bits.skip(length) }
            }
        }
    }

    private static func skipTiles(_ bits: inout BitReader, width: Int) {
        let columns = (width + 63) / 64
        var least = 0
        while 64 << least < columns { least += 1 }
        var most = 1
        while columns >> most >= 4 { most += 1 }
        most -= 1
        var count = least
        while count < most, bits.bit() { count += 1 }
        if bits.bit() { bits.skip(1) }
    }
}
