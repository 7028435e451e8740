import Testing

@testable import MediaFiles

@Suite("Frame timing")
struct FrameTimingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let rate: Rational
        let timeBase: Rational
        var frames = 240
        var testDescription: String { name }
    }

    static let constant: [Row] = [
        Row(name: "24 in milliseconds", rate: Rational(24, 1), timeBase: Rational(1, 1000)),
        Row(name: "23.976 in milliseconds", rate: Rational(24000, 1001), timeBase: Rational(1, 1000)),
        Row(name: "25 in milliseconds", rate: Rational(25, 1), timeBase: Rational(1, 1000)),
        Row(name: "29.97 in milliseconds", rate: Rational(30000, 1001), timeBase: Rational(1, 1000)),
        Row(name: "30 in milliseconds", rate: Rational(30, 1), timeBase: Rational(1, 1000)),
        Row(name: "59.94 in milliseconds", rate: Rational(60000, 1001), timeBase: Rational(1, 1000)),
        Row(name: "59.94 in 90 kHz", rate: Rational(60000, 1001), timeBase: Rational(1, 90000)),
        Row(name: "120 in milliseconds", rate: Rational(120, 1), timeBase: Rational(1, 1000)),
        Row(name: "24 in its own ticks", rate: Rational(24, 1), timeBase: Rational(1, 24)),
        Row(name: "a camera's 179/6", rate: Rational(179, 6), timeBase: Rational(1, 11456), frames: 1189),
        Row(name: "one frame in five seconds", rate: Rational(1, 5), timeBase: Rational(1, 1000), frames: 8),
    ]

    private static func times(_ row: Row) -> [Int64] {
        (0..<row.frames).map { Int64((Double($0) / row.rate.value / row.timeBase.value).rounded()) }
    }

    @Test("one picture is shown at a rate that a number can tell", arguments: [1 << 43, 1 << 56] as [Int64])
    func endless(duration: Int64) {
        let timing = FrameTiming(
            timestamps: [0], timeBase: Rational(1_000_003, 1_000_000), claims: [], lastDuration: duration)
        #expect(timing.rate == Rational(25, 1))
        #expect(timing.isConstant)
    }

    @Test("a constant rate is found exactly, whatever the container rounded", arguments: constant)
    func exactRate(_ row: Row) {
        let timing = FrameTiming(
            timestamps: FrameTimingTests.times(row), timeBase: row.timeBase, claims: [], lastDuration: 0)
        #expect(timing.isConstant)
        #expect(timing.rate == row.rate)
    }

    @Test("half a second in milliseconds cannot tell 24 from 23.976: the container's claim does")
    func claimDecides() {
        let row = Row(name: "", rate: Rational(24000, 1001), timeBase: Rational(1, 1000), frames: 12)
        let times = FrameTimingTests.times(row)
        func rate(_ claim: Rational) -> Rational {
            FrameTiming(timestamps: times, timeBase: row.timeBase, claims: [claim], lastDuration: 42).rate
        }
        #expect(rate(Rational(24000, 1001)) == Rational(24000, 1001))
        #expect(rate(Rational(24, 1)) == Rational(24, 1))
        // A claim that the timestamps contradict is not believed.
        #expect(rate(Rational(30, 1)) != Rational(30, 1))
    }

    @Test("a lie about the rate does not survive the timestamps")
    func lie() {
        let times = (0..<100).map { Int64($0 * 40) }
        let timing = FrameTiming(
            timestamps: times, timeBase: Rational(1, 1000), claims: [Rational(1000, 1)], lastDuration: 40)
        #expect(timing == FrameTiming(rate: Rational(25, 1), isConstant: true))
    }

    @Test("dropped frames make a film variable; its rate is the mean")
    func variable() {
        let shown: [Int] = Array(0..<50) + Array(stride(from: 50, to: 100, by: 2))
        let times = shown.map { Int64($0 * 40) }
        let timing = FrameTiming(
            timestamps: times, timeBase: Rational(1, 1000), claims: [Rational(25, 1)], lastDuration: 40)
        #expect(!timing.isConstant)
        #expect(abs(timing.rate.value - 74 / 3.92) < 0.001)
    }

    @Test("one picture takes its rate from the claim, or its duration, or 25")
    func onePicture() {
        func rate(_ claims: [Rational], _ duration: Int64) -> Rational {
            FrameTiming(timestamps: [7], timeBase: Rational(1, 1000), claims: claims, lastDuration: duration).rate
        }
        #expect(rate([Rational(30, 1)], 40) == Rational(30, 1))
        #expect(rate([], 5000) == Rational(1, 5))
        #expect(rate([], 0) == Rational(25, 1))
    }
}

@Suite("Rationals and timecodes")
struct RationalTests {
    @Test("ratios are in lowest terms with the sign in front")
    func lowestTerms() {
        #expect(Rational(50, 2).description == "25/1")
        #expect(Rational(60000, 2002).description == "30000/1001")
        #expect(Rational(3, -6) == Rational(-1, 2))
        #expect(Rational(1024, 960).aspectText == "16:15")
    }

    @Test(
        "texts are read or refused",
        arguments: [
            ("30000/1001", Rational(30000, 1001)), ("16:15", Rational(16, 15)), ("25", Rational(25, 1)),
            ("1/0", nil), ("", nil), ("a/b", nil), ("1/2/3", nil), ("1/-2", nil),
        ] as [(String, Rational?)])
    func reading(text: String, expected: Rational?) { #expect(Rational(text: text) == expected) }

    @Test(
        "timecodes",
        arguments: [
            (0.0, "00:00:00.000"), (3723.0045, "01:02:03.005"), (86400.0, "24:00:00.000"), (-0.08, "-00:00:00.080"),
            (.nan, "unknown"), (.infinity, "unknown"),
        ])
    func timecode(seconds: Double, expected: String) { #expect(Timecode.text(seconds: seconds) == expected) }
}
