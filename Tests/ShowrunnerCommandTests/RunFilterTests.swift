import EngineClient
import JSON
import ScriptedServer
import StatesLanguage
import Testing

@testable import showrunner

@Suite("Which runs are meant", .timeLimit(.minutes(2)))
struct RunFilterTests {
    /// 2026-11-28T10:00:00Z.
    private static let now: Int64 = 1_795_860_000

    /// A list of 700 runs, the latest first, each a minute older than the one before, the first half a minute; the third of
    /// each three has failed.
    private static func list(_ calls: Collected<String>) throws -> ScriptedServer {
        try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            let address = request.line.split(separator: " ")[1]
            calls.add(String(address))
            func value(_ name: String) -> Int? {
                address.split(whereSeparator: { "?&".contains($0) }).first { $0.hasPrefix(name + "=") }
                    .flatMap { Int($0.dropFirst(name.count + 1)) }
            }
            let begin = value("before") ?? 0
            let end = min(begin + (value("limit") ?? 0), 700)
            let runs = (begin..<end).map { index -> JSON in
                let start = (now - Int64(index * 60 + 30)) * 1_000_000
                return .members(
                    ("executionArn", .string("arn:\(index)")), ("title", .string("Film \(index)")),
                    ("startDate", .string(Timestamp.text(microseconds: start))),
                    ("error", index % 3 == 2 ? JSON.string("Disk.Full") : JSON?.none),
                    ("redrivable", .bool(index % 2 == 0)))
            }
            let page = JSON.members(
                ("items", .array(runs)), ("next", end < 700 ? JSON.string("\(end)") : JSON?.none))
            connection.answer(200, "Connection: close\r\n", page.text)
        }
    }

    private static func found(
        _ filter: RunFilter, status: String? = nil, limit: Int = 1000, _ calls: Collected<String>,
        where isMeant: (JSON) -> Bool = { _ in true }
    ) async throws -> [String] {
        let server = try list(calls)
        let client = try EngineClient(engine: server.url, environment: [:])
        return try await filter.find(client, status: status, limit: limit, now: now, where: isMeant)
            .compactMap { $0["executionArn"]?.stringValue }
    }

    @Test("what the engine does not narrow is looked for page by page")
    func pages() async throws {
        let calls = Collected<String>()
        let filter = try RunFilter.parse(["--machine", "in gest", "--search", "film 65"])
        let found = try await Self.found(filter, status: "failed", calls)
        #expect(found == ["arn:65"] + (650..<660).map { "arn:\($0)" })
        let first = "/console/api/runs?limit=500&machine=in%20gest&status=FAILED"
        #expect(calls.all == [first, first + "&before=500"])
    }

    @Test("it ends with as many as were asked for, and where everything is older")
    func ends() async throws {
        let calls = Collected<String>()
        let some = try await Self.found(RunFilter.parse(["--search", "disk.full"]), limit: 3, calls) {
            $0["redrivable"] == true
        }
        #expect(some == ["arn:2", "arn:8", "arn:14"])
        #expect(try await Self.found(RunFilter.parse(["--since", "3m"]), calls) == ["arn:0", "arn:1", "arn:2"])
        #expect(try await Self.found(RunFilter.parse(["--since", "9h"]), calls).count == 540)
        #expect(try await Self.found(RunFilter.parse(["--since", "1d"]), calls).count == 700)
        // A page each but for nine hours and a day, which take two.
        #expect(calls.all.count == 6)
    }

    @Test("spans are minutes, hours and days")
    func spans() {
        for (text, seconds) in [("30m", 1800), ("24h", 86_400), ("7d", 604_800)] {
            #expect(RunFilter.seconds(text) == Int64(seconds))
        }
        for text in ["", "h", "5", "0h", "-1h", "1.5h", "1w", "24 h", "999999999d"] {
            #expect(RunFilter.seconds(text) == nil, "\(text)")
        }
        #expect(throws: (any Error).self) { try RunFilter.parse(["--since", "yesterday"]) }
    }

    @Test("runs are redriven only where somebody says which", arguments: [[], ["--limit", "5"], ["--dry-run"]])
    func saysWhich(_ arguments: [String]) throws {
        #expect(throws: (any Error).self) { try RunsCommand.RedriveAll.parse(arguments) }
        #expect(try RunsCommand.RedriveAll.parse(arguments + ["--error", "E"]).error == "E")
    }

    private static let machines = "arn:aws:states:us-east-1:000000000000:stateMachine:"

    @Test(
        "a machine is missed only where no run is listed by its name, and what is looked for then is what the name is of",
        arguments: [
            ("ingest", true, nil, ""), ("ingest", false, "DescribeStateMachine", "ingest"),
            ("ingest/Each", true, nil, ""), ("ingest/Each", false, "DescribeStateMachine", "ingest"),
            (machines + "ingest/Each", false, "DescribeStateMachine", "ingest"),
            (machines + "ingest:live", true, nil, ""),
            (machines + "ingest:live", false, "DescribeStateMachineAlias", "ingest:live"),
            ("ingest:live", false, "DescribeStateMachineAlias", "ingest:live"),
            (machines + "ingest:2", false, "DescribeStateMachine", "ingest:2"),
        ] as [(String, Bool, String?, String)])
    func missed(_ name: String, _ hasRuns: Bool, _ operation: String?, _ resource: String) async throws {
        let calls = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            calls.add(request)
            if request.line.hasPrefix("GET") {
                connection.answer(200, "Connection: close\r\n", hasRuns ? #"{"items":[{}]}"# : #"{"items":[]}"#)
            } else {
                connection.answer(
                    400, "Connection: close\r\n", #"{"__type":"StateMachineDoesNotExist","message":"Not there."}"#)
            }
        }
        let client = try EngineClient(engine: server.url, environment: [:])
        let filter = try RunFilter.parse(["--machine", name])
        if operation == nil {
            try await filter.requireMachine(client)
        } else {
            let error = await #expect(throws: EngineClientError.self) { try await filter.requireMachine(client) }
            #expect(error?.error == "StateMachineDoesNotExist")
        }
        let listed = name.contains(":") && !name.hasPrefix("arn:") ? Self.machines + name : name
        #expect(
            calls.all.first?.line
                == "GET /console/api/runs?limit=1&machine=\(EngineClient.segment(listed)) HTTP/1.1")
        #expect(calls.all.count == (operation == nil ? 1 : 2))
        if let operation, let asked = calls.all.last {
            #expect(asked.header("X-Amz-Target") == "AWSStepFunctions.\(operation)")
            let member = operation == "DescribeStateMachine" ? "stateMachineArn" : "stateMachineAliasArn"
            #expect(try JSON(parsing: asked.content) == .members((member, .string(Self.machines + resource))))
        }
    }

    @Test(
        "what a run does now is a few words, also where it does much at once",
        arguments: [
            ([], "-"), (["Validate"], "Validate"),
            (["Encode", "Thumbnails", "Transcode"], "Encode + Thumbnails + Transcode"),
            (["Items"] + Array(repeating: "Pause", count: 80), "Items + Pause x 80"),
            (["A", "B", "A", "C", "D", "E"], "A x 2 + B + C + 2 more"),
        ] as [([String], String)])
    func now(_ current: [String], _ words: String) {
        #expect(RunDisplay.now(["current": .array(current.map(JSON.string))]) == words)
    }
}
