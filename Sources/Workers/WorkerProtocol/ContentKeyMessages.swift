public import JSON

/// "What is the key that this task is to encrypt with?": asks for one content key that the task's input names. Answered
/// while the attempt is live, and only for tasks that package; else 409 ``WorkerProblem/staleToken``, 404
/// ``WorkerProblem/noContentKey`` or 422 ``WorkerProblem/contentKeySealed``. The worker keeps the answer for the attempt
/// alone, and writes it nowhere.
public struct ContentKeyRequest: WorkerMessage {
    public static let messageName = "content key request"

    public let token: String
    /// 32 hexadecimal digits or a UUID, as the input has it.
    public let keyID: String

    public init(token: String, keyID: String) {
        self.token = token
        self.keyID = keyID
    }

    public var json: JSON { ["token": .string(token), "keyId": .string(keyID)] }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        token = reader.string("token", maximumBytes: WorkerProtocolLimits.tokenBytes)
        keyID = reader.string("keyId", maximumBytes: 36)
        try reader.finish()
    }
}

/// The key. It is part of no description.
public struct ContentKeyReply: WorkerMessage, CustomStringConvertible, CustomReflectable {
    public static let messageName = "content key reply"

    /// 16 bytes.
    public let key: [UInt8]

    /// - Precondition: 16 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == 16, "a content key has 16 bytes, not \(key.count)")
        self.key = key
    }

    public var description: String { "a content key" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    public var json: JSON { ["key": .array(key.map { .integer(Int($0)) })] }

    public init(json: JSON) throws(WorkerProtocolError) {
        var reader = MessageReader(json, as: Self.messageName)
        let bytes = (reader.value("key").arrayValue ?? []).compactMap { $0.integerValue.flatMap(UInt8.init(exactly:)) }
        try reader.finish()
        guard bytes.count == 16 else {
            throw WorkerProtocolError(
                message: Self.messageName, problems: [.init(member: "key", reason: "must be 16 numbers from 0 to 255")])
        }
        key = bytes
    }
}
