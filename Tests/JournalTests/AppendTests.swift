import Journal
import Postgres
import PostgresTestSupport
import Testing

/// The conversation any journal must be able to hold.
@Suite struct AppendTests {
    @Test func rowsAreReadBackInOrder() async throws {
        let journal = try await activeJournal(journalDatabase())
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        #expect(await journal.append(.later(id, 1, effects: "{\"b\":2, \"a\":1, \"a\":3}")) == .committed)
        #expect(await journal.append(.later(id, 2)) == .committed)
        let rows = try await journal.load(id)
        #expect(rows.map(\.seq) == [0, 1, 2])
        #expect(rows.map(\.at) == [1, 2, 3])
        // Byte for byte: escapes, order and repeated keys are the interpreter's business.
        #expect(rows.map(\.effects) == [#"{"started":"\u0000"}"#, "{\"b\":2, \"a\":1, \"a\":3}", "{}"])
        #expect(rows.allSatisfy { $0.writer.hasPrefix("engine-1/") })
        #expect(try await journal.load(IDs.execution()) == [])
        await journal.close(deadline: .seconds(5))
    }

    @Test func longJournalIsLoadedWhole() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let id = IDs.execution()
        let connection = try await PostgresConnection.connect(url, applicationName: "fill", deadline: .seconds(10))
        _ = try await connection.query(
            """
            INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
            SELECT $1, n, 'x', n, 'e' FROM generate_series(0, 2500) AS n
            """, [.uuid(id)], deadline: .seconds(10))
        #expect(try await journal.load(id).map(\.seq) == Array(0...2500))
        await journal.close(deadline: .seconds(5))
    }

    @Test func sameRowTwiceIsRefused() async throws {
        let journal = try await activeJournal(journalDatabase())
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        #expect(await journal.append(.later(id, 1)) == .committed)
        #expect(await journal.append(.later(id, 1)) == .superseded)
        // A first row whose name is there already is told who has it, be it itself.
        #expect(await journal.append(.first(id)) == .nameTaken(executionID: id, inputHash: "h"))
        #expect(try await journal.load(id).count == 2)
        await journal.close(deadline: .seconds(5))
    }

    @Test(arguments: ["h", "another"])
    func takenNameSaysWhoseItIs(inputHash: String) async throws {
        let journal = try await activeJournal(journalDatabase())
        let (first, second) = (IDs.execution(), IDs.execution())
        #expect(await journal.append(.first(first, name: "tuesday", inputHash: "h")) == .committed)
        #expect(
            await journal.append(.first(second, name: "tuesday", inputHash: inputHash))
                == .nameTaken(executionID: first, inputHash: "h"))
        // Nothing of the refused one is there, and the same name is free in another machine.
        #expect(try await journal.load(second) == [])
        #expect(try await journal.listEntry(second) == nil)
        #expect(await journal.append(.first(second, machine: "retrain", name: "tuesday")) == .committed)
        let named = try #require(try await journal.execution(byMachine: "ingest", name: "tuesday"))
        #expect(named.executionID == first && named.inputHash == "h")
        #expect(try await journal.execution(byMachine: "ingest", name: "wednesday") == nil)
        await journal.close(deadline: .seconds(5))
    }

    @Test func manyWithOneNameHaveOneWinner() async throws {
        let journal = try await activeJournal(journalDatabase())
        let outcomes = await withTaskGroup(of: (String, AppendOutcome).self) { group in
            for _ in 0..<50 {
                let id = IDs.execution()
                group.addTask { (id, await journal.append(.first(id, name: "once"))) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let winners = outcomes.filter { $0.1 == .committed }.map(\.0)
        try #require(winners.count == 1)
        for (id, outcome) in outcomes where id != winners[0] {
            #expect(outcome == .nameTaken(executionID: winners[0], inputHash: "h"))
            #expect(try await journal.load(id) == [])
        }
        await journal.close(deadline: .seconds(5))
    }

    @Test func manyRowsOfOneExecutionAllGoIn() async throws {
        var settings = JournalSettings()
        settings.appendConnections = 2
        let journal = try await activeJournal(journalDatabase(), settings: settings)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .committed)
        await withTaskGroup(of: Void.self) { group in
            for seq in 1...40 {
                group.addTask { #expect(await journal.append(.later(id, Int64(seq))) == .committed) }
            }
        }
        #expect(try await journal.load(id).map(\.seq) == Array(0...40))
        await journal.close(deadline: .seconds(5))
    }

    @Test func batchIsBoundedInRowsAndBytes() async throws {
        var settings = JournalSettings()
        settings.batchRows = 7
        settings.batchBytes = 4096
        let journal = try await activeJournal(journalDatabase(), settings: settings)
        let ids = (0..<100).map { _ in IDs.execution() }
        let writers = try await withThrowingTaskGroup(of: String?.self) { group in
            for (index, id) in ids.enumerated() {
                group.addTask {
                    var row = JournalRow.first(id)
                    // Some are larger than a whole batch may be.
                    row.effects = String(repeating: "x", count: index % 10 == 0 ? 5000 : 300)
                    #expect(await journal.append(row) == .committed)
                    return try await journal.load(id).first?.writer
                }
            }
            return try await group.reduce(into: [:]) { $0[$1 ?? "none", default: 0] += 1 }
        }
        #expect(writers["none"] == nil)
        #expect(writers.values.allSatisfy { $0 <= 7 })
        #expect(writers.values.contains { $0 > 1 }, "nothing was grouped")
        await journal.close(deadline: .seconds(5))
    }

    @Test func anotherEnginesRowWins() async throws {
        let url = try await journalDatabase()
        let old = try await activeJournal(url)
        let id = IDs.execution()
        #expect(await old.append(.first(id)) == .committed)
        let new = Journal(url: url, incarnation: "engine-2", log: silent)
        guard
            case .held(LeaseHolder(name: "test", incarnation: "engine-1", address: nil), _) =
                try await new.takeLease(holder: "second", isStillHeldAfter: .seconds(3600))
        else {
            Issue.record("a lease in use was given away")
            return
        }
        #expect(try await new.takeLease(holder: "second", isStillHeldAfter: .zero) == .taken)
        #expect(await new.append(.later(id, 1)) == .committed)

        // The key for an execution that moved on, the lease for all others.
        #expect(await old.append(.later(id, 1)) == .superseded)
        #expect(await old.append(.later(id, 2)) == .superseded)
        #expect(await old.append(.first(IDs.execution())) == .superseded)
        await old.waitUntilLeaseIsLost()
        #expect(try await old.renewLease() == false)
        #expect(try await new.renewLease())
        #expect(try await new.load(id).map(\.writer).map { $0.prefix(8) } == ["engine-1", "engine-2"])
        await old.close(deadline: .seconds(5))
        await new.close(deadline: .seconds(5))
    }

    @Test func leaseIsTakenFromTheDeadOneAlone() async throws {
        let url = try await journalDatabase()
        let dead = try await activeJournal(url)
        let second = Journal(url: url, incarnation: "engine-2", log: silent)
        let third = Journal(url: url, incarnation: "engine-3", log: silent)
        // Both have seen that the first one died, and the second is faster.
        #expect(
            try await second.takeLease(holder: "second", isStillHeldAfter: .seconds(3600), from: "engine-1") == .taken)
        guard
            case .held(LeaseHolder(name: "second", incarnation: "engine-2", address: nil), _) =
                try await third.takeLease(holder: "third", isStillHeldAfter: .seconds(3600), from: "engine-1")
        else {
            Issue.record("the lease of a living engine was taken")
            return
        }
        #expect(try await second.renewLease())
        for journal in [dead, second, third] { await journal.close(deadline: .seconds(5)) }
    }

    @Test func releasedLeaseIsFree() async throws {
        let url = try await journalDatabase()
        let old = try await activeJournal(url)
        try await old.releaseLease()
        #expect(await old.append(.first(IDs.execution())) == .superseded)
        let new = Journal(url: url, incarnation: "engine-2", log: silent)
        #expect(try await new.takeLease(holder: "second", isStillHeldAfter: .seconds(3600)) == .taken)
        await old.close(deadline: .seconds(5))
        await new.close(deadline: .seconds(5))
    }

    @Test func withoutLeaseNothingGoesIn() async throws {
        let journal = Journal(url: try await journalDatabase(), incarnation: "engine-1", log: silent)
        let id = IDs.execution()
        #expect(await journal.append(.first(id)) == .superseded)
        #expect(try await journal.load(id) == [])
        #expect(try await journal.execution(byMachine: "ingest", name: id) == nil)
        await journal.close(deadline: .seconds(5))
    }

    @Test func rowThatTextCannotHoldFailsAlone() async throws {
        let journal = try await activeJournal(journalDatabase())
        let id = IDs.execution()
        let outcome = await journal.append(.later(id, 1, effects: "a\0b"))
        guard case .failed(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.message.contains("U+0000"))
        // A cause is text from outside and only shown.
        var ended = JournalRow.ended(id, 0, status: "FAILED")
        ended.listing?.cause = "a\0b"
        #expect(await journal.append(ended) == .committed)
        #expect(try await journal.listEntry(id)?.cause == "a\u{FFFD}b")
        await journal.close(deadline: .seconds(5))
    }

    /// One row that PostgreSQL refuses must not take down those it shares a batch with.
    @Test func culpritFailsAlone() async throws {
        let url = try await journalDatabase()
        let connection = try await PostgresConnection.connect(url, applicationName: "rule", deadline: .seconds(10))
        try await connection.script(
            "ALTER TABLE showrunner.journal ADD CONSTRAINT polite CHECK (effects <> 'poison')", deadline: .seconds(10))
        let journal = try await activeJournal(url)
        let outcomes = await withTaskGroup(of: (Int, AppendOutcome).self) { group in
            for index in 0..<60 {
                let row = JournalRow.later(IDs.execution(), 0, effects: index == 33 ? "poison" : "{}")
                group.addTask { (index, await journal.append(row)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (index, outcome) in outcomes where index != 33 { #expect(outcome == .committed) }
        guard case .failed(let error) = outcomes[33] else {
            Issue.record("\(String(describing: outcomes[33]))")
            return
        }
        #expect(error.constraint == "polite")
        await journal.close(deadline: .seconds(5))
    }

    @Test func closedJournalTakesNothing() async throws {
        let journal = try await activeJournal(journalDatabase())
        await journal.close(deadline: .seconds(5))
        #expect(await journal.append(.first(IDs.execution())) == .superseded)
        await journal.waitUntilLeaseIsLost()
    }
}
