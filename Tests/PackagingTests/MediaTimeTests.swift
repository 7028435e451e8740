import Testing

@testable import Packaging

@Suite struct MediaTimeTests {
    @Test func agreesWithWholeNumberSearch() {
        for value in Int64(-70)...70 {
            for scale in Int64(1)...9 {
                let time = MediaTime(value, scale: scale)
                for period in [MediaTime(4, scale: 1), MediaTime(5, scale: 3)] {
                    // The largest n with n * period <= time.
                    let expected = (-200...200).last {
                        Int64($0) * period.value * scale <= value * period.scale
                    }
                    #expect(time.index(period: period) == Int64(expected ?? .min), "\(value)/\(scale)")
                }
                let nearest = (-1000...1000).min { a, b in
                    let (da, db) = (abs(Int64(a) * scale - value * 7), abs(Int64(b) * scale - value * 7))
                    return da != db ? da < db : a > b
                }
                #expect(time.ticks(scale: 7) == Int64(nearest ?? .min), "\(value)/\(scale)")
                let above = (-1000...1000).first { Int64($0) * scale >= value * 7 }
                #expect(time.ticksRoundedUp(scale: 7) == Int64(above ?? .min), "\(value)/\(scale)")
            }
        }
    }

    @Test func comparesAcrossScales() {
        #expect(MediaTime(1001, scale: 30000) == MediaTime(2002, scale: 60000))
        #expect(MediaTime(1001, scale: 30000) > MediaTime(33366, scale: 1_000_000))
        #expect(MediaTime(1001, scale: 30000) < MediaTime(33367, scale: 1_000_000))
        #expect(MediaTime(1, scale: 3) + MediaTime(1, scale: 6) == MediaTime(1, scale: 2))
        // 20 hours in ticks of 10 MHz: products are beyond 64 bits.
        #expect(MediaTime(720_000_000_000, scale: 10_000_000) == MediaTime(72000, scale: 1))
        #expect(MediaTime(720_000_000_001, scale: 10_000_000) > MediaTime(6_480_000_000, scale: 90000))
    }

    @Test(arguments: [(0, 6, "0.000000"), (4_004_000, 6, "4.004000"), (-1, 3, "-0.001"), (25, 0, "25"), (5, 1, "0.5")])
    func writesDecimals(value: Int64, places: Int, expected: String) {
        #expect(decimalText(value, places: places) == expected)
    }
}
