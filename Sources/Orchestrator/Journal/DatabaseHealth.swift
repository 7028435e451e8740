import Postgres

/// What makes the database slow before anybody notices.
public struct DatabaseHealth: Sendable, Equatable {
    /// How long the oldest transaction has been open that keeps dead rows from being removed, in microseconds.
    public var oldestSnapshot: Int64
    /// Whose it is: role, program and process; nil where there is none, or it is not for this role to see.
    public var oldestHolder: String?
    /// Rows of the schema that are dead and not removed, and all that live, as PostgreSQL estimates them.
    public var deadRows: Int64
    public var liveRows: Int64
    /// How far the slowest standby is behind, in bytes of the log; 0 without one.
    public var replicationLag: Int64
    /// Starts asked for by SQL that wait.
    public var waitingStarts: Int64

    public init(
        oldestSnapshot: Int64, oldestHolder: String? = nil, deadRows: Int64, liveRows: Int64, replicationLag: Int64,
        waitingStarts: Int64
    ) {
        self.oldestSnapshot = oldestSnapshot
        self.oldestHolder = oldestHolder
        self.deadRows = deadRows
        self.liveRows = liveRows
        self.replicationLag = replicationLag
        self.waitingStarts = waitingStarts
    }

    /// What somebody should look at, in sentences.
    public var warnings: [String] {
        var sentences: [String] = []
        if oldestSnapshot > 600_000_000 {
            sentences.append(
                "A transaction of \(oldestHolder ?? "somebody") has been open for \(oldestSnapshot / 60_000_000) minutes: "
                    + "until it ends, PostgreSQL can remove nothing that was changed since.")
        }
        if deadRows > 1_000_000, deadRows > liveRows / 2 {
            sentences.append(
                "The engine's tables have \(deadRows) dead rows beside \(liveRows) live ones: autovacuum does not keep up."
            )
        }
        if replicationLag > 64 << 20 {
            sentences.append("A standby is \(replicationLag >> 20) MiB of the log behind.")
        }
        return sentences
    }
}

extension Journal {
    /// Looks at the server. What this role may not see counts as nothing.
    public func databaseHealth() async throws(PostgresError) -> DatabaseHealth {
        let row = try await keep(
            """
            SELECT coalesce(oldest.age, 0) AS age, oldest.holder,
                   (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables
                     WHERE schemaname = 'showrunner') AS dead,
                   (SELECT coalesce(sum(n_live_tup), 0)::bigint FROM pg_stat_user_tables
                     WHERE schemaname = 'showrunner') AS live,
                   (SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint
                      FROM pg_stat_replication) AS lag,
                   (SELECT count(*) FROM showrunner.start_inbox WHERE refused_at IS NULL) AS waiting
              FROM (SELECT 1) AS one
              LEFT JOIN LATERAL (
                    SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000000)::bigint AS age,
                           format('%s (%s, process %s)', usename, application_name, pid) AS holder
                      FROM pg_stat_activity
                     WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
                     ORDER BY xact_start LIMIT 1) AS oldest ON true
            """, [])[0]
        return DatabaseHealth(
            oldestSnapshot: row.int("age"), oldestHolder: row.optionalText("holder"), deadRows: row.int("dead"),
            liveRows: row.int("live"), replicationLag: row.int("lag"), waitingStarts: row.int("waiting"))
    }
}
