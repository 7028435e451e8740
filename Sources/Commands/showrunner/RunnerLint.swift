import Engine
import JSON
import StatesLanguage
import StepContracts
import StepFunctionsAPI

/// What the language accepts and nobody here does: a task of such a Resource waits for ever, so its author is told.
///
/// The language's own checks know nothing of that: a definition that AWS takes is right, and is simulated with mocks.
enum RunnerLint {
    /// A warning for each Task state whose Resource has no runner, as `file:line:column: ...`.
    static func problems(in tree: SourceTree, file: String) -> [String] {
        var problems: [String] = []
        collect(tree, file: file, into: &problems)
        return problems
    }

    private static func collect(_ tree: SourceTree, file: String, into problems: inout [String]) {
        switch tree.content {
        case .scalar: return
        case .sequence(let elements): for element in elements { collect(element, file: file, into: &problems) }
        case .mapping(let members):
            let isTask = members.contains { $0.key == "Type" && $0.value.json == "Task" }
            for member in members {
                if isTask, member.key == "Resource", let resource = member.value.json.stringValue,
                    !hasRunner(resource)
                {
                    let place = member.value.place
                    problems.append(
                        "\(file):\(place.line):\(place.column): warning: Nobody here does '\(resource)': the task would "
                            + "wait for ever; name a step (\(StepContractView.resourcePrefix)NAME) or an activity whose "
                            + "workers do it")
                }
                collect(member.value, file: file, into: &problems)
            }
        }
    }

    /// What workers and the engine do, whether or not an answer is waited for then.
    private static let runners = Set(
        S3Tasks.resources + StepFunctionsTasks.resources + StepContract.integrations.map(\.resource))

    private static func hasRunner(_ resource: String) -> Bool {
        if resource.hasPrefix(StepContractView.resourcePrefix) || Engine.nestedStarts.contains(resource)
            || runners.contains(StepContract.plainResource(resource))
        {
            return true
        }
        let parts = resource.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 7 && parts[2] == "states" && parts[5] == "activity"
    }
}
