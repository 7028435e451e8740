@testable import Engine
import Interpreter
import JSON
import StepContracts
import Testing
import WorkerProtocol

/// What a run took, as its workers told.
@Suite("usage", .timeLimit(.minutes(2)))
struct UsageTests {
    private static let machine = #"""
        {"StartAt":"First","States":{
          "First":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","Next":"Second",
            "Retry":[{"ErrorEquals":["Once"],"IntervalSeconds":1}]},
          "Second":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","Next":"Third"},
          "Third":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}
        """#

    @Test("attempts are summed by state, failed ones too; kept results count as saved; the next engine says the same")
    func sums() async throws {
        let stage = try await Stage()
        let one = try await stage.engine("one", machines: ["m": Self.machine])
        let arn = try await one.engine.startExecution(machine: "m", name: "a", input: "{}").executionARN
        func usage(_ cpu: Double, _ memory: Int, isSaved: Bool = false) -> StepUsage {
            StepUsage(cpuSeconds: cpu, wallSeconds: cpu / 2, peakMemoryBytes: memory, isSaved: isSaved)
        }
        let failed = try await one.engine.take()
        let failure = StepFailure(error: "Once", cause: "because", retry: .transient)
        #expect(
            try await one.engine.fail(FailRequest(token: failed.token, failure: failure, usage: usage(1.5, 700))))
        // An answer of an attempt that is over is none.
        #expect(
            try await !one.engine.complete(
                CompleteRequest(token: failed.token, output: [:], usage: usage(1000, 1 << 40))))
        let first = try await one.engine.take()
        #expect(
            try await one.engine.complete(CompleteRequest(token: first.token, output: [:], usage: usage(2, 500))))
        let second = try await one.engine.take()
        #expect(
            try await one.engine.complete(
                CompleteRequest(token: second.token, output: [:], usage: usage(40, 9_000, isSaved: true))))
        // One whose worker measures nothing.
        #expect(try await one.engine.complete(try await one.engine.take()))

        let document = try #require(try await one.engine.run(arn).json["usage"])
        #expect(document["cpuSeconds"] == 3.5 && document["wallSeconds"] == 1.75)
        #expect(document["peakMemoryBytes"] == 700 && document["attempts"] == 2)
        #expect(document["reused"] == 1 && document["savedCpuSeconds"] == 40.0 && document["savedWallSeconds"] == 20.0)
        #expect(document["states"]?.arrayValue?.map { $0["state"] } == ["First", "Second"])
        #expect(document["states"]?[0]?["attempts"] == 2 && document["states"]?[1]?["attempts"] == 0)
        await end(one)

        let two = try await stage.engine("two")
        #expect(try await two.engine.run(arn).json["usage"] == document)
        await end(two)
    }

    @Test("a snapshot keeps the sums")
    func snapshot() throws {
        var projection = RunProjection()
        var usage = RunUsage()
        usage.add(AttemptUsage(cpuMilliseconds: 1, wallMilliseconds: 2, peakMemoryBytes: 3, isSaved: false), of: "A")
        usage.add(AttemptUsage(cpuMilliseconds: 4, wallMilliseconds: 5, peakMemoryBytes: 6, isSaved: true), of: "A")
        usage.add(AttemptUsage(cpuMilliseconds: 7, wallMilliseconds: 8, peakMemoryBytes: 9, isSaved: false), of: "B")
        projection.take(entries: [:], omitted: 0, mapRuns: MapRunProjection(), usage: usage)
        var payloads = PayloadTable()
        let document = projection.snapshot(&payloads)
        let read = try RunProjection(snapshot: try JSON(parsing: document.text), payloads: payloads.values)
        #expect(read.usage == usage && read.usage.total.cpuMilliseconds == 8 && read.usage.total.peakMemoryBytes == 9)
        // One of before has none.
        var before = document
        before["usage"] = nil
        #expect(try RunProjection(snapshot: before, payloads: payloads.values).usage == RunUsage())
        before["usage"] = [["A", 1]]
        #expect(throws: SnapshotError.self) { try RunProjection(snapshot: before, payloads: payloads.values) }
    }
}
