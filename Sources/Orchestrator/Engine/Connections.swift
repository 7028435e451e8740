import Cryptography
import Interpreter
public import JSON
import Journal
public import StepContracts

/// A connection as people see it: without its secrets.
public struct ConnectionView: Sendable {
    public let name: String
    public let arn: String
    public let description: String?
    /// `AuthorizationType` and `AuthParameters`, as EventBridge's DescribeConnection has them, and `Origins`.
    public let shown: JSON
    /// Microseconds since 1970.
    public let createdAt: Int64

    /// EventBridge's members, and `Origins`.
    public var json: JSON {
        .members(
            ("Name", .string(name)), ("ConnectionArn", .string(arn)), ("Description", description.map(JSON.string)),
            ("ConnectionState", "AUTHORIZED"), ("AuthorizationType", shown["AuthorizationType"]),
            ("AuthParameters", shown["AuthParameters"]), ("Origins", shown["Origins"]),
            ("CreationTime", .instant(microseconds: createdAt)))
    }
}

/// What a worker gets that asks for a task's connection.
public enum ConnectionAnswer: Sendable {
    case connection(HTTPConnection)
    /// The attempt is over.
    case stale
    /// The task names none, or one that does not exist. A sentence for people.
    case missing(String)
    /// The task calls something that is none of the connection's origins. A sentence for people.
    case elsewhere(String)
    /// Its secrets can't be opened or read. A sentence for people.
    case sealed(String)
}

extension Engine {
    /// Keeps a connection, its secrets sealed.
    ///
    /// - Parameter parameters: EventBridge's `AuthorizationType` and `AuthParameters`, and `Origins`.
    ///
    /// Throws `.invalidName`, `.invalid` for the parameters, `.conflict` where the name is taken or the engine has no
    /// master key, `.quotaExceeded`.
    public func createConnection(
        name: String, description: String?, parameters: JSON
    ) async throws(EngineError) -> ConnectionView {
        try requireReady()
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(Self.isConnectionNameByte) else {
            throw EngineError(
                code: .invalidName,
                message: "'\(name.prefix(100))' is no connection's name: 1 to 64 letters, digits, '.', '-' and '_'.")
        }
        if let description, description.unicodeScalars.count > 512 {
            throw EngineError(code: .invalid, message: "A connection's description has at most 512 characters.")
        }
        let connection: HTTPConnection
        do throws(StepFailure) { connection = try HTTPConnection(json: parameters) } catch {
            throw EngineError(code: .invalid, message: error.cause)
        }
        guard let keyRing else {
            throw EngineError(
                code: .conflict,
                message: "The engine has no master key to seal secrets with; set SHOWRUNNER_MASTER_KEY_FILE.")
        }
        return try await changingRegistry { () async throws(EngineError) in
            guard connections[name] == nil else {
                throw EngineError(code: .conflict, message: "The connection '\(name)' exists already.")
            }
            guard connections.count < limits.connections else {
                throw EngineError(
                    code: .quotaExceeded, message: "There are \(limits.connections) connections already.")
            }
            let id = makeUUID()
            let sealed: [UInt8]
            do throws(CryptoError) {
                sealed = try keyRing.seal(connection.json.utf8, context: Self.context(name, id))
            } catch {
                throw EngineError(code: .invalid, message: error.message)
            }
            let stored = StoredConnection(
                id: id, name: name, description: description, shown: connection.shown.text, sealed: sealed,
                createdAt: now)
            try await written { try await journal.saveConnection(stored) }
            connections[name] = stored
            return try view(of: stored)
        }
    }

    /// All connections, by name.
    public func listConnections() throws(EngineError) -> [ConnectionView] {
        try requireReady()
        var views: [ConnectionView] = []
        for stored in connections.values.sorted(by: { $0.name < $1.name }) { views.append(try view(of: stored)) }
        return views
    }

    /// Removes a connection by name or ARN. Tasks that name it fail from now on. Throws `.resourceNotFound`.
    public func deleteConnection(_ named: String) async throws(EngineError) {
        try requireReady()
        try await changingRegistry { () async throws(EngineError) in
            guard let stored = connections[named] ?? connection(arn: named) else {
                throw EngineError(code: .resourceNotFound, message: "There is no connection '\(named)'.")
            }
            try await written { try await journal.deleteConnection(stored.name) }
            connections[stored.name] = nil
        }
    }

    /// The attempt that a task token names, while a worker has it; nil afterwards.
    func liveAttempt(ofTask text: String) throws(EngineError) -> TaskAttempt? {
        try requireReady()
        guard let token = TaskToken(text) else { return nil }
        try requireWithinReach(token.execution)
        guard case .task(let attempt) = runs[token.execution]?.execution.entry(token.entry)?.phase,
            attempt.started?.nonce == token.nonce, !attempt.isSubmitted
        else { return nil }
        return attempt
    }

    /// The connection that a live attempt's task names, for the worker that runs it and nobody else.
    public func connection(forTask text: String) throws(EngineError) -> ConnectionAnswer {
        guard let attempt = try liveAttempt(ofTask: text) else { return .stale }
        let parameters = attempt.parameters
        guard StepContract.plainResource(attempt.resource) == StepContract.httpInvoke.resource,
            let arn = (parameters["Authentication"] ?? parameters["InvocationConfig"])?["ConnectionArn"]?.stringValue
        else { return .missing("The task names no connection.") }
        guard let stored = connection(arn: arn) else { return .missing("There is no connection '\(arn)'.") }
        guard let keyRing else {
            return .sealed("The engine has no master key to open the connection '\(stored.name)' with.")
        }
        do {
            let secret = try keyRing.open(stored.sealed, context: Self.context(stored.name, stored.id))
            // The list of origins is under the seal, too: who writes to the database can't make it longer.
            let connection = try HTTPConnection(json: try JSON(parsing: secret))
            if let refusal = connection.refusal(to: parameters["ApiEndpoint"]?.stringValue ?? "") {
                return .elsewhere(refusal)
            }
            return .connection(connection)
        } catch let error as CryptoError {
            return .sealed("The connection '\(stored.name)' can't be opened: \(error.message)")
        } catch let error as StepFailure {
            // Another version of the engine made it, by other rules.
            return .sealed("The connection '\(stored.name)' has to be made again: \(error.cause)")
        } catch {
            // Only JSON is sealed, and the seal covers every byte.
            preconditionFailure("a sealed connection is JSON")
        }
    }

    /// A connection under the newest master key: sealed anew, and saved, where an older one sealed it. One that no key of
    /// the ring opens stays as it is; its tasks say so.
    func renewed(_ stored: StoredConnection) async throws(EngineError) -> StoredConnection {
        guard let keyRing, !keyRing.isNewest(stored.sealed) else { return stored }
        let context = Self.context(stored.name, stored.id)
        var renewed = stored
        do throws(CryptoError) {
            renewed.sealed = try keyRing.seal(try keyRing.open(stored.sealed, context: context), context: context)
        } catch {
            return stored
        }
        let saved = renewed
        try await written { try await journal.saveConnection(saved) }
        return saved
    }

    private func connection(arn: String) -> StoredConnection? {
        let prefix = Self.connectionPrefix
        guard arn.hasPrefix(prefix) else { return nil }
        let parts = arn.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let stored = connections[String(parts[0])], stored.id == parts[1] else { return nil }
        return stored
    }

    private func view(of stored: StoredConnection) throws(EngineError) -> ConnectionView {
        let shown: JSON
        do { shown = try JSON(parsing: stored.shown) } catch {
            throw EngineError.unavailable("The connection '\(stored.name)' can't be read: \(error)")
        }
        return ConnectionView(
            name: stored.name, arn: Self.connectionPrefix + "\(stored.name)/\(stored.id)",
            description: stored.description, shown: shown, createdAt: stored.createdAt)
    }

    private static let connectionPrefix = "arn:aws:events:\(ARN.region):\(ARN.account):connection/"

    /// A sealed box opens under the name and the id it was made for, and nowhere else.
    private static func context(_ name: String, _ id: String) -> String { "connection \(name) \(id)" }

    private static func isConnectionNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
