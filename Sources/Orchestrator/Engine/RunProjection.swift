import Interpreter
import JSON
import OrderedCollections
import StatesLanguage

/// What operators see of an execution, kept up with its effects. Derived from the journal alone, so that it is the same
/// whether it was kept up or made anew from the rows.
struct RunProjection {
    private(set) var entries: OrderedDictionary<EntryID, StateEntryView> = [:]
    private(set) var mapRuns = MapRunProjection()
    /// The earliest entries, which were over, of an execution that has very many: they are in its history.
    private(set) var omitted = 0
    private(set) var usage = RunUsage()
    /// Entries that changed since ``takeChanges()`` or ``forgetChanges()``.
    private var changed: OrderedSet<EntryID> = []

    /// So many entries are kept; a quarter more before the earliest that are over are let go together.
    static let entryLimit = 10_000

    private mutating func omitEarliest() {
        guard entries.count > Self.entryLimit + Self.entryLimit / 4 else { return }
        var surplus = entries.count - Self.entryLimit
        let before = entries.count
        entries.removeAll { _, view in
            guard surplus > 0, view.exitedAtMicroseconds != nil else { return false }
            surplus -= 1
            return true
        }
        omitted += before - entries.count
    }

    /// Puts in what a snapshot had.
    mutating func take(
        entries: OrderedDictionary<EntryID, StateEntryView>, omitted: Int, mapRuns: MapRunProjection, usage: RunUsage
    ) {
        (self.entries, self.omitted, self.mapRuns, self.usage) = (entries, omitted, mapRuns, usage)
    }

    /// The half of an effect that is seen in the execution just before it: what it ends, at the instant it happens.
    mutating func observe(_ effect: Effect, before: Execution, at instant: Instant) {
        mapRuns.observe(effect, before: before, at: instant)
        switch effect {
        case .stateExited(let scope, let output):
            change(before.entryID(in: scope)) { view in
                view.status = .succeeded
                view.exitedAtMicroseconds = instant
                view.output = before.resolve(output, in: scope)
                view.nextAttemptAtMicroseconds = nil
                view.taskToken = nil
                view.error = nil
                view.cause = nil
            }
        case .errorCaught(let scope, let error, let cause, let output):
            change(before.entryID(in: scope)) { view in
                view.status = .caught
                view.exitedAtMicroseconds = instant
                view.error = error
                view.cause = cause
                view.output = before.resolve(output, in: scope)
                view.nextAttemptAtMicroseconds = nil
            }
        case .taskFailed(let scope, let error, let cause), .taskTimedOut(let scope, let error, let cause),
            .attemptFailed(let scope, _, let error, let cause), .mapRunFailed(let scope, let error, let cause):
            change(before.entryID(in: scope)) { view in
                view.error = error
                view.cause = cause
                view.taskToken = nil
            }
        case .childFailed(let scope, let index, let error, let cause):
            guard let child = before.entry(in: scope)?.branches?.running[index] else { return }
            close(before.entryID(in: child), as: .failed, error: error, cause: cause, at: instant)
        case .childrenAborted(let scope):
            for child in before.entry(in: scope)?.children ?? [] { abort(child, in: before, at: instant) }
        case .executionFailed(let error, let cause):
            for entry in before.openEntries {
                let isTop = before.scopeOfEntry[entry.id] == 0
                close(
                    entry.id, as: isTop ? .failed : .aborted, error: isTop ? error : nil, cause: isTop ? cause : nil,
                    at: instant)
            }
        case .attemptMeasured(let scope, let measured):
            guard let state = before.entry(in: scope)?.state else { return }
            usage.add(measured, of: state)
        case .executionTimedOut, .executionAborted:
            for entry in before.openEntries { close(entry.id, as: .aborted, error: nil, cause: nil, at: instant) }
        default: break
        }
    }

    /// The half of an effect that is seen in the execution just after it: what it begins or changes.
    mutating func observe(_ effect: Effect, after: Execution) {
        mapRuns.observe(effect, after: after)
        switch effect {
        // What the other half sees, and what operators see nothing of.
        case .stateExited, .errorCaught, .taskFailed, .taskTimedOut, .attemptFailed, .mapRunFailed, .childFailed,
            .childrenAborted, .executionFailed, .executionTimedOut, .executionAborted,
            .executionStarted, .taskSucceeded, .childSucceeded, .iterationStarted, .executionSucceeded,
            .variablesAssigned, .evaluationFailed, .credentialsTaken, .taskTokenIssued, .branchingFailed, .itemsRead,
            .itemReadRequested, .childExecutionStarted, .childExecutionEnded, .resultWriteRequested, .resultsWritten,
            .mapRunPaused, .mapRunSucceeded, .executionRedriven, .childExecutionRedriven, .mapRunUpdated,
            .workerLost, .taskReleased, .attemptMeasured:
            break
        case .stateEntered(let scope, let id, let name, _):
            guard let entry = after.entry(in: scope) else { return }
            entries[id] = StateEntryView(
                entry: id, name: name, type: after.state(of: entry).type, path: after.path(of: scope),
                status: .running, enteredAtMicroseconds: entry.enteredAt, input: entry.input)
            changed.append(id)
            omitEarliest()
        case .waitStarted(let scope, let until):
            change(after.entryID(in: scope)) { view in
                view.status = .waiting
                view.nextAttemptAtMicroseconds = until
            }
        case .taskScheduled(let scope, let resource, _, _, _):
            change(after.entryID(in: scope)) { view in
                view.status = .waiting
                view.resource = resource
                if case .task(let attempt) = after.entry(in: scope)?.phase, let nonce = attempt.callbackNonce {
                    view.taskToken = after.taskToken(of: view.entry, nonce: nonce)
                }
            }
        case .taskStarted(let scope, let worker, _, _):
            change(after.entryID(in: scope)) { view in
                view.status = .running
                view.worker = worker
                view.attempts += 1
            }
        case .taskSubmitted(let scope, _):
            change(after.entryID(in: scope)) { $0.status = $0.taskToken == nil ? .running : .waiting }
        case .retryScheduled(let scope, _, let until):
            change(after.entryID(in: scope)) { view in
                view.status = .retrying
                view.nextAttemptAtMicroseconds = until
            }
        case .retryStarted(let scope), .parallelStarted(let scope, _, _), .mapStarted(let scope, _, _, _),
            .mapStateStarted(let scope, _, _, _), .mapRunStarted(let scope, _, _, _):
            change(after.entryID(in: scope)) { view in
                view.status = .running
                view.nextAttemptAtMicroseconds = nil
            }
        case .stateRedriven(let scope), .branchesRedriven(let scope), .mapRunRedriven(let scope):
            change(after.entryID(in: scope)) { view in
                view.status = .running
                view.exitedAtMicroseconds = nil
                view.nextAttemptAtMicroseconds = nil
                view.error = nil
                view.cause = nil
            }
        // What it is in now is told by what is redriven there.
        case .childRedriven: break
        }
    }

    /// The entries that changed since the last call of this or ``forgetChanges()``.
    mutating func takeChanges() -> [StateEntryView] {
        defer { forgetChanges() }
        return changed.compactMap { entries[$0] }
    }

    /// For when nobody wants to know.
    mutating func forgetChanges() { changed.removeAll(keepingCapacity: true) }

    private mutating func change(_ id: EntryID?, _ body: (inout StateEntryView) -> Void) {
        guard let id, let place = entries.index(forKey: id) else { return }
        body(&entries.values[place])
        changed.append(id)
    }

    private mutating func abort(_ scope: ScopeID, in execution: Execution, at instant: Instant) {
        guard let entry = execution.entry(in: scope) else { return }
        for child in entry.children { abort(child, in: execution, at: instant) }
        close(entry.id, as: .aborted, error: nil, cause: nil, at: instant)
    }

    private mutating func close(
        _ id: EntryID?, as status: StateEntryView.Status, error: String?, cause: String?, at instant: Instant
    ) {
        change(id) { view in
            view.status = status
            view.exitedAtMicroseconds = instant
            view.error = error ?? view.error
            view.cause = cause ?? view.cause
            view.nextAttemptAtMicroseconds = nil
            view.taskToken = nil
        }
    }
}
