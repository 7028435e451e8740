import JSON
import StatesLanguage

extension Decider {
    /// A failure of an expression: an error of the state it stands in.
    mutating func handle(_ failure: EvaluationError, scope: ScopeID) {
        guard let entry = execution.scopes[scope]?.entry else { preconditionFailure("only an entered state fails") }
        let reported = failure.reported(by: execution.state(of: entry))
        handle(
            error: reported.error,
            cause: "An error occurred while executing the state '\(entry.state)'. \(reported.cause)", scope: scope)
    }

    /// Retry, else Catch, else the scope fails. The first entry of Retry or Catch that covers the error counts.
    mutating func handle(error: String, cause: String, scope: ScopeID) {
        guard let entry = execution.scopes[scope]?.entry else { preconditionFailure("only an entered state fails") }
        let state = execution.state(of: entry)
        if entry.branches?.running.isEmpty == false { emit(.childrenAborted(scope: scope)) }
        if let index = state.retry.firstIndex(where: { $0.matches(error: error) }) {
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
        if let catcher = state.catches.first(where: { $0.matches(error: error) }) {
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

    private mutating func caught(by catcher: Catcher, error: String, cause: String, scope: ScopeID, entry: Entry) {
        let report: JSON = ["Error": .string(error), "Cause": .string(cause)]
        do throws(EvaluationError) {
            let output: Payload =
                catcher.resultPath == .discard
                ? .input : .value(try catcher.resultPath.placing(report, into: entry.input))
            try charge(output, in: scope)
            emit(.errorCaught(scope: scope, error: error, cause: cause, output: output))
            enter(scope: scope, state: catcher.next)
        } catch {
            endFailed(scope: scope, error: error.error, cause: error.cause)
        }
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
        guard let branches = execution.scopes[parent]?.entry?.branches else {
            preconditionFailure("a failed child has a parent")
        }
        if branches.items != nil, branches.toleratedFailures > 0 {
            if branches.failed <= branches.toleratedFailures {
                childEnded(parent)
            } else {
                handle(
                    error: ErrorName.exceedToleratedFailureThreshold,
                    cause: "The specified tolerated failure threshold was exceeded", scope: parent)
            }
            return
        }
        handle(error: error ?? ErrorName.branchFailed, cause: cause ?? "", scope: parent)
    }
}
