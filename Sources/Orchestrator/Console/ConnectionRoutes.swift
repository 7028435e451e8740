public import Engine
public import HTTPServer
import Hummingbird
import JSON

extension ServiceRouter {
    /// Adds `/console/api/connections`: what HTTP tasks prove themselves with. Secrets go in and never come out.
    ///
    /// The members are those of EventBridge's CreateConnection and DescribeConnection, and `Origins`.
    public func addConnectionRoutes(engine: Engine, deadline: AnswerDeadline = AnswerDeadline()) {
        let asking = Asking(deadline: deadline)
        get("/console/api/connections") { _, _ in
            let connections = try await asking { () throws(EngineError) in try await engine.listConnections() }
            return Response.fresh(["Connections": .array(connections.map(\.json))])
        }
        post("/console/api/connections") { request, _ in
            let document = try await OrderContent(request, limit: connectionBytes).document
            guard let name = document["Name"]?.stringValue else {
                throw Problem.invalidParameter("Name", "'Name' has to be a text.")
            }
            let connection = try await asking { () throws(EngineError) in
                try await engine.createConnection(
                    name: name, description: document["Description"]?.stringValue, parameters: document)
            }
            return Response.fresh(connection.json, status: .created)
        }
        delete("/console/api/connections/{name}") { _, context in
            let name = try pathText("name", context)
            try await asking { () throws(EngineError) in try await engine.deleteConnection(name) }
            return Response(status: .noContent)
        }
    }
}

/// Three lists of a hundred parameters, each of a name and a value.
private let connectionBytes = 1 << 20
