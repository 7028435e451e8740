import JSON
import Logging
import StepContracts
import WorkerProtocol

/// The one value every way of a task's ending comes to.
enum TaskOutcome: Sendable, Hashable {
    case success(JSON, isCached: Bool)
    case failure(StepFailure)
}

/// Does one task, from its offer to its outcome. Cancelling the task it runs in ends it soon, with a failure.
protocol TaskRunner: Sendable {
    /// Names of the steps it does, sorted.
    var steps: [String] { get }

    /// - Parameter meter: told what the task took, where that can be measured.
    func outcome(
        of offer: TaskOffer, logger: Logger, meter: UsageMeter, report: @escaping @Sendable (StepProgress) -> Void
    ) async -> TaskOutcome
}

/// Does tasks in this process. Their results are not kept: what such a step finds depends on what it looks at, and
/// that changes while the input stays the same. What one takes is measured where no other is done at the same time.
struct InProcessRunner: TaskRunner {
    private let stepsByName: [String: any DataStep]
    private let engine: EngineClient
    private let process = SharedProcess()

    /// - Parameter steps: no two of one name.
    init(_ steps: [any DataStep], engine: EngineClient) {
        self.engine = engine
        stepsByName = Dictionary(uniqueKeysWithValues: steps.map { ($0.contract.name, $0) })
    }

    var steps: [String] { stepsByName.keys.sorted() }

    func outcome(
        of offer: TaskOffer, logger: Logger, meter: UsageMeter, report: @escaping @Sendable (StepProgress) -> Void
    ) async -> TaskOutcome {
        await process.measured(by: meter) { await outcome(of: offer, report: report) }
    }

    private func outcome(
        of offer: TaskOffer, report: @escaping @Sendable (StepProgress) -> Void
    ) async -> TaskOutcome {
        do throws(StepFailure) {
            guard let step = stepsByName[offer.step] else { throw .unknownStep(offer.step) }
            // An integration has error names of its own for what is wrong with its parameters.
            let isIntegration = !step.contract.resource.hasPrefix(StepContract.resourcePrefix)
            let problems = isIntegration ? [] : step.contract.problems(withInput: offer.input)
            guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
            let task = StepTask(
                input: offer.input, idempotencyKey: offer.idempotencyKey,
                connection: { () async throws(StepFailure) in try await connection(of: offer) })
            return .success(try await step.run(task, report: report), isCached: false)
        } catch {
            return .failure(error)
        }
    }
}

extension InProcessRunner {
    /// The secrets of the connection that a task names, asked for again while the engine is away.
    private func connection(of offer: TaskOffer) async throws(StepFailure) -> HTTPConnection {
        var backoff = Backoff()
        while true {
            switch await engine.connection(ConnectionRequest(token: offer.token)) {
            case .reply(let connection): return connection
            case .nothing: throw .crashed("the engine gave no answer about the connection")
            case .refused(let problem) where problem.code == WorkerProblem.staleToken:
                throw .cancelled(problem.detail)
            case .refused(let problem) where problem.code == WorkerProblem.connectionElsewhere:
                throw StepFailure(error: StepErrorName.httpAddressForbidden, cause: problem.detail, retry: .never)
            case .refused(let problem):
                let word = problem.code == WorkerProblem.noConnection ? "ResourceNotFound" : "InternalError"
                throw StepFailure(error: "Events.ConnectionResource.\(word)", cause: problem.detail, retry: .never)
            case .unavailable(_, let retryAfter):
                do { try await ContinuousClock().sleep(for: backoff.pause(retryAfter: retryAfter)) } catch {
                    throw .cancelled("the step was told to stop")
                }
            }
        }
    }
}

extension StepFailure {
    /// A task of a step that the worker has not offered: another one may have it.
    static func unknownStep(_ name: String) -> StepFailure {
        StepFailure(
            error: StepErrorName.parametersInvalid, cause: "this worker has no step '\(name)'", retry: .elsewhere)
    }
}
