/// What a schedule remembers: the whole of it, changed by ``decide(_:_:_:now:)`` alone and kept after each decision.
public struct ScheduleState: Sendable, Hashable {
    /// Where a rate without a start date begins.
    public internal(set) var anchor: EpochSeconds
    /// The times of the expression up to this one are decided, whatever clocks say. It goes back only when people resume
    /// the schedule or change its timing.
    public internal(set) var horizon: EpochSeconds
    /// The timing for which the horizon holds.
    var fingerprint: String
    /// Why the schedule is paused; nil while it is not.
    public internal(set) var pause: Pause?
    /// Whether it was paused or disabled when last decided: times up to the next decision are then nobody's.
    var wasHeld: Bool
    /// Fires whose time has come and whose point in the flexible window has not.
    public internal(set) var waiting: [Fire] = []
    /// Fires that wait for the end of an execution, in the order in which they start.
    public internal(set) var buffered: [Fire] = []
    public internal(set) var running: [Run] = []
    public internal(set) var backfills: [Backfill] = []
    /// Executions started.
    public internal(set) var starts = 0
    /// Fires that started nothing, by reason.
    public internal(set) var skips: [SkipReason: Int] = [:]

    public struct Pause: Sendable, Hashable {
        public let reason: String
        public let since: EpochSeconds
    }

    /// A start to come.
    public struct Fire: Sendable, Hashable {
        public let executionName: String
        /// The time that the expression names; for a request, when it came.
        public let time: EpochSeconds
        /// When it comes due: later than its time in a flexible window.
        public let start: EpochSeconds
        public internal(set) var cause: StartCause
        let overlapPolicy: OverlapPolicy
    }

    /// An execution that was started and has not ended.
    public struct Run: Sendable, Hashable {
        public let fire: Fire
        /// Whether the engine has said that the execution exists.
        public internal(set) var isConfirmed = false
        /// Whether it is to be stopped, for the sake of the next one.
        public internal(set) var isCancelled = false
    }

    /// Times of the past that are still to be started.
    public struct Backfill: Sendable, Hashable {
        /// Times up to this one are done.
        public internal(set) var after: EpochSeconds
        /// Included.
        public let through: EpochSeconds
        public let overlapPolicy: OverlapPolicy
    }

    /// So many fires may wait for executions to end.
    public static let maximumBuffered = 1000
    /// So many executions of a schedule may run.
    public static let maximumRunning = 1000
    /// So many backfills may be under way.
    public static let maximumBackfills = 10
    /// The longest reason of a pause, in bytes of UTF-8.
    public static let maximumReasonBytes = 1000

    /// A new schedule, made at a time: nothing before it fires.
    public init(of schedule: Schedule, at now: EpochSeconds) {
        anchor = now
        horizon = now - 1
        fingerprint = schedule.timing.fingerprint
        wasHeld = !schedule.isEnabled
    }

    func isHeld(_ schedule: Schedule) -> Bool { pause != nil || !schedule.isEnabled }

    /// When the schedule next has something to decide by itself; nil when only an event brings it on.
    public func wakeTime(of schedule: Schedule) -> EpochSeconds? {
        if isHeld(schedule) { return nil }
        let next = schedule.timing.nextFire(after: horizon, anchor: anchor)?.time
        let due = waiting.map(\.start).min()
        return [next, due].compactMap { $0 }.min()
    }

    /// What was decided and perhaps not done: starts that nobody has confirmed and stops of executions that have not
    /// ended. To be done again, as often as it takes, after the state was read; names make that harmless.
    public var unconfirmed: [ScheduleAction] {
        running.flatMap { run -> [ScheduleAction] in
            (run.isConfirmed ? [] : [.start(ScheduledStart(run.fire))])
                + (run.isCancelled ? [.cancel(executionName: run.fire.executionName)] : [])
        }
    }
}

/// Why an execution is started.
public enum StartCause: String, Sendable, Hashable, CaseIterable {
    /// Its time came.
    case schedule = "Schedule"
    /// Its time passed while nobody was there.
    case catchup = "Catchup"
    case backfill = "Backfill"
    /// Somebody asked for it.
    case request = "Request"
}

/// Why a fire starts nothing.
public enum SkipReason: String, Sendable, Hashable, CaseIterable {
    /// An execution was running.
    case overlap = "Overlap"
    /// Its time passed while nobody was there, and the catch-up policy leaves it out.
    case missed = "Missed"
    /// ``ScheduleState/maximumBuffered`` or ``ScheduleState/maximumRunning`` is reached.
    case full = "Full"
    /// The schedule was paused or disabled.
    case held = "Held"
    /// The schedule's timing was changed before it started.
    case changed = "Changed"
    /// Its execution is running already, or about to.
    case repeated = "Repeated"
}

/// An execution to start, under a name that makes it harmless to do so twice.
public struct ScheduledStart: Sendable, Hashable {
    public let executionName: String
    /// The time that the expression names; for a request, when it came.
    public let time: EpochSeconds
    public let cause: StartCause

    init(_ fire: ScheduleState.Fire) {
        executionName = fire.executionName
        time = fire.time
        cause = fire.cause
    }
}

/// What follows from a decision.
public enum ScheduleAction: Sendable, Hashable {
    case start(ScheduledStart)
    /// Stop an execution; when it has ended, that is told by ``ScheduleEvent/ended(executionName:)``.
    case cancel(executionName: String)
    /// For people: fires in a row that start nothing.
    case skipped(reason: SkipReason, first: EpochSeconds, last: EpochSeconds, count: Int)
}

/// What a schedule is told.
public enum ScheduleEvent: Sendable, Hashable {
    /// Time has passed.
    case tick
    /// The schedule may be another one than the state was made for: sent when definitions were read.
    case definitionRead
    /// The execution exists.
    case started(executionName: String)
    /// The execution has ended, or can't be started.
    case ended(executionName: String)
    case pause(reason: String)
    case resume
    /// Start an execution now. A request with the same token starts the same execution. Without a policy the schedule's
    /// holds.
    case runNow(token: String, overlapPolicy: OverlapPolicy?)
    /// Start what the expression names from one time through another, both included.
    case backfill(from: EpochSeconds, through: EpochSeconds, overlapPolicy: OverlapPolicy)
}
