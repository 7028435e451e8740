/// Logarithm and exponential without the C library: the same bits on every machine, which a model's checksum needs.
enum Elementary {
    private static let ln2 = 0.693_147_180_559_945_309_4

    /// The logarithm to base 2 of a positive finite number, to the last two bits.
    static func log2(_ x: Double) -> Double {
        precondition(x > 0 && x.isFinite, "A logarithm needs a positive number.")
        var exponent = Double(x.exponent)
        var significand = x.significand
        if significand > 1.414_213_562_373_095_1 {
            significand /= 2
            exponent += 1
        }
        // ln s = 2 artanh((s-1)/(s+1)); |t| < 0.172, so 13 terms reach the last bit.
        let t = (significand - 1) / (significand + 1)
        let square = t * t
        var sum = 0.0
        for term in stride(from: 25, through: 1, by: -2) { sum = sum * square + 1 / Double(term) }
        return exponent + 2 * t * sum / ln2
    }

    /// 2 to a power; 0 below 2^-1000 and the largest power of two above 2^1000.
    static func exp2(_ x: Double) -> Double {
        if x < -1000 { return 0 }
        let bounded = min(x, 1000)
        let whole = bounded.rounded()
        let rest = (bounded - whole) * ln2
        var sum = 1.0
        for term in stride(from: 16, through: 1, by: -1) { sum = 1 + sum * rest / Double(term) }
        return Double(sign: .plus, exponent: Int(whole), significand: 1) * sum
    }

    /// `base` to a power, for a base that is not negative; 0 to any power is 0.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        if base == 0 { return 0 }
        if exponent == 1 { return base }
        return exp2(exponent * log2(base))
    }
}

/// Steele, Lea and Flood's SplitMix64 ("Fast splittable pseudorandom number generators", 2014): all that is drawn
/// comes from the seed.
public struct SplitMix64: Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number of [0, 1).
    public mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// A number of `0..<bound`; the bias is below bound / 2^64.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "There is no number below zero.")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number with mean 0 and variance 1, nearly normal: the sum of twelve uniform ones.
    public mutating func normal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += unit() }
        return sum
    }

    /// The numbers below `count` in an order drawn by Fisher and Yates.
    public mutating func permutation(_ count: Int) -> [Int32] {
        var order = (0..<Int32(count)).map { $0 }
        if count > 1 { for index in stride(from: count - 1, to: 0, by: -1) { order.swapAt(index, below(index + 1)) } }
        return order
    }
}
