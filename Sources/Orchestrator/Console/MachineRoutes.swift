public import Engine
public import HTTPServer
import Hummingbird
import JSON

extension ServiceRouter {
    /// Adds `/console/api/machines`: the state machines, how their executions went, and starting one by hand.
    ///
    /// - Parameters:
    ///   - machines: what is known of them.
    ///   - runs: what starts executions.
    ///   - deadline: how long a caller waits for the engine.
    public func addMachineRoutes(
        machines: any MachineService, runs: any RunService, deadline: AnswerDeadline = AnswerDeadline()
    ) {
        let asking = Asking(deadline: deadline)
        get("/console/api/machines") { request, _ in
            let mark = request.uri.queryParameters["after"].flatMap { $0.isEmpty ? nil : String($0) }
            let page = try await asking { () throws(EngineError) in try await machines.machineOverviews(after: mark) }
            return Response.fresh(page)
        }
        get("/console/api/machines/{id}") { _, context in
            let name = try pathText("id", context)
            let overview = try await asking { () throws(EngineError) in try await machines.machineOverview(name) }
            return Response.fresh(overview)
        }
        // Apart, since it is large and seldom changes; the id may be a version's ARN.
        get("/console/api/machines/{id}/definition") { _, context in
            let id = try pathText("id", context)
            let definition = try await asking { () throws(EngineError) in try await machines.machineDefinition(id) }
            return Response.fresh(definition)
        }
        // The id may be the ARN of a version or an alias: what is started then is theirs.
        post("/console/api/machines/{id}/start") { request, context in
            let id = try pathText("id", context)
            let content = try await OrderContent(request, limit: startBytes)
            let name = try content.text("name", characters: 80)
            let input = (content.document["input"] ?? [:]).text
            let started = try await asking { () throws(EngineError) in
                try await runs.startExecution(machine: id, name: name, input: input)
            }
            return Response.done(started.json, on: started.executionARN, status: .created)
        }
    }
}

/// The input of an execution, with escapes and spaces, and a name.
private let startBytes = 2 << 20
