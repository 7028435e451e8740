import Postgres
import PostgresTestSupport
import Testing

@Suite struct ConnectionTests {
    private func connect(_ settings: [String: String] = [:]) async throws -> PostgresConnection {
        try await PostgresConnection.connect(
            TestDatabase.empty(), applicationName: "connection-tests", settings: settings, deadline: .seconds(10))
    }

    struct RoundTrip: Sendable, CustomTestStringConvertible {
        let name: String
        let value: PostgresValue
        let type: String
        let text: String?
        var testDescription: String { name }
    }

    @Test(arguments: [
        RoundTrip(name: "null", value: .null, type: "text", text: nil),
        RoundTrip(name: "text", value: .text("naïve 'quote' \\ \u{1F3AC}"), type: "text", text: "naïve 'quote' \\ 🎬"),
        RoundTrip(name: "empty text", value: .text(""), type: "text", text: ""),
        RoundTrip(name: "smallest integer", value: .int(.min), type: "bigint", text: "-9223372036854775808"),
        RoundTrip(name: "largest integer", value: .int(.max), type: "bigint", text: "9223372036854775807"),
        RoundTrip(name: "double", value: .double(0.1), type: "float8", text: "0.1"),
        RoundTrip(name: "not a number", value: .double(.nan), type: "float8", text: "NaN"),
        RoundTrip(name: "true", value: .bool(true), type: "bool", text: "true"),
        RoundTrip(name: "bytes", value: .bytes([0, 255, 92]), type: "bytea", text: "\\x00ff5c"),
        RoundTrip(name: "no bytes", value: .bytes([]), type: "bytea", text: "\\x"),
        RoundTrip(
            name: "uuid", value: .uuid("0190163D-8694-739B-AEA5-966C26F8AD91"), type: "uuid",
            text: "0190163d-8694-739b-aea5-966c26f8ad91"),
        RoundTrip(
            name: "text array", value: .textArray(["a,b", nil, "", "\""]), type: "text[]",
            text: #"{"a,b",NULL,"","\""}"#),
        RoundTrip(name: "empty array", value: .textArray([]), type: "text[]", text: "{}"),
        RoundTrip(name: "integer array", value: .intArray([1, nil, -1]), type: "bigint[]", text: "{1,NULL,-1}"),
        RoundTrip(name: "boolean array", value: .boolArray([true, nil, false]), type: "bool[]", text: "{t,NULL,f}"),
        RoundTrip(
            name: "bytes array", value: .bytesArray([[1], nil, []]), type: "bytea[]", text: #"{"\\x01",NULL,"\\x"}"#),
        RoundTrip(
            name: "uuid array", value: .uuidArray(["0190163d-8694-739b-aea5-966c26f8ad91", nil]), type: "uuid[]",
            text: "{0190163d-8694-739b-aea5-966c26f8ad91,NULL}"),
    ])
    func parameterArrivesAs(_ trip: RoundTrip) async throws {
        let connection = try await connect()
        let row = try await connection.query(
            "SELECT ($1::\(trip.type))::text AS value", [trip.value], deadline: .seconds(5))
        #expect(row[0].optionalText("value") == trip.text)
    }

    @Test func columnsAreReadByNameAndType() async throws {
        let connection = try await connect()
        let result = try await connection.query(
            """
            SELECT 'word' AS t, 42::int AS i, 1.5::float8 AS d, false AS b, '\\x00ff'::bytea AS y, NULL::bigint AS n
              FROM generate_series(1, 2)
            """, deadline: .seconds(5))
        #expect(result.columns == ["t", "i", "d", "b", "y", "n"])
        #expect(result.count == 2)
        for row in result.rows {
            #expect(row.text("t") == "word")
            #expect(row.int("i") == 42)
            #expect(row.double("d") == 1.5)
            #expect(row.bool("b") == false)
            #expect(row.bytes("y") == [0, 255])
            #expect(row.optionalInt("n") == nil)
            #expect(row.isNull(5))
        }
    }

    @Test func wrongTypeTrapsWithTheColumnsName() async throws {
        // The server is this process's: one of the trapping child's own would be left behind.
        let url = try await TestDatabase.empty()
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            [url = url as String] in
            let connection = try await PostgresConnection.connect(url, applicationName: "trap", deadline: .seconds(10))
            let row = try await connection.query("SELECT 'x' AS title", deadline: .seconds(5))[0]
            _ = row.int("title")
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(said.contains("column \"title\" has type oid 25 and was asked for as an integer"))
    }

    @Test func refusalCarriesTheServersWords() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int CONSTRAINT positive CHECK (n > 0))", deadline: .seconds(5))
        let error = await #expect(throws: PostgresError.self) {
            try await connection.query("INSERT INTO t VALUES ($1)", [.int(-1)], deadline: .seconds(5))
        }
        #expect(error?.outcome == .refused(sqlstate: "23514"))
        #expect(error?.constraint == "positive")
        // The connection lives on.
        #expect(try await connection.query("SELECT 1 AS one", deadline: .seconds(5))[0].int("one") == 1)
    }

    @Test(arguments: [
        ("text", PostgresValue.text("a\0b")), ("array", .textArray(["a", "\0"])), ("uuid", .uuid("not one")),
    ])
    func valueThatCannotBeHeldIsNotSent(_ name: String, _ value: PostgresValue) async throws {
        let connection = try await connect()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.query("SELECT $1::text", [value], deadline: .seconds(5))
        }
        #expect(error?.outcome == .notSent)
        #expect(error?.message.contains("parameter $1") == true)
        #expect(connection.isOpen)
    }

    @Test func missedDeadlineIsUnknownAndCloses() async throws {
        let connection = try await connect()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.query("SELECT pg_sleep(3600)", deadline: .milliseconds(50))
        }
        #expect(error?.outcome == .unknown)
        #expect(!connection.isOpen)
        let next = await #expect(throws: PostgresError.self) {
            try await connection.query("SELECT 1", deadline: .seconds(5))
        }
        #expect(next?.outcome == .notSent)
    }

    @Test func endedBackendIsUnknown() async throws {
        let url = try await TestDatabase.empty()
        let victim = try await PostgresConnection.connect(url, applicationName: "victim", deadline: .seconds(10))
        let other = try await PostgresConnection.connect(url, applicationName: "other", deadline: .seconds(10))
        let pid = await victim.backendPID
        let sleeping = Task { () -> PostgresError? in
            do throws(PostgresError) {
                _ = try await victim.query("SELECT pg_sleep(3600)", deadline: .seconds(60))
                return nil
            } catch {
                return error
            }
        }
        // Ends it as soon as it is seen at work.
        var ended = false
        while !ended {
            ended = try await !other.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'",
                [.int(Int64(pid))], deadline: .seconds(5)
            ).isEmpty
        }
        let error = await sleeping.value
        #expect(error?.outcome == .unknown)
        #expect(!victim.isOpen)
    }

    @Test func deadIdleConnectionIsNotHealthy() async throws {
        let url = try await TestDatabase.empty()
        let victim = try await PostgresConnection.connect(url, applicationName: "victim", deadline: .seconds(10))
        let other = try await PostgresConnection.connect(url, applicationName: "other", deadline: .seconds(10))
        #expect(await victim.isHealthy())
        _ = try await other.query(
            "SELECT pg_terminate_backend($1::int, 10000)", [.int(Int64(await victim.backendPID))],
            deadline: .seconds(15))
        #expect(await !victim.isHealthy())
        #expect(!victim.isOpen)
    }

    /// A statement on a connection that the server has ended is known not to have been sent.
    @Test func deadIdleConnectionSendsNothing() async throws {
        let url = try await TestDatabase.empty()
        let victim = try await PostgresConnection.connect(url, applicationName: "victim", deadline: .seconds(10))
        let other = try await PostgresConnection.connect(url, applicationName: "other", deadline: .seconds(10))
        _ = try await other.query(
            "SELECT pg_terminate_backend($1::int, 10000)", [.int(Int64(await victim.backendPID))],
            deadline: .seconds(15))
        let error = await #expect(throws: PostgresError.self) {
            try await victim.query("SELECT 1", deadline: .seconds(10))
        }
        #expect(error?.outcome == .notSent)
        #expect(!victim.isOpen)
    }

    @Test func nobodyListeningIsNotSent() async throws {
        let error = await #expect(throws: PostgresError.self) {
            try await PostgresConnection.connect(
                "postgresql://postgres@/x?host=/tmp/showrunner-nobody-here", applicationName: "x", deadline: .seconds(5)
            )
        }
        #expect(error?.outcome == .notSent)
    }

    @Test func sessionSettingsHold() async throws {
        let connection = try await connect(["statement_timeout": "1234", "search_path": "a, b"])
        #expect(try await connection.query("SHOW statement_timeout", deadline: .seconds(5))[0].text(0) == "1234ms")
        #expect(try await connection.query("SHOW search_path", deadline: .seconds(5))[0].text(0) == "a, b")
    }

    @Test func transactionRollsBackOnThrow() async throws {
        let connection = try await connect()
        try await connection.script("CREATE TABLE t (n int)", deadline: .seconds(5))
        let refusal = PostgresError(outcome: .notSent, message: "on second thoughts")
        await #expect(throws: refusal) {
            try await connection.transaction(deadline: .seconds(5)) { (connection) throws(PostgresError) in
                _ = try connection.query("INSERT INTO t VALUES (1)", deadline: .seconds(5))
                throw refusal
            }
        }
        #expect(try await connection.query("SELECT FROM t", deadline: .seconds(5)).isEmpty)
        let count = try await connection.transaction(deadline: .seconds(5)) { (connection) throws(PostgresError) in
            try connection.query("INSERT INTO t VALUES (1), (2)", deadline: .seconds(5)).affected
        }
        #expect(count == 2)
        #expect(try await connection.query("SELECT FROM t", deadline: .seconds(5)).count == 2)
    }

    /// Larger than any socket buffer in both directions, so that sending and receiving take several turns.
    @Test func largeValuesPass() async throws {
        let connection = try await connect()
        let text = String(repeating: "0123456789abcdef", count: 1 << 20)
        let row = try await connection.query(
            "SELECT $1::text AS same, length($1::text) AS length", [.text(text)], deadline: .seconds(30))[0]
        #expect(row.int("length") == 16 << 20)
        #expect(row.text("same") == text)
    }
}
