import Journal
import Postgres
import PostgresTestSupport
import Testing

@Suite struct SchemaAndReadsTests {
    @Test func migratingFromZeroTwiceAtOnce() async throws {
        let url = try await TestDatabase.empty()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let journal = Journal(url: url, incarnation: "engine-\(number)", log: silent)
                    try await journal.migrate()
                    try await journal.migrate()
                    await journal.close(deadline: .seconds(5))
                }
            }
            try await group.waitForAll()
        }
        let connection = try await PostgresConnection.connect(url, applicationName: "schema", deadline: .seconds(10))
        let partitions = try await connection.query(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'showrunner.journal'::regclass",
            deadline: .seconds(10))
        #expect(partitions.count == 1 + Journal.monthsAhead)
    }

    @Test func rowsLieInTheirMonth() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let milliseconds = try await journal.databaseTimeMicroseconds() / 1000
        let hex = String(milliseconds, radix: 16)
        let digits = String(repeating: "0", count: 12 - hex.count) + hex
        let id = "\(digits.prefix(8))-\(digits.suffix(4))-7abc-8def-0123456789ab"
        #expect(await journal.append(.later(id, 0)) == .committed)
        let old = "00000000-0000-7000-8000-000000000001"
        // No partition takes what has no month: such a row is refused, and its neighbours are not.
        guard case .failed(let refusal) = await journal.append(.later(old, 0)) else {
            Issue.record("a row without a month")
            return
        }
        #expect(refusal.message.contains("no partition"))
        let connection = try await PostgresConnection.connect(url, applicationName: "schema", deadline: .seconds(10))
        let rows = try await connection.query(
            """
            SELECT tableoid::regclass::text AS place,
                   'showrunner.journal_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AS month
              FROM showrunner.journal ORDER BY execution_id
            """, deadline: .seconds(10))
        #expect(rows.map { $0.text("place") } == [rows[0].text("month")])
        try await journal.checkPartitions()
        #expect(await journal.partitionTrouble == nil)
        try await journal.createPartitions()
        _ = try await connection.script(
            """
            DO $$ BEGIN
                EXECUTE format('DROP TABLE showrunner.snapshot_%s', to_char(
                    date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', 'YYYY_MM'));
            END $$
            """, deadline: .seconds(10))
        try await journal.checkPartitions()
        #expect(await journal.partitionTrouble?.contains("no partition for") == true)
        try await journal.createPartitions()
        try await journal.checkPartitions()
        #expect(await journal.partitionTrouble == nil)
        #expect(try await journal.load(id).count == 1)
        await journal.close(deadline: .seconds(5))
    }

    @Test func listsFilterAndPage() async throws {
        let journal = try await activeJournal(journalDatabase())
        var ids: [String] = []
        // Five at each of two instants: the cursor must tell executions of one instant apart.
        for number in 0..<10 {
            let id = IDs.execution()
            ids.append(id)
            let machine = number % 2 == 0 ? "ingest" : "retrain"
            #expect(await journal.append(.first(id, machine: machine, at: Int64(number / 5))) == .committed)
        }
        #expect(await journal.append(.ended(ids[0], 1, status: "FAILED")) == .committed)
        let newest = Array(ids.reversed())

        var pages: [[String]] = []
        var cursor: ListCursor?
        repeat {
            let page = try await journal.listExecutions(before: cursor, limit: 3)
            pages.append(page.map(\.executionID))
            cursor = page.last.map { ListCursor(startedAt: $0.startedAt, executionID: $0.executionID) }
        } while pages.last?.count == 3
        // The failed one was listed again with the time its row gave it.
        #expect(pages.map(\.count) == [3, 3, 3, 1])
        #expect(Set(pages.joined()) == Set(ids))
        #expect(pages.joined().prefix(5).elementsEqual(newest.prefix(5)))

        #expect(
            try await journal.listExecutions(ListFilter(machine: "retrain"), limit: 100).allSatisfy {
                $0.machine == "retrain"
            })
        #expect(try await journal.listExecutions(ListFilter(machine: "retrain"), limit: 100).count == 5)
        let failed = try await journal.listExecutions(ListFilter(status: "FAILED"), limit: 100)
        #expect(failed.map(\.executionID) == [ids[0]])
        #expect(failed.first?.error == "Showrunner.SourceInvalid")
        #expect(failed.first?.cause == "stream 0 at 00:00:01")
        #expect(failed.first?.stoppedAt == 2)
        #expect(
            try await journal.listExecutions(ListFilter(machine: "ingest", status: "RUNNING"), limit: 100).count == 4)

        let open = try await journal.loadActive(limit: 5, after: nil, dueBefore: 0)
        let rest = try await journal.loadActive(limit: 5, after: open.last, dueBefore: 0)
        #expect(open + rest == Array(ids.dropFirst()))
        await journal.close(deadline: .seconds(5))
    }

    @Test(
        "a page of a list is read from its index, in its order",
        arguments: [
            (nil, nil, "execution_list_newest"), ("m1", nil, "execution_list_machine"),
            (nil, "FAILED", "execution_list_status"), ("m1", "FAILED", "execution_list_machine_status"),
        ] as [(String?, String?, String)])
    func plan(machine: String?, status: String?, index: String) async throws {
        let url = try await journalDatabase()
        let connection = try await PostgresConnection.connect(url, applicationName: "plan", deadline: .seconds(10))
        try await connection.script(
            """
            INSERT INTO showrunner.execution_list
                (execution_id, machine, name, status, started_at, projected_seq, redrive_count)
            SELECT gen_random_uuid(), 'm' || n % 20, n::text,
                   (ARRAY['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'RUNNING'])[1 + n / 20 % 5], n / 4, 1, 0
              FROM generate_series(1, 50000) AS n;
            ANALYZE showrunner.execution_list;
            """, deadline: .seconds(60))
        let latest = RememberingConnection.Latest("ORDER BY started_at")
        let journal = RememberingConnection.journal(url, latest)
        let page = try await journal.listExecutions(
            ListFilter(machine: machine, status: status),
            before: ListCursor(startedAt: 10_000, executionID: "80000000-0000-0000-0000-000000000000"), limit: 50)
        #expect(page.count == 50)
        let plan = try await latest.plan(on: connection)
        #expect(plan.contains("Index Scan using \(index) ") && !plan.contains("Sort"), "\(plan)")
        await connection.close()
        await journal.close(deadline: .seconds(5))
    }

    @Test func listLineNeverGoesBack() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let id = IDs.execution()
        #expect(await journal.append(.ended(id, 5, status: "SUCCEEDED")) == .committed)
        #expect(await journal.append(.ended(id, 3, status: "FAILED")) == .committed)
        #expect(try await journal.listEntry(id)?.status == "SUCCEEDED")
        #expect(try await journal.listEntry(id)?.projectedSeq == 5)
        await journal.close(deadline: .seconds(5))
    }
}
