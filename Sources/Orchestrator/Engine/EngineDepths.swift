/// How much waits in the engine, and for what.
public struct EngineDepths: Sendable, Equatable {
    /// Open executions in memory, and those that wait outside it.
    public var executions = 0
    public var coldExecutions = 0
    /// Tasks that wait for somebody to take them, by step or activity.
    public var readyTasks: [String: Int] = [:]
    /// Attempts in the hands of workers.
    public var leasedTasks = 0
    /// Of these, such as do not come forward though their workers are alive; and tasks that nobody gets before a person
    /// says so.
    public var stuckTasks = 0
    public var parkedTasks = 0
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
        depths.readyTasks = dispatcher.readyCounts
        depths.leasedTasks = leases.count
        depths.stuckTasks = stuckTasks
        depths.parkedTasks = dispatcher.parkedCount
        depths.waitingPolls = pollers.count
        depths.postponedChildren = postponedChildren.count
        depths.timers = alarms.count
        depths.staleAnswers = staleAnswers
        depths.snapshots = snapshotCount
        return depths
    }
}
