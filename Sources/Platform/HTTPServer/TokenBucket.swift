/// A token bucket: so many calls at once, and so many a second in the long run. It reads no clock: instants are handed in.
///
/// Counted in billionths of a token, so that what trickles in over any number of looks sums up exactly.
public struct TokenBucket: Sendable, Hashable {
    /// Tokens at most, and the number to begin with. At least 1.
    public let size: Int
    /// Tokens that come back in a second. At least 1.
    public let refillPerSecond: Int
    private var billionths: Int
    /// The latest instant seen, in nanoseconds.
    private var seen: Int64

    private static let token = 1_000_000_000
    /// Either number at most, so that nothing overflows.
    public static let maximum = 1_000_000

    /// - Parameter instant: nanoseconds on a clock that does not go back; so are the others.
    public init(size: Int, refillPerSecond: Int, at instant: Int64) {
        precondition((1...Self.maximum).contains(size) && (1...Self.maximum).contains(refillPerSecond))
        self.size = size
        self.refillPerSecond = refillPerSecond
        billionths = size * Self.token
        seen = instant
    }

    /// Takes a token. Without one it says how many nanoseconds it takes until there is one, and nothing changes.
    public mutating func take(at instant: Int64) -> Int64? {
        // A second of n tokens has n billionths of a token in each nanosecond. Beyond what fills an empty bucket there is
        // nothing to count.
        let capacity = size * Self.token
        let toFull = Int64((capacity - billionths + refillPerSecond - 1) / refillPerSecond)
        let passed = max(instant - seen, 0)
        billionths = passed >= toFull ? capacity : billionths + Int(passed) * refillPerSecond
        seen = max(seen, instant)
        guard billionths < Self.token else {
            billionths -= Self.token
            return nil
        }
        return Int64((Self.token - billionths + refillPerSecond - 1) / refillPerSecond)
    }
}
