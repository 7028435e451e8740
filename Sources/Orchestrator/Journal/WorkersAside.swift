import Postgres

/// A worker that gets no tasks of a kind for a while, because it failed them one after the other.
public struct WorkerAside: Sendable, Hashable {
    public let worker: String
    /// A step, or the ARN of an activity.
    public let queue: String
    /// Microseconds since 1970.
    public let until: Int64
    public let reason: String

    public init(worker: String, queue: String, until: Int64, reason: String) {
        self.worker = worker
        self.queue = queue
        self.until = until
        self.reason = reason
    }
}

extension Journal {
    static let asideMigration = Migration(
        number: 9, name: "the active engine's address, workers set aside",
        sql: """
            -- Scheme and authority, for engines that stand by: they hand calls on.
            ALTER TABLE lease ADD COLUMN address text;

            CREATE TABLE worker_aside (
                worker   text   NOT NULL,
                queue    text   NOT NULL,
                until_at bigint NOT NULL,
                reason   text   NOT NULL,
                PRIMARY KEY (worker, queue)
            );
            """)

    /// Keeps that a worker is set aside, and forgets those whose time is over. False when this incarnation may not write.
    ///
    /// - Parameter now: microseconds since 1970.
    public func saveAside(_ aside: WorkerAside, now: Int64) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , over AS (
                DELETE FROM showrunner.worker_aside USING lease
                 WHERE until_at <= $6 AND (worker, queue) IS DISTINCT FROM ($2, $3)
            ), saved AS (
                INSERT INTO showrunner.worker_aside (worker, queue, until_at, reason)
                SELECT $2, $3, $4, $5 FROM lease
                ON CONFLICT (worker, queue) DO UPDATE SET until_at = EXCLUDED.until_at, reason = EXCLUDED.reason
            )
            """, [.text(aside.worker), .text(aside.queue), .int(aside.until), .text(aside.reason), .int(now)])
    }

    /// Forgets that a worker is set aside: for one queue, or (nil) for all. False when this incarnation may not write.
    public func deleteAside(of worker: String, queue: String?) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , deleted AS (
                DELETE FROM showrunner.worker_aside USING lease WHERE worker = $2 AND ($3::text IS NULL OR queue = $3)
            )
            """, [.text(worker), .optional(queue)])
    }

    /// Workers that are set aside at an instant, in microseconds since 1970.
    public func workersAside(at instant: Int64) async throws(PostgresError) -> [WorkerAside] {
        try await read(
            """
            SELECT worker, queue, until_at, reason FROM showrunner.worker_aside
             WHERE until_at > $1 ORDER BY worker, queue
            """, [.int(instant)]
        ).map { row in
            WorkerAside(
                worker: row.text("worker"), queue: row.text("queue"), until: row.int("until_at"),
                reason: row.text("reason"))
        }
    }
}
