import CatalogStore
import CatalogTestSupport
import Postgres
import PostgresTestSupport
import Testing

@Suite("Catalogue schema", .serialized)
struct SchemaTests {
    @Test func migrationRunsTwiceAndByTwoAtOnce() async throws {
        let url = try await TestDatabase.empty()
        let first = try await Catalogue.connect(url)
        let second = try await Catalogue.connect(url)
        async let one: Void = CatalogStore.migrate(first.connection)
        async let two: Void = CatalogStore.migrate(second.connection)
        _ = try await (one, two)
        try await CatalogStore.migrate(first.connection)
        #expect(try await first.reader.schemaState() == .current)
        #expect(try await first.reader.version() == 0)
    }

    @Test func anEmptyDatabaseIsBehind() async throws {
        let catalogue = try await Catalogue.connect(try await TestDatabase.empty())
        #expect(try await catalogue.reader.schemaState() == .behind(applied: 0, known: 5))
    }

    @Test func aNewerSchemaIsAhead() async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.connection.script(
            "INSERT INTO catalogue.migration VALUES (6, 'later', 'SELECT 1', now())", deadline: Catalogue.deadline)
        #expect(try await catalogue.reader.schemaState() == .ahead(applied: 6, known: 5))
    }

    @Test func everyDatabaseHasACursorKeyOfItsOwn() async throws {
        let one = try await Catalogue.connect(try await TestDatabase.empty())
        let other = try await Catalogue.connect(try await TestDatabase.empty())
        try await CatalogStore.migrate(one.connection)
        try await CatalogStore.migrate(other.connection)
        let key = try await one.reader.cursorKey()
        #expect(key.count == 32)
        #expect(try await other.reader.cursorKey() != key)
    }

    @Test(arguments: [
        ("reads titles", "SELECT * FROM catalogue.title", nil),
        ("reads the version", "SELECT * FROM catalogue.version", nil),
        ("does not write titles", "DELETE FROM catalogue.title", "42501"),
        ("does not publish", "UPDATE catalogue.version SET value = 9", "42501"),
        ("does not read the engine's tables", "SELECT * FROM engine.journal", "42501"),
        ("does not make tables", "CREATE TABLE catalogue.mine (id int)", "42501"),
        (
            "records what viewers do",
            "INSERT INTO catalogue.interaction SELECT 'a', 'b', gen_random_uuid(), 'c', 'like', 0, now() WHERE false",
            nil
        ),
        ("changes nothing of it", "UPDATE catalogue.interaction SET value = 1", "42501"),
        ("deletes nothing of it", "DELETE FROM catalogue.interaction", "42501"),
        ("reads which generation answers", "SELECT * FROM catalogue.recommendation_service", nil),
        ("does not change it", "UPDATE catalogue.recommendation_service SET generation = 1", "42501"),
    ])
    func theViewersRole(_ name: String, _ sql: String, _ refusal: String?) async throws {
        try await check(CatalogStore.role, name, sql, refusal)
    }

    @Test(arguments: [
        ("reads what titles consist of", "SELECT * FROM catalogue.stored_object", nil),
        ("reads titles", "SELECT * FROM catalogue.title", nil),
        ("reads the schema's state", "SELECT * FROM catalogue.migration", nil),
        ("does not read the cursors' key", "SELECT * FROM catalogue.cursor_key", "42501"),
        ("does not write titles", "DELETE FROM catalogue.title", "42501"),
        ("does not mend records", "UPDATE catalogue.stored_object SET bytes = 0", "42501"),
        ("does not read the engine's tables", "SELECT * FROM engine.journal", "42501"),
        ("does not make tables", "CREATE TABLE catalogue.mine (id int)", "42501"),
        ("reads ceilings", "SELECT account_id, id, ceiling FROM catalogue.profile", nil),
        ("reads no names", "SELECT name FROM catalogue.profile", "42501"),
        ("reads no accounts", "SELECT id FROM catalogue.account", "42501"),
        ("reads no sessions", "SELECT account_id FROM catalogue.session", "42501"),
        ("reads what viewers did", "SELECT * FROM catalogue.interaction", nil),
        ("changes nothing of it", "UPDATE catalogue.interaction SET value = 1", "42501"),
        ("turns the generation", "UPDATE catalogue.recommendation_service SET generation = NULL", nil),
        (
            "publishes generations",
            "INSERT INTO catalogue.recommendation_generation (execution_id, document) VALUES ('x', '{}')", nil
        ),
        ("does not rewrite them", "UPDATE catalogue.recommendation_generation SET document = ''", "42501"),
    ])
    func theDataWorkersRole(_ name: String, _ sql: String, _ refusal: String?) async throws {
        try await check(CatalogStore.dataRole, name, sql, refusal)
    }

    private func check(_ role: String, _ name: String, _ sql: String, _ refusal: String?) async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.connection.script(
            "CREATE SCHEMA engine; CREATE TABLE engine.journal (id int); SET ROLE \(role)",
            deadline: Catalogue.deadline)
        do {
            _ = try await catalogue.connection.query(sql, deadline: Catalogue.deadline)
            #expect(refusal == nil, "\(name)")
        } catch {
            #expect(error.sqlstate == refusal, "\(name): \(error)")
        }
    }
}
