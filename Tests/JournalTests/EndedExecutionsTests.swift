import Journal
import Postgres
import Testing

@Suite("Ends in the lists", .timeLimit(.minutes(2)))
struct EndedExecutionsTests {
    private static let lowest = "00000000-0000-0000-0000-000000000000"

    @Test("ends are in their order, those of one instant by id; what runs, and children of Map Runs, is left out")
    func order() async throws {
        let journal = try await activeJournal(journalDatabase())
        let ids = (0..<6).map { _ in IDs.execution() }
        for (id, at) in zip(ids, [30, 10, 20, 20, 40, 50] as [Int64]) {
            #expect(await journal.append(.first(id, at: 1)) == .committed)
            // Which stops an instant later.
            if id != ids[4] {
                #expect(await journal.append(.ended(id, 1, status: "FAILED", at: at - 1)) == .committed)
            }
        }
        var child = JournalRow.first(IDs.execution(), at: 1)
        child.listing?.mapRun = "map-run"
        child.listing?.stoppedAt = 20
        #expect(await journal.append(child) == .committed)
        var pages: [[String]] = []
        var place: (at: Int64, executionID: String) = (10, Self.lowest)
        while true {
            let page = try await journal.endedExecutions(after: place, before: 50, limit: 2)
            pages.append(page.map(\.executionID))
            guard let last = page.last else { break }
            place = (last.stoppedAt ?? 0, last.executionID)
        }
        #expect(pages == [[ids[1], ids[2]], [ids[3], ids[0]], []])
        #expect(try await journal.endedExecutions(after: (11, Self.lowest), before: 20, limit: 9).isEmpty)
        // Redriven, one stands where its redrive was, and among the ends no more.
        var redriven = JournalRow.first(ids[1], at: 60)
        redriven.seq = 2
        redriven.name = nil
        redriven.listing?.projectedSeq = 2
        redriven.listing?.redriveCount = 1
        redriven.listing?.redrivenAt = 60
        #expect(await journal.append(redriven) == .committed)
        #expect(try await journal.endedExecutions(after: (0, Self.lowest), before: 12, limit: 9).isEmpty)
        let found = try await journal.redrivenExecutions(after: (60, Self.lowest), before: 61, limit: 9)
        #expect(found.map(\.executionID) == [ids[1]] && found.first?.redriveCount == 1)
        #expect(try await journal.redrivenExecutions(after: (60, ids[1]), before: 61, limit: 9).isEmpty)
        await journal.close(deadline: .seconds(5))
    }

    @Test("a page is read from its index, however many executions there are", arguments: [true, false])
    func plan(isRedriven: Bool) async throws {
        let url = try await journalDatabase()
        let connection = try await PostgresConnection.connect(url, applicationName: "plan", deadline: .seconds(10))
        try await connection.script(
            """
            INSERT INTO showrunner.execution_list
                (execution_id, machine, name, status, started_at, stopped_at, projected_seq, redrive_count, redriven_at)
            SELECT gen_random_uuid(), 'm', n::text, 'FAILED', n, n, 1, n % 2, CASE WHEN n % 2 = 1 THEN n END
              FROM generate_series(1, 50000) AS n;
            ANALYZE showrunner.execution_list;
            """, deadline: .seconds(60))
        let latest = RememberingConnection.Latest(isRedriven ? "ORDER BY redriven_at" : "ORDER BY stopped_at")
        let journal = RememberingConnection.journal(url, latest)
        let page =
            isRedriven
            ? try await journal.redrivenExecutions(after: (40_000, Self.lowest), before: .max, limit: 200)
            : try await journal.endedExecutions(after: (40_000, Self.lowest), before: .max, limit: 200)
        #expect(page.count == 200)
        let plan = try await latest.plan(on: connection)
        let index = isRedriven ? "execution_list_redriven" : "execution_list_stopped"
        #expect(plan.contains("Index Scan using \(index)") && !plan.contains("Sort"), "\(plan)")
        await connection.close()
        await journal.close(deadline: .seconds(5))
    }
}
