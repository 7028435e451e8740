import CatalogStore
import HTTPServer
import Postgres

/// What the service keeps in memory: ready bodies and object descriptions, all of one version of the catalogue.
actor CatalogCache {
    /// How long a version counts as the current one before it is looked up again.
    static let versionAge: Duration = .seconds(1)
    /// When a kind of entries has grown this far, all of them are dropped: simple, and rare at these sizes.
    static let bodyLimit = 10_000
    static let bodyBytesLimit = 64 << 20
    static let objectLimit = 50_000

    private let reader: CatalogReader
    private let now: @Sendable () -> ContinuousClock.Instant
    private var version: Int64?
    private var lookedUp: ContinuousClock.Instant?
    private var lookup: Task<Result<Int64, PostgresError>, Never>?
    /// Whether the last lookup failed.
    private var isAway = false
    private var bodies: [String: ReadyBody] = [:]
    private var bodyBytes = 0
    private var objects: [String: PublishedObject] = [:]
    private var signingKey: [UInt8]?

    init(reader: CatalogReader, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.reader = reader
        self.now = now
    }

    /// The catalogue's version, at most ``versionAge`` old; older while the database does not answer.
    ///
    /// - Throws: where the database does not answer and no version was ever known.
    func currentVersion() async throws(PostgresError) -> Int64 {
        if let version, let lookedUp, lookedUp.duration(to: now()) < Self.versionAge { return version }
        let lookup = lookup ?? startLookup()
        // Nobody waits for a database that is away or frozen: one lookup a second finds out when it is back.
        if let version, isAway { return version }
        switch await lookup.value {
        case .success(let found): return found
        case .failure(let error):
            guard let version else { throw error }
            return version
        }
    }

    /// One lookup serves everybody who waits.
    private func startLookup() -> Task<Result<Int64, PostgresError>, Never> {
        let task = Task {
            let result: Result<Int64, PostgresError>
            do throws(PostgresError) {
                result = .success(try await reader.version())
            } catch {
                result = .failure(error)
            }
            finish(result)
            return result
        }
        lookup = task
        return task
    }

    private func finish(_ result: Result<Int64, PostgresError>) {
        lookup = nil
        // Also after a failure: while the database is away, one request a second finds out whether it is back.
        lookedUp = now()
        guard case .success(let found) = result else {
            isAway = true
            return
        }
        isAway = false
        if found == version { return }
        version = found
        bodies = [:]
        bodyBytes = 0
        objects = [:]
    }

    /// The body kept under a key, or the one that `make` gives, which is then kept. `make` gets the catalogue's version;
    /// nil from it means that there is no such thing, which is not kept.
    func body(
        _ key: String, make: @Sendable (_ version: Int64) async throws -> ReadyBody?
    ) async throws -> ReadyBody? {
        let version = try await currentVersion()
        if let kept = bodies[key] { return kept }
        guard let made = try await make(version) else { return nil }
        // Made of a newer catalogue than the key's neighbours, or an older one: not kept.
        guard version == self.version else { return made }
        if bodies.count >= Self.bodyLimit || bodyBytes + made.bytes.readableBytes > Self.bodyBytesLimit {
            bodies = [:]
            bodyBytes = 0
        }
        if let replaced = bodies.updateValue(made, forKey: key) { bodyBytes -= replaced.bytes.readableBytes }
        bodyBytes += made.bytes.readableBytes
        return made
    }

    /// The published object at a path below `/media/`, or nil.
    func object(_ path: String) async throws(PostgresError) -> PublishedObject? {
        let version = try await currentVersion()
        if let kept = objects[path] { return kept }
        guard let found = try await reader.object(mediaPath: path) else { return nil }
        guard version == self.version else { return found }
        if objects.count >= Self.objectLimit { objects = [:] }
        objects[path] = found
        return found
    }

    /// The key that signs cursors; it never changes.
    func cursorKey() async throws(PostgresError) -> [UInt8] {
        if let signingKey { return signingKey }
        let key = try await reader.cursorKey()
        signingKey = key
        return key
    }
}
