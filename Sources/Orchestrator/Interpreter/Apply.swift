import JSON
import StatesLanguage

extension Execution {
    /// Moves data as an effect says; evaluates nothing, so that what has happened stays as it happened.
    ///
    /// An effect that does not fit the execution is a fault of the journal or of ours, and traps: going on would
    /// spread it.
    public mutating func apply(_ effect: Effect, at instant: Instant) {
        at = max(at, instant)
        switch effect {
        case .executionStarted(let start):
            precondition(start == self.start, "an execution starts once")
            // The first state follows no event.
            eventCount += 1
        case .stateEntered(let scope, let entry, let state, let input):
            enter(scope, entry: entry, state: state, input: input)
        case .stateExited(let scope, let output): exit(scope, output: output)
        case .waitStarted(let scope, let until): settle(scope, .waiting(until: until))
        case .taskScheduled, .taskStarted, .taskSubmitted, .taskSucceeded, .taskFailed, .taskTimedOut, .attemptFailed,
            .credentialsTaken, .taskTokenIssued:
            applyToTask(effect)
        case .retryScheduled(let scope, let retrier, let until):
            removeFromIndexes(scope)
            scopes.change(scope) { scope in
                scope.entry?.retries[retrier, default: 0] += 1
                scope.entry?.branches = nil
            }
            settle(scope, .backingOff(until: until))
        case .retryStarted(let scope):
            let turn = runnable.append(scope)
            scopes.change(scope) { scope in
                scope.entry?.phase = .entered
                scope.entry?.turn = turn
            }
        case .parallelStarted, .mapStarted, .mapStateStarted, .iterationStarted, .childSucceeded, .childFailed,
            .childrenAborted:
            applyToChildren(effect)
        case .mapRunStarted, .itemReadRequested, .itemsRead, .childExecutionStarted, .mapRunPaused,
            .childExecutionEnded, .resultWriteRequested, .resultsWritten, .mapRunSucceeded, .mapRunFailed,
            .childExecutionRedriven, .mapRunUpdated:
            applyToMapRun(effect)
        case .executionRedriven, .stateRedriven, .branchesRedriven, .childRedriven, .mapRunRedriven:
            applyRedrive(effect)
        case .errorCaught(let scope, _, _, let output):
            let output = resolve(output, in: scope)
            recordEvent(in: scope)
            leave(scope, with: output)
        case .variablesAssigned(let scope, let variables):
            let values = variables.map { (name: $0.key, value: resolve($0.value, in: scope)) }
            scopes.change(scope) { scope in
                for (name, value) in values { scope.variables[name] = value }
                scope.entry?.assigned = values.map(\.name)
            }
        case .evaluationFailed(let scope, _, _, _):
            recordEvent(in: scope)
        case .branchingFailed(let scope):
            recordEvent(in: scope)
        case .workerLost(let scope, let worker):
            scopes.change(scope) { $0.entry?.lostWorkers.append(worker) }
        case .taskReleased(let scope):
            scopes.change(scope) { $0.entry?.lostWorkers = [] }
        case .attemptMeasured: break
        case .executionSucceeded(let output): end(.succeeded(output: resolve(output, in: 0)))
        case .executionFailed(let error, let cause): end(.failed(error: error, cause: cause))
        case .executionTimedOut(let error, let cause): end(.timedOut(error: error, cause: cause))
        case .executionAborted(let error, let cause): end(.aborted(error: error, cause: cause))
        }
    }

    /// One more event of the history, which the scope's next one follows.
    @discardableResult
    mutating func recordEvent(in scope: ScopeID) -> Int {
        eventCount += 1
        let id = eventCount
        scopes.change(scope) { $0.follows = id }
        return id
    }

    /// The entry no longer waits to be evaluated but for something else.
    mutating func settle(_ scope: ScopeID, _ phase: Phase) {
        let turn = scopes.change(scope) { scope in
            scope.entry?.phase = phase
            return scope.entry?.turn.take()
        }
        if let turn { runnable.remove(turn: turn) }
    }

    private mutating func enter(_ scope: ScopeID, entry id: EntryID, state: String, input: Payload) {
        precondition(id == nextEntry, "entries are counted without gaps")
        nextEntry += 1
        eventCount += 1
        let input = resolve(input, in: scope)
        let (at, event, turn) = (at, eventCount, runnable.append(scope))
        scopes.change(scope) { scope in
            scope.entry = Entry(
                id: id, state: state, plan: scope.plan.state(state), input: input, enteredAt: at,
                enteredEventID: event, precedingEventID: scope.follows)
            scope.entry?.turn = turn
            scope.follows = event
        }
        scopeOfEntry.insert(scope, for: id)
    }

    private mutating func exit(_ scope: ScopeID, output: Payload) {
        let output = resolve(output, in: scope)
        if scopes.shared(scope)?.value.entry?.branches != nil {
            // The state's success is an event that nothing follows.
            eventCount += 1
        }
        recordEvent(in: scope)
        leave(scope, with: output)
    }

    private mutating func leave(_ scope: ScopeID, with output: JSON) {
        removeFromIndexes(scope)
        let (entry, turn) = scopes.change(scope) { scope in
            defer {
                scope.entry = nil
                scope.data = output
            }
            return (scope.entry?.id, scope.entry?.turn)
        }
        if let entry { scopeOfEntry.remove(entry) }
        if let turn { runnable.remove(turn: turn) }
    }

    /// The scope's entry is over or starts anew: nothing is to be read, written or run for it any more.
    mutating func removeFromIndexes(_ scope: ScopeID) {
        guard let here = scopes.shared(scope), here.value.entry?.branches?.mapRun != nil, let id = here.value.entry?.id
        else { return }
        entriesInIO.remove(id)
        entriesWithChildren.remove(id)
    }

    private mutating func end(_ outcome: Outcome) {
        eventCount += 1
        self.outcome = outcome
        stoppedAt = at
        switch outcome {
        case .succeeded: break
        case .failed, .timedOut, .aborted:
            abandonChildren(of: 0)
            remains = scopes[0]
            remains?.entry?.turn = nil
        }
        runnable.removeAll()
        scopes.removeAll()
        scopeOfEntry.removeAll()
        entriesInIO = []
        entriesWithChildren = []
    }

    private mutating func applyToTask(_ effect: Effect) {
        switch effect {
        case .taskScheduled(let scope, let resource, let parameters, let timeout, let heartbeat):
            let entry = scopes.shared(scope)?.value.entry
            let attempt = TaskAttempt(
                resource: resource, parameters: resolve(parameters, in: scope), timeoutSeconds: timeout,
                heartbeatSeconds: heartbeat, credentials: entry?.credentials, callbackNonce: entry?.callbackNonce,
                scheduledAt: at, started: nil, isSubmitted: false)
            recordEvent(in: scope)
            scopes.change(scope) { scope in
                scope.entry?.credentials = nil
                scope.entry?.callbackNonce = nil
            }
            settle(scope, .task(attempt))
        case .taskStarted(let scope, let worker, let incarnation, let nonce):
            recordEvent(in: scope)
            let started = TaskAttempt.Started(worker: worker, incarnation: incarnation, nonce: nonce, at: at)
            changeAttempt(in: scope) { $0.started = started }
        case .taskSubmitted(let scope, _):
            recordEvent(in: scope)
            changeAttempt(in: scope) { $0.isSubmitted = true }
        case .taskSucceeded(let scope, let output):
            recordEvent(in: scope)
            scopes.change(scope) { $0.data = output }
        case .taskFailed(let scope, _, _), .taskTimedOut(let scope, _, _), .attemptFailed(let scope, _, _, _):
            recordEvent(in: scope)
        case .credentialsTaken(let scope, let credentials):
            scopes.change(scope) { $0.entry?.credentials = credentials }
        case .taskTokenIssued(let scope, let nonce):
            scopes.change(scope) { $0.entry?.callbackNonce = nonce }
        default: preconditionFailure("\(effect) is none of a task's")
        }
    }

    private mutating func changeAttempt(in scope: ScopeID, _ body: (inout TaskAttempt) -> Void) {
        guard case .task(var attempt) = scopes.shared(scope)?.value.entry?.phase else {
            preconditionFailure("only a scheduled task starts")
        }
        body(&attempt)
        settle(scope, .task(attempt))
    }
}
