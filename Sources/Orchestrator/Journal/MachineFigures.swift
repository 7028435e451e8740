import Postgres

/// How the executions of a state machine went, as its line in a list of machines shows it. Children of Map Runs, which are
/// listed under the Map's own name, are not among them.
public struct MachineFigures: Sendable {
    public let machine: String
    /// Open now, whenever they were started. This and the other counts go no further than they were asked to.
    public let running: Int64
    /// Started within the time asked for, and how they stand now.
    public let succeeded: Int64
    public let failed: Int64
    public let timedOut: Int64
    public let aborted: Int64
    /// When the latest was started; microseconds since 1970.
    public let latestStart: Int64?
    /// The median of what the latest ``Journal/timedExecutions`` that succeeded took, those that were redriven left out: in
    /// microseconds. Nil where there is none.
    public let typicalDuration: Int64?
    /// The latest start that has failed or timed out, and was not redriven to a better end.
    public let lastFailure: ListEntry?
}

extension Journal {
    /// How many executions that succeeded say what is typical of a machine.
    static let timedExecutions = 100

    /// Figures of machines by name, in no order.
    ///
    /// What it reads is bounded by how many machines there are, however many executions: each figure is a range of an index.
    /// Of many machines that is much all the same; it is read on a connection of its own, so that nothing else waits for it.
    ///
    /// - Parameters:
    ///   - since: from when on starts count; microseconds since 1970.
    ///   - most: how far each count goes.
    public func machineFigures(
        of machines: [String], since: Int64, most: Int64
    ) async throws(PostgresError) -> [MachineFigures] {
        func count(_ condition: String) -> String {
            """
            (SELECT count(*) FROM (SELECT FROM showrunner.execution_list
                                    WHERE machine = asked.asked AND \(condition) LIMIT $3) AS counted)
            """
        }
        func latest(_ status: String) -> String {
            """
            (SELECT \(Self.listColumns) FROM showrunner.execution_list
              WHERE machine = asked.asked AND status = '\(status)'
              ORDER BY started_at DESC, execution_list.execution_id DESC LIMIT 1)
            """
        }
        return try await read(
            """
            SELECT asked.asked,
                   \(count("status = 'RUNNING'")) AS running,
                   \(count("status = 'SUCCEEDED' AND started_at >= $2")) AS succeeded,
                   \(count("status = 'FAILED' AND started_at >= $2")) AS failed,
                   \(count("status = 'TIMED_OUT' AND started_at >= $2")) AS timed_out,
                   \(count("status = 'ABORTED' AND started_at >= $2")) AS aborted,
                   (SELECT max(started_at) FROM showrunner.execution_list WHERE machine = asked.asked) AS latest_start,
                   (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY stopped_at - started_at)
                      FROM (SELECT started_at, stopped_at, redrive_count FROM showrunner.execution_list
                             WHERE machine = asked.asked AND status = 'SUCCEEDED'
                             ORDER BY started_at DESC, execution_id DESC LIMIT \(Self.timedExecutions)) AS timed
                     WHERE redrive_count = 0) AS typical_duration,
                   failure.*
              FROM unnest($1::text[]) AS asked
              LEFT JOIN LATERAL (
                   \(latest("FAILED")) UNION ALL \(latest("TIMED_OUT")) ORDER BY started_at DESC LIMIT 1
              ) AS failure ON true
            """, [.textArray(machines), .int(since), .int(most)], on: figuring
        ).map { row in
            MachineFigures(
                machine: row.text("asked"), running: row.int("running"), succeeded: row.int("succeeded"),
                failed: row.int("failed"), timedOut: row.int("timed_out"), aborted: row.int("aborted"),
                latestStart: row.optionalInt("latest_start"), typicalDuration: row.optionalInt("typical_duration"),
                lastFailure: row.optionalText("execution_id") == nil ? nil : Self.listEntry(row))
        }
    }
}
