import HTTPServer
import SeededNumbers
import Testing

private let second: Int64 = 1_000_000_000

@Suite("Token buckets, on a clock of numbers")
struct TokenBucketTests {
    @Test("a full bucket gives all it has at once, then one a refill, and says how long the next one takes")
    func burst() {
        var bucket = TokenBucket(size: 3, refillPerSecond: 2, at: 0)
        for _ in 0..<3 { #expect(bucket.take(at: 0) == nil) }
        #expect(bucket.take(at: 0) == second / 2)
        #expect(bucket.take(at: second / 4) == second / 4)
        #expect(bucket.take(at: second / 2) == nil)
        #expect(bucket.take(at: second / 2) == second / 2)
    }

    @Test("it holds no more than its size, however long nobody comes")
    func idle() {
        var bucket = TokenBucket(size: 2, refillPerSecond: 1, at: 0)
        for instant in [0, Int64.max / 2, Int64.max - 1] as [Int64] {
            #expect(bucket.take(at: instant) == nil)
            #expect(bucket.take(at: instant) == nil)
            #expect(bucket.take(at: instant) == second)
        }
    }

    @Test("a clock that is set back gives nothing, and nothing is lost by it")
    func backwards() {
        var bucket = TokenBucket(size: 1, refillPerSecond: 1, at: 10 * second)
        #expect(bucket.take(at: 10 * second) == nil)
        #expect(bucket.take(at: 0) == second)
        #expect(bucket.take(at: 11 * second) == nil)
    }

    @Test("the largest numbers do not overflow")
    func extremes() {
        var bucket = TokenBucket(size: TokenBucket.maximum, refillPerSecond: TokenBucket.maximum, at: .min / 2)
        #expect(bucket.take(at: .min / 2) == nil)
        #expect(bucket.take(at: .max / 2) == nil)
    }

    @Test("in any sequence of looks the calls admitted are those that exact arithmetic admits")
    func againstFractions() {
        let seed = UInt64.random(in: 1 ... .max)
        var dice = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let (size, refill) = (Int(dice.next() % 50) + 1, Int(dice.next() % 1000) + 1)
            var bucket = TokenBucket(size: size, refillPerSecond: refill, at: 0)
            // Tokens times a second's nanoseconds; whole numbers, wide enough for what is asked here.
            var exact = Int128(size) * Int128(second)
            var now: Int64 = 0
            var admitted = 0
            for _ in 0..<500 {
                let step = Int64(dice.next() % UInt64(2 * second / Int64(refill) + 1))
                now += step
                exact = min(exact + Int128(step) * Int128(refill), Int128(size) * Int128(second))
                let isAdmitted = bucket.take(at: now) == nil
                #expect(isAdmitted == (exact >= Int128(second)), "seed \(seed)")
                if isAdmitted {
                    exact -= Int128(second)
                    admitted += 1
                }
                #expect(
                    Int128(admitted) <= Int128(size) + Int128(now) * Int128(refill) / Int128(second), "seed \(seed)")
            }
        }
    }

    @Test("whoever comes back after the time that he was told is let in, and a nanosecond before he is not")
    func waits() {
        let seed = UInt64.random(in: 1 ... .max)
        var dice = SplitMix64(seed: seed)
        for _ in 0..<1000 {
            let refill = Int(dice.next() % 10_000) + 1
            var bucket = TokenBucket(size: 1, refillPerSecond: refill, at: 0)
            _ = bucket.take(at: 0)
            let now = Int64(dice.next() % UInt64(second / Int64(refill) + 1))
            guard let wait = bucket.take(at: now) else { continue }
            var early = bucket
            #expect(early.take(at: now + wait - 1) != nil, "seed \(seed)")
            #expect(bucket.take(at: now + wait) == nil, "seed \(seed)")
        }
    }
}
