@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import StatesLanguage
import Testing

extension Stage {
    /// What must hold of the database whatever has happened, and of an engine's memory beside it.
    ///
    /// - Parameter incarnations: the engines that were active, in their order.
    func checkInvariants(_ incarnations: [String], memory engine: Engine? = nil) async throws {
        let executions = try await query("SELECT DISTINCT execution_id::text AS id FROM showrunner.journal")
        #expect(executions.count > 0, "nothing happened, so nothing was tested")
        for row in executions { try await check(row.text("id"), incarnations, engine) }
        // Every first row took a name, and no name stands without its execution.
        let unnamed = try await query(
            """
            SELECT 1 FROM showrunner.journal AS journal FULL JOIN showrunner.execution_name AS taken
                ON taken.execution_id = journal.execution_id
             WHERE journal.seq = 0 AND taken.name IS NULL OR journal.execution_id IS NULL
            """)
        #expect(unnamed.isEmpty)
    }

    private func check(_ id: String, _ incarnations: [String], _ engine: Engine?) async throws {
        let rows = try await query(
            "SELECT seq, writer, at, effects FROM showrunner.journal WHERE execution_id = $1 ORDER BY seq", [.uuid(id)])
        #expect(rows.map { $0.int("seq") } == Array(0..<Int64(rows.count)), "each seq once, without gaps")
        let places = rows.map { row in
            incarnations.firstIndex(of: String(row.text("writer").split(separator: "/")[0])) ?? -1
        }
        #expect(places == places.sorted() && !places.contains(-1), "writers follow each other: \(places)")
        let instants = rows.map { $0.int("at") }
        #expect(instants == instants.sorted(), "time runs backwards in \(id)")

        var effects = try rows.map { try Effect.decode($0.text("effects")) }
        guard case .executionStarted(let start) = effects[0].first else {
            Issue.record("the first row of \(id) starts nothing")
            return
        }
        let stored = try await query(
            "SELECT body FROM showrunner.definition WHERE hash = $1", [.text(start.definitionHash)])
        let machine = try #require(Definition.read(json: stored[0].text("body")).machine)
        var execution = Execution(id: id, start: start, definition: MachinePlan(machine), at: instants[0])
        for index in effects.indices {
            for effect in effects[index] {
                if case .executionRedriven = effect {
                    #expect(!execution.isOpen, "\(id) is redriven while it is open")
                } else {
                    #expect(execution.isOpen, "\(id) goes on after its end")
                }
                if case .taskStarted(let scope, _, _, _) = effect,
                    case .task(let attempt) = execution.scopes[scope]?.entry?.phase
                {
                    #expect(attempt.started == nil, "two live attempts of one entry")
                }
                execution.apply(effect, at: instants[index])
            }
        }
        effects = []
        let line = try await query(
            "SELECT status, stopped_at FROM showrunner.execution_list WHERE execution_id = $1", [.uuid(id)])
        #expect(line.count == 1)
        #expect(line[0].text("status") == execution.outcome?.status ?? "RUNNING", "the list says what the journal says")
        #expect(line[0].optionalInt("stopped_at") == execution.stoppedAt)
        guard let engine else { return }
        let inMemory = try await engine.execution(id)
        #expect(inMemory == execution, "memory is the fold of the journal")
    }
}

extension Engine {
    /// The execution as it stands in memory.
    fileprivate func execution(_ id: String) async throws -> Execution { try await find(id).execution }
}
