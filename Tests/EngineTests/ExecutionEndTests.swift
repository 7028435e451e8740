@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import PostgresTestSupport
import StepContracts
import Testing

/// A step of the engine's own whose success is written with a row elsewhere.
private struct Announce: EngineStep {
    static let contract = StepContract(
        name: "announce", version: 1, summary: "Writes.", runner: .engine, heartbeatSeconds: 3600, input: [],
        output: [])

    var contract: StepContract { Announce.contract }

    func prepare(execution: String, input: JSON) throws(StepFailure) -> PreparedStep {
        PreparedStep(
            output: [:],
            statement: AttachedStatement { _ in
                ("announced AS (INSERT INTO public.news (id) SELECT execution_id FROM appended)", [])
            })
    }
}

extension Engine {
    fileprivate var oldestOnItsWay: Int64? { outbox.oldest }
    fileprivate var attachedOnTheirWay: [String: Int64] { outbox.attached }
}

/// What the engine knows of ends, on a real journal.
@Suite("Ends of executions", .timeLimit(.minutes(3)))
struct ExecutionEndTests {
    private static let fail = #"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E","Cause":"c"}}}"#
    private static let pass = #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#

    /// Starts an execution and waits for its end.
    private static func run(_ engine: Engine, _ machine: String, _ name: String) async throws -> RunDetail {
        let updates = await engine.updates(of: nil)
        let arn = try await engine.start(machine: machine, name: name, input: #"{"n":1}"#).execution.executionARN
        if try await engine.run(arn).run.status == .running {
            _ = try await first(in: updates) { $0.run.executionARN == arn && $0.run.status != .running }
        }
        return try await engine.run(arn)
    }

    private static func redrive(_ engine: Engine, _ arn: String) async throws {
        let updates = await engine.updates(of: nil)
        let count = try await engine.run(arn).run.redriveCount
        try await engine.redriveExecution(arn)
        if try await engine.run(arn).run.status == .running {
            _ = try await first(in: updates) {
                $0.run.executionARN == arn && $0.run.status != .running && $0.run.redriveCount > count
            }
        }
    }

    @Test("the horizon stays behind rows whose outcome is not known, and moves on with it")
    func horizon() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("e1", machines: ["m": Self.pass])
        let engine = one.engine
        let begin = try #require(await engine.endHorizon())
        let time = await engine.time
        #expect(begin.latest == 0 && begin.instant <= time)
        let (start, oldest) = try await holding("showrunner.journal", of: stage.url) {
            let start = Task { try await engine.start(machine: "m", name: "a", input: "{}") }
            while await engine.oldestOnItsWay == nil { await Task.yield() }
            let oldest = try #require(await engine.oldestOnItsWay)
            let held = try #require(await engine.endHorizon())
            #expect(held.instant == oldest && held.latest == 0, "what is not committed is not told")
            return (start, oldest)
        }
        _ = try await start.value
        let after = try #require(await engine.endHorizon())
        #expect(after.instant > oldest && after.latest >= oldest)
        let ended = try await engine.endedRuns(
            after: EndMark(before: begin.instant), before: after.instant, limit: 10)
        #expect(ended.map(\.name) == ["a"] && ended[0].stopDateMicroseconds == after.latest)
        await engine.noteLeaseLost()
        #expect(await engine.endHorizon() == nil)
        await end(one)
    }

    @Test("so it does behind rows that go with a statement of somebody else's")
    func attachedHorizon() async throws {
        let stage = try await Stage()
        _ = try await stage.query("CREATE TABLE public.news (id uuid)")
        let machine = """
            {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:announce","End":true}}}
            """
        let one = try await stage.engine(
            "e1", machines: ["m": machine], engineSteps: [Announce()], contracts: [Announce.contract])
        let engine = one.engine
        let updates = await engine.updates(of: nil)
        let oldest = try await holding("public.news", of: stage.url) {
            _ = try await engine.start(machine: "m", name: "a", input: "{}")
            while await engine.attachedOnTheirWay.isEmpty { await Task.yield() }
            let oldest = try #require(await engine.attachedOnTheirWay.values.first)
            #expect(await engine.endHorizon()?.instant == oldest)
            return oldest
        }
        _ = try await first(in: updates) { $0.run.status != .running }
        #expect(await engine.attachedOnTheirWay.isEmpty)
        let after = try #require(await engine.endHorizon())
        #expect(after.instant > oldest)
        await end(one)
    }

    @Test("pages of ends are in the order of ends, without children of Map Runs")
    func pages() async throws {
        let stage = try await Stage()
        let map = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"Label":"L","ItemProcessor":{
              "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P",
              "States":{"P":{"Type":"Pass","End":true}}}}}}
            """#
        let one = try await stage.engine("e1", machines: ["m": Self.pass, "map": map])
        for name in ["c", "a", "b"] { _ = try await Self.run(one.engine, "m", name) }
        let updates = await one.engine.updates(of: nil)
        _ = try await one.engine.start(machine: "map", name: "d", input: "[1,2]")
        _ = try await first(in: updates) { $0.run.name == "d" && $0.run.status == .succeeded }
        var mark = EndMark(before: 0)
        var names: [[String]] = []
        while true {
            let page = try await one.engine.endedRuns(after: mark, before: .max, limit: 3)
            names.append(page.map(\.name))
            guard let last = page.last else { break }
            mark = EndMark(at: last.stopDateMicroseconds ?? 0, id: last.id)
        }
        #expect(names == [["c", "a", "b"], ["d"], []])
        #expect(
            try await one.engine.endedRuns(after: EndMark(before: 0), before: mark.at, limit: 9).map(\.name) == names[0]
        )
        await end(one)
    }

    @Test("ends before redrives are read from the journal, by another engine, too")
    func redriven() async throws {
        let stage = try await Stage()
        var one = try await stage.engine("e1", machines: ["m": Self.fail])
        let first = try await Self.run(one.engine, "m", "a")
        for _ in 0..<2 { try await Self.redrive(one.engine, first.run.executionARN) }
        #expect(
            try await one.engine.redrivenRuns(after: EndMark(before: 0), before: .max, limit: 9).map(\.name) == ["a"])
        await end(one)
        one = try await stage.engine("e2")
        let id = first.run.id
        let instants = try await one.engine.earlierEnds(of: id)
        #expect(instants.count == 2 && instants[0] == first.run.stopDateMicroseconds && instants[0] < instants[1])
        for count in 0...2 {
            let past = try #require(try await one.engine.end(of: id, redriveCount: count))
            #expect(past.run.status == .failed && past.run.redriveCount == count && past.run.error == "E")
            #expect(past.run.stopDateMicroseconds == (count < 2 ? instants[count] : past.run.stopDateMicroseconds))
            #expect(past.input == ["n": 1])
        }
        #expect(try await one.engine.end(of: id, redriveCount: 3) == nil)
        #expect(try await one.engine.end(of: "019ac800-0000-7000-8000-000000000001", redriveCount: 0) == nil)
        await end(one)
    }

    @Test("a journal that begins with a redrive is refused by name; rows that tell of no redrive are not read for one")
    func unreadable() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("e1", machines: ["m": Self.fail])
        let run = try await Self.run(one.engine, "m", "a").run
        let redriven = #"{"v":1,"effects":[{"e":"executionRedriven","count":1}]}"#
        for (row, effects, sentence) in [
            ("seq = (SELECT max(seq) FROM showrunner.journal)", "{}", nil),
            ("seq = 0", redriven, "Row 0 redrives an execution that has not begun."),
        ] {
            _ = try await stage.query("UPDATE showrunner.journal SET effects = $1 WHERE \(row)", [.text(effects)])
            guard let sentence else {
                #expect(try await one.engine.earlierEnds(of: run.id).isEmpty)
                continue
            }
            let refusal = await #expect(throws: EngineError.self) { try await one.engine.earlierEnds(of: run.id) }
            #expect(refusal?.code == .conflict && refusal?.message == sentence)
        }
        await end(one)
    }

    @Test(
        "what starts an end's notifier stands in all that this starts, and other origins in nothing",
        arguments: [true, false])
    func inheritance(isEnd: Bool) async throws {
        let map = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$.items","Label":"L",
              "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"N",
              "States":{"N":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution","End":true,
              "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:leaf","Name":"l"}}}}}}}
            """#
        let stage = try await Stage()
        let one = try await stage.engine("e1", machines: ["map": map, "leaf": Self.pass])
        let updates = await one.engine.updates(of: nil)
        let ended = isEnd ? "arn:aws:states:us-east-1:000000000000:execution:x:y" : nil
        _ = try await one.engine.startTriggered(
            machine: "map", name: "t-1", input: #"{"items":[1]}"#, trigger: "t", endOf: ended)
        _ = try await first(in: updates) { $0.run.name == "t-1" && $0.run.status == .succeeded }
        await end(one)
        // As another engine knows it.
        let two = try await stage.engine("e2")
        let leaf = try await two.engine.run("arn:aws:states:us-east-1:000000000000:execution:leaf:l")
        #expect(leaf.origin == ended.map { ExecutionOrigin(kind: .trigger, name: "t", execution: $0) })
        let top = try await two.engine.run("arn:aws:states:us-east-1:000000000000:execution:map:t-1")
        #expect(top.origin == ExecutionOrigin(kind: .trigger, name: "t", execution: ended))
        #expect(top.json["origin"]?["execution"] == ended.map(JSON.string))
        await end(two)
    }

    @Test("a trigger's place: it begins now, lags over engines, never goes before its beginning, and is given up")
    func places() async throws {
        let stage = try await Stage()
        var one = try await stage.engine("e1")
        let begun = try await one.engine.beginTelling("t")
        let told = begun.since + 3 * Engine.endOverlap
        var time = await one.engine.time
        #expect(begun.since == begun.through && begun.since <= time)
        try await one.engine.noteTold("t", through: begun.through + 5)
        try await one.engine.noteTold("t", through: begun.through + 3)
        #expect(try await one.engine.triggerRecord("t").toldThrough == begun.through + 5)
        await end(one)

        // The engine before had a clock that was ahead by three minutes: what this one ends comes before that place.
        _ = try await stage.query("UPDATE showrunner.trigger SET told_through = $1", [.int(told)])
        one = try await stage.engine("e2")
        var again = try await one.engine.beginTelling("t")
        let kept = try #require(try await one.engine.triggerRecord("t").toldThrough)
        #expect(again.since == begun.since && again.through == begun.since, "no end before its beginning is told")
        time = await one.engine.time
        #expect(kept <= time, "a third engine begins no later than this one did")
        await end(one)

        _ = try await stage.query(
            "UPDATE showrunner.trigger SET told_since = told_since - $1, told_through = told_through - 7",
            [.int(2 * Engine.endOverlap)])
        one = try await stage.engine("e3")
        again = try await one.engine.beginTelling("t")
        #expect(again.since == begun.since - 2 * Engine.endOverlap)
        #expect(again.through == kept - 7 - Engine.endOverlap)
        // Of a place that is gone nothing is kept.
        try await one.engine.tellOnly(["other"])
        try await one.engine.noteTold("t", through: .max)
        #expect(try await one.engine.triggerRecord("t").toldThrough == nil)
        again = try await one.engine.beginTelling("t")
        #expect(again.since >= kept && again.through == again.since)
        await end(one)
    }
}
