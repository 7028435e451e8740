import Engine
import Glibc
import Load
import Postgres

/// The rate of ``Hop`` before and under what slows databases down.
enum Burden {
    /// A transaction that holds its snapshot and does nothing, as an analyst's forgotten session does: nothing that was updated
    /// meanwhile can be cleaned up.
    static func heldSnapshot(_ stage: EngineStage, open: Int, seconds: Int) async throws {
        try await Hop.prepare(stage, open: open)
        _ = try await Hop.rate(stage, open: open, seconds: 5)
        let before = try await Hop.rate(stage, open: open, seconds: 10)
        print("before: \(Int(before)) transitions a second")
        let analyst = try await PostgresConnection.connect(
            stage.url, applicationName: "analyst", deadline: .seconds(10))
        try await analyst.script("BEGIN ISOLATION LEVEL REPEATABLE READ", deadline: .seconds(10))
        _ = try await analyst.query("SELECT count(*) AS n FROM showrunner.execution_list", deadline: .seconds(60))
        for slice in 1...max(1, seconds / 10) {
            let rate = try await Hop.rate(stage, open: open, seconds: 10)
            print("\(slice * 10) s with the snapshot held: \(Int(rate)) a second, \(digits(rate / before)) of before")
            fflush(nil)
        }
        await analyst.close()
    }

    /// So many executions that have ended, in the tables.
    static func finishedExecutions(_ stage: EngineStage, count: Int, open: Int, seconds: Int) async throws {
        try await Hop.prepare(stage, open: open)
        _ = try await Hop.rate(stage, open: open, seconds: 5)
        var empty: [Double] = []
        for _ in 1...3 { empty.append(try await Hop.rate(stage, open: open, seconds: seconds)) }
        print("before: \(empty.map { "\(Int($0))" }.joined(separator: ", ")) transitions a second")
        fflush(nil)
        let pass = #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#
        _ = try await stage.engine.createMachine(NewMachine(name: "pass", definition: pass))
        _ = try await stage.engine.startExecution(machine: "pass", name: "model", input: "{}")
        try await fill(stage.url, count)
        var full: [Double] = []
        for _ in 1...3 { full.append(try await Hop.rate(stage, open: open, seconds: seconds)) }
        let ratio = full.quantile(0.5) / empty.quantile(0.5)
        let rates = full.map { "\(Int($0))" }.joined(separator: ", ")
        print("with \(count) ended executions: \(rates), \(digits(ratio)) of before")
    }

    /// Copies of one execution that has ended, under other ids and names.
    private static func fill(_ url: String, _ count: Int) async throws {
        let connection = try await PostgresConnection.connect(url, applicationName: "benchmark", deadline: .seconds(10))
        let id = """
            (left(execution_id::text, 19) || '8' || lpad(to_hex(number % 4096), 3, '0') || '-'
             || right(md5(number::text), 12))::uuid
            """
        let model = "WHERE execution_id = (SELECT execution_id FROM showrunner.execution_name WHERE name = 'model')"
        let columns = """
            machine, status, started_at, stopped_at, title, error, cause, projected_seq, version, alias, map_run,
            redrive_count, redriven_at, item_count
            """
        for statement in [
            """
            INSERT INTO showrunner.journal (execution_id, seq, writer, at, effects)
            SELECT \(id), seq, writer, at, effects FROM showrunner.journal, generate_series(1, \(count)) AS number \(model)
            """,
            """
            INSERT INTO showrunner.execution_list (execution_id, name, \(columns))
            SELECT \(id), name || number, \(columns)
              FROM showrunner.execution_list, generate_series(1, \(count)) AS number \(model)
            """,
            """
            INSERT INTO showrunner.execution_name (machine, name, execution_id, input_hash)
            SELECT machine, name || number, \(id), input_hash
              FROM showrunner.execution_name, generate_series(1, \(count)) AS number WHERE name = 'model'
            """, "VACUUM ANALYZE", "CHECKPOINT",
        ] {
            try await connection.script(statement, deadline: .seconds(1800))
        }
        await connection.close()
    }
}
