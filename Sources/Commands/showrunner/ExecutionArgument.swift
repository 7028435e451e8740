import EngineClient
import JSON

/// How people name a run: as the engine does, or as they did when they started it.
enum ExecutionArgument {
    static let help = "The run: MACHINE/NAME, NAME, its ARN or its id."

    /// The ARN that is meant. A name alone is looked for among all machines; where several have it, they are named.
    static func arn(of text: String, _ client: EngineClient) async throws -> String {
        if text.hasPrefix("arn:") { return text }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 { return arn(machine: parts[0], name: parts[1]) }
        if let known = try await find(text, client) { return known }
        var found: [String] = []
        var next: JSON?
        repeat {
            let page = try await client.call(
                "ListStateMachines", .members(("maxResults", 1000), ("nextToken", next)))
            for machine in page["stateMachines"]?.arrayValue ?? [] {
                guard let machine = machine["name"]?.stringValue,
                    let arn = try await find(arn(machine: machine, name: text), client)
                else { continue }
                found.append(arn)
            }
            next = page["nextToken"]
        } while next != nil
        guard let first = found.first else {
            throw CommandFailure(
                "there is no run '\(text)': neither an id nor a name of any machine's run; "
                    + "'runs list --search' looks into titles")
        }
        guard found.count == 1 else {
            throw CommandFailure("several machines have a run '\(text)': \(found.joined(separator: ", "))")
        }
        return first
    }

    /// The ARN of what the engine knows by an id or an ARN; nil where there is nothing.
    private static func find(_ id: String, _ client: EngineClient) async throws -> String? {
        do throws(EngineClientError) {
            return try await client.get("/console/api/runs/\(EngineClient.segment(id))")["executionArn"]?.stringValue
        } catch {
            guard error.status == 404 || error.status == 400 else { throw error }
            return nil
        }
    }

    private static func arn(machine: String, name: String) -> String {
        "arn:aws:states:us-east-1:000000000000:execution:\(machine):\(name)"
    }
}
