import HTTPServer
import JSON
import RawHTTP
import Testing

@testable import Console

/// What the endpoints make of requests; what schedules do is the engine's.
@Suite struct ScheduleEndpointTests {
    private func ask(
        _ method: String, _ path: String, _ document: JSON? = nil
    ) async throws -> (status: Int, document: JSON) {
        let router = ServiceRouter()
        router.addScheduleRoutes(schedules: RecordedSchedules())
        let answer = try await withServer(router) { port, _ in
            try await onThread {
                try Wire(port: port).request(
                    method, "/console/api/schedules" + path, ["Content-Type": "application/json"], document?.utf8)
            }
        }
        return (answer.status, try JSON(parsing: answer.content))
    }

    @Test func ordersAreReadAndRefusedByMember() async throws {
        #expect(try await ask("GET", "").document["Schedules"]?[1]?["Name"] == "cleanup")
        #expect(try await ask("GET", "/retrain").document["CatchupPolicy"] == "Window")
        #expect(try await ask("GET", "/unknown").status == 404)
        let preview = try await ask("GET", "/a%20b/preview?count=3&after=2026-03-14T01:59:00Z")
        #expect(preview.document == ["Name": "a b", "Count": 3, "After": 1_773_453_540])
        #expect(try await ask("GET", "/a/preview?count=many").status == 400)
        #expect(try await ask("GET", "/a/preview?after=soon").document["parameter"] == "after")
        #expect(try await ask("POST", "/a/pause", ["reason": "why"]).document["Pause"] == "why")
        #expect(try await ask("POST", "/a/pause", [:]).document["parameter"] == "reason")
        #expect(try await ask("POST", "/a/resume", [:]).status == 200)
        let run = try await ask("POST", "/a/run-now", ["token": "t", "overlapPolicy": "AllowAll"])
        #expect(run.document == ["Token": "t", "Policy": "AllowAll"])
        #expect(try await ask("POST", "/a/run-now", ["overlapPolicy": "Sometimes"]).status == 400)
        let range: JSON = ["from": "2026-03-14T01:59:00.9Z", "to": "2026-03-14T02:00:00Z"]
        #expect(
            try await ask("POST", "/a/backfill", range).document
                == ["From": 1_773_453_540, "Through": 1_773_453_600])
        #expect(try await ask("POST", "/a/backfill", ["from": "2026-03-14T01:59:00Z"]).document["parameter"] == "to")
    }
}
