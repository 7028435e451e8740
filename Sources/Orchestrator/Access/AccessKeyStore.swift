public import AccessControl
public import Cryptography
public import Journal
import Postgres

/// The access keys in the database, sealed. Used by the engine, and by the command that makes the first key before any
/// engine runs.
public struct AccessKeyStore: Sendable {
    let journal: Journal
    private let ring: KeyRing
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - ring: the master keys that the secrets are sealed under.
    ///   - now: microseconds since 1970.
    public init(journal: Journal, ring: KeyRing, now: @escaping @Sendable () -> Int64 = { systemMicroseconds() }) {
        self.journal = journal
        self.ring = ring
        self.now = now
    }

    /// Makes a key. Throws ``AccessError``.
    public func create(role: Role, description: String?) async throws(AccessError) -> NewAccessKey {
        if let description {
            guard description.utf8.count <= AccessKey.descriptionLength, !description.utf8.contains(0) else {
                throw AccessError(
                    .invalid,
                    "A key's description has \(AccessKey.descriptionLength) bytes of UTF-8 at most, and no U+0000.")
            }
        }
        let key = AccessKey(
            id: AccessKey.newID(), roleName: role.rawValue, description: description, createdAt: now())
        let secret = AccessKey.newSecret()
        let stored = StoredAccessKey(
            id: key.id, sealedSecret: try seal(secret, of: key.id), role: role.rawValue, description: description,
            createdAt: key.createdAt)
        let isAdded = try await asking { () async throws(PostgresError) in try await journal.addAccessKey(stored) }
        guard isAdded else {
            throw AccessError(
                .conflict, "\(Journal.accessKeyLimit) access keys are kept, disabled ones included; no more are taken.")
        }
        return NewAccessKey(key: key, secret: secret)
    }

    /// All keys in the order of their making. Throws ``AccessError``.
    public func list() async throws(AccessError) -> [AccessKey] {
        try await stored().map(Self.shown)
    }

    /// Disables a key for ever. One that is disabled stays as it is. Throws ``AccessError``.
    public func disable(_ id: String) async throws(AccessError) -> AccessKey {
        let moment = now()
        let isThere = try await asking { () async throws(PostgresError) in
            try await journal.disableAccessKey(id, at: moment)
        }
        guard isThere else { throw Self.unknown(id) }
        return try await key(id)
    }

    /// Makes another key of the same role and description. The old one works on until it is disabled, so that whoever
    /// has it can change over. Throws ``AccessError``.
    public func rotate(_ id: String, disablingOld: Bool) async throws(AccessError) -> NewAccessKey {
        let old = try await key(id)
        guard old.isEnabled else {
            throw AccessError(.conflict, "The access key \(id) is disabled: there is nothing to rotate.")
        }
        guard let role = old.role else { throw Self.unknownRole(old) }
        let new = try await create(role: role, description: old.description)
        if disablingOld { _ = try await disable(id) }
        return new
    }

    func key(_ id: String) async throws(AccessError) -> AccessKey {
        guard let key = try await list().first(where: { $0.id == id }) else { throw Self.unknown(id) }
        return key
    }

    private static func unknown(_ id: String) -> AccessError {
        AccessError(.notFound, "There is no access key \(id).")
    }

    static func unknownRole(_ key: AccessKey) -> AccessError {
        AccessError(
            .invalid, "The access key \(key.id) has the role '\(key.roleName)', which this release doesn't know.")
    }

    static func shown(_ stored: StoredAccessKey) -> AccessKey {
        AccessKey(
            id: stored.id, roleName: stored.role, description: stored.description, createdAt: stored.createdAt,
            disabledAt: stored.disabledAt, lastUsedDay: stored.lastUsedDay)
    }

    func stored() async throws(AccessError) -> [StoredAccessKey] {
        try await asking { () async throws(PostgresError) in try await journal.accessKeys() }
    }

    // MARK: Secrets

    private static func context(_ id: String) -> String { "access key \(id)" }

    private func seal(_ secret: String, of id: String) throws(AccessError) -> [UInt8] {
        do { return try ring.seal(Array(secret.utf8), context: Self.context(id)) } catch {
            throw AccessError(.sealing, "The secret of \(id) can't be sealed: \(error.message)")
        }
    }

    /// The secret of a key. One that was sealed under an older master key is sealed anew.
    func open(_ stored: StoredAccessKey) async throws(AccessError) -> String {
        let secret: [UInt8]
        do { secret = try ring.open(stored.sealedSecret, context: Self.context(stored.id)) } catch {
            throw AccessError(.sealing, "The secret of \(stored.id) can't be opened: \(error.message)")
        }
        let text = String(decoding: secret, as: UTF8.self)
        if !ring.isNewest(stored.sealedSecret) {
            let anew = try seal(text, of: stored.id)
            try await asking { () async throws(PostgresError) in
                try await journal.replaceSecret(of: stored.id, stored.sealedSecret, with: anew)
            }
        }
        return text
    }
}

/// Turns the database's failures into ours.
func asking<Value: Sendable>(
    _ call: () async throws(PostgresError) -> Value
) async throws(AccessError) -> Value {
    do { return try await call() } catch {
        throw AccessError(.unavailable, "The database does not answer: \(error.message)")
    }
}
