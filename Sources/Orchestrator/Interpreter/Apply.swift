public import JSON
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
        case .stateEntered(let scope, let entry, let state, let input):
            let payload = resolve(input, in: scope)
            precondition(entry == nextEntry, "entries are counted without gaps")
            nextEntry += 1
            scopes[scope]?.entry = Entry(id: entry, state: state, input: payload, enteredAt: at, phase: .entered)
            scopeOfEntry[entry] = scope
            runnable.append(scope)
        case .stateExited(let scope, let output):
            leave(scope, with: resolve(output, in: scope))
        case .waitStarted(let scope, let until):
            settle(scope, .waiting(until: until))
        case .taskScheduled(let scope, let resource, let parameters, let timeout, let heartbeat):
            let attempt = TaskAttempt(
                resource: resource, parameters: resolve(parameters, in: scope), timeoutSeconds: timeout,
                heartbeatSeconds: heartbeat, scheduledAt: at, started: nil)
            settle(scope, .task(attempt))
        case .taskStarted(let scope, let worker, let incarnation, let nonce):
            guard case .task(var attempt) = scopes[scope]?.entry?.phase else {
                preconditionFailure("only a scheduled task starts")
            }
            attempt.started = TaskAttempt.Started(worker: worker, incarnation: incarnation, nonce: nonce, at: at)
            settle(scope, .task(attempt))
        case .taskSucceeded(let scope, let output):
            scopes[scope]?.data = output
        case .taskFailed, .taskTimedOut:
            break
        case .retryScheduled(let scope, let retrier, let until):
            scopes[scope]?.entry?.retries[retrier, default: 0] += 1
            scopes[scope]?.entry?.branches = nil
            settle(scope, .backingOff(until: until))
        case .retryStarted(let scope):
            scopes[scope]?.entry?.phase = .entered
            runnable.append(scope)
        case .parallelStarted(let scope, let count, let input):
            startParallel(scope, count: count, input: resolve(input, in: scope))
        case .mapStarted(let scope, let items, let maxConcurrency, let toleratedFailures):
            let elements = items.arrayValue ?? []
            scopes[scope]?.entry?.branches = Branches(
                total: elements.count, items: elements, maxConcurrency: maxConcurrency,
                toleratedFailures: toleratedFailures)
            settle(scope, .branching)
        case .iterationStarted(let scope, let index, let input):
            startIteration(scope, index: index, input: input)
        case .childSucceeded(let scope, let index):
            endChild(of: scope, index: index)
        case .childFailed(let scope, let index, _, _):
            scopes[scope]?.entry?.branches?.failed += 1
            endChild(of: scope, index: index)
            scopes[scope]?.entry?.branches?.outputs[index] = .null
        case .childrenAborted(let scope):
            abandonChildren(of: scope)
        case .errorCaught(let scope, _, _, let output):
            leave(scope, with: resolve(output, in: scope))
        case .executionSucceeded(let output):
            end(.succeeded(output: resolve(output, in: 0)))
        case .executionFailed(let error, let cause):
            end(.failed(error: error, cause: cause))
        case .executionTimedOut(let error, let cause):
            end(.timedOut(error: error, cause: cause))
        case .executionAborted(let error, let cause):
            end(.aborted(error: error, cause: cause))
        }
    }

    /// The value that a payload of an effect names in a scope.
    public func resolve(_ payload: Payload, in scope: ScopeID) -> JSON {
        guard let here = scopes[scope] else { preconditionFailure("scope \(scope) is not open") }
        switch payload {
        case .value(let value): return value
        case .data, .result: return here.data
        case .item:
            guard let item = here.item else { preconditionFailure("scope \(scope) is no iteration") }
            return item
        case .input:
            guard let entry = here.entry else { preconditionFailure("scope \(scope) is between states") }
            return entry.input
        case .children:
            guard let branches = here.entry?.branches else { preconditionFailure("scope \(scope) has no children") }
            return .array((0..<branches.total).map { branches.outputs[$0] ?? .null })
        }
    }

    private mutating func settle(_ scope: ScopeID, _ phase: Phase) {
        scopes[scope]?.entry?.phase = phase
        runnable.remove(scope)
    }

    private mutating func leave(_ scope: ScopeID, with output: JSON) {
        if let entry = scopes[scope]?.entry { scopeOfEntry[entry.id] = nil }
        scopes[scope]?.entry = nil
        scopes[scope]?.data = output
        runnable.remove(scope)
    }

    private mutating func startParallel(_ scope: ScopeID, count: Int, input: JSON) {
        guard let entry = scopes[scope]?.entry, case .parallel(let machines) = state(of: entry).kind,
            machines.count == count
        else { preconditionFailure("the Parallel state has other branches than its definition") }
        var branches = Branches(total: count, items: nil, maxConcurrency: 0, toleratedFailures: 0)
        for (index, machine) in machines.enumerated() {
            let child = nextScope
            nextScope += 1
            scopes[child] = Scope(id: child, parent: scope, index: index, machine: machine, data: input)
            branches.running[index] = child
        }
        branches.next = count
        scopes[scope]?.entry?.branches = branches
        settle(scope, .branching)
    }

    private mutating func startIteration(_ scope: ScopeID, index: Int, input: Payload) {
        guard let entry = scopes[scope]?.entry, case .map(let map) = state(of: entry).kind,
            let item = entry.branches?.items?[index]
        else { preconditionFailure("an iteration belongs to a Map state that has started") }
        let child = nextScope
        nextScope += 1
        let data: JSON =
            switch input {
            case .item: item
            case .value(let value): value
            case .data, .input, .result, .children: preconditionFailure("an iteration's input is its item or a value")
            }
        scopes[child] = Scope(
            id: child, parent: scope, index: index, machine: map.processor, data: data, entry: nil, item: item)
        scopes[scope]?.entry?.branches?.running[index] = child
        scopes[scope]?.entry?.branches?.next = index + 1
    }

    private mutating func endChild(of scope: ScopeID, index: Int) {
        guard let child = scopes[scope]?.entry?.branches?.running.removeValue(forKey: index) else {
            preconditionFailure("child \(index) of scope \(scope) is not running")
        }
        let data = scopes[child]?.data
        discard(child)
        if let data { scopes[scope]?.entry?.branches?.outputs[index] = data }
    }

    private mutating func abandonChildren(of scope: ScopeID) {
        for child in scopes[scope]?.entry?.children ?? [] { discard(child) }
        scopes[scope]?.entry?.branches?.running = [:]
    }

    /// Takes a scope and all within it away.
    private mutating func discard(_ scope: ScopeID) {
        guard let here = scopes.removeValue(forKey: scope) else { return }
        runnable.remove(scope)
        if let entry = here.entry {
            scopeOfEntry[entry.id] = nil
            for child in entry.children { discard(child) }
        }
    }

    private mutating func end(_ outcome: Outcome) {
        self.outcome = outcome
        stoppedAt = at
        runnable = []
        scopes = [:]
        scopeOfEntry = [:]
    }
}
