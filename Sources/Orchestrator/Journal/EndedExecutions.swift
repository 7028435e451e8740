import Postgres

/// Up to when a trigger has been told of executions that ended. Engine time, in microseconds since 1970.
public struct ToldEnds: Sendable, Equatable {
    /// What ended before is not its business.
    public var since: Int64
    /// Of all that ended before it has been told; of some later ones, too.
    public var through: Int64

    public init(since: Int64, through: Int64) {
        self.since = since
        self.through = through
    }
}

extension Journal {
    /// Ends are found by when they came. An entry goes into the index with an execution's last row; rows before it do not
    /// touch it.
    static let endMigration = Migration(
        number: 11, name: "triggers are told of ends",
        sql: """
            CREATE INDEX execution_list_stopped ON execution_list (stopped_at, execution_id)
             WHERE map_run IS NULL AND stopped_at IS NOT NULL;
            ALTER TABLE trigger
                ADD COLUMN told_since   bigint, -- NULL where ends are not its business
                ADD COLUMN told_through bigint,
                ADD CONSTRAINT trigger_told CHECK ((told_since IS NULL) = (told_through IS NULL));
            """, deadline: indexDeadline)

    /// So are redrives.
    static let redriveEndMigration = Migration(
        number: 12, name: "redrives are found by when they came",
        sql: """
            CREATE INDEX execution_list_redriven ON execution_list (redriven_at, execution_id)
             WHERE map_run IS NULL AND redriven_at IS NOT NULL;
            """, deadline: indexDeadline)

    /// Executions that have ended, in the order of their ends. Those that were redriven since stand at their last end, or
    /// nowhere while they run. Children of Map Runs are left out.
    ///
    /// - Parameters:
    ///   - place: the end and the execution behind which the page begins.
    ///   - horizon: ends at this instant and later are left out.
    public func endedExecutions(
        after place: (at: Int64, executionID: String), before horizon: Int64, limit: Int
    ) async throws(PostgresError) -> [ListEntry] {
        try await executions(by: "stopped_at", after: place, before: horizon, limit: limit)
    }

    /// Executions that were redriven, in the order of their last redrives. Children of Map Runs are left out.
    public func redrivenExecutions(
        after place: (at: Int64, executionID: String), before horizon: Int64, limit: Int
    ) async throws(PostgresError) -> [ListEntry] {
        try await executions(by: "redriven_at", after: place, before: horizon, limit: limit)
    }

    // Without its table's name the id would be the text that is selected, whose order is another and has no index.
    private func executions(
        by column: String, after place: (at: Int64, executionID: String), before horizon: Int64, limit: Int
    ) async throws(PostgresError) -> [ListEntry] {
        try await keep(
            """
            SELECT \(Self.listColumns) FROM showrunner.execution_list
             WHERE map_run IS NULL AND (\(column), execution_id) > ($1, $2) AND \(column) < $3
             ORDER BY \(column), execution_list.execution_id LIMIT $4
            """, [.int(place.at), .uuid(place.executionID), .int(horizon), .int(Int64(limit))]
        ).map(Self.listEntry)
    }
}
