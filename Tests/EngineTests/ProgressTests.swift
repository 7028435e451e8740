@testable import Engine
import JSON
import StepContracts
import Testing
import WorkerProtocol

@Suite("How far executions are, on a real database", .timeLimit(.minutes(3)))
struct ProgressTests {
    @Test("a task that stands still while its worker is alive is told of as stuck")
    func stuck() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let engine = first.engine
        let run = try await engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        let offer = try #require(try await engine.poll(poll(worker: "w", waitSeconds: 0)))
        func beat(_ seconds: Double, still: Double?) async throws {
            let progress = StepProgress(
                stage: "encode", mediaSeconds: seconds, totalSeconds: 100, speed: 2, stillSeconds: still)
            let reply = try await engine.heartbeat(
                HeartbeatRequest(
                    worker: "w", incarnation: "i1", tasks: [.init(token: offer.token, progress: progress)]))
            #expect(reply.tasks.first?.status == .ok)
        }
        try await beat(20, still: nil)
        #expect(try await engine.run(run).run.progress?.etaSeconds == 40)
        try await beat(20, still: 19.9)
        #expect(try await engine.waits(of: run) == [])
        #expect(await engine.depths().stuckTasks == 0)
        try await beat(20, still: 24)
        let wait = try #require(try await engine.waits(of: run).first)
        #expect(wait.code == .stuck)
        #expect(
            wait.sentence
                == "A has not come forward for 24 s: it stands at encode, 20.0 s of 100.0 s, and its worker 'w' is alive."
        )
        let view = try await engine.run(run).run.json
        #expect(view["stuck"]?.stringValue == wait.sentence)
        #expect(view["progress"]?["stillSeconds"]?.doubleValue == 24)
        #expect(await engine.depths().stuckTasks == 1)
        try await beat(21, still: nil)
        #expect(try await engine.waits(of: run) == [])
        #expect(try await engine.run(run).run.stuck == nil)
        #expect(try await engine.complete(offer))
        await end(first)
    }

    @Test("a Map state is as far as its items are together")
    func items() async throws {
        let map = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$.items","ItemProcessor":{"StartAt":"A",
              "States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}}}}
            """#
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": map])
        let engine = first.engine
        let run = try await engine.start(machine: "m", name: nil, input: #"{"items":[1,2,3,4]}"#).execution.executionARN
        let offers = [try await engine.take("w"), try await engine.take("w"), try await engine.take("w")]
        #expect(try await engine.run(run).run.progress == nil)
        #expect(try await engine.complete(offers[0]))
        func beat(_ offer: TaskOffer, _ seconds: Double, _ speed: Double, still: Double? = nil) async throws {
            let progress = StepProgress(
                stage: "encode", mediaSeconds: seconds, totalSeconds: 60, speed: speed, stillSeconds: still)
            _ = try await engine.heartbeat(
                HeartbeatRequest(
                    worker: "w", incarnation: "i1", tasks: [.init(token: offer.token, progress: progress)]))
        }
        try await beat(offers[1], 30, 2)
        try await beat(offers[2], 15, 1, still: 40)
        // One done, one at the half, one at a quarter, one not begun: 105 of 240 seconds, at three times real time.
        #expect(
            try await engine.run(run).run.progress
                == RunProgress(
                    share: 1.75 / 4, mediaSeconds: 105, totalSeconds: 240, speed: 3, stage: "encode", etaSeconds: 45))
        #expect(try await engine.run(run).run.stuck?.hasPrefix("A has not come forward for 40 s") == true)
        try await beat(offers[1], 30, 2, still: 30)
        #expect(try await engine.run(run).run.progress?.stillSeconds == 30)
        #expect(await engine.depths().stuckTasks == 2)
        try await engine.stopExecution(run, error: nil, cause: nil)
        #expect(await engine.depths().stuckTasks == 0)
        await end(first)
    }
}
