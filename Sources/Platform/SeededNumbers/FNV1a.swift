/// A number that follows from bytes, the same everywhere: tells apart what nobody makes on purpose to be alike.
///
/// Source: Fowler, Noll, Vo: FNV-1a with 64 bits (draft-eastlake-fnv).
public struct FNV1a: Sendable, Hashable {
    /// Of the bytes taken so far.
    public private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    public mutating func take(_ bytes: some Sequence<UInt8>) { for byte in bytes { take(byte) } }

    public static func hash(of bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = FNV1a()
        hash.take(bytes)
        return hash.hash
    }
}
