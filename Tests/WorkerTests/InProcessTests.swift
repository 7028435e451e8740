import Glibc
import JSON
import Logging
import ServiceLifecycle
import StepContracts
import Synchronization
import Testing
import WorkerProtocol

@testable import Worker

/// A step that does what its input says.
private struct ObedientStep: DataStep {
    let contract = StepContract(
        name: "obey", version: 1, summary: "A test's.", runner: .dataWorker,
        input: [StepField("do", .string, "give, fail or wait")], output: [])
    let calls = CallCount()

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        calls.add()
        report(StepProgress(stage: "obey"))
        switch task.input["do"] {
        case "give": return ["given": true]
        case "work":
            let start = clock()
            while clock() - start < CLOCKS_PER_SEC / 20 {}
            return [:]
        case "connect":
            return [
                "user": .string("\(try await task.connection().authorization)"), "key": .string(task.idempotencyKey),
            ]
        case "call":
            do { try await Task.sleep(for: .seconds(600)) } catch { throw .outcomeUnknown("it was sent") }
            return [:]
        case "wait":
            do { try await Task.sleep(for: .seconds(600)) } catch { throw .cancelled("the step was told to stop") }
            return [:]
        case "finish":
            // What it is told to stop for comes too late.
            do { try await Task.sleep(for: .seconds(600)) } catch { return ["given": true] }
            return [:]
        default: throw .databaseUnavailable("it is away")
        }
    }
}

private final class CallCount: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
}

/// A running worker whose steps have no child.
private final class Desk: Sendable {
    let engine: ScriptedEngine
    let worker: Worker
    let step = ObedientStep()
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    init(slots: Int = 1, grace: Duration = .seconds(60)) throws {
        engine = try ScriptedEngine()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        worker = try Worker(
            WorkerSession(
                engine: engine.url, name: "data-worker", version: "test", slots: slots, gracePeriod: grace,
                heartbeatInterval: .milliseconds(20)),
            steps: [step], logger: logger)
        worker.announce(address: "http://127.0.0.1:4610")
        let group = ServiceGroup(services: [worker], logger: logger)
        self.group = group
        running = Task { try await group.run() }
    }

    deinit { running.cancel() }

    func offer(_ step: String, _ input: JSON, token: String = "t-1") {
        engine.offer(
            TaskOffer(
                token: token, step: step, input: input, attempt: 1, executionArn: "arn", execution: "x", state: "S",
                machine: "m", heartbeatSeconds: 15, idempotencyKey: "k-1"))
    }

    func drain() async { await group.triggerGracefulShutdown() }

    func ended() async throws { try await running.value }
}

@Suite(.timeLimit(.minutes(2))) struct InProcessTests {
    @Test func tellsWhatATaskTookThatWasAlone() async throws {
        let desk = try Desk()
        for token in ["t-1", "t-2"] {
            desk.offer("obey", ["do": "work"], token: token)
            let usage = try #require(await desk.engine.nextComplete().usage)
            // Tests beside this one take time of the same process.
            #expect(usage.cpuSeconds > 0.04 && usage.wallSeconds > 0 && !usage.isSaved)
            #expect(usage.peakMemoryBytes > 1 << 20 && usage.peakMemoryBytes < 1 << 34)
        }
        desk.offer("obey", ["do": "fail"], token: "t-3")
        #expect(await desk.engine.nextFail().usage != nil)
    }

    @Test func tellsNothingOfTasksThatSharedTheProcess() async throws {
        let desk = try Desk(slots: 2)
        desk.offer("obey", ["do": "wait"], token: "t-1")
        _ = await desk.engine.nextHeartbeat { $0.tasks.contains { $0.token == "t-1" } }
        desk.offer("obey", ["do": "give"], token: "t-2")
        #expect(await desk.engine.nextComplete().usage == nil)
    }

    @Test func whatATaskTookIsMeasuredOfOneAtATime() async {
        let process = SharedProcess()
        let (first, second, third) = (UsageMeter(), UsageMeter(), UsageMeter())
        await process.measured(by: first) { await process.measured(by: second) {} }
        #expect(first.usage == nil && second.usage == nil)
        await process.measured(by: third) {}
        #expect(third.usage != nil)
    }

    @Test func offersItsStepsAndTellsWhereItAnswers() async throws {
        let desk = try Desk()
        let poll = await desk.engine.nextPoll()
        #expect(poll.steps == ["obey"])
        #expect(poll.address == "http://127.0.0.1:4610")
        #expect(desk.worker.status.sandbox == nil)
    }

    @Test func aTaskIsDoneEachTimeItIsAskedFor() async throws {
        let desk = try Desk()
        for token in ["t-1", "t-2"] {
            desk.offer("obey", ["do": "give"], token: token)
            let complete = await desk.engine.nextComplete()
            #expect(complete.token == token && complete.output == ["given": true])
        }
        #expect(desk.step.calls.value == 2)
    }

    static let failures: [(String, JSON, StepFailure)] = [
        ("obey", ["do": "fail"], .databaseUnavailable("it is away")),
        ("obey", [:], .parametersInvalid("obey needs 'do': give, fail or wait")),
        (
            "other", [:],
            StepFailure(
                error: "Showrunner.ParametersInvalid", cause: "this worker has no step 'other'", retry: .elsewhere)
        ),
    ]

    @Test(arguments: failures)
    func aFailureIsToldAsItIs(_ step: String, _ input: JSON, _ failure: StepFailure) async throws {
        let desk = try Desk()
        desk.offer(step, input)
        #expect(await desk.engine.nextFail().failure == failure)
    }

    @Test func whatIsNoLongerWantedEndsWithoutAWord() async throws {
        let desk = try Desk()
        desk.offer("obey", ["do": "wait"], token: "unwanted")
        let beat = await desk.engine.nextHeartbeat { $0.tasks.contains { $0.progress != nil } }
        #expect(beat.tasks.map(\.token) == ["unwanted"])
        desk.engine.declareGone("unwanted")
        // The only slot is free again.
        desk.offer("obey", ["do": "give"], token: "next")
        #expect(await desk.engine.nextComplete().token == "next")
        #expect(!desk.engine.history.contains { if case .fail = $0 { true } else { false } })
    }

    static let connection: JSON = [
        "AuthorizationType": "BASIC", "Origins": ["https://api.example"],
        "AuthParameters": ["BasicAuthParameters": ["Username": "Ann", "Password": "secret"]],
    ]

    @Test func aStepGetsTheConnectionOfItsTask() async throws {
        let desk = try Desk()
        desk.engine.serve(WorkerProtocolPath.connection, .init(status: 200, json: ["connection": Self.connection]))
        desk.offer("obey", ["do": "connect"])
        let output = await desk.engine.nextComplete().output
        #expect(output["user"]?.stringValue?.contains("Ann") == true)
        #expect(output["key"] == "k-1")
    }

    @Test(arguments: [
        (404, WorkerProblem.noConnection, "Events.ConnectionResource.ResourceNotFound"),
        (422, WorkerProblem.connectionElsewhere, "Showrunner.HttpAddressForbidden"),
        (422, WorkerProblem.connectionSealed, "Events.ConnectionResource.InternalError"),
    ])
    func aConnectionThatIsRefusedFailsTheStep(_ status: Int, _ code: String, _ error: String) async throws {
        let desk = try Desk()
        let problem = WorkerProblem(code: code, status: status, detail: "because")
        desk.engine.serve(WorkerProtocolPath.connection, .init(status: status, json: problem.json))
        desk.offer("obey", ["do": "connect"])
        let failure = await desk.engine.nextFail().failure
        #expect(failure == StepFailure(error: error, cause: "because", retry: .never))
    }

    @Test func aConnectionOfATaskThatIsOverEndsTheStep() async throws {
        let desk = try Desk()
        let problem = WorkerProblem(code: WorkerProblem.staleToken, status: 409, detail: "because")
        desk.engine.serve(WorkerProtocolPath.connection, .init(status: 409, json: problem.json))
        desk.offer("obey", ["do": "connect"])
        #expect(await desk.engine.nextFail().failure.error == "Showrunner.Cancelled")
    }

    @Test func whatMayHaveBeenDoneIsNotHandedBackAsUndone() async throws {
        let desk = try Desk(grace: .milliseconds(1))
        desk.offer("obey", ["do": "call"])
        _ = await desk.engine.nextHeartbeat { !$0.tasks.isEmpty }
        await desk.drain()
        #expect(await desk.engine.nextFail().failure.error == "Showrunner.HttpOutcomeUnknown")
        try await desk.ended()
    }

    @Test func whatIsDoneAsTheGracePeriodEndsIsTold() async throws {
        let desk = try Desk(grace: .milliseconds(1))
        desk.offer("obey", ["do": "finish"])
        _ = await desk.engine.nextHeartbeat { !$0.tasks.isEmpty }
        await desk.drain()
        #expect(await desk.engine.nextComplete().output["given"] == true)
        try await desk.ended()
    }

    @Test func whatTheEngineDidNotTakeIsToldOnceMoreAsTheGracePeriodEnds() async throws {
        let desk = try Desk(grace: .milliseconds(1))
        desk.engine.answerNextOutcomes(.init(status: 503, json: nil, headers: ["Retry-After: 3600"]))
        desk.offer("obey", ["do": "give"])
        _ = await desk.engine.nextComplete()
        await desk.drain()
        #expect(await desk.engine.nextComplete().output["given"] == true)
        try await desk.ended()
    }

    @Test func whatTheGracePeriodDoesNotSufficeForIsHandedBack() async throws {
        let desk = try Desk(grace: .milliseconds(1))
        desk.offer("obey", ["do": "wait"])
        _ = await desk.engine.nextHeartbeat { !$0.tasks.isEmpty }
        await desk.drain()
        #expect(await desk.engine.nextFail().failure.error == "Showrunner.WorkerLost")
        try await desk.ended()
    }
}
