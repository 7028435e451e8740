@testable import Engine
import Interpreter
import JSON
import StepContracts
import Synchronization
import Testing

/// A machine of one task that waits for an answer, and gives its token to whoever runs it.
private func waiting(_ resource: String = "arn:aws:states:::showrunner:work", _ fields: String = "") -> String {
    #"""
    {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"\#(resource).waitForTaskToken",\#(fields)
      "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:other",
        "Input":{"token.$":"$$.Task.Token"},"question":"Is it good?","token.$":"$$.Task.Token"},"End":true}}}
    """#
}

/// A service's task of the tests: it counts how often it is done.
private final class EchoCalls: ServiceTask {
    let resources = ["arn:aws:states:::aws-sdk:echo:say"]
    let callsOutside = true
    private let calls = Mutex(0)
    var count: Int { calls.withLock { $0 } }

    func run(resource: String, parameters: JSON, engine: Engine) async throws(StepFailure) -> JSON {
        calls.withLock { $0 += 1 }
        return ["said": parameters["question"] ?? nil]
    }
}

/// A service's task that needs the engine itself.
private struct AskingCalls: ServiceTask {
    /// Whether it asks only once the engine has stopped.
    let isLate: Bool
    let resources = ["arn:aws:states:::aws-sdk:echo:ask"]
    let callsOutside = false

    func run(resource: String, parameters: JSON, engine: Engine) async throws(StepFailure) -> JSON {
        if isLate { while await engine.isReady { await Task.yield() } }
        do { return .integer(try await engine.listRuns(RunQuery()).items.count) } catch {
            throw StepFailure(error: "Refused", cause: error.message, retry: .transient)
        }
    }
}

@Suite("Services' tasks over a takeover", .timeLimit(.minutes(3)))
struct ServiceTaskTests {
    @Test("a call that an engine's end refuses fails nothing: the next engine makes it again, once it serves")
    func takeover() async throws {
        let machine =
            #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:echo:ask","End":true}}}"#
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": machine], serviceTasks: [AskingCalls(isLate: true)])
        let arn = try await first.engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let updates = await first.engine.updates(of: arn)
        func isStarted() async throws -> Bool {
            try await first.engine.history(arn, isReversed: false, limit: 100, after: nil)
                .events.contains { $0.type == "TaskStarted" }
        }
        if try await !isStarted() { for await _ in updates where try await isStarted() { break } }
        await end(first)
        let second = try await stage.engine("e2", serviceTasks: [AskingCalls(isLate: false)])
        let following = await second.engine.updates(of: arn)
        if try await second.engine.run(arn).run.status == .running {
            for await update in following where update.run.status != .running { break }
        }
        let ended = try await second.engine.run(arn)
        #expect(ended.run.status == .succeeded && ended.output == 1)
        await end(second)
    }
}

@Suite("Tasks that wait for an answer", .timeLimit(.minutes(3)))
struct CallbackTests {
    private func entry(_ engine: Engine, _ arn: String) async throws -> StateEntryView {
        try #require(try await engine.run(arn).states.first)
    }

    private func types(_ engine: Engine, _ arn: String) async throws -> [String] {
        try await engine.history(arn, isReversed: false, limit: 100, after: nil).events.map(\.type)
    }

    @Test("a step is run, then its task waits until its token is answered, over a takeover too")
    func life() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": waiting()])
        let arn = try await first.engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let offer = try await first.engine.take()
        let token = try #require(offer.input["token"]?.stringValue)
        #expect(token != offer.token)
        #expect(try await entry(first.engine, arn).taskToken == token)
        #expect(try await first.engine.complete(offer, ["asked": true]))
        // Whoever ran it has had his say: a repetition ends nothing, nor does the end of his process.
        #expect(try await first.engine.complete(offer, ["asked": true]) == false)
        #expect(try await first.engine.fail(offer, "Late") == false)
        #expect(try await first.engine.heartbeat(offer.token) == .gone)
        let second = try await stage.engine("e2")
        let engine = second.engine
        let waiting = try await entry(engine, arn)
        #expect(waiting.status == .waiting)
        #expect(waiting.taskToken == token)
        // Nobody is asked to run it again: the poll finds nothing.
        let none = try await engine.poll(poll(incarnation: "i2", waitSeconds: 0))
        #expect(none == nil)
        try await engine.taskHeartbeat(token: token)
        try await engine.taskSucceeded(token: token, output: #"{"by":"Ann"}"#)
        #expect(try await engine.run(arn).output == ["by": "Ann"])
        #expect(try await entry(engine, arn).taskToken == nil)
        #expect(
            try await types(engine, arn) == [
                "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted",
                "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
            ])
        await end(first, second)
    }

    @Test("a step that fails fails the task, and an answer may come before the step is done")
    func ends() async throws {
        let stage = try await Stage()
        let running = try await stage.engine("e1", machines: ["m": waiting()])
        let engine = running.engine
        let failed = try await engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let offer = try await engine.take()
        #expect(try await engine.fail(offer, "Oops"))
        #expect(try await engine.run(failed).run.error == "Oops")
        let early = try await engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let second = try await engine.take()
        try await engine.taskFailed(
            token: try #require(second.input["token"]?.stringValue), error: "Showrunner.Rejected", cause: "no")
        #expect(try await engine.run(early).run.error == "Showrunner.Rejected")
        #expect(try await engine.complete(second) == false)
        await end(running)
    }

    @Test("HeartbeatSeconds count for whoever answers, and a silence is a timeout")
    func heartbeats() async throws {
        let stage = try await Stage()
        let running = try await stage.engine(
            "e1", machines: ["m": waiting("arn:aws:states:::showrunner:work", #""HeartbeatSeconds":1,"#)])
        let engine = running.engine
        let arn = try await engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let updates = await engine.updates(of: arn)
        #expect(try await engine.complete(try await engine.take()))
        let last = try await first(in: updates) { $0.run.status != .running }
        #expect(last.run.error == "States.HeartbeatTimeout")
        await end(running)
    }

    @Test("what the engine does itself is answered later too, and is done once")
    func engineTasks() async throws {
        let stage = try await Stage()
        let echo = EchoCalls()
        let running = try await stage.engine(
            "e1",
            machines: [
                "echo": waiting("arn:aws:states:::aws-sdk:echo:say"),
                "start": waiting("arn:aws:states:::states:startExecution"),
                "other": #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#,
            ], serviceTasks: [echo])
        for machine in ["echo", "start"] {
            let arn = try await running.engine.start(machine: machine, name: nil, input: "{}").execution.executionARN
            let updates = await running.engine.updates(of: arn)
            // The update may have been before the stream began.
            while !(try await types(running.engine, arn).contains("TaskSubmitted")) {
                for await _ in updates { break }
            }
        }
        // The next engine finds them waiting, and does nothing again.
        let next = try await stage.engine("e2", serviceTasks: [echo])
        for run in try await next.engine.listRuns(RunQuery()).items where run.status == .running {
            let token = try #require(try await entry(next.engine, run.executionARN).taskToken)
            try await next.engine.taskSucceeded(token: token, output: "1")
            #expect(try await next.engine.run(run.executionARN).output == 1)
        }
        #expect(echo.count == 1)
        #expect(try await next.engine.listRuns(RunQuery(machine: "other")).items.count == 1)
        await end(running, next)
    }
}
