@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import Testing

/// `states:startExecution.sync`: executions that a task of another waits for.
@Suite("Nested executions", .timeLimit(.minutes(3)))
struct NestedTests {
    private static let parent = #"""
        {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","End":true,
          "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:child","Name":"c"}}}}
        """#

    /// The stage with a parent that waits for a child, after its engine has ended.
    private func waiting() async throws -> (stage: Stage, parent: String, child: String) {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["parent": Self.parent, "child": oneTask()])
        let polling = await first.engine.waitingPoll("w1")
        let parent = try await first.engine.start(machine: "parent", name: "p", input: "{}").execution.executionARN
        _ = try await polling.value
        let id = try await first.engine.run(parent).run.id
        let updates = await first.engine.updates(of: parent)
        // The task is submitted once the child has been started.
        if try await !Self.isSubmitted(first.engine, parent) {
            for await _ in updates where try await Self.isSubmitted(first.engine, parent) { break }
        }
        await EngineTests.end(first)
        return (stage, id, "arn:aws:states:us-east-1:000000000000:execution:child:c")
    }

    private static func isSubmitted(_ engine: Engine, _ execution: String) async throws -> Bool {
        try await engine.history(execution, isReversed: false, limit: 100, after: nil)
            .events.contains { $0.type == "TaskSubmitted" }
    }

    @Test("an engine that takes over waits on for the child")
    func takeover() async throws {
        let (stage, parent, child) = try await waiting()
        let second = try await stage.engine("e2")
        let updates = await second.engine.updates(of: parent)
        try await second.engine.stopExecution(child, error: "E", cause: nil)
        for await update in updates where update.run.status != .running { break }
        #expect(try await second.engine.run(parent).run.status == .failed)
        await EngineTests.end(second)
    }

    @Test("a child whose starter ended is stopped, though an engine died before it could tell it")
    func orphan() async throws {
        let (stage, parent, child) = try await waiting()
        // What the engine that died had written last.
        _ = try await stage.query(
            """
            INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
            SELECT execution_id, max(seq) + 1, 'e1/999', max(at), $2 FROM showrunner.journal
             WHERE execution_id = $1 GROUP BY execution_id
            """, [.uuid(parent), .text(Effect.encode([.executionAborted(error: nil, cause: nil)]))])
        _ = try await stage.query(
            "UPDATE showrunner.execution_list SET status = 'ABORTED' WHERE execution_id = $1", [.uuid(parent)])
        let second = try await stage.engine("e2")
        let updates = await second.engine.updates(of: child)
        if try await second.engine.run(child).run.status == .running {
            for await update in updates where update.run.status != .running { break }
        }
        #expect(try await second.engine.run(child).run.status == .aborted)
        await EngineTests.end(second)
    }

    @Test("one that was redriven by itself goes on, whoever takes over")
    func redriven() async throws {
        let (stage, parent, child) = try await waiting()
        let second = try await stage.engine("e2")
        let updates = await second.engine.updates(of: parent)
        try await second.engine.stopExecution(child, error: "E", cause: nil)
        for await update in updates where update.run.status != .running { break }
        _ = try await second.engine.redrive(child, token: nil)
        await EngineTests.end(second)
        let third = try await stage.engine("e3")
        #expect(try await third.engine.complete(third.engine.take("w3"), 1))
        #expect(try await third.engine.run(child).run.status == .succeeded)
        await EngineTests.end(third)
    }
    @Test("a child whose starter is set aside goes on, and the starter hears of its end when it is released")
    func starterSetAside() async throws {
        let (stage, parent, child) = try await waiting()
        let bystander = Journal(url: stage.url, incarnation: "bystander", log: silent)
        for time in 0..<2 { try await bystander.countCrash(subject: parent, event: "e", incarnation: "i\(time)") }
        await bystander.close(deadline: .seconds(10))
        let second = try await stage.engine("e2")
        try await second.engine.releaseExecution(parent)
        let updates = await second.engine.updates(of: parent)
        try await second.engine.stopExecution(child, error: "E", cause: nil)
        #expect(try await second.engine.run(child).run.error == "E", "nobody else has stopped it")
        if try await second.engine.run(parent).run.status == .running {
            for await update in updates where update.run.status != .running { break }
        }
        #expect(try await second.engine.run(parent).run.status == .failed)
        await EngineTests.end(second)
    }

    @Test("a child that is loaded again, since its row was refused, tells whoever waits for it")
    func refusedRow() async throws {
        let (stage, parent, child) = try await waiting()
        let second = try await stage.engine("e2")
        while await second.engine.nestedWaitCount() == 0 { await Task.yield() }
        _ = try await stage.query(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '22000'; END $$
            """)
        _ = try await stage.query(
            "CREATE TRIGGER refusal BEFORE INSERT ON showrunner.journal FOR EACH ROW EXECUTE FUNCTION refuse()")
        let refusal = await #expect(throws: EngineError.self) {
            try await second.engine.stopExecution(child, error: "E", cause: nil)
        }
        #expect(refusal?.message.contains("not this one") == true)
        _ = try await stage.query("DROP TRIGGER refusal ON showrunner.journal")
        let updates = await second.engine.updates(of: parent)
        while try await second.engine.run(child).run.status == .running {
            do throws(EngineError) { try await second.engine.stopExecution(child, error: "E", cause: nil) } catch {
                #expect(error.message == "The execution is being loaded again.")
            }
        }
        if try await second.engine.run(parent).run.status == .running {
            for await update in updates where update.run.status != .running { break }
        }
        #expect(try await second.engine.run(parent).run.status == .failed)
        await EngineTests.end(second)
    }
}

extension Engine {
    /// Tasks that wait for the end of an execution here.
    fileprivate func nestedWaitCount() -> Int { runs.values.reduce(0) { $0 + $1.nestedWaits.count } }
}
