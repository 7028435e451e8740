@testable import Engine
import Interpreter
import JSON
import Testing

private let activity = "arn:aws:states:us-east-1:000000000000:activity:encode"

private func machine(_ fields: String = "") -> String {
    #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"\#(activity)",\#(fields)"End":true}}}"#
}

@Suite("Activities", .timeLimit(.minutes(3)))
struct ActivityTests {
    private func refusal<Value>(_ call: () async throws -> Value) async -> EngineError.Code? {
        await #expect(throws: EngineError.self) { _ = try await call() }?.code
    }

    private func status(_ engine: Engine, _ arn: String) async throws -> RunStatus {
        try await engine.run(arn).run.status
    }

    @Test("a task goes to whoever asks, in the order of coming, and its token ends it once")
    func life() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": machine()])
        let engine = first.engine
        #expect(await refusal { try await engine.activityTask(of: activity, worker: nil) } == .activityNotFound)
        let made = try await engine.createActivity(name: "encode")
        #expect(made.arn == activity)
        #expect(try await engine.createActivity(name: "encode").createdAt == made.createdAt)
        var runs: [String] = []
        for number in 0..<3 {
            runs.append(
                try await engine.start(machine: "m", name: "n\(number)", input: "\(number)").execution.executionARN)
        }
        var tokens: [String] = []
        for number in 0..<3 {
            let task = try #require(try await engine.activityTask(of: activity, worker: "w"))
            #expect(task.input == .integer(number))
            tokens.append(task.token)
        }
        #expect(Set(tokens).count == 3)
        try await engine.taskHeartbeat(token: tokens[0])
        try await engine.taskSucceeded(token: tokens[0], output: #"{"done": true}"#)
        #expect(try await engine.run(runs[0]).output == ["done": true])
        try await engine.taskFailed(token: tokens[1], error: "Oops", cause: "because")
        #expect(try await engine.run(runs[1]).run.error == "Oops")
        #expect(await refusal { try await engine.taskSucceeded(token: tokens[2], output: "{") } == .invalidOutput)
        #expect(await refusal { try await engine.taskSucceeded(token: tokens[0], output: "{}") } == .taskTimedOut)
        #expect(await refusal { try await engine.taskHeartbeat(token: tokens[1]) } == .taskTimedOut)
        #expect(
            await refusal { try await engine.taskFailed(token: "nonsense", error: nil, cause: nil) } == .invalidToken)
        let forged = tokens[2].dropLast(4) + "0000"
        #expect(await refusal { try await engine.taskSucceeded(token: String(forged), output: "{}") } == .taskTimedOut)
        let unknown = "019ac800-0000-7000-8000-0123456789ab.1.0123456789abcdef0123456789abcdef"
        #expect(await refusal { try await engine.taskHeartbeat(token: unknown) } == .taskNotFound)
        #expect(try await status(engine, runs[2]) == .running)
        try await engine.taskSucceeded(token: tokens[2], output: "null")
        #expect(try await status(engine, runs[2]) == .succeeded)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("a poll that waits is woken, those that came first first; one that ends empty-handed says so")
    func waiting() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": machine()])
        let engine = first.engine
        _ = try await engine.createActivity(name: "encode")
        let polls = await (0..<2).asyncMap { number in
            let poll = Task { try await engine.activityTask(of: activity, worker: "w\(number)") }
            while await engine.waitingPolls < number + 1 { await Task.yield() }
            return poll
        }
        _ = try await engine.start(machine: "m", name: "a", input: "1")
        #expect(try await polls[0].value?.input == 1)
        // The start and the hand-out were one row.
        #expect(try await stage.query("SELECT 1 FROM showrunner.journal").count == 1)
        try await engine.deleteActivity(activity)
        #expect(try await polls[1].value == nil)
        _ = try await engine.createActivity(name: "encode")
        #expect(try await engine.activityTask(of: activity, worker: nil, waitSeconds: 0) == nil)
        let cancelled = Task { try await engine.activityTask(of: activity, worker: nil) }
        while await engine.waitingPolls == 0 { await Task.yield() }
        cancelled.cancel()
        #expect(try await cancelled.value == nil)
        await end(first)
    }

    @Test("without HeartbeatSeconds nobody has to report; with it, whoever is silent loses the task")
    func heartbeats() async throws {
        let stage = try await Stage()
        let first = try await stage.engine(
            "e1", machines: ["patient": machine(), "strict": machine(#""HeartbeatSeconds":1,"TimeoutSeconds":60,"#)])
        let engine = first.engine
        _ = try await engine.createActivity(name: "encode")
        let patient = try await engine.start(machine: "patient", name: "p", input: "{}").execution.executionARN
        _ = try #require(try await engine.activityTask(of: activity, worker: nil))
        #expect(await engine.leases.isEmpty)
        let updates = await engine.updates(of: nil)
        let strict = try await engine.start(machine: "strict", name: "s", input: "{}").execution.executionARN
        let task = try #require(try await engine.activityTask(of: activity, worker: nil))
        let ended = try await EngineTests.first(in: updates) {
            $0.run.executionARN == strict && $0.run.status != .running
        }
        #expect(ended.run.status != .succeeded && ended.run.error?.hasSuffix("Timeout") == true)
        #expect(await refusal { try await engine.taskHeartbeat(token: task.token) } == .taskTimedOut)
        #expect(try await status(engine, patient) == .running)
        await end(first)
    }

    @Test("a task in somebody's hands stays there through a takeover")
    func takeover() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": machine()])
        _ = try await first.engine.createActivity(name: "encode", tags: [("team", "films")])
        let run = try await first.engine.start(machine: "m", name: "a", input: "1").execution.executionARN
        let task = try #require(try await first.engine.activityTask(of: activity, worker: nil))
        await end(first)
        let second = try await stage.engine("e2")
        #expect(try await second.engine.tags(of: activity).map(\.key) == ["team"])
        #expect(try await second.engine.activityTask(of: activity, worker: nil, waitSeconds: 0) == nil)
        try await second.engine.taskSucceeded(token: task.token, output: "2")
        #expect(try await second.engine.run(run).output == 2)
        #expect(try await second.engine.listActivities(limit: 5, after: nil).items.map(\.name) == ["encode"])
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await end(second)
    }
}

extension Engine {
    var waitingPolls: Int { pollers.count }
}

extension Sequence where Element: Sendable {
    fileprivate func asyncMap<Value>(_ transform: (Element) async -> Value) async -> [Value] {
        var values: [Value] = []
        for element in self { values.append(await transform(element)) }
        return values
    }
}
