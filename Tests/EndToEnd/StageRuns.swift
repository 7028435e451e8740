import EngineClient
import Foundation
import HTTP
import JSON
import Testing

extension TestStage {
    /// Runs the command line against this stage.
    func showrunner(_ arguments: String..., limit: Duration = .seconds(240)) async throws -> Ended {
        try await Program.run(
            Binaries.showrunner, arguments, environment: ["SHOWRUNNER_ENGINE": engineURL], limit: limit)
    }

    /// Uploads a film and gives its run's ARN.
    func ingest(_ path: String, title: String) async throws -> String {
        try await client.send(
            Upload(path: path, metadata: [("filename", "film.mp4"), ("title", title)]), report: { _ in })
    }

    func run(_ arn: String) async throws -> JSON {
        try await client.get("/console/api/runs/\(EngineClient.segment(arn))")
    }

    /// Waits for a run's end by its events and gives its document.
    func end(of arn: String, within limit: Duration = .seconds(240)) async throws -> JSON {
        do {
            try await within(limit, "the end of \(arn)") { [client] in
                try await client.follow(run: arn) { _ in true }
            }
        } catch {
            Issue.record("\(error)\n\(try await run(arn).prettyText.prefix(6000))\n\(up.lastWords())")
            throw error
        }
        return try await run(arn)
    }

    /// Waits until a state's task reports that it has come forward; gives the media time it has reached, in seconds.
    @discardableResult
    func firstProgress(of arn: String, in state: String) async throws -> Double {
        try await within(.seconds(120), "progress of \(state)") { [client] in
            var seconds = 0.0
            try await client.follow(run: arn) { event in
                guard event.name == "progress", event.data["state"]?.stringValue == state else { return true }
                seconds = event.data["progress"]?["mediaSeconds"]?.doubleValue ?? 0
                return seconds == 0
            }
            if seconds == 0 { throw TooLate(description: "the run ended without progress of \(state)") }
            return seconds
        }
    }

    /// Which worker a state's task is with.
    func worker(of arn: String, at state: String) async throws -> String {
        let entry = try #require(try await entries(of: arn, state).last)
        return try #require(entry["worker"]?.stringValue)
    }

    /// Every entering of a state.
    func entries(of arn: String, _ state: String) async throws -> [JSON] {
        (try await run(arn)["states"]?.arrayValue ?? []).filter { $0["name"]?.stringValue == state }
    }

    /// The titles that viewers are shown under a name.
    func titles(named name: String) async throws -> [JSON] {
        var found: [JSON] = []
        var path: String? = "/v1/titles?limit=50"
        while let next = path {
            let page = try await get(viewerURL + next)
            found += (page["items"]?.arrayValue ?? []).filter { $0["title"]?.stringValue == name }
            path = page["next"]?.stringValue.map { "/v1/titles?limit=50&cursor=\(EngineClient.segment($0))" }
        }
        return found
    }

    /// The same once something has been published under the name: a publication shows within a second, by promise.
    func published(_ name: String) async throws -> [JSON] {
        try await eventually("the title '\(name)' shows", within: .seconds(10)) { [self] in
            let found = try await titles(named: name)
            return found.isEmpty ? nil : found
        }
    }

    func get(_ url: String) async throws -> JSON {
        let response = try await http.send(HTTPRequest("GET", url))
        try #require(response.status == 200, "GET \(url): \(response.status) \(response.text.prefix(500))")
        return try JSON(parsing: response.body)
    }
}
