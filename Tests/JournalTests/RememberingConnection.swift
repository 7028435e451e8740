import Journal
import Postgres
import Synchronization
import Testing

/// A connection that remembers the last statement with certain words.
struct RememberingConnection: JournalConnection {
    let real: PostgresConnection
    let latest: Latest

    final class Latest: Sendable {
        private let words: String
        private let statement = Mutex<(sql: String, parameters: [PostgresValue])?>(nil)

        init(_ words: String) { self.words = words }

        fileprivate func take(_ sql: String, _ parameters: [PostgresValue]) {
            if sql.contains(words) { statement.withLock { $0 = (sql, parameters) } }
        }

        /// How PostgreSQL would run that statement now.
        func plan(on connection: PostgresConnection) async throws -> String {
            let statement = try #require(statement.withLock { $0 })
            return try await connection.query(
                "EXPLAIN \(statement.sql)", statement.parameters, deadline: .seconds(10)
            ).map { $0.text("QUERY PLAN") }.joined(separator: "\n")
        }
    }

    /// A journal whose connections remember.
    static func journal(_ url: String, _ latest: Latest) -> Journal {
        Journal(
            url: url, incarnation: "engine-1", log: silent,
            connector: { (url, name, settings, deadline) async throws(PostgresError) in
                RememberingConnection(
                    real: try await PostgresConnection.connect(
                        url, applicationName: name, settings: settings, deadline: deadline), latest: latest)
            })
    }

    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult {
        latest.take(sql, parameters)
        return try await real.query(sql, parameters, deadline: deadline)
    }

    var isOpen: Bool { real.isOpen }
    func close() async { await real.close() }
}
