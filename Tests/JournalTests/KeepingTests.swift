import Journal
import Postgres
import PostgresTestSupport
import Testing

/// Snapshots, cold executions and what is looked at, in the database itself.
@Suite("What keeps the cost flat")
struct KeepingTests {
    @Test("a snapshot is found by its form and its place, and stays as it was first written")
    func snapshots() async throws {
        let journal = try await activeJournal(journalDatabase())
        let (id, other) = (IDs.execution(), IDs.execution())
        for seq in 0..<8 { #expect(await journal.append(.later(id, Int64(seq))) == .committed) }
        #expect(await journal.append(.later(other, 0)) == .committed)
        for (seq, format) in [(3, 1), (5, 1), (7, 2)] as [(Int64, Int64)] {
            try await journal.keepSnapshot(
                StoredSnapshot(executionID: id, nextSeq: seq, events: seq * 10, body: "\(seq)"), format: format)
        }
        try await journal.keepSnapshot(
            StoredSnapshot(executionID: id, nextSeq: 5, events: 1, body: "again"), format: 1)
        #expect(try await journal.snapshot(of: id, format: 1)?.body == "5")
        #expect(try await journal.snapshot(of: id, format: 2)?.nextSeq == 7)
        #expect(try await journal.snapshot(of: id, format: 1, nextSeq: 4)?.body == "3")
        #expect(try await journal.snapshot(of: id, format: 1, events: 49)?.body == "3")
        #expect(try await journal.snapshot(of: id, format: 1, events: 29) == nil)
        let stored = try await journal.stored([id, other], format: 1)
        #expect(stored.map(\.id) == [id, other] && stored.map(\.snapshot?.nextSeq) == [5, nil])
        #expect(stored.map { $0.rows.map(\.seq) } == [[5, 6, 7], [0]])
        #expect(try await journal.stored(id, format: 3).rows.count == 8)
        #expect(try await journal.rowCount(of: id) == 8)
        await journal.close(deadline: .seconds(5))
    }

    @Test("many are loaded as one is, where an answer holds only some of their rows")
    func many() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let ids = (0..<3).map { _ in IDs.execution() }
        let connection = try await PostgresConnection.connect(url, applicationName: "test", deadline: .seconds(10))
        for id in ids {
            _ = try await connection.query(
                """
                INSERT INTO showrunner.journal SELECT $1, seq, 'w', seq, '{}' FROM generate_series(0, 2999) AS seq
                """, [.uuid(id)], deadline: .seconds(10))
        }
        await connection.close()
        let stored = try await journal.stored(ids, format: 1)
        #expect(stored.map(\.rows.count) == [3_000, 3_000, 3_000])
        #expect(stored.allSatisfy { $0.rows.map(\.seq) == Array(0..<3_000) })
        await journal.close(deadline: .seconds(5))
    }

    @Test("a note holds until its execution has another row")
    func cold() async throws {
        let journal = try await activeJournal(journalDatabase())
        let ids = (0..<5).map { _ in IDs.execution() }
        for id in ids { #expect(await journal.append(.first(id)) == .committed) }
        #expect(
            try await journal.noteCold(
                zip(ids.prefix(4), [nil, 100, 200, 300] as [Int64?]).map {
                    ColdExecution(id: $0, nextSeq: 1, nextWake: $1)
                }, warm: []))
        #expect(try await journal.loadActive(limit: 10, after: nil, dueBefore: 50) == [ids[4]])
        #expect(try await journal.loadActive(limit: 10, after: nil, dueBefore: 100) == [ids[1], ids[4]])
        #expect(
            try await journal.coldCounts(dueBefore: 100) == [ColdCount(machine: "ingest", count: 3, nextWake: 200)])
        #expect(await journal.append(.later(ids[0], 1)) == .committed)
        #expect(try await journal.loadActive(limit: 10, after: nil, dueBefore: 50) == [ids[0], ids[4]])
        // An earlier note does not replace a later one; a later one does.
        #expect(
            try await journal.noteCold(
                [
                    ColdExecution(id: ids[0], nextSeq: 2, nextWake: nil),
                    ColdExecution(id: ids[2], nextSeq: 0, nextWake: nil),
                ], warm: [ids[3]]))
        #expect(try await journal.loadActive(limit: 10, after: nil, dueBefore: 50) == [ids[3], ids[4]])
        #expect(try await journal.nextDue() == 100)
        #expect(try await journal.dueExecutions(before: 99, limit: 10).isEmpty)
        // Asked again, because the answer was lost, they are still there; taken back again they stay away.
        for _ in 0..<2 {
            #expect(try await journal.dueExecutions(before: 1_000, limit: 1).map(\.id) == [ids[1]])
        }
        let due = try await journal.dueExecutions(before: 1_000, limit: 10)
        #expect(due.map(\.id) == [ids[1], ids[2]])
        // What has been noted since is left.
        #expect(
            try await journal.removeNotes([ColdExecution(id: ids[2], nextSeq: due[1].nextSeq + 1, nextWake: nil)]))
        #expect(try await journal.isCold(ids[2]))
        for _ in 0..<2 { #expect(try await journal.removeNotes(due)) }
        #expect(try await journal.dueExecutions(before: 1_000, limit: 10).isEmpty)
        #expect(try await journal.isCold(ids[0]))
        #expect(try await !journal.isCold(ids[1]))
        #expect(try await journal.coldExecutions(ofMachine: "ingest", after: nil, limit: 10) == [ids[0]])
        // What has ended needs no note.
        #expect(await journal.append(.ended(ids[0], 2, status: "SUCCEEDED")) == .committed)
        #expect(try await journal.coldCounts(dueBefore: 0).isEmpty)
        #expect(try await !journal.isCold(ids[0]))
        await journal.close(deadline: .seconds(5))
    }

    @Test("an engine that has lost the lease takes no note of its successor's away, and makes none")
    func fencedNotes() async throws {
        let url = try await journalDatabase()
        let former = try await activeJournal(url)
        let notes = (0..<3).map { ColdExecution(id: IDs.execution(), nextSeq: 1, nextWake: Int64($0)) }
        #expect(try await former.noteCold(Array(notes.prefix(2)), warm: []))
        let journal = Journal(url: url, incarnation: "engine-2", log: silent)
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        #expect(try await !former.removeNotes([notes[0]]))
        #expect(try await !former.noteCold([notes[2]], warm: [notes[1].id]))
        #expect(try await journal.dueExecutions(before: 10, limit: 10) == Array(notes.prefix(2)))
        #expect(try await journal.removeNotes([notes[0]]))
        #expect(try await journal.dueExecutions(before: 10, limit: 10) == [notes[1]])
        await former.close(deadline: .seconds(5))
        await journal.close(deadline: .seconds(5))
    }

    @Test("a transaction that is forgotten is seen, and told after ten minutes")
    func health() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let analyst = try await PostgresConnection.connect(url, applicationName: "analyst", deadline: .seconds(10))
        _ = try await analyst.script(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1", deadline: .seconds(10))
        let health = try await journal.databaseHealth()
        #expect(health.oldestSnapshot > 0 && health.oldestHolder?.contains("analyst") == true)
        #expect(health.warnings.isEmpty && health.replicationLag == 0 && health.waitingStarts == 0)
        await analyst.close()
        var bad = health
        bad.oldestSnapshot = 660_000_000
        (bad.deadRows, bad.liveRows, bad.replicationLag) = (2_000_000, 1_000_000, 100 << 20)
        #expect(bad.warnings.count == 3)
        #expect(bad.warnings.first?.contains("analyst") == true && bad.warnings.first?.contains("11 minutes") == true)
        await journal.close(deadline: .seconds(5))
    }

    @Test("a journal that only looks writes nothing")
    func readOnly() async throws {
        let url = try await journalDatabase()
        var settings = JournalSettings()
        settings.isReadOnly = true
        let journal = Journal(url: url, incarnation: "reader", log: silent, settings: settings)
        #expect(try await journal.listExecutions(limit: 1).isEmpty)
        let refusal = await #expect(throws: PostgresError.self) {
            _ = try await journal.noteCold([ColdExecution(id: IDs.execution(), nextSeq: 1, nextWake: nil)], warm: [])
        }
        #expect(refusal?.sqlstate == "25006")
        await journal.close(deadline: .zero)
    }
}
