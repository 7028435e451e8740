public import Postgres

/// An access key as it is kept.
public struct StoredAccessKey: Sendable, Equatable {
    public var id: String
    /// Opaque here.
    public var sealedSecret: [UInt8]
    /// Opaque here.
    public var role: String
    public var description: String?
    /// Microseconds since 1970.
    public var createdAt: Int64
    /// Microseconds since 1970; nil while the key works. Disabling is for ever.
    public var disabledAt: Int64?
    /// `YYYY-MM-DD` in UTC; nil before the first use.
    public var lastUsedDay: String?

    public init(
        id: String, sealedSecret: [UInt8], role: String, description: String?, createdAt: Int64,
        disabledAt: Int64? = nil, lastUsedDay: String? = nil
    ) {
        self.id = id
        self.sealedSecret = sealedSecret
        self.role = role
        self.description = description
        self.createdAt = createdAt
        self.disabledAt = disabledAt
        self.lastUsedDay = lastUsedDay
    }
}

/// Access keys are not fenced by the lease: whoever may write to the database may make the first one before any engine
/// runs. Each call may be repeated.
extension Journal {
    /// The most keys that are kept, disabled ones included.
    public static let accessKeyLimit = 1000

    /// All keys in the order of their making.
    public func accessKeys() async throws(PostgresError) -> [StoredAccessKey] {
        try await read(
            """
            SELECT id, secret, role, description, created_at, disabled_at, last_used_day::text AS last_used_day
              FROM showrunner.access_key ORDER BY created_at, id
            """, []
        ).map { row in
            StoredAccessKey(
                id: row.text("id"), sealedSecret: row.bytes("secret"), role: row.text("role"),
                description: row.optionalText("description"), createdAt: row.int("created_at"),
                disabledAt: row.optionalInt("disabled_at"), lastUsedDay: row.optionalText("last_used_day"))
        }
    }

    /// Adds a key. False where ``accessKeyLimit`` are kept already.
    public func addAccessKey(_ key: StoredAccessKey) async throws(PostgresError) -> Bool {
        let rows = try await read(
            """
            WITH added AS (
                INSERT INTO showrunner.access_key (id, secret, role, description, created_at)
                SELECT $1, $2, $3, $4, $5
                 WHERE (SELECT count(*) FROM showrunner.access_key) < $6
                -- The same key is there when a try went in whose outcome nobody learned.
                ON CONFLICT (id) DO NOTHING
                RETURNING id
            )
            SELECT id FROM added UNION SELECT id FROM showrunner.access_key WHERE id = $1 AND secret = $2
            """,
            [
                .text(key.id), .bytes(key.sealedSecret), .text(key.role), .optional(key.description),
                .int(key.createdAt), .int(Int64(Self.accessKeyLimit)),
            ])
        return !rows.isEmpty
    }

    /// Disables a key from a moment on, in microseconds since 1970; one that is disabled stays as it is. False where
    /// there is none of this id.
    public func disableAccessKey(_ id: String, at: Int64) async throws(PostgresError) -> Bool {
        let rows = try await read(
            """
            UPDATE showrunner.access_key SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1 RETURNING id
            """, [.text(id), .int(at)])
        return !rows.isEmpty
    }

    /// Puts a secret that was sealed anew in the place of the one it was opened from, unless somebody else has.
    public func replaceSecret(
        of id: String, _ old: [UInt8], with new: [UInt8]
    ) async throws(PostgresError) {
        _ = try await read(
            "UPDATE showrunner.access_key SET secret = $3 WHERE id = $1 AND secret = $2",
            [.text(id), .bytes(old), .bytes(new)])
    }

    /// Notes that keys were used on a day (`YYYY-MM-DD`, UTC).
    public func noteUse(ofAccessKeys ids: [String], on day: String) async throws(PostgresError) {
        _ = try await read(
            """
            UPDATE showrunner.access_key SET last_used_day = $2::date
             WHERE id = ANY ($1) AND (last_used_day IS NULL OR last_used_day < $2::date)
            """, [.textArray(ids), .text(day)])
    }
}
