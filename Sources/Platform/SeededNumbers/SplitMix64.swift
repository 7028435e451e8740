/// Numbers that depend on their seed alone: small, the same everywhere, and not for secrets.
///
/// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable, Hashable {
    @usableFromInline
    var state: UInt64

    @inlinable
    public init(seed: UInt64) { state = seed }

    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// The generator's last step: numbers that differ in few bits give numbers that differ in half of theirs.
    @inlinable
    public static func mixed(_ number: UInt64) -> UInt64 {
        var mixed = number
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of [0, 1).
    @inlinable
    public mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// A number of `0..<bound`; the bias is below bound / 2^64.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "There is no number below zero.")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number with mean 0 and variance 1, nearly normal: the sum of twelve uniform ones.
    @inlinable
    public mutating func normal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += unit() }
        return sum
    }

    /// The numbers below `count` in an order drawn by Fisher and Yates.
    @inlinable
    public mutating func permutation(_ count: Int) -> [Int32] {
        var order = (0..<Int32(count)).map { $0 }
        if count > 1 { for index in stride(from: count - 1, to: 0, by: -1) { order.swapAt(index, below(index + 1)) } }
        return order
    }
}
