public import JSON

/// The body of every refusal: problem details (RFC 9457) with a stable `code`, sent as ``contentType``.
public struct WorkerProblem: WorkerMessage {
    public static let messageName = "problem"
    public static let contentType = "application/problem+json"

    /// 409: the attempt is no longer live; the result is dropped, and there is nothing to repeat.
    public static let staleToken = "stale-token"
    /// 400: the message breaks the protocol; repeating it unchanged cannot help.
    public static let invalidMessage = "invalid-message"
    /// 413: the body is larger than a message may be.
    public static let bodyTooLarge = "body-too-large"
    /// 404: the task names no connection, or one that does not exist.
    public static let noConnection = "no-connection"
    /// 422: the task calls something that is none of the connection's origins.
    public static let connectionElsewhere = "connection-elsewhere"
    /// 422: the connection's secrets can't be read: the engine lacks the master key that sealed them.
    public static let connectionSealed = "connection-sealed"
    /// 404: the task names no such content key, or there is none.
    public static let noContentKey = "no-content-key"
    /// 422: the content key can't be read: the engine lacks the master key that sealed it.
    public static let contentKeySealed = "content-key-sealed"
    /// 503: the engine is starting, stopping or standing by; `Retry-After` says when to ask again.
    public static let unavailable = "unavailable"

    public let code: String
    public let status: Int
    /// A sentence for people, with the values in it.
    public let detail: String

    public init(code: String, status: Int, detail: String) {
        self.code = code
        self.status = status
        self.detail = detail
    }

    public var json: JSON {
        [
            "type": .string("about:blank"), "code": .string(code), "status": .integer(status),
            "detail": .string(detail),
        ]
    }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        code = reader.string("code", maximumBytes: WorkerProtocolLimits.nameBytes)
        status = reader.integer("status", in: 100...599)
        detail = reader.string("detail", maximumBytes: WorkerProtocolLimits.causeBytes, mayBeEmpty: true)
        try reader.finish()
    }
}
