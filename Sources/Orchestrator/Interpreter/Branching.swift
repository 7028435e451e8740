import JSON
import StatesLanguage

extension Decider {
    /// Starts all branches of a Parallel state on the same input.
    mutating func start(_ scope: ScopeID, _ entry: Entry, _ state: State, branches: [StateMachine])
        throws(EvaluationError)
    {
        let input = try effectiveInput(scope, entry, state)
        try charge(input, in: scope)
        emit(.parallelStarted(scope: scope, branches: branches.count, input: input))
        for (index, machine) in branches.enumerated() {
            guard let child = execution.scopes[scope]?.entry?.branches?.running[index] else {
                preconditionFailure("branch \(index) has been started")
            }
            enter(scope: child, state: machine.startAt)
        }
    }

    /// Starts a Map state: finds its items and starts as many iterations as MaxConcurrency allows.
    mutating func start(_ scope: ScopeID, _ entry: Entry, _ state: State, _ map: MapState) throws(EvaluationError) {
        // ItemsPath and the ...Path fields read what InputPath selects; ItemSelector is evaluated once an item.
        let seen = try selectedScope(scope, entry, state)
        guard let items = map.itemsPath.value(in: seen) else {
            throw EvaluationError(
                error: ErrorName.runtime,
                cause: "Invalid path '\(map.itemsPath.text)': No results for path: \(map.itemsPath.text)")
        }
        guard case .array(let elements) = items else {
            throw EvaluationError(
                error: ErrorName.runtime,
                cause: "Reference path \"\(map.itemsPath.text)\" must point to array.")
        }
        let count = try map.toleratedFailureCount?.value(in: seen, field: "ToleratedFailureCount") ?? 0
        let percentage = try map.toleratedFailurePercentage?.value(in: seen) ?? 0
        emit(
            .mapStarted(
                scope: scope, items: items,
                maxConcurrency: try map.maxConcurrency.value(in: seen, field: "MaxConcurrency"),
                toleratedFailures: max(count, Int(Double(elements.count) * percentage / 100))))
        try startIterations(scope, map, seen: seen.input)
        if elements.isEmpty { finish(scope: scope, result: .children) }
    }

    private mutating func startIterations(_ scope: ScopeID, _ map: MapState, seen input: JSON)
        throws(EvaluationError)
    {
        while let branches = execution.scopes[scope]?.entry?.branches, branches.next < branches.total,
            branches.maxConcurrency == 0 || branches.running.count < branches.maxConcurrency
        {
            let index = branches.next
            guard let item = branches.items?[index] else { preconditionFailure("a Map state has items") }
            let payload: Payload
            if let selector = map.itemSelector {
                payload = .value(
                    try selector.evaluate(
                        in: evaluationScope(scope, input: input, draw: 2 + index, item: (index: index, value: item))))
            } else {
                payload = .item
            }
            if case .value = payload { try charge(payload, in: scope) }
            emit(.iterationStarted(scope: scope, index: index, input: payload))
            guard let child = execution.scopes[scope]?.entry?.branches?.running[index] else {
                preconditionFailure("iteration \(index) has been started")
            }
            enter(scope: child, state: map.processor.startAt)
        }
    }

    /// A child of a Parallel or Map state has ended and the state goes on: start what may start, or finish.
    mutating func childEnded(_ scope: ScopeID) {
        guard let entry = execution.scopes[scope]?.entry, let branches = entry.branches else {
            preconditionFailure("children belong to a state that branches")
        }
        if branches.running.isEmpty, branches.next == branches.total {
            finish(scope: scope, result: .children)
            return
        }
        guard branches.next < branches.total, case .map(let map) = execution.state(of: entry).kind else { return }
        do throws(EvaluationError) {
            let seen = try selectedScope(scope, entry, execution.state(of: entry))
            try startIterations(scope, map, seen: seen.input)
        } catch {
            handle(error, scope: scope)
        }
    }
}
