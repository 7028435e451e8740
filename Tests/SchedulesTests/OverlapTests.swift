import Schedules
import Testing

func hourly(
    _ overlap: OverlapPolicy = .skip, _ catchup: CatchupPolicy = .last, expression: String = "cron(0 * * * ? *)",
    window: Int = 0
) throws -> Schedule {
    Schedule(
        name: "hourly", timing: ScheduleTiming(expression: try ScheduleExpression(expression)), flexibleWindow: window,
        overlapPolicy: overlap, catchupPolicy: catchup, target: "m")
}

private let midnight = 1_767_225_600  // 2026-01-01T00:00:00Z

func engine(_ schedule: Schedule, at clock: String = "00:30") throws -> VirtualEngine {
    VirtualEngine(schedule, at: try time(clock))
}

/// On 2026-01-01.
func time(_ clock: String) throws -> EpochSeconds { try seconds("2026-01-01T\(clock):00Z") }

@Suite struct OverlapTests {
    /// Fires each hour from 1:00 through 8:00; the first execution runs until 4:30, later ones for 15 minutes.
    @Test(arguments: [
        (OverlapPolicy.skip, ["01:00", "05:00", "06:00", "07:00", "08:00"]),
        (.bufferOne, ["01:00", "02:00@04:30", "05:00", "06:00", "07:00", "08:00"]),
        (
            .bufferAll,
            [
                "01:00", "02:00@04:30", "03:00@04:45", "04:00@05:00", "05:00@05:15", "06:00", "07:00", "08:00",
            ]
        ),
        (.latestOnly, ["01:00", "04:00@04:30", "05:00", "06:00", "07:00", "08:00"]),
        (.allowAll, ["01:00", "02:00", "03:00", "04:00", "05:00", "06:00", "07:00", "08:00"]),
        // The execution takes until 4:30 to stop.
        (.cancelOther, ["01:00", "04:00@04:30", "05:00", "06:00", "07:00", "08:00"]),
    ])
    func overlap(policy: OverlapPolicy, expected: [String]) throws {
        var engine = try engine(try hourly(policy))
        try engine.pass(to: try time("01:00"))
        let first = try #require(engine.executions.first?.name)
        if policy == .allowAll {
            try engine.pass(to: try time("04:30"))
        } else {
            for clock in ["02:00", "03:00", "04:00", "04:30"] { try engine.pass(to: try time(clock)) }
        }
        #expect(engine.stopping == (policy == .cancelOther ? [first] : []))
        try engine.end(first)
        try engine.pass(to: try time("08:00"), endingAfter: 15 * 60)
        #expect(engine.startsAndWhen == expected)
    }

    @Test func cancelOtherStopsAndStartsWhenStopped() throws {
        var engine = try engine(try hourly(.cancelOther))
        try engine.pass(to: try time("02:00"))
        #expect(engine.stopping == ["hourly-20260101T010000Z"])
        #expect(engine.starts == ["01:00"])
        // A stop that may be lost is told again until the execution has ended.
        #expect(engine.state.unconfirmed == [.cancel(executionName: "hourly-20260101T010000Z")])
        engine.now += 5
        try engine.end("hourly-20260101T010000Z")
        #expect(engine.starts == ["01:00", "02:00"])
        #expect(engine.stopping.isEmpty)
        #expect(engine.state.unconfirmed.isEmpty)
    }

    @Test func buffersAreBounded() throws {
        var engine = try engine(try hourly(.bufferAll, .all, expression: "rate(1 minute)"), at: "00:00")
        try engine.pass(to: engine.now + 60 * 1005)
        #expect(engine.executions.count == 1)
        #expect(engine.state.buffered.count == ScheduleState.maximumBuffered)
        #expect(engine.state.skips == [.full: 5])
    }

    @Test func runningExecutionsAreBounded() throws {
        var engine = try engine(try hourly(.allowAll, .all, expression: "rate(1 minute)"), at: "00:00")
        try engine.pass(to: engine.now + 60 * 1002)
        #expect(engine.executions.count == ScheduleState.maximumRunning)
        #expect(engine.state.skips == [.full: 3])
    }

    /// A fire that waits keeps the policy under which it came.
    @Test func aPolicyCanChangeWhileFiresWait() throws {
        var engine = try engine(try hourly(.bufferAll))
        try engine.pass(to: try time("03:00"))
        #expect(engine.state.buffered.count == 2)
        engine.schedule = try hourly(.skip)
        try engine.send(.definitionRead)
        try engine.pass(to: try time("03:30"))
        try engine.endFirst()
        try engine.endFirst()
        #expect(engine.startsAndWhen == ["01:00", "02:00@03:30", "03:00@03:30"])
    }
}
