import Engine
import HTTPServer
import JSON
import RawHTTP
import Testing

@testable import Console

let recordings = Recordings(now: 1_795_000_000_000_000)

/// The console over recorded executions, asked once.
func ask(
    _ method: String, _ path: String, _ headers: [String: String] = [:], _ content: String? = nil,
    of runs: RecordedRuns = RecordedRuns(recordings.day, workers: recordings.workers)
) async throws -> Wire.Answer {
    let router = ServiceRouter()
    router.addConsoleRoutes(runs: runs)
    return try await withServer(router) { port, _ in
        try await onThread { try Wire(port: port).request(method, path, headers, content.map { Array($0.utf8) }) }
    }
}

@Suite struct ConsoleEndpointTests {
    private func names(_ answer: Wire.Answer) throws -> [String] {
        try JSON(parsing: answer.text)["items"]?.arrayValue?.compactMap { $0["title"]?.stringValue } ?? []
    }

    @Test(arguments: [
        ("machine=retrain", ["Nightly retraining"]),
        ("machine=ingest&status=failed", ["Cosmos ep. 3"]),
        ("status=TIMED_OUT", ["Tears of Steel"]),
        ("status=&machine=&limit=2", ["Elf", "Crystal, the tale of a very long name that does not fit"]),
        ("machine=nothing", []),
    ]) func runsAreNarrowedByTheQuery(_ query: String, _ titles: [String]) async throws {
        let answer = try await ask("GET", "/console/api/runs?\(query)")
        #expect(answer.status == 200)
        #expect(answer["cache-control"] == "no-store")
        #expect(try names(answer) == titles)
    }

    @Test func pagesJoinWithoutGapOrRepeat() async throws {
        var titles: [String] = []
        var path = "/console/api/runs?limit=3"
        for _ in 0..<10 {
            let answer = try await ask("GET", path)
            titles += try names(answer)
            guard let next = try JSON(parsing: answer.text)["next"]?.stringValue else { break }
            path = "/console/api/runs?limit=3&before=\(next)"
        }
        #expect(titles == recordings.day.compactMap(\.run.title))
    }

    @Test(arguments: [
        ("/console/api/runs?status=broken", 400), ("/console/api/runs?limit=0", 400),
        ("/console/api/runs?limit=1001", 400), ("/console/api/runs?limit=ten", 400),
        ("/console/api/runs?before=nowhere", 400), ("/console/api/runs/nowhere", 404),
        ("/console/api/runs/nowhere/events", 404), ("/console/api/runs/a%zz", 400),
        ("/console/api/runs/0191f4c2-7d11-7a60-9c51-1f00c8a10001/states/99", 404),
        ("/console/api/runs/0191f4c2-7d11-7a60-9c51-1f00c8a10001/states/x", 404), ("/console/assets/nothing.js", 404),
    ]) func whatCannotBeAnsweredIsAProblem(_ path: String, _ status: Int) async throws {
        let answer = try await ask("GET", path)
        #expect(answer.status == status)
        #expect(answer["content-type"] == "application/problem+json")
        #expect(try JSON(parsing: answer.text)["detail"]?.stringValue?.isEmpty == false)
    }

    @Test func aRunIsStartedAgainWithItsInputOrAnother() async throws {
        var detail = recordings.failed
        detail.input = ["id": 12_345_678_901_234_567]
        var child = recordings.succeeded
        child.run.mapRunARN = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:1"
        let runs = RecordedRuns([detail, child])
        let path = "/console/api/runs/\(detail.run.id)/again"
        let json = ["Content-Type": "application/json"]
        let answer = try await ask("POST", path, json, "{}", of: runs)
        #expect(answer.status == 201, "\(answer.text)")
        #expect(try JSON(parsing: answer.text)["executionArn"] == "arn:aws:states:::execution:ingest:new")
        #expect(try await ask("POST", path, json, #"{"input": [1]}"#, of: runs).status == 201)
        #expect(
            runs.starts == [
                .init(machine: "ingest", name: nil, input: #"{"id":12345678901234567}"#),
                .init(machine: "ingest", name: nil, input: "[1]"),
            ])
        let refused = try await ask("POST", "/console/api/runs/\(child.run.id)/again", json, "{}", of: runs)
        #expect(refused.status == 400)
        #expect(try await ask("POST", "/console/api/runs/nowhere/again", json, "{}", of: runs).status == 404)
        #expect(runs.starts.count == 2)
    }

    @Test func anEngineThatIsAwayIsSaidToBe() async throws {
        let runs = RecordedRuns([])
        runs.refuse(with: EngineError(code: .unavailable, message: "The engine stands by."))
        let answer = try await ask("GET", "/console/api/runs", of: runs)
        #expect(answer.status == 503)
        #expect(answer["retry-after"] == "1")
        #expect(try JSON(parsing: answer.text)["detail"] == "The engine stands by.")
    }

    @Test(arguments: [
        "0191f4c2-7d11-7a60-9c51-1f00c8a10001",
        "arn:aws:states:us-east-1:000000000000:execution:ingest:upload-0191f4c2-7d11-7a60-9c51-1f00c8a10001",
        "arn%3Aaws%3Astates%3Aus-east-1%3A000000000000%3Aexecution%3Aingest%3Aupload-0191f4c2-7d11-7a60-9c51-1f00c8a10001",
    ]) func aRunIsFoundByIdAndARN(_ id: String) async throws {
        let answer = try await ask("GET", "/console/api/runs/\(id)")
        let document = try JSON(parsing: answer.text)
        #expect(document["title"] == "Elf")
        #expect(document["startDate"] == "2026-11-18T11:04:26.000Z")
        #expect(document["input"] == Recordings.input)
        #expect(document["states"]?.arrayValue?.count == 5)
        #expect(document["states"]?[2]?["path"] == "Encode[0]")
        #expect(document["entries"]?[0]?["progress"]?["parts"]?.arrayValue?.count == 4)
        #expect(document["progress"]?["speed"] == 1.9)
    }

    @Test func payloadsBeyondTheBudgetAreLeftToBeAskedFor() throws {
        let states = (1...10).map { entry in
            StateEntryView(
                entry: entry, name: "S", type: "Task", status: .succeeded, enteredAtMicroseconds: 0,
                input: .string(String(repeating: "x", count: 98)), output: nil)
        }
        let documents = RunDocument.states(states, payloadBudget: 350).arrayValue ?? []
        #expect(documents.count == 10)
        #expect(
            documents.map { $0["payloadsOmitted"] != nil } == Array(repeating: true, count: 7) + [false, false, false])
        #expect(documents.map { $0["input"] == nil } == Array(repeating: true, count: 7) + [false, false, false])
    }

    @Test func oneStateEntryComesWhole() async throws {
        let answer = try await ask("GET", "/console/api/runs/0191f4c2-7d11-7a60-9c51-1f00c8a10001/states/1")
        #expect(try JSON(parsing: answer.text)["output"] == Recordings.media)
    }

    @Test func stoppingNeedsJSONAndPassesTheReasonOn() async throws {
        let runs = RecordedRuns(recordings.day)
        let path = "/console/api/runs/0191f4c2-7d11-7a60-9c51-1f00c8a10001/stop"
        #expect(try await ask("POST", path, ["Content-Type": "text/plain"], "{}", of: runs).status == 415)
        #expect(try await ask("POST", path, [:], "cause=x", of: runs).status == 415)
        let json = ["Content-Type": "application/json; charset=utf-8"]
        #expect(try await ask("POST", path, json, "[]", of: runs).status == 400)
        #expect(try await ask("POST", path, json, "{\"cause\":1}", of: runs).status == 400)
        let long = String(repeating: "x", count: 257)
        #expect(try await ask("POST", path, json, "{\"error\":\"\(long)\"}", of: runs).status == 400)
        #expect(runs.stops.isEmpty)
        let answer = try await ask(
            "POST", path, json, "{\"error\":\"Operator.Stopped\",\"cause\":\"wrong cut\"}", of: runs)
        #expect(answer.status == 200)
        #expect(try JSON(parsing: answer.text)["status"] == "ABORTED")
        #expect(
            runs.stops == [
                .init(id: "0191f4c2-7d11-7a60-9c51-1f00c8a10001", error: "Operator.Stopped", cause: "wrong cut")
            ])
    }

    @Test func redrivingNeedsJSONAndIsRefusedWithTheReason() async throws {
        let runs = RecordedRuns(recordings.day)
        let json = ["Content-Type": "application/json"]
        let refused = try #require(recordings.day.first { $0.run.status == .succeeded }).run.id
        let failed = try #require(recordings.day.first { $0.run.status == .failed }).run.id
        #expect(try await ask("POST", "/console/api/runs/\(failed)/redrive", [:], "{}", of: runs).status == 415)
        let answer = try await ask("POST", "/console/api/runs/\(refused)/redrive", json, "{}", of: runs)
        #expect(answer.status == 409 && answer.text.contains("SUCCEEDED"))
        #expect(runs.redriven.isEmpty)
        #expect(try await ask("POST", "/console/api/runs/\(failed)/redrive", json, "{}", of: runs).status == 200)
        #expect(runs.redriven == [failed])
    }

    @Test func workersTellWhatTheyDo() async throws {
        let document = try JSON(parsing: try await ask("GET", "/console/api/workers").text)
        #expect(document["workers"]?[1]?["tasks"]?[0]?["state"] == "Transcode")
        #expect(document["workers"]?[1]?["lastSeen"] == "2026-11-18T11:05:58.000Z")
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400_123_999, "2000-02-29T00:00:00.123Z"),
        (4_102_444_799_999_000, "2099-12-31T23:59:59.999Z"), (1_709_251_199_000_000, "2024-02-29T23:59:59.000Z"),
    ]) func instantsAreRFC3339(_ microseconds: Int64, _ text: String) {
        #expect(
            StartedExecution(executionARN: "", startDateMicroseconds: microseconds).json["startDate"] == .string(text))
    }
}
