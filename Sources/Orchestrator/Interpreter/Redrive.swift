import JSON
import StatesLanguage

// RedriveExecution: what an execution had done stays done, and what had not succeeded is done anew.
// Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html

extension Execution {
    /// Whether ``Event/redrive(count:token:)`` can go on with what is here: it ended, and without success.
    public var canBeRedriven: Bool { !isOpen && remains?.entry != nil }
}

extension Decider {
    mutating func redrive(count: Int, token: String?) -> Bool {
        guard execution.canBeRedriven, count > execution.redriveCount else { return false }
        emit(.executionRedriven(count: count, token: token))
        redrive(scope: 0)
        return true
    }

    /// The state that a scope had not left: a Parallel or Map state goes on with the children that had not succeeded, any
    /// other is evaluated anew.
    private mutating func redrive(scope: ScopeID) {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("a scope that did not succeed is in a state")
        }
        if entry.branches?.mapRun != nil {
            emit(.mapRunRedriven(scope: scope))
            return
        }
        // A distributed Map state without a Map Run has failed before it began one.
        guard let branches = entry.branches, !entry.isDistributedMap else {
            emit(.stateRedriven(scope: scope))
            return
        }
        emit(.branchesRedriven(scope: scope))
        if case .map = entry.plan.state.kind {
            childEnded(scope)
            return
        }
        if branches.broken.isEmpty { finish(scope: scope, result: .children) }
        // A child may end at once, and what follows from that may end this state, or the execution.
        while let standing = execution.scopes.shared(scope)?.value.entry, standing.id == entry.id,
            let index = standing.branches?.awaitingRedrive.last
        {
            redriveChild(index, of: scope)
        }
    }

    /// Goes on with a branch or an iteration that had failed or was given up.
    mutating func redriveChild(_ index: Int, of scope: ScopeID) {
        emit(.childRedriven(scope: scope, index: index))
        guard let child = execution.scopes.shared(scope)?.value.entry?.branches?.running[index] else {
            preconditionFailure("child \(index) is there again")
        }
        redrive(scope: child)
    }
}
