import Postgres

extension Journal {
    /// Writes one row together with rows of another room, in one statement on a connection of its own: either all are
    /// durable or none is.
    ///
    /// The row takes no name. On the server each lock is waited for `publishLockTimeout` at most and the whole statement
    /// `publishStatementTimeout`; running into either is `.refused`.
    ///
    /// - Parameter deadline: for one try. When it passes, the outcome is found out by sending the statement again.
    public func appendPublishing(
        _ row: JournalRow, attached: AttachedStatement, deadline: Duration
    ) async -> AttachedOutcome {
        precondition(row.name == nil, "a publishing row is never the first")
        if let refusal = Self.refusal(row) { return .refused(refusal) }
        if isClosed { return .superseded }
        publishNumber += 1
        let writer = "\(incarnation)/p\(publishNumber)"
        let (sql, parameters) = Self.publishing(row, attached, incarnation: incarnation, writer: writer)
        var attempt = Attempt(link: publishing, settings: settings, clock: clock, deadline: deadline)
        var refusal: PostgresError?
        while !hasGivenUp {
            do throws(PostgresError) {
                let live = try await attempt.open()
                let isCertain = !attempt.isDoubtful
                if refusal == nil {
                    do throws(PostgresError) {
                        if try await !attempt.query(live, sql, parameters).isEmpty { return .committed }
                    } catch {
                        // A serialisation failure is tried again. Every other answer of the server is the statement's
                        // result, once it is known that no earlier try went in.
                        guard error.sqlstate != nil, !error.isSerializationFailure else { throw error }
                        refusal = error
                    }
                }
                let verdicts = try await attempt.query(
                    live, Batch.verdictSQL, Batch.verdictParameters([row], incarnation: incarnation))
                switch Verdict(verdicts[0], writer: writer) {
                case .ours: return .committed
                case .theirs, .nameTaken: return .superseded
                case .leaseLost:
                    noteLeaseLoss()
                    return .superseded
                case .absent: if let refusal, isCertain { return .refused(refusal) }
                }
                await attempt.pause.wait()
            } catch {
                if endsForHistory() { return .superseded }
                await attempt.note(error, rows: 1, log)
            }
        }
        return .superseded
    }

    private static func publishing(
        _ row: JournalRow, _ attached: AttachedStatement, incarnation: String, writer: String
    ) -> (sql: String, parameters: [PostgresValue]) {
        var parameters: [PostgresValue] = [
            .text(incarnation), .text(writer), .uuid(row.executionID), .int(row.seq), .int(row.at), .text(row.effects),
        ]
        var listed = ""
        if let listing = row.listing {
            listed = """
                , listed AS (
                    INSERT INTO showrunner.execution_list
                        (execution_id, machine, name, status, started_at, stopped_at, title, error, cause, projected_seq,
                         redrive_count, redriven_at)
                    SELECT execution_id, $7, $8, $9, $10, $11::bigint, $12, $13, $14, seq, $15, $16::bigint FROM appended
                    ON CONFLICT (execution_id) \(Batch.listUpdate)
                )
                """
            parameters += [
                .text(listing.machine), .text(listing.name), .text(listing.status), .int(listing.startedAt),
                .optional(listing.stoppedAt), .optional(Batch.withoutNUL(listing.title)),
                .optional(Batch.withoutNUL(listing.error)), .optional(Batch.withoutNUL(listing.cause)),
                .int(listing.redriveCount), .optional(listing.redrivenAt),
            ]
        }
        if !row.mapRuns.isEmpty {
            parameters.append(.textArray(row.mapRuns))
            listed += """
                , runs AS (
                    INSERT INTO showrunner.map_run (arn, execution_id)
                    SELECT unnest($\(parameters.count)::text[]), execution_id FROM appended
                    ON CONFLICT DO NOTHING
                )
                """
        }
        let addition = attached.statement(parameters.count + 1)
        let sql = """
            WITH lease AS MATERIALIZED (
                SELECT id FROM showrunner.lease WHERE id = 1 AND incarnation = $1 FOR KEY SHARE
            ), appended AS (
                INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
                SELECT $3, $4, $2, $5, $6 FROM lease
                ON CONFLICT DO NOTHING
                RETURNING execution_id, seq
            )\(listed), \(addition.sql)
            SELECT execution_id::text AS execution_id, seq FROM appended
            """
        return (sql, parameters + addition.parameters)
    }
}
