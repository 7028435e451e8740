@testable import Engine
import JSON
import Journal
import Postgres
import Testing

/// Starts that are asked for by SQL: as often as they are committed, and no oftener.
@Suite("Starts by SQL")
struct StartInboxTests {
    private static let pass = #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#
    private static let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:pass"

    @Test("what was committed is started once, whoever crashes in between", .timeLimit(.minutes(2)))
    func once() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["pass": Self.pass])
        let arn = try await stage.query(
            "SELECT showrunner.start_execution($1, 'first', '{\"a\": 1}') AS arn", [.text(Self.machine)])[0].text("arn")
        #expect(arn == "arn:aws:states:us-east-1:000000000000:execution:pass:first")
        // Given back: never asked for.
        let connection = try await PostgresConnection.connect(
            stage.url, applicationName: "caller", deadline: .seconds(10))
        try await connection.script(
            """
            BEGIN;
            SELECT showrunner.start_execution('\(Self.machine)', 'never');
            ROLLBACK;
            BEGIN;
            CREATE TABLE orders (id int);
            INSERT INTO orders VALUES (1);
            SELECT showrunner.start_execution('\(Self.machine)', 'order-1');
            COMMIT;
            """, deadline: .seconds(10))
        await connection.close()
        // Started, and the engine ended before it removed the request.
        _ = try await one.engine.startExecution(machine: "pass", name: "first", input: #"{"a": 1}"#)
        await end(one)
        let two = try await stage.engine("two")
        #expect(try await two.engine.makeRequestedStarts() == false)
        #expect(try await stage.query("SELECT number FROM showrunner.start_inbox").isEmpty)
        let names = try await stage.query("SELECT name FROM showrunner.execution_list ORDER BY name")
        #expect(names.map { $0.text("name") } == ["first", "order-1"])
        let audit = try await stage.query(
            "SELECT resource, outcome, access_key FROM showrunner.audit ORDER BY id")
        #expect(audit.map { $0.text("outcome") } == ["Succeeded", "Succeeded"])
        #expect(audit[0].text("resource") == arn && audit[0].text("access_key").hasPrefix("database:"))
        await end(two)
    }

    @Test("what can't be started is kept with the reason, and holds nobody up", .timeLimit(.minutes(2)))
    func refusals() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["pass": Self.pass])
        _ = try await one.engine.startExecution(machine: "pass", name: "taken", input: "1")
        for (machine, name, input) in [
            (Self.machine, "taken", "2"), (Self.machine + "s", "other", "{}"), (Self.machine, "good", "{}"),
        ] {
            _ = try await stage.query(
                "SELECT showrunner.start_execution($1, $2, $3)", [.text(machine), .text(name), .text(input)])
        }
        _ = try await one.engine.makeRequestedStarts()
        let refused = try await stage.query("SELECT name, error FROM showrunner.start_refusals ORDER BY number")
        #expect(refused.map { $0.text("name") } == ["taken", "other"])
        #expect(refused.map { $0.text("error") } == ["nameTaken", "machineNotFound"])
        _ = try await one.engine.run("arn:aws:states:us-east-1:000000000000:execution:pass:good")
        // Asked again nothing comes of it.
        _ = try await one.engine.makeRequestedStarts()
        #expect(try await stage.query("SELECT number FROM showrunner.start_inbox").count == 2)
        await end(one)
    }

    @Test(
        "what is malformed is refused in the caller's own transaction",
        arguments: [
            ("'pass', 'n', '{}'", "is no ARN"), ("NULL, 'n', '{}'", "is no ARN"),
            ("'\(machine)', 'a b', '{}'", "is no name"), ("'\(machine)', '', '{}'", "is no name"),
            ("'\(machine)', 'n', '{'", "invalid input syntax for type json"),
            ("'\(machine)', 'n', to_json(repeat('x', 262144))::text", "the limit is 262144"),
        ])
    func malformed(_ arguments: String, _ words: String) async throws {
        let stage = try await Stage()
        do {
            _ = try await stage.query("SELECT showrunner.start_execution(\(arguments))")
            Issue.record("taken: \(arguments)")
        } catch let error as PostgresError {
            #expect(error.message.contains(words), "\(error.message)")
        }
        #expect(try await stage.query("SELECT number FROM showrunner.start_inbox").isEmpty)
    }
}
