@testable import Engine
import JSON
import Journal
import Postgres
import PostgresTestSupport
import Synchronization
import Testing

/// Executions whose month left the database: what is shown of them comes from an archive.
@Suite("Archived executions")
struct ArchiveTests {
    private final class Shelf: ArchiveSource {
        let objects = Mutex<[String: [UInt8]]>([:])
        let reads = Mutex(0)

        func text(of archive: JournalArchive) async throws -> [UInt8] {
            reads.withLock { $0 += 1 }
            return objects.withLock { $0[archive.key] ?? [] }
        }
    }

    @Test("a month is removed when nothing needs it, and its executions are shown as before", .timeLimit(.minutes(2)))
    func month() async throws {
        let stage = try await Stage()
        let past = try await PostgresConnection.connect(stage.url, applicationName: "past", deadline: .seconds(10))
        let old = try await OldMonth(monthsAgo: 6, on: past)
        await past.close()
        let shelf = Shelf()
        let one = try await stage.engine(
            "one", machines: ["m": oneTask(), "p": HistoryPagingTests.circle], archives: shelf)
        for name in ["a", "b"] { _ = try await one.engine.startExecution(machine: "m", name: name, input: "{}") }
        _ = try await one.engine.complete(try await one.engine.take(), ["x": "\u{0}\n"])
        _ = try await one.engine.complete(try await one.engine.take())
        let arn = "arn:aws:states:us-east-1:000000000000:execution:m:"
        let (before, other) = (try await one.engine.run(arn + "a"), try await one.engine.run(arn + "b"))
        let history = try await one.engine.history(arn + "a", isReversed: false, limit: 100, after: nil).events
        await end(one)
        // Moved back in time: ids begin with it.
        let moved =
            "overlay(execution_id::text placing left(\(old.lowestID)::text, 13) from 1 for 13)::uuid"
        for table in ["journal", "execution_list", "execution_name"] {
            _ = try await stage.query("UPDATE showrunner.\(table) SET execution_id = \(moved)")
        }
        let reader = Journal(url: stage.url, incarnation: "retention", log: silent)
        _ = try await stage.query("UPDATE showrunner.execution_list SET status = 'RUNNING' WHERE name = 'a'")
        let open = try #require(try await reader.months(before: 5, redrivablePeriod: 0).first)
        #expect(open.label == old.label && open.hindrance == "1 execution is open")
        #expect(try await reader.months(before: 6, redrivablePeriod: 0).isEmpty)
        _ = try await stage.query("UPDATE showrunner.execution_list SET status = 'FAILED' WHERE name = 'a'")
        let fresh = try #require(try await reader.months(before: 5, redrivablePeriod: 86_400_000_000).first)
        #expect(fresh.hindrance == "1 execution can still be redriven")
        let month = try #require(try await reader.months(before: 5, redrivablePeriod: 0).first)
        #expect(month.hindrance == nil)
        // Rows that are stored nowhere else stay.
        await #expect(throws: PostgresError.self) { try await reader.removeMonth(month, lockTimeout: .seconds(3)) }
        var text: [UInt8] = []
        var place: (executionID: String, seq: Int64)?
        var rows: Int64 = 0
        var ids: [String] = []
        while true {
            let page = try await reader.rows(ofMonth: month, after: place, limit: 3)
            guard let last = page.last else { break }
            for row in page { text += Array(ArchiveLine.text(row.row, of: row.executionID).utf8) }
            ids += page.map(\.executionID)
            rows += Int64(page.count)
            place = (last.executionID, last.row.seq)
        }
        #expect(text.count(where: { $0 == 10 }) == Int(rows))
        shelf.objects.withLock { $0["k"] = text }
        try await reader.noteArchive(
            JournalArchive(
                firstID: try #require(ids.first), lastID: try #require(ids.last), month: month.label, key: "k",
                rows: rows, bytes: 1, sha256: [0]))
        // Whoever reads the table at the moment is waited for, and not for ever.
        let busy = try await PostgresConnection.connect(stage.url, applicationName: "busy", deadline: .seconds(10))
        _ = try await busy.script(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM showrunner.journal", deadline: .seconds(10))
        let refusal = await #expect(throws: PostgresError.self) {
            try await reader.removeMonth(month, lockTimeout: .milliseconds(200))
        }
        #expect(refusal?.sqlstate == "55P03", "\(refusal.map { "\($0)" } ?? "")")
        await busy.close()
        // Interrupted halfway, it goes on.
        try await reader.removeMonth(month, lockTimeout: .seconds(20))
        #expect(try await reader.months(before: 5, redrivablePeriod: 0).isEmpty)
        #expect(try await stage.query("SELECT seq FROM showrunner.journal").isEmpty)
        await reader.close(deadline: .zero)

        let two = try await stage.engine("two", archives: shelf)
        let shown = try await two.engine.run(arn + "a")
        #expect(shown.output == before.output && shown.states.map(\.output) == before.states.map(\.output))
        #expect(try await two.engine.run(arn + "b").states.map(\.entry) == other.states.map(\.entry))
        for isReversed in [false, true] {
            var events: [String] = []
            var mark: String?
            repeat {
                let page = try await two.engine.history(arn + "a", isReversed: isReversed, limit: 2, after: mark)
                events += page.events.map { "\($0.id) \($0.type) \($0.details?.value.text ?? "")" }
                mark = page.next
            } while mark != nil
            let all = history.map { "\($0.id) \($0.type) \($0.details?.value.text ?? "")" }
            #expect(events == (isReversed ? all.reversed() : all))
        }
        // Once for each change of the execution, not once a page.
        #expect(shelf.reads.withLock { $0 } == 3)
        await #expect(throws: EngineError.self) {
            try await two.engine.run("00000000-0000-7000-8000-000000000001")
        }
        await end(two)
    }
}
