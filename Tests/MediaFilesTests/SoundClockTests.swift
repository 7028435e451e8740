import Testing

@testable import MediaFiles

@Suite struct SoundClockTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Milliseconds, of packets of 24 each.
        let times: [Int64]
        var expected: Int64? = 1000
        var isEnd = false
        let verdict: SoundClock.Verdict
    }

    private static func run(from start: Int64, _ count: Int) -> [Int64] { (0..<count).map { start + 24 * Int64($0) } }

    static let rows: [Row] = [
        Row(testDescription: "on time", times: [1000], verdict: .right),
        Row(testDescription: "a little late", times: [1200], verdict: .right),
        Row(testDescription: "ahead, and nothing behind", times: [9000], verdict: .open),
        Row(testDescription: "ahead at the end", times: [9000], isEnd: true, verdict: .right),
        Row(testDescription: "one ahead", times: [9000, 1024], verdict: .damaged(count: 1, by: -8000)),
        Row(testDescription: "eight ahead", times: run(from: 9000, 8) + [1192], verdict: .damaged(count: 8, by: -8000)),
        Row(
            testDescription: "eight back", times: run(from: -9000, 8) + [1192], verdict: .damaged(count: 8, by: 10_000)),
        Row(testDescription: "a pause", times: run(from: 9000, 65), verdict: .right),
        Row(testDescription: "a pause that may be none", times: run(from: 9000, 64), verdict: .open),
        Row(testDescription: "behind what was lost", times: run(from: 1400, 65), verdict: .right),
        Row(testDescription: "set back", times: run(from: 0, 65), verdict: .right),
        Row(testDescription: "the first", times: [5], expected: nil, verdict: .open),
        Row(testDescription: "the first, alone", times: [5], expected: nil, isEnd: true, verdict: .right),
        Row(
            testDescription: "the first eight ahead", times: run(from: 9000, 8) + run(from: 192, 65), expected: nil,
            verdict: .damaged(count: 8, by: -9000)),
        Row(
            testDescription: "the second eight back",
            times: run(from: 0, 8) + run(from: -9000, 8) + run(from: 384, 2), expected: nil, verdict: .right),
        Row(
            testDescription: "a step back that may be damage", times: run(from: 0, 8) + run(from: -9000, 60),
            expected: nil, verdict: .open),
        Row(
            testDescription: "a step back that is none", times: run(from: 0, 8) + run(from: -9000, 65), expected: nil,
            verdict: .damaged(count: 8, by: -9192)),
        Row(
            testDescription: "the first eight before those of another day",
            times: run(from: 0, 8) + run(from: 95_443_000, 65), expected: nil,
            verdict: .damaged(count: 8, by: 95_442_808)),
        Row(
            testDescription: "the second eight of another day",
            times: run(from: 0, 8) + run(from: 95_443_000, 8) + run(from: 384, 2), expected: nil, verdict: .right),
        Row(testDescription: "the first before a pause", times: [0, 24, 9000], expected: nil, verdict: .right),
        Row(testDescription: "a steady beginning", times: run(from: 0, 65), expected: nil, verdict: .right),
    ]

    @Test(arguments: rows) func verdict(row: Row) {
        let moments = row.times.map { SoundClock.Moment(time: $0, duration: 24) }
        let clock = SoundClock(tolerance: 250, longest: 12 * 3_600_000)
        #expect(clock.verdict(on: moments, expected: row.expected, isEnd: row.isEnd) == row.verdict)
    }
}
