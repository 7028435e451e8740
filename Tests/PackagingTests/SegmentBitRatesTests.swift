import SeededNumbers
import Testing

@testable import Packaging

@Suite struct SegmentBitRatesTests {
    /// Segments of random sizes and durations, few enough to try every contiguous set.
    private static func random(_ generator: inout SplitMix64) -> SegmentBitRates {
        let count = Int.random(in: 1...24, using: &generator)
        return SegmentBitRates(
            segments: (0..<count).map { _ in
                (Int.random(in: 1...1_000_000, using: &generator), Int64.random(in: 1...120, using: &generator))
            }, timeScale: 30)
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func peakIsTheLargestOfAllSets(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let rates = Self.random(&generator)
            let target = max(1, Int((Double(rates.segments.map(\.duration).max() ?? 0) / 30).rounded()))
            var largest: Double?
            for first in rates.segments.indices {
                for last in first..<rates.segments.count {
                    let set = rates.segments[first...last]
                    let seconds = Double(set.reduce(0) { $0 + $1.duration }) / 30
                    guard seconds >= 0.5 * Double(target), seconds <= 1.5 * Double(target) else { continue }
                    largest = max(largest ?? 0, Double(set.reduce(0) { $0 + $1.bytes }) * 8 / seconds)
                }
            }
            let peak = rates.peak(targetDuration: target)
            if let largest {
                #expect(Double(peak) >= largest - 1e-3 && Double(peak) < largest + 1, "\(rates)")
            } else {
                #expect(peak == rates.average, "\(rates)")
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func bandwidthIsTheSmallestThatNeverRunsDry(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let rates = Self.random(&generator)
            let buffer = MediaTime(rates.segments.map(\.duration).max() ?? 1, scale: 30)
            /// Starts at each segment, receives at a constant rate, plays after the buffer: is each there in time?
            func plays(_ rate: Int) -> Bool {
                rates.segments.indices.allSatisfy { first in
                    var bits = 0.0
                    var due = buffer.seconds
                    return rates.segments[first...].allSatisfy { segment in
                        bits += Double(segment.bytes) * 8
                        defer { due += Double(segment.duration) / 30 }
                        return bits / Double(rate) <= due * (1 + 1e-12)
                    }
                }
            }
            let bandwidth = rates.bandwidth(minBufferTime: buffer)
            #expect(plays(bandwidth), "\(rates)")
            #expect(bandwidth == 1 || !plays(bandwidth - 1), "\(rates)")
        }
    }

    @Test func averageIsRoundedUp() {
        #expect(SegmentBitRates(segments: [(100, 3), (101, 4)], timeScale: 1).average == 230)
    }
}
