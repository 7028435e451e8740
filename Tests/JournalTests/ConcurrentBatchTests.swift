import Journal
import Postgres
import PostgresTestSupport
import Testing

/// Two batches under way at once, held up inside PostgreSQL where it matters.
@Suite(.timeLimit(.minutes(2))) struct ConcurrentBatchTests {
    /// Every statement waits longer than a test takes, but for those that must not wait.
    private static var patient: JournalSettings {
        var settings = JournalSettings()
        settings.appendConnections = 2
        settings.statementDeadline = .seconds(300)
        settings.readDeadline = .seconds(5)
        return settings
    }

    /// So many of the journal's appending connections wait for a lock.
    private static func waiting(_ count: Int) -> String {
        """
        (SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'showrunner-journal'
            AND wait_event_type = 'Lock') = \(count)
        """
    }

    /// Holds a name up until it says ROLLBACK.
    private static func holder(of name: String, _ url: String) async throws -> PostgresConnection {
        let holder = try await PostgresConnection.connect(url, applicationName: "holder", deadline: .seconds(10))
        try await holder.script(
            "BEGIN; INSERT INTO showrunner.execution_name VALUES ('ingest', '\(name)', '\(IDs.execution())', 'h')",
            deadline: .seconds(10))
        return holder
    }

    @Test("a renewal waits for no append")
    func renewalWaitsForNoAppend() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url, settings: Self.patient)
        let id = IDs.execution()
        let holder = try await Self.holder(of: id, url)
        async let underWay = journal.append(.first(id))
        try await waitUntil(url, Self.waiting(1))
        let isRenewed = try? await journal.renewLease()
        #expect(isRenewed == true)
        try await waitUntil(url, Self.waiting(1))
        // Nor does an append for the row that has just been renewed.
        #expect(await journal.append(.first(IDs.execution())) == .committed)
        try await holder.script("ROLLBACK", deadline: .seconds(10))
        #expect(await underWay == .committed)
        await journal.close(deadline: .seconds(5))
    }

    @Test("a takeover waits for all batches under way, and what comes after it does not go in")
    func takeoverWaitsForBoth() async throws {
        let url = try await journalDatabase()
        let old = try await activeJournal(url, settings: Self.patient)
        let ids = [IDs.execution(), IDs.execution()]
        let holders = [try await Self.holder(of: ids[0], url), try await Self.holder(of: ids[1], url)]
        async let first = old.append(.first(ids[0]))
        try await waitUntil(url, Self.waiting(1))
        async let second = old.append(.first(ids[1]))
        try await waitUntil(url, Self.waiting(2))
        let new = Journal(url: url, incarnation: "engine-2", log: silent, settings: Self.patient)
        async let taken = new.takeLease(holder: "second", isStillHeldAfter: .zero)
        let takeoverWaits = """
            EXISTS (SELECT FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'showrunner-control'
                       AND wait_event_type = 'Lock')
            """
        try await waitUntil(url, takeoverWaits)
        try await holders[1].script("ROLLBACK", deadline: .seconds(10))
        #expect(await second == .committed)
        try await waitUntil(url, takeoverWaits)
        #expect(try await new.load(ids[0]) == [])
        try await holders[0].script("ROLLBACK", deadline: .seconds(10))
        #expect(try await taken == .taken)
        #expect(try await new.load(ids[0]).map(\.seq) == [0])
        #expect(await first == .committed)
        #expect(await old.append(.first(IDs.execution())) == .superseded)
        await old.waitUntilLeaseIsLost()
        await old.close(deadline: .seconds(5))
        await new.close(deadline: .seconds(5))
    }

    /// The appends look at the lease as it was before both, and are to follow it to where it has come.
    @Test("rows that were sent before a renewal and a takeover do not go in", arguments: [1, 2])
    func takeoverBehindARenewal(rows: Int) async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url, settings: Self.patient)
        let (outcomes, continuation) = AsyncStream.makeStream(of: NumberedOutcome.self)
        await journal.setReceiver { told in for outcome in told { continuation.yield(outcome) } }
        let ids = (0..<rows).map { _ in IDs.execution() }
        for id in ids { #expect(await journal.append(.first(id)) == .committed) }
        let successor = try await PostgresConnection.connect(url, applicationName: "successor", deadline: .seconds(10))
        try await successor.script(
            """
            BEGIN;
            UPDATE showrunner.lease SET renewed_at = clock_timestamp();
            UPDATE showrunner.lease SET incarnation = 'successor'
            """, deadline: .seconds(10))
        journal.append(ids.enumerated().map { NumberedRow(number: UInt64($0), row: .later($1, 1)) })
        try await waitUntil(url, Self.waiting(1))
        try await successor.script("COMMIT", deadline: .seconds(10))
        var told = outcomes.makeAsyncIterator()
        for _ in ids { #expect(await told.next()?.outcome == .superseded) }
        for id in ids { #expect(try await journal.load(id).map(\.seq) == [0]) }
        await journal.close(deadline: .seconds(5))
    }

    @Test("a name that another batch is about to take is told as taken by it")
    func nameOfAnotherBatch() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url, settings: Self.patient)
        let (winner, loser) = (IDs.execution(), IDs.execution())
        // Behind the name: the winner has it when it comes to wait.
        let holder = try await PostgresConnection.connect(url, applicationName: "holder", deadline: .seconds(10))
        try await holder.script(
            """
            BEGIN; INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
            VALUES ('\(winner)', 0, 'nobody', 1, '')
            """, deadline: .seconds(10))
        async let first = journal.append(.first(winner, name: "once"))
        try await waitUntil(url, Self.waiting(1))
        async let second = journal.append(.first(loser, name: "once"))
        try await waitUntil(url, Self.waiting(2))
        try await holder.script("ROLLBACK", deadline: .seconds(10))
        #expect(await first == .committed)
        #expect(await second == .nameTaken(executionID: winner, inputHash: "h"))
        #expect(try await journal.load(loser) == [])
        await journal.close(deadline: .seconds(5))
    }

    /// Each batch has the names that the other has, in the other order, and is held up between the two.
    @Test("two batches with the same names do not lock each other out")
    func namesAreTakenInOneOrder() async throws {
        let url = try await journalDatabase()
        let tries = Repetitions()
        let journal = Journal(url: url, incarnation: "engine-1", log: tries.log, settings: Self.patient)
        #expect(try await journal.takeLease(holder: "test", isStillHeldAfter: .zero) == .taken)
        let (outcomes, continuation) = AsyncStream.makeStream(of: NumberedOutcome.self)
        await journal.setReceiver { told in for outcome in told { continuation.yield(outcome) } }
        let holder = try await Self.holder(of: "m", url)
        let names = [["z", "m", "a"], ["a", "m2", "z"]]
        for (batch, names) in names.enumerated() {
            // Ids grow from one to the next, so a batch has its rows in this order.
            journal.append(
                names.enumerated().map { place, name in
                    NumberedRow(number: UInt64(batch * 3 + place), row: .first(IDs.execution(), name: name))
                })
            try await waitUntil(url, Self.waiting(batch + 1))
        }
        try await holder.script("ROLLBACK", deadline: .seconds(10))
        var committed: Set<UInt64> = []
        var count = 0
        for await told in outcomes {
            if told.outcome == .committed { committed.insert(told.number) }
            count += 1
            if count == 6 { break }
        }
        #expect(committed == [0, 1, 2, 4])
        #expect(tries.reasons == [])
        await journal.close(deadline: .seconds(5))
    }

    @Test("a row waits for the one before it of its execution, and others go on meanwhile")
    func oneRowOfAnExecution() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url, settings: Self.patient)
        let (outcomes, continuation) = AsyncStream.makeStream(of: NumberedOutcome.self)
        await journal.setReceiver { told in for outcome in told { continuation.yield(outcome) } }
        let (id, other) = (IDs.execution(), IDs.execution())
        let holder = try await Self.holder(of: id, url)
        journal.append([NumberedRow(number: 0, row: .first(id))])
        try await waitUntil(url, Self.waiting(1))
        journal.append([NumberedRow(number: 1, row: .later(id, 1)), NumberedRow(number: 2, row: .first(other))])
        var told = outcomes.makeAsyncIterator()
        #expect(await told.next()?.number == 2)
        #expect(try await journal.load(id) == [])
        try await holder.script("ROLLBACK", deadline: .seconds(10))
        #expect(await told.next()?.number == 0)
        #expect(await told.next()?.number == 1)
        #expect(try await journal.load(id).map(\.seq) == [0, 1])
        await journal.close(deadline: .seconds(5))
    }

    @Test("rows that a batch has no room for do not wait for it where a connection is free")
    func fullBatchHoldsNothingUp() async throws {
        let url = try await journalDatabase()
        var settings = Self.patient
        settings.batchRows = 1
        let journal = try await activeJournal(url, settings: settings)
        let (outcomes, continuation) = AsyncStream.makeStream(of: NumberedOutcome.self)
        await journal.setReceiver { told in for outcome in told { continuation.yield(outcome) } }
        let ids = [IDs.execution(), IDs.execution()]
        let holder = try await Self.holder(of: ids[0], url)
        journal.append([
            NumberedRow(number: 0, row: .first(ids[0])), NumberedRow(number: 1, row: .first(ids[1])),
        ])
        var told = outcomes.makeAsyncIterator()
        #expect(await told.next()?.number == 1)
        try await holder.script("ROLLBACK", deadline: .seconds(10))
        #expect(await told.next()?.number == 0)
        await journal.close(deadline: .seconds(5))
    }
}
