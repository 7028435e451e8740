public import Cryptography
public import HTTPServer
public import Journal
public import Logging
import SignatureV4

/// Who may call the engine: keys, sessions, the audit log, and the middleware that stands before every route.
public struct Access: Sendable {
    public struct Settings: Sendable {
        /// What signatures have to be made for.
        public var region: String
        public var service: String
        /// Calls of this machine without a signature count as an admin's. Only where the server listens on loopback.
        public var trustsThisMachine: Bool
        /// Keys that need no database, by id, with their secrets: admins. Only where the server listens on loopback.
        public var localKeys: [String: String]
        /// How long audit rows are kept, in days.
        public var auditDays: Int
        /// The largest content of the wire API, in bytes: it is held in memory to be hashed.
        public var wireBytes: Int
        /// How long a change waits for its row in the audit log; then it is refused.
        public var auditDeadline = Duration.seconds(10)

        public init(
            region: String, service: String, trustsThisMachine: Bool, wireBytes: Int,
            localKeys: [String: String] = [:], auditDays: Int = 400
        ) {
            self.wireBytes = wireBytes
            self.region = region
            self.service = service
            self.trustsThisMachine = trustsThisMachine
            self.localKeys = localKeys
            self.auditDays = auditDays
        }
    }

    let journal: Journal
    let store: AccessKeyStore?
    let keys: KnownKeys
    let authentication: Authentication
    let audit: AuditLog
    let settings: Settings
    let log: Logger

    /// - Parameters:
    ///   - ring: the master keys; without any there are only the local keys, and nobody can sign in.
    ///   - now: microseconds since 1970.
    public init(
        journal: Journal, ring: KeyRing?, settings: Settings, log: Logger,
        now: @escaping @Sendable () -> Int64 = { systemMicroseconds() }
    ) {
        self.journal = journal
        self.settings = settings
        self.log = log
        store = ring.map { AccessKeyStore(journal: journal, ring: $0, now: now) }
        keys = KnownKeys(store: store, local: settings.localKeys, log: log)
        audit = AuditLog(journal: journal, log: log)
        authentication = Authentication(
            keys: keys, sessions: ring.map { ConsoleSessions(ring: $0) },
            verifier: SignatureVerifier(region: settings.region, service: settings.service),
            trustsThisMachine: settings.trustsThisMachine, now: now, wireBytes: settings.wireBytes)
    }

    /// Reads the keys from the database, whose schema has to be there. Throws ``AccessError``.
    public func load() async throws(AccessError) { try await keys.reload() }

    /// How many keys of the database work.
    public var enabledKeyCount: Int { keys.enabledCount }
}

extension ServiceRouter {
    /// Puts the access checks before every route that is added after this call, and adds the routes for keys, the audit
    /// log and the console's sign-in.
    ///
    /// - Parameter trouble: why nothing can be changed at present (the engine stands by, the database takes no writes);
    ///   nil while it can. Changes are refused with it as unavailable.
    public func addAccess(_ access: Access, trouble: @escaping @Sendable () async -> String?) {
        add(
            middleware: AccessMiddleware(
                authentication: access.authentication, audit: access.audit,
                deadline: AnswerDeadline(access.settings.auditDeadline), trouble: trouble))
        addKeyRoutes(access)
        addAuditRoutes(access)
        addSessionRoutes(access)
    }
}
