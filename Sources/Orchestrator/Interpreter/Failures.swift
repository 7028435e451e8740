import JSON
import OrderedCollections
import StatesLanguage

extension Decider {
    /// A failure of an expression: an error of the state it stands in.
    mutating func handle(_ failure: EvaluationError, scope: ScopeID) {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("only an entered state fails")
        }
        let reported = failure.reported(by: entry.plan.state)
        let cause =
            reported.error == ErrorName.dataLimitExceeded || rehearsed != nil
            ? reported.cause
            : "An error occurred while executing the state '\(entry.state)' (entered at the event id"
                + " #\(entry.enteredEventID)). \(reported.cause)"
        if reported.isEvaluationFailure {
            emit(
                .evaluationFailed(scope: scope, error: reported.error, cause: cause, location: reported.location))
        }
        handle(error: reported.error, cause: cause, scope: scope, fromChildren: reported.isEvaluationFailure)
    }

    /// Retry, else Catch, else the scope fails. The first entry of Retry or Catch that covers the error counts.
    ///
    /// - Parameter fromChildren: whether a Parallel or Map state is said to have failed: for what its children did, or for
    ///   its JSONata expressions. A failed JSONPath ends the execution without such an event.
    mutating func handle(error: String?, cause: String?, scope: ScopeID, fromChildren: Bool = false) {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("only an entered state fails")
        }
        let state = entry.plan.state
        rehearsed?.failure = (error, cause)
        if let branches = entry.branches, !branches.running.isEmpty || branches.mapRun?.running.isEmpty == false {
            emit(.childrenAborted(scope: scope))
        }
        // What a branch failed by without naming it.
        let name = error ?? ErrorName.branchFailed
        if let index = state.retry.firstIndex(where: { $0.matches(error: name) }) {
            let used = entry.retries[index, default: 0]
            let retrier = state.retry[index]
            if used < retrier.maxAttempts {
                emit(
                    .retryScheduled(
                        scope: scope, retrier: index,
                        until: now + delay(retrier, used: used, seed: execution.seed(for: entry.id, draw: used + 1000)))
                )
                return
            }
        }
        if fromChildren, entry.plan.isBranching { emit(.branchingFailed(scope: scope)) }
        if let catcher = state.catches.first(where: { $0.matches(error: name) }) {
            caught(by: catcher, error: error, cause: cause, scope: scope, entry: entry)
            return
        }
        endFailed(scope: scope, error: error, cause: cause)
    }

    /// IntervalSeconds * BackoffRate ^ attempts, at most MaxDelaySeconds; FULL jitter draws from 0 to that.
    private func delay(_ retrier: Retrier, used: Int, seed: UInt64) -> Instant {
        var seconds = Double(retrier.intervalSeconds)
        for _ in 0..<used { seconds *= retrier.backoffRate }
        // Without MaxDelaySeconds the language caps a delay at a year (31,622,400 s).
        seconds = min(seconds, Double(retrier.maxDelaySeconds ?? 31_622_400))
        if retrier.hasFullJitter { seconds *= Double(seed >> 11) / Double(1 << 53) }
        return Instant((seconds * 1_000_000).rounded())
    }

    private mutating func caught(
        by catcher: Catcher, error: String?, cause: String?, scope: ScopeID, entry: Entry
    ) {
        let report: JSON = .members(("Error", error.map { .string($0) }), ("Cause", .string(cause ?? "")))
        do throws(EvaluationError) {
            let exit = try exit(by: catcher, report: report, scope, entry)
            if !exit.assigned.isEmpty { emit(.variablesAssigned(scope: scope, variables: exit.assigned)) }
            emit(.errorCaught(scope: scope, error: error ?? "", cause: cause ?? "", output: exit.output))
            enter(scope: scope, state: catcher.next)
        } catch {
            endFailed(scope: scope, error: error.error, cause: error.cause)
        }
    }

    /// What a catcher hands on and assigns. `$` of its JSONPath Assign is the error output.
    private mutating func exit(
        by catcher: Catcher, report: JSON, _ scope: ScopeID, _ entry: Entry
    ) throws(EvaluationError) -> Exit {
        var output: Payload
        var seen = evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4 + 4)
        switch entry.plan.state.dataFlow {
        case .jsonPath:
            output =
                catcher.resultPath == .discard
                ? .input : .value(try catcher.resultPath.placing(report, into: entry.input))
            seen.input = report
        case .jsonata:
            seen.errorOutput = report
            output = .value(report)
            if let template = catcher.output {
                output = .value(try ExpressionFlow(arguments: nil, output: template).output(in: seen))
            }
        }
        try charge(output, in: scope)
        return Exit(output: output, assigned: try assigned(catcher.assign, scope, entry, reading: seen))
    }

    /// A scope has reached its end.
    mutating func endSucceeded(scope: ScopeID) {
        guard let here = execution.scopes[scope] else { preconditionFailure("scope \(scope) is not open") }
        guard let parent = here.parent else {
            emit(.executionSucceeded(output: .data))
            return
        }
        emit(.childSucceeded(scope: parent, index: here.index))
        childEnded(parent)
    }

    /// A scope has failed: the execution with it at the top, else the state it belongs to - unless that is a Map state
    /// that tolerates the failure.
    mutating func endFailed(scope: ScopeID, error: String?, cause: String?) {
        guard let here = execution.scopes[scope] else { preconditionFailure("scope \(scope) is not open") }
        guard let parent = here.parent else {
            emit(.executionFailed(error: error, cause: cause))
            return
        }
        emit(.childFailed(scope: parent, index: here.index, error: error, cause: cause))
        guard let branches = execution.scopes.shared(parent)?.value.entry?.branches else {
            preconditionFailure("a failed child has a parent")
        }
        if branches.items != nil, branches.toleratedFailures > 0 {
            if branches.failed <= branches.toleratedFailures {
                childEnded(parent)
            } else {
                handle(
                    error: ErrorName.exceedToleratedFailureThreshold, cause: Decider.thresholdExceeded, scope: parent,
                    fromChildren: true)
            }
            return
        }
        handle(error: error, cause: cause, scope: parent, fromChildren: true)
    }

    static let thresholdExceeded = "The specified tolerated failure threshold was exceeded"
}
