import Postgres

/// An execution written out as it stood after so many rows.
public struct StoredSnapshot: Sendable, Equatable {
    public let executionID: String
    /// How many rows it holds: the place of the first one that it does not.
    public let nextSeq: Int64
    /// How many events its history had.
    public let events: Int64
    /// Opaque here; must not contain U+0000.
    public let body: String

    public init(executionID: String, nextSeq: Int64, events: Int64, body: String) {
        self.executionID = executionID
        self.nextSeq = nextSeq
        self.events = events
        self.body = body
    }
}

/// All that it takes to know an execution: the last snapshot that can be read, and the rows since.
public struct StoredExecution: Sendable, Equatable {
    public let id: String
    public let snapshot: StoredSnapshot?
    public let rows: [StoredRow]

    public init(id: String, snapshot: StoredSnapshot?, rows: [StoredRow]) {
        self.id = id
        self.snapshot = snapshot
        self.rows = rows
    }
}

extension Journal {
    /// Keeps a snapshot; one that is there already stays.
    ///
    /// - Parameter format: which programs can read it.
    public func keepSnapshot(_ snapshot: StoredSnapshot, format: Int64) async throws(PostgresError) {
        _ = try await keep(
            """
            INSERT INTO showrunner.snapshot (execution_id, next_seq, format, events, body)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
            """,
            [
                .uuid(snapshot.executionID), .int(snapshot.nextSeq), .int(format), .int(snapshot.events),
                .text(snapshot.body),
            ])
    }

    /// The latest snapshot of an execution within bounds; nil where there is none, and its rows have to be folded.
    ///
    /// - Parameters:
    ///   - nextSeq: with at most so many rows.
    ///   - events: with at most so many events.
    public func snapshot(
        of executionID: String, format: Int64, nextSeq: Int64 = .max, events: Int64 = .max
    ) async throws(PostgresError) -> StoredSnapshot? {
        try await read(
            """
            SELECT execution_id::text AS execution_id, next_seq, events, body FROM showrunner.snapshot
             WHERE execution_id = $1 AND format = $2 AND next_seq <= $3 AND events <= $4
             ORDER BY next_seq DESC LIMIT 1
            """, [.uuid(executionID), .int(format), .int(nextSeq), .int(events)]
        ).first.map(Self.snapshot)
    }

    /// Some rows of an execution, in their order.
    public func rows(of executionID: String, from seq: Int64, limit: Int64) async throws(PostgresError) -> [StoredRow] {
        try await read(
            """
            SELECT seq, writer, at, effects FROM showrunner.journal
             WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
            """, [.uuid(executionID), .int(seq - 1), .int(limit)]
        ).map(Self.row)
    }

    /// What is known of an execution; no snapshot and no rows where there is none.
    public func stored(_ executionID: String, format: Int64) async throws(PostgresError) -> StoredExecution {
        let snapshot = try await snapshot(of: executionID, format: format)
        return StoredExecution(
            id: executionID, snapshot: snapshot, rows: try await rows(of: executionID, from: snapshot?.nextSeq ?? 0))
    }

    /// The same of many, in two statements unless they are large.
    public func stored(_ ids: [String], format: Int64) async throws(PostgresError) -> [StoredExecution] {
        var snapshots: [String: StoredSnapshot] = [:]
        for row in try await read(
            """
            SELECT DISTINCT ON (execution_id) execution_id::text AS execution_id, next_seq, events, body
              FROM showrunner.snapshot WHERE execution_id = ANY ($1) AND format = $2
             ORDER BY execution_id, next_seq DESC
            """, [.uuidArray(ids), .int(format)])
        {
            snapshots[row.text("execution_id")] = Self.snapshot(row)
        }
        let limit = Self.pageRows * 5
        let found = try await read(
            """
            SELECT journal.execution_id::text AS execution_id, seq, writer, at, effects
              FROM unnest($1, $2) AS wanted (execution_id, next_seq)
              JOIN showrunner.journal
                ON journal.execution_id = wanted.execution_id AND journal.seq >= wanted.next_seq
             ORDER BY journal.execution_id, seq LIMIT $3
            """,
            [.uuidArray(ids), .intArray(ids.map { snapshots[$0]?.nextSeq ?? 0 }), .int(limit)])
        var rows: [String: [StoredRow]] = [:]
        for row in found { rows[row.text("execution_id"), default: []].append(Self.row(row)) }
        // Where the answer was cut, the last one in it may have more rows, and those behind it have none yet.
        let cut = found.count == Int(limit) ? found.last?.text("execution_id") : nil
        var all: [StoredExecution] = []
        for id in ids {
            if let cut, id >= cut {
                all.append(try await stored(id, format: format))
            } else {
                all.append(StoredExecution(id: id, snapshot: snapshots[id], rows: rows[id] ?? []))
            }
        }
        return all
    }

    /// The rows from a place on, all of them; in pages, so that no statement's answer grows with the execution.
    func rows(of executionID: String, from seq: Int64) async throws(PostgresError) -> [StoredRow] {
        var rows: [StoredRow] = []
        while true {
            let page = try await self.rows(of: executionID, from: seq + Int64(rows.count), limit: Self.pageRows)
            rows += page
            if page.count < Int(Self.pageRows) { return rows }
        }
    }

    private static func snapshot(_ row: PostgresRow) -> StoredSnapshot {
        StoredSnapshot(
            executionID: row.text("execution_id"), nextSeq: row.int("next_seq"), events: row.int("events"),
            body: row.text("body"))
    }

    static func row(_ row: PostgresRow) -> StoredRow {
        StoredRow(
            seq: row.int("seq"), writer: row.text("writer"), at: row.int("at"), effects: row.text("effects"))
    }
}
