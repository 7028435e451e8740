public import JSON
public import StepContracts

/// "These are alive": every task the worker holds, in one message, also after an engine's restart (where it announces
/// them anew). A task the worker held and does not name is not thereby given up: its heartbeat period decides.
public struct HeartbeatRequest: WorkerMessage {
    public static let messageName = "heartbeat request"

    public struct LiveTask: Sendable, Hashable {
        public let token: String
        /// The latest the step told; nil while it has told nothing.
        public let progress: StepProgress?
        /// The SHA-256, in 64 hexadecimal digits, of the file that the task's input names as its source by an address alone; nil
        /// until the worker has read it. Told and answered before the file is opened, so that a worker that dies of it has said
        /// of what.
        public let content: String?

        public init(token: String, progress: StepProgress?, content: String? = nil) {
            self.token = token
            self.progress = progress
            self.content = content
        }
    }

    public let worker: String
    public let incarnation: String
    public let tasks: [LiveTask]

    public init(worker: String, incarnation: String, tasks: [LiveTask]) {
        self.worker = worker
        self.incarnation = incarnation
        self.tasks = tasks
    }

    public var json: JSON {
        .members(
            ("worker", .string(worker)), ("incarnation", .string(incarnation)),
            (
                "tasks",
                .array(
                    tasks.map {
                        .members(
                            ("token", .string($0.token)), ("progress", $0.progress?.json),
                            ("content", $0.content.map(JSON.string)))
                    })
            ))
    }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        worker = reader.string("worker", maximumBytes: WorkerProtocolLimits.nameBytes)
        incarnation = reader.string("incarnation", maximumBytes: WorkerProtocolLimits.nameBytes)
        tasks = reader.objects("tasks", maximumCount: WorkerProtocolLimits.tasks) { task in
            LiveTask(
                token: task.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes),
                progress: task.optionalProgress("progress"),
                content: task.optionalString("content", maximumBytes: WorkerProtocolLimits.digestBytes))
        }
        try reader.finish()
    }
}

/// What the engine makes of each task of a heartbeat.
public struct HeartbeatReply: WorkerMessage {
    public static let messageName = "heartbeat reply"

    public enum Status: String, Sendable, Hashable, CaseIterable {
        /// Go on.
        case ok
        /// Stop the work: the attempt is no longer wanted (stopped, timed out, superseded, its content quarantined). Nothing
        /// need be answered.
        case gone
    }

    public struct TaskStatus: Sendable, Hashable {
        public let token: String
        public let status: Status

        public init(token: String, status: Status) {
            self.token = token
            self.status = status
        }
    }

    public let tasks: [TaskStatus]

    public init(tasks: [TaskStatus]) {
        self.tasks = tasks
    }

    public var json: JSON {
        [
            "tasks": .array(
                tasks.map { ["token": .string($0.token), "status": .string($0.status.rawValue)] })
        ]
    }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        tasks = reader.objects("tasks", maximumCount: WorkerProtocolLimits.tasks) { task in
            TaskStatus(
                token: task.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes),
                status: task.choice("status", otherwise: .ok))
        }
        try reader.finish()
    }
}
