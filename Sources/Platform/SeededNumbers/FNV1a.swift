/// FNV-1a of 64 bits: a number that follows from bytes, the same everywhere. Not for secrets, and not for bytes that somebody
/// chooses who gains by two that give the same.
///
/// Source: Fowler, Noll, Vo: FNV hash (http://www.isthe.com/chongo/tech/comp/fnv/).
public struct FNV1a: Sendable, Hashable {
    @usableFromInline
    var state: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The number of what was added so far.
    @inlinable
    public var value: UInt64 { state }

    /// Of no bytes.
    @inlinable
    public init() {}

    @inlinable
    public init(_ bytes: some Sequence<UInt8>) { add(bytes) }

    @inlinable
    public mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }

    @inlinable
    public mutating func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }
}
