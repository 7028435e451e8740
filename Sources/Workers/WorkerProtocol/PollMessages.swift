public import JSON

/// "I have free slots": asks for one task. The engine answers with a ``PollReply``, or 204 when nothing came up
/// within `waitSeconds`.
///
/// A poll with a new `incarnation` of a known worker name says that the former process is gone: the engine judges its
/// tasks lost at once.
public struct PollRequest: WorkerMessage {
    public static let messageName = "poll request"

    /// The worker's name, the same over restarts.
    public let worker: String
    /// Made anew at each start of the process.
    public let incarnation: String
    /// The worker's release, for people.
    public let version: String
    /// Names of the steps it can run.
    public let steps: [String]
    /// Tasks it could take now; one is offered per poll.
    public let slots: Int
    /// How long the engine may keep the poll open.
    public let waitSeconds: Int
    /// Scheme and authority under which the worker answers `/livez`, `/readyz` and `/metrics`, for people and for what
    /// watches; nil where it does not say. The engine shows it and never calls it.
    public let address: String?
    /// What its machine has for tasks, all of it and not what is left; nil where it does not say.
    public let capacity: WorkerCapacity?
    /// What tells it from other workers, such as `gpu: yes`: tasks may ask for it.
    public let labels: [String: String]

    public init(
        worker: String, incarnation: String, version: String, steps: [String], slots: Int, waitSeconds: Int,
        address: String? = nil, capacity: WorkerCapacity? = nil, labels: [String: String] = [:]
    ) {
        self.capacity = capacity
        self.labels = labels
        self.worker = worker
        self.incarnation = incarnation
        self.version = version
        self.steps = steps
        self.slots = slots
        self.waitSeconds = waitSeconds
        self.address = address
    }

    public var json: JSON {
        .members(
            ("worker", .string(worker)), ("incarnation", .string(incarnation)), ("version", .string(version)),
            ("steps", .array(steps.map(JSON.string))), ("slots", .integer(slots)),
            ("waitSeconds", .integer(waitSeconds)), ("address", address.map(JSON.string)),
            ("capacity", capacity?.json), ("labels", labels.isEmpty ? nil : Self.json(labels)))
    }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        worker = reader.string("worker", maximumBytes: WorkerProtocolLimits.nameBytes)
        incarnation = reader.string("incarnation", maximumBytes: WorkerProtocolLimits.nameBytes)
        version = reader.string("version", maximumBytes: WorkerProtocolLimits.nameBytes)
        steps = reader.strings(
            "steps", maximumCount: WorkerProtocolLimits.steps, maximumBytes: WorkerProtocolLimits.nameBytes)
        slots = reader.integer("slots", in: 1...WorkerProtocolLimits.tasks)
        waitSeconds = reader.integer("waitSeconds", in: 0...WorkerProtocolLimits.waitSeconds)
        address = reader.optionalString("address", maximumBytes: WorkerProtocolLimits.nameBytes)
        capacity = reader.optionalObject("capacity") { WorkerCapacity(&$0) }
        labels = reader.labels("labels")
        try reader.finish()
    }

    private static func json(_ labels: [String: String]) -> JSON {
        var object: JSON = [:]
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) { object[key] = .string(value) }
        return object
    }
}

/// The answer to a poll for which there is a task.
public struct PollReply: WorkerMessage {
    public static let messageName = "poll reply"
    public static let maximumBytes = WorkerProtocolLimits.offerBytes

    public let task: TaskOffer

    public init(task: TaskOffer) {
        self.task = task
    }

    public var json: JSON { ["task": task.json] }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        let offer = reader.value("task")
        try reader.finish()
        task = try TaskOffer(json: offer)
    }
}

/// One attempt of a task, handed to the worker that asked. From now on the worker names it by its token in every
/// heartbeat, until it completes or fails it.
public struct TaskOffer: WorkerMessage {
    public static let messageName = "task offer"

    /// Opaque; it names this very attempt.
    public let token: String
    public let step: String
    /// The step's input, as its contract describes it.
    public let input: JSON
    /// 1 for the first attempt of the state.
    public let attempt: Int
    public let executionArn: String
    /// The execution's short id, for people.
    public let execution: String
    /// Name of the state in the definition.
    public let state: String
    /// Name of the state machine.
    public let machine: String
    /// The film's title, where known.
    public let title: String?
    /// Without a heartbeat for this long the engine judges the attempt lost.
    public let heartbeatSeconds: Int
    /// After this long from now the engine judges the attempt timed out; nil for none.
    public let timeoutSeconds: Int?
    /// The same for all attempts of one passage of an execution through a state, and for nothing else.
    public let idempotencyKey: String
    /// The trace and the span that the attempt is, as W3C Trace Context writes them; nil where the engine says none.
    public let traceparent: String?

    public init(
        token: String, step: String, input: JSON, attempt: Int, executionArn: String, execution: String,
        state: String, machine: String, title: String? = nil, heartbeatSeconds: Int, timeoutSeconds: Int? = nil,
        idempotencyKey: String, traceparent: String? = nil
    ) {
        self.traceparent = traceparent
        self.token = token
        self.step = step
        self.input = input
        self.attempt = attempt
        self.executionArn = executionArn
        self.execution = execution
        self.state = state
        self.machine = machine
        self.title = title
        self.heartbeatSeconds = heartbeatSeconds
        self.timeoutSeconds = timeoutSeconds
        self.idempotencyKey = idempotencyKey
    }

    public var json: JSON {
        .members(
            ("token", .string(token)), ("step", .string(step)), ("input", input), ("attempt", .integer(attempt)),
            ("executionArn", .string(executionArn)), ("execution", .string(execution)), ("state", .string(state)),
            ("machine", .string(machine)), ("title", title.map(JSON.string)),
            ("heartbeatSeconds", .integer(heartbeatSeconds)),
            ("timeoutSeconds", timeoutSeconds.map { .integer($0) }), ("idempotencyKey", .string(idempotencyKey)),
            ("traceparent", traceparent.map(JSON.string)))
    }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        token = reader.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes)
        step = reader.string("step", maximumBytes: WorkerProtocolLimits.nameBytes)
        input = reader.value("input")
        attempt = reader.integer("attempt", in: 1...Int(Int32.max))
        executionArn = reader.string("executionArn", maximumBytes: WorkerProtocolLimits.arnBytes)
        execution = reader.string("execution", maximumBytes: WorkerProtocolLimits.nameBytes)
        state = reader.string("state", maximumBytes: WorkerProtocolLimits.nameBytes)
        machine = reader.string("machine", maximumBytes: WorkerProtocolLimits.nameBytes)
        title = reader.optionalString("title", maximumBytes: WorkerProtocolLimits.titleBytes)
        heartbeatSeconds = reader.integer("heartbeatSeconds", in: 1...WorkerProtocolLimits.timeoutSeconds)
        timeoutSeconds = reader.optionalInteger("timeoutSeconds", in: 1...WorkerProtocolLimits.timeoutSeconds)
        idempotencyKey = reader.string("idempotencyKey", maximumBytes: WorkerProtocolLimits.nameBytes)
        traceparent = reader.optionalString("traceparent", maximumBytes: WorkerProtocolLimits.nameBytes)
        try reader.finish()
    }
}

extension TaskOffer {
    /// The part of ``traceparent`` that all attempts of one execution, and of those it starts, have in common.
    public var traceID: String? {
        let parts = traceparent?.split(separator: "-") ?? []
        return parts.count >= 4 ? String(parts[1]) : nil
    }
}
