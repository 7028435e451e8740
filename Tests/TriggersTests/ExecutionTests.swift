import Engine
import EventPatterns
import JSON
import Journal
import Postgres
import PostgresTestSupport
import StatesLanguage
import Testing

@testable import Triggers

/// Ends of executions that start others, on real journals and over engines that die.
@Suite("Executions that end", .timeLimit(.minutes(5)))
struct ExecutionTests {
    private static let all = "Triggers: {t: {Source: {Kind: execution}, Target: {Arn: m}}}"
    private static let failures = """
        Triggers:
          t:
            Source: {Kind: execution}
            EventPattern: {detail: {status: [FAILED]}}
            Target: {Arn: m}
        """

    private static let fail = #"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E","Cause":"c"}}}"#

    private static func watched(_ running: TriggerStage.Running) -> WatchedExecutions {
        WatchedExecutions(desk: running.desk, ends: running.engine, log: silent)
    }

    /// The events that executions of a machine were given.
    private static func told(_ running: TriggerStage.Running, machine: String = "m") async throws -> [JSON] {
        var events: [JSON] = []
        for run in try await running.engine.listRuns(RunQuery(machine: machine, limit: 1000)).items.reversed() {
            let detail = try await running.engine.run(run.id)
            if detail.origin != nil, let input = detail.input { events.append(input) }
        }
        return events
    }

    /// `NAME STATUS redrives`, in the order of names.
    private static func lines(_ events: [JSON]) -> [String] {
        events.map { event in
            let detail = event["detail"]
            return [detail?["name"]?.stringValue, detail?["status"]?.stringValue, detail?["redriveCount"]?.text]
                .compactMap(\.self).joined(separator: " ")
        }.sorted()
    }

    private static func lines(_ running: TriggerStage.Running) async throws -> [String] {
        lines(try await told(running))
    }

    // MARK: Which ends

    @Test("each end is told once, however it came, and only it")
    func each() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(try TriggerStage.triggers(Self.all))
        try await running.deploy("fail", Self.fail)
        try await running.deploy("wait", #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":9999,"End":true}}}"#)
        try await running.deploy("express", TriggerStage.pass, isExpress: true)
        let watched = Self.watched(running)
        var telling = WatchedExecutions.Telling()
        try await running.run("fail", "before")
        try await watched.look(&telling)
        try await running.run("m", "good")
        try await running.run("fail", "bad")
        try await running.run("express", "fleeting")
        _ = try await running.engine.startExecution(machine: "wait", name: "stopped", input: "{}")
        _ = try await running.engine.startExecution(machine: "wait", name: "open", input: "{}")
        try await running.engine.stopExecution(
            ARN.execution(machine: "wait", name: "stopped"), error: "Stop", cause: "enough")
        for _ in 0..<3 { try await watched.look(&telling) }
        #expect(try await Self.lines(running) == ["bad FAILED 0", "good SUCCEEDED 0", "stopped ABORTED 0"])
        let events = try await Self.told(running)
        let stopped = try #require(events.first { $0["detail"]?["name"] == "stopped" })
        let view = try await running.engine.run(ARN.execution(machine: "wait", name: "stopped")).run
        #expect(stopped["source"] == "aws.states" && stopped["resources"] == [.string(view.executionARN)])
        #expect(stopped["detail"]?["error"] == "Stop" && stopped["detail"]?["cause"] == "enough")
        #expect(stopped["detail"]?["stopDate"] == view.stopDateMicroseconds.map { JSON.integer(Int($0 / 1000)) })
        #expect(running.desk.notes["t"].counts == [.started: 3])
        await running.end()
    }

    @Test("data that no event has room for is left out, and the trigger is told all the same")
    func large() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(try TriggerStage.triggers(Self.all))
        let watched = Self.watched(running)
        var telling = WatchedExecutions.Telling()
        try await watched.look(&telling)
        let input = JSON.string(String(repeating: "\"", count: 65_000)).text
        try await running.run("m", "large", input: input)
        try await watched.look(&telling)
        let event = try #require(try await Self.told(running).first)
        #expect(event["detail"]?["inputDetails"] == ["included": false] && event["detail"]?["input"] == .null)
        #expect(event["detail"]?["outputDetails"] == ["included": false])
        #expect(running.desk.notes["t"].counts == [.started: 1])
        await running.end()
    }

    @Test("ends that a redrive has taken from the lists are told, and each end after a redrive")
    func redriven() async throws {
        let stage = try await TriggerStage()
        var running = try await stage.engine(try TriggerStage.triggers(Self.failures))
        try await running.deploy("fail", Self.fail)
        var telling = WatchedExecutions.Telling()
        try await Self.watched(running).look(&telling)
        try await running.run("fail", "a")
        try await running.redrive("fail", "a")
        try await running.redrive("fail", "a")
        try await Self.watched(running).look(&telling)
        #expect(try await Self.lines(running) == ["a FAILED 0", "a FAILED 1", "a FAILED 2"])
        try await running.redrive("fail", "a")
        // Nobody looks: the engine dies, and the next one finds a redrive before it looks for the first time.
        await running.end()
        running = try await stage.engine(try TriggerStage.triggers(Self.failures))
        try await running.redrive("fail", "a")
        telling = WatchedExecutions.Telling()
        for _ in 0..<2 { try await Self.watched(running).look(&telling) }
        #expect(try await Self.lines(running) == (0...4).map { "a FAILED \($0)" })
        await running.end()
    }

    // MARK: Circles

    @Test("a notifier that fails, and what it starts, is told to nobody; who started neither is")
    func circles() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(
            try TriggerStage.triggers(
                """
                Triggers:
                  first: {Source: {Kind: execution}, Target: {Arn: notify}}
                  second: {Source: {Kind: execution}, Target: {Arn: notify}}
                """))
        try await running.deploy("fail", Self.fail)
        try await running.deploy(
            "notify",
            #"""
            {"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync",
              "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:fail"},"End":true}}}
            """#)
        let watched = Self.watched(running)
        var telling = WatchedExecutions.Telling()
        try await watched.look(&telling)
        try await running.run("fail", "a")
        for round in 0..<4 {
            try await watched.look(&telling)
            let notifiers = try await running.engine.listRuns(RunQuery(machine: "notify")).items
            for notifier in notifiers { try await running.ended(notifier.executionARN) }
            #expect(notifiers.count == 2, "round \(round)")
        }
        #expect(try await running.engine.listRuns(RunQuery(machine: "fail", status: .failed)).items.count == 3)
        #expect(try await Self.lines(Self.told(running, machine: "notify")) == ["a FAILED 0", "a FAILED 0"])
        // By hand the notifier's machine is one as all others are.
        _ = try await running.engine.startExecution(machine: "notify", name: "by-hand", input: "{}")
        try await running.ended(ARN.execution(machine: "notify", name: "by-hand"))
        try await watched.look(&telling)
        let told = try await Set(Self.lines(Self.told(running, machine: "notify")).map { String($0.prefix(7)) })
        #expect(told.contains("by-hand"))
        await running.end()
    }

    // MARK: Beginnings and pauses

    @Test("a trigger begins when it comes: not with what ended before, nor while it was disabled or not in the file")
    func beginnings() async throws {
        let stage = try await TriggerStage()
        let none = try TriggerStage.triggers("Triggers: {w: {Source: {Kind: upload}, Target: {Arn: m}}}")
        let enabled = try TriggerStage.triggers(Self.failures)
        let disabled = try TriggerStage.triggers(
            Self.failures.replacing("Source:", with: "State: DISABLED\n    Source:"))
        for (round, absent) in [none, disabled, none].enumerated() {
            var running = try await stage.engine(absent)
            try await running.deploy("fail", Self.fail)
            var telling = WatchedExecutions.Telling()
            try await Self.watched(running).look(&telling)
            #expect(telling.isIdle, "nobody has to look")
            try await running.run("fail", "unseen-\(round)")
            await running.end()
            running = try await stage.engine(enabled)
            telling = WatchedExecutions.Telling()
            try await Self.watched(running).look(&telling)
            try await running.run("fail", "seen-\(round)")
            try await Self.watched(running).look(&telling)
            #expect(try await Self.lines(running) == (0...round).map { "seen-\($0) FAILED 0" })
            await running.end()
        }
    }

    @Test("a paused trigger keeps its place over engines, and is told all of it when it is resumed; others go on")
    func pause() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(
            """
            Triggers:
              t: {Source: {Kind: execution}, EventPattern: {detail: {status: [FAILED]}}, Target: {Arn: m}}
              u: {Source: {Kind: execution}, EventPattern: {detail: {status: [FAILED]}}, Target: {Arn: other}}
            """)
        var running = try await stage.engine(triggers)
        try await running.deploy("fail", Self.fail)
        try await running.deploy("other", TriggerStage.pass)
        var telling = WatchedExecutions.Telling()
        try await Self.watched(running).look(&telling)
        try await running.engine.pauseTrigger("t", reason: "the chat moves")
        try await running.run("fail", "a")
        try await Self.watched(running).look(&telling)
        let place = try await running.engine.triggerRecord("t").toldThrough
        await running.end()
        running = try await stage.engine(triggers)
        telling = WatchedExecutions.Telling()
        try await running.run("fail", "b")
        try await running.redrive("fail", "a")
        for _ in 0..<2 { try await Self.watched(running).look(&telling) }
        #expect(try await Self.lines(running) == [])
        #expect(try await running.engine.triggerRecord("t").toldThrough == place)
        #expect(
            try await Self.lines(Self.told(running, machine: "other")) == ["a FAILED 0", "a FAILED 1", "b FAILED 0"])
        try await running.engine.resumeTrigger("t")
        // Nothing has ended since: within a while the lists are read all the same.
        telling.lookedAt = 0
        try await Self.watched(running).look(&telling)
        #expect(try await Self.lines(running) == ["a FAILED 0", "a FAILED 1", "b FAILED 0"])
        await running.end()
    }

    @Test("what the engine refuses to start holds nothing up, and is tried again, over engines, until it is too old")
    func refusals() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(
            """
            Triggers:
              t: {Source: {Kind: execution}, EventPattern: {detail: {status: [FAILED]}}, Target: {Arn: later}}
              u: {Source: {Kind: execution}, EventPattern: {detail: {status: [FAILED]}}, Target: {Arn: m}}
              v:
                Source: {Kind: execution}
                EventPattern: {detail: {status: [FAILED]}}
                Target: {Arn: m, Input: {x: "{% $number($states.input.detail.name) %}"}}
            """)
        var running = try await stage.engine(triggers)
        try await running.deploy("fail", Self.fail)
        var telling = WatchedExecutions.Telling()
        try await Self.watched(running).look(&telling)
        try await running.run("fail", "a")
        try await running.run("fail", "12")
        for _ in 0..<3 { try await Self.watched(running).look(&telling) }
        #expect(running.desk.notes["t"].counts == [.refused: 2])
        #expect(running.desk.notes["u"].counts == [.started: 2])
        #expect(running.desk.notes["v"].counts == [.refused: 1, .started: 1])
        let end = try #require(
            try await running.engine.run(ARN.execution(machine: "fail", name: "a")).run.stopDateMicroseconds)
        #expect(telling.places?["t"]?.through == end && telling.places?["v"]?.through == end)
        let unhindered = try #require(telling.places?["u"])
        #expect(unhindered.through > end)
        await running.end()

        running = try await stage.engine(triggers)
        telling = WatchedExecutions.Telling()
        try await Self.watched(running).look(&telling)
        #expect(running.desk.notes["t"].counts == [.refused: 2] && running.desk.notes["u"].counts == [:])
        try await running.deploy("later", TriggerStage.pass)
        try await Self.watched(running).look(&telling)
        #expect(running.desk.notes["t"].counts == [.refused: 2], "not yet")
        telling.places?["t"]?.refused?.retryAt = 0
        telling.places?["v"]?.refused?.retryAt = 0
        try await Self.watched(running).look(&telling)
        try await Self.watched(running).look(&telling)
        #expect(running.desk.notes["t"].counts == [.refused: 2, .started: 2])
        #expect(running.desk.notes["v"].counts == [.refused: 2])
        let done = try #require(telling.places?["t"])
        #expect(done.refused == nil)
        // A day later it is given up.
        let day = WatchedExecutions.longestRetry
        _ = try await TriggerStage.query(
            stage.url, "UPDATE showrunner.execution_list SET stopped_at = stopped_at - \(day)")
        telling.places?["v"]?.refused = (end - day, 0)
        try await Self.watched(running).look(&telling)
        let old = try #require(telling.places?["v"])
        #expect(old.refused == nil)
        await running.end()
    }

    // MARK: Deaths

    /// Where an engine's process dies: before a statement leaves it, or after it was done and before its answer is heard.
    struct Death: Sendable, CustomTestStringConvertible {
        enum Statement: String, Sendable, CaseIterable { case lastRow, pageRead, firstRow, placeKept }

        let statement: Statement
        let isDone: Bool

        var testDescription: String { "\(isDone ? "after" : "before") \(statement)" }

        static let all = Statement.allCases.flatMap {
            [Death(statement: $0, isDone: false), Death(statement: $0, isDone: true)]
        }

        func isMeant(_ sql: String, _ parameters: [PostgresValue]) -> Bool {
            switch statement {
            case .pageRead: return sql.contains("(stopped_at, execution_id) > ($1, $2)")
            case .placeKept: return sql.contains("INSERT INTO showrunner.trigger")
            case .lastRow, .firstRow:
                guard sql.contains("AS given (execution_id, seq, at, effects"),
                    case .textArray(let rows) = parameters[5]
                else { return false }
                return rows.contains { row in
                    guard let row else { return false }
                    return statement == .firstRow
                        ? row.contains("\"kind\":\"trigger\"") : row.contains("executionFailed")
                }
            }
        }
    }

    @Test("whatever dies between an end and the start of what is told of it: it is told, once", arguments: Death.all)
    func deaths(_ death: Death) async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(Self.failures)
        var running = try await stage.engine(triggers)
        try await running.deploy("fail", Self.fail)
        var telling = WatchedExecutions.Telling()
        try await Self.watched(running).look(&telling)
        await running.end()
        for round in 0..<4 {
            let mortality = Mortality()
            running = try await stage.engine(triggers, mortality: mortality)
            telling = WatchedExecutions.Telling()
            try await Self.watched(running).look(&telling)
            mortality.arm(death.isMeant, isDone: death.isDone)
            let (engine, watched) = (running.engine, Self.watched(running))
            // Whoever waits for a dead process waits for ever.
            let life = Task { [telling] in
                var telling = telling
                // What dies with its row is told all the same, where the row is there.
                do {
                    _ = try await engine.startExecution(machine: "fail", name: "run-\(round)", input: "{}")
                    while !mortality.isDead {
                        try await watched.look(&telling)
                        // A place is kept at once.
                        telling.places?["t"]?.keptAt = 0
                    }
                } catch {}
            }
            await mortality.death()
            life.cancel()
            await running.bury()
            await life.value
        }
        running = try await stage.engine(triggers)
        telling = WatchedExecutions.Telling()
        for _ in 0..<2 { try await Self.watched(running).look(&telling) }
        let failed = try await running.engine.listRuns(RunQuery(machine: "fail")).items
        for run in failed { try await running.ended(run.executionARN) }
        telling.lookedAt = 0
        try await Self.watched(running).look(&telling)
        let expected = failed.map { "\($0.name) FAILED 0" }.sorted()
        #expect(try await Self.lines(running) == expected)
        #expect(expected.count == (death.statement == .lastRow && !death.isDone ? 0 : 4), "the rounds are something")
        await running.end()
    }

    // MARK: Cost

    @Test("many ends at once are told page by page, each once; where nothing has ended the database is asked nothing")
    func cost() async throws {
        let stage = try await TriggerStage()
        let mortality = Mortality()
        let running = try await stage.engine(try TriggerStage.triggers(Self.failures), mortality: mortality)
        try await running.deploy("fail", Self.fail)
        let watched = Self.watched(running)
        var telling = WatchedExecutions.Telling()
        try await watched.look(&telling)
        let count = 2 * WatchedExecutions.pageRows + 50
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    _ = try await running.engine.startExecution(machine: "fail", name: "f\(number)", input: "{}")
                }
                group.addTask {
                    _ = try await running.engine.startExecution(machine: "m", name: "s\(number)", input: "{}")
                }
            }
            try await group.waitForAll()
        }
        for number in 0..<count {
            try await running.ended(ARN.execution(machine: "fail", name: "f\(number)"))
            try await running.ended(ARN.execution(machine: "m", name: "s\(number)"))
        }
        mortality.forget()
        try await watched.look(&telling)
        let pages = mortality.count { $0.contains("(stopped_at, execution_id) > ($1, $2)") }
        #expect(pages == 2 * count / WatchedExecutions.pageRows + 1)
        // Of those that succeeded nothing was read but their lines.
        #expect(mortality.count { $0.contains("FROM showrunner.snapshot") } == count)
        #expect(running.desk.notes["t"].counts == [.started: count])
        // Its own executions have ended since, which is known in memory; after that nothing is.
        for run in try await running.engine.listRuns(RunQuery(machine: "m", limit: 1000)).items {
            try await running.ended(run.executionARN)
        }
        try await watched.look(&telling)
        mortality.forget()
        for _ in 0..<1000 { try await watched.look(&telling) }
        #expect(
            mortality.count { $0.contains("execution_list") } <= 1, "the lists are read by themselves every 15 seconds")
        #expect(running.desk.notes["t"].counts == [.started: count])
        await running.end()
    }

    @Test("a trigger that has a long way to go is told in parts, and holds no other up")
    func longWay() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(
            """
            Triggers:
              t: {Source: {Kind: execution}, EventPattern: {detail: {status: [FAILED]}}, Target: {Arn: m}}
              u: {Source: {Kind: execution}, EventPattern: {detail: {status: [FAILED]}}, Target: {Arn: other}}
            """)
        let running = try await stage.engine(triggers)
        try await running.deploy("fail", Self.fail)
        try await running.deploy("other", TriggerStage.pass)
        let watched = Self.watched(running)
        var telling = WatchedExecutions.Telling()
        try await watched.look(&telling)
        try await running.engine.pauseTrigger("t", reason: "a long holiday")
        let others = WatchedExecutions.pageRows * WatchedExecutions.pagesOfLook + 50
        let begin = await running.engine.time
        _ = try await TriggerStage.query(
            stage.url,
            """
            INSERT INTO showrunner.execution_list
                (execution_id, machine, name, status, started_at, stopped_at, projected_seq)
            SELECT gen_random_uuid(), 'z', n::text, 'SUCCEEDED', \(begin), \(begin) + n, 1
              FROM generate_series(1, \(others)) AS n
            """)
        try await running.run("fail", "a")
        while await running.engine.time < begin + Int64(others) { await Task.yield() }
        for _ in 0..<2 { try await watched.look(&telling) }
        #expect(telling.places?["u"]?.isBehind == false)
        #expect(try await Self.lines(Self.told(running, machine: "other")) == ["a FAILED 0"])
        try await running.engine.resumeTrigger("t")
        try await running.run("fail", "b")
        try await watched.look(&telling)
        #expect(telling.places?["t"]?.isBehind == true && telling.places?["u"]?.isBehind == false)
        try await watched.look(&telling)
        #expect(telling.places?["t"]?.isBehind == false)
        #expect(try await Self.lines(running) == ["a FAILED 0", "b FAILED 0"])
        #expect(try await Self.lines(Self.told(running, machine: "other")) == ["a FAILED 0", "b FAILED 0"])
        await running.end()
    }

    @Test("while it serves, what ends is told by itself, and a second engine goes on")
    func service() async throws {
        let stage = try await TriggerStage()
        let triggers = try TriggerStage.triggers(Self.failures)
        for round in 0..<2 {
            let running = try await stage.engine(triggers)
            try await running.deploy("fail", Self.fail)
            let updates = await running.engine.updates(of: nil)
            let service = Task { try await Self.watched(running).run() }
            while try await running.engine.triggerRecord("t").toldThrough == nil { await Task.yield() }
            _ = try await running.engine.startExecution(machine: "fail", name: "r\(round)", input: "{}")
            for await update in updates where update.run.name.hasPrefix("t-") && update.run.status == .succeeded {
                break
            }
            service.cancel()
            _ = await service.result
            #expect(try await Self.lines(running) == (0...round).map { "r\($0) FAILED 0" })
            await running.end()
        }
    }
}
