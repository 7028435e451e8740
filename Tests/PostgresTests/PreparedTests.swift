import Postgres
import PostgresTestSupport
import Testing

@Suite("Statements that come again and again")
struct PreparedTests {
    private func connection() async throws -> PostgresConnection {
        try await PostgresConnection.connect(
            try await TestDatabase.empty(), applicationName: "prepared", deadline: .seconds(10))
    }

    private func prepared(_ connection: PostgresConnection) async throws -> [String] {
        try await connection.script(
            "SELECT statement FROM pg_prepared_statements ORDER BY prepare_time", deadline: .seconds(10)
        ).map { $0.text("statement") }
    }

    @Test("are prepared from the third time on, and give the same")
    func third() async throws {
        let connection = try await connection()
        let sql = "SELECT $1::bigint + $2 AS sum"
        for number in 1...5 {
            let rows = try await connection.query(sql, [.int(Int64(number)), .int(1)], deadline: .seconds(10))
            #expect(rows[0].int("sum") == Int64(number + 1))
            #expect(try await prepared(connection) == (number < 3 ? [] : [sql]))
        }
        // The same text with other types of its parameters is another statement.
        #expect(try await connection.query(sql, [.text("3"), .text("4")], deadline: .seconds(10))[0].int("sum") == 7)
    }

    @Test("go on when a table has changed since, or somebody has discarded them")
    func changed() async throws {
        let connection = try await connection()
        try await connection.script("CREATE TABLE t AS SELECT 1::bigint AS a", deadline: .seconds(10))
        for _ in 0..<4 { _ = try await connection.query("SELECT * FROM t", deadline: .seconds(10)) }
        try await connection.script("ALTER TABLE t ADD COLUMN b bigint DEFAULT 2", deadline: .seconds(10))
        for _ in 0..<2 {
            let rows = try await connection.query("SELECT * FROM t", deadline: .seconds(10))
            #expect(rows[0].int("b") == 2)
        }
        for _ in 0..<4 { _ = try await connection.query("SELECT a FROM t", deadline: .seconds(10)) }
        try await connection.script("DISCARD ALL", deadline: .seconds(10))
        #expect(try await connection.query("SELECT a FROM t", deadline: .seconds(10))[0].int("a") == 1)
    }

    @Test("fail one transaction after a table has changed, and not the next")
    func changedInTransaction() async throws {
        let connection = try await connection()
        try await connection.script("CREATE TABLE t AS SELECT 1::bigint AS a", deadline: .seconds(10))
        let read = { @Sendable (connection: isolated PostgresConnection) throws(PostgresError) in
            try connection.query("SELECT * FROM t", deadline: .seconds(10)).count
        }
        for _ in 0..<4 { _ = try await connection.transaction(deadline: .seconds(10), read) }
        try await connection.script("ALTER TABLE t ADD COLUMN b bigint DEFAULT 2", deadline: .seconds(10))
        let error = await #expect(throws: PostgresError.self) {
            try await connection.transaction(deadline: .seconds(10), read)
        }
        #expect(error?.outcome == .refused(sqlstate: "0A000"))
        #expect(try await connection.transaction(deadline: .seconds(10), read) == 1)
    }

    @Test("are refused as they would be unprepared, and the connection goes on")
    func refused() async throws {
        let connection = try await connection()
        for _ in 0..<5 {
            let error = await #expect(throws: PostgresError.self) {
                try await connection.query("SELECT 1 / $1", [.int(0)], deadline: .seconds(10))
            }
            #expect(error?.outcome == .refused(sqlstate: "22012"))
            let missing = await #expect(throws: PostgresError.self) {
                try await connection.query("SELECT * FROM nowhere", deadline: .seconds(10))
            }
            #expect(missing?.outcome == .refused(sqlstate: "42P01"))
        }
        #expect(try await connection.query("SELECT 1::bigint AS one", deadline: .seconds(10))[0].int("one") == 1)
    }

    @Test("keep their transaction") func transaction() async throws {
        let connection = try await connection()
        try await connection.script("CREATE TABLE t (a bigint)", deadline: .seconds(10))
        for number in 0..<6 {
            try await connection.transaction(deadline: .seconds(10)) { connection throws(PostgresError) in
                _ = try connection.query("INSERT INTO t VALUES ($1)", [.int(Int64(number))], deadline: .seconds(10))
            }
        }
        #expect(try await connection.query("SELECT * FROM t", deadline: .seconds(10)).count == 6)
    }
}
