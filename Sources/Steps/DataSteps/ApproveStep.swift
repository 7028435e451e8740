public import JSON
public import StepContracts

/// Hands a question on to people. All it does is to be done: its task, with `.waitForTaskToken`, then waits for the
/// answer, and the question stands where the task is seen.
public struct ApproveStep: DataStep {
    public init() {}

    public var contract: StepContract { .approve }

    public func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        .members(("question", task.input["question"]), ("details", task.input["details"]))
    }
}
