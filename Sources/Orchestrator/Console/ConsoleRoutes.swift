import Engine
import HTTPTypes
public import HTTPServer
import Hummingbird
import JSON

extension ServiceRouter {
    /// Adds the operators' console: the pages under `/console/` and the endpoints under `/console/api/` they are made
    /// of. Nothing here decides; every answer is one call of the engine.
    ///
    /// - Parameters:
    ///   - runs: the engine.
    ///   - heartbeat: how often an event stream says that it lives while nothing happens.
    ///   - lifetime: how long an event stream goes on before its reader has to come again.
    ///   - maximumStreams: event streams open at the same time; further ones are told to come again.
    ///   - deadline: how long a caller waits for the engine, and so for the database. What was asked for may come about later.
    public func addConsoleRoutes(
        runs: any RunService, heartbeat: Duration = .seconds(10), lifetime: Duration = .seconds(300),
        maximumStreams: Int = 256, deadline: AnswerDeadline = AnswerDeadline()
    ) {
        let asking = Asking(deadline: deadline)
        addConsolePages()
        let feeds = EventFeeds(runs: runs, heartbeat: heartbeat, lifetime: lifetime, maximum: maximumStreams)

        get("/console/api/runs") { request, _ in
            var query = try RunQuery(request: request)
            query.tellsStates = true
            let asked = query
            return Response.fresh(try await asking { () throws(EngineError) in try await runs.listRuns(asked) }.json)
        }
        get("/console/api/runs/{id}") { _, context in
            let id = try pathText("id", context)
            let detail = try await asking { () throws(EngineError) in try await runs.run(id) }
            return Response.fresh(RunDocument.json(detail))
        }
        get("/console/api/runs/{id}/states/{entry}") { _, context in
            let id = try pathText("id", context)
            let detail = try await asking { () throws(EngineError) in try await runs.run(id) }
            guard let number = context.parameters.get("entry", as: Int.self),
                let state = detail.states.first(where: { $0.entry == number })
            else {
                throw Problem.notFound("The execution \(id) has no such state entry.")
            }
            return Response.fresh(state.json)
        }
        get("/console/api/runs/{id}/comparison") { request, context in
            let id = try pathText("id", context)
            let named = request.uri.queryParameters["with"].flatMap { $0.isEmpty ? nil : String($0) }
            let detail = try await asking { () throws(EngineError) in try await runs.run(id) }
            let other = try await asking { () throws(EngineError) in
                try await RunComparison.partner(of: detail.run, named: named, among: runs)
            }
            return Response.fresh(RunComparison(run: detail, other: other).json)
        }
        get("/console/api/runs/{id}/events") { _, context in
            let id = try pathText("id", context)
            // Before the stream begins, so that an unknown execution is a 404 and no empty stream.
            let detail = try await asking { () throws(EngineError) in try await runs.run(id) }
            return try await feeds.response(of: detail.run.id)
        }
        post("/console/api/runs/{id}/stop") { request, context in
            let id = try pathText("id", context)
            let order = try StopOrder(try await OrderContent(request, limit: orderBytes))
            try await asking { () throws(EngineError) in
                try await runs.stopExecution(id, error: order.error, cause: order.cause)
            }
            let run = try await asking { () throws(EngineError) in try await runs.run(id) }.run
            return Response.done(run.json, on: run.executionARN)
        }
        post("/console/api/runs/{id}/redrive") { request, context in
            let id = try pathText("id", context)
            _ = try await OrderContent(request, limit: orderBytes)
            try await asking { () throws(EngineError) in try await runs.redriveExecution(id) }
            let run = try await asking { () throws(EngineError) in try await runs.run(id) }.run
            return Response.done(run.json, on: run.executionARN)
        }
        post("/console/api/runs/{id}/again") { request, context in
            let id = try pathText("id", context)
            let content = try await OrderContent(request, limit: inputBytes)
            let detail = try await asking { () throws(EngineError) in try await runs.run(id) }
            guard detail.run.mapRunARN == nil else {
                throw Problem.invalidParameter("id", "A child of a Map Run is started by that alone.")
            }
            let input = (content.document["input"] ?? detail.input ?? [:]).text
            let started = try await asking { () throws(EngineError) in
                try await runs.startExecution(machine: detail.run.machine, name: nil, input: input)
            }
            return Response.done(started.json, on: started.executionARN, status: .created)
        }
        get("/console/api/events") { _, _ in try await feeds.response(of: nil) }
        get("/console/api/workers") { _, _ in
            Response.fresh(["workers": .array(await runs.workers().map(\.json))])
        }
    }
}

extension Response {
    /// What is true now and may not be a second later.
    static func fresh(_ document: JSON, status: HTTPResponse.Status = .ok) -> Response {
        .json(document, status: status, headers: [.cacheControl: "no-store"])
    }
}

extension RunQuery {
    /// `machine`, `status`, `limit` and `before` of the query; what is absent or empty does not narrow.
    init(request: Request) throws(Problem) {
        let parameters = request.uri.queryParameters
        func value(_ name: Substring) -> String? {
            parameters[name].flatMap { $0.isEmpty ? nil : String($0) }
        }
        var status: RunStatus?
        if let text = value("status") {
            guard let known = RunStatus(rawValue: text.uppercased()) else {
                throw Problem.invalidParameter(
                    "status",
                    "'\(text)' is no status; there are \(RunStatus.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            status = known
        }
        var limit = 50
        if let text = value("limit") {
            guard let number = Int(text), (1...RunQuery.maximumLimit).contains(number) else {
                throw Problem.invalidParameter("limit", "'limit' is a number from 1 to \(RunQuery.maximumLimit).")
            }
            limit = number
        }
        self.init(machine: value("machine"), status: status, limit: limit, before: value("before"))
    }
}

/// The content of a stop request: `{"error": "…", "cause": "…"}`, both optional, with StopExecution's limits.
private struct StopOrder {
    let error: String?
    let cause: String?

    init(_ content: OrderContent) throws(Problem) {
        error = try content.text("error", characters: 256)
        cause = try content.text("cause", characters: 32_768)
    }
}

/// The most bytes that an order on a run has; a cause takes up to three bytes a character, and escapes.
private let orderBytes = 256 << 10
/// The most bytes that the input of an execution has, with escapes and spaces.
private let inputBytes = 2 << 20
