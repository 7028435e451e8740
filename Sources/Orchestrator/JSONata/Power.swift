/// Powers and bases without a mathematics library, which a pure room does without.
enum Power {
    /// `base` to the power of `exponent`, as ECMAScript's `**`: exact for whole exponents as far as multiplication is.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        if exponent == 0 { return 1 }
        if exponent.isNaN || base.isNaN { return .nan }
        if let whole = Int(exactly: exponent), whole.magnitude <= 1 << 20 { return integerPower(base, whole) }
        if base < 0 { return exponent == exponent.rounded() ? wholeHuge(base, exponent) : .nan }
        if base == 0 { return exponent > 0 ? 0 : .infinity }
        if base == 1 { return 1 }
        if exponent == 0.5 { return base.squareRoot() }
        return exp(exponent, timesLogarithmOf: base)
    }

    private static func wholeHuge(_ base: Double, _ exponent: Double) -> Double {
        let magnitude = power(-base, exponent)
        return exponent.truncatingRemainder(dividingBy: 2) == 0 ? magnitude : -magnitude
    }

    /// By squaring, in twice the precision, so that only the last rounding counts.
    private static func integerPower(_ base: Double, _ exponent: Int) -> Double {
        if !base.isFinite || base == 0 {
            var plain = 1.0
            for _ in 0..<min(exponent.magnitude, 2 + exponent.magnitude % 2) { plain *= base }
            return exponent < 0 ? 1 / plain : plain
        }
        var result = Twofold(1)
        var square = Twofold(base)
        var remaining = exponent.magnitude
        while remaining > 0 {
            if remaining & 1 == 1 { result = result.times(square) }
            remaining >>= 1
            if remaining > 0 { square = square.times(square) }
        }
        if exponent > 0 { return result.high + result.low }
        let inverse = Twofold(1).divided(by: result)
        return inverse.high + inverse.low
    }

    /// A sum of two doubles that do not overlap (T. J. Dekker, 1971).
    private struct Twofold {
        var high: Double
        var low = 0.0

        init(_ high: Double, _ low: Double = 0) {
            self.high = high
            self.low = low
        }

        func times(_ other: Twofold) -> Twofold {
            let product = high * other.high
            if !product.isFinite || product == 0 { return Twofold(product) }
            let error = (-product).addingProduct(high, other.high) + (high * other.low + low * other.high)
            let sum = product + error
            return Twofold(sum, error - (sum - product))
        }

        func plus(_ other: Twofold) -> Twofold {
            let sum = high + other.high
            let part = sum - high
            let error = (high - (sum - part)) + (other.high - part) + low + other.low
            let total = sum + error
            return Twofold(total, error - (total - sum))
        }

        func divided(by other: Twofold) -> Twofold {
            let quotient = high / other.high
            if !quotient.isFinite || quotient == 0 { return Twofold(quotient) }
            let rest = plus(other.times(Twofold(-quotient)))
            let correction = (rest.high + rest.low) / other.high
            let sum = quotient + correction
            return Twofold(sum, correction - (sum - quotient))
        }
    }

    /// e^(exponent * ln base) for a positive base.
    private static func exp(_ exponent: Double, timesLogarithmOf base: Double) -> Double {
        // base = fraction * 2^power with fraction in [sqrt(1/2), sqrt 2): ln fraction = 2 artanh((f-1)/(f+1)).
        var power = Double(base.exponent)
        var fraction = base.significand
        if fraction > 1.4142135623730951 {
            fraction /= 2
            power += 1
        }
        let ratio = Twofold(fraction).plus(Twofold(-1)).divided(by: Twofold(fraction).plus(Twofold(1)))
        let square = ratio.times(ratio)
        var term = ratio
        var logarithm = Twofold(0)
        for odd in stride(from: 1.0, through: 61, by: 2) {
            logarithm = logarithm.plus(term.divided(by: Twofold(odd)))
            term = term.times(square)
        }
        logarithm = logarithm.plus(logarithm)
        let ln2 = Twofold(0.6931471805599453, 2.3190468138462996e-17)
        logarithm = logarithm.plus(ln2.times(Twofold(power)))
        let product = logarithm.times(Twofold(exponent))
        if product.high > 710 { return .infinity }
        if product.high < -746 { return 0 }
        // e^product = 2^whole * e^rest
        let whole = (product.high / ln2.high).rounded()
        let rest = product.plus(ln2.times(Twofold(-whole)))
        var sum = Twofold(1)
        var part = Twofold(1)
        for index in 1...24 {
            part = part.times(rest).divided(by: Twofold(Double(index)))
            sum = sum.plus(part)
        }
        let value = sum.high + sum.low
        // In two steps, since 2^whole alone may be out of range.
        let half = (whole / 2).rounded(.down)
        return value * Double(sign: .plus, exponent: Int(half), significand: 1)
            * Double(sign: .plus, exponent: Int(whole - half), significand: 1)
    }
}

enum Radix {
    /// A whole number in another base, as ECMAScript's `toString(radix)`.
    static func text(_ value: Double, radix: Int) -> String {
        if !value.isFinite { return NumberText.text(value) }
        if radix == 10 { return NumberText.text(value) }
        if let integer = Int64(exactly: value) { return String(integer, radix: radix) }
        var digits: [Character] = []
        var rest = value.magnitude
        while rest >= 1 {
            let digit = Int(rest.truncatingRemainder(dividingBy: Double(radix)))
            digits.append(Character(String(digit, radix: radix)))
            rest = (rest / Double(radix)).rounded(.down)
        }
        return (value < 0 ? "-" : "") + String(digits.reversed())
    }
}
