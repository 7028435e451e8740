public import JSON

/// What started an execution by itself. For people; only from ``execution`` anything follows.
public struct ExecutionOrigin: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case schedule
        case trigger
    }

    public let kind: Kind
    /// The schedule's or the trigger's.
    public let name: String
    /// Why a schedule started it: `Schedule`, `Catchup`, `Backfill` or `Request`.
    public let cause: String?
    /// The time that a schedule's expression names.
    public let time: Instant?
    /// The ARN of the execution whose end a trigger was told. It stands in all that follows from that start, so that the
    /// end of what tells of ends is told to nobody.
    public let execution: String?

    public init(kind: Kind, name: String, cause: String? = nil, time: Instant? = nil, execution: String? = nil) {
        self.execution = execution
        self.kind = kind
        self.name = name
        self.cause = cause
        self.time = time
    }

    /// As the journal keeps it.
    public var json: JSON {
        .members(
            ("kind", .string(kind.rawValue)), ("name", .string(name)), ("cause", cause.map { .string($0) }),
            ("time", time.map { .integer($0) }), ("execution", execution.map { .string($0) }))
    }

    /// What an execution that has this origin hands on to those that it starts; nil where it is nobody else's.
    public var inherited: ExecutionOrigin? { execution == nil ? nil : self }

    init(json: JSON) throws(JournalFormatError) {
        guard let kind = json["kind"]?.stringValue.flatMap(Kind.init), let name = json["name"]?.stringValue else {
            throw JournalFormatError(reason: "the origin of an execution has no kind or no name")
        }
        self.init(
            kind: kind, name: name, cause: json["cause"]?.stringValue,
            time: json["time"]?.integerValue.map { Instant($0) }, execution: json["execution"]?.stringValue)
    }
}
