import HTTPServer
import Synchronization

/// How often each profile may ask.
final class ProfileRates: Sendable {
    static let burst = 40
    static let perSecond = 5
    /// When so many have asked, all begin anew: simple, and rare at this size.
    static let profiles = 50_000

    private let now: @Sendable () -> ContinuousClock.Instant
    private let start: ContinuousClock.Instant
    private let buckets = Mutex<[String: TokenBucket]>([:])

    init(now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.now = now
        start = now()
    }

    /// Nil where the profile may ask; otherwise the seconds after which it may again.
    func take(_ profile: String) -> Int? {
        let passed = start.duration(to: now()).components
        let instant = passed.seconds * 1_000_000_000 + passed.attoseconds / 1_000_000_000
        return buckets.withLock { buckets in
            if buckets.count >= Self.profiles, buckets[profile] == nil { buckets = [:] }
            var bucket =
                buckets[profile] ?? TokenBucket(size: Self.burst, refillPerSecond: Self.perSecond, at: instant)
            let wait = bucket.take(at: instant)
            buckets[profile] = bucket
            return wait.map { Int(($0 + 999_999_999) / 1_000_000_000) }
        }
    }
}
