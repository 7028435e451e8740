import Interpreter

/// What an execution was told and has taken, told again: what comes a second time, or late, changes nothing. The engine passes
/// much of this over before it comes to the rules, which have to stand without that.
struct Echoes {
    private var told: [Echo] = [Echo(event: .start, mapRun: nil)]

    private struct Echo {
        let event: Event
        /// Where it tells of a child execution: engines tell one Map Run of an entry from the next before they pass it on.
        let mapRun: String?
    }

    /// Notes what an effect came of, before it is applied.
    mutating func note(_ effect: Effect, in execution: Execution) {
        if case .executionRedriven(let count, let token) = effect {
            told.append(Echo(event: .redrive(count: count, token: token), mapRun: nil))
            return
        }
        guard let scope = effect.scope, let entry = execution.scopes[scope]?.entry else { return }
        if case .childExecutionEnded(_, let index, let outcome) = effect,
            let mapRun = entry.branches?.mapRun, let child = mapRun.running[index]
        {
            let event = Event.childExecutionEnded(
                entry: entry.id, index: index, outcome: outcome, redrives: child.redrives)
            told.append(Echo(event: event, mapRun: mapRun.arn))
            return
        }
        guard case .task(let attempt) = entry.phase else { return }
        for nonce in [attempt.started?.nonce, attempt.callbackNonce].compactMap(\.self) {
            for event in Self.answers(effect, of: entry.id, nonce: nonce) {
                told.append(Echo(event: event, mapRun: nil))
            }
        }
    }

    /// Who may have said what an effect came of, and who might have said something else of the same attempt.
    private static func answers(_ effect: Effect, of entry: EntryID, nonce: String) -> [Event] {
        switch effect {
        case .taskSucceeded(_, let output):
            [.taskSucceeded(entry: entry, nonce: nonce, output: output), .heartbeatMissed(entry: entry, nonce: nonce)]
        case .taskFailed(_, let error, let cause):
            [.taskFailed(entry: entry, nonce: nonce, error: error, cause: cause)]
        case .taskTimedOut:
            [
                .taskSucceeded(entry: entry, nonce: nonce, output: [:]),
                .workerLost(entry: entry, nonce: nonce, error: nil, cause: ""),
            ]
        default: []
        }
    }

    /// Those that would still change something.
    func taken(by execution: Execution, at instant: Instant) -> [Event] {
        told.filter { echo in
            if case .childExecutionEnded(let entry, _, _, _) = echo.event,
                execution.entry(entry)?.branches?.mapRun?.arn != echo.mapRun
            {
                return false
            }
            return !decide(execution, echo.event, now: instant, limits: execution.start.deployment.limits).isStale
        }.map(\.event)
    }
}
