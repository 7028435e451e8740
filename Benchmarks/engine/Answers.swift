import Engine
import JSON
import StepContracts
import Synchronization

/// The benchmark's tasks: answered at once, in the engine's process.
final class Answers: ServiceTask {
    /// One that definitions may name, and that nobody here does otherwise.
    static let resource = "arn:aws:states:::lambda:invoke"

    var resources: [String] { [Self.resource] }
    let callsOutside = false

    private let finished: AsyncStream<Int>
    private let finish: AsyncStream<Int>.Continuation
    private let counted = Mutex(0)

    init() { (finished, finish) = AsyncStream.makeStream() }

    /// Tasks answered so far.
    var count: Int { counted.withLock { $0 } }

    /// The lanes whose last task was answered, in that order; for one reader.
    var ends: AsyncStream<Int> { finished }

    /// A task whose payload says `last` ends the execution of its `lane`.
    func run(resource: String, parameters: JSON, engine: Engine) async throws(StepFailure) -> JSON {
        counted.withLock { $0 += 1 }
        let payload = parameters["Payload"]
        if payload?["last"]?.boolValue == true { finish.yield(payload?["lane"]?.integerValue ?? 0) }
        return ["StatusCode": 200]
    }
}
