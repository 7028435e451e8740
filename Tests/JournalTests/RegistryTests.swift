@testable import Journal
import Postgres
import PostgresTestSupport
import Testing

@Suite struct RegistryTests {
    private func machine(_ name: String, hash: String = "a", revision: Int = 1, isFirst: Bool = true) -> StoredMachine {
        StoredMachine(
            name: name, arn: "arn:aws:states:us-east-1:000000000000:stateMachine:\(name)", type: "STANDARD",
            status: "ACTIVE",
            revision: StoredRevision(
                id: "00000000-0000-4000-8000-00000000000\(revision)", machine: name, isFirst: isFirst,
                definitionHash: hash, configuration: "{}", createdAt: Int64(revision)), nextVersion: 1, tags: "{}",
            createdAt: 1)
    }

    @Test("a machine, its revisions, versions and aliases are read back as they were written")
    func lifeOfAMachine() async throws {
        let journal = try await activeJournal(journalDatabase())
        let first = machine("ingest")
        #expect(try await journal.saveMachine(first, definition: #"{"a": 1}"#))
        #expect(try await journal.saveMachine(first, definition: #"{"a": 1}"#), "once more changes nothing")
        #expect(try await journal.machines() == [first])
        #expect(try await journal.definition("a") == #"{"a": 1}"#)

        var second = machine("ingest", hash: "b", revision: 2, isFirst: false)
        second.nextVersion = 2
        second.tags = #"{"team":"films"}"#
        let version = StoredVersion(
            machine: "ingest", number: 1, revision: second.revision, description: "the first", createdAt: 3)
        #expect(try await journal.saveMachine(second, definition: "{}", version: version))
        #expect(try await journal.machines() == [second])
        #expect(try await journal.versions() == [version])
        #expect(try await journal.revision(first.revision.id) == first.revision)
        #expect(try await journal.revision("00000000-0000-4000-8000-000000000009") == nil)

        var alias = StoredAlias(
            machine: "ingest", name: "live", description: nil, routing: "[]", createdAt: 4, updatedAt: 4)
        #expect(try await journal.saveAlias(alias))
        alias.description = "what viewers get"
        alias.updatedAt = 5
        #expect(try await journal.saveAlias(alias))
        #expect(try await journal.aliases() == [alias])
        #expect(try await journal.deleteAlias(machine: "ingest", name: "live"))
        #expect(try await journal.aliases() == [])
        #expect(try await journal.deleteVersion(machine: "ingest", number: 1))
        #expect(try await journal.versions() == [])

        #expect(try await journal.saveMachine(second, definition: "{}", version: version))
        #expect(try await journal.saveAlias(alias))
        #expect(try await journal.deleteMachine("ingest"))
        #expect(try await journal.machines().isEmpty)
        #expect(try await journal.versions().isEmpty)
        #expect(try await journal.aliases().isEmpty)
        #expect(try await journal.revision(second.revision.id) == second.revision, "executions still name it")
        await journal.close(deadline: .seconds(5))
    }

    @Test("a machine of the first schema becomes one with a first revision")
    func fromTheFirstSchema() async throws {
        let url = try await TestDatabase.empty()
        let connection = try await PostgresConnection.connect(url, applicationName: "schema", deadline: .seconds(10))
        let first = Migrations(schema: Journal.schema, steps: [Journal.migrations.steps[0]])
        try await first.apply(on: connection, deadline: .seconds(30))
        _ = try await connection.query(
            "INSERT INTO showrunner.definition (hash, body) VALUES ('h', '{}')", deadline: .seconds(10))
        _ = try await connection.query(
            "INSERT INTO showrunner.machine (name, arn, definition_hash, type, created_at, updated_at) "
                + "VALUES ('ingest', 'arn', 'h', 'STANDARD', 1, 2)", deadline: .seconds(10))
        await connection.close()
        let journal = Journal(url: url, incarnation: "engine-1", log: silent)
        try await journal.migrate()
        let machine = try #require(try await journal.machines().first)
        #expect(machine.name == "ingest" && machine.status == "ACTIVE" && machine.nextVersion == 1)
        #expect(machine.createdAt == 1 && machine.revision.createdAt == 2 && machine.revision.isFirst)
        #expect(machine.revision.definitionHash == "h" && machine.revision.configuration == "{}")
        await journal.close(deadline: .seconds(5))
    }

    @Test("without the lease nothing is written")
    func fencing() async throws {
        let url = try await journalDatabase()
        let journal = try await activeJournal(url)
        let activity = StoredActivity(name: "encode", encryption: "{}", tags: "{}", createdAt: 1)
        #expect(try await journal.saveMachine(machine("ingest"), definition: "{}"))
        #expect(try await journal.saveActivity(activity))
        let other = Journal(url: url, incarnation: "engine-2", log: silent)
        #expect(try await !other.saveMachine(machine("retrain", hash: "x", revision: 2), definition: "{ }"))
        #expect(try await !other.deleteMachine("ingest"))
        #expect(
            try await !other.saveAlias(
                StoredAlias(machine: "ingest", name: "a", description: nil, routing: "[]", createdAt: 1, updatedAt: 1)))
        #expect(try await !other.saveActivity(activity))
        #expect(try await !other.deleteActivity("encode"))
        #expect(try await journal.machines().map(\.name) == ["ingest"])
        #expect(try await journal.definition("x") == nil)
        #expect(try await journal.activities() == [activity])
        #expect(try await journal.deleteActivity("encode"))
        #expect(try await journal.activities().isEmpty)
        await other.close(deadline: .seconds(5))
        await journal.close(deadline: .seconds(5))
    }

    @Test("a setting is what the first one made it")
    func settings() async throws {
        let journal = try await activeJournal(journalDatabase())
        #expect(try await journal.setting("key", orElse: "one") == "one")
        #expect(try await journal.setting("key", orElse: "two") == "one")
        await journal.close(deadline: .seconds(5))
    }

    @Test("children of a Map Run are listed with it alone; versions and aliases narrow")
    func lists() async throws {
        let journal = try await activeJournal(journalDatabase())
        var listed: [String: String] = [:]
        for (key, version, alias, mapRun) in [
            ("plain", nil, nil, nil), ("version", 2, nil, nil), ("alias", 2, "live", nil), ("child", nil, nil, "run"),
        ] as [(String, Int64?, String?, String?)] {
            var row = JournalRow.first(IDs.execution())
            row.listing?.version = version
            row.listing?.alias = alias
            row.listing?.mapRun = mapRun
            #expect(await journal.append(row) == .committed)
            // The end of an execution says nothing about how it was started.
            #expect(await journal.append(.ended(row.executionID, 1, status: "SUCCEEDED")) == .committed)
            listed[row.executionID] = key
        }
        func names(_ filter: ListFilter) async throws -> Set<String> {
            Set(try await journal.listExecutions(filter, limit: 10).compactMap { listed[$0.executionID] })
        }
        #expect(try await names(ListFilter()) == ["plain", "version", "alias"])
        #expect(try await names(ListFilter(machine: "ingest", version: 2)) == ["version", "alias"])
        #expect(try await names(ListFilter(machine: "ingest", alias: "live")) == ["alias"])
        #expect(try await names(ListFilter(mapRun: "run", status: "SUCCEEDED")) == ["child"])
        await journal.close(deadline: .seconds(5))
    }
}
