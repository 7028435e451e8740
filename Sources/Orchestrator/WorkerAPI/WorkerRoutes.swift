public import Engine
public import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import StepContracts
import WorkerProtocol

extension ServiceRouter {
    /// Adds the workers' endpoints under `/worker/v1`: poll, heartbeat, complete, fail, connection, key.
    ///
    /// - Parameter deadline: how long an answer to a task waits for the database; then its worker is told to come again,
    ///   and learns what became of it.
    public func addWorkerRoutes(engine: Engine, deadline: AnswerDeadline = AnswerDeadline()) {
        post("/worker/v1/poll") { request, context in
            let message = try await read(PollRequest.self, from: request)
            guard let offer = try await asking({ try await engine.poll(message) }) else {
                return Response(status: .noContent)
            }
            return Response.json(PollReply(task: offer).json)
        }
        post("/worker/v1/heartbeat") { request, context in
            let message = try await read(HeartbeatRequest.self, from: request)
            return Response.json(try await asking { try await engine.heartbeat(message) }.json)
        }
        post("/worker/v1/complete") { request, context in
            let message = try await read(CompleteRequest.self, from: request)
            let isTaken = try await asking {
                try await deadline.answer(late: .unanswered) { () async throws(EngineError) in
                    try await engine.complete(message)
                }
            }
            guard isTaken else { throw staleToken }
            return Response.json([:])
        }
        post("/worker/v1/fail") { request, context in
            let message = try await read(FailRequest.self, from: request)
            let isTaken = try await asking {
                try await deadline.answer(late: .unanswered) { () async throws(EngineError) in
                    try await engine.fail(message)
                }
            }
            guard isTaken else { throw staleToken }
            return Response.json([:])
        }
        post("/worker/v1/connection") { request, context in
            let message = try await read(ConnectionRequest.self, from: request)
            switch try await asking({ try await engine.connection(forTask: message.token) }) {
            case .connection(let connection):
                return Response.json(
                    ConnectionReply(connection: connection).json, headers: [.cacheControl: "no-store"])
            case .stale: throw staleToken
            case .missing(let reason):
                throw Problem(
                    WorkerProblem.noConnection, status: .notFound, title: "No such connection", detail: reason)
            case .elsewhere(let reason):
                throw Problem(
                    WorkerProblem.connectionElsewhere, status: .unprocessableContent,
                    title: "The connection is not for this address", detail: reason)
            case .sealed(let reason):
                throw Problem(
                    WorkerProblem.connectionSealed, status: .unprocessableContent,
                    title: "The connection can't be opened", detail: reason)
            }
        }
        post("/worker/v1/key") { request, context in
            let message = try await read(ContentKeyRequest.self, from: request)
            switch try await asking({ try await engine.contentKey(message.keyID, forTask: message.token) }) {
            case .key(let key):
                return Response.json(ContentKeyReply(key: key).json, headers: [.cacheControl: "no-store"])
            case .stale: throw staleToken
            case .missing(let reason):
                throw Problem(
                    WorkerProblem.noContentKey, status: .notFound, title: "No such content key", detail: reason)
            case .sealed(let reason):
                throw Problem(
                    WorkerProblem.contentKeySealed, status: .unprocessableContent,
                    title: "The content key can't be opened", detail: reason)
            }
        }
    }
}

private let staleToken = Problem(
    "stale-token", status: .conflict, title: "The attempt is over",
    detail: "This attempt has ended, timed out or been given to another worker; its answer changes nothing.")

private func read<Message: WorkerMessage>(_ type: Message.Type, from request: Request) async throws -> Message {
    let buffer = try await request.body.collect(upTo: WorkerProtocolLimits.bodyBytes)
    do {
        return try Message(json: try JSON(parsing: Array(buffer.readableBytesView)))
    } catch let error as JSONSyntaxError {
        throw malformed(error.description)
    } catch let error as WorkerProtocolError {
        throw malformed("\(error)")
    }
}

private func malformed(_ detail: String) -> Problem {
    Problem(
        "malformed-message", status: .badRequest, title: "The message can't be read", detail: detail)
}

/// Turns the engine's refusals into problems.
private func asking<Value: Sendable>(_ call: () async throws -> Value) async throws -> Value {
    do {
        return try await call()
    } catch let error as EngineError {
        if error.code == .pollLimit { Refusals.count(limit: "worker_polls") }
        throw Problem.unavailable(error.message, retryAfter: 1)
    }
}
