@testable import Engine
import Interpreter
import JSON
import Testing
import WorkerProtocol

/// RedriveExecution on a real journal.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
@Suite("Redrive", .timeLimit(.minutes(3)))
struct RedriveTests {
    private func end(of run: String, on engine: Engine) async throws -> RunDetail {
        let updates = await engine.updates(of: run)
        let now = try await engine.run(run)
        if now.run.status != .running { return now }
        for await update in updates where update.run.status != .running { break }
        return try await engine.run(run)
    }

    private static let twoTasks = #"""
        {"StartAt":"A","States":{
          "A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","Next":"B"},
          "B":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}
        """#

    private static func mapRun(_ type: String = "STANDARD", _ fields: String = "") -> String {
        #"""
        {"StartAt":"Map","States":{"Map":{"Type":"Map","Label":"L",\#(fields)"End":true,
          "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"\#(type)"},"StartAt":"T",
            "States":{"T":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}}}}
        """#
    }

    /// Found by the simulation: what was read of an execution before another's redrive, which ended at once, was taken for
    /// how it stands; the next row was written a second time, and the caller told that another engine owns the execution.
    @Test("a redrive that has read too early reads again", arguments: [1, 2])
    func overtaken(read: Int) async throws {
        let stage = try await Stage()
        let answer = HeldAnswer(to: "FROM showrunner.journal")
        let journal = answer.journal(url: stage.url, incarnation: "e1")
        let engine = Engine(journal: journal, log: silent, contracts: [work])
        try await engine.activate(holder: "e1", isDead: { _ in true })
        try await stage.serve(engine, ["m": #"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}"#])
        let arn = try await engine.start(machine: "m", name: "one", input: "{}").execution.executionARN
        _ = try await end(of: arn, on: engine)

        await answer.hold(read)
        let early = Task { try await engine.redrive(arn, token: nil) }
        await answer.waitUntilHeld()
        _ = try await engine.redrive(arn, token: nil)
        _ = try await end(of: arn, on: engine)
        await answer.release()
        _ = try await early.value
        #expect(try await engine.run(arn).run.redriveCount == 2)
        await EngineTests.end((engine, journal))
    }

    @Test("a failed execution goes on at its failed state, and an engine that takes over knows of it")
    func standard() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": Self.twoTasks])
        let started = try await first.engine.start(machine: "m", name: "one", input: "{}").execution
        #expect(try await first.engine.complete(first.engine.take(), ["a": 1]))
        #expect(try await first.engine.fail(first.engine.take(), "Broken"))
        let failed = try await end(of: started.executionARN, on: first.engine)
        #expect(failed.run.status == .failed && failed.run.redriveRefusal == nil && failed.run.redriveCount == 0)
        #expect(try await first.engine.listRuns(RunQuery(status: .failed)).items.count == 1)

        let at = try await first.engine.redrive(started.executionARN, token: "t")
        #expect(
            try await first.engine.redrive(started.executionARN, token: "t") == at, "the same token, the same redrive")
        let running = try await first.engine.run(started.executionARN)
        #expect(running.run.status == .running && running.run.redriveCount == 1 && running.run.error == nil)
        #expect(running.run.redriveDateMicroseconds == at && running.run.stopDateMicroseconds == nil)
        #expect(running.states.map(\.name) == ["A", "B"], "no state is entered twice")
        #expect(try await first.engine.listRuns(RunQuery(status: .failed)).items.isEmpty)
        #expect(try await first.engine.listRuns(RunQuery(status: .running)).items.first?.redriveCount == 1)
        await EngineTests.end(first)

        let second = try await stage.engine("e2")
        let offer = try await second.engine.take()
        #expect(offer.input["a"] == 1, "the input of the failed state is what the one before gave")
        #expect(try await second.engine.complete(offer, ["b": 2]))
        let done = try await end(of: started.executionARN, on: second.engine)
        #expect(done.run.status == .succeeded && done.output == ["b": 2])
        #expect(done.states.map(\.status) == [.succeeded, .succeeded])
        #expect(try await second.engine.redrive(started.executionARN, token: "t") == at, "also after a restart")
        await #expect {
            try await second.engine.redrive(started.executionARN, token: "u")
        } throws: { error in
            (error as? EngineError)
                == EngineError(code: .notRedrivable, message: "Execution is SUCCEEDED and cannot be redriven")
        }
        await EngineTests.end(second)
    }

    @Test("what runs, is a child, or whose machine goes is refused; what is unknown is not found")
    func refusals() async throws {
        let stage = try await Stage()
        let running = try await stage.engine("e1", machines: ["m": Self.twoTasks, "p": Self.mapRun()])
        let engine = running.engine
        func refusal(_ id: String) async -> EngineError? {
            do {
                _ = try await engine.redrive(id, token: nil)
                return nil
            } catch { return error }
        }
        let open = try await engine.start(machine: "m", name: "open", input: "{}").execution.executionARN
        #expect(await refusal(open)?.message == "Execution is RUNNING and cannot be redriven")
        try await engine.stopExecution(open, error: nil, cause: nil)
        let parent = try await engine.start(machine: "p", name: "p", input: "[1]").execution.executionARN
        let run = try await engine.mapRuns(of: parent)[0]
        #expect(try await engine.fail(engine.take(), "Broken"))
        _ = try await end(of: parent, on: engine)
        let child = try await engine.listRuns(RunQuery(mapRun: run.arn)).items[0]
        #expect(child.redriveRefusal == nil)
        #expect(await refusal(child.executionARN)?.code == .notRedrivable)
        #expect(await refusal("arn:aws:states:us-east-1:000000000000:execution:m:none")?.code == .notFound)
        #expect(await refusal("arn:aws:states:us-east-1:000000000000:stateMachine:m")?.code == .invalidARN)
        try await engine.deleteMachine("arn:aws:states:us-east-1:000000000000:stateMachine:m")
        #expect(await refusal(open)?.code == .notRedrivable)
        await EngineTests.end(running)
    }

    @Test("a Map Run goes on with the children that did not succeed, twice", arguments: ["STANDARD", "EXPRESS"])
    func mapRun(_ type: String) async throws {
        let stage = try await Stage()
        let only = try await stage.engine("e1", machines: ["m": Self.mapRun(type, #""MaxConcurrency":1,"#)])
        let engine = only.engine
        let parent = try await engine.start(machine: "m", name: "one", input: "[10,11,12]").execution.executionARN
        #expect(try await engine.complete(engine.take(), 10))
        #expect(try await engine.fail(engine.take(), "Broken"))
        #expect(try await end(of: parent, on: engine).run.status == .failed)
        let failed = try await engine.mapRuns(of: parent)[0]
        #expect(failed.status == .failed && failed.stopDateMicroseconds != nil)
        #expect(failed.items.succeeded == 1 && failed.items.failed == 1 && failed.items.pending == 1)
        #expect(failed.items.total == 3 && failed.executions.failed == 1)

        for count in 1...2 {
            _ = try await engine.redrive(parent, token: nil)
            let run = try await engine.mapRun(failed.arn)
            #expect(run.status == .running && run.redriveCount == count && run.stopDateMicroseconds == nil)
            #expect(run.items.running == 1 && run.items.failed == 0, "one at a time, the failed one first")
            let offer = try await engine.take()
            #expect(offer.input == 11)
            if count == 1 {
                #expect(try await engine.fail(offer, "Broken again"))
                #expect(try await end(of: parent, on: engine).run.error == "States.ExceedToleratedFailureThreshold")
            } else {
                #expect(try await engine.complete(offer, 11))
            }
        }
        #expect(try await engine.complete(engine.take(), 12))
        let done = try await end(of: parent, on: engine)
        #expect(done.output == [10, 11, 12])
        let run = try await engine.mapRun(failed.arn)
        #expect(run.status == .succeeded && run.items.succeeded == 3 && run.executions.total == 3)
        let children = try await engine.listRuns(RunQuery(mapRun: run.arn)).items
        if type == "STANDARD" {
            #expect(children.map(\.redriveCount).sorted() == [0, 0, 2])
            #expect(try await engine.listRuns(RunQuery(mapRun: run.arn, isRedriven: true)).items.count == 1)
        } else {
            #expect(children.count == 5, "an EXPRESS child is started anew")
            #expect(children.filter { $0.status == .failed }.count == 2)
        }
        await EngineTests.end(only)
    }

    @Test("children given up are redriven with the Map Run; those that wait for it are listed so")
    func abandonedChildren() async throws {
        let stage = try await Stage()
        let first = try await stage.engine(
            "e1", machines: ["m": Self.mapRun("STANDARD", #""MaxConcurrency":3,"#)])
        let parent = try await first.engine.start(machine: "m", name: "one", input: "[1,2,3]").execution.executionARN
        let offers = [
            try await first.engine.take(), try await first.engine.take("w2"), try await first.engine.take("w3"),
        ]
        #expect(Set(offers.compactMap(\.input.integerValue)) == [1, 2, 3])
        try await first.engine.stopExecution(parent, error: "Enough", cause: nil)
        let aborted = try await first.engine.mapRuns(of: parent)[0]
        #expect(aborted.status == .aborted && aborted.executions.aborted == 3)
        _ = try await first.engine.redrive(parent, token: nil)
        // An answer to a task of before is stale.
        #expect(try await !first.engine.complete(offers[0], 0))
        try await first.engine.updateMapRun(
            aborted.arn, maxConcurrency: 1, toleratedFailureCount: 1, toleratedFailurePercentage: nil)
        let again = [
            try await first.engine.take(), try await first.engine.take("w2"), try await first.engine.take("w3"),
        ]
        #expect(try await first.engine.fail(again[0], "Broken"))
        await EngineTests.end(first)

        let second = try await stage.engine("e2")
        let run = try await second.engine.mapRun(aborted.arn)
        #expect(run.maxConcurrency == 1 && run.toleratedFailureCount == 1 && run.redriveCount == 1)
        try await second.engine.stopExecution(parent, error: nil, cause: nil)
        _ = try await second.engine.redrive(parent, token: nil)
        let pending = try await second.engine.listRuns(RunQuery(status: .pendingRedrive, mapRun: run.arn)).items
        #expect(pending.count == 2 && pending.allSatisfy { $0.status == .pendingRedrive }, "one runs at a time")
        #expect(try await second.engine.mapRun(aborted.arn).executions.pendingRedrive == 2)
        for _ in 0..<3 {
            let offer = try await second.engine.take()
            #expect(try await second.engine.complete(offer, offer.input))
        }
        #expect(try await end(of: parent, on: second.engine).output == [1, 2, 3])
        #expect(try await stage.query("SELECT count(*) AS count FROM showrunner.map_run").first?.int("count") == 1)
        await EngineTests.end(second)
    }

    @Test("an engine that dies between a parent's redrive and its child's does both")
    func crash() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": Self.mapRun()])
        let parent = try await first.engine.start(machine: "m", name: "one", input: "[1]").execution.executionARN
        #expect(try await first.engine.fail(first.engine.take(), "Broken"))
        _ = try await end(of: parent, on: first.engine)
        _ = try await first.engine.redrive(parent, token: nil)
        let id = try await first.engine.run(parent).run.id
        // Its task is there once the child has been redriven.
        _ = try await first.engine.take("w9")
        await EngineTests.end(first)
        // The child's rows from its redrive on were not written.
        let lost = try await stage.query(
            """
            DELETE FROM showrunner.journal WHERE execution_id <> $1
               AND seq >= (SELECT min(seq) FROM showrunner.journal AS other WHERE other.execution_id = journal.execution_id
                              AND effects LIKE '%executionRedriven%')
            RETURNING seq
            """, [.uuid(id)])
        #expect(lost.count > 0)
        _ = try await stage.query(
            "UPDATE showrunner.execution_list SET status = 'FAILED' WHERE execution_id <> $1", [.uuid(id)])
        let second = try await stage.engine("e2")
        #expect(try await second.engine.complete(second.engine.take(), "done"))
        #expect(try await end(of: parent, on: second.engine).output == ["done"])
        await EngineTests.end(second)
    }

    @Test("a Map state that is retried runs its children again")
    func retriedMap() async throws {
        let stage = try await Stage()
        let retry = #""Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"#
        let only = try await stage.engine("e1", machines: ["m": Self.mapRun("STANDARD", retry)])
        let engine = only.engine
        let parent = try await engine.start(machine: "m", name: "one", input: "[1]").execution.executionARN
        #expect(try await engine.fail(engine.take(), "Broken"))
        #expect(try await engine.complete(engine.take(), "done"))
        #expect(try await end(of: parent, on: engine).output == ["done"])
        #expect(try await engine.mapRuns(of: parent).map(\.status) == [.failed, .succeeded])
        await EngineTests.end(only)
    }
}
