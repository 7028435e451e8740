@testable import Engine
import Interpreter
import JSON
import Postgres
import PostgresTestSupport
import StepContracts
import Testing
import WorkerProtocol

@Suite("An engine on a real database", .timeLimit(.minutes(3)))
struct LifeTests {
    @Test("start, poll, complete: a row each")
    func life() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        let started = try await engine.start(machine: "m", name: "one", input: #"{"a":"\u0000"}"#)
        #expect(started.isNew && started.isOpen)
        let offer = try await engine.take()
        #expect(offer.input == ["a": "\u{0}"] && offer.attempt == 1 && offer.state == "A")
        #expect(offer.executionArn == started.execution.executionARN)
        #expect(try await engine.heartbeat(offer.token) == .ok)
        #expect(try await engine.complete(offer, ["b": [nil, 1.0]]))
        let detail = try await engine.run(started.execution.executionARN)
        #expect(detail.run.status == .succeeded && detail.output == ["b": [nil, 1.0]])
        #expect(detail.states.map(\.status) == [.succeeded])
        #expect(try await stage.query("SELECT count(*) AS n FROM showrunner.journal")[0].int("n") == 3)
        let history = try await engine.history(detail.run.id, isReversed: false, limit: 1000, after: nil)
        #expect(
            history.events.map(\.type) == [
                "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded",
                "TaskStateExited", "ExecutionSucceeded",
            ])
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("with a worker waiting, the start and the hand-out are one row")
    func oneRow() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let waiting = await first.engine.waitingPoll("w1")
        _ = try await first.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await waiting.value)
        let rows = try await stage.query("SELECT effects FROM showrunner.journal")
        #expect(rows.count == 1)
        guard case .taskStarted = try Effect.decode(rows[0].text("effects")).last else {
            Issue.record("the row ends with \(rows[0].text("effects"))")
            return
        }
        #expect(try await first.engine.complete(offer))
        try await stage.checkInvariants(["e1"], memory: first.engine)
        await end(first)
    }

    @Test("a hand-out in a long row evaluates what is left by the same rules")
    func longRow() async throws {
        var passes = ""
        for number in 1..<120 { passes += #""P\#(number)":{"Type":"Pass","Next":"P\#(number + 1)"},"# }
        let machine =
            #"{"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":["#
            + #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}},"#
            + #"{"StartAt":"P1","States":{\#(passes)"P120":{"Type":"Pass","End":true,"Parameters":{"#
            + #""hash.$":"States.Hash('a', 'SHA-256')"}}}}]}}}"#
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": machine])
        let waiting = await first.engine.waitingPoll("w1")
        let started = try await first.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await waiting.value)
        #expect(try await first.engine.complete(offer))
        let detail = try await first.engine.run(started.execution.executionARN)
        #expect(
            detail.output?[1]?["hash"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
            "\(detail.run.cause ?? "")")
        try await stage.checkInvariants(["e1"], memory: first.engine)
        await end(first)
    }

    @Test("a name: the same input finds the execution, another is refused, and a waiting worker is not forgotten")
    func names() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        let one = try await engine.start(machine: "m", name: "n", input: #"{"a":1,"b":2}"#)
        let offer = try await engine.take()
        // The start that finds its name taken has scheduled a task for this worker by then.
        let waiting = await engine.waitingPoll("w2")
        let again = try await engine.start(machine: "m", name: "n", input: #"{"b":2, "a":1}"#)
        #expect(!again.isNew && again.isOpen && again.execution == one.execution)
        #expect(try await waiting.value == nil, "the worker is told to ask again")
        let refusal = await #expect(throws: EngineError.self) {
            try await engine.start(machine: "m", name: "n", input: #"{"a":2}"#)
        }
        #expect(refusal?.code == .nameTaken)
        #expect(try await engine.complete(offer))
        let ended = try await engine.start(machine: "m", name: "n", input: #"{"a":1,"b":2}"#)
        #expect(!ended.isNew && !ended.isOpen)
        #expect(
            try await stage.query("SELECT count(DISTINCT execution_id) AS n FROM showrunner.journal")[0].int("n") == 1)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("what can't be started says why")
    func refusals() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        for (machine, name, input, code) in [
            ("none", nil, "{}", .machineNotFound), ("m", nil, "{", .invalidInput), ("m", "a b", "{}", .invalidName),
            ("m", nil, "\"" + String(repeating: "x", count: 262_144) + "\"", .invalidInput),
        ] as [(String, String?, String, EngineError.Code)] {
            let error = await #expect(throws: EngineError.self) {
                try await first.engine.start(machine: machine, name: name, input: input)
            }
            #expect(error?.code == code)
        }
        let unknown = await #expect(throws: EngineError.self) { try await first.engine.run("no-such-run") }
        #expect(unknown?.code == .notFound)
        #expect(try await stage.query("SELECT 1 FROM showrunner.journal").isEmpty)
        await end(first)
    }

    @Test("a stale answer is counted and changes nothing")
    func stale() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        let offer = try await engine.take()
        let parts = offer.token.split(separator: ".")
        let forged = "\(parts[0]).\(parts[1]).0123456789abcdef0123456789abcdef"
        #expect(try await !engine.complete(CompleteRequest(token: forged, output: ["forged": true])))
        #expect(try await !engine.complete(CompleteRequest(token: "nonsense", output: nil)))
        #expect(try await engine.heartbeat(forged) == .gone)
        #expect(try await engine.complete(offer, ["first": true]))
        #expect(try await !engine.complete(offer, ["second": true]))
        #expect(try await !engine.fail(offer, "E"))
        #expect(await engine.staleAnswers == 4)
        #expect(try await engine.run(String(parts[0])).output == ["first": true])
        #expect(try await stage.query("SELECT 1 FROM showrunner.journal").count == 3)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("a stop while a task runs: the worker's heartbeat says gone")
    func stop() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        let started = try await engine.start(machine: "m", name: nil, input: "{}")
        let offer = try await engine.take()
        let arn = started.execution.executionARN
        let stoppedAt = try await engine.stop(arn, error: "Operator", cause: "\u{0} enough")
        #expect(try await engine.heartbeat(offer.token) == .gone)
        #expect(try await !engine.complete(offer))
        #expect(try await engine.stop(arn, error: "Other", cause: nil) == stoppedAt, "it stays as it is")
        let run = try await engine.run(arn).run
        #expect(run.status == .aborted && run.error == "Operator" && run.stopDateMicroseconds == stoppedAt)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("updates tell of each change in its order, and end with the execution")
    func updates() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        let all = await engine.updates(of: nil)
        let started = try await engine.start(machine: "m", name: nil, input: #"{"title":"T"}"#)
        let own = await engine.updates(of: started.execution.executionARN)
        let offer = try await engine.take()
        _ = try await engine.complete(offer)
        var states: [StateEntryView.Status?] = []
        for await update in own { states.append(update.states.first?.status) }
        #expect(states == [.running, .succeeded], "its stream ends by itself")
        let begun = try await EngineTests.first(in: all) { _ in true }
        #expect(begun.run.status == .running && begun.run.title == "T" && begun.states.map(\.status) == [.waiting])
        _ = try await EngineTests.first(in: all) { $0.run.status == .succeeded }
        var ended = 0
        for await _ in await engine.updates(of: started.execution.executionARN) { ended += 1 }
        #expect(ended == 0, "of an ended execution there is nothing to tell")
        let last = await engine.updates(of: nil)
        await end(first)
        for await _ in last {}
    }

    @Test("pages of the list meet no run twice and leave none out")
    func paging() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask(), "other": oneTask()])
        for number in 0..<7 {
            _ = try await first.engine.start(machine: "m", name: "n\(number)", input: "{}")
        }
        _ = try await first.engine.start(machine: "other", name: nil, input: "{}")
        _ = try await first.engine.complete(try await first.engine.take())
        var names: [String] = []
        var mark: String?
        repeat {
            let page = try await first.engine.listRuns(RunQuery(machine: "m", limit: 3, before: mark))
            #expect(page.items.count <= 3)
            names += page.items.map(\.name)
            mark = page.next
        } while mark != nil
        #expect(names == (0..<7).reversed().map { "n\($0)" })
        #expect(try await first.engine.listRuns(RunQuery(status: .succeeded)).items.map(\.name) == ["n0"])
        #expect(try await first.engine.listRuns(RunQuery(status: .running)).items.count == 7)
        let wrong = await #expect(throws: EngineError.self) {
            try await first.engine.listRuns(RunQuery(before: "nonsense"))
        }
        #expect(wrong?.code == .invalid)
        await end(first)
    }

    @Test("200 executions started at once, worked on by four workers: each ends once")
    func many() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask { _ = try await engine.start(machine: "m", name: "n\(number)", input: "\(number)") }
            }
            for worker in 0..<4 {
                group.addTask {
                    for _ in 0..<50 {
                        let offer = try await engine.take("w\(worker)")
                        #expect(try await engine.complete(offer, offer.input))
                    }
                }
            }
            try await group.waitForAll()
        }
        let lines = try await stage.query(
            "SELECT status, count(*) AS n FROM showrunner.execution_list GROUP BY status")
        #expect(lines.count == 1 && lines[0].text("status") == "SUCCEEDED" && lines[0].int("n") == 200)
        #expect(await engine.staleAnswers == 0)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }
}
