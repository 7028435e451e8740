import Postgres

/// What a schedule remembers, opaque here.
public struct StoredSchedule: Sendable, Equatable {
    public var name: String
    public var state: String
    /// What it did last, for people.
    public var recent: String
    /// Grows with every try to write: what is late never undoes what came after it.
    public var version: Int64
    /// Microseconds since 1970, as all instants.
    public var updatedAt: Int64
    /// Since when no file has it; nil while one does.
    public var removedAt: Int64?

    public init(
        name: String, state: String, recent: String, version: Int64, updatedAt: Int64, removedAt: Int64? = nil
    ) {
        self.name = name
        self.state = state
        self.recent = recent
        self.version = version
        self.updatedAt = updatedAt
        self.removedAt = removedAt
    }
}

extension Journal {
    static let scheduleMigration = Migration(
        number: 6, name: "schedules, triggers",
        sql: """
            CREATE TABLE schedule (
                name       text   PRIMARY KEY,
                state      text   NOT NULL, -- whole, by the room Schedules; kept before anything is done for it
                recent     text   NOT NULL, -- JSON: what it did last
                version    bigint NOT NULL,
                updated_at bigint NOT NULL,
                removed_at bigint           -- since when no file has it
            );

            CREATE TABLE trigger (
                name           text   PRIMARY KEY,
                since          bigint NOT NULL, -- what happened before it was deployed starts nothing
                secret         bytea,           -- what senders sign with, sealed under a master key
                listed_through bigint
            );
            """)

    /// Writes what a schedule remembers, unless a later version is there already. False when this incarnation may not
    /// write.
    public func saveSchedule(_ schedule: StoredSchedule) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , saved AS (
                INSERT INTO showrunner.schedule (name, state, recent, version, updated_at, removed_at)
                SELECT $2, $3, $4, $5, $6, $7 FROM lease
                ON CONFLICT (name) DO UPDATE
                   SET state = EXCLUDED.state, recent = EXCLUDED.recent, version = EXCLUDED.version,
                       updated_at = EXCLUDED.updated_at, removed_at = EXCLUDED.removed_at
                 WHERE schedule.version < EXCLUDED.version
            )
            """,
            [
                .text(schedule.name), .text(schedule.state), .text(schedule.recent), .int(schedule.version),
                .int(schedule.updatedAt), schedule.removedAt.map { .int($0) } ?? .null,
            ])
    }

    /// Forgets schedules that no file has had since before an instant. False when this incarnation may not write.
    public func deleteSchedules(removedBefore instant: Int64) async throws(PostgresError) -> Bool {
        try await fenced(
            ", deleted AS (DELETE FROM showrunner.schedule USING lease WHERE removed_at < $2)", [.int(instant)])
    }

    /// All schedules by name, those that no file has any more too.
    public func schedules() async throws(PostgresError) -> [StoredSchedule] {
        try await read(
            "SELECT name, state, recent, version, updated_at, removed_at FROM showrunner.schedule ORDER BY name", []
        ).map { row in
            StoredSchedule(
                name: row.text("name"), state: row.text("state"), recent: row.text("recent"),
                version: row.int("version"), updatedAt: row.int("updated_at"), removedAt: row.optionalInt("removed_at"))
        }
    }
}
