import Postgres

/// What somebody has said about a worker.
public struct WorkerOrder: Sendable, Hashable {
    public let worker: String
    /// `draining` or `quarantined`.
    public let mode: String
    public let reason: String?
    /// Microseconds since 1970.
    public let at: Int64

    public init(worker: String, mode: String, reason: String?, at: Int64) {
        self.worker = worker
        self.mode = mode
        self.reason = reason
        self.at = at
    }
}

extension Journal {
    /// What is kept about workers that get no tasks, and about what has ended engines.
    static let dispatchMigration = Migration(
        number: 7, name: "workers' orders, suspects",
        sql: """
            CREATE TABLE worker_order (
                worker text   PRIMARY KEY,
                mode   text   NOT NULL, -- draining, quarantined
                reason text,
                at     bigint NOT NULL
            );

            -- What engines were deciding on when they ended: an execution, or a start. Counted when one starts again.
            CREATE TABLE suspect (
                subject     text        PRIMARY KEY,
                event       text        NOT NULL,
                crashes     bigint      NOT NULL,
                incarnation text        NOT NULL, -- the engine that ended last
                last_at     timestamptz NOT NULL
            );
            """)

    /// Keeps what somebody has said about a worker. False when this incarnation may not write.
    public func saveWorkerOrder(_ order: WorkerOrder) async throws(PostgresError) -> Bool {
        try await fenced(
            """
            , saved AS (
                INSERT INTO showrunner.worker_order (worker, mode, reason, at)
                SELECT $2, $3, $4, $5 FROM lease
                ON CONFLICT (worker) DO UPDATE
                   SET mode = EXCLUDED.mode, reason = EXCLUDED.reason, at = EXCLUDED.at
            )
            """,
            [.text(order.worker), .text(order.mode), .optional(order.reason), .int(order.at)])
    }

    /// Forgets what was said about a worker. False when this incarnation may not write.
    public func deleteWorkerOrder(_ worker: String) async throws(PostgresError) -> Bool {
        try await fenced(
            ", deleted AS (DELETE FROM showrunner.worker_order USING lease WHERE worker = $2)", [.text(worker)])
    }

    /// What was said about workers, by name.
    public func workerOrders() async throws(PostgresError) -> [WorkerOrder] {
        try await read("SELECT worker, mode, reason, at FROM showrunner.worker_order ORDER BY worker", []).map { row in
            WorkerOrder(
                worker: row.text("worker"), mode: row.text("mode"), reason: row.optionalText("reason"),
                at: row.int("at"))
        }
    }
}
