import Interpreter
import Journal
import Postgres

/// Where an engine notes what it decides on, so that it can be told after its end: memory that outlives the process.
public protocol DecisionNote: Sendable {
    /// What the last engine here ended with; nil where it ended otherwise. Stays until ``clear()``.
    func found() -> (subject: String, event: String, incarnation: String)?
    /// What was found has been counted.
    func clear()
    /// A decision begins.
    func begin(subject: String, event: String, execution: String)
    func end()
}

/// What is set aside because engines ended while they decided on it.
struct SetAside: Sendable {
    let event: String
    let crashes: Int
    let lastAt: Int64

    init(_ suspect: Suspect) { (event, crashes, lastAt) = (suspect.event, suspect.crashes, suspect.lastAt) }

    var sentence: String { "\(crashes) engines ended while they decided on it (event '\(event)')." }
}

extension Engine {
    /// After so many engines that ended with it an execution is set aside.
    public static let crashesBeforeQuarantine = 2

    /// Counts what the last engine here ended with.
    func countFound() async throws {
        guard let decisionNote, let found = decisionNote.found() else { return }
        log.error(
            "the last engine here ended while it decided",
            metadata: ["subject": "\(found.subject)", "event": "\(found.event)"])
        try await journal.countCrash(subject: found.subject, event: found.event, incarnation: found.incarnation)
        decisionNote.clear()
    }

    func loadSuspects() async throws {
        for suspect in try await journal.suspects(crashes: Self.crashesBeforeQuarantine)
        where !Self.isSource(suspect.subject) {
            suspects[suspect.subject] = SetAside(suspect)
            log.error(
                "set aside: engines ended while they decided on it",
                metadata: [
                    "subject": "\(suspect.subject)", "event": "\(suspect.event)", "crashes": "\(suspect.crashes)",
                ])
        }
    }

    /// Decides, and tells whoever may come after.
    func noting<Value>(_ run: Run, _ event: String, _ body: () -> Value) -> Value {
        guard let decisionNote else { return body() }
        decisionNote.begin(
            subject: run.seq == 0 ? run.startSubject ?? run.execution.id : run.execution.id, event: event,
            execution: run.execution.start.name)
        defer { decisionNote.end() }
        return body()
    }

    /// Takes an execution up again that was set aside. Throws `.notFound`, and `.conflict` where it is not set aside.
    ///
    /// - Returns: its ARN; nil for one that can't be read, now or ever. What can't be now goes on when it can.
    @discardableResult
    public func releaseExecution(_ id: String) async throws(EngineError) -> String? {
        try requireReady()
        // Not read before it is released: that may be what engines ended with.
        let executionID = try await executionID(id)
        guard suspects[executionID] != nil else {
            _ = try await find(id)
            throw EngineError(code: .conflict, message: "The execution is not set aside.")
        }
        try await written { try await journal.deleteSuspect(executionID) }
        if suspects.removeValue(forKey: executionID) != nil, runs[executionID] == nil { await reloadNow(executionID) }
        return runs[executionID]?.execution.arn
    }

    /// The execution that has a name already, and whether it is open. One that is set aside is not read for that: it may be
    /// what engines ended with.
    func taker(_ id: String, arn: String) async throws(EngineError) -> (execution: StartedExecution, isOpen: Bool) {
        guard suspects[id] != nil else {
            let execution = try await find(id).execution
            return (
                StartedExecution(executionARN: execution.arn, startDateMicroseconds: execution.startedAt),
                execution.isOpen
            )
        }
        let line: ListEntry?
        do throws(PostgresError) { line = try await journal.listEntry(id) } catch { throw .unavailable(error.message) }
        guard let line else { throw .noExecution(id) }
        return (
            StartedExecution(executionARN: arn, startDateMicroseconds: line.startedAt),
            line.status == RunStatus.running.rawValue
        )
    }

    /// Ends an execution that is set aside: nothing of it is evaluated.
    func stopSetAside(_ run: Run, error: String?, cause: String?) async throws(EngineError) {
        insert(run)
        if case .refused(let reason) = await submit(.stop(error: error, cause: cause), to: run) {
            forget(run)
            throw EngineError.unavailable(reason)
        }
        stopRelatives(of: run)
        try await written { try await journal.deleteSuspect(run.execution.id) }
        suspects[run.execution.id] = nil
        // Those that were loaded meanwhile took it for one that comes back.
        stopRelatives(of: run)
    }
}

extension Event {
    /// A word for notes.
    var word: String {
        switch self {
        case .start: "start"
        case .proceed: "proceed"
        case .handOut: "handOut"
        case .taskSubmitted: "taskSubmitted"
        case .taskSucceeded: "taskSucceeded"
        case .taskFailed: "taskFailed"
        case .attemptFailed: "attemptFailed"
        case .heartbeatMissed: "heartbeatMissed"
        case .workerLost: "workerLost"
        case .taskReleased: "taskReleased"
        case .itemsRead: "itemsRead"
        case .itemReadFailed: "itemReadFailed"
        case .resultsWritten: "resultsWritten"
        case .resultWriteFailed: "resultWriteFailed"
        case .childExecutionEnded: "childExecutionEnded"
        case .mapRunUpdated: "mapRunUpdated"
        case .timer: "timer"
        case .stop: "stop"
        case .redrive: "redrive"
        }
    }
}
