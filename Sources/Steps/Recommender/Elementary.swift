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
