import JSON
import StatesLanguage

extension Decider {
    /// Starts all branches of a Parallel state on the same input.
    mutating func startParallel(_ scope: ScopeID, _ entry: Entry, branches: [StateMachine]) throws(EvaluationError) {
        let input = try effectiveInput(scope, entry)
        try charge(input, in: scope)
        emit(.parallelStarted(scope: scope, branches: branches.count, input: input))
        for (index, machine) in branches.enumerated() {
            guard let child = execution.scopes.shared(scope)?.value.entry?.branches?.running[index] else {
                preconditionFailure("branch \(index) has been started")
            }
            enter(scope: child, state: machine.startAt)
        }
    }

    /// Starts a Map state: finds its items and starts as many iterations as MaxConcurrency allows.
    mutating func startMap(_ scope: ScopeID, _ entry: Entry, _ map: MapState) throws(EvaluationError) {
        if case .distributed = map.mode {
            try startMapRun(scope, entry, map)
            return
        }
        // Items and the ...Path fields read what InputPath selects; ItemSelector is evaluated once an item.
        let seen = try selectedScope(scope, entry)
        let items = try map.inputItems(in: seen)
        let concurrency = try map.maxConcurrency.value(in: seen, field: "MaxConcurrency")
        let count = try map.toleratedFailureCount?.value(in: seen, field: "ToleratedFailureCount")
        let percentage = try map.toleratedFailurePercentage?.value(in: seen)
        let share = percentage.map { Int(Double(items.count) * $0 / 100) }
        let payload = itemsPayload(items, of: entry, map)
        try charge(payload, in: scope)
        emit(
            .mapStateStarted(
                scope: scope, items: payload, maxConcurrency: concurrency,
                toleratedFailures: [count, share].compactMap(\.self).min() ?? 0))
        try startIterations(scope, map, seen: seen.input)
        if items.isEmpty { finish(scope: scope, result: .children) }
    }

    /// The items of a Map state; where they are the state's input they need not be written again.
    func itemsPayload(_ items: [JSON], of entry: Entry, _ map: MapState) -> Payload {
        guard case .array(let elements) = entry.input, elements == items else { return .value(.array(items)) }
        return .input
    }

    private mutating func startIterations(_ scope: ScopeID, _ map: MapState, seen input: JSON)
        throws(EvaluationError)
    {
        let entry = execution.scopes.shared(scope)?.value.entry?.id
        while true {
            // What is redriven may end at once, and this state with it.
            guard let standing = execution.scopes.shared(scope)?.value.entry, standing.id == entry,
                let branches = standing.branches,
                branches.maxConcurrency == 0 || branches.running.count < branches.maxConcurrency
            else { return }
            if let index = branches.awaitingRedrive.last {
                redriveChild(index, of: scope)
                continue
            }
            guard branches.next < branches.total else { return }
            let index = branches.next
            let payload = try iterationInput(scope, map, branches, index: index, seen: input)
            if case .value = payload { try charge(payload, in: scope) }
            emit(.iterationStarted(scope: scope, index: index, input: payload))
            guard let child = execution.scopes.shared(scope)?.value.entry?.branches?.running[index] else {
                preconditionFailure("iteration \(index) has been started")
            }
            enter(scope: child, state: map.processor.startAt)
        }
    }

    /// What an iteration works on: its item, or what ItemSelector makes of it.
    func iterationInput(
        _ scope: ScopeID, _ map: MapState, _ branches: Branches, index: Int, seen input: JSON
    ) throws(EvaluationError) -> Payload {
        guard let item = branches.items?[index] else { preconditionFailure("a Map state has items") }
        guard let selector = map.itemSelector else { return .item }
        return .value(
            try selector.evaluate(
                in: evaluationScope(scope, input: input, draw: 10_000 + index, item: (index: index, value: item)),
                field: "ItemSelector"))
    }

    /// A child of a Parallel or Map state has ended and the state goes on: start what may start, or finish.
    mutating func childEnded(_ scope: ScopeID) {
        guard let entry = execution.scopes.shared(scope)?.value.entry, let branches = entry.branches else {
            preconditionFailure("children belong to a state that branches")
        }
        if branches.running.isEmpty, branches.next == branches.total, branches.awaitingRedrive.isEmpty {
            finish(scope: scope, result: .children)
            return
        }
        guard branches.next < branches.total || !branches.awaitingRedrive.isEmpty,
            case .map(let map) = entry.plan.state.kind
        else { return }
        do throws(EvaluationError) {
            try startIterations(scope, map, seen: try selectedScope(scope, entry).input)
        } catch {
            handle(error, scope: scope)
        }
    }
}
