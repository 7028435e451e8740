public import Journal
public import JSON
public import StepContracts

/// A step that the engine runs itself, because its result must become durable in the very statement that records its
/// success: publishing.
public protocol EngineStep: Sendable {
    var contract: StepContract { get }

    /// What the step will have done once its row is in: its output, and the statement to attach to the row. May be called
    /// more than once for an attempt, and changes nothing itself. A throw fails the task.
    func prepare(execution: String, input: JSON) async throws(StepFailure) -> PreparedStep
}

public struct PreparedStep: Sendable {
    public let output: JSON
    public let statement: AttachedStatement

    public init(output: JSON, statement: AttachedStatement) {
        self.output = output
        self.statement = statement
    }
}
