/// Engine time since 1970, or a span of it.
public typealias Microseconds = Int64

/// Names a task: an entry of an execution.
public struct TaskName: Sendable, Hashable, Comparable {
    /// The execution's UUID.
    public let execution: String
    public let entry: Int

    public init(execution: String, entry: Int) {
        self.execution = execution
        self.entry = entry
    }

    public static func < (left: TaskName, right: TaskName) -> Bool {
        (left.execution, left.entry) < (right.execution, right.entry)
    }
}

/// A task and all that decides who gets it, and when.
public struct ReadyTask: Sendable, Hashable {
    public let name: TaskName
    /// What its worker has to do: a step's name, or the ARN of an activity.
    public let queue: String
    /// 0...``highestPriority``.
    public let priority: Int
    /// Tasks of one share take turns with those of others.
    public let share: String
    /// When it should be done; nil where that does not matter.
    public let deadline: Microseconds?
    /// What its worker's labels must say.
    public let labels: [String: String]
    public let reservation: Reservation
    /// The limits it counts under: see ``Dispatcher/setLimit(_:of:at:)``.
    public let limitKeys: [String]
    /// Workers at whose fault an attempt failed: others are preferred.
    public let avoided: Set<String>

    public static let highestPriority = 9
    public static let standardPriority = 5

    /// A priority outside 0...9 traps.
    public init(
        name: TaskName, queue: String, priority: Int = standardPriority, share: String, deadline: Microseconds? = nil,
        labels: [String: String] = [:], reservation: Reservation = Reservation(), limitKeys: [String] = [],
        avoided: Set<String> = []
    ) {
        precondition((0...Self.highestPriority).contains(priority), "priorities are 0 to 9, not \(priority)")
        self.name = name
        self.queue = queue
        self.priority = priority
        self.share = share
        self.deadline = deadline
        self.labels = labels
        self.reservation = reservation
        self.limitKeys = limitKeys
        self.avoided = avoided
    }

    /// What makes tasks alike in everything that decides who may take them.
    var kind: TaskKind {
        TaskKind(
            queue: queue, labels: labels, reservation: reservation, limitKeys: limitKeys, avoided: avoided)
    }
}

/// What tasks of one lane have in common.
struct TaskKind: Sendable, Hashable {
    let queue: String
    let labels: [String: String]
    let reservation: Reservation
    let limitKeys: [String]
    let avoided: Set<String>

    /// What a turn costs: a task of many cores takes as much as several of one.
    var cost: UInt64 { UInt64(min(max(reservation.amount.millicores, 1000), 64_000)) }
}

/// A worker's wish for a task.
public struct Poll: Sendable, Hashable {
    public let id: UInt64
    /// Nil for a caller that is no worker of ours (an activity's): nothing is booked on it.
    public let worker: String?
    /// What it takes: names of steps, or the ARN of an activity.
    public let queues: Set<String>

    public init(id: UInt64, worker: String?, queues: Set<String>) {
        self.id = id
        self.worker = worker
        self.queues = queues
    }
}
