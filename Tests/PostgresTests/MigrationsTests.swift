import Postgres
import PostgresTestSupport
import Testing

@Suite struct MigrationsTests {
    private static let first = Migration(
        number: 1, name: "titles", sql: "CREATE TABLE title (id int); CREATE TABLE genre (id int)")
    private static let second = Migration(number: 2, name: "names", sql: "ALTER TABLE title ADD name text")

    private func connect(_ url: String) async throws -> PostgresConnection {
        try await PostgresConnection.connect(url, applicationName: "migrations-tests", deadline: .seconds(10))
    }

    private func applied(_ connection: PostgresConnection) async throws -> [Int64] {
        try await connection.query("SELECT number FROM house.migration ORDER BY number", deadline: .seconds(5))
            .map { $0.int("number") }
    }

    @Test func stepsAreAppliedOnceAndInOrder() async throws {
        let connection = try await connect(TestDatabase.empty())
        let old = Migrations(schema: "house", steps: [Self.first])
        try await old.apply(on: connection, deadline: .seconds(10))
        try await old.apply(on: connection, deadline: .seconds(10))
        #expect(try await applied(connection) == [1])
        try await Migrations(schema: "house", steps: [Self.first, Self.second]).apply(
            on: connection, deadline: .seconds(10))
        #expect(try await applied(connection) == [1, 2])
        // In the schema asked for, without leaving the session's search path changed.
        _ = try await connection.query("SELECT name FROM house.title", deadline: .seconds(5))
        let path = try await connection.query("SHOW search_path", deadline: .seconds(5))[0].text(0)
        #expect(path == "\"$user\", public")
    }

    @Test func manyAtOnceApplyEachStepOnce() async throws {
        let url = try await TestDatabase.empty()
        let steps = [
            Self.first, Self.second,
            Migration(number: 3, name: "count", sql: "CREATE TABLE counter (n int); INSERT INTO counter VALUES (1)"),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let connection = try await connect(url)
                    try await Migrations(schema: "house", steps: steps).apply(on: connection, deadline: .seconds(30))
                }
            }
            try await group.waitForAll()
        }
        let connection = try await connect(url)
        #expect(try await applied(connection) == [1, 2, 3])
        #expect(try await connection.query("SELECT FROM house.counter", deadline: .seconds(5)).count == 1)
    }

    /// For the one that makes it, and for another that waits for that.
    @Test(.timeLimit(.minutes(2))) func longStepHasADeadlineOfItsOwn() async throws {
        let url = try await TestDatabase.empty()
        let gate = try await connect(url)
        _ = try await gate.query("SELECT pg_advisory_lock(1)", deadline: .seconds(5))
        let long = "CREATE TABLE large (n int); SELECT pg_advisory_xact_lock(1)"
        let steps = Migrations(
            schema: "house",
            steps: [Self.first, Migration(number: 2, name: "large", sql: long, deadline: .seconds(60))])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    let connection = try await connect(url)
                    try await steps.apply(on: connection, deadline: .seconds(1))
                }
            }
            // Both have waited for longer than a step has that has no deadline of its own.
            let late = """
                SELECT FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'
                   AND clock_timestamp() - query_start > interval '1 second'
                """
            while try await gate.query(late, deadline: .seconds(5)).count < 2 {}
            _ = try await gate.query("SELECT pg_advisory_unlock(1)", deadline: .seconds(5))
            try await group.waitForAll()
        }
        #expect(try await applied(connect(url)) == [1, 2])
    }

    @Test func newerDatabaseIsRefused() async throws {
        let connection = try await connect(TestDatabase.empty())
        try await Migrations(schema: "house", steps: [Self.first, Self.second]).apply(
            on: connection, deadline: .seconds(10))
        let error = await #expect(throws: PostgresError.self) {
            try await Migrations(schema: "house", steps: [Self.first]).apply(on: connection, deadline: .seconds(10))
        }
        #expect(error?.message.contains("the database is newer than the program") == true)
    }

    @Test func changedStepIsRefused() async throws {
        let connection = try await connect(TestDatabase.empty())
        try await Migrations(schema: "house", steps: [Self.first]).apply(on: connection, deadline: .seconds(10))
        let changed = Migration(number: 1, name: "titles", sql: "CREATE TABLE title (id bigint)")
        let error = await #expect(throws: PostgresError.self) {
            try await Migrations(schema: "house", steps: [changed]).apply(on: connection, deadline: .seconds(10))
        }
        #expect(error?.sqlstate == "55000")
    }

    @Test func failingStepLeavesNothing() async throws {
        let connection = try await connect(TestDatabase.empty())
        let broken = Migration(number: 2, name: "broken", sql: "CREATE TABLE half (n int); SELECT 1/0")
        let error = await #expect(throws: PostgresError.self) {
            try await Migrations(schema: "house", steps: [Self.first, broken]).apply(
                on: connection, deadline: .seconds(10))
        }
        #expect(error?.sqlstate == "22012")
        #expect(try await applied(connection) == [1])
        let half = try await connection.query(
            "SELECT to_regclass('house.half') IS NULL AS is_absent", deadline: .seconds(5))
        #expect(half[0].bool("is_absent"))
    }
}
