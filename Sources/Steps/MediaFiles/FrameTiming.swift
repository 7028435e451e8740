import CMedia

/// When a film's pictures are shown: at one constant rate, or each at its own time.
///
/// Containers round: Matroska to milliseconds, so that 24 frames a second read as 24.39 and every interval is 41 or
/// 42 ms. A film counts as constant when some exact rate explains every timestamp within that rounding.
public struct FrameTiming: Sendable, Hashable {
    /// The exact rate of a constant film, the mean rate of another.
    public let rate: Rational
    public let isConstant: Bool

    /// Rates that cameras and editors make, in frames a second.
    static let usual: [Rational] = [
        Rational(24000, 1001), Rational(24, 1), Rational(25, 1), Rational(30000, 1001), Rational(30, 1),
        Rational(48000, 1001), Rational(48, 1), Rational(50, 1), Rational(60000, 1001), Rational(60, 1),
        Rational(100, 1), Rational(120_000, 1001), Rational(120, 1), Rational(240, 1), Rational(15000, 1001),
        Rational(15, 1), Rational(12000, 1001), Rational(12, 1), Rational(10, 1), Rational(20, 1), Rational(18, 1),
        Rational(16, 1), Rational(90, 1), Rational(144, 1), Rational(8, 1), Rational(6, 1), Rational(5, 1),
        Rational(4, 1), Rational(3, 1), Rational(2, 1), Rational(1, 1),
    ]

    /// Finds the rate of pictures shown at `timestamps` (ascending, in `timeBase`).
    /// - Parameters:
    ///   - claims: the rates that the container derives, best first; they decide only where the timestamps leave a
    ///     choice.
    ///   - lastDuration: the last picture's duration in `timeBase`, 0 when unknown; it decides for a single picture.
    public init(timestamps: [Int64], timeBase: Rational, claims: [Rational], lastDuration: Int64) {
        let plausible = claims.filter { (0.01...1000).contains($0.value) }
        guard let first = timestamps.first, let last = timestamps.last, timestamps.count > 1, last > first else {
            let ofDuration =
                lastDuration > 0
                ? FrameTiming.reduced(Int64(timeBase.denominator), Int64(timeBase.numerator) * lastDuration) : nil
            rate = plausible.first ?? ofDuration ?? Rational(25, 1)
            isConstant = timestamps.count <= 1
            return
        }
        let mean = FrameTiming.reduced(
            Int64(timestamps.count - 1) * Int64(timeBase.denominator), (last - first) * Int64(timeBase.numerator))
        let named = plausible.compactMap { claim in
            FrameTiming.usual.first { abs($0.value / claim.value - 1) < 1e-4 }
        }
        let rest = FrameTiming.usual.map { rate in
            (rate: rate, error: FrameTiming.error(of: rate, timestamps: timestamps, timeBase: timeBase))
        }.sorted { $0.error < $1.error }.map(\.rate)
        let candidates = named + rest + plausible + (mean.map { [$0] } ?? [])
        if let exact = candidates.first(where: {
            FrameTiming.error(of: $0, timestamps: timestamps, timeBase: timeBase) < .infinity
        }) {
            rate = exact
            isConstant = true
        } else {
            rate = mean ?? plausible.first ?? Rational(25, 1)
            isConstant = false
        }
    }

    public init(rate: Rational, isConstant: Bool) {
        self.rate = rate
        self.isConstant = isConstant
    }

    /// The largest distance in seconds between a timestamp and where the rate puts it; infinite when it is more than
    /// rounding explains.
    private static func error(of rate: Rational, timestamps: [Int64], timeBase: Rational) -> Double {
        let interval = 1 / rate.value
        let tick = timeBase.value
        // Both ends of a distance are rounded, by a tick or by the millisecond of a container it came through. A
        // quarter of a frame is never rounding.
        let tolerance = min(max(tick, 0.001) * 1.01, interval / 4)
        guard let first = timestamps.first, let last = timestamps.last else { return .infinity }
        guard abs(Double(last - first) * tick - Double(timestamps.count - 1) * interval) <= tolerance else {
            return .infinity
        }
        var worst = 0.0
        for (index, timestamp) in timestamps.enumerated() {
            let distance = abs(Double(timestamp - first) * tick - Double(index) * interval)
            if distance > tolerance { return .infinity }
            worst = max(worst, distance)
        }
        return worst
    }

    private static func reduced(_ numerator: Int64, _ denominator: Int64) -> Rational? {
        guard numerator > 0, denominator > 0 else { return nil }
        var (a, b): (Int32, Int32) = (0, 0)
        av_reduce(&a, &b, numerator, denominator, 1_000_000)
        return a > 0 && b > 0 ? Rational(Int(a), Int(b)) : nil
    }
}
