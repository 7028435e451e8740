import Postgres

extension Journal {
    /// An execution's journal in order, all of it.
    public func load(_ executionID: String) async throws(PostgresError) -> [StoredRow] {
        try await rows(of: executionID, from: 0)
    }

    /// How many rows an execution has; nil where there is none of this id.
    public func rowCount(of executionID: String) async throws(PostgresError) -> Int64? {
        // Rows are numbered without gaps.
        try await read(
            "SELECT max(seq) + 1 AS count FROM showrunner.journal WHERE execution_id = $1", [.uuid(executionID)]
        ).first?.optionalInt("count")
    }

    static let pageRows: Int64 = 1000

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
        // Without its table's name the id would be the text that is selected, whose order has no index.
        let rows = try await read(
            """
            SELECT \(Self.listColumns) FROM showrunner.execution_list WHERE \(conditions.joined(separator: " AND "))
             ORDER BY started_at DESC, execution_list.execution_id DESC LIMIT \(parameter(.int(Int64(limit))))
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

    /// Runs a statement that may be repeated.
    ///
    /// - Parameter link: nil for the reading connection.
    func read(
        _ sql: String, _ parameters: [PostgresValue], on link: Link? = nil
    ) async throws(PostgresError) -> PostgresResult {
        let deadline = settings.readDeadline
        return try await retrying(link ?? reading) { (live) async throws(PostgresError) in
            try await live.connection.query(sql, parameters, deadline: deadline)
        }
    }
}
