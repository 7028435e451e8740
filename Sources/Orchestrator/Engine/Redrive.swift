import Interpreter
import Journal

/// An ended execution that somebody is about to take into memory again.
struct Reopening {
    /// Calls that are about to.
    var waiting = 0
    /// How often it has left memory since the first of them came.
    var departures = 0
}

/// RedriveExecution: an execution that ended without success goes on where it had stopped.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
extension Engine {
    /// After its end an execution can be redriven for so long, in microseconds: as AWS has it.
    private static let redrivablePeriod: Int64 = 14 * 86_400 * 1_000_000
    /// The longest that an execution may be open, its redrives included, in microseconds: as AWS has it.
    private static let longestOpenTime: Int64 = 365 * 86_400 * 1_000_000
    /// The same token asks for the same redrive for so long, in microseconds.
    private static let tokenPeriod: Int64 = 15 * 60 * 1_000_000

    public func redriveExecution(_ id: String) async throws(EngineError) {
        _ = try await redrive(id, token: nil)
    }

    /// Redrives an execution and gives the instant at which that was.
    ///
    /// - Parameter token: the caller's name for this redrive; asked for again, it is answered with what was done.
    ///
    /// Throws `.notFound`, `.notRedrivable` with the reason, `.executionLimit`, `.unavailable`.
    public func redrive(_ id: String, token: String?) async throws(EngineError) -> Int64 {
        let id = try await find(id).execution.id
        reopenings[id, default: Reopening()].waiting += 1
        defer {
            reopenings[id]?.waiting -= 1
            if reopenings[id]?.waiting == 0 { reopenings[id] = nil }
        }
        // Redriven by somebody else, and ended again, while it was read: what was read is not how it stands.
        while true {
            let departures = reopenings[id]?.departures
            let run = try await find(id)
            if let instant = try earlierRedrive(of: run, token: token) { return instant }
            if let trouble = await journal.trouble {
                throw EngineError.unavailable("The database takes no writes: \(trouble)")
            }
            guard let taken = try reopen(run, departures: departures) else { continue }
            return try await redrive(taken, token: token)
        }
    }

    /// When the redrive of this token was, if it was already. Throws `.notRedrivable`.
    private func earlierRedrive(of run: Run, token: String?) throws(EngineError) -> Int64? {
        if let token, let earlier = run.execution.redriveTokens.last(where: { $0.token == token }),
            now - earlier.at < Self.tokenPeriod
        {
            return earlier.at
        }
        if let refusal = refusal(toRedrive: view(of: run), isExpress: run.execution.start.deployment.isExpress) {
            throw EngineError(code: .notRedrivable, message: refusal)
        }
        guard run.execution.start.parent == nil else {
            throw EngineError(
                code: .notRedrivable,
                message: "Execution is part of a Map Run and is redriven with the execution that the Map Run is in")
        }
        return nil
    }

    private func redrive(_ run: Run, token: String?) async throws(EngineError) -> Int64 {
        let event = Event.redrive(count: run.execution.redriveCount + 1, token: token)
        switch await submit(event, to: run) {
        case .committed: return run.execution.redrivenAt ?? now
        case .stale:
            // Another call redrove it meanwhile; with the same token it was this redrive.
            if let instant = try earlierRedrive(of: run, token: token) { return instant }
            throw EngineError(code: .notRedrivable, message: "Execution is RUNNING and cannot be redriven")
        case .nameTaken: preconditionFailure("a redrive takes no name")
        case .refused(let reason):
            if !run.execution.isOpen { forget(run) }
            throw EngineError.unavailable(reason)
        }
    }

    /// Takes an ended execution into memory, so that it can take events; one that is there already is taken as it is. Nil
    /// where it has been there, and left again, since `departures` were counted.
    private func reopen(_ run: Run, departures: Int?) throws(EngineError) -> Run? {
        if let running = runs[run.execution.id] {
            // Redriven by somebody else: a redrive after that one would be meant for an end that nobody has seen.
            return running.execution.isOpen ? nil : running
        }
        guard reopenings[run.execution.id]?.departures == departures else { return nil }
        guard runs.count < limits.openExecutions else {
            throw tooManyExecutions
        }
        insert(run)
        return run
    }

    /// Redrives a child with its Map Run, as often as its parent's journal says.
    func redriveChild(_ child: Run, key: ChildKey, redrives: Int, of parent: Run) async {
        let id = child.execution.id
        let run = runs[id] ?? child
        if runs[id] == nil {
            guard hasRoom(for: key, of: parent) else { return }
            insert(run)
        }
        switch await submit(.redrive(count: redrives, token: nil), to: run) {
        case .committed, .stale: return
        case .nameTaken: preconditionFailure("a redrive takes no name")
        case .refused(let reason):
            if !run.execution.isOpen { forget(run) }
            guard !isStopping else { return }
            log.warning(
                "a child execution is not redriven yet", metadata: ["execution": "\(id)", "reason": "\(reason)"])
            await ensureLater(key, of: parent.execution.id)
        }
    }

    /// Puts into a view whether its execution can be redriven.
    func noteRedrive(in view: inout RunView, isExpress: Bool) {
        view.redriveRefusal = refusal(toRedrive: view, isExpress: isExpress)
    }

    /// Why an execution can't be redriven, in the words of `redriveStatusReason`; nil where it can be.
    private func refusal(toRedrive run: RunView, isExpress: Bool) -> String? {
        switch run.status {
        case .running, .succeeded, .pendingRedrive:
            return "Execution is \(run.status.rawValue) and cannot be redriven"
        case .failed, .timedOut, .aborted: break
        }
        if let suspect = suspects[run.id] { return "\(suspect.sentence) It is to be released first." }
        if isExpress, run.mapRunARN == nil { return "Execution is of an EXPRESS state machine and cannot be redriven" }
        let machine = run.machine.split(separator: "/").first.map(String.init) ?? run.machine
        guard let state = machines[machine] else { return "State machine does not exist" }
        if state.isDeleting { return "State machine is in DELETING status" }
        if now - run.startDateMicroseconds > Self.longestOpenTime {
            return "Execution has exceeded the max execution time"
        }
        if let stopped = run.stopDateMicroseconds, now - stopped > Self.redrivablePeriod {
            return "Execution redrivable period exceeded"
        }
        return nil
    }
}
