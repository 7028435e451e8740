@testable import Engine
import JSON
import Testing

@Suite("Limits of what waits and what is open", .timeLimit(.minutes(10)))
struct LimitTests {
    private func code<Value>(_ call: () async throws -> Value) async -> EngineError.Code? {
        await #expect(throws: EngineError.self) { _ = try await call() }?.code
    }

    private static let activity = "arn:aws:states:us-east-1:000000000000:activity:a"

    @Test("workers' polls and activities' polls have room apart; one more is refused and the room is given back")
    func polls() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.waitingPolls = 1
        limits.activityPolls = 2
        let first = try await stage.engine("e1", machines: ["m": oneTask()], limits: limits)
        let engine = first.engine
        _ = try await engine.createActivity(name: "a")
        let polls = (0..<2).map { _ in Task { try await engine.activityTask(of: Self.activity, worker: nil) } }
        while await engine.waitingPolls < 2 { await Task.yield() }
        #expect(await code { try await engine.activityTask(of: Self.activity, worker: nil) } == .pollLimit)
        let poll = await engine.waitingPoll("w1")
        while await engine.waitingPolls < 3 { await Task.yield() }
        #expect(await code { try await engine.poll(EngineTests.poll(worker: "w2")) } == .pollLimit)
        // Whoever waits is served, and leaves room for the next.
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        #expect(try await poll.value != nil)
        #expect(try await engine.poll(EngineTests.poll(worker: "w2", waitSeconds: 0)) == nil)
        for poll in polls {
            poll.cancel()
            #expect(try await poll.value == nil)
        }
        #expect(try await engine.activityTask(of: Self.activity, worker: nil, waitSeconds: 0) == nil)
        await end(first)
    }

    @Test("a worker more than may be known is refused, and those that are known go on")
    func workers() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.workers = 2
        let first = try await stage.engine("e1", limits: limits)
        for worker in ["a", "b", "a"] {
            #expect(try await first.engine.poll(EngineTests.poll(worker: worker, waitSeconds: 0)) == nil)
        }
        #expect(await code { try await first.engine.poll(EngineTests.poll(worker: "c", waitSeconds: 0)) } == .pollLimit)
        #expect(await Set(first.engine.workers().map(\.name)) == ["a", "b"])
        await end(first)
    }

    @Test("an execution more than may be open is refused, and one that ends leaves room")
    func executions() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.openExecutions = 2
        let first = try await stage.engine("e1", machines: ["m": oneTask()], limits: limits)
        let engine = first.engine
        for name in ["a", "b"] { _ = try await engine.start(machine: "m", name: name, input: "{}") }
        #expect(await code { try await engine.start(machine: "m", name: "c", input: "{}") } == .executionLimit)
        #expect(try await engine.complete(try await engine.take()))
        #expect(try await engine.start(machine: "m", name: "c", input: "{}").isNew)
        await end(first)
    }

    @Test("callers of synchronous executions are bounded, too")
    func synchronous() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.synchronousExecutions = 1
        let first = try await stage.engine("e1", limits: limits)
        let engine = first.engine
        let machine = try await engine.createMachine(
            NewMachine(name: "m", definition: oneTask(), type: .express)
        ).arn
        let waiting = Task { try await engine.startSync(machine: machine, name: nil, input: "{}") }
        let offer = try await engine.take()
        #expect(await code { try await engine.startSync(machine: machine, name: nil, input: "{}") } == .busy)
        #expect(try await engine.complete(offer))
        #expect(try await waiting.value.run.status == .succeeded)
        let again = Task { try await engine.startSync(machine: machine, name: nil, input: "{}") }
        #expect(try await engine.complete(try await engine.take()))
        #expect(try await again.value.run.status == .succeeded)
        await end(first)
    }

    @Test(
        "executions that are redriven and stopped by many at once stay one each: nobody is told that they are another's"
    )
    func crowd() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        var runs: [String] = []
        for number in 0..<8 {
            let arn = try await engine.start(machine: "m", name: "n\(number)", input: "{}").execution.executionARN
            _ = try await engine.stop(arn, error: nil, cause: nil)
            runs.append(arn)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for run in runs {
                for caller in 0..<6 {
                    group.addTask {
                        for _ in 0..<25 {
                            do throws(EngineError) {
                                if caller % 3 == 0 {
                                    _ = try await engine.redrive(run, token: nil)
                                } else {
                                    _ = try await engine.stop(run, error: nil, cause: nil)
                                }
                            } catch {
                                #expect(error.code == .notRedrivable, "\(error)")
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        for run in runs { _ = try await engine.stop(run, error: nil, cause: nil) }
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("an alias divides 10,000 executions by its weights, to a hundredth")
    func weights() async throws {
        let stage = try await Stage()
        let pass = #"{"Comment":"1","StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#
        let first = try await stage.engine("e1")
        let engine = first.engine
        let machine = try await engine.createMachine(NewMachine(name: "m", definition: pass, publishes: true)).arn
        _ = try await engine.updateMachine(
            machine, MachineUpdate(definition: pass.replacing("1", with: "2"), publishes: true))
        let alias = try await engine.createAlias(
            name: "live", description: nil,
            routes: [
                RequestedRoute(versionARN: machine + ":1", weight: 90),
                RequestedRoute(versionARN: machine + ":2", weight: 10),
            ]
        ).arn
        let count = 10_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            // As many at a time as share a statement of the journal.
            for starter in 0..<250 {
                group.addTask {
                    for number in 0..<count / 250 {
                        _ = try await engine.start(machine: alias, name: "\(starter)-\(number)", input: "{}")
                    }
                }
            }
            try await group.waitForAll()
        }
        let rows = try await stage.query(
            "SELECT version, count(*) AS n FROM showrunner.execution_list WHERE alias = 'live' GROUP BY version")
        var found: [Int64: Int64] = [:]
        for row in rows { found[row.int("version")] = row.int("n") }
        print("alias: 10,000 starts, weights 90 and 10, drawn \(found.sorted { $0.key < $1.key })")
        #expect(found.values.reduce(0, +) == Int64(count))
        #expect((990...1010).contains(found[2] ?? 0), "\(found)")
        await end(first)
    }
}
