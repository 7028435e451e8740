/// A point in time or a length of time as an exact fraction of a second, in lowest terms.
///
/// Values are compared and divided in whole numbers: two tracks with different time scales agree on a cut without
/// rounding.
public struct MediaTime: Sendable, Hashable, Comparable {
    public let value: Int64
    /// Ticks a second, above zero.
    public let scale: Int64

    /// - Precondition: `scale` is above zero.
    public init(_ value: Int64, scale: Int64) {
        precondition(scale > 0, "a time scale is above zero")
        let divisor = greatestCommonDivisor(value.magnitude, scale.magnitude)
        self.value = value / Int64(divisor)
        self.scale = scale / Int64(divisor)
    }

    public static let zero = MediaTime(0, scale: 1)

    public static func < (left: MediaTime, right: MediaTime) -> Bool {
        Int128(left.value) * Int128(right.scale) < Int128(right.value) * Int128(left.scale)
    }

    /// In seconds, for people and for documents that carry floating-point seconds.
    public var seconds: Double { Double(value) / Double(scale) }

    /// In whole milliseconds, the nearest.
    public var milliseconds: Int64 { ticks(scale: 1000) }

    /// How many whole `period`s lie before this time.
    func index(period: MediaTime) -> Int64 {
        let numerator = Int128(value) * Int128(period.scale)
        let denominator = Int128(scale) * Int128(period.value)
        let quotient = numerator / denominator
        return Int64(numerator % denominator < 0 ? quotient - 1 : quotient)
    }

    /// The nearest whole number of ticks of another scale; halves go up. Beyond 63 bits the largest: times of other
    /// people's files may be anything.
    func ticks(scale other: Int64) -> Int64 {
        let numerator = Int128(value) * Int128(other) * 2 + Int128(scale)
        let denominator = Int128(scale) * 2
        let quotient = numerator / denominator
        return Int64(clamping: numerator % denominator < 0 ? quotient - 1 : quotient)
    }

    /// The smallest whole number of ticks of another scale that is not below this time.
    func ticksRoundedUp(scale other: Int64) -> Int64 {
        let numerator = Int128(value) * Int128(other)
        let quotient = numerator / Int128(scale)
        return Int64(clamping: numerator % Int128(scale) > 0 ? quotient + 1 : quotient)
    }

    static func + (left: MediaTime, right: MediaTime) -> MediaTime {
        let divisor = Int64(greatestCommonDivisor(left.scale.magnitude, right.scale.magnitude))
        let scale = left.scale / divisor * right.scale
        return MediaTime(left.value * (scale / left.scale) + right.value * (scale / right.scale), scale: scale)
    }
}

/// Euclid's; `gcd(0, n)` is n.
func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}

/// A whole number of `10^-places` as decimal text, for instance 4004000 with 6 places as "4.004000".
func decimalText(_ value: Int64, places: Int) -> String {
    var digits = String(value.magnitude)
    if digits.count <= places { digits = String(repeating: "0", count: places + 1 - digits.count) + digits }
    let split = digits.index(digits.endIndex, offsetBy: -places)
    let sign = value < 0 ? "-" : ""
    return places == 0 ? sign + digits : sign + digits[..<split] + "." + digits[split...]
}
