/// Reads fields that do not lie on bytes, most significant bit first. Past the end it gives zeros and says so once, by
/// ``isExhausted``: a header is read through and judged at its end.
struct BitReader {
    private let bytes: UnsafeRawBufferPointer
    private var next = 0
    private var current: UInt8 = 0
    private var left = 0
    private var zeros = 0
    /// Whether `00 00 03` stands for `00 00` (ISO/IEC 14496-10, 7.4.1; 23008-2, 7.4.2).
    private let hasEmulationPrevention: Bool
    private(set) var isExhausted = false

    /// The bytes outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer, emulationPrevention: Bool = false) {
        self.bytes = bytes
        hasEmulationPrevention = emulationPrevention
    }

    /// Bytes touched so far, those that prevent emulation included.
    var bytesRead: Int { next }
    /// Bits read so far, without those that prevent emulation.
    private(set) var bitsRead = 0
    var isAligned: Bool { left == 0 }

    private mutating func load() {
        guard next < bytes.count else {
            isExhausted = true
            current = 0
            left = 8
            return
        }
        current = bytes[next]
        next += 1
        if hasEmulationPrevention {
            if zeros >= 2, current == 3 {
                zeros = 0
                load()
                return
            }
            zeros = current == 0 ? zeros + 1 : 0
        }
        left = 8
    }

    mutating func bit() -> Bool {
        if left == 0 { load() }
        left -= 1
        bitsRead += 1
        return current >> UInt8(left) & 1 == 1
    }

    /// Up to 63 bits.
    mutating func bits(_ count: Int) -> Int {
        precondition((0...63).contains(count), "\(count) bits do not fit")
        var value = 0
        for _ in 0..<count { value = value << 1 | (bit() ? 1 : 0) }
        return value
    }

    mutating func skip(_ count: Int) {
        for _ in 0..<count {
            if isExhausted { return }
            _ = bit()
        }
    }

    mutating func align() { left = 0 }

    /// An unsigned Exp-Golomb code (`ue(v)`); more than 32 leading zeros count as exhausted.
    mutating func unsigned() -> Int {
        var leading = 0
        while !bit() {
            leading += 1
            if leading > 32 || isExhausted {
                isExhausted = true
                return 0
            }
        }
        return (1 << leading) - 1 + bits(leading)
    }

    /// A signed Exp-Golomb code (`se(v)`).
    mutating func signed() -> Int {
        let code = unsigned()
        return code & 1 == 1 ? (code + 1) / 2 : -(code / 2)
    }
}
