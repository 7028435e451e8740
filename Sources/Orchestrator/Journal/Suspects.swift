import Postgres

/// What an engine was deciding on when it ended, or what workers were lost with.
public struct Suspect: Sendable, Hashable {
    /// An execution's id, or what names a start or a source.
    public let subject: String
    /// What the execution was told; of a source, what the engine has to know of it.
    public let event: String
    /// How many ended so, in a row of less than a day.
    public let crashes: Int
    /// Of the last, in microseconds since 1970.
    public let lastAt: Int64

    public init(subject: String, event: String, crashes: Int, lastAt: Int64) {
        self.subject = subject
        self.event = event
        self.crashes = crashes
        self.lastAt = lastAt
    }
}

extension Journal {
    /// Counts that an engine ended while it decided, or a worker with a source. Needs no lease: whoever starts tells what its
    /// machine's last engine did. The same ending told twice counts once; endings more than a day apart are no row.
    ///
    /// - Parameter incarnation: names the ending.
    public func countCrash(subject: String, event: String, incarnation: String) async throws(PostgresError) {
        _ = try await read(
            """
            INSERT INTO showrunner.suspect (subject, event, crashes, incarnation, last_at)
            VALUES ($1, $2, 1, $3, clock_timestamp())
            ON CONFLICT (subject) DO UPDATE
               SET crashes = CASE WHEN suspect.last_at < clock_timestamp() - interval '1 day' THEN 1
                                  ELSE suspect.crashes + 1 END,
                   event = EXCLUDED.event, incarnation = EXCLUDED.incarnation, last_at = EXCLUDED.last_at
             WHERE suspect.incarnation <> EXCLUDED.incarnation
            """, [.text(subject), .text(event), .text(incarnation)])
    }

    /// What at least so many ended with.
    public func suspects(crashes: Int) async throws(PostgresError) -> [Suspect] {
        try await read(
            """
            SELECT subject, event, crashes, (extract(epoch FROM last_at) * 1000000)::bigint AS last_at
              FROM showrunner.suspect WHERE crashes >= $1 ORDER BY subject
            """, [.int(Int64(crashes))]
        ).map { row in
            Suspect(
                subject: row.text("subject"), event: row.text("event"), crashes: Int(row.int("crashes")),
                lastAt: row.int("last_at"))
        }
    }

    /// Forgets what was counted of a subject. False when this incarnation may not write.
    public func deleteSuspect(_ subject: String) async throws(PostgresError) -> Bool {
        try await fenced(
            ", deleted AS (DELETE FROM showrunner.suspect USING lease WHERE subject = $2)", [.text(subject)])
    }
}
