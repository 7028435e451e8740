import Engine
import JSON
import StepContracts
import StepFunctionsAPI

/// What the language accepts and nobody here does: a task of such a Resource waits for ever, so its author is told.
///
/// The language's own checks know nothing of that: a definition that AWS takes is right, and is simulated with mocks.
enum RunnerLint {
    private static let supported = SupportedResources(
        contracts: StepContract.all + StepContract.integrations,
        services: S3Tasks.resources + StepFunctionsTasks.resources)

    /// A warning for each Task state whose Resource has no runner, as `file:line:column: ...`.
    static func problems(in tree: SourceTree, file: String) -> [String] {
        supported.refusals(in: tree).map { refusal in
            "\(file):\(refusal.place.line):\(refusal.place.column): warning: Nobody here does '\(refusal.resource)': the "
                + "task would wait for ever; name a step or an activity whose workers do it. \(supported.sentence) "
                + "(at \(refusal.location))"
        }
    }
}
