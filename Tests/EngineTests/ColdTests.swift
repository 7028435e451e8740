@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import StepContracts
import Testing

/// Executions that wait leave memory, and are there whenever somebody or the time asks for them.
@Suite("Executions out of memory")
struct ColdTests {
    private static let waiting = #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#
    private static let nap = #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3,"End":true}}}"#
    private static let token = #"""
        {"StartAt":"T","States":{"T":{"Type":"Task","End":true,
          "Resource":"arn:aws:states:::showrunner:work.waitForTaskToken",
          "Parameters":{"token.$":"$$.Task.Token"}}}}
        """#

    private static var eager: Engine.Limits {
        var limits = Engine.Limits()
        limits.idleTime = .zero
        return limits
    }

    /// Until so many executions are out of memory.
    private func becomeCold(_ engine: Engine, _ count: Int) async {
        while await engine.coldCount < count { await Task.yield() }
    }

    /// The same where time stands still: those that have come to rest since it did may go a second after their idle time.
    private func becomeCold(_ engine: Engine, _ count: Int, after idleTime: Duration, of time: StandingTime) async {
        let deadline = time.now + Int64((idleTime + .seconds(1)) / .microseconds(1))
        while !time.deadlines(of: 1).contains(deadline) { await Task.yield() }
        time.advance(to: deadline)
        await becomeCold(engine, count)
    }

    /// An engine out of whose memory the execution `t` is, which waits for an answer to a token.
    private func waitingForAnswer() async throws -> (
        one: (engine: Engine, journal: Journal), token: String, execution: String
    ) {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["token": Self.token], limits: Self.eager)
        _ = try await one.engine.startExecution(machine: "token", name: "t", input: "{}")
        let offer = try await one.engine.take()
        let token = try #require(offer.input["token"]?.stringValue)
        _ = try await one.engine.complete(offer)
        await becomeCold(one.engine, 1)
        return (one, token, offer.execution)
    }

    @Test("what waits leaves memory; what asks for it finds it, and a stop ends it", .timeLimit(.minutes(2)))
    func comesAndGoes() async throws {
        let (stage, time) = (try await Stage(), StandingTime())
        let limits = Engine.Limits()
        let one = try await stage.engine(
            "one", machines: ["waiting": Self.waiting], limits: limits,
            bootClock: StandingClock(time: time, process: 1))
        for number in 0..<20 {
            _ = try await one.engine.startExecution(machine: "waiting", name: "w\(number)", input: "{}")
        }
        #expect(await one.engine.coldCount == 0)
        await becomeCold(one.engine, 20, after: limits.idleTime, of: time)
        #expect(await one.engine.executionsInMemory().isEmpty)
        // Lists tell where they are without taking them into memory.
        var query = RunQuery(machine: "waiting")
        #expect(try await one.engine.listRuns(query).items.allSatisfy(\.current.isEmpty))
        query.tellsStates = true
        let list = try await one.engine.listRuns(query).items
        #expect(list.count == 20 && list.allSatisfy { $0.current == ["W"] })
        #expect(await one.engine.coldCount == 20)
        let arn = "arn:aws:states:us-east-1:000000000000:execution:waiting:"
        #expect(try await one.engine.run(arn + "w3").run.current == ["W"])
        #expect(await one.engine.coldCount == 19)
        // Twice at once it is loaded once.
        async let first = one.engine.run(arn + "w4")
        async let second = one.engine.run(arn + "w4")
        #expect(try await (first, second).0.run.status == .running)
        #expect(await one.engine.executionsInMemory().count == 2)
        try await one.engine.stopExecution(arn + "w5", error: "E", cause: "c")
        #expect(try await one.engine.run(arn + "w5").run.status == .aborted)
        // A name that is taken by one out of memory is found.
        let again = try await one.engine.start(machine: "waiting", name: "w6", input: "{}")
        #expect(!again.isNew && again.isOpen)
        #expect(await one.engine.coldCount == 16)
        await becomeCold(one.engine, 19, after: limits.idleTime, of: time)
        // Deleting the machine stops all of them.
        try await one.engine.deleteMachine("arn:aws:states:us-east-1:000000000000:stateMachine:waiting")
        while try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list WHERE status = 'RUNNING'")[0]
            .int("n") > 0
        {}
        #expect(await one.engine.coldCount == 0)
        await end(one)
    }

    @Test("an engine that takes over leaves them where they are, and time wakes them", .timeLimit(.minutes(2)))
    func takeover() async throws {
        let stage = try await Stage()
        var limits = Self.eager
        let one = try await stage.engine(
            "one", machines: ["waiting": Self.waiting, "nap": Self.nap, "task": oneTask()], limits: limits)
        for number in 0..<30 {
            _ = try await one.engine.startExecution(machine: "waiting", name: "w\(number)", input: "{}")
        }
        _ = try await one.engine.startExecution(machine: "nap", name: "n", input: "{}")
        _ = try await one.engine.startExecution(machine: "task", name: "t", input: "{}")
        // The nap may be over before they all are.
        while try await stage.query(
            "SELECT count(*) AS n FROM showrunner.cold JOIN showrunner.execution_list USING (execution_id) WHERE machine = 'waiting'"
        )[0].int("n") < 30 {}
        await end(one)
        limits.idleTime = .seconds(3600)
        let two = try await stage.engine("two", limits: limits)
        // The task is not cold, and the nap may be over by now.
        #expect(await two.engine.coldCount >= 30)
        #expect(await two.engine.executionsInMemory().count <= 2)
        while try await two.engine.run("arn:aws:states:us-east-1:000000000000:execution:nap:n").run.status == .running {
            await Task.yield()
        }
        // A row since the note makes it worthless: whoever has a new one is loaded.
        let id = try await two.engine.run("arn:aws:states:us-east-1:000000000000:execution:waiting:w7").run.id
        _ = try await stage.query(
            "UPDATE showrunner.cold SET next_seq = 0 WHERE execution_id = $1", [.uuid(id)])
        await end(two)
        let three = try await stage.engine("three", limits: limits)
        #expect(await three.engine.executionsInMemory().contains { $0.execution.id == id })
        #expect(await three.engine.executionsInMemory().count == 2)
        #expect(await three.engine.coldCount == 29)
        #expect(try await stage.query("SELECT count(*) AS n FROM showrunner.cold")[0].int("n") >= 29)
        await end(three)
    }

    @Test("time wakes what this engine has let go", .timeLimit(.minutes(2)))
    func dueHere() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["nap": Self.nap], limits: Self.eager)
        for number in 0..<10 { _ = try await one.engine.startExecution(machine: "nap", name: "\(number)", input: "{}") }
        while try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list WHERE status = 'SUCCEEDED'")[0]
            .int("n") < 10
        {}
        let early = try await stage.query(
            "SELECT count(*) AS n FROM showrunner.execution_list WHERE stopped_at - started_at < 3000000")
        #expect(early[0].int("n") == 0)
        #expect(await one.engine.coldCount == 0)
        await end(one)
    }

    @Test("what is due while it leaves memory is not forgotten", .timeLimit(.minutes(2)))
    func dueWhileLeaving() async throws {
        let stage = try await Stage()
        let answer = HeldAnswer(to: "INSERT INTO showrunner.cold")
        // To the second note.
        await answer.hold(2)
        let journal = answer.journal(url: stage.url, incarnation: "one")
        let engine = Engine(journal: journal, log: silent, contracts: [work], limits: Self.eager)
        try await engine.activate(holder: "one", isDead: { _ in true })
        try await stage.serve(engine, ["nap": Self.nap])
        _ = try await engine.startExecution(machine: "nap", name: "first", input: "{}")
        await becomeCold(engine, 1)
        _ = try await engine.startExecution(machine: "nap", name: "second", input: "{}")
        await answer.waitUntilHeld()
        // The first is due within the second that both are.
        while await engine.coldCount > 0 { await Task.yield() }
        await answer.release()
        while try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list WHERE status = 'SUCCEEDED'")[0]
            .int("n") < 2
        {}
        await end((engine, journal))
    }

    @Test("an answer to a token wakes the task that waits for it", .timeLimit(.minutes(2)))
    func token() async throws {
        let (one, token, _) = try await waitingForAnswer()
        try await one.engine.taskHeartbeat(token: token)
        await becomeCold(one.engine, 1)
        try await one.engine.taskSucceeded(token: token, output: #"{"ok":true}"#)
        let run = try await one.engine.run("arn:aws:states:us-east-1:000000000000:execution:token:t")
        #expect(run.output == ["ok": true])
        await #expect(throws: EngineError.self) { try await one.engine.taskSucceeded(token: token, output: "{}") }
        await end(one)
    }

    @Test("an answer finds its execution while that is being woken", .timeLimit(.minutes(2)))
    func beingWoken() async throws {
        let (one, token, execution) = try await waitingForAnswer()
        try await one.engine.beginWaking(execution)
        try await one.engine.taskSucceeded(token: token, output: #"{"ok":true}"#)
        let run = try await one.engine.run("arn:aws:states:us-east-1:000000000000:execution:token:t")
        #expect(run.output == ["ok": true])
        await end(one)
    }
}

extension Engine {
    /// As far as waking an execution goes before it is read: its note is gone, and it is not there yet.
    fileprivate func beginWaking(_ id: String) async throws {
        let rows = try #require(try await journal.rowCount(of: id))
        cold.due = [ColdExecution(id: id, nextSeq: rows, nextWake: nil)]
        #expect(try await journal.removeNotes(cold.due))
        #expect(try await !journal.isCold(id))
    }
}
