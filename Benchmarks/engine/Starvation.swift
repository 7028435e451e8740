import Engine
import Load
import StepContracts
import Synchronization
import WorkerProtocol

/// How much longer a title of a few chunks takes while one of very many is under way, at the same priority. Workers in this
/// process take their tasks through the engine, each chunk takes 20 to 40 ms.
enum Starvation {
    private static let largeLane = -1

    /// Chunks that are done.
    private final class Done: Sendable {
        private let chunks = Mutex(0)
        var count: Int { chunks.withLock { $0 } }
        func add() { chunks.withLock { $0 += 1 } }
    }

    static func run(_ stage: EngineStage, chunks: Int, small: Int, workers: Int, rounds: Int) async throws {
        _ = try await stage.engine.createMachine(NewMachine(name: "title", definition: definition))
        let done = Done()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<workers {
                group.addTask {
                    do { try await work(stage.engine, number, done) } catch is CancellationError {}
                }
            }
            group.addTask {
                let alone = try await times(stage, small, lanes: 0..<rounds)
                let large = try await start(stage, chunks, lane: largeLane)
                let before = done.count
                // Under way: as many chunks as keep every worker busy for a while are done.
                while done.count < before + workers * 10 { try await Task.sleep(for: .milliseconds(20)) }
                let beside = try await times(stage, small, lanes: rounds..<rounds * 2)
                let left = chunks - (done.count - before - small * rounds)
                guard left > workers else { throw Failure(reason: "the large title was done before the small ones") }
                try await stage.engine.stopExecution(large, error: nil, cause: nil)
                print("starvation: \(chunks) chunks and \(small), \(workers) workers, medians of \(rounds)")
                print(
                    "alone \(digits(alone.quantile(0.5))) ms, beside the large one \(digits(beside.quantile(0.5))) ms "
                        + "(worst \(digits(beside.quantile(1)))): slow-down "
                        + "\(digits(beside.quantile(0.5) / alone.quantile(0.5))), of the large one \(left) chunks were left"
                )
            }
            // The measurement ends, or somebody fails: workers work until they are told.
            var isFirst = true
            while let result = await group.nextResult() {
                if isFirst { group.cancelAll() }
                isFirst = false
                try result.get()
            }
        }
    }

    /// Milliseconds from a title's start to its end, one title after the other, sorted.
    private static func times(_ stage: EngineStage, _ chunks: Int, lanes: Range<Int>) async throws -> [Double] {
        var times: [Double] = []
        var ends = stage.answers.ends.makeAsyncIterator()
        for lane in lanes {
            let began = ContinuousClock.now
            _ = try await start(stage, chunks, lane: lane)
            guard await ends.next() == lane else { throw Failure(reason: "another title ended than was started last") }
            times.append((ContinuousClock.now - began) / .milliseconds(1))
        }
        return times.sorted()
    }

    /// Starts a title and gives its execution.
    private static func start(_ stage: EngineStage, _ chunks: Int, lane: Int) async throws -> String {
        let numbers = (0..<chunks).map(String.init).joined(separator: ",")
        return try await stage.engine.startExecution(
            machine: "title", name: nil, input: "{\"lane\":\(lane),\"chunks\":[\(numbers)]}"
        ).executionARN
    }

    private static func work(_ engine: Engine, _ number: Int, _ done: Done) async throws {
        let poll = PollRequest(
            worker: "worker-\(number)", incarnation: "1", version: "1", steps: [UploadDay.step.name], slots: 1,
            waitSeconds: 1)
        while !Task.isCancelled {
            guard let offer = try await engine.poll(poll) else { continue }
            let chunk = offer.input.integerValue ?? 0
            try await Task.sleep(for: .milliseconds(20 + chunk * 8 % 21))
            // False where the large title was stopped meanwhile.
            if try await engine.complete(CompleteRequest(token: offer.token, output: [:])) { done.add() }
        }
    }

    private static let definition = """
        {"StartAt":"Chunks","States":{
          "Chunks":{"Type":"Map","ItemsPath":"$.chunks","ResultPath":null,"Next":"Last",
            "ItemProcessor":{"StartAt":"Chunk","States":{
              "Chunk":{"Type":"Task","Resource":"\(UploadDay.step.resource)","End":true}}}},
          "Last":{"Type":"Task","Resource":"\(Answers.resource)",
            "Parameters":{"FunctionName":"answer","Payload":{"lane.$":"$.lane","last":true}},"End":true}}}
        """
}
