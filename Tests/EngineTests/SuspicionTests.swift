@testable import Engine
import JSON
import Journal
import StepContracts
import Testing
import WorkerProtocol

@Suite("What ends engines", .timeLimit(.minutes(3)))
struct SuspicionTests {
    /// What an engine that ended has left.
    final class Note: DecisionNote, @unchecked Sendable {
        private var left: (subject: String, event: String, incarnation: String)?
        private(set) var isCleared = false

        init(_ subject: String, incarnation: String) { left = (subject, "taskSucceeded", incarnation) }

        func found() -> (subject: String, event: String, incarnation: String)? { left }
        func clear() { (left, isCleared) = (nil, true) }
        func begin(subject: String, event: String, execution: String) {}
        func end() {}
    }

    @Test("two engines that ended with an execution: it is set aside, shown, and taken up again when released")
    func quarantine() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let bad = try await first.engine.start(machine: "m", name: "bad", input: "{}").execution.executionARN
        let good = try await first.engine.start(machine: "m", name: "good", input: "{}").execution.executionARN
        let id = try await first.engine.run(bad).run.id
        await end(first)
        let second = try await stage.engine("e2", decisionNote: Note(id, incarnation: "e1"))
        #expect(try await second.engine.run(bad).run.quarantine == nil, "once is no row")
        let offer = try await second.engine.take()
        #expect(offer.execution == id)
        await end(second)
        // The same end told twice counts once.
        for _ in 0..<2 { try await second.journal.countCrash(subject: "x", event: "e", incarnation: "i") }
        let note = Note(id, incarnation: "e2")
        let third = try await stage.engine("e3", decisionNote: note)
        #expect(note.isCleared)
        #expect(
            try await stage.query("SELECT crashes FROM showrunner.suspect WHERE subject = 'x'")[0].int("crashes") == 1)
        let engine = third.engine
        let view = try await engine.run(bad)
        #expect(view.run.status == .running && view.run.quarantine?.contains("2 engines ended") == true)
        #expect(try await engine.listRuns(RunQuery()).items.contains { $0.id == id && $0.quarantine != nil })
        #expect(try await engine.waits(of: bad).map(\.code) == [.quarantined])
        // Nothing reaches it; its worker keeps the attempt and comes again.
        #expect(try await engine.heartbeat(offer.token) == .ok)
        let early = await #expect(throws: EngineError.self) { try await engine.complete(offer) }
        #expect(early?.code == .unavailable && early?.message.contains("2 engines ended") == true)
        // Everything else goes on.
        let other = try await engine.take()
        #expect(other.executionArn == good)
        #expect(try await engine.complete(other))
        #expect(try await engine.run(good).run.status == .succeeded)
        try await engine.releaseExecution(bad)
        #expect(try await engine.complete(offer))
        #expect(try await engine.run(bad).run.status == .succeeded)
        let refusal = await #expect(throws: EngineError.self) { try await engine.releaseExecution(bad) }
        #expect(refusal?.code == .conflict)
        try await stage.checkInvariants(["e1", "e2", "e3"], memory: engine)
        await end(third)
    }

    @Test("what engines ended with as they read it is looked at by nobody, and released all the same")
    func unreadable() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let bad = try await first.engine.start(machine: "m", name: "bad", input: "{}").execution.executionARN
        let id = try await first.engine.run(bad).run.id
        for time in 0..<2 {
            try await first.journal.countCrash(subject: id, event: "load", incarnation: "i\(time)")
        }
        await end(first)
        let second = try await stage.engine("e2")
        let refusal = await #expect(throws: EngineError.self) { try await second.engine.run(bad) }
        #expect(refusal?.code == .conflict && refusal?.message.contains("2 engines ended") == true)
        try await second.engine.releaseExecution(bad)
        #expect(try await second.engine.complete(second.engine.take()))
        #expect(try await second.engine.run(bad).run.status == .succeeded)
        #expect(try await stage.query("SELECT 1 FROM showrunner.suspect").isEmpty)
        await end(second)
    }

    @Test("what is released while it can't be read goes on as soon as it can")
    func releasedUnread() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let run = try await first.engine.start(machine: "m", name: "one", input: "{}").execution.executionARN
        let id = try await first.engine.run(run).run.id
        for time in 0..<2 { try await first.journal.countCrash(subject: id, event: "e", incarnation: "i\(time)") }
        await end(first)
        let second = try await stage.engine("e2")
        _ = try await stage.query("ALTER TABLE showrunner.journal RENAME TO elsewhere")
        #expect(try await second.engine.releaseExecution(run) == nil)
        _ = try await stage.query("ALTER TABLE showrunner.elsewhere RENAME TO journal")
        #expect(try await second.engine.complete(second.engine.take()))
        #expect(try await second.engine.run(run).run.status == .succeeded)
        await end(second)
    }

    @Test("who answers a token of what is set aside is told to come again, and is heard when it is released")
    func answers() async throws {
        let stage = try await Stage()
        let asking = #"""
            {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work.waitForTaskToken",
              "Parameters":{"token.$":"$$.Task.Token"},"End":true}}}
            """#
        let first = try await stage.engine("e1", machines: ["m": asking])
        let run = try await first.engine.start(machine: "m", name: "one", input: "{}").execution.executionARN
        let id = try await first.engine.run(run).run.id
        let offer = try await first.engine.take()
        let token = try #require(offer.input["token"]?.stringValue)
        #expect(try await first.engine.complete(offer))
        for time in 0..<2 { try await first.journal.countCrash(subject: id, event: "e", incarnation: "i\(time)") }
        await end(first)
        let second = try await stage.engine("e2")
        let calls: [@Sendable () async throws -> Void] = [
            { try await second.engine.taskSucceeded(token: token, output: "{}") },
            { try await second.engine.taskFailed(token: token, error: nil, cause: nil) },
            { try await second.engine.taskHeartbeat(token: token) },
        ]
        for call in calls {
            let refusal = await #expect(throws: EngineError.self) { try await call() }
            #expect(refusal?.code == .unavailable && refusal?.message.contains("2 engines ended") == true)
        }
        try await second.engine.releaseExecution(run)
        try await second.engine.taskSucceeded(token: token, output: "1")
        #expect(try await second.engine.run(run).output == 1)
        await end(second)
    }

    @Test("what is set aside can be stopped, and a start that ended two engines is refused")
    func stopAndStart() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let bad = try await first.engine.start(machine: "m", name: "bad", input: "{}").execution.executionARN
        let id = try await first.engine.run(bad).run.id
        let hash = try await stage.query("SELECT hash FROM showrunner.definition")[0].text("hash")
        let input = try await stage.query("SELECT input_hash FROM showrunner.execution_name")[0].text("input_hash")
        for (number, subject) in [id, "start:\(hash):\(input)"].enumerated() {
            for time in 0..<2 {
                try await first.journal.countCrash(subject: subject, event: "e", incarnation: "i\(number)\(time)")
            }
        }
        await end(first)
        let second = try await stage.engine("e2")
        let refusal = await #expect(throws: EngineError.self) {
            try await second.engine.start(machine: "m", name: nil, input: "{}")
        }
        #expect(refusal?.code == .invalidInput && refusal?.message.contains("2 engines ended") == true)
        _ = try await second.engine.start(machine: "m", name: nil, input: #"{"another":1}"#)
        // Operators see what it is, and let it be tried again; by the next engine, too.
        let aside = try #require(try await second.engine.startsAside().first)
        #expect(aside.machines == ["m"] && aside.crashes == 2 && aside.event == "e")
        #expect(refusal?.message.contains(aside.id) == true)
        let unknown = await #expect(throws: EngineError.self) { try await second.engine.releaseStart("another") }
        #expect(unknown?.code == .notFound)
        try await second.engine.releaseStart(aside.id)
        #expect(try await second.engine.startsAside().isEmpty)
        #expect(
            try await stage.query(
                "SELECT 1 FROM showrunner.suspect WHERE subject = $1", [.text("start:\(hash):\(input)")]
            )
            .isEmpty)
        _ = try await second.engine.start(machine: "m", name: "again", input: "{}")
        try await second.engine.stopExecution(bad, error: nil, cause: "poison")
        #expect(try await second.engine.run(bad).run.status == .aborted)
        #expect(try await stage.query("SELECT 1 FROM showrunner.suspect WHERE subject = $1", [.text(id)]).isEmpty)
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await end(second)
    }
}
