import Engine
import JSON
import Testing

@testable import Console

@Suite("What changed since a run worked") struct RunComparisonTests {
    private static func detail(
        _ id: String = "1", definition: String = "{}", input: JSON? = nil, states: [StateEntryView] = [],
        status: RunStatus = .succeeded, startedAt: Int64 = 0, machine: String = "m", mapRun: String? = nil
    ) -> RunDetail {
        RunDetail(
            run: RunView(
                executionARN: "arn:\(id)", id: id, machine: machine, name: id, status: status,
                startDateMicroseconds: startedAt, mapRunARN: mapRun),
            input: input, definition: definition, states: states)
    }

    private static func changes(_ kind: String, _ run: RunDetail, _ other: RunDetail) -> JSON? {
        RunComparison(run: run, other: other).json[kind]?["changes"]
    }

    @Test func definitionsAreComparedStateByState() {
        let before = """
            {"StartAt": "A", "TimeoutSeconds": 5, "States": {
              "A": {"Type": "Parallel", "Next": "Z", "Branches": [
                {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "r:1", "End": true}}}]},
              "M": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}},
              "Z": {"Type": "Succeed"}}}
            """
        let now = """
            {"StartAt": "A", "TimeoutSeconds": 9, "States": {
              "A": {"Type": "Parallel", "Next": "New", "Branches": [
                {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "r:2", "Retry": [], "End": true}}}]},
              "M": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}},
              "New": {"Type": "Succeed"}}}
            """
        #expect(
            Self.changes("definition", Self.detail(definition: now), Self.detail(definition: before)) == [
                ["change": "CHANGED", "fields": ["TimeoutSeconds"]],
                ["state": "A", "change": "CHANGED", "fields": ["Next"]],
                ["state": "B", "change": "CHANGED", "fields": ["Resource", "Retry"]],
                ["state": "New", "change": "ADDED"], ["state": "Z", "change": "REMOVED"],
            ])
        #expect(Self.changes("definition", Self.detail(definition: now), Self.detail(definition: now)) == [])
    }

    @Test func inputsAreComparedMemberByMember() {
        let before: JSON = ["a": 1, "b": ["c": "x", "it's": [1, 2]], "d": [1], "gone": nil, "same": ["k": true]]
        let now: JSON = ["a": "1", "b": ["c": "x", "it's": [1, 3]], "d": [1, 2], "same": ["k": true], "new": false]
        #expect(
            Self.changes("input", Self.detail(input: now), Self.detail(input: before)) == [
                ["path": "$.a", "before": 1, "now": "1"], ["path": "$.b['it\\'s'][1]", "before": 2, "now": 3],
                ["path": "$.d", "before": [1], "now": [1, 2]], ["path": "$.new", "now": false],
                ["path": "$.gone", "before": nil],
            ])
        #expect(Self.changes("input", Self.detail(input: now), Self.detail()) == [["path": "$", "now": now]])
    }

    @Test func statesAreToldThatCameOutOtherwiseOrTookMuchLonger() {
        func state(
            _ entry: Int, _ name: String, _ status: StateEntryView.Status = .succeeded, seconds: Int64? = 10
        ) -> StateEntryView {
            StateEntryView(
                entry: entry, name: name, type: "Task", status: status, enteredAtMicroseconds: 0,
                exitedAtMicroseconds: seconds.map { $0 * 1_000_000 })
        }
        let before = Self.detail(states: [
            state(1, "Same"), state(2, "Loop", .failed), state(3, "Loop"), state(4, "Slower"), state(5, "Later"),
        ])
        let now = Self.detail(states: [
            state(1, "Same", seconds: 19), state(2, "Loop", .failed), state(3, "Loop"), state(4, "Slower", seconds: 20),
            state(5, "Broken", .failed, seconds: 1),
        ])
        let changes = Self.changes("states", now, before)?.arrayValue ?? []
        #expect(changes.map { $0["state"] } == ["Slower", "Broken", "Later"])
        #expect(changes[0]["before"]?["seconds"] == 10.0 && changes[0]["now"]?["seconds"] == 20.0)
        #expect(changes[1]["before"] == nil && changes[1]["now"]?["status"] == "failed")
        #expect(changes[2]["now"] == nil && changes[2]["before"]?["entry"] == 5)
    }

    @Test func manyDifferencesAreCounted() {
        let input = { (value: JSON) in JSON.array(Array(repeating: value, count: RunComparison.most + 7)) }
        let document = RunComparison(run: Self.detail(input: input(1)), other: Self.detail(input: input(2))).json
        #expect(document["input"]?["changes"]?.arrayValue?.count == RunComparison.most)
        #expect(document["input"]?["omitted"] == 7)
        #expect(document["states"]?["omitted"] == nil)
    }

    /// The list has the latest first.
    @Test func theLastThatSucceededBeforeIsTakenElseTheFirstAfter() async throws {
        let later = (0..<RunComparison.pageSize + 3).map { index in
            Self.detail("later-\(index)", startedAt: Int64(5000 - index))
        }
        let failed = Self.detail("failed", status: .failed, startedAt: 100)
        let others = [Self.detail("elsewhere", startedAt: 99, machine: "other"), failed]
        let earlier = [Self.detail("last", startedAt: 90), Self.detail("first", startedAt: 10)]
        func partner(_ runs: [RunDetail], named: String? = nil) async throws(EngineError) -> String {
            try await RunComparison.partner(of: failed.run, named: named, among: RecordedRuns(runs)).run.id
        }
        #expect(try await partner(later + others + earlier) == "last")
        #expect(try await partner(later + others) == "later-\(RunComparison.pageSize + 2)")
        #expect(try await partner(others + earlier, named: "first") == "first")
        for (runs, named, code) in [
            (others, nil, EngineError.Code.notFound), (others, "elsewhere", .invalid), (others, "nobody", .notFound),
        ] as [([RunDetail], String?, EngineError.Code)] {
            let error = await #expect(throws: EngineError.self) { _ = try await partner(runs, named: named) }
            #expect(error?.code == code)
        }
        // However many have succeeded since.
        let many = Array(repeating: later, count: RunComparison.pages).joined().enumerated().map { index, detail in
            var other = detail
            other.run.id = "many-\(index)"
            return other
        }
        #expect(try await partner(many + others + earlier) == "last")
        // A child of a Map Run is compared with another child of it.
        let children = [
            Self.detail("child", status: .failed, startedAt: 60, machine: "m/each", mapRun: "one"),
            Self.detail("of another", startedAt: 50, machine: "m/each", mapRun: "other"),
            Self.detail("sibling", startedAt: 40, machine: "m/each", mapRun: "one"),
        ]
        #expect(
            try await RunComparison.partner(of: children[0].run, named: nil, among: RecordedRuns(children)).run.id
                == "sibling")
        // One that succeeded is compared with one before it, not with itself.
        let pair = RecordedRuns(earlier)
        #expect(try await RunComparison.partner(of: earlier[0].run, named: nil, among: pair).run.id == "first")
    }

    @Test func theEndpointTakesTheRunToCompareWith() async throws {
        let failed = "/console/api/runs/\(recordings.failed.run.id)/comparison"
        let document = try JSON(parsing: try await ask("GET", failed).text)
        #expect(document["other"]?["title"] == "Big Buck Bunny" && document["run"]?["title"] == "Cosmos ep. 3")
        #expect(document["input"]?["changes"] == [["path": "$.title", "before": "Elf", "now": "Cosmos ep. 3"]])
        let arn = recordings.succeeded.run.executionARN.replacing(":", with: "%3A")
        let named = try JSON(parsing: try await ask("GET", failed + "?with=\(arn)").text)
        #expect(named["other"]?["id"] == .string(recordings.succeeded.run.id))
        #expect(try await ask("GET", failed + "?with=nowhere").status == 404)
        #expect(try await ask("GET", "/console/api/runs/nowhere/comparison").status == 404)
    }
}
