import Schedules
import Testing

@Suite struct CatchupTests {
    /// Nobody is there from 1:30 to 6:10, and fires at every full hour.
    @Test(arguments: [
        (CatchupPolicy.none, ["01:00", "07:00"]),
        (.last, ["01:00", "06:00@06:10", "07:00"]),
        (.all, ["01:00", "02:00@06:10", "03:00@06:10", "04:00@06:10", "05:00@06:10", "06:00@06:10", "07:00"]),
        (.window(seconds: 130 * 60), ["01:00", "04:00@06:10", "05:00@06:10", "06:00@06:10", "07:00"]),
        (.window(seconds: 130 * 60 - 1), ["01:00", "05:00@06:10", "06:00@06:10", "07:00"]),
        (.window(seconds: 60), ["01:00", "07:00"]),
    ])
    func afterADowntime(policy: CatchupPolicy, expected: [String]) throws {
        var engine = try engine(try hourly(.allowAll, policy))
        try engine.pass(to: try time("01:30"))
        engine.now = try time("06:10")
        try engine.recover()
        try engine.pass(to: try time("07:00"))
        #expect(engine.startsAndWhen == expected)
        let causes = engine.log.filter { $0.hasPrefix("Catchup") }.count
        #expect(causes == expected.count - 2)
        #expect(engine.state.skips[.missed] ?? 0 == 5 - causes)
    }

    /// A minute late is on time; of what is due with it, `Last` leaves the rest out.
    @Test(arguments: [
        (CatchupPolicy.none, ["03:00@03:01"]), (.last, ["03:00@03:01"]),
        (.all, ["01:00@03:01", "02:00@03:01", "03:00@03:01"]),
    ])
    func aMinuteIsNotLate(policy: CatchupPolicy, expected: [String]) throws {
        var engine = try engine(try hourly(.allowAll, policy))
        engine.now = try time("03:01")
        try engine.recover()
        #expect(engine.startsAndWhen == expected)
        #expect(engine.log.last == "Schedule hourly-20260101T030000Z")
    }

    @Test func catchingUpKeepsTheOverlapPolicy() throws {
        var engine = try engine(try hourly(.skip, .all))
        engine.now = try time("05:30")
        try engine.recover()
        #expect(engine.startsAndWhen == ["01:00@05:30"])
        #expect(engine.log.last == "Overlap 4 2026-01-01T02:00:00Z 2026-01-01T05:00:00Z")
    }

    /// Weeks away from a schedule that fires each minute: pieces of bounded size, and the one fire that is asked for.
    @Test func aLongDowntimeIsDecidedInPieces() throws {
        var engine = try engine(try hourly(.skip, .last, expression: "rate(1 minute)"), at: "00:00")
        let before = engine.decisions
        engine.now += 25_000 * 60 + 30
        try engine.send(.tick)
        // Three pieces, and the word that the execution exists.
        #expect(engine.decisions - before == 4)
        #expect(engine.executions.map(\.time) == [engine.now - 30])
        #expect(engine.state.skips == [.missed: 25_000])
    }

    /// The clock an hour forward, an hour back, and both: each time fires once.
    @Test(arguments: OverlapPolicy.allCases)
    func clockJumps(policy: OverlapPolicy) throws {
        for catchup in [CatchupPolicy.none, .last, .all, .window(seconds: 3600)] {
            var engine = try engine(try hourly(policy, catchup, expression: "cron(0/10 * * * ? *)"))
            try engine.pass(to: try time("02:05"), endingAfter: 60)
            let before = engine.starts
            // Forward: what was jumped over was missed.
            engine.now += 3600
            try engine.send(.tick)
            let jumped = engine.executions.count - before.count
            // Back: what fired does not fire again, and what has not been there yet fires in its time.
            engine.now -= 3600
            try engine.pass(to: try time("03:05"), endingAfter: 60)
            #expect(engine.executions.count == before.count + jumped)
            try engine.pass(to: try time("04:05"), endingAfter: 60)
            #expect(Set(engine.starts).count == engine.starts.count, "\(engine.starts)")
            let late = try ["03:10", "03:20", "03:30", "03:40", "03:50", "04:00"].map { try time($0) }
            #expect(engine.executions.suffix(6).map(\.time) == late)
            // Back without having gone forward: the hour passes twice, and fires once.
            let fired = engine.executions.count
            engine.now -= 3600
            try engine.send(.tick)
            try engine.pass(to: try time("04:05"), endingAfter: 60)
            #expect(engine.executions.count == fired)
        }
    }
}
