@testable import Engine
import Schedules
import Testing

/// Engines that die at named points around a fire, on a clock that is set forward and back between them.
@Suite("Schedules, killed", .timeLimit(.minutes(5)))
struct ScheduleKillTests {
    @Test("a hundred kills around fires, the clock an hour off after most: each time fires exactly once")
    func hundredKills() async throws {
        let world = try await ScheduleWorld()
        let schedules = try ScheduleWorld.schedules(
            """
            Schedules:
              tens:
                ScheduleExpression: rate(10 minutes)
                OverlapPolicy: AllowAll
                CatchupPolicy: All
                Target: {Arn: half-minute}
            """)
        var running = try await world.engine(schedules)
        await world.settle(running)
        var latest = world.time
        var kills = 0
        for round in 0..<10 {
            for (index, point) in Mortality.Point.all.enumerated() {
                running.mortality.arm(point)
                // After the clock was set back it takes an hour and more until a time comes that has not fired.
                for _ in 0..<20 where !running.mortality.isDead { await world.pass(seconds: 600, running) }
                #expect(running.mortality.isDead, "round \(round): nothing came to \(point)")
                kills += running.mortality.isDead ? 1 : 0
                latest = max(latest, world.time)
                await world.bury(running)
                world.jump.withLock { jump in jump += [3_600_000_000, -3_600_000_000, 0][(round + index) % 3] }
                running = try await world.engine(schedules)
                await world.settle(running)
                latest = max(latest, world.time)
            }
        }
        // All that came due fires, and all that was started ends.
        await world.pass(seconds: max(0, latest - world.time) + 45, running)
        latest = max(latest, world.time)
        #expect(kills == 100)
        let executions = try await world.executions()
        let timing = schedules[0].timing
        let expected = timing.occurrences(after: ScheduleWorld.begin - 1, anchor: ScheduleWorld.begin)
            .lazy.compactMap(\.time).prefix { $0 <= latest }.map { schedules[0].executionName(at: $0) }
        #expect(executions.map(\.name) == Array(expected))
        #expect(executions.allSatisfy { $0.status == "SUCCEEDED" })
        // Nothing ran twice under one name, which the key forbids, and nothing without a name.
        let starts = try await world.stage.query(
            "SELECT count(*) AS n FROM showrunner.journal WHERE seq = 0")[0].int("n")
        #expect(starts == Int64(executions.count))
        await end((running.engine, running.journal))
    }

    @Test("the database's clock is set forward and back under a running engine: each time fires once")
    func clockIsSet() async throws {
        let world = try await ScheduleWorld()
        let schedules = try ScheduleWorld.schedules(
            """
            Schedules:
              tens:
                ScheduleExpression: cron(0/10 * * * ? *)
                OverlapPolicy: AllowAll
                CatchupPolicy: All
                Target: {Arn: quick}
            """)
        let running = try await world.engine(schedules)
        await world.pass(seconds: 1800, running)
        #expect(try await world.executions().count == 4, "00:00, 00:10, 00:20, 00:30")
        // Nine looks are no reason to believe it, the tenth is.
        world.jump.withLock { $0 += 3_600_000_000 }
        await world.pass(seconds: 9 * 60, running)
        #expect(try await world.executions().count == 4)
        await world.pass(seconds: 2 * 60, running)
        #expect(world.time == ScheduleWorld.begin + 1800 + 3600 + 660)
        #expect(try await world.executions().count == 11, "up to 01:40")
        // Back by an hour: what fired does not fire again, and the next time comes when the clock shows it.
        world.jump.withLock { $0 -= 3_600_000_000 }
        await world.pass(seconds: 50 * 60, running)
        #expect(try await world.executions().count == 12, "01:50 came while it was in doubt")
        await world.pass(seconds: 28 * 60, running)
        #expect(world.time == ScheduleWorld.begin + 2 * 3600 - 60)
        #expect(try await world.executions().count == 12)
        await world.pass(seconds: 60, running)
        #expect(try await world.executions().count == 13, "02:00")
        await end((running.engine, running.journal))
    }
}
