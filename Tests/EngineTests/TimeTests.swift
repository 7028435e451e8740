@testable import Engine
import JSON
import PostgresTestSupport
import Testing
import WorkerProtocol

/// Alarms: periods as short as the language has them, awaited by what the engine tells, never by sleeping.
@Suite("Time", .timeLimit(.minutes(3)))
struct TimeTests {
    @Test("no heartbeat within the period: the attempt is lost, retried, and its late answer is stale")
    func heartbeat() async throws {
        let stage = try await Stage()
        let first = try await stage.engine(
            "e1",
            machines: [
                "m": oneTask(
                    #""HeartbeatSeconds":1,"Retry":[{"ErrorEquals":["States.HeartbeatTimeout"],"MaxAttempts":1}],"#)
            ])
        let engine = first.engine
        let updates = await engine.updates(of: nil)
        let started = try await engine.start(machine: "m", name: nil, input: "{}")
        let lost = try await engine.take()
        #expect(lost.heartbeatSeconds == 1)
        let lateUpdate = try await EngineTests.first(in: updates) { $0.states.first?.status == .retrying }
        #expect(lateUpdate.states[0].error == "States.HeartbeatTimeout")
        #expect(try await !engine.complete(lost))
        let second = try await engine.take()
        #expect(second.attempt == 2 && second.token != lost.token)
        #expect(try await engine.complete(second))
        #expect(try await engine.run(started.execution.executionARN).states[0].attempts == 2)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("a worker that comes back as another process has lost its tasks, at once")
    func newIncarnation() async throws {
        let stage = try await Stage()
        let first = try await stage.engine(
            "e1",
            machines: ["m": oneTask(#""Retry":[{"ErrorEquals":["Showrunner.WorkerLost"],"MaxAttempts":1}],"#)])
        let engine = first.engine
        let updates = await engine.updates(of: nil)
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        let lost = try await engine.take("w1", incarnation: "i1")
        let next = Task { try await engine.take("w1", incarnation: "i2") }
        let update = try await EngineTests.first(in: updates) { $0.states.first?.status == .retrying }
        #expect(update.states[0].error == "Showrunner.WorkerLost")
        let second = try await next.value
        #expect(second.attempt == 2)
        #expect(try await !engine.complete(lost))
        #expect(try await engine.complete(second))
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("Wait, TimeoutSeconds of a task and of the machine ring by themselves")
    func alarms() async throws {
        let stage = try await Stage()
        let first = try await stage.engine(
            "e1",
            machines: [
                "wait": #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"End":true}}}"#,
                "task": oneTask(#""TimeoutSeconds":1,"#), "machine": oneTask(top: #""TimeoutSeconds":1,"#),
                "never": #"""
                {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":90000000,"End":true}}}
                """#,
            ])
        let engine = first.engine
        let updates = await engine.updates(of: nil)
        let never = try await engine.start(machine: "never", name: nil, input: "{}")
        for machine in ["wait", "task", "machine"] {
            _ = try await engine.start(machine: machine, name: nil, input: "{}")
        }
        var ends: [String: RunView] = [:]
        while ends.count < 3 {
            let run = try await EngineTests.first(in: updates) { $0.run.status != .running }.run
            ends[run.machine] = run
        }
        #expect(ends["wait"]?.status == .succeeded)
        #expect(ends["task"]?.status == .failed && ends["task"]?.error == "States.Timeout")
        #expect(ends["machine"]?.status == .timedOut)
        #expect(try await engine.poll(poll(waitSeconds: 0)) == nil, "nobody is given a task that is over")
        _ = try await engine.stop(never.execution.executionARN, error: nil, cause: nil)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("a poll that nothing comes for ends when its wait is over")
    func emptyPoll() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        #expect(try await first.engine.poll(poll(waitSeconds: 0)) == nil)
        let cancelled = await first.engine.waitingPoll("w2")
        cancelled.cancel()
        #expect(try await cancelled.value == nil)
        // Neither of them stands in the way of the next.
        _ = try await first.engine.start(machine: "m", name: nil, input: "{}")
        #expect(try await first.engine.complete(try await first.engine.take("w3")))
        await end(first)
    }
}
