import Postgres

/// A waiting execution that is taken out of memory.
public struct ColdExecution: Sendable, Equatable {
    public let id: String
    /// How many rows it has: with one more, it is not what this says.
    public let nextSeq: Int64
    /// When it has something to do though nobody says anything, in microseconds since 1970; nil: never.
    public let nextWake: Int64?

    public init(id: String, nextSeq: Int64, nextWake: Int64?) {
        self.id = id
        self.nextSeq = nextSeq
        self.nextWake = nextWake
    }
}

/// How many executions of a machine are cold.
public struct ColdCount: Sendable, Equatable {
    public let machine: String
    public let count: Int
    /// The earliest ``ColdExecution/nextWake`` of them; nil where time wakes none.
    public let nextWake: Int64?

    public init(machine: String, count: Int, nextWake: Int64?) {
        self.machine = machine
        self.count = count
        self.nextWake = nextWake
    }
}

/// Hints: that an execution need not be in memory follows from its rows, and a hint says only that somebody looked. What
/// it says holds while the execution has as many rows as it says, so no append need know of it.
extension Journal {
    /// Notes executions as cold, and takes back what was noted of others that are in memory again. False, and nothing
    /// done, where this incarnation does not have the lease: what is in its memory is not in its successor's.
    public func noteCold(_ executions: [ColdExecution], warm: [String]) async throws(PostgresError) -> Bool {
        try await keepFenced(
            """
            , warm AS (
                DELETE FROM showrunner.cold USING lease WHERE execution_id = ANY ($2)
            ), noted AS (
                INSERT INTO showrunner.cold (execution_id, next_seq, next_wake)
                SELECT given.* FROM lease CROSS JOIN unnest($3, $4, $5) AS given (execution_id, next_seq, next_wake)
                 ORDER BY execution_id
                ON CONFLICT (execution_id) DO UPDATE
                   SET next_seq = EXCLUDED.next_seq, next_wake = EXCLUDED.next_wake
                 WHERE cold.next_seq <= EXCLUDED.next_seq
            )
            """,
            [
                .uuidArray(warm), .uuidArray(executions.map(\.id)), .intArray(executions.map(\.nextSeq)),
                .intArray(executions.map(\.nextWake)),
            ])
    }

    /// The cold executions that are due, the earliest first.
    ///
    /// - Parameter instant: microseconds since 1970.
    public func dueExecutions(before instant: Int64, limit: Int) async throws(PostgresError) -> [ColdExecution] {
        try await keep(
            """
            SELECT execution_id::text AS execution_id, next_seq, next_wake
              FROM showrunner.cold WHERE next_wake <= $1 ORDER BY next_wake, execution_id LIMIT $2
            """, [.int(instant), .int(Int64(limit))]
        ).map {
            ColdExecution(
                id: $0.text("execution_id"), nextSeq: $0.int("next_seq"), nextWake: $0.optionalInt("next_wake"))
        }
    }

    /// Takes back what was noted of executions, where nothing newer has been noted since: from then on they are cold no
    /// more. Apart from ``dueExecutions(before:limit:)``, so that an answer that is lost loses none of them. False, and
    /// nothing done, where this incarnation does not have the lease: nobody would wake them.
    public func removeNotes(_ executions: [ColdExecution]) async throws(PostgresError) -> Bool {
        try await keepFenced(
            """
            , removed AS (
                DELETE FROM showrunner.cold USING lease, unnest($2, $3) AS given (execution_id, next_seq)
                 WHERE cold.execution_id = given.execution_id AND cold.next_seq = given.next_seq
            )
            """, [.uuidArray(executions.map(\.id)), .intArray(executions.map(\.nextSeq))])
    }

    /// When the next cold execution is due; nil where none will be.
    public func nextDue() async throws(PostgresError) -> Int64? {
        try await keep("SELECT min(next_wake) AS next_wake FROM showrunner.cold WHERE next_wake IS NOT NULL", [])
            .first?.optionalInt("next_wake")
    }

    /// Whether an execution is noted as cold: if it is not in memory, it has to be loaded before it is spoken to.
    public func isCold(_ executionID: String) async throws(PostgresError) -> Bool {
        try await !read("SELECT next_seq FROM showrunner.cold WHERE execution_id = $1", [.uuid(executionID)]).isEmpty
    }

    /// Open executions that have to be in memory, in the order of their ids, page after page until fewer than `limit` come:
    /// those that are not cold, that are due, or that got a row since they were noted.
    public func loadActive(limit: Int, after: String?, dueBefore instant: Int64) async throws(PostgresError) -> [String]
    {
        try await read(
            """
            SELECT execution_list.execution_id::text AS execution_id
              FROM showrunner.execution_list LEFT JOIN showrunner.cold USING (execution_id)
             WHERE execution_list.status = 'RUNNING' AND execution_list.execution_id > $1
               AND (cold.execution_id IS NULL OR cold.next_wake <= $3
                    OR EXISTS (SELECT FROM showrunner.journal
                                WHERE journal.execution_id = cold.execution_id AND journal.seq = cold.next_seq))
             ORDER BY execution_list.execution_id LIMIT $2
            """, [.uuid(after ?? Self.lowestID(0)), .int(Int64(limit)), .int(instant)]
        ).map { $0.text("execution_id") }
    }

    /// The executions that ``loadActive(limit:after:dueBefore:)`` leaves out, counted by machine. Removes the notes of
    /// executions that have ended.
    public func coldCounts(dueBefore instant: Int64) async throws(PostgresError) -> [ColdCount] {
        try await keep(
            """
            WITH ended AS (
                DELETE FROM showrunner.cold
                 USING showrunner.execution_list
                 WHERE execution_list.execution_id = cold.execution_id AND execution_list.status <> 'RUNNING'
            )
            SELECT machine, count(*) AS count, min(next_wake) AS next_wake
              FROM showrunner.cold JOIN showrunner.execution_list USING (execution_id)
             WHERE status = 'RUNNING' AND (next_wake IS NULL OR next_wake > $1)
               AND NOT EXISTS (SELECT FROM showrunner.journal
                                WHERE journal.execution_id = cold.execution_id AND journal.seq = cold.next_seq)
             GROUP BY machine ORDER BY machine
            """, [.int(instant)]
        ).map { row in
            ColdCount(
                machine: row.text("machine"), count: Int(row.int("count")), nextWake: row.optionalInt("next_wake"))
        }
    }

    /// Cold executions of a machine, in the order of their ids.
    public func coldExecutions(
        ofMachine machine: String, after: String?, limit: Int
    ) async throws(PostgresError) -> [String] {
        try await read(
            """
            SELECT cold.execution_id::text AS execution_id
              FROM showrunner.cold JOIN showrunner.execution_list USING (execution_id)
             WHERE machine = $1 AND status = 'RUNNING' AND cold.execution_id > $2
             ORDER BY cold.execution_id LIMIT $3
            """, [.text(machine), .uuid(after ?? Self.lowestID(0)), .int(Int64(limit))]
        ).map { $0.text("execution_id") }
    }

    /// Runs expressions of a statement that see the lease row as `lease` where this incarnation ($1) has it. False where
    /// it has not. May be repeated.
    private func keepFenced(_ expressions: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> Bool {
        try await !keep(Self.fencing(expressions), [.text(incarnation)] + parameters).isEmpty
    }

    /// Runs a statement that may be repeated, on the connection for what keeps the journal's cost flat.
    func keep(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresResult {
        let deadline = settings.readDeadline
        return try await retrying(keeping) { (live) async throws(PostgresError) in
            try await live.connection.query(sql, parameters, deadline: deadline)
        }
    }
}
