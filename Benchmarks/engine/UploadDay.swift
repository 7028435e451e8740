import Engine
import Glibc
import JSON
import Load
import StepContracts
import Synchronization
import WorkerProtocol

/// A day on which many films are uploaded: executions of the shape of ingest, each with a wait, a Map of chunks and a
/// priority, started at a steady rate; workers in this process take their tasks and return at once.
enum UploadDay {
    static let step = StepContract(
        name: "encode", version: 1, summary: "Returns at once.", runner: .mediaWorker, heartbeatSeconds: 300, input: [],
        output: [])

    private static let priorities = [2, 5, 8]

    /// When executions began, and how long they took, by priority.
    private final class Times: Sendable {
        struct State {
            var begun: [Int: ContinuousClock.Instant] = [:]
            var milliseconds: [Int: [Double]] = [:]
            var tasks = 0
        }
        let state = Mutex(State())
    }

    static func run(_ stage: EngineStage, runs: Int, rate: Int, workers: Int) async throws {
        _ = try await stage.engine.createMachine(NewMachine(name: "upload-day", definition: definition))
        let times = Times()
        let before = try await stage.appends()
        let cost = try await Cost.measure(stage) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<workers {
                    group.addTask { try await work(stage.engine, number, runs, times) }
                }
                group.addTask { try await start(stage.engine, runs, rate, times) }
                var open = runs
                for await lane in stage.answers.ends {
                    times.state.withLock { state in
                        guard let begun = state.begun.removeValue(forKey: lane) else { return }
                        state.milliseconds[priorities[lane % priorities.count], default: []].append(
                            (ContinuousClock.now - begun) / .milliseconds(1))
                    }
                    open -= 1
                    if open == 0 { break }
                }
                group.cancelAll()
                // Those that were told to stop say so.
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) { throw error }
                }
            }
        }
        let appends = try await stage.appends() - before
        let (milliseconds, tasks) = times.state.withLock { ($0.milliseconds, $0.tasks) }
        print("upload day, \(runs) executions, \(rate) started a second, \(workers) workers")
        cost.tell("executions", runs)
        cost.tell("tasks", tasks)
        cost.tell("transitions (rows of the journal)", appends)
        for (priority, lengths) in milliseconds.sorted(by: { $0.key > $1.key }) {
            let sorted = lengths.sorted()
            print(
                "priority \(priority): p50 \(digits(sorted.quantile(0.5))) ms, p99 \(digits(sorted.quantile(0.99))) ms, "
                    + "of which 2,000 ms are the wait")
        }
        try await stage.tellPeer()
    }

    private static func start(_ engine: Engine, _ runs: Int, _ rate: Int, _ times: Times) async throws {
        let began = ContinuousClock.now
        for lane in 0..<runs {
            try await Task.sleep(until: began + .seconds(1) * lane / rate)
            times.state.withLock { $0.begun[lane] = .now }
            _ = try await engine.startExecution(
                machine: "upload-day", name: nil,
                input: """
                    {"lane":\(lane),"chunks":[0,1,2,3,4,5,6,7],"showrunner":{"priority":\(priorities[lane % 3])}}
                    """)
        }
    }

    private static func work(_ engine: Engine, _ number: Int, _ runs: Int, _ times: Times) async throws {
        let poll = PollRequest(
            worker: "worker-\(number)", incarnation: "1", version: "1", steps: [step.name], slots: 1, waitSeconds: 20)
        while !Task.isCancelled {
            guard let offer = try await engine.poll(poll) else { continue }
            _ = try await engine.complete(CompleteRequest(token: offer.token, output: [:]))
            times.state.withLock { $0.tasks += 1 }
        }
    }

    private static let definition: String = {
        let task = #""Type":"Task","Resource":"\#(step.resource)","ResultPath":null"#
        return """
            {"StartAt":"Validate","States":{
              "Validate":{\(task),"Next":"Settle"},
              "Settle":{"Type":"Wait","Seconds":2,"Next":"Encode"},
              "Encode":{"Type":"Parallel","ResultPath":null,"Next":"Package","Branches":[
                {"StartAt":"Chunks","States":{"Chunks":{"Type":"Map","ItemsPath":"$.chunks","MaxConcurrency":4,"ResultPath":null,"End":true,
                  "ItemProcessor":{"StartAt":"Chunk","States":{"Chunk":{\(task),"End":true}}}}}},
                {"StartAt":"Thumbnails","States":{"Thumbnails":{\(task),"End":true}}}]},
              "Package":{\(task),"Next":"Publish"},
              "Publish":{"Type":"Task","Resource":"\(Answers.resource)",
                "Parameters":{"FunctionName":"answer","Payload":{"lane.$":"$.lane","last":true}},"End":true}}}
            """
    }()
}
