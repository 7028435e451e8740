import Schedules
import Testing

@Suite struct ScheduleControlTests {
    @Test func aPausedScheduleFiresNothingOfItsOwn() throws {
        var engine = try engine(try hourly(.skip, .all))
        try engine.pass(to: try time("01:10"), endingAfter: 60)
        try engine.send(.pause(reason: "the store is full"))
        #expect(engine.state.pause?.reason == "the store is full")
        #expect(engine.state.wakeTime(of: engine.schedule) == nil)
        engine.now = try time("04:30")
        try engine.send(.tick)
        try engine.send(.runNow(token: "t1", overlapPolicy: nil))
        try engine.endFirst()
        try engine.send(.backfill(from: try time("02:00"), through: try time("02:00"), overlapPolicy: .bufferAll))
        try engine.endFirst()
        // What a pause leaves out is not caught up, even under All.
        engine.now = try time("05:00") + 1
        try engine.send(.resume)
        #expect(engine.state.pause == nil)
        try engine.pass(to: try time("06:00"), endingAfter: 60)
        #expect(engine.startsAndWhen == ["01:00", "04:30", "02:00@04:30", "06:00"])
    }

    @Test func firesThatWaitAreHeldThroughAPause() throws {
        var engine = try engine(try hourly(.bufferAll))
        try engine.pass(to: try time("02:10"))
        try engine.send(.pause(reason: "looking"))
        try engine.endFirst()
        #expect(engine.starts == ["01:00"])
        // What people ask for goes before what is held.
        try engine.send(.runNow(token: "x", overlapPolicy: .skip))
        #expect(engine.starts == ["01:00", "02:10"])
        try engine.endFirst()
        engine.now = try time("03:30")
        try engine.send(.resume)
        #expect(engine.startsAndWhen == ["01:00", "02:10", "02:00@03:30"])
    }

    @Test func aDisabledScheduleIsHeld() throws {
        let schedule = try hourly(.skip, .all)
        let disabled = Schedule(
            name: schedule.name, timing: schedule.timing, isEnabled: false, catchupPolicy: .all, target: "m")
        var engine = try engine(disabled)
        try engine.pass(to: try time("02:30"))
        #expect(engine.executions.isEmpty)
        // Enabled while nobody was there.
        engine.schedule = schedule
        engine.now = try time("05:30")
        try engine.recover()
        #expect(engine.executions.isEmpty)
        try engine.pass(to: try time("06:00"))
        #expect(engine.starts == ["06:00"])
    }

    @Test func aRequestIsTakenOnce() throws {
        var engine = try engine(try hourly(.allowAll))
        try engine.send(.runNow(token: "abc", overlapPolicy: nil))
        engine.now += 7
        try engine.send(.runNow(token: "abc", overlapPolicy: nil))
        #expect(engine.executions.map(\.name) == [engine.schedule.executionName(request: "abc")])
        try engine.endFirst()
        // Even when the execution is long over.
        engine.now += 7
        try engine.send(.runNow(token: "abc", overlapPolicy: nil))
        #expect(engine.executions.count == 1)
        #expect(engine.state.running.isEmpty)
        try engine.send(.runNow(token: "abd", overlapPolicy: nil))
        #expect(engine.executions.count == 2)
    }

    @Test func aRequestKeepsToTheOverlapPolicy() throws {
        var engine = try engine(try hourly(.skip))
        try engine.pass(to: try time("01:30"))
        try engine.send(.runNow(token: "a", overlapPolicy: nil))
        #expect(engine.starts == ["01:00"])
        try engine.send(.runNow(token: "b", overlapPolicy: .allowAll))
        #expect(engine.starts == ["01:00", "01:30"])
    }

    @Test func aBackfillFillsARange() throws {
        var engine = try engine(try hourly(.skip))
        engine.now = try time("01:00")
        try engine.send(.tick)
        try engine.endFirst()
        engine.now = try time("09:30")
        try engine.send(.backfill(from: try time("01:00"), through: try time("05:59"), overlapPolicy: .bufferAll))
        for _ in 0..<9 { try engine.endFirst() }
        // What ran already does not run again; the last hour is the schedule's own and was missed.
        #expect(engine.starts.sorted() == ["01:00", "02:00", "03:00", "04:00", "05:00", "09:00"])
        #expect(engine.state.backfills.isEmpty)
        #expect(engine.log.filter { $0.hasPrefix("Backfill") }.count == 4)
    }

    /// More than may wait at once: it goes on as there is room.
    @Test func aLongBackfillWaitsForRoom() throws {
        var engine = try engine(try hourly(.skip, .none, expression: "rate(1 minute)"), at: "00:00")
        let start = engine.now
        engine.now += 60 * 2999 + 30
        try engine.send(.pause(reason: "backfill only"))
        try engine.send(.backfill(from: start, through: engine.now, overlapPolicy: .bufferAll))
        #expect(engine.state.buffered.count == ScheduleState.maximumBuffered)
        #expect(engine.state.backfills.count == 1)
        for _ in 0..<3000 { try engine.endFirst() }
        #expect(engine.executions.map(\.time) == (0..<3000).map { start + $0 * 60 })
        #expect(engine.state.backfills.isEmpty)
        #expect(engine.state.buffered.isEmpty)
    }

    @Test func refusesWhatMakesNoSense() throws {
        var engine = try engine(try hourly())
        let state = engine.state
        try engine.send(.backfill(from: engine.now, through: engine.now - 1, overlapPolicy: .skip))
        try engine.send(.backfill(from: engine.now, through: engine.now + 1, overlapPolicy: .skip))
        try engine.send(.backfill(from: engine.now - 60, through: engine.now, overlapPolicy: .skip))
        try engine.send(.pause(reason: ""))
        try engine.send(.pause(reason: String(repeating: "x", count: 1001)))
        try engine.send(.runNow(token: "", overlapPolicy: nil))
        #expect(
            engine.refusals == [
                "the range ends before it begins",
                "the range ends in the future; only what is past can be filled",
                "the schedule fires at no time from 2026-01-01T00:29:00Z through 2026-01-01T00:30:00Z",
                "a pause has a reason that is not empty", "the reason has more than 1000 bytes",
                "a request has a token that is not empty",
            ])
        #expect(engine.state == state)
    }

    @Test func aChangedExpressionSpeaksFromThenOn() throws {
        var engine = try engine(try hourly(.allowAll, .all))
        try engine.pass(to: try time("02:30"))
        engine.schedule = try hourly(.allowAll, .all, expression: "cron(15 * * * ? *)")
        engine.now = try time("04:20")
        try engine.recover()
        try engine.pass(to: try time("05:30"))
        #expect(engine.startsAndWhen == ["01:00", "02:00", "05:15"])
        // A rate counts from its change.
        engine.schedule = try hourly(.allowAll, .all, expression: "rate(2 hours)")
        try engine.send(.definitionRead)
        try engine.pass(to: try time("10:00"))
        #expect(engine.startsAndWhen == ["01:00", "02:00", "05:15", "07:30", "09:30"])
    }

    @Test func whatDoesNotChangeTheTimesLosesNone() throws {
        var engine = try engine(try hourly(.allowAll, .none))
        try engine.pass(to: try time("01:30"))
        engine.schedule = try hourly(.allowAll, .all)
        engine.now = try time("04:30")
        try engine.recover()
        #expect(engine.starts == ["01:00", "02:00", "03:00", "04:00"])
    }

    /// The clock was wrong for a while: what it decided stays so until people say that it was wrong.
    @Test func resumingBringsTheHorizonBack() throws {
        var engine = try engine(try hourly(.allowAll, .none))
        try engine.pass(to: try time("02:10"))
        engine.now += 365 * 86_400
        try engine.send(.tick)
        engine.now -= 365 * 86_400
        try engine.pass(to: try time("03:10"))
        #expect(engine.starts == ["01:00", "02:00"])
        try engine.send(.resume)
        #expect(engine.state.horizon > engine.now)
        try engine.send(.pause(reason: "the clock was wrong"))
        try engine.send(.resume)
        try engine.pass(to: try time("05:10"))
        #expect(engine.starts == ["01:00", "02:00", "04:00", "05:00"])
        // What has run does not run again, however far the horizon went back.
        engine.now = try time("00:30")
        try engine.send(.pause(reason: "once more"))
        try engine.send(.resume)
        try engine.pass(to: try time("06:10"))
        #expect(engine.starts == ["01:00", "02:00", "04:00", "05:00", "03:00", "06:00"])
    }

    @Test func aRateBeginsAtOnce() throws {
        var engine = try engine(try hourly(.allowAll, expression: "rate(30 minutes)"))
        try engine.send(.tick)
        try engine.pass(to: try time("02:00"))
        #expect(engine.starts == ["00:30", "01:00", "01:30", "02:00"])
    }

    @Test func aOneTimeScheduleFiresOnce() throws {
        var engine = try engine(try hourly(expression: "at(2026-01-01T03:00:00)"))
        try engine.pass(to: try time("09:00"))
        #expect(engine.startsAndWhen == ["03:00"])
        #expect(engine.state.wakeTime(of: engine.schedule) == nil)
    }

    /// Each fire has a point of its own in the window, the same whoever asks, and never before its time.
    @Test func aFlexibleWindowSpreadsFires() throws {
        let schedule = try hourly(.allowAll, .none, window: 45 * 60)
        var engine = try engine(schedule)
        try engine.pass(to: try time("23:55"))
        #expect(engine.executions.count == 23)
        var offsets: Set<Int> = []
        for execution in engine.executions {
            let offset = execution.at - execution.time
            #expect(offset == schedule.startTime(of: execution.time) - execution.time)
            #expect((0..<45 * 60).contains(offset))
            offsets.insert(offset)
        }
        #expect(offsets.count > 20)
        #expect(engine.log.allSatisfy { $0.hasPrefix("Schedule") })
    }

    /// A window longer than the period: fires wait side by side.
    @Test func aWindowMayBeLongerThanThePeriod() throws {
        var engine = try engine(
            try hourly(.allowAll, .none, expression: "rate(1 minute)", window: 180 * 60), at: "00:00")
        try engine.pass(to: engine.now + 6 * 3600)
        #expect(engine.state.waiting.count < 180)
        #expect(engine.executions.count == 361 - engine.state.waiting.count)
        #expect(Set(engine.executions.map(\.name)).count == engine.executions.count)
    }

    @Test func namesAreThoseThatExecutionsMayHave() throws {
        let schedule = Schedule(
            name: String(repeating: "n", count: Schedule.maximumNameLength),
            timing: ScheduleTiming(expression: try ScheduleExpression("rate(1 day)")), target: "m")
        for name in [schedule.executionName(at: 253_402_300_799), schedule.executionName(request: "t")] {
            #expect(name.utf8.count <= 80)
            #expect(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        }
        #expect(try hourly().executionName(at: 1_767_225_600) == "hourly-20260101T000000Z")
    }

    @Test func aStateOfALaterReleaseIsRefused() throws {
        let text = ScheduleState(of: try hourly(), at: 0).text
        #expect(text == #"{"v":1,"anchor":0,"horizon":-1,"timing":"cron(0 * * * ? *) UTC - -","starts":0}"#)
        for (broken, reason) in [
            (text.replacing(#""v":1"#, with: #""v":2"#), "format 2 was written by a later release; this one reads 1"),
            (text.replacing(#""anchor":0,"#, with: ""), "'anchor' is no whole number"),
            (text.replacing(#""starts":0"#, with: #""starts":0,"waiting":{}"#), "'waiting' is no list"),
            (text.replacing(#""starts":0"#, with: #""starts":0,"skips":{"x":1}"#), "'x' is no reason"),
        ] {
            let error = #expect(throws: ScheduleStateError.self) { try ScheduleState(text: broken) }
            #expect(error?.reason == reason)
        }
        #expect(throws: ScheduleStateError.self) { try ScheduleState(text: "{") }
    }
}
