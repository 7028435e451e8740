import Interpreter
import Journal

/// Rows on their way to the journal.
struct Outbox {
    /// Not handed to it yet.
    var rows: [UnwrittenRow] = []
    /// Whoever adds some now hands them over.
    var isHeld = false
    /// Whose they are, until their outcome is known.
    var sent: [UInt64: (run: Run, batch: Batch)] = [:]
    /// When rows were made that go with a statement, by their executions, until their outcome is known.
    var attached: [String: Instant] = [:]
    private var count: UInt64 = 0

    /// When the oldest row was made whose outcome is not known; nil where none is on its way.
    var oldest: Instant? {
        [sent.values.lazy.map(\.batch.now).min(), attached.values.min()].compactMap(\.self).min()
    }

    mutating func add(_ row: JournalRow, of run: Run, _ batch: Batch) {
        count += 1
        rows.append(UnwrittenRow(number: count, row: row, effects: batch.effects))
        sent[count] = (run, batch)
    }
}

/// A row whose effects are not text yet.
struct UnwrittenRow: Sendable {
    let number: UInt64
    let row: JournalRow
    let effects: [Effect]

    /// As the journal takes it.
    var numbered: NumberedRow {
        var row = row
        row.effects = Effect.encode(effects)
        return NumberedRow(number: number, row: row)
    }
}

/// What goes into one row.
struct Batch {
    var execution: Execution
    var effects: [Effect] = []
    var accepted: [Pending] = []
    /// What came with them and fits nothing any more.
    var late: [Pending] = []
    var name: ExecutionName?
    var statement: AttachedStatement?
    var handedOut: [(entry: EntryID, nonce: String, poller: Poller)] = []
    /// Of the row's effects as text, once they are.
    var bytes = 0
    /// What the engine does itself once the row is in.
    var served: [(entry: EntryID, nonce: String, service: any ServiceTask)] = []
    let now: Instant

    init(execution: Execution, now: Instant) {
        self.execution = execution
        self.now = max(now, execution.at)
    }

    /// What follows from an event, by the rules and limits of the machine that runs.
    func decision(on event: Event) -> Decision {
        decide(execution, event, now: now, limits: execution.start.deployment.limits, digest: Engine.digest)
    }

    mutating func take(_ decision: Decision, of pending: Pending?) {
        execution = decision.execution
        // Most rows are of one decision.
        if effects.isEmpty { effects = decision.effects } else { effects += decision.effects }
        if let pending {
            accepted.append(pending)
            name = name ?? pending.name
            statement = statement ?? pending.statement
        }
    }

    /// Scopes whose task was scheduled in this row.
    var scheduledScopes: [ScopeID] {
        effects.compactMap { effect in
            if case .taskScheduled(let scope, _, _, _, _) = effect { scope } else { nil }
        }
    }

    /// Scopes whose entry may wait for something now that it did not wait for before.
    var touchedScopes: Set<ScopeID> {
        var scopes: Set<ScopeID> = []
        for effect in effects {
            switch effect {
            case .waitStarted(let scope, _), .taskScheduled(let scope, _, _, _, _), .taskStarted(let scope, _, _, _),
                .taskSubmitted(let scope, _), .retryScheduled(let scope, _, _), .itemReadRequested(let scope, _, _),
                .resultWriteRequested(let scope, _):
                scopes.insert(scope)
            default: break
            }
        }
        return scopes
    }

    /// Child executions that this row started or redrove.
    var startedChildren: [(scope: ScopeID, index: Int)] {
        effects.compactMap { effect in
            switch effect {
            case .childExecutionStarted(let scope, let index, _, _), .childExecutionRedriven(let scope, let index):
                (scope, index)
            default: nil
            }
        }
    }

    /// Whether this row opens an ended execution again.
    var redrives: Bool {
        effects.contains { effect in if case .executionRedriven = effect { true } else { false } }
    }

    /// ARNs of the Map Runs that this row starts.
    var mapRuns: [String] {
        effects.compactMap { effect in
            if case .mapRunStarted(_, let arn, _, _) = effect { arn } else { nil }
        }
    }

    /// Whether tasks that nobody has taken may be given up with this row.
    var mayAbandonTasks: Bool {
        effects.contains { effect in
            switch effect {
            case .childrenAborted, .executionFailed, .executionTimedOut, .executionAborted, .executionSucceeded: true
            default: false
            }
        }
    }

    /// Whether this row may have given up child executions that still run.
    var mayAbandonChildren: Bool {
        effects.contains { effect in
            switch effect {
            case .mapRunFailed, .mapRunSucceeded, .childrenAborted, .childFailed, .executionSucceeded, .executionFailed,
                .executionTimedOut, .executionAborted:
                true
            default: false
            }
        }
    }
}
