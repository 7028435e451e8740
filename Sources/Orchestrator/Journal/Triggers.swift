import Postgres

/// What is kept of a trigger beside its definition.
public struct StoredTrigger: Sendable, Equatable {
    public var name: String
    /// When it was first deployed, in microseconds since 1970: what happened before is not its business.
    public var since: Int64
    /// What senders sign with, sealed; nil while there is none.
    public var secret: [UInt8]?
    /// A listing has told everything up to this instant.
    public var listedThrough: Int64?
    /// Why it starts nothing at present; nil while it does.
    public var pause: TriggerPause?
    /// How far it has been told of executions that ended; nil while ends are not its business.
    public var told: ToldEnds?

    public init(
        name: String, since: Int64, secret: [UInt8]? = nil, listedThrough: Int64? = nil, pause: TriggerPause? = nil,
        told: ToldEnds? = nil
    ) {
        self.told = told
        self.name = name
        self.since = since
        self.secret = secret
        self.listedThrough = listedThrough
        self.pause = pause
    }
}

/// That somebody holds a trigger.
public struct TriggerPause: Sendable, Equatable {
    /// For people.
    public let reason: String
    /// Microseconds since 1970.
    public let since: Int64

    public init(reason: String, since: Int64) {
        self.reason = reason
        self.since = since
    }
}

extension Journal {
    static let pauseMigration = Migration(
        number: 10, name: "triggers are paused",
        sql: """
            ALTER TABLE trigger
                ADD COLUMN pause_reason text, -- for people; NULL while it is not paused
                ADD COLUMN paused_at    bigint,
                ADD CONSTRAINT trigger_pause CHECK ((pause_reason IS NULL) = (paused_at IS NULL));
            """)

    /// Writes a trigger over the one of its name. False when this incarnation may not write.
    public func saveTrigger(_ trigger: StoredTrigger) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , saved AS (
                INSERT INTO showrunner.trigger
                    (name, since, secret, listed_through, pause_reason, paused_at, told_since, told_through)
                SELECT $2, $3, $4, $5, $6, $7, $8, $9 FROM lease
                ON CONFLICT (name) DO UPDATE
                   SET since = EXCLUDED.since, secret = EXCLUDED.secret, listed_through = EXCLUDED.listed_through,
                       pause_reason = EXCLUDED.pause_reason, paused_at = EXCLUDED.paused_at,
                       told_since = EXCLUDED.told_since, told_through = EXCLUDED.told_through
            )
            """,
            [
                .text(trigger.name), .int(trigger.since), trigger.secret.map { .bytes($0) } ?? .null,
                trigger.listedThrough.map { .int($0) } ?? .null, .optional(trigger.pause?.reason),
                .optional(trigger.pause?.since), .optional(trigger.told?.since), .optional(trigger.told?.through),
            ])
    }

    /// All triggers by name.
    public func triggers() async throws(PostgresError) -> [StoredTrigger] {
        try await read(
            """
            SELECT name, since, secret, listed_through, pause_reason, paused_at, told_since, told_through
              FROM showrunner.trigger ORDER BY name
            """, []
        ).map { row in
            StoredTrigger(
                name: row.text("name"), since: row.int("since"), secret: row.optionalBytes("secret"),
                listedThrough: row.optionalInt("listed_through"),
                pause: row.optionalText("pause_reason").map { TriggerPause(reason: $0, since: row.int("paused_at")) },
                told: row.optionalInt("told_since").map { ToldEnds(since: $0, through: row.int("told_through")) })
        }
    }

    /// Which of the names belong to executions of a machine.
    public func takenNames(machine: String, among names: [String]) async throws(PostgresError) -> Set<String> {
        Set(
            try await read(
                "SELECT name FROM showrunner.execution_name WHERE machine = $1 AND name = ANY($2)",
                [.text(machine), .textArray(names)]
            ).map { $0.text("name") })
    }
}
