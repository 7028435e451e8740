import JSON
public import StatesLanguage

/// What ``decide(_:_:now:limits:digest:)`` says: effects to journal, and the execution they lead to.
public struct Decision: Sendable {
    public let effects: [Effect]
    /// The execution with the effects applied; the same as applying them one by one.
    public let execution: Execution
    /// The event fits nothing any more: an answer to an attempt that is over, an early timer, an ended execution.
    public let isStale: Bool
    /// More states can be evaluated at once: commit this, then send ``Event/proceed``.
    public let yields: Bool
}

/// At most this many states are evaluated in one decision, so that an endless loop of Pass states neither blocks other
/// executions nor makes rows without bound.
public let statesPerDecision = 100

/// At most this many child executions of Map Runs are started in one decision.
let childrenPerDecision = 1000

/// The rules of Amazon States Language: what follows from an event. Reads no clock, rolls no dice, invents no ids.
///
/// - Parameters:
///   - limits: how much data the execution may carry.
///   - digest: computes `States.Hash`; cryptography is no matter of a pure room.
public func decide(
    _ execution: Execution, _ event: Event, now: Instant, limits: DataLimits = .standard,
    digest: EvaluationScope.Digest? = nil
) -> Decision {
    var decider = Decider(execution: execution, now: max(now, execution.at), limits: limits, digest: digest)
    let isRedrive = if case .redrive = event { true } else { false }
    let fits = execution.isOpen != isRedrive && decider.take(event)
    if fits { decider.run() }
    return Decision(
        effects: decider.effects, execution: decider.execution, isStale: !fits,
        yields: decider.execution.isOpen && !decider.execution.runnable.isEmpty)
}

/// A decision in the making: every effect is applied as soon as it is decided, so that what follows sees it.
struct Decider {
    var execution: Execution
    let now: Instant
    let limits: DataLimits
    let digest: EvaluationScope.Digest?
    var effects: [Effect] = []
    /// Of payloads, about.
    var bytesWritten = 0
    /// Set while one state is tried alone (``testState(_:in:)``).
    var rehearsed: RehearsedContext?
    var childrenStarted = 0

    init(
        execution: Execution, now: Instant, limits: DataLimits = .standard, digest: EvaluationScope.Digest? = nil
    ) {
        self.execution = execution
        self.now = now
        self.limits = limits
        self.digest = digest
    }

    mutating func emit(_ effect: Effect) {
        if effects.isEmpty { effects.reserveCapacity(8) }
        execution.apply(effect, at: now)
        effects.append(effect)
    }

    /// Takes the event in; false when it fits nothing.
    mutating func take(_ event: Event) -> Bool {
        switch event {
        case .start:
            guard execution.nextEntry == 1 else { return false }
            emit(.executionStarted(execution.start))
            enter(scope: 0, state: execution.machine.startAt)
        case .proceed: return !execution.runnable.isEmpty
        case .handOut, .taskSubmitted, .taskSucceeded, .taskFailed, .attemptFailed, .heartbeatMissed, .workerLost,
            .taskReleased:
            return takeTask(event)
        case .itemsRead, .itemReadFailed, .resultsWritten, .resultWriteFailed, .childExecutionEnded, .mapRunUpdated:
            return takeMapRun(event)
        case .redrive(let count, let token): return redrive(count: count, token: token)
        case .timer(let id): return timer(id)
        case .stop(let error, let cause): emit(.executionAborted(error: error, cause: cause))
        }
        return true
    }

    /// Evaluates what can be evaluated, in order of entry.
    mutating func run() {
        var evaluated = 0
        while let scope = execution.runnable.first, evaluated < statesPerDecision, hasRoom {
            evaluated += 1
            evaluate(scope: scope)
        }
    }

    /// Whether the row that this decision becomes may grow further.
    var hasRoom: Bool { bytesWritten < decisionBytes / 2 && childrenStarted < childrenPerDecision }

    private mutating func takeTask(_ event: Event) -> Bool {
        switch event {
        case .handOut(let id, let worker, let incarnation, let nonce):
            guard let (scope, attempt) = attempt(of: id), attempt.started == nil else { return false }
            emit(.taskStarted(scope: scope, worker: worker, incarnation: incarnation, nonce: nonce))
        case .taskSubmitted(let id, let nonce, let output):
            guard let (scope, attempt) = attempt(of: id), attempt.started?.nonce == nonce, !attempt.isSubmitted
            else { return false }
            emit(.taskSubmitted(scope: scope, output: output))
        case .taskSucceeded(let id, let nonce, let output, let usage):
            guard let (scope, attempt) = attempt(of: id), attempt.accepts(nonce) else { return false }
            if let usage { emit(.attemptMeasured(scope: scope, usage: usage)) }
            succeed(scope, output: output)
        case .taskFailed(let id, let nonce, let error, let cause, let usage):
            guard let (scope, attempt) = attempt(of: id), attempt.accepts(nonce) else { return false }
            if let usage { emit(.attemptMeasured(scope: scope, usage: usage)) }
            emit(.taskFailed(scope: scope, error: error, cause: cause))
            handle(error: given(error), cause: given(cause), scope: scope)
        case .attemptFailed(let id, let nonce, let stage, let error, let cause):
            guard let (scope, attempt) = attempt(of: id), attempt.started?.nonce == nonce else { return false }
            emit(.attemptFailed(scope: scope, stage: stage, error: error, cause: cause))
            handle(error: given(error), cause: given(cause), scope: scope)
        case .heartbeatMissed(let id, let nonce):
            guard let (scope, attempt) = attempt(of: id), let started = attempt.started, attempt.accepts(nonce)
            else { return false }
            missHeartbeat(scope, started)
        case .workerLost(let id, let nonce, let error, let cause):
            guard let (scope, attempt) = attempt(of: id), let started = attempt.started, attempt.accepts(nonce)
            else { return false }
            emit(.workerLost(scope: scope, worker: started.worker))
            if let error {
                emit(.taskFailed(scope: scope, error: error, cause: cause))
                handle(error: given(error), cause: given(cause), scope: scope)
            } else {
                missHeartbeat(scope, started)
            }
        case .taskReleased(let id):
            guard let (scope, attempt) = attempt(of: id), attempt.started == nil,
                execution.entry(id)?.lostWorkers.isEmpty == false
            else { return false }
            emit(.taskReleased(scope: scope))
        default: preconditionFailure("\(event) tells a task nothing")
        }
        return true
    }

    private mutating func succeed(_ scope: ScopeID, output: JSON) {
        do throws(EvaluationError) {
            try chargeResult(output, in: scope)
        } catch {
            emit(.taskFailed(scope: scope, error: error.error, cause: error.cause))
            handle(error: error.error, cause: error.cause, scope: scope)
            return
        }
        emit(.taskSucceeded(scope: scope, output: output))
        finish(scope: scope, result: .result)
    }

    private mutating func missHeartbeat(_ scope: ScopeID, _ started: TaskAttempt.Started) {
        timeOut(
            scope, error: ErrorName.heartbeatTimeout,
            cause: "The worker '\(started.worker)' has not been heard of within the heartbeat period.")
    }

    /// A task's time is up. The reason is kept for people; what goes on through the machine is the error alone, as with
    /// AWS.
    private mutating func timeOut(_ scope: ScopeID, error: String, cause: String) {
        emit(.taskTimedOut(scope: scope, error: error, cause: cause))
        handle(error: error, cause: nil, scope: scope)
    }

    private func given(_ text: String) -> String? { text.isEmpty ? nil : text }

    private func attempt(of id: EntryID) -> (scope: ScopeID, attempt: TaskAttempt)? {
        guard let scope = execution.scopeOfEntry[id],
            case .task(let attempt) = execution.scopes.shared(scope)?.value.entry?.phase
        else { return nil }
        return (scope, attempt)
    }

    private mutating func timer(_ id: EntryID?) -> Bool {
        guard let id else {
            guard let deadline = execution.executionDeadline, deadline <= now else { return false }
            // AWS names no error and no cause when the whole execution runs out of time.
            emit(.executionTimedOut(error: "States.Timeout", cause: nil))
            return true
        }
        guard let scope = execution.scopeOfEntry[id], let entry = execution.entry(id), let wake = entry.wake,
            wake <= now
        else { return false }
        switch entry.phase {
        case .entered, .branching, .readingItems, .writingResults: return false
        case .waiting: leave(scope: scope)
        case .backingOff: emit(.retryStarted(scope: scope))
        case .task(let attempt):
            timeOut(
                scope, error: ErrorName.timeout,
                cause: "The task has not ended within TimeoutSeconds (\(attempt.timeoutSeconds ?? 0) s).")
        }
        return true
    }

    mutating func enter(scope: ScopeID, state: String) {
        emit(.stateEntered(scope: scope, entry: execution.nextEntry, state: state, input: .data))
    }

    /// What expressions of an entry see. `draw` tells apart the evaluations of one entry.
    func evaluationScope(_ scope: ScopeID, input: JSON, draw: Int, item: (index: Int, value: JSON)? = nil)
        -> EvaluationScope
    {
        guard let here = execution.scopes.shared(scope) else { preconditionFailure("scope \(scope) is not open") }
        let entry = here.value.entry?.id ?? 0
        return EvaluationScope(
            input: input, context: contextObject(in: scope, item: item), variables: here.value.variables,
            seed: execution.seed(for: entry, draw: draw), now: now, digest: digest)
    }

    private func contextObject(in scope: ScopeID, item: (index: Int, value: JSON)?) -> JSON {
        guard var context = rehearsed?.context else { return execution.contextObject(in: scope, item: item) }
        if let item { context["Map"] = ["Item": ["Index": .integer(item.index), "Value": item.value]] }
        return context
    }
}
