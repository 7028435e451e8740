import Testing

@testable import MediaFiles

@Suite struct BroadcastClockTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Milliseconds, of the packets.
        let times: [Int64]
        let place: Int
        let mended: Int64?

        init(_ name: String, _ times: [Int64], at place: Int, _ mended: Int64? = nil) {
            testDescription = name
            (self.times, self.place, self.mended) = (times, place, mended)
        }
    }

    static let rows: [Row] = [
        Row("steady", [0, 40, 80, 120, 160], at: 2),
        Row("ahead", [0, 40, 9000, 120, 160], at: 2, 80),
        Row("back", [9000, 9040, 80, 9120, 9160], at: 2, 9080),
        Row("a little ahead", [0, 40, 300, 120, 160], at: 2),
        Row("beside one that is damaged, too", [0, 40, 9000, 70_000, 160], at: 2, 100),
        Row("the first, ahead", [9000, 40, 80, 120, 160], at: 0, 0),
        Row("the first, back, as before a pause", [-9000, 40, 80, 120, 160], at: 0),
        Row("the first, further back than films are long", [-50_000_000, 40, 80, 120, 160], at: 0, 0),
        Row("the second", [0, 9000, 80, 120, 160], at: 1, 40),
        Row("the last, back", [9000, 9040, 9080, 9120, 160], at: 4, 9160),
        Row("the last, ahead, as after a pause", [0, 40, 80, 120, 9000], at: 4),
        Row("before a pause", [0, 40, 80, 9000, 9040], at: 2),
        Row("behind a pause", [0, 40, 9000, 9040, 9080], at: 2),
        Row("between two pauses", [0, 40, 9000, 20_000, 20_040], at: 2),
        Row("between two pauses at the beginning", [0, 9000, 20_000, 20_040, 20_080], at: 1),
        Row("one picture in two seconds", [0, 2000, 4000, 6000, 8000], at: 2),
        Row("before the clock is set back", [9000, 9040, 9080, 0, 40], at: 2),
        Row("behind where the clock is set back", [9000, 9040, 0, 40, 80], at: 2),
        Row("set back before the last two", [9000, 9040, 9080, 0, 40], at: 3),
        Row("set back behind the first two", [9000, 9040, 0, 40, 80], at: 1),
        Row("too few to tell", [9000, 40, 80], at: 0),
        Row("just enough", [9000, 40, 80, 120], at: 0, 0),
        Row("all at once", [7, 7, 7, 7, 7], at: 2),
        Row("as large as times are", [1 << 56, -1 << 56, 1 << 56, -1 << 56, 1 << 56], at: 2),
    ]

    @Test(arguments: rows) func mended(row: Row) {
        let clock = BroadcastClock(timeBase: Rational(1, 1000), longestSeconds: 12 * 3600)
        #expect(clock.mended(row.times, at: row.place) == row.mended)
    }

    struct Run: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let times: [Int64]
        var isEnd = false
        let verdict: BroadcastClock.Verdict
    }

    private static func run(from start: Int64, _ count: Int) -> [Int64] { (0..<count).map { start + 40 * Int64($0) } }

    /// Behind a picture at 1000 milliseconds.
    static let runs: [Run] = [
        Run(testDescription: "on time", times: [1040], verdict: .right),
        Run(testDescription: "a second later", times: [2000], verdict: .right),
        Run(testDescription: "ahead, and nothing behind", times: [9000], verdict: .open),
        Run(testDescription: "ahead at the end", times: [9000, 9040], isEnd: true, verdict: .right),
        Run(testDescription: "one ahead", times: [9000, 1080], verdict: .damaged([1040])),
        Run(testDescription: "two side by side", times: [9000, 9040, 1120], verdict: .damaged([1040, 1080])),
        Run(testDescription: "two side by side, apart", times: [900_000, 1, 1120], verdict: .damaged([1040, 1080])),
        Run(
            testDescription: "two back before one ahead", times: [-9000, -8960, 2500, 1160],
            verdict: .damaged([1040, 1080, 1120])),
        Run(
            testDescription: "back, ahead and back", times: [-9000, 6000, -9000, 1160],
            verdict: .damaged([1040, 1080, 1120])),
        Run(
            testDescription: "sixteen ahead", times: run(from: 9000, 16) + [1680],
            verdict: .damaged(run(from: 1040, 16))),
        Run(testDescription: "seventeen ahead", times: run(from: 9000, 17) + [1720], verdict: .right),
        Run(testDescription: "three back", times: run(from: -9000, 3) + [1160], verdict: .damaged(run(from: 1040, 3))),
        Run(testDescription: "two back at the end", times: run(from: -9000, 2), isEnd: true, verdict: .right),
        Run(testDescription: "a pause", times: run(from: 9000, 17), verdict: .right),
        Run(testDescription: "a pause that may be none", times: run(from: 9000, 16), verdict: .open),
        Run(testDescription: "pauses", times: (1...17).map { 1000 + 1500 * $0 }, verdict: .right),
        Run(testDescription: "set back", times: run(from: -9000, 17), verdict: .right),
        Run(testDescription: "set on and back", times: run(from: 9000, 3) + run(from: 500, 14), verdict: .right),
        Run(
            testDescription: "as large as times are", times: (0..<17).map { $0 % 2 == 0 ? 1 << 56 : -1 << 56 },
            verdict: .right),
    ]

    @Test(arguments: runs) func runOfPictures(row: Run) {
        let clock = BroadcastClock(timeBase: Rational(1, 1000), longestSeconds: 12 * 3600)
        #expect(clock.verdict(on: row.times, before: 1000, isEnd: row.isEnd) == row.verdict)
    }

    @Test(arguments: [
        (0, true), (80, true), (1000, true), (1100, false), (-200, true), (-300, false), (1 << 56, false),
    ])
    func shownSoLongAfterItIsDecoded(milliseconds: Int64, isPlausible: Bool) {
        let clock = BroadcastClock(timeBase: Rational(1, 1000), longestSeconds: 12 * 3600)
        #expect(clock.isPlausible(delay: milliseconds, among: [0, 40, 80, 120, 160]) == isPlausible)
    }

    /// As in slide shows, whose pictures are encoded out of order, too.
    @Test func whereFewPicturesComeTheyMayWaitLonger() {
        let clock = BroadcastClock(timeBase: Rational(1, 1000), longestSeconds: 12 * 3600)
        #expect(clock.isPlausible(delay: 32_000, among: [0, 2000, 4000, 6000, 8000]))
    }

    struct Showing: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let shown: Int64
        var later: [Int64] = (1...20).map { 40 * $0 }
        var others: [Int64] = (-20...20).filter { $0 != 2 }.map { 40 * $0 }
        let isDamaged: Bool
    }

    static let showings: [Showing] = [
        Showing(testDescription: "ahead", shown: 9000, isDamaged: true),
        Showing(testDescription: "back", shown: -9000, isDamaged: true),
        Showing(
            testDescription: "behind a pause", shown: 9080, later: [40, 80] + (0..<18).map { 9000 + 40 * $0 },
            others: [0, 40], isDamaged: false),
        Showing(
            testDescription: "between pauses", shown: 9000, later: [40, 80] + (0..<18).map { 90_000 + 40 * $0 },
            others: [0, 40, 90_000], isDamaged: false),
        Showing(testDescription: "with another one", shown: 9000, others: [0, 40, 9040], isDamaged: false),
        Showing(
            testDescription: "all are, before they are decoded", shown: -900, others: [-980, -940], isDamaged: false),
        Showing(
            testDescription: "the last, as after a pause", shown: 9000, later: [40, 80, 120], others: [0, 40, 80],
            isDamaged: false),
        Showing(
            testDescription: "as large as times are", shown: 1 << 56, later: [-1 << 56], others: [-1 << 56],
            isDamaged: false),
    ]

    @Test(arguments: showings) func shownWhenItCannotBe(row: Showing) {
        let clock = BroadcastClock(timeBase: Rational(1, 1000), longestSeconds: 12 * 3600)
        #expect(
            clock.isDamaged(shown: row.shown, decoded: 0, later: row.later, others: row.others) == row.isDamaged)
    }
}
