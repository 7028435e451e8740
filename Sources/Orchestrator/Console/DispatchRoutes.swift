import Dispatching
public import Engine
public import HTTPServer
import Hummingbird
import JSON
import StatesLanguage

extension ServiceRouter {
    /// Adds what operators ask and say about who gets which task: why an execution waits, workers that get no tasks,
    /// tasks that are parked, executions and starts that are set aside.
    public func addDispatchRoutes(engine: Engine, deadline: AnswerDeadline = AnswerDeadline()) {
        let asking = Asking(deadline: deadline)
        get("/console/api/runs/{id}/waits") { _, context in
            let id = try pathText("id", context)
            let waits = try await asking { () throws(EngineError) in try await engine.waits(of: id) }
            return Response.fresh(["waits": .array(waits.map(\.json))])
        }
        post("/console/api/runs/{id}/release") { request, context in
            let id = try pathText("id", context)
            _ = try await OrderContent(request, limit: orderBytes)
            return Response.done(
                on: try await asking { () throws(EngineError) in try await engine.releaseExecution(id) })
        }
        post("/console/api/runs/{id}/states/{entry}/release") { request, context in
            let (id, entry) = (try pathText("id", context), try pathEntry(context))
            _ = try await OrderContent(request, limit: orderBytes)
            return Response.done(
                on: try await asking { () throws(EngineError) in try await engine.releaseTask(entry, of: id) })
        }
        post("/console/api/runs/{id}/states/{entry}/fail") { request, context in
            let (id, entry) = (try pathText("id", context), try pathEntry(context))
            let content = try await OrderContent(request, limit: orderBytes)
            let error = try content.text("error", characters: 256)
            let cause = try content.text("cause", characters: 32_768)
            return Response.done(
                on: try await asking { () throws(EngineError) in
                    try await engine.failTask(entry, of: id, error: error, cause: cause)
                })
        }
        get("/console/api/starts-aside") { _, _ in
            let starts = try await asking { () throws(EngineError) in try await engine.startsAside() }
            return Response.fresh(["Starts": .array(starts.map(\.json))])
        }
        post("/console/api/starts-aside/{id}/release") { request, context in
            let id = try pathText("id", context)
            _ = try await OrderContent(request, limit: orderBytes)
            try await asking { () throws(EngineError) in try await engine.releaseStart(id) }
            return Response.json([:])
        }
        post("/console/api/workers/{name}/mode") { request, context in
            let name = try pathText("name", context)
            let content = try await OrderContent(request, limit: orderBytes)
            guard let mode = content.document["mode"]?.stringValue.flatMap({ WorkerMode(rawValue: $0) }) else {
                let modes = WorkerMode.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                throw Problem.invalidParameter("mode", "'mode' has to be one of \(modes).")
            }
            let reason = try content.text("reason", bytes: Engine.reasonBytes)
            try await asking { () throws(EngineError) in
                try await engine.setWorkerMode(mode, of: name, because: reason)
            }
            return Response.json([:])
        }
    }
}

extension StartAside {
    fileprivate var json: JSON {
        [
            "Id": .string(id), "Machines": .array(machines.map(JSON.string)), "Event": .string(event),
            "Crashes": .integer(crashes), "LastAt": .string(Timestamp.text(microseconds: lastAt)),
        ]
    }
}

/// An error and a cause.
private let orderBytes = 256 << 10
