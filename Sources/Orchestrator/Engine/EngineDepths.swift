import Interpreter
import Metrics

/// How much waits in the engine, and for what.
public struct EngineDepths: Sendable, Equatable {
    /// Open executions in memory, and those that wait outside it.
    public var executions = 0
    public var coldExecutions = 0
    /// Tasks that wait for somebody to take them, by step or activity.
    public var readyTasks: [String: Int] = [:]
    /// Tasks that nobody gets before a person says so.
    public var parkedTasks = 0
    /// Workers that are set aside for tasks of a kind, or get none at all.
    public var asideWorkers = 0
    /// Attempts in the hands of workers.
    public var leasedTasks = 0
    /// Of these, such as do not come forward though their workers are alive.
    public var stuckTasks = 0
    /// Workers' and activities' polls that wait for a task.
    public var waitingPolls = 0
    /// Child executions that wait for room.
    public var postponedChildren = 0
    /// Timers in memory.
    public var timers = 0
    /// Since the start: answers to attempts that were over, and snapshots written.
    public var staleAnswers = 0
    public var snapshots = 0
}

extension Engine {
    /// What waits at this moment.
    public func depths() -> EngineDepths {
        var depths = EngineDepths()
        depths.executions = runs.count
        depths.coldExecutions = cold.total
        depths.readyTasks = dispatcher.readyCounts.reduce(into: [:]) {
            $0[Self.label(ofQueue: $1.key), default: 0] += $1.value
        }
        depths.parkedTasks = dispatcher.parkedCount
        depths.asideWorkers = workerRecords.keys.count { dispatcher.isAside($0, at: now) }
        depths.leasedTasks = leases.count
        depths.stuckTasks = stuckTasks
        depths.waitingPolls = pollers.count
        depths.postponedChildren = postponedChildren.count
        depths.timers = alarms.count
        depths.staleAnswers = staleAnswers
        depths.snapshots = snapshotCount
        return depths
    }

    /// A queue's name in metrics: the step's, of which there are few; activities, of which there may be very many, have one
    /// together.
    static func label(ofQueue queue: String) -> String { queue.hasPrefix("arn:") ? "activity" : queue }

    /// An attempt has been handed out, and its row is in: counts it, and how long the task had waited.
    func noteOffer(_ attempt: TaskAttempt, _ started: TaskAttempt.Started) {
        let dimensions = [("queue", queue(of: attempt.resource).map(Self.label(ofQueue:)) ?? "other")]
        Counter(label: "showrunner_offered_tasks_total", dimensions: dimensions).increment()
        Metrics.Timer(label: "showrunner_task_wait", dimensions: dimensions)
            .recordMicroseconds(max(0, started.at - attempt.scheduledAt))
    }
}
