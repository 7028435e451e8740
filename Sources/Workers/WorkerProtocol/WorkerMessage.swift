public import JSON

/// A message of the protocol: a value that writes itself as a JSON object and reads itself strictly.
public protocol WorkerMessage: Sendable, Hashable {
    /// What the message is called in errors, for instance "poll request".
    static var messageName: String { get }
    /// What its body may have; ``WorkerProtocolLimits/bodyBytes`` unless it says otherwise.
    static var maximumBytes: Int { get }
    var json: JSON { get }
    init(json: JSON) throws(WorkerProtocolError)
}

extension WorkerMessage {
    public static var maximumBytes: Int { WorkerProtocolLimits.bodyBytes }

    /// The message as a body to send.
    public var body: [UInt8] { json.utf8 }

    /// Reads a message from a received body of at most ``maximumBytes``.
    public init(body: [UInt8]) throws(WorkerProtocolError) {
        guard body.count <= Self.maximumBytes else {
            throw Self.refusal("has \(body.count) bytes, more than the \(Self.maximumBytes) a message may have")
        }
        let json: JSON
        do {
            json = try JSON(parsing: body)
        } catch {
            throw Self.refusal("is \(error)")
        }
        try self.init(json: json)
    }

    private static func refusal(_ reason: String) -> WorkerProtocolError {
        WorkerProtocolError(message: messageName, problems: [.init(member: "", reason: reason)])
    }
}
