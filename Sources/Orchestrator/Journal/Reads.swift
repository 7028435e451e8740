import Postgres

extension Journal {
    /// An execution's journal in order, all of it.
    public func load(_ executionID: String) async throws(PostgresError) -> [StoredRow] {
        var rows: [StoredRow] = []
        // In pages, so that no statement's answer grows with the execution.
        while true {
            let page = try await read(
                """
                SELECT seq, writer, at, effects FROM showrunner.journal
                 WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
                """, [.uuid(executionID), .int(rows.last?.seq ?? -1), .int(Self.pageRows)])
            for row in page {
                rows.append(
                    StoredRow(
                        seq: row.int("seq"), writer: row.text("writer"), at: row.int("at"), effects: row.text("effects")
                    ))
            }
            if page.count < Int(Self.pageRows) { return rows }
        }
    }

    static let pageRows: Int64 = 1000

    /// The executions whose list line says `RUNNING`, in the order of their ids, for recovery: page after page until
    /// fewer than `limit` come.
    public func loadOpen(limit: Int, after: String?) async throws(PostgresError) -> [String] {
        let rows = try await read(
            """
            SELECT execution_id::text AS execution_id FROM showrunner.execution_list
             WHERE status = 'RUNNING' AND execution_id > $1 ORDER BY execution_id LIMIT $2
            """, [.uuid(after ?? Self.lowestID(0)), .int(Int64(limit))])
        return rows.map { $0.text("execution_id") }
    }

    /// The body of a definition, or nil if none has this hash.
    public func definition(_ hash: String) async throws(PostgresError) -> String? {
        try await read("SELECT body FROM showrunner.definition WHERE hash = $1", [.text(hash)]).first?.text("body")
    }

    /// Keeps a definition under its hash. Keeping it again changes nothing.
    public func storeDefinition(hash: String, body: String) async throws(PostgresError) {
        _ = try await read(
            "INSERT INTO showrunner.definition (hash, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [.text(hash), .text(body)])
    }

    /// All machines by name.
    public func machines() async throws(PostgresError) -> [StoredMachine] {
        try await read(
            """
            SELECT name, arn, definition_hash, type, created_at, updated_at FROM showrunner.machine ORDER BY name
            """, []
        ).map { row in
            StoredMachine(
                name: row.text("name"), arn: row.text("arn"), definitionHash: row.text("definition_hash"),
                type: row.text("type"), createdAt: row.int("created_at"), updatedAt: row.int("updated_at"))
        }
    }

    /// Writes a machine; the creation time of one that exists is kept. Its definition must be stored before. False if
    /// this incarnation does not have the lease: nothing was written.
    public func upsertMachine(_ machine: StoredMachine) async throws(PostgresError) -> Bool {
        let rows = try await read(
            """
            INSERT INTO showrunner.machine (name, arn, definition_hash, type, created_at, updated_at)
            SELECT $2, $3, $4, $5, $6, $7
              FROM (SELECT FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR SHARE) AS lease
            ON CONFLICT (name) DO UPDATE
               SET arn = EXCLUDED.arn, definition_hash = EXCLUDED.definition_hash, type = EXCLUDED.type,
                   updated_at = EXCLUDED.updated_at
            RETURNING name
            """,
            [
                .text(incarnation), .text(machine.name), .text(machine.arn), .text(machine.definitionHash),
                .text(machine.type), .int(machine.createdAt), .int(machine.updatedAt),
            ])
        return !rows.isEmpty
    }

    /// Removes a machine. Executions keep their definition and run on. False if this incarnation does not have the lease.
    public func deleteMachine(_ name: String) async throws(PostgresError) -> Bool {
        let rows = try await read(
            """
            WITH lease AS MATERIALIZED (
                SELECT id FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR SHARE
            ), deleted AS (
                DELETE FROM showrunner.machine USING lease WHERE machine.name = $2
            )
            SELECT id FROM lease
            """, [.text(incarnation), .text(name)])
        return !rows.isEmpty
    }

    /// Executions, newest first.
    ///
    /// - Parameters:
    ///   - machine: only of this machine.
    ///   - status: only with this status.
    ///   - before: the last entry of the page before.
    ///   - limit: the most entries to return.
    public func listExecutions(
        machine: String? = nil, status: String? = nil, before: ListCursor? = nil, limit: Int
    ) async throws(PostgresError) -> [ListEntry] {
        var conditions: [String] = []
        var parameters: [PostgresValue] = []
        func parameter(_ value: PostgresValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }
        if let machine { conditions.append("machine = \(parameter(.text(machine)))") }
        if let status { conditions.append("status = \(parameter(.text(status)))") }
        if let before {
            conditions.append(
                """
                (started_at, execution_id) \
                < (\(parameter(.int(before.startedAt))), \(parameter(.uuid(before.executionID))))
                """)
        }
        let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        let rows = try await read(
            """
            SELECT \(Self.listColumns) FROM showrunner.execution_list \(filter)
             ORDER BY started_at DESC, execution_id DESC LIMIT \(parameter(.int(Int64(limit))))
            """, parameters)
        return rows.map(Self.listEntry)
    }

    /// One execution's line in the lists.
    public func listEntry(_ executionID: String) async throws(PostgresError) -> ListEntry? {
        try await read(
            "SELECT \(Self.listColumns) FROM showrunner.execution_list WHERE execution_id = $1", [.uuid(executionID)]
        ).first.map(Self.listEntry)
    }

    /// The execution that has this name, with the hash of the input it was started with.
    public func execution(
        byMachine machine: String, name: String
    ) async throws(PostgresError) -> (executionID: String, inputHash: String)? {
        try await read(
            """
            SELECT execution_id::text AS execution_id, input_hash FROM showrunner.execution_name
             WHERE machine = $1 AND name = $2
            """, [.text(machine), .text(name)]
        ).first.map { ($0.text("execution_id"), $0.text("input_hash")) }
    }

    static let listColumns = """
        execution_id::text AS execution_id, machine, name, status, started_at, stopped_at, title, error, cause, \
        projected_seq
        """

    static func listEntry(_ row: PostgresRow) -> ListEntry {
        ListEntry(
            executionID: row.text("execution_id"), machine: row.text("machine"), name: row.text("name"),
            status: row.text("status"), startedAt: row.int("started_at"), stoppedAt: row.optionalInt("stopped_at"),
            title: row.optionalText("title"), error: row.optionalText("error"), cause: row.optionalText("cause"),
            projectedSeq: row.int("projected_seq"))
    }

    /// Runs a statement that may be repeated, on the reading connection.
    func read(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresResult {
        let deadline = settings.readDeadline
        return try await retrying(reading) { (live) async throws(PostgresError) in
            try await live.connection.query(sql, parameters, deadline: deadline)
        }
    }
}
