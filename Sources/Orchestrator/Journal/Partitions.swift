import Encodings
import Postgres

extension Journal {
    /// The tables that lie in months by the time bits of execution ids.
    static let partitionedTables = ["journal", "snapshot"]

    /// So many months are made ahead of the present one.
    public static let monthsAhead = 3

    /// Creates the partitions of this month and the next three, by the database's clock in UTC, where they are missing. To
    /// be called at start and daily. There is none that takes what the others do not: a row of a month that has no
    /// partition is refused, so readiness asks for the next month's.
    ///
    /// A partition takes the ids from `(ms of the month's first)‖0…0` up to the same of the next month, exclusively.
    public func createPartitions() async throws(PostgresError) {
        try await retrying(control) { (live) async throws(PostgresError) in
            let deadline = Duration.seconds(30)
            let months = try await live.connection.query(
                """
                SELECT to_char(month, 'YYYY_MM') AS label,
                       (extract(epoch FROM month AT TIME ZONE 'UTC') * 1000)::bigint AS first,
                       (extract(epoch FROM (month + interval '1 month') AT TIME ZONE 'UTC') * 1000)::bigint AS next
                  FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n) AS month
                          FROM generate_series(0, \(Self.monthsAhead)) AS n) AS months
                """, [], deadline: deadline)
            for month in months {
                let (first, next) = (Self.lowestID(month.int("first")), Self.lowestID(month.int("next")))
                for parent in Self.partitionedTables {
                    let table = "\(Self.schema).\(parent)_\(month.text("label"))"
                    let isThere = try await live.connection.query(
                        "SELECT to_regclass($1) IS NOT NULL AS is_there", [.text(table)], deadline: deadline)
                    if isThere.first?.bool("is_there") == true { continue }
                    // IF NOT EXISTS still fails when another engine creates it now; that is retried as a deadlock is.
                    _ = try await live.connection.query(
                        """
                        CREATE TABLE IF NOT EXISTS \(table) PARTITION OF \(Self.schema).\(parent)
                            FOR VALUES FROM ('\(first)') TO ('\(next)')
                        """, [], deadline: deadline)
                }
            }
        }
    }

    /// Looks whether next month's rows will have a place, and notes it as ``partitionTrouble``.
    public func checkPartitions() async throws(PostgresError) {
        partitionTrouble = try await retrying(control) { (live) async throws(PostgresError) in
            let row = try await live.connection.query(
                """
                SELECT to_char(month, 'YYYY-MM') AS month,
                       (SELECT count(*) FROM unnest($1) AS parent
                         WHERE to_regclass(format('%I.%I', $2::text, parent || to_char(month, '_YYYY_MM'))) IS NULL)
                           AS missing
                  FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month' AS month) AS next
                """, [.textArray(Self.partitionedTables), .text(Self.schema)], deadline: .seconds(10)
            ).first
            guard let row, row.int("missing") > 0 else { return String?.none }
            return "the journal has no partition for \(row.text("month"))"
        }
    }

    /// The lowest UUID whose UUIDv7 time bits are these milliseconds since 1970; before that there are none.
    static func lowestID(_ milliseconds: Int64) -> String {
        let digits = Hex.digits(UInt64(max(milliseconds, 0)), atLeast: 12)
        return "\(digits.prefix(8))-\(digits.suffix(4))-0000-0000-000000000000"
    }
}
