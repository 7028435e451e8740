import HTTPServer
import JSON
import RawHTTP
import Testing

@testable import Console

/// What the endpoints make of requests; what is known of machines is the engine's.
@Suite struct MachineEndpointTests {
    private func ask(
        _ method: String, _ path: String, _ content: String? = nil, runs: RecordedRuns = RecordedRuns([])
    ) async throws -> (status: Int, document: JSON) {
        let router = ServiceRouter()
        router.addMachineRoutes(machines: RecordedMachines(), runs: runs)
        let answer = try await withServer(router) { port, _ in
            try await onThread {
                try Wire(port: port).request(
                    method, "/console/api/machines" + path, ["Content-Type": "application/json"],
                    content.map { Array($0.utf8) })
            }
        }
        return (answer.status, try JSON(parsing: answer.content))
    }

    @Test func machinesAreListedInPagesAndShown() async throws {
        let first = try await ask("GET", "")
        #expect(first.document["machines"]?[0]?["name"] == "ingest" && first.document["next"] == "ingest")
        #expect(try await ask("GET", "?after=ingest").document["machines"]?[0]?["name"] == "train-ranker")
        #expect(try await ask("GET", "/ingest").document["aliases"]?[0]?["name"] == "live")
        #expect(try await ask("GET", "/nothing").status == 404)
        let version = "/arn%3Aaws%3Astates%3Aus-east-1%3A000000000000%3AstateMachine%3Aingest%3A1/definition"
        #expect(
            try await ask("GET", version).document["definition"]?.stringValue == RecordedMachines.first.text)
        #expect(try await ask("GET", "/nothing/definition").status == 404)
    }

    /// A browser's numbers would lose digits.
    @Test func aStartHasItsInputToTheLastDigit() async throws {
        let runs = RecordedRuns([])
        let content = #"{"input": {"id": 1234567890123456789, "share": 0.10}, "name": "by-hand"}"#
        let answer = try await ask("POST", "/ingest/start", content, runs: runs)
        #expect(answer.status == 201 && answer.document["executionArn"]?.stringValue?.isEmpty == false)
        let plain = try await ask("POST", "/arn%3Ax%3Alive/start", "{}", runs: runs)
        #expect(plain.status == 201)
        let inputs = runs.starts.map(\.input)
        #expect(inputs.count == 2 && inputs[0].contains("1234567890123456789") && inputs[1] == "{}", "\(inputs)")
        #expect(runs.starts.map(\.machine) == ["ingest", "arn:x:live"])
        #expect(runs.starts.map(\.name) == ["by-hand", nil])
    }

    @Test(arguments: [
        (#"{"input": {}, "name": 7}"#, "name"),
        (#"{"input": {}, "name": "\#(String(repeating: "n", count: 81))"}"#, "name"),
    ])
    func aNameThatIsNoneIsRefused(_ content: String, _ member: String) async throws {
        let runs = RecordedRuns([])
        let answer = try await ask("POST", "/ingest/start", content, runs: runs)
        #expect(answer.status == 400 && answer.document["parameter"]?.stringValue == member)
        #expect(runs.starts.isEmpty)
    }

    @Test func whatIsNoDocumentStartsNothing() async throws {
        let runs = RecordedRuns([])
        #expect(try await ask("POST", "/ingest/start", "{", runs: runs).status == 400)
        #expect(runs.starts.isEmpty)
    }
}
