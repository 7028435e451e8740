import DequeModule
import JSON
import Journal
import OrderedCollections
import Schedules

/// What starts executions by itself, as the engine holds it in memory.
struct Scheduling {
    /// By name, in the order of the file.
    var entries: OrderedDictionary<String, ScheduleEntry> = [:]
    /// Executions of schedules that run, by ARN: their end is an event to the schedule.
    var watched: [String: (schedule: String, execution: String)] = [:]
    /// What is kept of triggers, by name; asked of the database when first needed.
    var triggers: [String: StoredTrigger] = [:]
    var areTriggersLoaded = false
    var clock = ScheduleClock()
    var timer: Task<Void, Never>?
    /// When the timer rings, by the schedules' clock.
    var armedAt: EpochSeconds?
    var sampler: Task<Void, Never>?
}

/// A schedule in memory, with what waits for it. Lives inside the engine actor and nowhere else.
final class ScheduleEntry {
    let schedule: Schedule
    /// As the database has it, once ``version`` is not 0.
    var state: ScheduleState
    /// What it did last, the latest last; kept with the state.
    var recent: [ScheduleRecord]
    /// Of the last try to write.
    var version: Int64
    /// Whether the database has the state.
    var isKept: Bool
    /// Events not yet decided, in order of arrival.
    var mailbox: Deque<PendingScheduleEvent> = []
    /// One decision at a time; what arrives meanwhile waits in the mailbox.
    var isDeciding = false
    /// When it has something to decide by itself.
    var wakeTime: EpochSeconds?
    /// Executions that are being started or looked for.
    var underWay: Set<String> = []
    /// Why it does nothing at present, for people; nil while it does.
    var trouble: String?
    /// Whether what was kept could be read. One of a later release stays as it is, and does nothing here.
    let isReadable: Bool

    init(
        schedule: Schedule, state: ScheduleState, recent: [ScheduleRecord], version: Int64, isKept: Bool,
        isReadable: Bool = true
    ) {
        self.isReadable = isReadable
        self.schedule = schedule
        self.state = state
        self.recent = recent
        self.version = version
        self.isKept = isKept
    }

    /// So many records are kept of each schedule.
    static let maximumRecords = 50

    /// With further records; the oldest go.
    func recent(with records: [ScheduleRecord]) -> [ScheduleRecord] {
        records.isEmpty ? recent : (recent + records).suffix(Self.maximumRecords)
    }

    /// What an execution was to be started of: the definition may have changed since that was decided.
    func target(ofExecution name: String) -> String {
        for case .start(_, let start, let target) in recent.reversed() where start == name { return target }
        return schedule.target
    }
}

/// An event on its way to a schedule, and who waits for what becomes of it.
struct PendingScheduleEvent {
    let event: ScheduleEvent
    /// Kept with the decision.
    var record: ScheduleRecord?
    /// Such an event is decided once, and a failure is told.
    var reply: ((Result<ScheduleDecision, EngineError>) -> Void)?
}

/// What a schedule did, for people; kept with its state.
enum ScheduleRecord: Sendable, Hashable {
    /// An execution was decided on: when, its name, and of which machine.
    case start(at: Int64, execution: String, target: String)
    /// Fires in a row that start nothing.
    case skip(at: Int64, reason: String, first: EpochSeconds, last: EpochSeconds, count: Int)
    /// An execution could not be started.
    case failure(at: Int64, execution: String, cause: String)

    /// As it is kept, and shown with its instant as a timestamp.
    var json: JSON {
        switch self {
        case .start(let at, let execution, let target):
            ["at": .integer(at), "execution": .string(execution), "target": .string(target)]
        case .skip(let at, let reason, let first, let last, let count):
            [
                "at": .integer(at), "skipped": .string(reason), "first": .integer(first), "last": .integer(last),
                "count": .integer(count),
            ]
        case .failure(let at, let execution, let cause):
            ["at": .integer(at), "execution": .string(execution), "failure": .string(cause)]
        }
    }

    /// Nil for what another release wrote: it is for people, and nothing hangs on it.
    init?(json: JSON) {
        guard let at = json["at"]?.integerValue.map(Int64.init) else { return nil }
        if let reason = json["skipped"]?.stringValue, let first = json["first"]?.integerValue,
            let last = json["last"]?.integerValue, let count = json["count"]?.integerValue
        {
            self = .skip(at: at, reason: reason, first: first, last: last, count: count)
        } else if let execution = json["execution"]?.stringValue, let target = json["target"]?.stringValue {
            self = .start(at: at, execution: execution, target: target)
        } else if let execution = json["execution"]?.stringValue, let cause = json["failure"]?.stringValue {
            self = .failure(at: at, execution: execution, cause: cause)
        } else {
            return nil
        }
    }

    var view: JSON {
        switch self {
        case .start(let at, let execution, let target):
            [
                "At": .instant(microseconds: at), "Action": "Start", "ExecutionName": .string(execution),
                "Target": .string(target),
            ]
        case .skip(let at, let reason, let first, let last, let count):
            [
                "At": .instant(microseconds: at), "Action": "Skip", "Reason": .string(reason),
                "First": .string(utcText(first)), "Last": .string(utcText(last)), "Count": .integer(count),
            ]
        case .failure(let at, let execution, let cause):
            [
                "At": .instant(microseconds: at), "Action": "Failure", "ExecutionName": .string(execution),
                "Cause": .string(cause),
            ]
        }
    }
}

/// By which schedules fire: engine time, and what the database's clock has been found to differ from it since.
///
/// Timers of executions run on engine time, which no jump moves. A schedule names times of the world: when ten looks in a
/// row agree that the database's clock shows another time, that is the time. Up to five seconds are taken over at once.
struct ScheduleClock: Sendable {
    /// Added to engine time, in microseconds.
    private(set) var offset: Int64 = 0
    /// When the database's clock was looked at last, by engine time.
    private(set) var lookedAt: Int64 = 0
    /// What the looks that disagree have in common, and how many they are.
    private var doubt: (offset: Int64, looks: Int)?

    static let tolerance: Int64 = 5_000_000
    static let looksNeeded = 10
    /// Between two looks, in microseconds.
    static let period: Int64 = 60_000_000

    enum Verdict: Sendable, Hashable {
        case same
        /// The first look that disagrees by more than the tolerance: so many microseconds.
        case doubted(by: Int64)
        /// Still in doubt.
        case waiting
        /// It goes by the database's clock from now on: so many microseconds from where it was.
        case moved(by: Int64)
    }

    /// Minutes are counted from here: engine time is the database's as an engine begins, or a look gave nothing.
    mutating func begin(at engine: Int64) { lookedAt = engine }

    /// A look at the database's clock, at an instant of engine time.
    mutating func look(database: Int64, engine: Int64) -> Verdict {
        lookedAt = engine
        let seen = database - engine
        let difference = seen - offset
        guard abs(difference) > Self.tolerance else {
            doubt = nil
            offset = seen
            return .same
        }
        guard let standing = doubt, abs(standing.offset - seen) <= Self.tolerance else {
            doubt = (seen, 1)
            return .doubted(by: difference)
        }
        guard standing.looks + 1 >= Self.looksNeeded else {
            doubt = (seen, standing.looks + 1)
            return .waiting
        }
        doubt = nil
        offset = seen
        return .moved(by: difference)
    }
}
