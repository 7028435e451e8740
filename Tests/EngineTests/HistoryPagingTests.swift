@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import Testing

/// Snapshots, and what they are for: whatever an execution's length, loading it and a page of its history take a few rows.
@Suite("Snapshots and pages")
struct HistoryPagingTests {
    /// A circle of three states, so many times.
    static let circle = #"""
        {"StartAt":"Begin","States":{
          "Begin":{"Type":"Pass","Result":0,"ResultPath":"$.n","Next":"Step"},
          "Step":{"Type":"Pass","Parameters":{"n.$":"States.MathAdd($.n, 1)","times.$":"$.times","pad.$":"$.pad"},
            "Next":"Again"},
          "Again":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericLessThanPath":"$.times","Next":"Step"}],
            "Default":"Rest"},
          "Rest":{"Type":"Wait","Seconds":86400,"End":true}}}
        """#

    private func circling(_ stage: Stage, times: Int, limits: Engine.Limits) async throws
        -> (engine: Engine, journal: Journal)
    {
        let one = try await stage.engine("one", machines: ["circle": Self.circle], limits: limits)
        let input: JSON = ["times": .integer(times), "pad": .string(String(repeating: "p", count: 40))]
        _ = try await one.engine.startExecution(machine: "circle", name: "c", input: input.text)
        while try await one.engine.run(Self.arn).run.current != ["Rest"] {
            await Task.yield()
        }
        return one
    }

    private static let arn = "arn:aws:states:us-east-1:000000000000:execution:circle:c"

    @Test("pages from either end are the whole history", .timeLimit(.minutes(2)))
    func pages() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.snapshotBytes = 10_000
        let one = try await circling(stage, times: 1_500, limits: limits)
        func all(_ engine: Engine, isReversed: Bool, limit: Int) async throws -> [Int] {
            var ids: [Int] = []
            var mark: String?
            repeat {
                let page = try await engine.history(Self.arn, isReversed: isReversed, limit: limit, after: mark)
                ids += page.events.map(\.id)
                mark = page.next
            } while mark != nil
            return ids
        }
        let forward = try await all(one.engine, isReversed: false, limit: 1_000)
        // Begin, the circle's two states, Rest: two events each but for the last.
        #expect(forward == Array(1...(1 + 2 + 1_500 * 4 + 1)))
        #expect(try await all(one.engine, isReversed: true, limit: 999) == forward.reversed())
        let count = try await stage.query("SELECT count(*) AS n, max(next_seq) AS last FROM showrunner.snapshot")[0]
        #expect(count.int("n") >= 3)
        // A page in the middle tells what the whole history tells.
        let whole = try await one.engine.history(Self.arn, isReversed: false, limit: 1_000, after: "4000")
        await end(one)
        let two = try await stage.engine("two", limits: limits)
        let page = try await two.engine.history(Self.arn, isReversed: false, limit: 1_000, after: "4000")
        #expect(page.events.map(\.id) == whole.events.map(\.id))
        #expect(page.events.map(\.details?.value) == whole.events.map(\.details?.value))
        let last = try await two.engine.history(Self.arn, isReversed: true, limit: 3, after: nil)
        #expect(last.events.first?.type == "WaitStateEntered")
        // Loading it folds the rows since the last snapshot only: the others could as well not be there.
        let memory = await two.engine.executionsInMemory()
        await end(two)
        _ = try await stage.query(
            "DELETE FROM showrunner.journal WHERE seq > 0 AND seq < $1", [.int(count.int("last"))])
        let three = try await stage.engine("three", limits: limits)
        let loaded = await three.engine.executionsInMemory()
        #expect(loaded.map(\.execution) == memory.map(\.execution))
        #expect(loaded.map(\.rows) == memory.map(\.rows))
        let detail = try await three.engine.run(Self.arn)
        #expect(detail.states.count + detail.statesOmitted == 1 + 2 * 1_500 + 1)
        await end(three)
    }

    @Test("an execution's start is the same in memory, in the list and in the journal")
    func start() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["m": oneTask()])
        let started = try await one.engine.startExecution(machine: "m", name: "a", input: "{}").startDateMicroseconds
        let row = try await stage.query(
            "SELECT at, started_at FROM showrunner.journal JOIN showrunner.execution_list USING (execution_id)")[0]
        #expect(row.int("at") == started && row.int("started_at") == started)
        await end(one)
        let two = try await stage.engine("two")
        let loaded = try await two.engine.run("arn:aws:states:us-east-1:000000000000:execution:m:a")
        #expect(loaded.run.startDateMicroseconds == started)
        await end(two)
    }

    @Test("a snapshot that can't be read is passed over; one of another format too", .timeLimit(.minutes(2)))
    func damage() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.snapshotBytes = 10_000
        await end(try await circling(stage, times: 500, limits: limits))
        let whole = try await stage.engine("whole", limits: limits)
        let memory = await whole.engine.executionsInMemory()
        await end(whole)
        for (number, change) in [
            "SET body = '{}'", "SET body = '['", "SET format = 999999", #"SET body = '{"execution":{},"payloads":[]}'"#,
        ].enumerated() {
            let changed = try await stage.query("UPDATE showrunner.snapshot \(change) RETURNING next_seq")
            #expect(!changed.isEmpty)
            let next = try await stage.engine("next \(number)", limits: limits)
            let loaded = await next.engine.executionsInMemory()
            #expect(loaded.map(\.execution) == memory.map(\.execution))
            await end(next)
        }
        let journal = Journal(url: stage.url, incarnation: "reader", log: silent)
        let id = try #require(memory.first).execution.id
        let report = try #require(try await JournalReport.make(of: id, journal: journal))
        let all = try #require(try await JournalReport.make(of: id, usesSnapshots: false, journal: journal))
        #expect(report.agrees(with: all))
        #expect(report.json["states"]?[0]?["name"] == "Rest" && report.json["timers"]?.arrayValue?.count == 1)
        let early = try #require(try await JournalReport.make(of: id, at: 0, journal: journal))
        #expect(early.json["seq"] == 0 && early.json["status"] == "RUNNING" && !early.agrees(with: all))
        #expect(try await JournalReport.make(of: "00000000-0000-7000-8000-000000000001", journal: journal) == nil)
        await journal.close(deadline: .zero)
    }
}
