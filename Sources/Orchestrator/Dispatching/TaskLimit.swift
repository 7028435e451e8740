/// How many tasks of one key may run, and how often one may begin.
public struct TaskLimit: Sendable, Hashable {
    /// At the same time; nil for no bound.
    public var concurrency: Int?
    /// Starts a second in the long run, as many as ``burst`` at once; nil for no bound.
    public var ratePerSecond: Double?
    public var burst: Int

    /// A concurrency below 1, a rate that is not above 0 or a burst below 1 traps.
    public init(concurrency: Int? = nil, ratePerSecond: Double? = nil, burst: Int = 1) {
        precondition(concurrency.map { $0 >= 1 } ?? true, "a limit of nothing is no limit")
        precondition(ratePerSecond.map { $0 > 0 && $0.isFinite } ?? true, "a rate is above 0")
        precondition(burst >= 1, "a burst is at least one")
        self.concurrency = concurrency
        self.ratePerSecond = ratePerSecond
        self.burst = burst
    }
}

/// A limit at work.
struct LimitState: Sendable {
    var limit: TaskLimit
    var running = 0
    /// Starts that are left, as of `at`.
    private var tokens: Double
    private var at: Microseconds

    init(_ limit: TaskLimit, at now: Microseconds) {
        self.limit = limit
        tokens = Double(limit.burst)
        at = now
    }

    /// Whether one more may start.
    func isOpen(at now: Microseconds) -> Bool {
        if let concurrency = limit.concurrency, running >= concurrency { return false }
        return limit.ratePerSecond == nil || available(at: now) >= 1
    }

    /// When the rate allows the next start; nil where it is not the rate that holds it up.
    func opening(after now: Microseconds) -> Microseconds? {
        guard let rate = limit.ratePerSecond else { return nil }
        let missing = 1 - available(at: now)
        guard missing > 0 else { return nil }
        return now + Microseconds((missing / rate * 1_000_000).rounded(.up))
    }

    mutating func start(at now: Microseconds) {
        running += 1
        guard limit.ratePerSecond != nil else { return }
        tokens = available(at: now) - 1
        at = max(now, at)
    }

    /// A little more than a token by rounding is one.
    private func available(at now: Microseconds) -> Double {
        guard let rate = limit.ratePerSecond else { return .infinity }
        let refill = Double(max(now - at, 0)) / 1_000_000 * rate
        return min(tokens + refill, Double(limit.burst)) + 1e-9
    }
}
