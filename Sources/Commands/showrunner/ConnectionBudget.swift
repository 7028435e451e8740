import Engine
import Glibc

/// How many connections the engine keeps, and how many of them may wait: what waits for something to happen must leave
/// connections for everybody else.
struct ConnectionBudget: Equatable {
    let connections: Int
    let workerPolls: Int
    let activityPolls: Int
    let synchronousExecutions: Int
    let eventStreams: Int
    /// Calls handed on to the active engine at a time: each has a connection more.
    let forwardedCalls: Int

    /// For the database, the store, logs, calls to the outside.
    static let reservedFiles = 256

    /// - Parameter openFiles: how many files the process may have open.
    init(openFiles: Int) {
        connections = max(min(openFiles - Self.reservedFiles, 4096), 64)
        workerPolls = min(connections / 4, 1000)
        activityPolls = min(connections / 4, 1000)
        synchronousExecutions = min(connections / 8, 500)
        eventStreams = min(connections / 16, 256)
        forwardedCalls = max(min(openFiles - Self.reservedFiles - connections, connections), 32)
    }

    func apply(to limits: inout Engine.Limits) {
        limits.waitingPolls = workerPolls
        limits.activityPolls = activityPolls
        limits.synchronousExecutions = synchronousExecutions
        // Its own calls wait for an engine's updates beside the streams.
        limits.observers = eventStreams
    }

    /// Raises the process' own limit as far as it may, and gives it.
    static func raiseOpenFiles() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        let wanted = rlimit(rlim_cur: min(limit.rlim_max, 65_536), rlim_max: limit.rlim_max)
        var raised = wanted
        if limit.rlim_cur < wanted.rlim_cur, setrlimit(resource, &raised) == 0 { limit = wanted }
        return limit.rlim_cur > UInt(Int.max) ? Int.max : Int(limit.rlim_cur)
    }
}
