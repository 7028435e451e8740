import Journal
import Postgres
import PostgresTestSupport
import Testing

@Suite struct MachineFiguresTests {
    /// A run that is there, as the lists have it.
    private struct Line {
        var machine = "ingest"
        var status = "SUCCEEDED"
        var at: Int64
        var took: Int64 = 10
        var mapRun: String?
        var redriveCount: Int64 = 0
    }

    private func database(_ lines: [Line]) async throws -> String {
        let url = try await journalDatabase()
        let connection = try await PostgresConnection.connect(url, applicationName: "lines", deadline: .seconds(10))
        for line in lines {
            let id = IDs.execution()
            let isOver = line.status != "RUNNING"
            _ = try await connection.query(
                """
                INSERT INTO showrunner.execution_list
                    (execution_id, machine, name, status, started_at, stopped_at, error, cause, projected_seq, map_run,
                     redrive_count)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)
                """,
                [
                    .uuid(id), .text(line.machine), .text("run-\(line.at)"), .text(line.status), .int(line.at),
                    isOver ? .int(line.at + line.took) : .null,
                    .optional(line.status == "FAILED" ? "Bad" : nil), .null, .optional(line.mapRun),
                    .int(line.redriveCount),
                ], deadline: .seconds(10))
        }
        await connection.close()
        return url
    }

    @Test func countsGoByMachineStatusAndStart() async throws {
        let url = try await database(
            [
                // Open however long ago it was started.
                Line(status: "RUNNING", at: 5), Line(status: "RUNNING", at: 120),
                // Too early, at the bound and after it.
                Line(at: 99, took: 1), Line(at: 100, took: 3), Line(at: 101, took: 5),
                // What somebody waited for tells nothing of how long it takes.
                Line(at: 102, took: 9_000, redriveCount: 1),
                Line(status: "FAILED", at: 50), Line(status: "FAILED", at: 103), Line(status: "TIMED_OUT", at: 104),
                Line(status: "ABORTED", at: 105),
                Line(machine: "other", status: "FAILED", at: 106),
                Line(machine: "ingest/Parts", at: 107, mapRun: "arn"),
            ])
        let journal = try await activeJournal(url)
        let figures = try await journal.machineFigures(of: ["ingest", "other", "unused"], since: 100, most: 100)
        let byName = Dictionary(uniqueKeysWithValues: figures.map { ($0.machine, $0) })
        #expect(byName.keys.sorted() == ["ingest", "other", "unused"])
        let ingest = try #require(byName["ingest"])
        #expect(
            [ingest.running, ingest.succeeded, ingest.failed, ingest.timedOut, ingest.aborted] == [2, 3, 1, 1, 1])
        #expect(ingest.latestStart == 120)
        #expect(ingest.typicalDuration == 3)
        #expect(ingest.lastFailure?.name == "run-104" && ingest.lastFailure?.status == "TIMED_OUT")
        let other = try #require(byName["other"])
        #expect(other.failed == 1 && other.lastFailure?.error == "Bad" && other.lastFailure?.stoppedAt == 116)
        #expect(other.typicalDuration == nil)
        let unused = try #require(byName["unused"])
        #expect(unused.running + unused.succeeded + unused.failed + unused.timedOut + unused.aborted == 0)
        #expect(unused.latestStart == nil && unused.lastFailure == nil)
        #expect(try await journal.machineFigures(of: [], since: 0, most: 1).isEmpty)
        await journal.close(deadline: .seconds(5))
    }

    @Test func countsGoNoFurtherThanTheyAreAskedTo() async throws {
        let statuses = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
        let url = try await database((0..<20).map { Line(status: statuses[Int($0) % 5], at: $0) })
        let journal = try await activeJournal(url)
        let one = try #require(try await journal.machineFigures(of: ["ingest"], since: 0, most: 3).first)
        #expect([one.running, one.succeeded, one.failed, one.timedOut, one.aborted] == [3, 3, 3, 3, 3])
        await journal.close(deadline: .seconds(5))
    }

    /// The median is of the latest: a machine that has become faster says so.
    @Test func whatIsTypicalIsOfTheLatest() async throws {
        let url = try await database((0..<250).map { Line(at: $0, took: $0 < 150 ? 900 : 7) })
        let journal = try await activeJournal(url)
        let one = try #require(try await journal.machineFigures(of: ["ingest"], since: 0, most: 1000).first)
        #expect(one.succeeded == 250 && one.typicalDuration == 7)
        await journal.close(deadline: .seconds(5))
    }

    /// On a connection of its own: the others' reads are not behind it.
    @Test func eachFigureIsARangeOfAnIndex() async throws {
        let url = try await journalDatabase()
        let connection = try await PostgresConnection.connect(url, applicationName: "plan", deadline: .seconds(10))
        try await connection.script(
            """
            INSERT INTO showrunner.execution_list
                (execution_id, machine, name, status, started_at, stopped_at, projected_seq, redrive_count)
            SELECT gen_random_uuid(), 'm' || n % 20, n::text,
                   (ARRAY['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'RUNNING'])[1 + n / 20 % 5], n, n, 1, 0
              FROM generate_series(1, 50000) AS n;
            ANALYZE showrunner.execution_list;
            """, deadline: .seconds(60))
        let latest = RememberingConnection.Latest("AS typical_duration")
        let journal = RememberingConnection.journal(url, latest)
        let figures = try await journal.machineFigures(of: ["m1", "m2", "m3"], since: 25_000, most: 100)
        #expect(figures.map(\.succeeded) == [100, 100, 100])
        let plan = try await latest.plan(on: connection)
        #expect(plan.contains("using execution_list_machine_status") && !plan.contains("Seq Scan"), "\(plan)")
        let names = try await connection.query(
            """
            SELECT application_name AS name FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'showrunner-%'
            """, deadline: .seconds(10))
        #expect(names.map { $0.text("name") } == ["showrunner-figures"])
        await connection.close()
        await journal.close(deadline: .seconds(5))
    }
}
