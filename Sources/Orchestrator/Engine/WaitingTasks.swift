import Interpreter
public import JSON

/// Tasks that wait for somebody's answer.
extension Engine {
    /// The token of a task with `.waitForTaskToken`, what the task was given, in which the question stands, and its execution's
    /// ARN; nil where the state entry waits for nobody's answer.
    ///
    /// Throws `.notFound` for an execution that does not exist.
    public func waitingTask(
        _ entry: Int, of id: String
    ) async throws(EngineError) -> (token: String, parameters: JSON, executionARN: String)? {
        let run = try await find(id)
        guard case .task(let attempt) = run.execution.entry(entry)?.phase, let nonce = attempt.callbackNonce else {
            return nil
        }
        return (run.execution.taskToken(of: entry, nonce: nonce), attempt.parameters, run.execution.arn)
    }
}
