import JSON

/// How ECMAScript writes numbers (ECMA-262, Number::toString, toPrecision, toFixed), which JSONata shows.
enum NumberText {
    /// A finite number's digits without leading or trailing zeros, and where the decimal point stands: 0.0123 is
    /// `digits` 123 with `point` -1. Zero has no digits.
    struct Decimal {
        var isNegative = false
        var digits: [UInt8] = []
        var point = 0
    }

    /// The shortest decimal that reads back as the same double.
    static func shortest(_ value: Double) -> Decimal {
        var result = Decimal(isNegative: value < 0)
        var exponent = 0
        var fraction = 0
        var seenPoint = false
        var text = value.magnitude.description.utf8.makeIterator()
        while let byte = text.next() {
            switch byte {
            case UInt8(ascii: "."): seenPoint = true
            case UInt8(ascii: "e"):
                var sign = 1
                while let digit = text.next() {
                    if digit == UInt8(ascii: "-") {
                        sign = -1
                    } else if digit != UInt8(ascii: "+") {
                        exponent = exponent * 10 + Int(digit - UInt8(ascii: "0"))
                    }
                }
                exponent *= sign
            default:
                result.digits.append(byte - UInt8(ascii: "0"))
                if seenPoint { fraction += 1 }
            }
        }
        result.point = result.digits.count - fraction + exponent
        result.trim()
        return result
    }

    /// Every digit of the double, which is a fraction of a power of two and so has an end.
    static func exact(_ value: Double) -> Decimal {
        var result = Decimal(isNegative: value < 0)
        if value == 0 { return result }
        // value = significand * 2^exponent, held in base 1e9, least first.
        var limbs: [UInt64] = []
        var significand = value.magnitude.significandBitPattern
        var exponent = Int(value.exponentBitPattern) - 1075
        if value.exponentBitPattern == 0 { exponent = -1074 } else { significand |= 1 << 52 }
        while significand > 0 {
            limbs.append(significand % 1_000_000_000)
            significand /= 1_000_000_000
        }
        func multiply(by factor: UInt64) {
            var carry: UInt64 = 0
            for index in limbs.indices {
                let product = limbs[index] * factor + carry
                limbs[index] = product % 1_000_000_000
                carry = product / 1_000_000_000
            }
            if carry > 0 { limbs.append(carry) }
        }
        // x * 2^-k = x * 5^k / 10^k
        var remaining = abs(exponent)
        let base: UInt64 = exponent < 0 ? 5 : 2
        while remaining > 0 {
            let power = min(remaining, 12)
            var factor: UInt64 = 1
            for _ in 0..<power { factor *= base }
            multiply(by: factor)
            remaining -= power
        }
        for limb in limbs.reversed() {
            var divisor: UInt64 = 100_000_000
            while divisor > 0 {
                result.digits.append(UInt8(limb / divisor % 10))
                divisor /= 10
            }
        }
        result.point = result.digits.count + min(exponent, 0)
        result.trim()
        return result
    }

    /// Number::toString: digits as they are, or with an exponent when the number is very large or very small.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        if let integer = Int64(exactly: value), integer.magnitude < 1 << 53 { return String(integer) }
        let decimal = shortest(value)
        let digits = decimal.digits.map { $0 + UInt8(ascii: "0") }
        var bytes: [UInt8] = decimal.isNegative ? [UInt8(ascii: "-")] : []
        let zero = UInt8(ascii: "0")
        let point = decimal.point
        if digits.count <= point, point <= 21 {
            bytes += digits + Array(repeating: zero, count: point - digits.count)
        } else if (1...21).contains(point) {
            bytes += digits[..<point] + [UInt8(ascii: ".")] + digits[point...]
        } else if (-5...0).contains(point) {
            bytes += [zero, UInt8(ascii: ".")] + Array(repeating: zero, count: -point) + digits
        } else {
            bytes.append(digits[0])
            if digits.count > 1 { bytes += [UInt8(ascii: ".")] + digits[1...] }
            bytes += [UInt8(ascii: "e"), UInt8(ascii: point > 0 ? "+" : "-")]
            bytes += Array(String(abs(point - 1)).utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What is left of a number at 15 significant digits: sums such as 0.1 + 0.2 then show as people expect. Integers stay.
    static func rounded(_ value: Double) throws(Failure) -> Double {
        try Arithmetic.checkFinite(value)
        if value.isNaN || value == value.rounded(.towardZero) { return value }
        if shortest(value).digits.count <= 15 { return value }
        let decimal = exact(value).rounded(toDigits: 15)
        return decimal.double
    }

    /// toFixed: digits after the point, rounded from the exact value, halves away from zero.
    static func fixed(_ value: Double, digits: Int) -> String {
        let decimal = exact(value)
        let kept = decimal.point + digits
        let rounded = kept < 0 ? Decimal(isNegative: decimal.isNegative) : decimal.rounded(toDigits: kept)
        var whole = ""
        var fraction = ""
        for place in 0..<max(rounded.point, 0) {
            whole.append(place < rounded.digits.count ? String(rounded.digits[place]) : "0")
        }
        for place in 0..<digits {
            let index = rounded.point + place
            fraction.append(index >= 0 && index < rounded.digits.count ? String(rounded.digits[index]) : "0")
        }
        return (decimal.isNegative ? "-" : "") + (whole.isEmpty ? "0" : whole) + (digits > 0 ? "." + fraction : "")
    }

    /// Integers as integers, and what JSON cannot write as null, as ECMAScript's JSON.stringify does.
    static func json(_ value: Double) -> JSON {
        guard value.isFinite else { return .null }
        if let integer = Int64(exactly: value), integer.magnitude < 1 << 53, !(value == 0 && value.sign == .minus) {
            return .integer(integer)
        }
        if value == 0 { return .integer(0 as Int64) }
        return .double(value)
    }
}

extension NumberText.Decimal {
    /// Without zeros that say nothing.
    mutating func trim() {
        let leading = digits.prefix { $0 == 0 }.count
        digits.removeFirst(leading)
        point -= leading
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { point = 0 }
    }

    /// The first digits, the last of them rounded, halves up.
    func rounded(toDigits count: Int) -> NumberText.Decimal {
        guard digits.count > count else { return self }
        var result = self
        let isUp = digits[count] >= 5
        result.digits.removeLast(digits.count - count)
        if isUp {
            var index = count - 1
            while index >= 0, result.digits[index] == 9 {
                result.digits[index] = 0
                index -= 1
            }
            if index >= 0 {
                result.digits[index] += 1
            } else {
                result.digits.insert(1, at: 0)
                result.point += 1
            }
        }
        result.trim()
        return result
    }

    var double: Double {
        if digits.isEmpty { return 0 }
        let text = String(decoding: digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
        guard let value = Double("\(isNegative ? "-" : "")0.\(text)e\(point)") else {
            preconditionFailure("digits with an exponent are a number")
        }
        return value
    }
}
