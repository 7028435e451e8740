import CMedia

/// An exact ratio: frame rates, time bases, sample aspect ratios. The denominator is positive.
public struct Rational: Sendable, Hashable, CustomStringConvertible {
    public let numerator: Int
    public let denominator: Int

    /// In lowest terms. A zero denominator is a mistake of the caller's.
    public init(_ numerator: Int, _ denominator: Int) {
        precondition(denominator != 0, "a ratio needs a denominator")
        let divisor = Rational.greatestCommonDivisor(abs(numerator), abs(denominator)) * (denominator < 0 ? -1 : 1)
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }

    /// The library's ratio, nil when it stands for "unknown" (zero or negative parts).
    init?(known ratio: AVRational) {
        guard ratio.num > 0, ratio.den > 0 else { return nil }
        self.init(Int(ratio.num), Int(ratio.den))
    }

    /// Reads `30000/1001`, `16:15` or `25`; nil for anything else and for a zero denominator.
    public init?(text: String) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == ":" }
        guard parts.count <= 2, let first = parts.first, let numerator = Int(first) else { return nil }
        guard parts.count == 2 else {
            self.init(numerator, 1)
            return
        }
        guard let denominator = Int(parts[1]), denominator > 0 else { return nil }
        self.init(numerator, denominator)
    }

    public static let one = Rational(1, 1)

    public var value: Double { Double(numerator) / Double(denominator) }

    /// The ratio upside down; it must not be zero.
    public var inverse: Rational { Rational(denominator, numerator) }

    /// `30000/1001`, also for whole numbers (`25/1`): the form players and manifests expect.
    public var description: String { "\(numerator)/\(denominator)" }

    /// `16:15`, the form of aspect ratios.
    public var aspectText: String { "\(numerator):\(denominator)" }

    var library: AVRational { AVRational(num: Int32(clamping: numerator), den: Int32(clamping: denominator)) }

    /// `ticks` of this time base counted in another, rounded to nearest.
    public func rescale(_ ticks: Int64, to other: Rational) -> Int64 { av_rescale_q(ticks, library, other.library) }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return max(a, 1)
    }
}
