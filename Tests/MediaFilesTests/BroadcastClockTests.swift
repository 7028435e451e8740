import Testing

@testable import MediaFiles

@Suite struct BroadcastClockTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Seconds, of each packet.
        let times: [Double]
        /// The first packet after the clock was set back.
        let place: Int?

        init(_ name: String, _ parts: [[Double]], _ place: Int? = nil) {
            testDescription = name
            times = parts.flatMap(\.self)
            self.place = place
        }
    }

    private static let steady = times(from: 5)

    /// Of forty packets.
    private static func times(from start: Double, step: Double = 0.04) -> [Double] {
        (0..<40).map { start + step * Double($0) }
    }

    /// - Parameter changes: times that stand in place of others.
    private static func changed(_ changes: [Int: Double]) -> [Double] {
        steady.enumerated().map { changes[$0.offset] ?? $0.element }
    }

    static let rows: [Row] = [
        Row("steady", [steady]),
        Row("one back", [changed([20: 1])]),
        Row("one ahead", [changed([20: 900])]),
        Row("the first ahead", [changed([0: 900])]),
        Row("the last back", [changed([39: 1])]),
        Row("two side by side", [changed([20: 900, 21: 1])]),
        Row("a few", [changed([3: 900, 10: 1, 20: 0, 28: 70])]),
        Row("a little back", [steady, times(from: 6)]),
        Row("a pause", [steady, times(from: 65)]),
        Row("one picture in two seconds", [times(from: 0, step: 2)]),
        Row("too few to tell", [[9, 9, 9, 1, 1, 1]]),
        Row("set back", [steady, steady], 40),
        Row("set back after one ahead", [changed([39: 900]), steady], 40),
        Row("set back, and then one ahead", [steady, changed([0: 900])], 41),
        Row("set back by some seconds", [steady, times(from: 4)], 40),
        Row("set back after a pause", [steady, times(from: 65), steady], 80),
    ]

    @Test(arguments: rows) func setBack(row: Row) {
        var clock = BroadcastClock()
        var found: (before: BroadcastClock.Moment, after: BroadcastClock.Moment)?
        for (index, seconds) in row.times.enumerated() where found == nil {
            found = clock.setBack(by: BroadcastClock.Moment(seconds: seconds, byte: Int64(index)))
        }
        #expect(found?.after.byte == row.place.map { Int64($0) })
        #expect(found?.before.byte == row.place.map { Int64($0 - 1) })
    }
}
