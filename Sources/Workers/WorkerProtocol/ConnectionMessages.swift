public import JSON
public import StepContracts

/// "Who am I to the API that this task calls?": asks for the connection that the task's input names. Answered while
/// the attempt is live, and only for tasks that call an API at one of the connection's origins; else 409
/// ``WorkerProblem/staleToken``, 404 ``WorkerProblem/noConnection``, 422 ``WorkerProblem/connectionElsewhere`` or 422
/// ``WorkerProblem/connectionSealed``. The worker keeps the answer for the attempt alone, and writes it nowhere.
public struct ConnectionRequest: WorkerMessage {
    public static let messageName = "connection request"

    public let token: String

    public init(token: String) {
        self.token = token
    }

    public var json: JSON { ["token": .string(token)] }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        token = reader.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes)
        try reader.finish()
    }
}

/// The connection, with its secrets.
public struct ConnectionReply: WorkerMessage {
    public static let messageName = "connection reply"

    public let connection: HTTPConnection

    public init(connection: HTTPConnection) {
        self.connection = connection
    }

    public var json: JSON { ["connection": connection.json] }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        let document = reader.value("connection")
        try reader.finish()
        do throws(StepFailure) { connection = try HTTPConnection(json: document) } catch {
            throw WorkerProtocolError(
                message: Self.messageName, problems: [.init(member: "connection", reason: error.cause)])
        }
    }
}
