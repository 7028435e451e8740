public import Engine
public import HTTPServer
import Hummingbird
import JSON
import StepContracts

extension ServiceRouter {
    /// Adds what people say to a task that waits for them, one with `.waitForTaskToken`: `/approve` with its result, or
    /// `/reject` with a reason; and `/question`, what the task was given. Who may answer is decided by the caller's role,
    /// not by the token.
    public func addAnswerRoutes(engine: Engine, deadline: AnswerDeadline = AnswerDeadline()) {
        let asking = Asking(deadline: deadline)
        get("/console/api/runs/{id}/states/{entry}/question") { _, context in
            let parameters = try await waitingTask(asking, engine, context).parameters
            return Response.fresh(["parameters": parameters])
        }
        post("/console/api/runs/{id}/states/{entry}/approve") { request, context in
            let content = try await OrderContent(request, limit: orderBytes)
            let task = try await waitingTask(asking, engine, context)
            let output = content.document["output"] ?? ["approved": true]
            try await answering(asking) { () throws(EngineError) in
                try await engine.taskSucceeded(token: task.token, output: output.text)
            }
            return Response.done(on: task.executionARN)
        }
        post("/console/api/runs/{id}/states/{entry}/reject") { request, context in
            let content = try await OrderContent(request, limit: orderBytes)
            guard let cause = try content.text("cause", characters: 32_768), !cause.isEmpty else {
                throw Problem.invalidParameter("cause", "A rejection has a 'cause', a text: why.")
            }
            let error = try content.text("error", characters: 256) ?? StepErrorName.rejected
            let task = try await waitingTask(asking, engine, context)
            try await answering(asking) { () throws(EngineError) in
                try await engine.taskFailed(token: task.token, error: error, cause: cause)
            }
            return Response.done(on: task.executionARN)
        }
    }
}

/// A result as the engine takes one, in JSON that may escape each character.
private let orderBytes = 2 << 20

/// The task of the state entry in the path, which waits for an answer.
private func waitingTask(
    _ asking: Asking, _ engine: Engine, _ context: ServiceContext
) async throws(Problem) -> (token: String, parameters: JSON, executionARN: String) {
    let (id, entry) = (try pathText("id", context), try pathEntry(context))
    let found = try await asking { () async throws(EngineError) in try await engine.waitingTask(entry, of: id) }
    guard let found else { throw notWaiting("The state entry \(entry) waits for nobody's answer.") }
    return found
}

/// Answers a task, which somebody else may have done in the same moment.
private func answering(
    _ asking: Asking, _ call: @escaping @Sendable () async throws(EngineError) -> Void
) async throws(Problem) {
    do throws(EngineError) { try await asking.engine(call) } catch {
        guard error.code == .taskNotFound || error.code == .taskTimedOut else { throw Problem(error) }
        throw notWaiting("The task has been answered meanwhile, or its time is over.")
    }
}

private func notWaiting(_ detail: String) -> Problem {
    Problem("conflict", status: .conflict, title: "It does not go with what is there", detail: detail)
}
