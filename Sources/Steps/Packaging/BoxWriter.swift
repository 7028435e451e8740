/// Assembles ISO base media file format boxes (ISO/IEC 14496-12, 4.2): big-endian fields in nested boxes whose sizes
/// are filled in when a box ends.
struct BoxWriter {
    private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: bytes made room for at once.
    init(reserving capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    mutating func u8(_ value: UInt8) { bytes.append(value) }

    mutating func u16(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    /// The low 24 bits; what lies above must be zero.
    mutating func u24(_ value: UInt32) {
        precondition(value < 1 << 24, "a 24-bit field holds \(value)")
        bytes.append(UInt8(truncatingIfNeeded: value >> 16))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func u32(_ value: UInt32) {
        u16(UInt16(truncatingIfNeeded: value >> 16))
        u16(UInt16(truncatingIfNeeded: value))
    }

    mutating func u64(_ value: UInt64) {
        u32(UInt32(truncatingIfNeeded: value >> 32))
        u32(UInt32(truncatingIfNeeded: value))
    }

    mutating func i16(_ value: Int16) { u16(UInt16(bitPattern: value)) }
    mutating func i32(_ value: Int32) { u32(UInt32(bitPattern: value)) }
    mutating func i64(_ value: Int64) { u64(UInt64(bitPattern: value)) }

    mutating func zeros(_ count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }
    mutating func raw(_ more: [UInt8]) { bytes.append(contentsOf: more) }

    /// A four-character code.
    mutating func code(_ value: StaticString) {
        precondition(value.utf8CodeUnitCount == 4, "a four-character code has four characters: \(value)")
        value.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Text in UTF-8 with the zero byte that ends it.
    mutating func zeroTerminated(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    /// A 16.16 fixed-point number of whole units.
    mutating func fixed16(_ whole: UInt16) {
        u16(whole)
        u16(0)
    }

    /// The identity transformation of `mvhd` and `tkhd`.
    mutating func identityMatrix() {
        for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] as [UInt32] { u32(value) }
    }

    /// A box around what `content` writes.
    mutating func box(_ type: StaticString, _ content: (inout BoxWriter) -> Void) {
        let start = bytes.count
        u32(0)
        code(type)
        content(&self)
        let size = bytes.count - start
        precondition(size <= UInt32.max, "only media data may take more than 32 bits of size: \(type) has \(size)")
        patch(UInt32(size), at: start)
    }

    /// A box with version and flags.
    mutating func fullBox(
        _ type: StaticString, version: UInt8 = 0, flags: UInt32 = 0, _ content: (inout BoxWriter) -> Void
    ) {
        box(type) { box in
            box.u8(version)
            box.u24(flags)
            content(&box)
        }
    }

    /// Overwrites a 32-bit field written before.
    mutating func patch(_ value: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= bytes.count, "no field at \(offset) yet")
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(shift))
        }
    }
}
