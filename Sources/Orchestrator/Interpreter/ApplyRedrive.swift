import JSON
import StatesLanguage

// The effects of a redrive: an execution that ended without success goes on where it had stopped.

/// A redrive that came with a token.
public struct RedriveToken: Sendable, Hashable {
    public let token: String
    public let at: Instant
}

extension Execution {
    /// So many tokens are remembered.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html
    static let rememberedRedriveTokens = 10

    mutating func applyRedrive(_ effect: Effect) {
        switch effect {
        case .executionRedriven(let count, let token): reopen(count: count, token: token)
        case .stateRedriven(let scope):
            noteRedrive(of: scope)
            let turn = runnable.append(scope)
            scopes.change(scope) { scope in
                scope.entry?.phase = .entered
                scope.entry?.turn = turn
                scope.entry?.branches = nil
            }
        case .branchesRedriven(let scope):
            noteRedrive(of: scope)
            let event = redrivenEventID
            scopes.change(scope) { scope in
                scope.entry?.phase = .branching
                scope.entry?.branches?.failed = 0
                scope.entry?.branches?.nextFollows = event
                let broken = scope.entry?.branches?.broken.keys.sorted(by: >) ?? []
                for index in broken { scope.entry?.branches?.outputs[index] = nil }
                scope.entry?.branches?.awaitingRedrive = broken
            }
        case .childRedriven(let scope, let index):
            let child = scopes.change(scope) { $0.entry?.branches?.broken.removeValue(forKey: index) }
            guard let child else { preconditionFailure("child \(index) of scope \(scope) was not given up") }
            scopes.insert(child)
            if let entry = child.entry { scopeOfEntry.insert(child.id, for: entry.id) }
            scopes.change(scope) { scope in
                scope.entry?.branches?.running[index] = child.id
                let next = scope.entry?.branches?.awaitingRedrive.popLast()
                precondition(next == index, "children are redriven in their order")
            }
        case .mapRunRedriven(let scope): redriveMapRun(scope)
        default: preconditionFailure("\(effect) is none of a redrive")
        }
    }

    private mutating func reopen(count: Int, token: String?) {
        guard let remains, let entry = remains.entry, count > redriveCount else {
            preconditionFailure("redrive \(count) goes on with an execution that ended without success")
        }
        eventCount += 1
        redrivenEventID = eventCount
        redriveCount = count
        redrivenAt = at
        if let token {
            redriveTokens.append(RedriveToken(token: token, at: at))
            redriveTokens.removeFirst(max(redriveTokens.count - Self.rememberedRedriveTokens, 0))
        }
        constantContext = start.context(of: id, startedAt: startedAt, redriveCount: count, redrivenAt: at)
        outcome = nil
        stoppedAt = nil
        self.remains = nil
        scopes.insert(remains)
        scopeOfEntry.insert(0, for: entry.id)
    }

    /// What comes next in the scope follows the redrive, and its state may be retried as often as at first.
    private mutating func noteRedrive(of scope: ScopeID) {
        let event = redrivenEventID
        scopes.change(scope) { scope in
            scope.follows = event
            scope.entry?.retries = [:]
            scope.entry?.lostWorkers = []
        }
    }

    private mutating func redriveMapRun(_ scope: ScopeID) {
        noteRedrive(of: scope)
        recordEvent(in: scope)
        let turn = runnable.append(scope)
        scopes.change(scope) { scope in
            scope.entry?.phase = .branching
            scope.entry?.turn = turn
            scope.entry?.branches?.failed = 0
            scope.entry?.branches?.mapRun?.failedItems = 0
            scope.entry?.branches?.mapRun?.redriveCount += 1
            let ended = scope.entry?.branches?.mapRun?.ended ?? [:]
            scope.entry?.branches?.mapRun?.pendingRedrive = ended.filter { !$0.value.hasSucceeded }.keys.sorted(by: >)
        }
    }
}
