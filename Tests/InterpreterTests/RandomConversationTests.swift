import Interpreter
import JSON
import OrderedCollections
import Synchronization
import Testing

/// Random machines told random things, sensible and not. What must hold is what ``Conversation`` checks after each
/// event, and that nothing traps; a failing seed is in the test's name.
@Suite("Random conversations")
struct RandomConversationTests {
    @Test("whatever is told, effects are the whole truth", arguments: 0..<seeds)
    func conversation(_ seed: Int) throws {
        var writer = RandomMachine(seed: UInt64(seed), isJSONata: seed % 2 == 1)
        let definition = writer.definition()
        let talk = try Conversation(definition.text, input: RandomMachine.input, seed: UInt64(seed))
        var dice = Dice(seed: UInt64(seed) &+ 1_000_003)
        var nonces: OrderedDictionary<EntryID, [String]> = [:]
        var kinds = Set(talk.tell(.start).map(RandomConversationTests.kind))
        defer { RandomConversationTests.note(kinds) }
        for round in 0..<120 {
            // Loops make data grow; what is large teaches nothing that is not seen in what is small.
            guard talk.rows.reduce(0, { $0 + $1.text.utf8.count }) < 100_000 else { break }
            let event: Event
            if talk.execution.isOpen {
                event = next(talk, &dice, &nonces)
            } else {
                guard talk.execution.canBeRedriven, !dice.once(in: 4) else { break }
                event = .redrive(count: talk.execution.redriveCount + 1, token: dice.once(in: 2) ? "t" : nil)
            }
            kinds.formUnion(talk.tell(event).map(RandomConversationTests.kind))
            check(talk.execution, "seed \(seed), round \(round), after \(event)")
            if round % 20 == 0 { #expect(try talk.replayed() == talk.execution, "seed \(seed), round \(round)") }
            if round % 10 == 0 || round < 10 {
                // What was read back is what goes on: everything that comes is decided from it.
                talk.goOn(from: try SnapshotTests.roundTrip(talk.execution, "seed \(seed), round \(round)"))
            }
        }
        #expect(try talk.replayed() == talk.execution, "seed \(seed)")
        let ids = talk.history.events.map(\.id)
        #expect(ids == Array(1..<(ids.count + 1)), "seed \(seed): history ids count up")
        #expect(
            talk.history.events.allSatisfy { $0.previousID < $0.id }, "seed \(seed): an event follows an earlier one")
        if !talk.execution.isOpen {
            let ends = talk.history.events.filter {
                $0.type.hasPrefix("Execution") && $0.type != "ExecutionStarted" && $0.type != "ExecutionRedriven"
            }
            #expect(
                ends.count == talk.execution.redriveCount + 1 && ends.last?.id == ids.last,
                "seed \(seed): it ends once a redrive, and last")
            for entry in 0..<8 {
                #expect(talk.refuses(.taskSucceeded(entry: entry, nonce: "nonce-1", output: nil)))
                #expect(talk.refuses(.timer(entry: entry)))
            }
        }
    }

    private static let seeds = 400
    private static let tally = Mutex((conversations: 0, kinds: Set<String>()))

    private static func kind(_ effect: Effect) -> String { String("\(effect)".prefix { $0 != "(" }) }

    /// Between them the conversations must have every effect there is; the last one says so.
    private static func note(_ kinds: Set<String>) {
        tally.withLock { tally in
            tally.conversations += 1
            tally.kinds.formUnion(kinds)
            guard tally.conversations == seeds else { return }
            let unreached = Set(EffectFormatTests.texts.map { kind($0.effect) }).subtracting(tally.kinds)
            // The first is of earlier releases; the others need what no machine here has.
            #expect(
                unreached == [
                    "mapStarted", "credentialsTaken", "mapRunPaused", "taskReleased", "attemptFailed", "taskSubmitted",
                ])
        }
    }

    /// Something to tell: mostly what moves the execution on, now and then nonsense.
    private func next(_ talk: Conversation, _ dice: inout Dice, _ nonces: inout OrderedDictionary<EntryID, [String]>)
        -> Event
    {
        if talk.yields, !dice.once(in: 4) { return .proceed }
        if let event = mapRunEvent(talk, &dice) { return event }
        let tasks = talk.execution.openEntries.filter { entry in
            if case .task = entry.phase { true } else { false }
        }
        let anyEntry = dice.roll(12)
        let anyNonce = dice.one(of: ["nonce-0"] + nonces.values.flatMap(\.self))
        let error = dice.one(of: RandomMachine.errors)
        switch dice.roll(20) {
        case 0: return .taskSucceeded(entry: anyEntry, nonce: anyNonce, output: [:])
        case 1: return .taskFailed(entry: anyEntry, nonce: anyNonce, error: error, cause: "")
        case 2: return .handOut(entry: anyEntry, worker: "w", incarnation: "i", nonce: anyNonce)
        case 3: return .heartbeatMissed(entry: anyEntry, nonce: anyNonce)
        case 4: return dice.one(of: [.start, .proceed, .timer(entry: nil), .timer(entry: anyEntry)])
        case 5: if dice.once(in: 10) { return .stop(error: nil, cause: "enough") }
        case 6...8:
            if let timer = talk.execution.timers.min(by: { $0.at < $1.at }) {
                talk.wait(seconds: max(0, Double(timer.at - talk.now) / 1_000_000))
                return .timer(entry: timer.entry)
            }
        default: break
        }
        guard !tasks.isEmpty else {
            guard let timer = talk.execution.timers.min(by: { $0.at < $1.at }) else { return .proceed }
            talk.wait(seconds: max(0, Double(timer.at - talk.now) / 1_000_000))
            return .timer(entry: timer.entry)
        }
        let entry = dice.one(of: tasks)
        guard case .task(let attempt) = entry.phase, let started = attempt.started else {
            let nonce = "nonce-\(nonces.values.reduce(1) { $0 + $1.count })"
            nonces[entry.id, default: []].append(nonce)
            return .handOut(entry: entry.id, worker: "w", incarnation: "i", nonce: nonce)
        }
        switch dice.roll(5) {
        case 0: return .taskFailed(entry: entry.id, nonce: started.nonce, error: error, cause: "a {} \u{0}")
        case 1:
            if dice.once(in: 2) { return .heartbeatMissed(entry: entry.id, nonce: started.nonce) }
            return .workerLost(
                entry: entry.id, nonce: started.nonce, error: dice.once(in: 2) ? nil : error, cause: "gone")
        default:
            let output = dice.one(of: [
                RandomMachine.input, ["n": 1.0, "items": []], nil, [1, 2], "text", ["s": -1, "t": "never"],
                ["s": .integer(Int64.max), "n": 0],
            ])
            let usage = AttemptUsage(
                cpuMilliseconds: dice.roll(5), wallMilliseconds: 2, peakMemoryBytes: 3, isSaved: dice.once(in: 2))
            return .taskSucceeded(
                entry: entry.id, nonce: started.nonce, output: output, usage: dice.once(in: 2) ? usage : nil)
        }
    }

    /// What a Map Run waits for, now and then.
    private func mapRunEvent(_ talk: Conversation, _ dice: inout Dice) -> Event? {
        guard dice.once(in: 2) else { return nil }
        if let child = talk.execution.pendingChildren.first {
            let outcome: Outcome = dice.one(of: [
                .succeeded(output: child.input), .succeeded(output: [1, 2]), .succeeded(output: nil),
                .succeeded(output: ["n": 1]), .succeeded(output: "text"), .failed(error: "A", cause: nil),
                .timedOut(error: nil, cause: nil), .aborted(error: nil, cause: "stopped"),
            ])
            if dice.once(in: 8) {
                return .mapRunUpdated(
                    entry: child.entry, maxConcurrency: dice.roll(3), toleratedCount: dice.once(in: 2) ? 1 : nil,
                    toleratedPercentage: dice.once(in: 2) ? 50 : nil)
            }
            return .childExecutionEnded(
                entry: child.entry, index: child.index, outcome: outcome, redrives: child.redrives)
        }
        switch talk.execution.pendingIO.first {
        case .readItems(let entry, _):
            return dice.once(in: 4)
                ? .itemReadFailed(entry: entry, error: "States.ItemReaderFailed", cause: "gone")
                : .itemsRead(entry: entry, items: dice.one(of: [[], [1, ["n": 2]], ["no": "array"]]))
        case .writeResults(let entry, _):
            return dice.once(in: 4)
                ? .resultWriteFailed(entry: entry, error: "States.ResultWriterFailed", cause: "full")
                : .resultsWritten(entry: entry, output: ["MapRunArn": "arn"])
        case nil: return nil
        }
    }

    /// What an execution may never look like.
    private func check(_ execution: Execution, _ place: @autoclosure () -> String) {
        let entries = execution.openEntries
        #expect(entries.allSatisfy { execution.scopeOfEntry[$0.id] != nil }, "\(place())")
        #expect(execution.scopeOfEntry.count == entries.count, "\(place()): an entry that ended is still on the map")
        var children = 0
        for entry in entries {
            children += entry.children.count
            #expect(entry.children.allSatisfy { execution.scopes[$0]?.entry != nil }, "\(place()): an idle child")
            if case .branching = entry.phase {
                let waits = !entry.children.isEmpty || entry.branches?.mapRun?.running.isEmpty == false
                #expect(waits, "\(place()): waits for no child")
            }
        }
        #expect(execution.scopes.count == (execution.isOpen ? children + 1 : 0), "\(place()): a scope is left behind")
        for scope in execution.runnable {
            #expect(execution.scopes[scope]?.entry?.phase == .entered, "\(place())")
        }
    }
}
