import Interpreter
import JSON
import StatesLanguage

/// One input of libFuzzer: the dice that a machine is written with and that choose what its execution is told. Whatever
/// that is, deciding traps nowhere; the effects through the journal's text and applied one by one give the execution that
/// deciding them gave; and the history counts its events as the execution does.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDecide(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = bytes.first else { return 0 }
    let half = count / 2
    var writer = RandomMachine(dice: Dice(seed: 1, given: Array(bytes[1..<max(half, 1)])), isJSONata: first % 2 == 1)
    guard let machine = Definition.read(json: writer.definition().text).machine else { return 0 }
    var talk = Talk(machine: machine, dice: Dice(seed: 2, given: Array(bytes[max(half, 1)...])))
    talk.tell(.start)
    for _ in 0..<60 where talk.execution.isOpen && talk.bytes < 100_000 {
        guard let event = talk.next() else { break }
        talk.tell(event)
    }
    talk.checkReplay()
    return 0
}

/// An execution that is told things.
private struct Talk {
    let start: ExecutionStart
    let machine: StateMachine
    var dice: Dice
    private(set) var execution: Execution
    private(set) var bytes = 0
    private var now: Instant = 1_800_000_000_000_000
    private var rows: [(at: Instant, text: String)] = []
    private var history = History()
    private var handOuts = 0

    init(machine: StateMachine, dice: Dice) {
        self.machine = machine
        self.dice = dice
        start = ExecutionStart(
            machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:fuzz", name: "one", definitionHash: "0",
            input: RandomMachine.input, seed: 7)
        execution = Execution(id: "id", start: start, definition: MachinePlan(machine), at: now)
    }

    mutating func tell(_ event: Event) {
        let decision = decide(
            execution, event, now: now, limits: .aws, digest: { _, bytes in String(bytes.count, radix: 16) })
        precondition(!decision.isStale || decision.effects.isEmpty, "what is stale changes nothing")
        let text = Effect.encode(decision.effects)
        var applied = execution
        for effect in decoded(text) { history.advance(&applied, by: effect, at: now) }
        precondition(applied == decision.execution, "applying the effects gives what deciding them gave")
        execution = decision.execution
        rows.append((at: now, text: text))
        bytes += text.utf8.count
    }

    /// Something to tell: of what the execution waits for, or nonsense.
    mutating func next() -> Event? {
        var events: [Event] = []
        if !execution.runnable.isEmpty { events.append(.proceed) }
        for entry in execution.openEntries.prefix(8) {
            guard case .task(let attempt) = entry.phase else { continue }
            if let started = attempt.started {
                events += [
                    .taskSucceeded(entry: entry.id, nonce: started.nonce, output: RandomMachine.input),
                    .taskSucceeded(entry: entry.id, nonce: started.nonce, output: [1, "x"]),
                    .taskFailed(entry: entry.id, nonce: started.nonce, error: "A", cause: ""),
                    .heartbeatMissed(entry: entry.id, nonce: started.nonce),
                    .taskSubmitted(entry: entry.id, nonce: started.nonce, output: nil),
                ]
            } else {
                handOuts += 1
                events += [
                    .handOut(entry: entry.id, worker: "w", incarnation: "i", nonce: "nonce-\(handOuts)"),
                    .attemptFailed(entry: entry.id, nonce: nil, stage: .schedule, error: "B", cause: "none"),
                ]
            }
            if let nonce = attempt.callbackNonce {
                events.append(.taskSucceeded(entry: entry.id, nonce: nonce, output: ["n": 2]))
            }
        }
        for child in execution.pendingChildren.prefix(2) {
            for outcome: Outcome in [.succeeded(output: child.input), .failed(error: "A", cause: nil)] {
                events.append(.childExecutionEnded(entry: child.entry, index: child.index, outcome: outcome))
            }
        }
        switch execution.pendingIO.first {
        case .readItems(let entry, _):
            events += [
                .itemsRead(entry: entry, items: [1, ["n": 2], nil]), .itemsRead(entry: entry, items: 5),
                .itemReadFailed(entry: entry, error: "States.ItemReaderFailed", cause: ""),
            ]
        case .writeResults(let entry, _):
            events += [
                .resultsWritten(entry: entry, output: [:]),
                .resultWriteFailed(entry: entry, error: "States.ResultWriterFailed", cause: ""),
            ]
        case nil: break
        }
        if let timer = execution.timers.min(by: { $0.at < $1.at }), events.isEmpty || dice.once(in: 3) {
            now = max(now, timer.at)
            return .timer(entry: timer.entry)
        }
        if dice.once(in: 16) { return .stop(error: nil, cause: "enough") }
        return events.isEmpty ? nil : dice.one(of: events)
    }

    /// The execution made anew from its rows is the same, and so is its count of events.
    func checkReplay() {
        var replayed = Execution(id: "id", start: start, definition: MachinePlan(machine), at: rows[0].at)
        for row in rows {
            for effect in decoded(row.text) { replayed.apply(effect, at: row.at) }
        }
        precondition(replayed == execution, "the journal replayed gives what is in memory")
        precondition(history.events.count == execution.eventCount, "the history has as many events as were counted")
        precondition(history.events.allSatisfy { $0.previousID < $0.id }, "an event follows an earlier one")
    }

    private func decoded(_ text: String) -> [Effect] {
        do throws(JournalFormatError) {
            return try Effect.decode(text)
        } catch {
            preconditionFailure("what was written can be read: \(error)")
        }
    }
}
