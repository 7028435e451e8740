public import JSON

/// What started an execution by itself, for people: nothing follows from it.
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

    public init(kind: Kind, name: String, cause: String? = nil, time: Instant? = nil) {
        self.kind = kind
        self.name = name
        self.cause = cause
        self.time = time
    }

    /// As the journal keeps it.
    public var json: JSON {
        .members(
            ("kind", .string(kind.rawValue)), ("name", .string(name)), ("cause", cause.map { .string($0) }),
            ("time", time.map { .integer($0) }))
    }

    init(json: JSON) throws(JournalFormatError) {
        guard let kind = json["kind"]?.stringValue.flatMap(Kind.init), let name = json["name"]?.stringValue else {
            throw JournalFormatError(reason: "the origin of an execution has no kind or no name")
        }
        self.init(
            kind: kind, name: name, cause: json["cause"]?.stringValue,
            time: json["time"]?.integerValue.map { Instant($0) })
    }
}
