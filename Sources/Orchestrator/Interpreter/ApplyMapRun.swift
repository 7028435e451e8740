import JSON
import StatesLanguage

// The effects of distributed Map states.

extension Execution {
    mutating func applyToMapRun(_ effect: Effect) {
        switch effect {
        case .mapRunStarted(let scope, let arn, let count, let percentage):
            let event = recordEvent(in: scope)
            let hasItems = map(in: scope).reader == nil
            let number = scopes.change(scope) { scope in
                defer { scope.entry?.mapRunCount += 1 }
                return scope.entry?.mapRunCount ?? 0
            }
            changeBranches(of: scope) { branches in
                branches.mapRun = MapRun(
                    arn: arn, number: number, toleratedCount: count, toleratedPercentage: percentage,
                    hasItems: hasItems,
                    startedEventID: event)
            }
        case .itemReadRequested(let scope, let parameters, let maxItems):
            let reader = map(in: scope).reader
            guard let reader else { preconditionFailure("the Map state has an ItemReader") }
            setIO(scope, .readingItems(ItemReadRequest(reader, parameters: parameters, maxItems: maxItems)))
        case .itemsRead(let scope, let items):
            endIO(scope)
            let elements = items.arrayValue ?? []
            changeBranches(of: scope) { branches in
                branches.items = elements
                branches.total = elements.count
                branches.mapRun?.hasItems = true
            }
        case .childExecutionStarted(let scope, let index, let itemCount, let input):
            startChild(scope, index: index, itemCount: itemCount, input: resolve(input, in: scope))
        case .mapRunPaused(let scope):
            let turn = runnable.append(scope)
            scopes.change(scope) { $0.entry?.turn = turn }
        case .childExecutionEnded(let scope, let index, let outcome):
            endChild(scope, index: index, outcome: outcome)
        case .childExecutionRedriven(let scope, let index): redriveChild(scope, index: index)
        case .mapRunUpdated(let scope, let concurrency, let count, let percentage):
            changeBranches(of: scope) { branches in
                branches.maxConcurrency = concurrency ?? branches.maxConcurrency
                if let count { branches.mapRun?.toleratedCount = count }
                if let percentage { branches.mapRun?.toleratedPercentage = percentage }
            }
        case .resultWriteRequested(let scope, let parameters):
            guard let writer = map(in: scope).writer,
                let arn = scopes.shared(scope)?.value.entry?.branches?.mapRun?.arn,
                let request = ResultWriteRequest(writer, parameters: parameters, mapRunARN: arn)
            else { preconditionFailure("the Map state has a ResultWriter and a Map Run") }
            setIO(scope, .writingResults(request))
        case .resultsWritten(let scope, let output):
            endIO(scope)
            scopes.change(scope) { $0.data = output }
        case .mapRunSucceeded(let scope):
            recordEvent(in: scope)
            if let entry = scopes.shared(scope)?.value.entry { entriesWithChildren.remove(entry.id) }
        case .mapRunFailed(let scope, _, _):
            recordEvent(in: scope)
            removeFromIndexes(scope)
        default: preconditionFailure("\(effect) is none of a Map Run's")
        }
    }

    private func map(in scope: ScopeID) -> MapState {
        guard case .map(let map) = scopes.shared(scope)?.value.entry?.plan.state.kind else {
            preconditionFailure("scope \(scope) is in no Map state")
        }
        return map
    }

    private mutating func changeBranches(of scope: ScopeID, _ body: (inout Branches) -> Void) {
        scopes.change(scope) { scope in
            guard scope.entry?.branches != nil else { preconditionFailure("scope \(scope.id) has no children") }
            body(&scope.entry!.branches!)
        }
    }

    private mutating func setIO(_ scope: ScopeID, _ phase: Phase) {
        guard let id = scopes.shared(scope)?.value.entry?.id else {
            preconditionFailure("scope \(scope) is in no state")
        }
        settle(scope, phase)
        entriesInIO.insert(id)
    }

    private mutating func endIO(_ scope: ScopeID) {
        guard let id = scopes.shared(scope)?.value.entry?.id else {
            preconditionFailure("scope \(scope) is in no state")
        }
        settle(scope, .branching)
        entriesInIO.remove(id)
    }

    private mutating func startChild(_ scope: ScopeID, index: Int, itemCount: Int, input: JSON) {
        let at = at
        settle(scope, .branching)
        changeBranches(of: scope) { branches in
            precondition(index == branches.next, "child executions are counted without gaps")
            guard let first = branches.mapRun?.nextItem else { preconditionFailure("a Map Run has started") }
            branches.mapRun?.running[index] = MapRun.Child(
                input: input, firstItem: first, itemCount: itemCount, startedAt: at, redrives: 0)
            branches.mapRun?.nextItem += itemCount
            branches.next += 1
        }
        if let id = scopes.shared(scope)?.value.entry?.id { entriesWithChildren.insert(id) }
    }

    private mutating func endChild(_ scope: ScopeID, index: Int, outcome: Outcome) {
        let at = at
        changeBranches(of: scope) { branches in
            guard let child = branches.mapRun?.running.removeValue(forKey: index) else {
                preconditionFailure("child execution \(index) of scope \(scope) is not running")
            }
            branches.mapRun?.ended[index] = MapRun.ChildResult(child, outcome: outcome, stoppedAt: at)
            if case .succeeded(let output) = outcome {
                branches.outputs[index] = output
            } else {
                branches.failed += 1
                branches.mapRun?.failedItems += child.itemCount
                branches.outputs[index] = .null
            }
        }
    }

    private mutating func redriveChild(_ scope: ScopeID, index: Int) {
        settle(scope, .branching)
        changeBranches(of: scope) { branches in
            guard let result = branches.mapRun?.ended.removeValue(forKey: index),
                branches.mapRun?.pendingRedrive.popLast() == index
            else { preconditionFailure("child execution \(index) of scope \(scope) waits for no redrive") }
            branches.outputs[index] = nil
            branches.mapRun?.running[index] = MapRun.Child(
                input: result.input, firstItem: result.firstItem, itemCount: result.itemCount,
                startedAt: result.startedAt, redrives: result.redrives + 1)
        }
        if let id = scopes.shared(scope)?.value.entry?.id { entriesWithChildren.insert(id) }
    }
}
