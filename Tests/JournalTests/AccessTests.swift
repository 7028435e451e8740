import Journal
import Logging
import Postgres
import PostgresTestSupport
import Testing

@Suite("Access keys and the audit log")
struct AccessTests {
    private func key(_ id: String, at: Int64) -> StoredAccessKey {
        StoredAccessKey(id: id, sealedSecret: [0, 1, 255], role: "viewer", description: nil, createdAt: at)
    }

    @Test("keys are added once, listed, noted and disabled, by anybody who has the database")
    func keys() async throws {
        let url = try await journalDatabase()
        let journal = Journal(url: url, incarnation: "no lease", log: silent)
        #expect(try await journal.accessKeys().isEmpty)
        var first = key("A", at: 1)
        first.description = "nightly"
        #expect(try await journal.addAccessKey(first))
        #expect(try await journal.addAccessKey(first), "the same again is the same")
        var other = first
        other.sealedSecret = [9]
        #expect(try await !journal.addAccessKey(other), "an id is taken once")
        let second = key("B", at: 2)
        #expect(try await journal.addAccessKey(second))
        #expect(try await journal.accessKeys() == [first, second])

        try await journal.noteUse(ofAccessKeys: ["A", "nobody"], on: "2026-11-28")
        try await journal.noteUse(ofAccessKeys: ["A"], on: "2026-11-27")
        #expect(try await journal.accessKeys().map(\.lastUsedDay) == ["2026-11-28", nil])

        #expect(try await journal.disableAccessKey("A", at: 7))
        #expect(try await journal.disableAccessKey("A", at: 8))
        #expect(try await !journal.disableAccessKey("nobody", at: 8))
        #expect(try await journal.accessKeys().map(\.disabledAt) == [7, nil])

        try await journal.replaceSecret(of: "B", [7], with: [8])
        #expect(try await journal.accessKeys()[1].sealedSecret == [0, 1, 255])
        try await journal.replaceSecret(of: "B", [0, 1, 255], with: [8])
        #expect(try await journal.accessKeys()[1].sealedSecret == [8])
        await journal.close(deadline: .seconds(5))
    }

    @Test("the keys have a limit")
    func keyLimit() async throws {
        let url = try await journalDatabase()
        let journal = Journal(url: url, incarnation: "no lease", log: silent)
        #expect(try await journal.addAccessKey(key("A", at: 1)))
        let connection = try await PostgresConnection.connect(url, applicationName: "test", deadline: .seconds(10))
        _ = try await connection.query(
            """
            INSERT INTO showrunner.access_key (id, secret, role, created_at)
            SELECT 'K' || n, '', 'viewer', n FROM generate_series(2, $1) AS n
            """, [.int(Int64(Journal.accessKeyLimit))], deadline: .seconds(10))
        await connection.close()
        #expect(try await journal.accessKeys().count == Journal.accessKeyLimit)
        #expect(try await !journal.addAccessKey(key("B", at: 1)))
        await journal.close(deadline: .seconds(5))
    }

    private func row(_ number: Int, key: String = "A", action: String = "StartExecution") -> AuditRow {
        AuditRow(
            id: "019ac800-0000-7000-8000-00000000000\(number)", at: Int64(number), accessKeyID: key, role: "operator",
            action: action, resource: "arn", source: "127.0.0.1", requestID: "r\(number)", reason: nil)
    }

    @Test("audit rows are written, told their outcome, and read newest first")
    func audit() async throws {
        let journal = Journal(url: try await journalDatabase(), incarnation: "no lease", log: silent)
        var rows = [row(1), row(2, key: "B"), row(3, action: "StopExecution")]
        rows[2].outcome = "Succeeded"
        rows[2].reason = "enough seen"
        try await journal.writeAudit(rows: rows, outcomes: [])
        #expect(try await journal.audit(limit: 10) == rows.reversed())
        // A try whose outcome nobody learned is repeated.
        try await journal.writeAudit(rows: [rows[0]], outcomes: [AuditOutcome(id: rows[1].id, outcome: "InvalidName")])
        rows[1].outcome = "InvalidName"
        #expect(try await journal.audit(limit: 10) == rows.reversed())
        #expect(try await journal.audit(before: rows[2].id, limit: 1) == [rows[1]])
        #expect(try await journal.audit(limit: 10, accessKeyID: "B") == [rows[1]])
        #expect(try await journal.audit(limit: 10, action: "StopExecution") == [rows[2]])
        #expect(try await journal.audit(limit: 10, accessKeyID: "B", action: "StopExecution").isEmpty)
        await journal.close(deadline: .seconds(5))
    }

    @Test("old audit rows go, and only they")
    func retention() async throws {
        let journal = Journal(url: try await journalDatabase(), incarnation: "no lease", log: silent)
        // 0x019ac8000000 milliseconds since 1970 are in November 2026.
        let moment: Int64 = 0x019a_c800_0000 * 1000
        var young = row(2)
        young.id = "019ac800-0001-7000-8000-000000000000"
        try await journal.writeAudit(rows: [row(1), young], outcomes: [])
        #expect(try await journal.removeAudit(olderThan: moment) == 0)
        #expect(try await journal.removeAudit(olderThan: moment + 1000) == 1)
        #expect(try await journal.audit(limit: 10) == [young])
        await journal.close(deadline: .seconds(5))
    }

    @Test("while the database is away a row waits, and the journal says why")
    func outage() async throws {
        let repetitions = Repetitions()
        let url = try await journalDatabase()
        let journal = Journal(url: url, incarnation: "no lease", log: repetitions.log)
        let connection = try await PostgresConnection.connect(url, applicationName: "test", deadline: .seconds(10))
        // A server that takes no writes for a while.
        _ = try await connection.query(
            "ALTER TABLE showrunner.audit ADD CONSTRAINT closed CHECK (false) NOT VALID", deadline: .seconds(10))
        await #expect(throws: PostgresError.self) { try await journal.writeAudit(rows: [row(1)], outcomes: []) }
        #expect(await journal.trouble == nil, "what will never go in is the caller's")
        _ = try await connection.query(
            "ALTER TABLE showrunner.audit DROP CONSTRAINT closed", deadline: .seconds(10))
        _ = try await connection.query(
            """
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
            END $$
            """, deadline: .seconds(10))
        let fresh = Journal(url: url, incarnation: "fresh", log: repetitions.log)
        let writing = Task { try await fresh.writeAudit(rows: [row(2)], outcomes: []) }
        await repetitions.next(containing: "read-only")
        _ = try await connection.query(
            """
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database());
            END $$
            """, deadline: .seconds(10))
        // Sessions keep what they began with: this one is told to begin again.
        _ = try await connection.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'showrunner-audit'
            """, deadline: .seconds(10))
        try await writing.value
        #expect(await fresh.trouble == nil)
        #expect(try await journal.audit(limit: 10).map(\.requestID) == ["r2"])
        await connection.close()
        await fresh.close(deadline: .seconds(5))
        await journal.close(deadline: .seconds(5))
    }
}
