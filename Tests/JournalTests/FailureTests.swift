import Glibc
import Journal
import Postgres
import PostgresTestSupport
import TemporaryFolder
import Testing

/// What happens to appends when the server is killed, frozen or slow. Each test has a server of its own where it breaks it.
@Suite(.serialized) struct FailureTests {
    /// Deadlines short enough to be missed, pauses short enough to be repeated often.
    private static var impatient: JournalSettings {
        var settings = JournalSettings()
        settings.connectDeadline = .milliseconds(500)
        settings.statementDeadline = .milliseconds(300)
        settings.retryPause = .milliseconds(10)
        settings.retryPauseLimit = .milliseconds(100)
        return settings
    }

    @Test func killedServerLosesNothing() async throws {
        let directory = try TemporaryFolder()
        let cluster = TestDatabase.ownServer(in: directory)
        try await cluster.start()
        let url = await cluster.url(database: "postgres")
        let repetitions = Repetitions()
        var settings = JournalSettings()
        settings.retryPause = .milliseconds(10)
        // Many batches, so that the kill falls between and into some.
        settings.batchRows = 5
        let journal = Journal(url: url, incarnation: "engine-1", log: repetitions.log, settings: settings)
        try await journal.migrate()
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        let postmaster = try #require(await cluster.pid)
        let ids = (0..<200).map { _ in IDs.execution() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            func append(_ ids: ArraySlice<String>) {
                for id in ids {
                    group.addTask {
                        let outcome = await journal.append(.first(id))
                        #expect(outcome == .committed, "\(id)")
                    }
                }
            }
            append(ids.prefix(120))
            var acknowledged = 0
            while try await group.next() != nil {
                acknowledged += 1
                if acknowledged == 60 {
                    Processes.signal(postmaster, SIGKILL)
                    // All of those before may be in by now.
                    append(ids.dropFirst(120))
                    #expect(await cluster.waitUntilDown() == "signal 9")
                    try await cluster.start()
                }
            }
            #expect(acknowledged == 200)
        }
        await repetitions.next(containing: "PostgreSQL")
        for id in ids { #expect(try await journal.load(id).map(\.seq) == [0], "\(id)") }
        #expect(try await journal.listExecutions(limit: 1000).count == 200)
        await journal.close(deadline: .seconds(5))
        try await cluster.stop()
    }

    /// The whole server stands still, the deadline passes, and the statement waits in the old server process's socket: it
    /// is carried out when the server goes on, beside the repetition.
    @Test func frozenServerCommitsOnce() async throws {
        let directory = try TemporaryFolder()
        let cluster = TestDatabase.ownServer(in: directory)
        try await cluster.start()
        let url = await cluster.url(database: "postgres")
        let repetitions = Repetitions()
        let journal = Journal(url: url, incarnation: "engine-1", log: repetitions.log, settings: Self.impatient)
        try await journal.migrate()
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        let (warm, id) = (IDs.execution(), IDs.execution())
        #expect(await journal.append(.first(warm)) == .committed)
        let postmaster = try #require(await cluster.pid)
        let backend = try await pid(of: "showrunner-journal", url)
        Processes.signal(postmaster, SIGSTOP)
        Processes.signal(backend, SIGSTOP)
        async let outcome = journal.append(.first(id))
        await repetitions.next(containing: "outcome unknown")
        // Nobody can be reached while the postmaster stands.
        await repetitions.next(containing: "did not accept the connection in time")
        Processes.signal(backend, SIGCONT)
        Processes.signal(postmaster, SIGCONT)
        #expect(await outcome == .committed)
        #expect(try await journal.load(id).map(\.seq) == [0])
        await journal.close(deadline: .seconds(5))
        try await cluster.stop()
    }

    /// Only the server process of the append connection stands still: it cannot be ended, and nobody waits for it.
    @Test func frozenBackendHoldsNobodyUp() async throws {
        let url = try await journalDatabase()
        let repetitions = Repetitions()
        let journal = Journal(url: url, incarnation: "engine-1", log: repetitions.log, settings: Self.impatient)
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        let (warm, id) = (IDs.execution(), IDs.execution())
        #expect(await journal.append(.first(warm)) == .committed)
        let backend = try await pid(of: "showrunner-journal", url)
        Processes.signal(backend, SIGSTOP)
        #expect(await journal.append(.first(id)) == .committed)
        await repetitions.next(containing: "outcome unknown")
        Processes.signal(backend, SIGCONT)
        try await waitUntil(url, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", [.int(Int64(backend))])
        #expect(try await journal.load(id).map(\.seq) == [0])
        await journal.close(deadline: .seconds(5))
    }

    /// A statement that waits inside the server is ended and sent again until what it waits for is gone.
    @Test func blockedAppendIsRepeatedUntilItIsIn() async throws {
        let url = try await journalDatabase()
        let repetitions = Repetitions()
        let journal = Journal(url: url, incarnation: "engine-1", log: repetitions.log, settings: Self.impatient)
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        let blocker = try await PostgresConnection.connect(url, applicationName: "blocker", deadline: .seconds(10))
        try await blocker.script("BEGIN; LOCK TABLE showrunner.execution_list", deadline: .seconds(10))
        let ids = (0..<20).map { _ in IDs.execution() }
        await withTaskGroup(of: Void.self) { group in
            for id in ids { group.addTask { #expect(await journal.append(.first(id)) == .committed) } }
            group.addTask {
                for _ in 0..<3 { await repetitions.next(containing: "did not answer") }
                await #expect(throws: Never.self) { try await blocker.script("COMMIT", deadline: .seconds(10)) }
            }
        }
        for id in ids { #expect(try await journal.load(id).map(\.seq) == [0]) }
        await journal.close(deadline: .seconds(5))
    }

    /// A takeover waits for appends under way; after it none lands.
    @Test func takeoverWaitsForAppendsUnderWay() async throws {
        let url = try await journalDatabase()
        let old = try await activeJournal(url)
        let blocker = try await PostgresConnection.connect(url, applicationName: "blocker", deadline: .seconds(10))
        let id = IDs.execution()
        // Waits for the name, which is after the lease was read; a lock on a table would be waited for before.
        try await blocker.script(
            "BEGIN; INSERT INTO showrunner.execution_name VALUES ('ingest', '\(id)', '\(id)', 'h')",
            deadline: .seconds(10))
        async let underWay = old.append(.first(id))
        let isWaiting = "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock')"
        try await waitUntil(url, isWaiting, [.text("showrunner-journal")])
        let new = Journal(url: url, incarnation: "engine-2", log: silent)
        async let taken = new.takeLease(holder: "second", isStillHeldAfter: .zero)
        try await waitUntil(url, isWaiting, [.text("showrunner-control")])
        // Sent when the one under way is done, at the moment the takeover goes on: either may come first.
        async let late = old.append(.later(id, 1))
        try await blocker.script("ROLLBACK", deadline: .seconds(10))
        #expect(await underWay == .committed)
        #expect(try await taken == .taken)
        // What the new engine sees now is all there will ever be of the old one.
        let seen = try await new.load(id)
        #expect(await late == (seen.count == 2 ? .committed : .superseded))
        #expect(await old.append(.later(id, 2)) == .superseded)
        #expect(try await new.load(id) == seen)
        await old.close(deadline: .seconds(5))
        await new.close(deadline: .seconds(5))
    }

    @Test func closingAnswersTheUndecided() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let blocker = try await PostgresConnection.connect(url, applicationName: "blocker", deadline: .seconds(10))
        try await blocker.script("BEGIN; LOCK TABLE showrunner.execution_list", deadline: .seconds(10))
        async let outcome = journal.append(.first(IDs.execution()))
        let isWaiting = "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock')"
        try await waitUntil(url, isWaiting, [.text("showrunner-journal")])
        async let closed: Void = journal.close(deadline: .milliseconds(50))
        #expect(await outcome == .superseded)
        try await blocker.script("COMMIT", deadline: .seconds(10))
        await closed
    }

    private func pid(of application: String, _ url: String) async throws -> Int32 {
        let connection = try await PostgresConnection.connect(url, applicationName: "watch", deadline: .seconds(10))
        let rows = try await connection.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
            [.text(application)], deadline: .seconds(10))
        try #require(rows.count == 1)
        return Int32(rows[0].int("pid"))
    }
}
