import Postgres

/// What a machine was between two updates. Never changed; executions name the revision they run by.
public struct StoredRevision: Sendable, Equatable {
    /// A lowercase UUID.
    public var id: String
    /// The machine's name.
    public var machine: String
    /// Whether CreateStateMachine made it.
    public var isFirst: Bool
    public var definitionHash: String
    /// JSON text; opaque here.
    public var configuration: String
    /// Microseconds since 1970.
    public var createdAt: Int64

    public init(
        id: String, machine: String, isFirst: Bool, definitionHash: String, configuration: String, createdAt: Int64
    ) {
        self.id = id
        self.machine = machine
        self.isFirst = isFirst
        self.definitionHash = definitionHash
        self.configuration = configuration
        self.createdAt = createdAt
    }
}

/// A state machine as it is kept.
public struct StoredMachine: Sendable, Equatable {
    public var name: String
    public var arn: String
    /// `STANDARD` or `EXPRESS`.
    public var type: String
    /// `ACTIVE` or `DELETING`.
    public var status: String
    /// The revision that new executions take.
    public var revision: StoredRevision
    /// The number of the next version to be published, from 1.
    public var nextVersion: Int64
    /// JSON text; opaque here.
    public var tags: String
    /// Microseconds since 1970.
    public var createdAt: Int64

    public init(
        name: String, arn: String, type: String, status: String, revision: StoredRevision, nextVersion: Int64,
        tags: String, createdAt: Int64
    ) {
        self.name = name
        self.arn = arn
        self.type = type
        self.status = status
        self.revision = revision
        self.nextVersion = nextVersion
        self.tags = tags
        self.createdAt = createdAt
    }
}

/// A published version of a machine: a name for one of its revisions.
public struct StoredVersion: Sendable, Equatable {
    public var machine: String
    /// From 1.
    public var number: Int64
    public var revision: StoredRevision
    public var description: String?
    /// Microseconds since 1970.
    public var createdAt: Int64

    public init(machine: String, number: Int64, revision: StoredRevision, description: String?, createdAt: Int64) {
        self.machine = machine
        self.number = number
        self.revision = revision
        self.description = description
        self.createdAt = createdAt
    }
}

/// An alias of a machine: a name for one or two of its versions.
public struct StoredAlias: Sendable, Equatable {
    public var machine: String
    public var name: String
    public var description: String?
    /// JSON text; opaque here.
    public var routing: String
    /// Microseconds since 1970.
    public var createdAt: Int64
    /// Microseconds since 1970.
    public var updatedAt: Int64

    public init(
        machine: String, name: String, description: String?, routing: String, createdAt: Int64, updatedAt: Int64
    ) {
        self.machine = machine
        self.name = name
        self.description = description
        self.routing = routing
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// An activity: a queue of tasks that anybody's workers take by its ARN.
public struct StoredActivity: Sendable, Equatable {
    public var name: String
    /// JSON text; opaque here.
    public var encryption: String
    /// JSON text; opaque here.
    public var tags: String
    /// Microseconds since 1970.
    public var createdAt: Int64

    public init(name: String, encryption: String, tags: String, createdAt: Int64) {
        self.name = name
        self.encryption = encryption
        self.tags = tags
        self.createdAt = createdAt
    }
}

/// Every write here counts only while this incarnation holds the lease, as an append does; false means that it does not
/// and that nothing was written. Each may be repeated.
extension Journal {
    /// Writes a machine with its current revision and, where one is given, a new version, all or nothing.
    ///
    /// - Parameters:
    ///   - definition: the text behind the revision's hash; kept if it is not there yet.
    ///   - version: a version to be added.
    public func saveMachine(
        _ machine: StoredMachine, definition: String, version: StoredVersion? = nil
    ) async throws(PostgresError) -> Bool {
        let revision = machine.revision
        var parameters: [PostgresValue] = [
            .text(revision.definitionHash), .text(definition),
            .uuid(revision.id), .text(machine.name), .bool(revision.isFirst), .text(revision.configuration),
            .int(revision.createdAt),
            .text(machine.arn), .text(machine.type), .text(machine.status), .int(machine.nextVersion),
            .text(machine.tags), .int(machine.createdAt),
        ]
        var published = ""
        if let version {
            published = """
                , published AS (
                    INSERT INTO showrunner.machine_version (machine, number, revision, description, created_at)
                    SELECT $5, $15, $4, $16, $17 FROM lease
                    -- A number that is there already was written by a try whose outcome nobody learned: its publisher
                    -- was refused, and the engine, the only writer, gives the number to this one.
                    ON CONFLICT (machine, number) DO UPDATE
                        SET revision = EXCLUDED.revision, description = EXCLUDED.description,
                            created_at = EXCLUDED.created_at
                )
                """
            parameters += [.int(version.number), .optional(version.description), .int(version.createdAt)]
        }
        return try await fenced(
            """
            , defined AS (
                INSERT INTO showrunner.definition (hash, body) SELECT $2, $3 FROM lease ON CONFLICT DO NOTHING
            ), revised AS (
                INSERT INTO showrunner.revision (id, machine, is_first, definition_hash, configuration, created_at)
                SELECT $4, $5, $6, $2, $7, $8 FROM lease
                ON CONFLICT DO NOTHING
            ), saved AS (
                INSERT INTO showrunner.machine (name, arn, type, status, revision, next_version, tags, created_at)
                SELECT $5, $9, $10, $11, $4, $12, $13, $14 FROM lease
                ON CONFLICT (name) DO UPDATE
                   SET arn = EXCLUDED.arn, type = EXCLUDED.type, status = EXCLUDED.status,
                       revision = EXCLUDED.revision, next_version = EXCLUDED.next_version, tags = EXCLUDED.tags,
                       created_at = EXCLUDED.created_at
            )\(published)
            """, parameters)
    }

    /// Removes a machine with its versions and aliases. Its revisions stay, for the executions that name them.
    public func deleteMachine(_ name: String) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , aliases AS (DELETE FROM showrunner.machine_alias USING lease WHERE machine = $2),
            versions AS (DELETE FROM showrunner.machine_version USING lease WHERE machine = $2),
            deleted AS (DELETE FROM showrunner.machine USING lease WHERE machine.name = $2)
            """, [.text(name)])
    }

    public func deleteVersion(machine: String, number: Int64) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , deleted AS (
                DELETE FROM showrunner.machine_version USING lease WHERE machine = $2 AND number = $3
            )
            """, [.text(machine), .int(number)])
    }

    /// Writes an alias over the one of its name.
    public func saveAlias(_ alias: StoredAlias) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , saved AS (
                INSERT INTO showrunner.machine_alias (machine, name, description, routing, created_at, updated_at)
                SELECT $2, $3, $4, $5, $6, $7 FROM lease
                ON CONFLICT (machine, name) DO UPDATE
                   SET description = EXCLUDED.description, routing = EXCLUDED.routing,
                       created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at
            )
            """,
            [
                .text(alias.machine), .text(alias.name), .optional(alias.description), .text(alias.routing),
                .int(alias.createdAt), .int(alias.updatedAt),
            ])
    }

    public func deleteAlias(machine: String, name: String) async throws(PostgresError) -> Bool {
        try await fenced(
            ", deleted AS (DELETE FROM showrunner.machine_alias USING lease WHERE machine = $2 AND name = $3)",
            [.text(machine), .text(name)])
    }

    /// Writes an activity over the one of its name.
    public func saveActivity(_ activity: StoredActivity) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , saved AS (
                INSERT INTO showrunner.activity (name, encryption, tags, created_at)
                SELECT $2, $3, $4, $5 FROM lease
                ON CONFLICT (name) DO UPDATE
                   SET encryption = EXCLUDED.encryption, tags = EXCLUDED.tags, created_at = EXCLUDED.created_at
            )
            """,
            [.text(activity.name), .text(activity.encryption), .text(activity.tags), .int(activity.createdAt)])
    }

    public func deleteActivity(_ name: String) async throws(PostgresError) -> Bool {
        try await fenced(
            ", deleted AS (DELETE FROM showrunner.activity USING lease WHERE activity.name = $2)", [.text(name)])
    }

    /// Table expressions behind `lease`, which has one row exactly while this incarnation may write. The first parameter
    /// of theirs is `$2`.
    func fenced(_ expressions: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> Bool {
        try await !read(Self.fencing(expressions), [.text(incarnation)] + parameters).isEmpty
    }

    /// A statement whose expressions see the lease row as `lease` where the incarnation $1 has it, and which gives a row
    /// only then. Whoever takes over waits for it.
    static func fencing(_ expressions: String) -> String {
        """
        WITH lease AS MATERIALIZED (
            SELECT id FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR KEY SHARE
        )\(expressions)
        SELECT id FROM lease
        """
    }

    // MARK: Reads

    /// All machines by name.
    public func machines() async throws(PostgresError) -> [StoredMachine] {
        try await read(
            """
            SELECT machine.name, arn, type, status, next_version, tags, machine.created_at AS machine_created_at,
                   \(Self.revisionColumns)
              FROM showrunner.machine JOIN showrunner.revision ON revision.id = machine.revision ORDER BY machine.name
            """, []
        ).map { row in
            StoredMachine(
                name: row.text("name"), arn: row.text("arn"), type: row.text("type"), status: row.text("status"),
                revision: Self.revision(row), nextVersion: row.int("next_version"), tags: row.text("tags"),
                createdAt: row.int("machine_created_at"))
        }
    }

    /// All versions of all machines, by machine and number.
    public func versions() async throws(PostgresError) -> [StoredVersion] {
        try await read(
            """
            SELECT machine_version.machine AS version_machine, number, description,
                   machine_version.created_at AS version_created_at, \(Self.revisionColumns)
              FROM showrunner.machine_version JOIN showrunner.revision ON revision.id = machine_version.revision
             ORDER BY machine_version.machine, number
            """, []
        ).map { row in
            StoredVersion(
                machine: row.text("version_machine"), number: row.int("number"), revision: Self.revision(row),
                description: row.optionalText("description"), createdAt: row.int("version_created_at"))
        }
    }

    /// All aliases of all machines, in the order of their making.
    public func aliases() async throws(PostgresError) -> [StoredAlias] {
        try await read(
            """
            SELECT machine, name, description, routing, created_at, updated_at FROM showrunner.machine_alias
             ORDER BY machine, created_at, name
            """, []
        ).map { row in
            StoredAlias(
                machine: row.text("machine"), name: row.text("name"), description: row.optionalText("description"),
                routing: row.text("routing"), createdAt: row.int("created_at"), updatedAt: row.int("updated_at"))
        }
    }

    /// All activities by name.
    public func activities() async throws(PostgresError) -> [StoredActivity] {
        try await read("SELECT name, encryption, tags, created_at FROM showrunner.activity ORDER BY name", []).map {
            StoredActivity(
                name: $0.text("name"), encryption: $0.text("encryption"), tags: $0.text("tags"),
                createdAt: $0.int("created_at"))
        }
    }

    /// A revision, current or not; nil if none has this id.
    public func revision(_ id: String) async throws(PostgresError) -> StoredRevision? {
        try await read("SELECT \(Self.revisionColumns) FROM showrunner.revision WHERE id = $1", [.uuid(id)])
            .first.map(Self.revision)
    }

    /// The value of a setting that is made once and kept: `value` if nobody has made one before.
    public func setting(_ name: String, orElse value: String) async throws(PostgresError) -> String {
        _ = try await read(
            "INSERT INTO showrunner.setting (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [.text(name), .text(value)])
        return try await read("SELECT value FROM showrunner.setting WHERE name = $1", [.text(name)])[0].text("value")
    }

    static let revisionColumns = """
        revision.id::text AS revision_id, revision.machine AS revision_machine, is_first, definition_hash, \
        configuration, revision.created_at AS revision_created_at
        """

    static func revision(_ row: PostgresRow) -> StoredRevision {
        StoredRevision(
            id: row.text("revision_id"), machine: row.text("revision_machine"), isFirst: row.bool("is_first"),
            definitionHash: row.text("definition_hash"), configuration: row.text("configuration"),
            createdAt: row.int("revision_created_at"))
    }
}
