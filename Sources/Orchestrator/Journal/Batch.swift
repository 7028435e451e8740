import Postgres

/// Several rows as one autocommitted statement.
///
/// The order is what makes it safe: the lease row is read `FOR KEY SHARE`, so takeover waits for it and it for takeover
/// (and neither it nor renewal for the other); names go in first, a first row only where its name did; list lines only
/// where their row did. `ON CONFLICT DO NOTHING` makes a key that is there already a missing answer instead of an error
/// that would abort every row beside it. Rows are sorted by key so that two batches lock in one order.
enum Batch {
    /// The statement for rows of which some take a name or change a list, and none starts a Map Run.
    private static let sql = statement()

    /// The same with the Map Runs that the rows start, which most do not.
    private static let mapRunSQL = statement(
        mapRuns: """
            , runs AS (
                INSERT INTO showrunner.map_run (arn, execution_id)
                SELECT run.arn, run.execution_id FROM unnest($26, $27, $28) AS run (arn, execution_id, seq)
                  JOIN appended USING (execution_id, seq) ORDER BY run.arn
                ON CONFLICT DO NOTHING
            )
            """)

    /// The statement for rows that take no name and change no list, as those between an execution's first and last do: the
    /// server needs a fifth less time for one of them.
    private static let rowsAloneSQL = """
        WITH lease AS MATERIALIZED (
            SELECT id FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR KEY SHARE
        )
        INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
        SELECT given.execution_id, given.seq, $2, given.at, given.effects
          FROM unnest($3, $4, $5, $6) AS given (execution_id, seq, at, effects) CROSS JOIN lease
         ORDER BY given.execution_id, given.seq
        ON CONFLICT DO NOTHING
        RETURNING execution_id::text AS execution_id, seq
        """

    /// The same for one row, as it is sent where nobody else waits: nothing is to be unfolded and sorted, which is a third of
    /// the server's own time for it.
    private static let rowAloneSQL = """
        INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
        SELECT $3, $4, $2, $5, $6 FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR KEY SHARE
        ON CONFLICT DO NOTHING
        RETURNING execution_id::text AS execution_id, seq
        """

    private static func statement(mapRuns: String = "") -> String {
        """
        WITH lease AS MATERIALIZED (
            SELECT id FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR KEY SHARE
        ), given AS MATERIALIZED (
            SELECT * FROM unnest($3, $4, $5, $6, $7, $8, $9)
                AS given (execution_id, seq, at, effects, machine, name, input_hash)
        ), named AS (
            INSERT INTO showrunner.execution_name (machine, name, execution_id, input_hash)
            SELECT machine, name, execution_id, input_hash FROM given CROSS JOIN lease
             WHERE machine IS NOT NULL ORDER BY machine, name, execution_id
            ON CONFLICT DO NOTHING
            RETURNING execution_id
        ), appended AS (
            INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
            SELECT execution_id, seq, $2, at, effects FROM given CROSS JOIN lease
             WHERE machine IS NULL OR execution_id IN (SELECT execution_id FROM named)
             ORDER BY execution_id, seq
            ON CONFLICT DO NOTHING
            RETURNING execution_id, seq
        ), listed AS (
            INSERT INTO showrunner.execution_list
                (execution_id, machine, name, status, started_at, stopped_at, title, error, cause, projected_seq,
                 version, alias, map_run, redrive_count, redriven_at, item_count)
            SELECT listing.* FROM unnest($10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
                AS listing (execution_id, machine, name, status, started_at, stopped_at, title, error, cause, seq,
                            version, alias, map_run, redrive_count, redriven_at, item_count)
              JOIN appended USING (execution_id, seq)
             ORDER BY listing.execution_id
            ON CONFLICT (execution_id) \(listUpdate)
        )\(mapRuns)
        SELECT execution_id::text AS execution_id, seq FROM appended
        """
    }

    /// A list line is replaced only by a later one, whatever order statements arrive in. What an execution was started
    /// as (version, alias, Map Run) stands in its first line and never changes.
    static let listUpdate = """
        DO UPDATE
           SET machine = EXCLUDED.machine, name = EXCLUDED.name, status = EXCLUDED.status,
               started_at = EXCLUDED.started_at, stopped_at = EXCLUDED.stopped_at, title = EXCLUDED.title,
               error = EXCLUDED.error, cause = EXCLUDED.cause, projected_seq = EXCLUDED.projected_seq,
               redrive_count = EXCLUDED.redrive_count, redriven_at = EXCLUDED.redriven_at
         WHERE execution_list.projected_seq < EXCLUDED.projected_seq
        """

    /// The statement for these rows, and its parameters.
    static func statement(
        for rows: [JournalRow], incarnation: String, writer: String
    ) -> (sql: String, parameters: [PostgresValue]) {
        if rows.allSatisfy({ $0.name == nil && $0.listing == nil && $0.mapRuns.isEmpty }) {
            let fence: [PostgresValue] = [.text(incarnation), .text(writer)]
            guard rows.count == 1 else { return (rowsAloneSQL, fence + keysAndEffects(rows)) }
            let row = rows[0]
            return (rowAloneSQL, fence + [.uuid(row.executionID), .int(row.seq), .int(row.at), .text(row.effects)])
        }
        return (
            rows.contains { !$0.mapRuns.isEmpty } ? mapRunSQL : sql,
            parameters(rows, incarnation: incarnation, writer: writer)
        )
    }

    private static func parameters(_ rows: [JournalRow], incarnation: String, writer: String) -> [PostgresValue] {
        let listings = rows.compactMap(\.listing)
        return [
            .text(incarnation), .text(writer),
        ] + keysAndEffects(rows) + [
            .textArray(rows.map { $0.name?.machine }), .textArray(rows.map { $0.name?.name }),
            .textArray(rows.map { $0.name?.inputHash }),
        ] + listColumns(listings) + mapRunColumns(rows)
    }

    private static func keysAndEffects(_ rows: [JournalRow]) -> [PostgresValue] {
        [
            .uuidArray(rows.map(\.executionID)), .intArray(rows.map(\.seq)), .intArray(rows.map(\.at)),
            .textArray(rows.map(\.effects)),
        ]
    }

    private static func mapRunColumns(_ rows: [JournalRow]) -> [PostgresValue] {
        let started = rows.flatMap { row in row.mapRuns.map { (arn: $0, row: row) } }
        guard !started.isEmpty else { return [] }
        return [
            .textArray(started.map(\.arn)), .uuidArray(started.map(\.row.executionID)),
            .intArray(started.map(\.row.seq)),
        ]
    }

    private static func listColumns(_ listings: [ListEntry]) -> [PostgresValue] {
        [
            .uuidArray(listings.map(\.executionID)), .textArray(listings.map(\.machine)),
            .textArray(listings.map(\.name)), .textArray(listings.map(\.status)),
            .intArray(listings.map(\.startedAt)), .intArray(listings.map(\.stoppedAt)),
            .textArray(listings.map { withoutNUL($0.title) }), .textArray(listings.map { withoutNUL($0.error) }),
            .textArray(listings.map { withoutNUL($0.cause) }), .intArray(listings.map(\.projectedSeq)),
            .intArray(listings.map(\.version)), .textArray(listings.map(\.alias)), .textArray(listings.map(\.mapRun)),
            .intArray(listings.map(\.redriveCount)), .intArray(listings.map(\.redrivenAt)),
            .intArray(listings.map(\.itemCount)),
        ]
    }

    /// Titles and causes come from outside as they are. PostgreSQL's text cannot hold U+0000, and a list line is no reason
    /// to lose a row: the lists show U+FFFD, the journal keeps the original.
    static func withoutNUL(_ text: String?) -> String? {
        guard let text, text.utf8.contains(0) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
    }

    /// What stands where a row did not go in.
    static let verdictSQL = """
        SELECT given.ordinal, journal.writer, execution_name.execution_id::text AS named_id,
               execution_name.input_hash AS named_hash,
               EXISTS (SELECT FROM showrunner.lease WHERE id = 1 AND incarnation = $5) AS has_lease
          FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS given (execution_id, seq, machine, name, ordinal)
          LEFT JOIN showrunner.journal
            ON journal.execution_id = given.execution_id AND journal.seq = given.seq
          LEFT JOIN showrunner.execution_name
            ON execution_name.machine = given.machine AND execution_name.name = given.name
        """

    static func verdictParameters(_ rows: [JournalRow], incarnation: String) -> [PostgresValue] {
        [
            .uuidArray(rows.map(\.executionID)), .intArray(rows.map(\.seq)),
            .textArray(rows.map { $0.name?.machine }), .textArray(rows.map { $0.name?.name }), .text(incarnation),
        ]
    }
}

/// What stands in the database where a row was to go.
enum Verdict {
    case ours
    case nameTaken(executionID: String, inputHash: String)
    /// Another writer's row is there.
    case theirs
    case leaseLost
    /// Nothing is there and nothing stands against it: the row can be sent again.
    case absent

    init(_ row: PostgresRow, writer: String) {
        let written = row.optionalText("writer")
        if written == writer {
            self = .ours
        } else if let id = row.optionalText("named_id"), let hash = row.optionalText("named_hash") {
            self = .nameTaken(executionID: id, inputHash: hash)
        } else if written != nil {
            self = .theirs
        } else if !row.bool("has_lease") {
            self = .leaseLost
        } else {
            self = .absent
        }
    }
}
