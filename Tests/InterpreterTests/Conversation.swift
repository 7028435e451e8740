import Interpreter
import JSON
import StatesLanguage
import Testing

/// A conversation with one execution, as the engine leads it: events go in, effects come out and are journaled.
///
/// Whatever a test says, each decision is held against the promises of the room: applying its effects one by one gives
/// what deciding them gave, the journal's text gives the effects back, and the whole journal replayed from its start
/// gives the execution that stands in memory.
final class Conversation {
    let machine: StateMachine
    let start: ExecutionStart
    private(set) var execution: Execution
    private(set) var rows: [(at: Instant, text: String)] = []
    private(set) var now: Instant
    private(set) var yields = false
    private(set) var history = History()
    private var handOuts = 0

    /// 2027-01-15T08:00:00Z.
    static let beginning: Instant = 1_800_000_000_000_000

    init(_ machine: StateMachine, input: JSON = [:], seed: UInt64 = 1) {
        self.machine = machine
        start = ExecutionStart(
            machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:test", name: "one",
            definitionHash: "0123abcd", input: input, seed: seed)
        now = Conversation.beginning
        execution = Execution(id: "id-1", start: start, machine: machine, at: now)
    }

    /// - Parameter definition: Amazon States Language as JSON text.
    convenience init(_ definition: String, input: JSON = [:], seed: UInt64 = 1) throws {
        self.init(try readMachine(definition), input: input, seed: seed)
    }

    /// Lets time pass.
    func wait(seconds: Double) { now += Instant((seconds * 1_000_000).rounded()) }

    /// Tells the execution something; the effects that follow, none when the event is stale.
    @discardableResult
    func tell(_ event: Event) -> [Effect] {
        let before = execution
        let decision = decide(before, event, now: now)
        if decision.isStale {
            #expect(decision.effects.isEmpty && decision.execution == before, "a stale event changes nothing")
            return []
        }
        yields = decision.yields
        let text = Effect.encode(decision.effects)
        #expect(throws: Never.self) {
            let decoded = try Effect.decode(text)
            #expect(decoded == decision.effects, "the journal's text gives the effects back")
        }
        var applied = before
        for effect in decision.effects {
            let former = applied
            applied.apply(effect, at: now)
            history.observe(effect, before: former, after: applied)
        }
        if !decision.effects.isEmpty {
            #expect(applied == decision.execution, "applying the effects of \(event) gives what deciding them gave")
            rows.append((at: decision.execution.at, text: text))
        }
        execution = decision.execution
        return decision.effects
    }

    /// Puts an equal execution, made otherwise, in the place of the one that is talked to.
    func goOn(from other: Execution) {
        #expect(other == execution)
        execution = other
    }

    /// Whether an event changes nothing because it fits nothing.
    func refuses(_ event: Event) -> Bool { decide(execution, event, now: now).isStale }

    /// The execution made anew from the journal.
    func replayed() throws -> Execution {
        var execution = Execution(
            id: execution.id, start: start, machine: machine, at: rows.first?.at ?? now)
        for row in rows {
            for effect in try Effect.decode(row.text) { execution.apply(effect, at: row.at) }
        }
        return execution
    }

    /// The only open entry in a state of that name.
    func entry(in state: String) throws -> EntryID {
        let entries = execution.openEntries.filter { $0.state == state }
        try #require(entries.count == 1, "\(entries.count) entries are in \(state)")
        return entries[0].id
    }

    /// Hands a task out and gives the nonce.
    @discardableResult
    func handOut(_ entry: EntryID, worker: String = "w") -> String {
        handOuts += 1
        let nonce = "nonce-\(handOuts)"
        tell(.handOut(entry: entry, worker: worker, incarnation: "i1", nonce: nonce))
        return nonce
    }

    /// Hands a state's task out and ends it well.
    @discardableResult
    func complete(_ state: String, _ output: JSON) throws -> [Effect] {
        let entry = try entry(in: state)
        return tell(.taskSucceeded(entry: entry, nonce: handOut(entry), output: output))
    }

    /// Hands a state's task out and lets it fail.
    @discardableResult
    func fail(_ state: String, _ error: String, _ cause: String = "because") throws -> [Effect] {
        let entry = try entry(in: state)
        return tell(.taskFailed(entry: entry, nonce: handOut(entry), error: error, cause: cause))
    }

    /// Lets time pass up to the earliest timer and rings it.
    @discardableResult
    func ring() throws -> [Effect] {
        let timer = try #require(execution.timers.min { $0.at < $1.at }, "no timer runs")
        now = max(now, timer.at)
        return tell(.timer(entry: timer.entry))
    }
}

/// A machine from Amazon States Language as JSON text.
func readMachine(_ definition: String) throws -> StateMachine {
    let reading = Definition.read(json: definition)
    return try #require(reading.machine, "\(reading.diagnostics)")
}

/// Effects as the tests of states meet them most.
extension Effect {
    static func entered(_ state: String, _ entry: EntryID, scope: ScopeID = 0) -> Effect {
        .stateEntered(scope: scope, entry: entry, state: state, input: .data)
    }

    static func exited(_ output: Payload, scope: ScopeID = 0) -> Effect { .stateExited(scope: scope, output: output) }

    static func scheduled(_ parameters: Payload = .input, scope: ScopeID = 0) -> Effect {
        .taskScheduled(
            scope: scope, resource: "arn:aws:states:::showrunner:work", parameters: parameters, timeoutSeconds: nil,
            heartbeatSeconds: nil)
    }

    static let ended = Effect.executionSucceeded(output: .data)
}

extension Execution {
    /// An execution of a whole definition, which no other shares.
    init(id: String, start: ExecutionStart, machine: StateMachine, at: Instant) {
        self.init(id: id, start: start, definition: MachinePlan(machine), at: at)
    }

    /// The same from a snapshot.
    init(
        id: String, snapshot: JSON, payloads: [JSON], start: ExecutionStart, machine: StateMachine
    ) throws(SnapshotError) {
        try self.init(
            id: id, snapshot: snapshot, payloads: payloads, start: start, definition: MachinePlan(machine))
    }
}
