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

    func outcome(
        of offer: TaskOffer, logger: Logger, report: @escaping @Sendable (StepProgress) -> Void
    ) async -> TaskOutcome
}

/// Does tasks in this process. Their results are not kept: what such a step finds depends on what it looks at, and
/// that changes while the input stays the same.
struct InProcessRunner: TaskRunner {
    private let stepsByName: [String: any DataStep]

    /// - Parameter steps: no two of one name.
    init(_ steps: [any DataStep]) {
        stepsByName = Dictionary(uniqueKeysWithValues: steps.map { ($0.contract.name, $0) })
    }

    var steps: [String] { stepsByName.keys.sorted() }

    func outcome(
        of offer: TaskOffer, logger: Logger, report: @escaping @Sendable (StepProgress) -> Void
    ) async -> TaskOutcome {
        do throws(StepFailure) {
            guard let step = stepsByName[offer.step] else { throw .unknownStep(offer.step) }
            let problems = step.contract.problems(withInput: offer.input)
            guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
            return .success(try await step.run(input: offer.input, report: report), isCached: false)
        } catch {
            return .failure(error)
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
