import JSON
import StatesLanguage

// A distributed Map state: its children are executions of their own, started and watched by the engine.

extension Decider {
    mutating func startMapRun(_ scope: ScopeID, _ entry: Entry, _ map: MapState) throws(EvaluationError) {
        let seen = try selectedScope(scope, entry)
        let items = map.reader == nil ? try map.inputItems(in: seen) : []
        let concurrency = try map.maxConcurrency.value(in: seen, field: "MaxConcurrency")
        let payload = itemsPayload(items, of: entry, map)
        try charge(payload, in: scope)
        // The service's history tells of the state's start before these are evaluated.
        emit(.mapStateStarted(scope: scope, items: payload, maxConcurrency: concurrency, toleratedFailures: 0))
        let count = try map.toleratedFailureCount?.value(in: seen, field: "ToleratedFailureCount")
        let percentage = try map.toleratedFailurePercentage?.value(in: seen)
        emit(
            .mapRunStarted(
                scope: scope,
                arn: execution.mapRunARN(for: entry.id, attempt: entry.retryCount, label: map.label),
                toleratedCount: count, toleratedPercentage: percentage))
        try goOn(scope)
    }

    /// Asks for the items of a state that has an ItemReader.
    private mutating func requestItems(
        _ scope: ScopeID, _ entry: Entry, _ map: MapState, _ seen: EvaluationScope
    ) throws(EvaluationError) {
        guard let reader = map.reader else { preconditionFailure("without an ItemReader the items are there at once") }
        let maxItems = try reader.maxItems?.value(in: seen, field: "MaxItems")
        let field = entry.plan.isJSONata ? "Arguments" : "Parameters"
        let parameters = try reader.parameters?.evaluate(in: seen, field: "ItemReader/\(field)") ?? [:]
        try charge(.value(parameters), in: scope)
        emit(.itemReadRequested(scope: scope, parameters: parameters, maxItems: maxItems == 0 ? nil : maxItems))
    }

    mutating func takeMapRun(_ event: Event) -> Bool {
        switch event {
        case .itemsRead(let id, let items):
            guard let scope = scope(of: id, while: { if case .readingItems = $0 { true } else { false } })
            else { return false }
            take(items: items, scope)
        case .itemReadFailed(let id, let error, let cause):
            guard let scope = scope(of: id, while: { if case .readingItems = $0 { true } else { false } })
            else { return false }
            failMapRun(scope, error: error, cause: cause)
        case .resultsWritten(let id, let output):
            guard let scope = scope(of: id, while: { if case .writingResults = $0 { true } else { false } })
            else { return false }
            emit(.resultsWritten(scope: scope, output: output))
            emit(.mapRunSucceeded(scope: scope))
            finish(scope: scope, result: .result)
        case .resultWriteFailed(let id, let error, let cause):
            guard let scope = scope(of: id, while: { if case .writingResults = $0 { true } else { false } })
            else { return false }
            failMapRun(scope, error: error, cause: cause)
        case .childExecutionEnded(let id, let index, let outcome, let redrives):
            guard let scope = execution.scopeOfEntry[id],
                let child = execution.scopes.shared(scope)?.value.entry?.branches?.mapRun?.running[index]
            else { return false }
            let hasSucceeded = if case .succeeded = outcome { true } else { false }
            guard hasSucceeded || child.redrives == redrives else { return false }
            take(outcome, index: index, scope)
        case .mapRunUpdated(let id, let concurrency, let count, let percentage):
            guard let scope = execution.scopeOfEntry[id],
                execution.scopes.shared(scope)?.value.entry?.branches?.mapRun != nil
            else { return false }
            emit(
                .mapRunUpdated(
                    scope: scope, maxConcurrency: concurrency, toleratedCount: count,
                    toleratedPercentage: percentage))
            if case .branching = execution.scopes.shared(scope)?.value.entry?.phase { checkAndGoOn(scope) }
        default: preconditionFailure("\(event) tells a Map Run nothing")
        }
        return true
    }

    private func scope(of id: EntryID, while holds: (Phase) -> Bool) -> ScopeID? {
        guard let scope = execution.scopeOfEntry[id], let phase = execution.scopes.shared(scope)?.value.entry?.phase,
            holds(phase)
        else { return nil }
        return scope
    }

    private mutating func take(items: JSON, _ scope: ScopeID) {
        guard case .array = items else {
            failMapRun(scope, error: ErrorName.itemReaderFailed, cause: "Attempting to map over non-iterable node.")
            return
        }
        guard items.textBytes(upTo: decisionBytes) != nil else {
            failMapRun(
                scope, error: ErrorName.itemReaderFailed, cause: "The items have more than \(decisionBytes) bytes.")
            return
        }
        emit(.itemsRead(scope: scope, items: items))
        do throws(EvaluationError) {
            try goOn(scope)
        } catch {
            handle(error, scope: scope)
        }
    }

    private mutating func take(_ outcome: Outcome, index: Int, _ scope: ScopeID) {
        emit(.childExecutionEnded(scope: scope, index: index, outcome: outcome))
        checkAndGoOn(scope)
    }

    /// Fails the Map Run where too many items have failed; else starts what may start.
    private mutating func checkAndGoOn(_ scope: ScopeID) {
        guard let branches = execution.scopes.shared(scope)?.value.entry?.branches, let mapRun = branches.mapRun else {
            preconditionFailure("scope \(scope) has a Map Run")
        }
        if mapRun.failedItems > 0, exceedsThreshold(mapRun, items: branches.items?.count ?? 0) {
            failMapRun(
                scope, error: ErrorName.exceedToleratedFailureThreshold, cause: Decider.thresholdExceeded)
            return
        }
        do throws(EvaluationError) {
            try goOn(scope)
        } catch {
            handle(error, scope: scope)
        }
    }

    /// Either threshold fails the Map Run; without any, every failed item does.
    private func exceedsThreshold(_ mapRun: MapRun, items: Int) -> Bool {
        if mapRun.toleratedCount == nil, mapRun.toleratedPercentage == nil { return true }
        if let count = mapRun.toleratedCount, mapRun.failedItems > count { return true }
        if let percentage = mapRun.toleratedPercentage {
            return Double(mapRun.failedItems) * 100 > percentage * Double(max(items, 1))
        }
        return false
    }

    private mutating func failMapRun(_ scope: ScopeID, error: String, cause: String) {
        emit(.mapRunFailed(scope: scope, error: error, cause: cause))
        handle(error: error, cause: cause, scope: scope, fromChildren: true)
    }

    /// Starts the child executions that may start; when all have ended, writes their results, or ends the Map Run.
    mutating func goOn(_ scope: ScopeID) throws(EvaluationError) {
        guard let entry = execution.scopes.shared(scope)?.value.entry, case .map(let map) = entry.plan.state.kind else {
            preconditionFailure("scope \(scope) is in no Map state")
        }
        let seen = try selectedScope(scope, entry)
        while true {
            guard let branches = execution.scopes.shared(scope)?.value.entry?.branches, let mapRun = branches.mapRun,
                let items = branches.items
            else { preconditionFailure("a distributed Map state has a Map Run") }
            guard mapRun.hasItems else {
                try requestItems(scope, entry, map, seen)
                return
            }
            guard mapRun.nextItem < items.count || !mapRun.pendingRedrive.isEmpty else {
                if mapRun.running.isEmpty { try endMapRun(scope, entry, map, seen) }
                return
            }
            guard branches.maxConcurrency == 0 || mapRun.running.count < branches.maxConcurrency else { return }
            guard hasRoom else {
                if execution.scopes.shared(scope)?.value.entry?.turn == nil { emit(.mapRunPaused(scope: scope)) }
                return
            }
            childrenStarted += 1
            if let index = mapRun.pendingRedrive.last {
                emit(.childExecutionRedriven(scope: scope, index: index))
                continue
            }
            let (count, input) = try childInput(scope, map, branches, first: mapRun.nextItem, seen)
            try charge(input, in: scope)
            emit(.childExecutionStarted(scope: scope, index: branches.next, itemCount: count, input: input))
        }
    }

    /// The input of the next child execution, and how many items it takes.
    private func childInput(
        _ scope: ScopeID, _ map: MapState, _ branches: Branches, first: Int, _ seen: EvaluationScope
    ) throws(EvaluationError) -> (count: Int, input: Payload) {
        guard let items = branches.items else { preconditionFailure("a Map Run has items") }
        func made(_ index: Int) throws(EvaluationError) -> Payload {
            let input = try iterationInput(scope, map, branches, index: index, seen: seen.input)
            return if case .value = input { input } else { .element(index) }
        }
        guard let batcher = map.batcher else { return (1, try made(first)) }
        let maxItems = try batcher.maxItemsPerBatch?.value(in: seen, field: "MaxItemsPerBatch") ?? items.count
        let maxBytes = min(
            try batcher.maxInputBytesPerBatch?.value(in: seen, field: "MaxInputBytesPerBatch") ?? limits.stateBytes,
            limits.stateBytes)
        let common = try batcher.batchInput?.evaluate(in: seen, field: "ItemBatcher/BatchInput")
        var bytes = JSON.members(("BatchInput", common), ("Items", [])).utf8.count
        var batch: [JSON] = []
        // The maxima may be as large as numbers get.
        for index in first..<first + min(items.count - first, max(maxItems, 1)) {
            let value = execution.resolve(try made(index), in: scope)
            bytes += value.utf8.count + (batch.isEmpty ? 0 : 1)
            if !batch.isEmpty, bytes > maxBytes { break }
            batch.append(value)
        }
        let input: Payload =
            map.itemSelector == nil
            ? .batch(first: first, count: batch.count, input: common)
            : .value(.members(("BatchInput", common), ("Items", .array(batch))))
        return (batch.count, input)
    }

    private mutating func endMapRun(
        _ scope: ScopeID, _ entry: Entry, _ map: MapState, _ seen: EvaluationScope
    ) throws(EvaluationError) {
        guard let writer = map.writer else {
            emit(.mapRunSucceeded(scope: scope))
            finish(scope: scope, result: .children)
            return
        }
        guard writer.resource == nil else {
            let field = entry.plan.isJSONata ? "Arguments" : "Parameters"
            let parameters = try writer.parameters?.evaluate(in: seen, field: "ResultWriter/\(field)") ?? [:]
            try charge(.value(parameters), in: scope)
            emit(.resultWriteRequested(scope: scope, parameters: parameters))
            return
        }
        let results = execution.formattedResults(of: entry.id, writer.transformation)
        try charge(.value(results), in: scope)
        emit(.resultsWritten(scope: scope, output: results))
        emit(.mapRunSucceeded(scope: scope))
        finish(scope: scope, result: .result)
    }
}

extension Execution {
    /// The results of a Map Run as its ResultWriter's WriterConfig wants them.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    public func formattedResults(of entry: EntryID, _ transformation: ResultWriter.Transformation) -> JSON {
        .array(formattedResults(of: entry, transformation) { _ in true })
    }

    /// The same of those children alone whose outcome is wanted, as each file of results has them.
    public func formattedResults(
        of entry: EntryID, _ transformation: ResultWriter.Transformation, where isWanted: (Outcome) -> Bool
    ) -> [JSON] {
        let results = childResults(of: entry).filter { isWanted($0.result.outcome) }
        return switch transformation {
        case .none: results.map { description(of: $0.child, $0.result) }
        case .compact: results.map { output(of: $0.result) }
        case .flatten:
            results.flatMap { result in
                let output = output(of: result.result)
                return output.arrayValue ?? [output]
            }
        }
    }

    /// What a child gave; of one that failed its error, as the service has it in compact results.
    private func output(of result: MapRun.ChildResult) -> JSON {
        switch result.outcome {
        case .succeeded(let output): output
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            .members(("Error", error.map { .string($0) }), ("Cause", cause.map { .string($0) }))
        }
    }

    /// One child execution with its metadata, as result files without transformation have it.
    private func description(of child: ChildDescription, _ result: MapRun.ChildResult) -> JSON {
        var members: JSON = [
            "ExecutionArn": .string(child.arn), "Input": .string(result.input.text),
            "InputDetails": ["Included": true], "Name": .string(child.name),
        ]
        switch result.outcome {
        case .succeeded(let output):
            members["Output"] = .string(output.text)
            members["OutputDetails"] = ["Included": true]
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            members["Error"] = error.map { .string($0) }
            members["Cause"] = cause.map { .string($0) }
        }
        members["StartDate"] = .string(Timestamp.text(microseconds: result.startedAt))
        members["StateMachineArn"] = .string(child.machineARN)
        members["Status"] = .string(result.outcome.status)
        members["StopDate"] = .string(Timestamp.text(microseconds: result.stoppedAt))
        return members
    }
}
