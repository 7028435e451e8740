import CMedia

/// When a film's pictures are shown: at one constant rate, or each at its own time.
///
/// Containers round: Matroska to milliseconds, so that 24 frames a second read as 24.39 and every interval is 41 or
/// 42 ms. A film counts as constant when some exact rate explains every timestamp within that rounding.
public struct FrameTiming: Sendable, Hashable {
    /// The exact rate of a constant film, the mean rate of another.
    public let rate: Rational
    public let isConstant: Bool
    /// The rate to encode at: that of a constant film; for another the usual one that shows each of its pictures, at most
    /// ``fastestRegular`` frames a second.
    public let regularRate: Rational

    /// Rates that films of varying rate are brought to.
    static let regular: [Rational] = [
        Rational(15, 1), Rational(24000, 1001), Rational(24, 1), Rational(25, 1), Rational(30000, 1001),
        Rational(30, 1), Rational(48, 1), Rational(50, 1), Rational(60000, 1001), fastestRegular,
    ]
    static let fastestRegular = Rational(60, 1)

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
            let (ticks, isEndless) = Int64(timeBase.numerator).multipliedReportingOverflow(by: lastDuration)
            let ofDuration = isEndless ? nil : FrameTiming.reduced(Int64(timeBase.denominator), ticks)
            rate = plausible.first ?? ofDuration ?? Rational(25, 1)
            regularRate = rate
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
            regularRate = exact
            isConstant = true
        } else {
            rate = mean ?? plausible.first ?? Rational(25, 1)
            regularRate = FrameTiming.regularRate(timestamps: timestamps, timeBase: timeBase, named: named)
            isConstant = false
        }
    }

    /// What was found before; without `regularRate` the same as `rate`.
    public init(rate: Rational, regularRate: Rational? = nil, isConstant: Bool) {
        self.rate = rate
        self.isConstant = isConstant
        self.regularRate = regularRate ?? rate
    }

    /// The rate for pictures that follow none: one in whose rhythm each has a place of its own and none is left free,
    /// as where a camera's clock trembles or fields are repeated by a flag; otherwise one as fast as the film's faster
    /// parts.
    private static func regularRate(timestamps: [Int64], timeBase: Rational, named: [Rational]) -> Rational {
        let paced = (named + regular).map { ($0, deviation(from: $0, timestamps: timestamps, timeBase: timeBase)) }
        if let best = paced.min(by: { $0.1 < $1.1 }), best.1 < 0.45 { return best.0 }
        let intervals = zip(timestamps, timestamps.dropFirst()).map { $1 - $0 }.filter { $0 > 0 }.sorted()
        guard !intervals.isEmpty else { return fastestRegular }
        let fast = 1 / (Double(intervals[intervals.count / 10]) * timeBase.value)
        let near = (named + regular).filter { abs($0.value / fast - 1) < 0.03 }
        return near.min { abs($0.value - fast) < abs($1.value - fast) }
            ?? regular.first { $0.value >= fast } ?? fastestRegular
    }

    /// The largest distance of a picture from its place in a rhythm, in intervals of it.
    private static func deviation(from rate: Rational, timestamps: [Int64], timeBase: Rational) -> Double {
        guard let first = timestamps.first else { return 0 }
        var worst = 0.0
        for (index, timestamp) in timestamps.enumerated() {
            worst = max(worst, abs(Double(timestamp - first) * timeBase.value * rate.value - Double(index)))
            if worst >= 0.45 { return .infinity }
        }
        return worst
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
