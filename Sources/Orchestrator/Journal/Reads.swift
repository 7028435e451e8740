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

    /// Executions, newest first. Children of Map Runs are listed with their Map Run only.
    ///
    /// - Parameters:
    ///   - filter: which of them.
    ///   - before: the last entry of the page before.
    ///   - limit: the most entries to return.
    public func listExecutions(
        _ filter: ListFilter = ListFilter(), before: ListCursor? = nil, limit: Int
    ) async throws(PostgresError) -> [ListEntry] {
        var conditions: [String] = []
        var parameters: [PostgresValue] = []
        func parameter(_ value: PostgresValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }
        if let mapRun = filter.mapRun {
            conditions.append("map_run = \(parameter(.text(mapRun)))")
        } else {
            conditions.append("map_run IS NULL")
        }
        if let machine = filter.machine { conditions.append("machine = \(parameter(.text(machine)))") }
        if let version = filter.version { conditions.append("version = \(parameter(.int(version)))") }
        if let alias = filter.alias { conditions.append("alias = \(parameter(.text(alias)))") }
        if let status = filter.status { conditions.append("status = \(parameter(.text(status)))") }
        if let isRedriven = filter.isRedriven { conditions.append("redrive_count \(isRedriven ? ">" : "=") 0") }
        if let ids = filter.ids { conditions.append("execution_id = ANY(\(parameter(.uuidArray(ids))))") }
        if let before {
            conditions.append(
                """
                (started_at, execution_id) \
                < (\(parameter(.int(before.startedAt))), \(parameter(.uuid(before.executionID))))
                """)
        }
        let rows = try await read(
            """
            SELECT \(Self.listColumns) FROM showrunner.execution_list WHERE \(conditions.joined(separator: " AND "))
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

    /// The execution that a Map Run is in.
    public func execution(ofMapRun arn: String) async throws(PostgresError) -> String? {
        try await read(
            "SELECT execution_id::text AS execution_id FROM showrunner.map_run WHERE arn = $1", [.text(arn)]
        ).first?.text("execution_id")
    }

    static let listColumns = """
        execution_id::text AS execution_id, machine, name, status, started_at, stopped_at, title, error, cause, \
        projected_seq, version, alias, map_run, redrive_count, redriven_at, item_count
        """

    static func listEntry(_ row: PostgresRow) -> ListEntry {
        ListEntry(
            executionID: row.text("execution_id"), machine: row.text("machine"), name: row.text("name"),
            status: row.text("status"), startedAt: row.int("started_at"), stoppedAt: row.optionalInt("stopped_at"),
            title: row.optionalText("title"), error: row.optionalText("error"), cause: row.optionalText("cause"),
            projectedSeq: row.int("projected_seq"), version: row.optionalInt("version"),
            alias: row.optionalText("alias"), mapRun: row.optionalText("map_run"),
            redriveCount: row.int("redrive_count"), redrivenAt: row.optionalInt("redriven_at"),
            itemCount: row.optionalInt("item_count"))
    }

    /// Runs a statement that may be repeated, on the reading connection.
    func read(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresResult {
        let deadline = settings.readDeadline
        return try await retrying(reading) { (live) async throws(PostgresError) in
            try await live.connection.query(sql, parameters, deadline: deadline)
        }
    }
}
