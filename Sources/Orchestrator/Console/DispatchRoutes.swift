import Dispatching
public import Engine
public import HTTPServer
import Hummingbird
import JSON

extension ServiceRouter {
    /// Adds what operators ask and say about who gets which task: why an execution waits, workers that get no tasks,
    /// tasks that are parked, executions that are set aside.
    public func addDispatchRoutes(engine: Engine) {
        get("/console/api/runs/{id}/waits") { _, context in
            let id = try text("id", context)
            let waits = try await asking { () throws(EngineError) in try await engine.waits(of: id) }
            return Response.json(["waits": .array(waits.map(\.json))], headers: [.cacheControl: "no-store"])
        }
        post("/console/api/runs/{id}/release") { request, context in
            let id = try text("id", context)
            _ = try await order(in: request)
            try await asking { () throws(EngineError) in try await engine.releaseExecution(id) }
            return Response.json([:])
        }
        post("/console/api/runs/{id}/states/{entry}/release") { request, context in
            let (id, entry) = (try text("id", context), try entry(context))
            _ = try await order(in: request)
            try await asking { () throws(EngineError) in try await engine.releaseTask(entry, of: id) }
            return Response.json([:])
        }
        post("/console/api/runs/{id}/states/{entry}/fail") { request, context in
            let (id, entry) = (try text("id", context), try entry(context))
            let document = try await order(in: request)
            let error = try member("error", of: document, bytes: 256)
            let cause = try member("cause", of: document, bytes: 32_768)
            try await asking { () throws(EngineError) in
                try await engine.failTask(entry, of: id, error: error, cause: cause)
            }
            return Response.json([:])
        }
        post("/console/api/workers/{name}/mode") { request, context in
            let name = try text("name", context)
            let document = try await order(in: request)
            guard let mode = document["mode"]?.stringValue.flatMap({ WorkerMode(rawValue: $0) }) else {
                let modes = WorkerMode.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                throw Problem.invalidParameter("mode", "'mode' has to be one of \(modes).")
            }
            let reason = try member("reason", of: document, bytes: Engine.reasonBytes)
            try await asking { () throws(EngineError) in
                try await engine.setWorkerMode(mode, of: name, because: reason)
            }
            return Response.json([:])
        }
    }
}

private func asking<Answer>(_ call: () async throws(EngineError) -> Answer) async throws(Problem) -> Answer {
    do {
        return try await call()
    } catch {
        throw Problem(error)
    }
}

/// A part of the path, percent-decoded.
private func text(_ name: String, _ context: ServiceContext) throws(Problem) -> String {
    let text = context.parameters.get(name) ?? ""
    guard text.utf8.count <= 1024, let decoded = PercentEncoding.decode(text) else {
        throw Problem.invalidParameter(name, "'\(name)' is not well percent-encoded.")
    }
    return decoded
}

private func entry(_ context: ServiceContext) throws(Problem) -> Int {
    guard let entry = context.parameters.get("entry", as: Int.self) else {
        throw Problem.invalidParameter("entry", "A state entry is a number.")
    }
    return entry
}

private func member(_ name: String, of document: JSON, bytes: Int) throws(Problem) -> String? {
    guard let member = document[name], !member.isNull else { return nil }
    guard let text = member.stringValue, text.utf8.count <= bytes else {
        throw Problem.invalidParameter(name, "'\(name)' must be a string of at most \(bytes) bytes.")
    }
    return text
}
