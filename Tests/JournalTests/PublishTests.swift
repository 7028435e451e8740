import Journal
import Postgres
import PostgresTestSupport
import Testing

@Suite struct PublishTests {
    /// A journal database with a catalogue of one table beside it.
    private func catalogue() async throws -> (url: String, connection: PostgresConnection) {
        let url = try await journalDatabase()
        let connection = try await PostgresConnection.connect(url, applicationName: "catalogue", deadline: .seconds(10))
        try await connection.script(
            """
            CREATE SCHEMA catalogue;
            CREATE TABLE catalogue.title (id text PRIMARY KEY, name text NOT NULL CHECK (name <> ''), execution_id uuid)
            """, deadline: .seconds(10))
        return (url, connection)
    }

    private func title(_ id: String, _ name: String) -> AttachedStatement {
        AttachedStatement { first in
            (
                """
                published AS (
                    INSERT INTO catalogue.title (id, name, execution_id)
                    SELECT $\(first), $\(first + 1), execution_id FROM appended
                )
                """, [.text(id), .text(name)]
            )
        }
    }

    private func titles(_ connection: PostgresConnection) async throws -> [String] {
        try await connection.query("SELECT name FROM catalogue.title ORDER BY id", deadline: .seconds(10))
            .map { $0.text("name") }
    }

    @Test func rowAndTitleGoInTogether() async throws {
        let (url, connection) = try await catalogue()
        let journal = try await activeJournal(url)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        let outcome = await journal.appendPublishing(
            .ended(id, 1, status: "SUCCEEDED"), attached: title("t1", "A Film"), deadline: .seconds(10))
        #expect(outcome == .committed)
        #expect(try await titles(connection) == ["A Film"])
        #expect(try await journal.load(id).map(\.seq) == [0, 1])
        #expect(try await journal.listEntry(id)?.status == "SUCCEEDED")
        await journal.close(deadline: .seconds(5))
    }

    @Test func takenKeyPublishesNothing() async throws {
        let (url, connection) = try await catalogue()
        let journal = try await activeJournal(url)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        let outcome = await journal.appendPublishing(
            .later(id, 0), attached: title("t1", "A Film"), deadline: .seconds(10))
        #expect(outcome == .superseded)
        #expect(try await titles(connection) == [])
        await journal.close(deadline: .seconds(5))
    }

    @Test func lostLeasePublishesNothing() async throws {
        let (url, connection) = try await catalogue()
        let journal = try await activeJournal(url)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        let other = Journal(url: url, incarnation: "engine-2", log: silent)
        #expect(try await other.takeLease(holder: "second", isStillHeldAfter: .zero) == .taken)
        let outcome = await journal.appendPublishing(
            .later(id, 1), attached: title("t1", "A Film"), deadline: .seconds(10))
        #expect(outcome == .superseded)
        #expect(try await titles(connection) == [])
        #expect(try await other.load(id).map(\.seq) == [0])
        await journal.close(deadline: .seconds(5))
        await other.close(deadline: .seconds(5))
    }

    @Test func refusedCatalogueLeavesNoRow() async throws {
        let (url, connection) = try await catalogue()
        let journal = try await activeJournal(url)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        let outcome = await journal.appendPublishing(.later(id, 1), attached: title("t1", ""), deadline: .seconds(10))
        guard case .refused(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.outcome == .refused(sqlstate: "23514"))
        #expect(try await titles(connection) == [])
        // The failure is journaled by a later row, at the place that stayed free.
        #expect(await journal.append(.later(id, 1, effects: "{\"failed\":true}")) == .committed)
        await journal.close(deadline: .seconds(5))
    }

    @Test func lockThatDoesNotComeIsRefused() async throws {
        let (url, connection) = try await catalogue()
        var settings = JournalSettings()
        settings.publishLockTimeout = .milliseconds(100)
        let journal = try await activeJournal(url, settings: settings)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        try await connection.script("BEGIN; LOCK TABLE catalogue.title", deadline: .seconds(10))
        let outcome = await journal.appendPublishing(
            .later(id, 1), attached: title("t1", "A Film"), deadline: .seconds(10))
        guard case .refused(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.sqlstate == "55P03")
        try await connection.script("COMMIT", deadline: .seconds(10))
        #expect(try await titles(connection) == [])
        #expect(try await journal.load(id).map(\.seq) == [0])
        await journal.close(deadline: .seconds(5))
    }

    @Test func unknownOutcomeIsFoundOutAndPublishesOnce() async throws {
        let (url, connection) = try await catalogue()
        let repetitions = Repetitions()
        let journal = Journal(url: url, incarnation: "engine-1", log: repetitions.log)
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        try await connection.script("BEGIN; LOCK TABLE catalogue.title", deadline: .seconds(10))
        async let outcome = journal.appendPublishing(
            .later(id, 1), attached: title("t1", "A Film"), deadline: .milliseconds(200))
        await repetitions.next(containing: "outcome unknown")
        try await connection.script("COMMIT", deadline: .seconds(10))
        #expect(await outcome == .committed)
        #expect(try await titles(connection) == ["A Film"])
        #expect(try await journal.load(id).map(\.seq) == [0, 1])
        await journal.close(deadline: .seconds(5))
    }
}
