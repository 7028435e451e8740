import Encodings
import Postgres

/// A month of the journal: the executions that were started in it.
public struct JournalMonth: Sendable, Equatable {
    /// `YYYY_MM`, UTC.
    public let label: String
    /// The lowest id of the month and of the next.
    public let first: String
    public let next: String
    /// Executions that keep it: they are open, or ended without success so lately that they can be redriven.
    public let openExecutions: Int
    public let redrivableExecutions: Int
    /// Left halfway out by somebody who was interrupted.
    public let isDetaching: Bool

    /// Why it has to stay; nil where nothing needs it.
    public var hindrance: String? {
        if openExecutions > 0 {
            return "\(counted(openExecutions, "execution")) \(openExecutions == 1 ? "is" : "are") open"
        }
        if redrivableExecutions > 0 { return "\(counted(redrivableExecutions, "execution")) can still be redriven" }
        return nil
    }
}

/// An object with the rows of executions that left the database.
public struct JournalArchive: Sendable, Equatable {
    /// The lowest and the highest id in it; executions are not split.
    public let firstID: String
    public let lastID: String
    /// ``JournalMonth/label``.
    public let month: String
    public let key: String
    public let rows: Int64
    /// Of the object.
    public let bytes: Int64
    public let sha256: [UInt8]

    public init(
        firstID: String, lastID: String, month: String, key: String, rows: Int64, bytes: Int64, sha256: [UInt8]
    ) {
        self.firstID = firstID
        self.lastID = lastID
        self.month = month
        self.key = key
        self.rows = rows
        self.bytes = bytes
        self.sha256 = sha256
    }
}

/// A row with the execution it belongs to.
public struct ArchivedRow: Sendable, Equatable {
    public let executionID: String
    public let row: StoredRow
}

extension Journal {
    /// The months that lie before a number of months ago, the earliest first.
    ///
    /// - Parameters:
    ///   - months: the present one and so many before it are left out.
    ///   - redrivablePeriod: how long after its end an execution can be redriven, in microseconds.
    public func months(
        before months: Int, redrivablePeriod: Int64
    ) async throws(PostgresError) -> [JournalMonth] {
        let found = try await read(
            """
            SELECT label, isDetaching AS is_detaching,
                   (extract(epoch FROM to_timestamp(label, 'YYYY_MM')::timestamp AT TIME ZONE 'UTC') * 1000)::bigint
                       AS first,
                   (extract(epoch FROM (to_timestamp(label, 'YYYY_MM')::timestamp + interval '1 month')
                        AT TIME ZONE 'UTC') * 1000)::bigint AS next
              FROM (SELECT substr(relname::text, 9) AS label, inhdetachpending AS isDetaching
                      FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                     WHERE inhparent = 'showrunner.journal'::regclass) AS partition
             WHERE label < to_char(now() AT TIME ZONE 'UTC' - make_interval(months => $1::int), 'YYYY_MM')
             ORDER BY label
            """, [.int(Int64(months))])
        var result: [JournalMonth] = []
        for row in found {
            let (first, next) = (Self.lowestID(row.int("first")), Self.lowestID(row.int("next")))
            let keepers = try await read(
                """
                SELECT count(*) FILTER (WHERE status = 'RUNNING') AS open,
                       count(*) FILTER (WHERE status IN ('FAILED', 'TIMED_OUT', 'ABORTED')
                           AND stopped_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - $3) AS redrivable
                  FROM showrunner.execution_list WHERE execution_id >= $1 AND execution_id < $2
                """, [.uuid(first), .uuid(next), .int(redrivablePeriod)])[0]
            result.append(
                JournalMonth(
                    label: row.text("label"), first: first, next: next, openExecutions: Int(keepers.int("open")),
                    redrivableExecutions: Int(keepers.int("redrivable")), isDetaching: row.bool("is_detaching")))
        }
        return result
    }

    /// Rows of a month in the order of executions and rows, behind a place.
    public func rows(
        ofMonth month: JournalMonth, after place: (executionID: String, seq: Int64)?, limit: Int
    ) async throws(PostgresError) -> [ArchivedRow] {
        try await read(
            """
            SELECT execution_id::text AS execution_id, seq, writer, at, effects
              FROM showrunner.journal_\(month.label)
             WHERE (execution_id, seq) > ($1, $2) ORDER BY execution_id, seq LIMIT $3
            """, [.uuid(place?.executionID ?? Self.lowestID(0)), .int(place?.seq ?? -1), .int(Int64(limit))]
        ).map { ArchivedRow(executionID: $0.text("execution_id"), row: Self.row($0)) }
    }

    /// Notes an object that has been stored.
    public func noteArchive(_ archive: JournalArchive) async throws(PostgresError) {
        _ = try await keep(
            """
            INSERT INTO showrunner.archive (first_id, last_id, month, key, rows, bytes, sha256)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
            """,
            [
                .uuid(archive.firstID), .uuid(archive.lastID), .text(archive.month), .text(archive.key),
                .int(archive.rows), .int(archive.bytes), .bytes(archive.sha256),
            ])
    }

    /// The last execution of a month that has been stored, and how many of its rows have.
    public func archived(
        month: JournalMonth
    ) async throws(PostgresError) -> (lastID: String, rows: Int64)? {
        try await read(
            """
            SELECT max(last_id::text) AS last_id, sum(rows)::bigint AS rows FROM showrunner.archive WHERE month = $1
            """, [.text(month.label)]
        ).first.flatMap { row in row.optionalText("last_id").map { ($0, row.int("rows")) } }
    }

    /// The object that holds an execution which left the database; nil where none does.
    public func archive(holding executionID: String) async throws(PostgresError) -> JournalArchive? {
        try await read(
            """
            SELECT first_id::text AS first_id, last_id::text AS last_id, month, key, rows, bytes, sha256
              FROM showrunner.archive WHERE first_id <= $1 ORDER BY first_id DESC LIMIT 1
            """, [.uuid(executionID)]
        ).first.flatMap { row in
            let archive = JournalArchive(
                firstID: row.text("first_id"), lastID: row.text("last_id"), month: row.text("month"),
                key: row.text("key"), rows: row.int("rows"), bytes: row.int("bytes"), sha256: row.bytes("sha256"))
            return executionID <= archive.lastID ? archive : nil
        }
    }

    /// Removes a month whose rows are stored elsewhere, all of them: refuses where a row is not. Nobody who reads or writes
    /// other months is held up: the month is taken out concurrently, and each lock is waited for so long at most; running
    /// into that throws, and the next call goes on from there.
    public func removeMonth(_ month: JournalMonth, lockTimeout: Duration) async throws(PostgresError) {
        let connection = try await PostgresConnection.connect(
            url, applicationName: "showrunner-retention",
            settings: ["lock_timeout": String(max(1, Int64(lockTimeout / .milliseconds(1))))],
            deadline: settings.connectDeadline)
        do throws(PostgresError) {
            try await Self.remove(month, on: connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private static func remove(_ month: JournalMonth, on connection: PostgresConnection) async throws(PostgresError) {
        let deadline = Duration.seconds(600)
        let counts = try await connection.query(
            """
            SELECT (SELECT count(*) FROM \(schema).journal_\(month.label)) AS there,
                   (SELECT coalesce(sum(rows), 0)::bigint FROM \(schema).archive WHERE month = $1) AS stored
            """, [.text(month.label)], deadline: deadline)[0]
        guard counts.int("there") == counts.int("stored") else {
            throw PostgresError(
                outcome: .notSent,
                message: "\(month.label) has \(counts.int("there")) rows, of which \(counts.int("stored")) are archived"
            )
        }
        // The rows last: a month without snapshots is whole.
        for parent in partitionedTables.reversed() {
            let table = "\(schema).\(parent)_\(month.label)"
            let state = try await connection.query(
                """
                SELECT to_regclass($1) IS NOT NULL AS is_there,
                       (SELECT inhdetachpending::text FROM pg_inherits WHERE inhrelid = to_regclass($1)) AS is_pending
                """, [.text(table)], deadline: deadline)[0]
            guard state.bool("is_there") else { continue }
            if let isPending = state.optionalText("is_pending") {
                let how = isPending == "true" ? "FINALIZE" : "CONCURRENTLY"
                _ = try await connection.query(
                    "ALTER TABLE \(schema).\(parent) DETACH PARTITION \(table) \(how)", [], deadline: deadline)
            }
            _ = try await connection.query("DROP TABLE \(table)", [], deadline: deadline)
        }
    }
}
