public import Dispatching
public import JSON
public import StepContracts

/// A worker process and what it does.
public struct WorkerView: Sendable, Hashable {
    public var name: String
    /// Made anew at each start of the process.
    public var incarnation: String
    public var version: String
    /// Names of the steps it takes.
    public var steps: [String]
    /// Tasks it can hold at the same time.
    public var slots: Int
    /// Where it answers health checks, as it says itself; nil where it does not say.
    public var address: String?
    public var lastSeenMicroseconds: Int64
    public var tasks: [WorkerTaskView]
    /// What the dispatcher knows of it.
    public var standing: WorkerStanding?

    public init(
        name: String, incarnation: String, version: String, steps: [String], slots: Int, address: String? = nil,
        lastSeenMicroseconds: Int64, standing: WorkerStanding? = nil, tasks: [WorkerTaskView]
    ) {
        self.standing = standing
        self.name = name
        self.incarnation = incarnation
        self.version = version
        self.steps = steps
        self.slots = slots
        self.address = address
        self.lastSeenMicroseconds = lastSeenMicroseconds
        self.tasks = tasks
    }

    public var json: JSON {
        .members(
            ("name", .string(name)), ("incarnation", .string(incarnation)), ("version", .string(version)),
            ("steps", .array(steps.map(JSON.string))), ("slots", .integer(slots)),
            ("address", address.map(JSON.string)), ("lastSeen", .instant(microseconds: lastSeenMicroseconds)),
            ("tasks", .array(tasks.map(\.json))), ("labels", standing.map { Self.json($0.labels) }),
            ("capacity", standing?.capacity?.json), ("booked", standing?.used.json),
            ("mode", standing.map { .string($0.mode.rawValue) }), ("reason", standing?.reason.map(JSON.string)),
            ("setAside", standing.flatMap { $0.aside.isEmpty ? nil : Self.json($0.aside) }))
    }

    private static func json(_ texts: [String: String]) -> JSON {
        var object: JSON = [:]
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) { object[name] = .string(text) }
        return object
    }
}

extension Resources {
    var json: JSON {
        [
            "millicores": .integer(millicores), "memoryBytes": .integer(memoryBytes),
            "scratchBytes": .integer(scratchBytes),
        ]
    }
}

/// A task in a worker's hands.
public struct WorkerTaskView: Sendable, Hashable {
    /// The execution's UUID.
    public var execution: String
    public var state: String
    public var entry: Int
    public var progress: StepProgress?

    public init(execution: String, state: String, entry: Int, progress: StepProgress? = nil) {
        self.execution = execution
        self.state = state
        self.entry = entry
        self.progress = progress
    }

    public var json: JSON {
        .members(
            ("execution", .string(execution)), ("state", .string(state)), ("entry", .integer(entry)),
            ("progress", progress?.json))
    }
}
