/// Whether a worker gets tasks.
public enum WorkerMode: String, Sendable, Hashable, CaseIterable {
    case active
    /// Finishes what it has and takes nothing new: somebody wants to stop or change it.
    case draining
    /// Takes nothing new: somebody mistrusts it.
    case quarantined
}

/// What the dispatcher knows of a worker.
struct WorkerState: Sendable {
    var labels: [String: String] = [:]
    /// Nil where the worker does not say: then its slots alone bound it.
    var capacity: Resources?
    var queues: Set<String> = []
    var mode = WorkerMode.active
    /// Why it is not active.
    var reason: String?
    var lastSeen: Microseconds = 0
    /// What its tasks book.
    var used = Resources()
    var tasks: Set<TaskName> = []
    /// The task that it keeps itself free for.
    var keptFor: TaskName?
    /// Failures in a row by its own fault, by queue.
    var failures: [String: FailureRow] = [:]
    /// Queues it gets nothing of for a while.
    var aside: [String: QueueAside] = [:]

    struct FailureRow: Sendable {
        var count = 0
        /// Of which executions, two at most.
        var executions: Set<String> = []
        var cause = ""
    }

    init(lastSeen: Microseconds = 0) { self.lastSeen = lastSeen }

    /// Whether there is enough left for a task that it can do. With nothing in its hands there always is.
    func fits(_ reservation: Reservation) -> Bool {
        guard let capacity, !tasks.isEmpty else { return reservation.booked(on: self.capacity) != nil }
        guard let booked = reservation.booked(on: capacity) else { return false }
        return booked.fits(in: capacity - used)
    }

    func has(_ wanted: [String: String]) -> Bool { wanted.allSatisfy { labels[$0.key] == $0.value } }
}

/// That a worker gets nothing of a queue for a while.
public struct QueueAside: Sendable, Hashable {
    public let until: Microseconds
    public let reason: String

    public init(until: Microseconds, reason: String) {
        self.until = until
        self.reason = reason
    }
}

/// A worker as people see it.
public struct WorkerStanding: Sendable, Hashable {
    public let labels: [String: String]
    public let capacity: Resources?
    public let used: Resources
    public let mode: WorkerMode
    /// Why it is not active.
    public let reason: String?
    /// Queues it gets nothing of for a while, with the reason.
    public let aside: [String: String]
}

extension Dispatcher {
    /// A worker says what it is; with every poll.
    public mutating func see(
        _ name: String, labels: [String: String], capacity: Resources?, queues: Set<String>, at now: Microseconds
    ) {
        var state = workers[name] ?? WorkerState()
        (state.labels, state.capacity, state.queues, state.lastSeen) = (labels, capacity, queues, now)
        workers[name] = state
    }

    /// A worker has been heard of.
    public mutating func hear(_ name: String, at now: Microseconds) { workers[name]?.lastSeen = now }

    /// Sets a worker's mode, known or not yet. What it has in its hands it keeps.
    public mutating func setMode(_ mode: WorkerMode, of name: String, because reason: String?) {
        var state = workers[name] ?? WorkerState()
        state.mode = mode
        state.reason = mode == .active ? nil : reason
        state.keptFor = nil
        if mode == .active {
            state.failures = [:]
            state.aside = [:]
        }
        workers[name] = state
    }

    /// Forgets a worker that holds nothing and is active; others stay.
    public mutating func forgetWorker(_ name: String) {
        guard let state = workers[name], state.tasks.isEmpty, state.mode == .active else { return }
        workers[name] = nil
    }

    public func standing(of name: String) -> WorkerStanding? {
        workers[name].map { state in
            WorkerStanding(
                labels: state.labels, capacity: state.capacity, used: state.used, mode: state.mode,
                reason: state.reason, aside: state.aside.mapValues(\.reason))
        }
    }

    /// Whether a worker gets nothing of some kind at an instant, or nothing at all.
    public func isAside(_ name: String, at now: Microseconds) -> Bool {
        workers[name].map { $0.mode != .active || $0.aside.values.contains { $0.until > now } } ?? false
    }

    /// A worker did a task. True where it had been set aside for such tasks, and is no more.
    public mutating func noteSuccess(of worker: String, queue: String) -> Bool {
        workers[worker]?.failures[queue] = nil
        return workers[worker]?.aside.removeValue(forKey: queue) != nil
    }

    /// A worker is set aside: known from before a start.
    public mutating func setAside(_ worker: String, queue: String, _ aside: QueueAside) {
        workers[worker, default: WorkerState()].aside[queue] = aside
    }

    /// A worker failed a task by its own fault. Says until when, and why, it gets no more of the kind; nil where it does.
    ///
    /// That needs failures in a row, of two executions at least (one may be at fault itself), and another worker that
    /// does such tasks: the last one is never put aside.
    public mutating func noteFailure(
        of worker: String, queue: String, execution: String, cause: String, at now: Microseconds
    ) -> QueueAside? {
        guard settings.failuresInRow > 0, var state = workers[worker] else { return nil }
        var row = state.failures[queue] ?? WorkerState.FailureRow()
        row.count += 1
        if row.executions.count < 2 { row.executions.insert(execution) }
        row.cause = cause
        state.failures[queue] = row
        var aside: QueueAside?
        if row.count >= settings.failuresInRow, row.executions.count >= 2,
            workers.contains(where: { name, other in
                name != worker && other.queues.contains(queue) && isUsable(other, queue, at: now)
            })
        {
            aside = QueueAside(
                until: now + settings.timeAside,
                reason: "\(row.count) tasks of '\(queue)' failed there one after the other, the last one: \(cause)")
            state.aside[queue] = aside
        }
        workers[worker] = state
        return aside
    }

    /// Whether a worker is there and may get tasks of a queue.
    func isUsable(_ worker: WorkerState, _ queue: String, at now: Microseconds) -> Bool {
        worker.mode == .active && now - worker.lastSeen < settings.silence && !isAside(worker, queue, at: now)
    }

    func isAside(_ worker: WorkerState, _ queue: String, at now: Microseconds) -> Bool {
        worker.aside[queue].map { $0.until > now } ?? false
    }

    /// Whether a worker may have tasks of a kind at all.
    func isAdmissible(_ kind: TaskKind, _ name: String, _ worker: WorkerState, at now: Microseconds) -> Bool {
        guard worker.has(kind.labels), kind.reservation.booked(on: worker.capacity) != nil,
            !isAside(worker, kind.queue, at: now)
        else { return false }
        guard kind.avoided.contains(name) else { return true }
        // Where nobody else could do it, better there than nowhere.
        return !workers.contains { other, state in
            !kind.avoided.contains(other) && state.queues.contains(kind.queue) && state.has(kind.labels)
                && isUsable(state, kind.queue, at: now) && kind.reservation.booked(on: state.capacity) != nil
        }
    }

    /// Whether a worker that is there keeps itself free for a task.
    func isKeptFor(_ name: TaskName, at now: Microseconds) -> Bool {
        workers.values.contains { $0.keptFor == name && now - $0.lastSeen < settings.silence && $0.mode == .active }
    }
}
