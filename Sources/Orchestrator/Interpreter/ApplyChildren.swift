import JSON
import StatesLanguage

// The effects of Parallel and Map states.

extension Execution {
    mutating func applyToChildren(_ effect: Effect) {
        switch effect {
        case .parallelStarted(let scope, let count, let input):
            startParallel(scope, count: count, input: resolve(input, in: scope))
        case .mapStarted(let scope, let items, let maxConcurrency, let toleratedFailures):
            startMap(scope, items: items, maxConcurrency: maxConcurrency, toleratedFailures: toleratedFailures)
        case .mapStateStarted(let scope, let items, let maxConcurrency, let toleratedFailures):
            startMap(
                scope, items: resolve(items, in: scope), maxConcurrency: maxConcurrency,
                toleratedFailures: toleratedFailures)
        case .iterationStarted(let scope, let index, let input):
            startIteration(scope, index: index, input: input)
        case .childSucceeded(let scope, let index):
            let child = endChild(of: scope, index: index)
            scopes.change(scope) { $0.entry?.branches?.outputs[index] = child.data }
            noteEnd(of: child, in: scope, succeeded: true)
        case .childFailed(let scope, let index, _, _):
            let child = endChild(of: scope, index: index)
            scopes.change(scope) { scope in
                scope.entry?.branches?.failed += 1
                scope.entry?.branches?.outputs[index] = .null
                scope.entry?.branches?.broken[index] = child
            }
            noteEnd(of: child, in: scope, succeeded: false)
        case .childrenAborted(let scope):
            eventCount += abortedEvents(of: scope).count
            abandonChildren(of: scope)
        default: preconditionFailure("\(effect) is none of a state with children")
        }
    }

    private mutating func startParallel(_ scope: ScopeID, count: Int, input: JSON) {
        guard let here = scopes[scope], let entry = here.entry, case .parallel = entry.plan.state.kind,
            entry.plan.children.count == count
        else { preconditionFailure("the Parallel state has other branches than its definition") }
        let event = recordEvent(in: scope)
        var branches = Branches(
            total: count, items: nil, maxConcurrency: 0, toleratedFailures: 0, nextFollows: event)
        for (index, plan) in entry.plan.children.enumerated() {
            let child = nextScope
            nextScope += 1
            scopes.insert(
                Scope(
                    id: child, parent: scope, index: index, plan: plan, data: input, variables: here.variables,
                    follows: event))
            branches.running[index] = child
        }
        branches.next = count
        scopes.change(scope) { $0.entry?.branches = branches }
        settle(scope, .branching)
    }

    private mutating func startMap(_ scope: ScopeID, items: JSON, maxConcurrency: Int, toleratedFailures: Int) {
        let elements = items.arrayValue ?? []
        let event = recordEvent(in: scope)
        scopes.change(scope) { scope in
            scope.entry?.branches = Branches(
                total: elements.count, items: elements, maxConcurrency: maxConcurrency,
                toleratedFailures: toleratedFailures, nextFollows: event)
        }
        settle(scope, .branching)
    }

    private mutating func startIteration(_ scope: ScopeID, index: Int, input: Payload) {
        guard let here = scopes[scope], let entry = here.entry, case .map = entry.plan.state.kind,
            let branches = entry.branches, let item = branches.items?[index]
        else { preconditionFailure("an iteration belongs to a Map state that has started") }
        let data: JSON =
            switch input {
            case .item: item
            case .value(let value): value
            case .data, .input, .result, .children, .element, .batch:
                preconditionFailure("an iteration's input is its item or a value")
            }
        eventCount += 1
        let child = nextScope
        nextScope += 1
        scopes.insert(
            Scope(
                id: child, parent: scope, index: index, plan: entry.plan.children[0], data: data,
                variables: here.variables, item: item, follows: eventCount))
        scopes.change(scope) { scope in
            scope.entry?.branches?.running[index] = child
            scope.entry?.branches?.next = index + 1
        }
    }

    /// Takes an ended child out.
    private mutating func endChild(of scope: ScopeID, index: Int) -> Scope {
        let id = scopes.change(scope) { $0.entry?.branches?.running.removeValue(forKey: index) }
        guard let id else { preconditionFailure("child \(index) of scope \(scope) is not running") }
        return takeOut(id)
    }

    /// The events that follow a child's end. A Map iteration's end has one of its own, which the state's success follows;
    /// the start of the next iteration, and the state's failure, follow the last event within the child.
    private mutating func noteEnd(of child: Scope, in scope: ScopeID, succeeded: Bool) {
        guard scopes.shared(scope)?.value.entry?.branches?.items != nil else {
            scopes.change(scope) { $0.follows = child.follows }
            return
        }
        eventCount += 1
        let event = succeeded ? eventCount : child.follows
        scopes.change(scope) { scope in
            scope.follows = event
            scope.entry?.branches?.nextFollows = child.follows
        }
    }

    /// The children that run are over; what they were is kept for a redrive.
    mutating func abandonChildren(of scope: ScopeID) {
        let running = scopes.shared(scope)?.value.entry?.branches?.running ?? [:]
        let abandoned = running.map { (index: $0.key, child: takeOut($0.value)) }
        removeFromIndexes(scope)
        let at = at
        scopes.change(scope) { scope in
            scope.entry?.branches?.running = [:]
            for (index, child) in abandoned { scope.entry?.branches?.broken[index] = child }
            for (index, child) in scope.entry?.branches?.mapRun?.running ?? [:] {
                scope.entry?.branches?.mapRun?.ended[index] = MapRun.ChildResult(
                    child, outcome: .aborted(error: nil, cause: nil), stoppedAt: at)
            }
            scope.entry?.branches?.mapRun?.running = [:]
        }
    }

    /// Takes a scope and all within it away, as one value.
    private mutating func takeOut(_ id: ScopeID) -> Scope {
        abandonChildren(of: id)
        guard var scope = scopes.remove(id) else { preconditionFailure("scope \(id) is open") }
        if let entry = scope.entry {
            if let turn = entry.turn { runnable.remove(turn: turn) }
            scopeOfEntry.remove(entry.id)
            scope.entry?.turn = nil
        }
        return scope
    }

    /// An event of the history that tells of something given up.
    struct AbortedEvent {
        let type: String
        let follows: Int
        /// Map state and iteration number, of MapIterationAborted.
        var iteration: (state: String, index: Int)?
    }

    /// What the history tells when a state's children are given up, from the inside out.
    func abortedEvents(of scope: ScopeID) -> [AbortedEvent] {
        guard let entry = scopes.shared(scope)?.value.entry else { return [] }
        var events: [AbortedEvent] = []
        for child in entry.children {
            guard let inner = scopes[child] else { continue }
            var follows = inner.follows
            if let state = inner.entry?.plan.state {
                events += abortedEvents(of: child)
                switch state.kind {
                case .task, .wait, .parallel, .map:
                    events.append(AbortedEvent(type: "\(state.type)StateAborted", follows: follows))
                    follows = eventCount + events.count
                case .pass, .choice, .succeed, .fail: break
                }
            }
            if case .map = entry.plan.state.kind {
                events.append(
                    AbortedEvent(
                        type: "MapIterationAborted", follows: follows, iteration: (entry.state, inner.index)))
            }
        }
        return events
    }
}
