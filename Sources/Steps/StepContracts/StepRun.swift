public import JSON

/// What a running step tells about itself, in media time.
public struct StepProgress: Sendable, Hashable {
    /// What is being done, in a word or two ("encode", "upload").
    public var stage: String
    /// Presentation time reached in the output, in seconds.
    public var mediaSeconds: Double
    /// Presentation time at the end, in seconds; nil while unknown.
    public var totalSeconds: Double?
    /// Output frames so far.
    public var frames: Int
    /// Media seconds a wall-clock second.
    public var speed: Double?
    /// Done share of each part, for instance each rung of a ladder, by name, 0...1.
    public var parts: [Part]
    /// For how many seconds it has stood at this place; nil while it comes forward. Told by whoever watches the step, not by
    /// the step.
    public var stillSeconds: Double?

    public struct Part: Sendable, Hashable {
        public var name: String
        public var share: Double

        public init(name: String, share: Double) {
            self.name = name
            self.share = share
        }
    }

    public init(
        stage: String, mediaSeconds: Double = 0, totalSeconds: Double? = nil, frames: Int = 0, speed: Double? = nil,
        parts: [Part] = [], stillSeconds: Double? = nil
    ) {
        self.stillSeconds = stillSeconds
        self.stage = stage
        self.mediaSeconds = mediaSeconds
        self.totalSeconds = totalSeconds
        self.frames = frames
        self.speed = speed
        self.parts = parts
    }

    /// Wall-clock seconds until the end, as if the rest went like what is done; nil while that is not known.
    public var remainingSeconds: Double? {
        guard let totalSeconds, let speed, speed > 0, totalSeconds > 0, mediaSeconds > 0 else { return nil }
        return max(totalSeconds - mediaSeconds, 0) / speed
    }

    /// Whether another report tells the same place, whatever it says of speed and end.
    public func isAtSamePlace(as other: StepProgress) -> Bool {
        stage == other.stage && mediaSeconds == other.mediaSeconds && frames == other.frames && parts == other.parts
    }

    public var json: JSON {
        .members(
            ("stage", .string(stage)), ("mediaSeconds", .double(mediaSeconds)),
            ("totalSeconds", totalSeconds.map(JSON.double)), ("frames", .integer(frames)),
            ("speed", speed.map(JSON.double)), ("stillSeconds", stillSeconds.map(JSON.double)),
            (
                "parts",
                parts.isEmpty
                    ? nil : .array(parts.map { ["name": .string($0.name), "share": .double($0.share)] })
            ))
    }

    /// Reads what ``json`` wrote; nil when a required member is missing or of another type.
    public init?(json: JSON) {
        guard let stage = json["stage"]?.stringValue, let mediaSeconds = json["mediaSeconds"]?.doubleValue else {
            return nil
        }
        self.init(
            stage: stage, mediaSeconds: mediaSeconds, totalSeconds: json["totalSeconds"]?.doubleValue,
            frames: json["frames"]?.integerValue ?? 0, speed: json["speed"]?.doubleValue,
            parts: (json["parts"]?.arrayValue ?? []).compactMap { part in
                guard let name = part["name"]?.stringValue, let share = part["share"]?.doubleValue else { return nil }
                return Part(name: name, share: share)
            }, stillSeconds: json["stillSeconds"]?.doubleValue.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil })
    }
}

/// Whether repeating a failed step can help.
public enum RetryClass: String, Sendable, Hashable {
    /// The source or the parameters are at fault: never.
    case never
    /// The machine is at fault: on another worker.
    case elsewhere
    /// A passing fault: after a pause with jitter.
    case transient
}

/// Why a step failed: a States Language error name, a sentence a person understands, and what repeating would bring.
public struct StepFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public let error: String
    public let cause: String
    public let retry: RetryClass

    public init(error: String, cause: String, retry: RetryClass) {
        self.error = error
        self.cause = cause
        self.retry = retry
    }

    public var description: String { "\(error): \(cause)" }

    public static func sourceInvalid(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.sourceInvalid, cause: cause, retry: .never)
    }

    public static func sourceUnsupported(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.sourceUnsupported, cause: cause, retry: .never)
    }

    public static func parametersInvalid(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.parametersInvalid, cause: cause, retry: .never)
    }

    public static func storageUnavailable(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.storageUnavailable, cause: cause, retry: .transient)
    }

    public static func databaseUnavailable(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.databaseUnavailable, cause: cause, retry: .transient)
    }

    public static func resourceExhausted(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.resourceExhausted, cause: cause, retry: .elsewhere)
    }

    public static func crashed(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.stepCrashed, cause: cause, retry: .elsewhere)
    }

    public static func cancelled(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.cancelled, cause: cause, retry: .never)
    }

    /// A call to the outside was sent and its answer never came: it may have been carried out.
    public static func outcomeUnknown(_ cause: String) -> StepFailure {
        StepFailure(error: StepErrorName.httpOutcomeUnknown, cause: cause, retry: .never)
    }

    /// Whether repeating the step may do twice what must be done once.
    public var leavesOutcomeUnknown: Bool { error == StepErrorName.httpOutcomeUnknown }
}

/// What a step that works on local files is given. The caller has brought the files and takes the results away:
/// a step itself knows neither the object store nor the network.
public struct StepSurroundings: Sendable {
    /// Local path of each stored object (by its `key`) and source (by its `url`) that the input names.
    public let files: [String: String]
    /// An empty directory the step owns. Its output names a file made there as `{"file": "relative/path"}`; the caller
    /// stores the file and puts the object reference (`key`, `bytes`, `sha256`) in its place.
    public let outputDirectory: String
    /// The key prefix under which the output files will be stored, without a slash at the end.
    public let outputPrefix: String
    /// Threads the step may keep busy.
    public let threads: Int
    /// The content keys that the input names.
    public let contentKeys: ContentKeys
    public let report: @Sendable (StepProgress) -> Void
    /// Between two reports of one stage, at least; zero has everything told.
    public let reportInterval: Duration
    /// Asked at least once a second of work; a step that is told true stops and throws ``StepFailure/cancelled(_:)``.
    public let isCancelled: @Sendable () -> Bool

    public init(
        files: [String: String], outputDirectory: String, outputPrefix: String, threads: Int,
        contentKeys: ContentKeys = .none, report: @escaping @Sendable (StepProgress) -> Void,
        reportInterval: Duration = .milliseconds(250), isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.files = files
        self.outputDirectory = outputDirectory
        self.outputPrefix = outputPrefix
        self.threads = threads
        self.contentKeys = contentKeys
        self.report = report
        self.reportInterval = reportInterval
        self.isCancelled = isCancelled
    }
}

/// A step over local files: input and output as its contract says. Blocking; the caller gives it a thread or process.
public protocol LocalStep: Sendable {
    static var contract: StepContract { get }
    init()
    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON
}

/// What a step that is run in its worker's own process is given.
public struct StepTask: Sendable {
    /// The step's input, as its contract describes it.
    public let input: JSON
    /// The same for all attempts of one passage of an execution through a state, and for nothing else: what a call to
    /// the outside is known by when it is repeated. At most 64 letters, digits and hyphens.
    public let idempotencyKey: String
    /// Asks the engine for the secrets of the connection that the input names.
    public let connection: @Sendable () async throws(StepFailure) -> HTTPConnection

    public init(
        input: JSON, idempotencyKey: String,
        connection: @escaping @Sendable () async throws(StepFailure) -> HTTPConnection
    ) {
        self.input = input
        self.idempotencyKey = idempotencyKey
        self.connection = connection
    }
}

/// A step that is run in its worker's own process: it opens no file of others, and waits more than it computes. It
/// brings what it needs (a database, the object store) with it. Cancelling the task it runs in ends it within seconds
/// with ``StepFailure/cancelled(_:)``, or with ``StepFailure/outcomeUnknown(_:)``.
public protocol DataStep: Sendable {
    var contract: StepContract { get }
    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON
}
