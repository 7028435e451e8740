public import Dispatching
import Interpreter
import JSON
import Journal
import StepContracts

/// What operators say about workers and tasks.
extension Engine {
    /// Bytes of a reason at most.
    public static let reasonBytes = 1024

    /// Sets whether a worker gets tasks; what it has it keeps. Outlives the engine and the worker.
    ///
    /// Throws `.notFound` for a worker that nobody has heard of, and `.invalid` for a reason that is too long.
    public func setWorkerMode(_ mode: WorkerMode, of name: String, because reason: String?) async throws(EngineError) {
        try requireReady()
        guard workerRecords[name] != nil || dispatcher.standing(of: name).map({ $0.mode != .active }) == true else {
            throw EngineError(code: .notFound, message: "No worker '\(name)' has been heard of.")
        }
        if let reason, reason.utf8.count > Self.reasonBytes {
            throw EngineError(code: .invalid, message: "A reason has at most \(Self.reasonBytes) bytes.")
        }
        let order = WorkerOrder(worker: name, mode: mode.rawValue, reason: reason, at: now)
        try await written {
            guard mode == .active else { return try await journal.saveWorkerOrder(order) }
            // What it was set aside for is forgiven, too.
            guard try await journal.deleteAside(of: name, queue: nil) else { return false }
            return try await journal.deleteWorkerOrder(name)
        }
        dispatcher.setMode(mode, of: name, because: reason ?? "by hand")
        log.notice(
            "a worker's mode was set",
            metadata: ["worker": "\(name)", "mode": "\(mode.rawValue)", "reason": "\(reason ?? "")"])
        handOutWaiting()
    }

    /// Lets a parked task be handed out again: the workers lost with it count no more, and neither do those lost with its
    /// source, for which others may have been held, too.
    ///
    /// Throws `.notFound` for an execution or an entry that does not exist, and `.conflict` where the task is not parked.
    ///
    /// - Returns: the execution's ARN.
    @discardableResult
    public func releaseTask(_ entry: Int, of id: String) async throws(EngineError) -> String {
        let (run, name) = try await parkedTask(entry, of: id)
        guard let state = run.execution.entry(entry), case .task(let attempt) = state.phase else {
            throw notParked(entry)
        }
        // One that is held for its source alone has nothing to forget.
        if !state.lostWorkers.isEmpty {
            switch await submit(.taskReleased(entry: entry), to: run) {
            case .committed: break
            case .stale, .nameTaken: throw notParked(entry)
            case .refused(let reason): throw EngineError.unavailable(reason)
            }
        }
        if let source = sourceName(attempt), try await releaseSource(source) { return run.execution.arn }
        if dispatcher.unpark(name) { dispatch(entry, of: run) }
        return run.execution.arn
    }

    /// Ends a parked task with an error, which the definition may catch. Throws as ``releaseTask(_:of:)`` does.
    @discardableResult
    public func failTask(
        _ entry: Int, of id: String, error: String?, cause: String?
    ) async throws(EngineError) -> String {
        let (run, name) = try await parkedTask(entry, of: id)
        let reason = dispatcher.parkingReason(of: name) ?? ""
        let event = Event.attemptFailed(
            entry: entry, nonce: nil, stage: .start, error: error ?? StepErrorName.taskParked,
            cause: cause ?? "The task was given up: \(reason).")
        switch await submit(event, to: run) {
        case .committed: return run.execution.arn
        case .stale, .nameTaken: throw notParked(entry)
        case .refused(let reason): throw EngineError.unavailable(reason)
        }
    }

    /// Tasks that are parked: the execution's id and the state entry.
    public func parkedTasks() -> [(execution: String, entry: Int)] {
        dispatcher.parkedTasks.map { ($0.execution, $0.entry) }
    }

    private func parkedTask(_ entry: Int, of id: String) async throws(EngineError) -> (Run, TaskName) {
        let run = try await find(id)
        guard runs[run.execution.id] === run else { throw notParked(entry) }
        let name = TaskName(execution: run.execution.id, entry: entry)
        guard dispatcher.parkingReason(of: name) != nil else { throw notParked(entry) }
        return (run, name)
    }

    private func notParked(_ entry: Int) -> EngineError {
        EngineError(code: .conflict, message: "The task of the state entry \(entry) is not parked.")
    }
}
