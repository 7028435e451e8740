@testable import Engine
import Journal
import Testing

/// What is set aside, and who looks at it while it is taken up again or stopped.
@Suite("Set aside, and taken up again", .timeLimit(.minutes(2)))
struct SetAsideTests {
    /// A day's wait, or a task.
    private static let choosing = #"""
        {"StartAt":"C","States":{
          "C":{"Type":"Choice","Choices":[{"Variable":"$.waits","IsPresent":true,"Next":"W"}],"Default":"A"},
          "W":{"Type":"Wait","Seconds":86400,"End":true},
          "A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}
        """#
    private static let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m"

    /// An engine has executions of the machine `m`, of which those that wait are cold, and engines end with the first.
    ///
    /// - Returns: the executions' ARNs and ids.
    private func leave(_ stage: Stage, _ inputs: [String]) async throws -> [(arn: String, id: String)] {
        var limits = Engine.Limits()
        limits.idleTime = .zero
        let one = try await stage.engine("e1", machines: ["m": Self.choosing], limits: limits)
        var executions: [(arn: String, id: String)] = []
        for input in inputs {
            let arn = try await one.engine.start(machine: "m", name: nil, input: input).execution.executionARN
            executions.append((arn, try await one.engine.run(arn).run.id))
        }
        let waiting = inputs.count { $0.contains("waits") }
        while await one.engine.coldCount < waiting { await Task.yield() }
        for time in 0..<2 {
            try await one.journal.countCrash(subject: executions[0].id, event: "e", incarnation: "i\(time)")
        }
        await end(one)
        return executions
    }

    /// An engine that takes over, and waits for an answer of the database when it is to.
    private func takeOver(
        _ stage: Stage, _ answer: HeldAnswer
    ) async throws -> (engine: Engine, journal: Journal) {
        let journal = answer.journal(url: stage.url, incarnation: "e2")
        let engine = Engine(journal: journal, log: silent, contracts: [work])
        try await engine.activate(holder: "e2", isDead: { _ in true })
        try await stage.serve(engine)
        return (engine, journal)
    }

    @Test("who looks at it while it is taken up again does not take it up, and another's machine keeps its cold ones")
    func lookedAtMeanwhile() async throws {
        let stage = try await Stage()
        let bad = try await leave(stage, ["{}", #"{"waits":1}"#])[0]
        let answer = HeldAnswer(to: "FROM showrunner.journal")
        let two = try await takeOver(stage, answer)
        #expect(await two.engine.coldCount == 1)
        await answer.hold(1)
        let release = Task { try await two.engine.releaseExecution(bad.id) }
        await answer.waitUntilHeld()
        #expect(try await two.engine.run(bad.id).run.status == .running)
        #expect(await two.engine.coldCount == 1)
        await answer.release()
        #expect(try await release.value == bad.arn)
        #expect(await two.engine.coldCount == 1)
        #expect(try await two.engine.complete(two.engine.take()))
        await end(two)
    }

    enum Ending: CaseIterable { case released, stopped }

    @Test(
        "one that was cold is so no longer when it is released or stopped, and its machine can go",
        arguments: Ending.allCases)
    func cold(_ ending: Ending) async throws {
        let stage = try await Stage()
        let bad = try await leave(stage, [#"{"waits":1}"#, #"{"waits":2}"#])[0]
        let two = try await stage.engine("e2")
        #expect(await two.engine.coldCount == 2)
        switch ending {
        case .released: #expect(try await two.engine.releaseExecution(bad.id) == bad.arn)
        case .stopped: try await two.engine.stopExecution(bad.id, error: nil, cause: nil)
        }
        try #require(await two.engine.coldCount == 1)
        try await two.engine.deleteMachine(Self.machine)
        while try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list WHERE status = 'RUNNING'")[0]
            .int("n") > 0
        {}
        #expect(await two.engine.coldCount == 0)
        while try await !stage.query("SELECT 1 FROM showrunner.machine").isEmpty {}
        await end(two)
    }

    @Test(
        "a machine that is deleted stays as long as what is set aside of it, and goes with it",
        arguments: Ending.allCases)
    func machine(_ ending: Ending) async throws {
        let stage = try await Stage()
        let bad = try await leave(stage, ["{}"])[0]
        let two = try await stage.engine("e2")
        try await two.engine.deleteMachine(Self.machine)
        try #require(try await stage.machineStatus() == "DELETING")
        switch ending {
        case .released: try await two.engine.releaseExecution(bad.id)
        case .stopped: try await two.engine.stopExecution(bad.id, error: nil, cause: nil)
        }
        while try await stage.machineStatus() != nil {}
        #expect(try await two.engine.run(bad.id).run.status == .aborted)
        await end(two)
    }

    @Test(
        "of what can't be read a worker keeps the attempt, and is heard by an engine that can; so is whoever deletes its machine",
        arguments: [false, true])
    func unreadable(isDeleted: Bool) async throws {
        let stage = try await Stage()
        let one = try await stage.engine("e1", machines: ["m": oneTask()])
        let run = try await one.engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let offer = try await one.engine.take()
        await end(one)
        let first = try await stage.query("SELECT effects FROM showrunner.journal WHERE seq = 0")[0].text("effects")
        func write(_ effects: String) async throws {
            _ = try await stage.query("UPDATE showrunner.journal SET effects = $1 WHERE seq = 0", [.text(effects)])
        }
        // As a release after this one writes them.
        try await write(#"{"v":2,"effects":[]}"#)
        let two = try await stage.engine("e2")
        #expect(try await two.engine.heartbeat(offer.token) == .ok)
        let early = await #expect(throws: EngineError.self) { try await two.engine.complete(offer) }
        #expect(early?.code == .unavailable)
        let failed = await #expect(throws: EngineError.self) { try await two.engine.fail(offer, "E") }
        #expect(failed?.code == .unavailable)
        if isDeleted {
            try await two.engine.deleteMachine(Self.machine)
            #expect(try await stage.machineStatus() == "DELETING")
        }
        await end(two)
        try await write(first)
        let three = try await stage.engine("e3")
        if isDeleted {
            while try await stage.machineStatus() != nil {}
        } else {
            #expect(try await three.engine.complete(offer))
        }
        #expect(try await three.engine.run(run).run.status == (isDeleted ? .aborted : .succeeded))
        await end(three)
    }

    @Test("one that has ended is released before it is redriven, and was never among the cold ones")
    func ended() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.idleTime = .zero
        let one = try await stage.engine("e1", machines: ["m": Self.choosing], limits: limits)
        _ = try await one.engine.startExecution(machine: "m", name: nil, input: #"{"waits":1}"#)
        while await one.engine.coldCount < 1 { await Task.yield() }
        let bad = try await one.engine.startExecution(machine: "m", name: nil, input: "{}").executionARN
        let offer = try await one.engine.take()
        #expect(try await one.engine.fail(offer, "E"))
        for time in 0..<2 {
            try await one.journal.countCrash(subject: offer.execution, event: "redrive", incarnation: "i\(time)")
        }
        await end(one)
        let two = try await stage.engine("e2")
        let refusal = await #expect(throws: EngineError.self) {
            try await two.engine.redriveExecution(bad)
        }
        #expect(refusal?.code == .notRedrivable && refusal?.message.contains("2 engines ended") == true)
        #expect(try await two.engine.run(bad).run.quarantine?.contains("2 engines ended") == true)
        #expect(try await two.engine.listRuns(RunQuery()).items.count { $0.quarantine != nil } == 1)
        try await two.engine.releaseExecution(bad)
        #expect(try await two.engine.run(bad).run.quarantine == nil)
        try await two.engine.redriveExecution(bad)
        #expect(await two.engine.coldCount == 1)
        #expect(try await two.engine.complete(two.engine.take()))
        await end(two)
    }

    @Test("what it had started is stopped with it, also where that is loaded meanwhile")
    func relatives() async throws {
        let stage = try await Stage()
        let asking = #"""
            {"StartAt":"S","States":{"S":{"Type":"Task","End":true,
              "Resource":"arn:aws:states:::states:startExecution.sync",
              "Parameters":{"StateMachineArn":"\#(Self.machine)","Input":{}}}}}
            """#
        let one = try await stage.engine("e1", machines: ["asking": asking, "m": oneTask()])
        let bad = try await one.engine.start(machine: "asking", name: nil, input: "{}").execution.executionARN
        let id = try await one.engine.run(bad).run.id
        let nested = try await one.engine.take().execution
        for time in 0..<2 { try await one.journal.countCrash(subject: id, event: "e", incarnation: "i\(time)") }
        await end(one)
        let answer = HeldAnswer(to: "DELETE FROM showrunner.suspect")
        let two = try await takeOver(stage, answer)
        #expect(await two.engine.executionsInMemory().map(\.execution.id) == [nested])
        await two.engine.throwAway(nested)
        await answer.hold(1)
        let stop = Task { try await two.engine.stopExecution(bad, error: nil, cause: nil) }
        await answer.waitUntilHeld()
        try await two.engine.loadAgain(nested)
        await answer.release()
        try await stop.value
        #expect(await two.engine.isBeingMoved(nested))
        await end(two)
    }
}

extension Engine {
    /// As when the journal refuses a row.
    fileprivate func throwAway(_ id: String) {
        if let run = runs[id] { forget(run) }
        reloading.insert(id)
    }

    fileprivate func loadAgain(_ id: String) async throws {
        try await recover(id)
        if let run = runs[id] { recoverChildren(of: run) }
        reloading.remove(id)
    }

    /// Whether a row of it is on its way, or it has ended.
    fileprivate func isBeingMoved(_ id: String) -> Bool { runs[id]?.isAppending ?? true }
}
