import Journal
import Logging
import ObjectStorage
import Postgres
import PostgresTestSupport
import TemporaryFolder
import Testing

@testable import showrunner

@Suite("Months that leave the journal")
struct RetentionTests {
    private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A journal with three executions of two rows each, half a year old, the last of them large.
    private func journal() async throws -> (journal: Journal, ids: [String]) {
        let url = try await TestDatabase.empty()
        let journal = Journal(url: url, incarnation: "retention", log: Self.log)
        try await journal.migrate()
        let connection = try await PostgresConnection.connect(url, applicationName: "test", deadline: .seconds(10))
        let month = try await OldMonth(monthsAgo: 6, on: connection)
        _ = try await connection.script(
            """
            INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
            SELECT overlay(\(month.lowestID)::text
                       placing n::text from 36 for 1)::uuid,
                   seq, 'writer', 1, '["' || repeat('x', CASE n WHEN 3 THEN 10000 ELSE 10 END) || '"]'
              FROM generate_series(1, 3) AS n, generate_series(0, 1) AS seq;
            """, deadline: .seconds(10))
        let ids = try await connection.query(
            "SELECT DISTINCT execution_id::text AS id FROM showrunner.journal ORDER BY id", deadline: .seconds(10)
        ).map { $0.text("id") }
        await connection.close()
        return (journal, ids)
    }

    @Test("the rows lie in objects of whole executions, and read back as they were", .timeLimit(.minutes(2)))
    func moves() async throws {
        let (journal, ids) = try await journal()
        #expect(ids.count == 3)
        let directory = try TemporaryFolder()
        let store = try DirectoryStore(path: directory.path)
        try await store.prepare()
        let month = try #require(try await journal.months(before: 5, redrivablePeriod: 0).first)
        var retention = JournalRetention(journal: journal, store: store, objectBytes: 1, maximumBytes: 10_000)
        // What nobody could read back stays; what was stored before it is used by the next call.
        let refusal = await #expect(throws: CommandFailure.self) { try await retention.retire(month) }
        #expect(refusal?.description.contains(ids[2]) == true, "\(refusal?.description ?? "")")
        #expect(try await journal.months(before: 5, redrivablePeriod: 0) == [month])
        #expect(try await journal.archive(holding: ids[2]) == nil)

        retention.maximumBytes = 100_000
        #expect(try await retention.retire(month) == 6)
        #expect(try await journal.months(before: 5, redrivablePeriod: 0).isEmpty)
        for id in ids {
            let archive = try #require(try await journal.archive(holding: id))
            #expect(archive.firstID == id && archive.lastID == id && archive.rows == 2)
            let text = String(decoding: try await JournalArchives(store: store).text(of: archive), as: UTF8.self)
            let lines = text.split(separator: "\n")
            #expect(lines.count == 2 && lines.allSatisfy { $0.contains(id) && $0.contains("xxxxxxxxxx") })
        }
        await journal.close(deadline: .zero)
    }
}
