public import Postgres

/// A month of the journal that is over: its partitions, which migrations make of the present and of coming months alone.
public struct OldMonth: Sendable {
    /// As partitions' names end: `2026_05`.
    public let label: String
    /// The lowest id of executions that began in it, in SQL.
    public let lowestID: String

    /// Makes them in a database with the journal's schema.
    public init(monthsAgo: Int, on connection: PostgresConnection) async throws {
        let begin = "date_trunc('month', now() - interval '\(monthsAgo) months', 'UTC')"
        label = try await connection.query(
            "SELECT to_char(now() AT TIME ZONE 'UTC' - interval '\(monthsAgo) months', 'YYYY_MM') AS label",
            deadline: .seconds(10))[0].text("label")
        lowestID = "showrunner.lowest_id(\(begin))"
        for table in ["journal", "snapshot"] {
            _ = try await connection.script(
                """
                DO $$ BEGIN
                    EXECUTE format('CREATE TABLE showrunner.\(table)_\(label) PARTITION OF showrunner.\(table)
                                    FOR VALUES FROM (%L) TO (%L)',
                        \(lowestID), showrunner.lowest_id(\(begin) + interval '1 month'));
                END $$;
                """, deadline: .seconds(10))
        }
    }
}
