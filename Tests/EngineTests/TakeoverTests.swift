@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import PostgresTestSupport
import Testing
import WorkerProtocol

@Suite("Engines follow each other", .timeLimit(.minutes(3)))
struct TakeoverTests {
    @Test("a second engine stands by, and goes on where the first gave its lease back")
    func standby() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let started = try await first.engine.start(machine: "m", name: nil, input: "{}")
        let journal = Journal(url: stage.url, incarnation: "e2", log: silent)
        let second = Engine(journal: journal, log: silent, contracts: [work])
        let lease = try await journal.takeLease(holder: "e2", isStillHeldAfter: .seconds(10))
        guard case .held(let holder, _) = lease, holder.incarnation == "e1" else {
            Issue.record("the lease is \(lease)")
            return
        }
        let activation = Task { try await second.activate(holder: "e2", isDead: { _ in false }) }
        let refusal = await #expect(throws: EngineError.self) { try await second.poll(poll()) }
        #expect(refusal?.code == .unavailable)
        await first.engine.stop()
        await first.journal.close(deadline: .seconds(10))
        try await first.journal.releaseLease()
        try await activation.value
        try await stage.serve(second)
        #expect(try await second.complete(try await second.take()))
        #expect(try await second.run(started.execution.executionARN).run.status == .succeeded)
        try await stage.checkInvariants(["e1", "e2"], memory: second)
        await end((second, journal))
    }

    @Test("an engine that was taken for dead and lives on can change nothing")
    func zombie() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let started = try await first.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try await first.engine.take()
        let second = try await stage.engine("e2")
        for attempt in [
            { _ = try await first.engine.complete(offer, ["by": "zombie"]) },
            { _ = try await first.engine.start(machine: "m", name: nil, input: "{}") },
            { _ = try await first.engine.stop(started.execution.executionARN, error: nil, cause: nil) },
        ] as [@Sendable () async throws -> Void] {
            let refusal = await #expect(throws: EngineError.self) { try await attempt() }
            #expect(refusal?.code == .unavailable)
        }
        #expect(try await second.engine.complete(offer, ["by": "successor"]))
        #expect(try await second.engine.run(started.execution.executionARN).output == ["by": "successor"])
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await end(first, second)
    }

    /// Found by the simulation: an answer was refused as stale because of a stop that was decided with it, though the row of
    /// both never went in. The attempt was live, and its worker had dropped the result.
    @Test("an answer that comes too late for what was decided with it is told so once that is durable")
    func late() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        var tokens: [TaskToken] = []
        for name in ["one", "two"] {
            _ = try await first.engine.start(machine: "m", name: name, input: "{}")
            let offer = try await first.engine.take()
            tokens.append(try #require(TaskToken(offer.token)))
        }
        let told = await first.engine.submitTogether(
            [.stop(error: nil, cause: nil), tokens[0].success], to: tokens[0].execution)
        #expect(told.map { "\($0)" } == ["committed", "stale"])

        let second = try await stage.engine("e2")
        let refused = await first.engine.submitTogether(
            [.stop(error: nil, cause: nil), tokens[1].success], to: tokens[1].execution)
        for verdict in refused {
            guard case .refused = verdict else {
                Issue.record("\(verdict), and nothing of it is in the journal")
                continue
            }
        }
        #expect(refused.count == 2)
        #expect(try await second.engine.complete(CompleteRequest(token: tokens[1].text, output: [:])))
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await end(first, second)
    }

    @Test("an engine that wakes after another took over drives no worker from its task")
    func frozen() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        _ = try await first.engine.start(machine: "m", name: nil, input: "{}")
        let now = await first.engine.time
        await first.engine.noteLeaseRenewed(at: now)
        #expect(try await first.engine.heartbeat("00000000-0000-7000-8000-000000000000.1.x") == .gone)
        let second = try await stage.engine("e2")
        let offer = try await second.engine.take()
        // The first one was frozen for so long, and does not know what the second has handed out.
        await first.engine.noteLeaseRenewed(at: now - Int64(Engine.leaseValidity / .microseconds(1)))
        for attempt in [
            { _ = try await first.engine.heartbeat(offer.token) },
            { _ = try await first.engine.complete(CompleteRequest(token: offer.token.dropLast() + "!", output: 1)) },
            { try await first.engine.taskSucceeded(token: offer.token.dropLast() + "0", output: "1") },
        ] as [@Sendable () async throws -> Void] {
            let refusal = await #expect(throws: EngineError.self) { try await attempt() }
            #expect(refusal?.code == .unavailable)
        }
        #expect(await first.engine.staleAnswers == 0)
        #expect(try await second.engine.heartbeat(offer.token) == .ok)
        #expect(try await second.engine.complete(offer))
        await end(first, second)
    }

    @Test("after a crash: waiting tasks are ready, running ones keep their worker, ended ones stay ended")
    func crash() async throws {
        let stage = try await Stage()
        let machine = #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"R","States":{"R":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}},
              {"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}},
              {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"End":true}}}]}}}
            """#
        let first = try await stage.engine("e1", machines: ["m": machine])
        let started = try await first.engine.start(machine: "m", name: nil, input: "{}")
        let running = try await first.engine.take()
        await end(first)

        let second = try await stage.engine("e2")
        let updates = await second.engine.updates(of: started.execution.executionARN)
        #expect(try await second.engine.heartbeat(running.token) == .ok, "a full period from now")
        let ready = try await second.engine.take()
        #expect(ready.state != running.state)
        #expect(try await second.engine.complete(running, "old token"))
        #expect(try await second.engine.complete(ready, "new token"))
        for await _ in updates {}
        let detail = try await second.engine.run(started.execution.executionARN)
        #expect(detail.run.status == .succeeded)
        #expect(detail.output?[2] == [:], "the wait was over in time")
        #expect(Set([detail.output?[0], detail.output?[1]]) == ["old token", "new token"])
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)

        await end(second)
        let third = try await stage.engine("e3")
        #expect(try await third.engine.poll(poll(waitSeconds: 0)) == nil)
        #expect(try await third.engine.run(started.execution.executionARN).run == detail.run)
        await end(third)
    }

    @Test("a crash between two rows of a long row of states")
    func halfWay() async throws {
        let stage = try await Stage()
        let states = (0..<150).map { index in
            #""S\#(index)":{"Type":"Pass",\#(index == 149 ? #""End":true"# : #""Next":"S\#(index + 1)""#)}"#
        }
        let machine = #"{"StartAt":"S0","States":{\#(states.joined(separator: ","))}}"#
        let first = try await stage.engine("e1", machines: ["m": machine])
        let updates = await first.engine.updates(of: nil)
        let started = try await first.engine.start(machine: "m", name: nil, input: "{}")
        _ = try await EngineTests.first(in: updates) { $0.run.status == .succeeded }
        await end(first)
        // As it stood after the first row.
        _ = try await stage.query("DELETE FROM showrunner.journal WHERE seq > 0")
        _ = try await stage.query(
            "UPDATE showrunner.execution_list SET status = 'RUNNING', stopped_at = NULL, projected_seq = 0")
        let second = try await stage.engine("e2")
        let arn = started.execution.executionARN
        for await _ in await second.engine.updates(of: arn) {}
        #expect(try await second.engine.run(arn).run.status == .succeeded)
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await end(second)
    }
}

extension TaskToken {
    fileprivate var success: Event { .taskSucceeded(entry: entry, nonce: nonce, output: [:]) }
}

extension Engine {
    /// Sends events that are decided together; what each came to.
    fileprivate func submitTogether(_ events: [Event], to id: String) async -> [Verdict] {
        guard let run = runs[id] else { return [] }
        var verdicts: [Int: Verdict] = [:]
        return await withCheckedContinuation { continuation in
            for (place, event) in events.enumerated() {
                run.mailbox.append(
                    Pending(event: event) { verdict in
                        verdicts[place] = verdict
                        guard verdicts.count == events.count else { return }
                        continuation.resume(returning: verdicts.sorted { $0.key < $1.key }.map(\.value))
                    })
            }
            pump(run)
        }
    }
}
