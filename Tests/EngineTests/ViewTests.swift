@testable import Engine
import JSON
import Journal
import Postgres
import Testing

/// The views that others than the engine read: what they show of executions, and to whom.
@Suite("SQL views")
struct ViewTests {
    private static let machine = #"""
        {"StartAt":"Both","States":{
          "Both":{"Type":"Parallel","Next":"Rest","Branches":[
            {"StartAt":"Work","States":{"Work":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true,
              "Retry":[{"ErrorEquals":["Once"],"IntervalSeconds":1}]}}},
            {"StartAt":"Odd","States":{"Odd":{"Type":"Pass","End":true}}}]},
          "Rest":{"Type":"Wait","Seconds":86400,"End":true}}}
        """#

    @Test("runs, visits, attempts and waits", .timeLimit(.minutes(2)))
    func views() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["m": Self.machine])
        // U+0000 is what PostgreSQL's text can't hold.
        _ = try await one.engine.startExecution(machine: "m", name: "a", input: #"{"title":"T","x":"\u0000"}"#)
        #expect(try await one.engine.fail(try await one.engine.take(), "Once"))
        #expect(try await one.engine.complete(try await one.engine.take("w2"), ["y": "\u{0}"]))
        while try await one.engine.run("arn:aws:states:us-east-1:000000000000:execution:m:a").run.current != ["Rest"] {
            await Task.yield()
        }
        let reader = try await PostgresConnection.connect(
            stage.url, applicationName: "reader", deadline: .seconds(10))
        _ = try await reader.query("SET ROLE showrunner_reader", [], deadline: .seconds(10))
        func rows(_ sql: String) async throws -> [String] {
            try await reader.query(sql, [], deadline: .seconds(10)).map { $0.text("line") }
        }
        #expect(
            try await rows("SELECT concat_ws(' ', machine, name, status, title) AS line FROM showrunner.runs")
                == ["m a RUNNING T"])
        #expect(
            try await rows(
                """
                SELECT concat_ws(' ', entry, state, outcome, seconds >= 0) AS line FROM showrunner.state_visits
                 WHERE execution_id IN (SELECT execution_id FROM showrunner.runs WHERE machine = 'm') ORDER BY entry
                """) == ["1 Both SUCCEEDED t", "2 Work SUCCEEDED t", "3 Odd SUCCEEDED t", "4 Rest OPEN"])
        #expect(
            try await rows(
                """
                SELECT concat_ws(' ', entry, attempt, state, worker, outcome, error) AS line
                  FROM showrunner.attempts ORDER BY entry, attempt
                """) == ["2 1 Work w1 FAILED Once", "2 2 Work w2 SUCCEEDED"])
        #expect(
            try await rows(
                """
                SELECT concat_ws(' ', kind, state, seconds >= 0) AS line FROM showrunner.waits ORDER BY since, kind
                """) == ["QUEUE Work t", "BACKOFF Work t", "QUEUE Work t", "WAIT Rest t"])
        #expect(
            try await rows(
                """
                SELECT 'x' AS line FROM showrunner.attempts
                 WHERE execution_id >= showrunner.lowest_id(now() - interval '1 hour')
                   AND execution_id < showrunner.lowest_id(now() + interval '1 hour')
                """
            ).count == 2)
        // Nothing else is his to see, and nothing is his to change.
        for sql in [
            "SELECT effects AS line FROM showrunner.journal", "SELECT kind AS line FROM showrunner.effect",
            "SELECT secret::text AS line FROM showrunner.access_key", "SELECT body AS line FROM showrunner.snapshot",
            "SELECT showrunner.start_execution('x') AS line", "DELETE FROM showrunner.execution_list",
        ] {
            let refusal = await #expect(throws: PostgresError.self) { try await rows(sql) }
            #expect(refusal?.sqlstate == "42501", "\(sql): \(refusal.map { "\($0)" } ?? "")")
        }
        await reader.close()
        await end(one)
    }

    @Test("text of the journal is shown whatever is in it")
    func plain() async throws {
        let stage = try await Stage()
        for (json, text) in [
            (#""a""#, "a"), (#""\u0000""#, "\u{FFFD}"), (#""\\u0000""#, #"\u0000"#), (#""\\\u0000x""#, "\\\u{FFFD}x"),
            (#""\u0000\u0000""#, "\u{FFFD}\u{FFFD}"), (#""é\"""#, "é\""),
        ] {
            let row = try await stage.query("SELECT showrunner.without_nul($1)::jsonb #>> '{}' AS text", [.text(json)])
            #expect(row[0].text("text") == text, "\(json)")
        }
    }
}
