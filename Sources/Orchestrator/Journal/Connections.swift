import Postgres

/// Who HTTP tasks are to the APIs they call. The secrets are sealed: nobody reads them here.
public struct StoredConnection: Sendable, Equatable {
    /// A lowercase UUID.
    public var id: String
    public var name: String
    public var description: String?
    /// JSON text without secrets, for people; opaque here.
    public var shown: String
    /// What only the holder of the master key opens.
    public var sealed: [UInt8]
    /// Microseconds since 1970.
    public var createdAt: Int64

    public init(id: String, name: String, description: String?, shown: String, sealed: [UInt8], createdAt: Int64) {
        self.id = id
        self.name = name
        self.description = description
        self.shown = shown
        self.sealed = sealed
        self.createdAt = createdAt
    }
}

extension Journal {
    static let connectionMigration = Migration(
        number: 4, name: "connections",
        sql: """
            CREATE TABLE connection (
                name        text   PRIMARY KEY,
                id          uuid   NOT NULL UNIQUE,
                description text,
                shown       text   NOT NULL, -- JSON without secrets
                sealed      bytea  NOT NULL,
                created_at  bigint NOT NULL
            );
            """)

    /// Writes a new connection, or one that is sealed anew. False when this incarnation may not write.
    public func saveConnection(_ connection: StoredConnection) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , saved AS (
                INSERT INTO showrunner.connection (name, id, description, shown, sealed, created_at)
                SELECT $2, $3, $4, $5, $6, $7 FROM lease
                -- The same again after a lost answer, or under another master key.
                ON CONFLICT (name) DO UPDATE SET id = EXCLUDED.id, sealed = EXCLUDED.sealed
            )
            """,
            [
                .text(connection.name), .uuid(connection.id), .optional(connection.description),
                .text(connection.shown), .bytes(connection.sealed), .int(connection.createdAt),
            ])
    }

    public func deleteConnection(_ name: String) async throws(PostgresError) -> Bool {
        try await fenced(
            ", deleted AS (DELETE FROM showrunner.connection USING lease WHERE connection.name = $2)", [.text(name)])
    }

    /// All connections by name.
    public func connections() async throws(PostgresError) -> [StoredConnection] {
        try await read(
            """
            SELECT name, id::text AS id, description, shown, sealed, created_at
              FROM showrunner.connection ORDER BY name
            """, []
        ).map { row in
            StoredConnection(
                id: row.text("id"), name: row.text("name"), description: row.optionalText("description"),
                shown: row.text("shown"), sealed: row.bytes("sealed"), createdAt: row.int("created_at"))
        }
    }
}
