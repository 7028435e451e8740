@testable import Engine
import Interpreter
import JSON
import Journal
import Schedules
import StepContracts
import Testing

/// Schedules in an engine on a clock that stands until it is told to go on.
@Suite("Schedules", .timeLimit(.minutes(3)))
struct ScheduleTests {
    private func schedules(_ fields: String, target: String = "quarter") throws -> [Schedule] {
        try ScheduleWorld.schedules(
            """
            Schedules:
              s:
                ScheduleExpression: cron(0/5 * * * ? *)
                \(fields)
                Target: {Arn: \(target)}
            """)
    }

    private static let quarterHour: [(OverlapPolicy, [String])] = [
        // Each runs for 14 minutes and 40 seconds, and every five minutes one comes due, the first at 00:05. At 00:36:
        (.skip, ["0005 SUCCEEDED", "0020 SUCCEEDED", "0035 RUNNING"]),
        (.bufferOne, ["0005 SUCCEEDED", "0010 SUCCEEDED", "0020 RUNNING"]),
        (.bufferAll, ["0005 SUCCEEDED", "0010 SUCCEEDED", "0015 RUNNING"]),
        (.latestOnly, ["0005 SUCCEEDED", "0015 SUCCEEDED", "0030 RUNNING"]),
        (
            .cancelOther,
            [
                "0005 ABORTED", "0010 ABORTED", "0015 ABORTED", "0020 ABORTED", "0025 ABORTED", "0030 ABORTED",
                "0035 RUNNING",
            ]
        ),
        (
            .allowAll,
            [
                "0005 SUCCEEDED", "0010 SUCCEEDED", "0015 SUCCEEDED", "0020 SUCCEEDED", "0025 RUNNING", "0030 RUNNING",
                "0035 RUNNING",
            ]
        ),
    ]

    /// Hour and minute that each is of, and how it stands.
    private func executions(_ world: ScheduleWorld) async throws -> [String] {
        try await world.executions().map { "\($0.name.dropFirst("s-20261128T".count).prefix(4)) \($0.status)" }
    }

    @Test("overlap: the end of a run is what the next one waits for", arguments: quarterHour)
    func overlap(policy: OverlapPolicy, expected: [String]) async throws {
        let world = try await ScheduleWorld()
        let running = try await world.engine(
            try schedules("StartDate: 2026-11-28T00:01:00Z\n    OverlapPolicy: \(policy.rawValue)"))
        await world.pass(seconds: 36 * 60, running)
        #expect(try await executions(world) == expected)
        await end((running.engine, running.journal))
    }

    @Test(
        "what is set aside is not over, though nobody looks at it: the next run waits for it",
        arguments: [
            (.skip, ["0005 SUCCEEDED", "0020 RUNNING"]),
            (.cancelOther, ["0005 ABORTED", "0010 ABORTED", "0015 ABORTED", "0020 RUNNING"]),
        ] as [(OverlapPolicy, [String])])
    func setAside(policy: OverlapPolicy, expected: [String]) async throws {
        let world = try await ScheduleWorld()
        let file = try schedules("StartDate: 2026-11-28T00:01:00Z\n    OverlapPolicy: \(policy.rawValue)")
        var running = try await world.engine(file)
        await world.pass(seconds: 6 * 60, running)
        let id = try await world.stage.query("SELECT execution_id::text AS id FROM showrunner.execution_list")[0].text(
            "id")
        for time in 0..<2 {
            try await running.journal.countCrash(subject: id, event: "load", incarnation: "i\(time)")
        }
        await world.bury(running)
        running = try await world.engine(file)
        await world.pass(seconds: 5 * 60, running)
        #expect(try await executions(world) == ["0005 RUNNING"])
        try await running.engine.releaseExecution(id)
        // Who is to stop it tries that again.
        world.clock.advance(to: world.clock.now + 2_000_000)
        await world.pass(seconds: 10 * 60, running)
        #expect(try await executions(world) == expected)
        await end((running.engine, running.journal))
    }

    @Test(
        "what had ended before the schedule kept that is over, though it is set aside",
        arguments: [
            (.skip, "load", ["0005 SUCCEEDED", "0020 RUNNING"]),
            (.skip, "redrive", ["0005 SUCCEEDED", "0020 RUNNING"]),
            (.cancelOther, "load", ["0005 ABORTED", "0010 RUNNING"]),
        ] as [(OverlapPolicy, String, [String])])
    func setAsideAfterItsEnd(policy: OverlapPolicy, event: String, expected: [String]) async throws {
        let world = try await ScheduleWorld()
        let file = try schedules("StartDate: 2026-11-28T00:01:00Z\n    OverlapPolicy: \(policy.rawValue)")
        var running = try await world.engine(file)
        running.mortality.arm(Mortality.Point(statement: .endKept, isDone: false))
        await world.pass(seconds: 20 * 60, running)
        try #require(running.mortality.isDead)
        await world.bury(running)
        let line = try await world.stage.query(
            "SELECT execution_id::text AS id, name FROM showrunner.execution_list")[0]
        let (id, name) = (line.text("id"), line.text("name"))
        let bystander = Journal(url: world.stage.url, incarnation: "b", log: silent)
        for time in 0..<2 { try await bystander.countCrash(subject: id, event: event, incarnation: "i\(time)") }
        await bystander.close(deadline: .seconds(10))
        running = try await world.engine(file)
        // Before the next comes due.
        while await running.engine.scheduleAwaits(name) { await Task.yield() }
        await world.pass(seconds: 60, running)
        #expect(try await executions(world) == expected)
        await end((running.engine, running.journal))
    }

    @Test("a pause holds until it is resumed, over a change of engines; requests and backfills run besides")
    func control() async throws {
        let world = try await ScheduleWorld()
        let file = try schedules("OverlapPolicy: AllowAll\n    Description: Every five minutes.", target: "quick")
        var running = try await world.engine(file)
        await world.pass(seconds: 60, running)
        let paused = try await running.engine.pauseSchedule("s", reason: "a new table is loaded")
        #expect(paused["Pause"]?["Reason"] == "a new table is loaded")
        #expect(paused["NextFire"] == nil && paused["NextFires"] == [])
        await world.pass(seconds: 600, running)
        await world.bury(running)
        running = try await world.engine(file)
        await world.pass(seconds: 600, running)
        #expect(try await world.executions().map(\.name) == ["s-20261128T000000Z"])

        let first = try await running.engine.runSchedule("s", token: "t", overlapPolicy: nil)
        let again = try await running.engine.runSchedule("s", token: "t", overlapPolicy: nil)
        #expect(first["Outcome"] == "Started" && first["ExecutionName"] == again["ExecutionName"])
        await world.settle(running)
        #expect(try await world.executions().count == 2)
        let run = try await running.engine.run(try #require(first["ExecutionArn"]?.stringValue))
        #expect(
            run.origin
                == ExecutionOrigin(
                    kind: .schedule, name: "s", cause: "Request", time: Instant(world.time) * 1_000_000))
        #expect(run.json["origin"]?["cause"] == "Request")

        _ = try await running.engine.backfillSchedule(
            "s", from: ScheduleWorld.begin - 600, through: ScheduleWorld.begin + 300, overlapPolicy: nil)
        await world.settle(running)
        let names = try await world.executions().map(\.name).filter { !$0.contains("now") }
        // Midnight ran before, and its name is taken.
        #expect(
            names == [
                "s-20261127T235000Z", "s-20261127T235500Z", "s-20261128T000000Z", "s-20261128T000500Z",
            ])
        await #expect(throws: EngineError.self) {
            try await running.engine.backfillSchedule(
                "s", from: world.time, through: world.time + 3600, overlapPolicy: nil)
        }
        await #expect(throws: EngineError.self) { try await running.engine.pauseSchedule("s", reason: "") }
        let unknown = await #expect(throws: EngineError.self) { try await running.engine.resumeSchedule("t") }
        #expect(unknown?.code == .resourceNotFound)

        let resumed = try await running.engine.resumeSchedule("s")
        #expect(resumed["Pause"] == nil && resumed["NextFire"] == "2026-11-28T00:25:00Z")
        await world.pass(seconds: 300, running)
        #expect(
            try await world.executions().last?.name == "s-now-" + (first["ExecutionName"]?.stringValue ?? "").suffix(12)
        )
        #expect(try await world.executions().contains { $0.name == "s-20261128T002500Z" })
        let list = try await running.engine.listSchedules()["Schedules"]?.arrayValue ?? []
        // With midnight's of the backfill, whose name was taken.
        #expect(list.count == 1 && list[0]["Starts"] == 7 && list[0]["LastRecord"]?["Action"] == "Start")
        await end((running.engine, running.journal))
    }

    @Test(
        "nobody there for an hour: as much is caught up as the policy says",
        arguments: [
            ("None", 0), ("Last", 1), ("All", 12), ("Window\n    CatchupWindowInMinutes: 20", 4),
        ])
    func catchup(policy: String, count: Int) async throws {
        let world = try await ScheduleWorld()
        let file = try schedules(
            "StartDate: 2026-11-28T00:01:00Z\n    OverlapPolicy: AllowAll\n    CatchupPolicy: \(policy)",
            target: "quick")
        var running = try await world.engine(file)
        await world.pass(seconds: 120, running)
        await world.bury(running)
        // The hours go by, and then a second of 01:03.
        world.clock.advance(to: 3_783_000_000)
        running = try await world.engine(file)
        await world.settle(running)
        #expect(try await world.executions().count == count)
        await end((running.engine, running.journal))
    }

    @Test("what can't be started is told, and the next time comes")
    func failures() async throws {
        let world = try await ScheduleWorld()
        let file = try ScheduleWorld.schedules(
            """
            Schedules:
              nowhere:
                ScheduleExpression: rate(10 minutes)
                Target: {Arn: missing}
              broken:
                ScheduleExpression: rate(10 minutes)
                Target: {Arn: quick, Input: {x: "{% $number('seven') %}"}}
              express:
                ScheduleExpression: rate(10 minutes)
                StartDate: 2026-11-28T00:01:00Z
                Target: {Arn: short}
            """)
        let running = try await world.engine(file)
        _ = try await running.engine.createMachine(
            NewMachine(name: "short", definition: try #require(ScheduleWorld.machines["quick"]), type: .express))
        await world.pass(seconds: 1300, running)
        #expect(try await world.executions().isEmpty)
        for (name, words) in [
            ("nowhere", "State Machine Does Not Exist"), ("broken", "seven"), ("express", "EXPRESS"),
        ] {
            let view = try await running.engine.schedule(name)
            let failures = (view["Recent"]?.arrayValue ?? []).filter { $0["Action"] == "Failure" }
            #expect(failures.count == 3, "\(view)")
            #expect(failures.allSatisfy { $0["Cause"]?.stringValue?.contains(words) == true }, "\(failures)")
            #expect(view["Running"] == [])
        }
        await end((running.engine, running.journal))
    }

    @Test("a schedule that no file has is forgotten, but for its pause; one of a later release is left alone")
    func definitionsChange() async throws {
        let world = try await ScheduleWorld()
        let file = try schedules("OverlapPolicy: AllowAll\n    CatchupPolicy: All", target: "quick")
        var running = try await world.engine(file)
        await world.pass(seconds: 10, running)
        _ = try await running.engine.pauseSchedule("s", reason: "moved")
        await world.bury(running)
        running = try await world.engine([])
        await world.pass(seconds: 1200, running)
        await world.bury(running)
        running = try await world.engine(file)
        await world.pass(seconds: 600, running)
        #expect(try await running.engine.schedule("s")["Pause"]?["Reason"] == "moved")
        _ = try await running.engine.resumeSchedule("s")
        await world.pass(seconds: 300, running)
        #expect(try await world.executions().map(\.name) == ["s-20261128T000000Z", "s-20261128T003500Z"])
        await world.bury(running)

        _ = try await world.stage.query(
            "UPDATE showrunner.schedule SET state = replace(state, '\"v\":1', '\"v\":9')")
        let before = try await world.stage.query("SELECT state FROM showrunner.schedule")[0].text("state")
        running = try await world.engine(file)
        await world.pass(seconds: 600, running)
        #expect(try await running.engine.schedule("s")["Trouble"]?.stringValue?.contains("later release") == true)
        let refused = await #expect(throws: EngineError.self) { try await running.engine.resumeSchedule("s") }
        #expect(refused?.code == .conflict)
        #expect(try await world.executions().count == 2)
        #expect(try await world.stage.query("SELECT state FROM showrunner.schedule")[0].text("state") == before)
        await end((running.engine, running.journal))
    }
}

extension Engine {
    /// Whether a schedule takes an execution for one that has not ended.
    fileprivate func scheduleAwaits(_ name: String) -> Bool {
        scheduling.entries.values.contains { $0.state.running.contains { $0.fire.executionName == name } }
    }
}
