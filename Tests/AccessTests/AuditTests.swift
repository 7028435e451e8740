import AccessControl
import Engine
import HTTPServerTestSupport
import JSON
import Journal
import Testing

@testable import Access

@Suite("The audit log, at the engine's server")
struct AuditTests {
    private static let definition = #"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#

    @Test("each change is told with who, what, when, from where, why and how it ended; looking is not")
    func rows() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            let author = try #require(keys[.author])
            let viewer = try #require(keys[.viewer])
            let before = systemMicroseconds()
            let machine: JSON = [
                "name": "short", "roleArn": "arn:aws:iam::000000000000:role/films",
                "definition": .string(Self.definition),
            ]
            #expect(try await client.call(author, "CreateStateMachine", machine).status == 200)
            var headers = LoopbackClient.wire("StartExecution")
            headers["Showrunner-Reason"] = "the night's first, für Zoë"
            let input: JSON = ["stateMachineArn": .string(Gate.machine), "name": "one"]
            let started = try await client.send(author, "POST", "/", headers, body: input.utf8)
            #expect(started.status == 200, "\(started.text)")
            let execution = try #require(try started.document["executionArn"]?.stringValue)
            #expect(
                try await client.call(author, "StartExecution", ["stateMachineArn": .string(Gate.machine + "x")]).status
                    == 400)
            _ = try await client.call(author, "DescribeExecution", ["executionArn": .string(execution)])
            _ = try await client.call(author, "SendTaskSuccess", ["taskToken": "run.3.secret", "output": "{}"])
            // Refusals of changes are told, refusals of looks and of strangers are not.
            _ = try await client.call(viewer, "StopExecution", ["executionArn": .string(execution)])
            _ = try await client.call(try #require(keys[.worker]), "ListExecutions")
            _ = try await client.send("POST", "/", LoopbackClient.wire("StopExecution"), body: Array("{}".utf8))
            _ = try await client.send(
                author, "POST", "/console/api/runs/nothing/stop", LoopbackClient.json, body: Array("{}".utf8))

            let admin = try #require(keys[.admin])
            // Outcomes follow their calls; the last one is asked for until it is there.
            var rows: [JSON] = []
            for _ in 0..<1000 {
                rows = try await client.send(admin, "GET", "/access/v1/audit").document["items"]?.arrayValue ?? []
                if rows.allSatisfy({ $0["outcome"] != nil }) { break }
            }
            func column(_ name: String) -> [String?] { rows.map { $0[name]?.stringValue } }
            #expect(
                column("action") == [
                    "StopExecution", "StopExecution", "SendTaskSuccess", "StartExecution", "StartExecution",
                    "CreateStateMachine",
                ])
            #expect(
                column("outcome") == [
                    "not-found", "AccessDeniedException", "TaskDoesNotExist", "StateMachineDoesNotExist", "Succeeded",
                    "Succeeded",
                ])
            #expect(
                column("resource") == [
                    "execution nothing", execution, "task run.3", Gate.machine + "x", Gate.machine,
                    "short",
                ])
            #expect(
                column("accessKeyId")
                    == [author, viewer, author, author, author, author].map { $0.key.id })
            #expect(column("role") == ["author", "viewer", "author", "author", "author", "author"])
            #expect(column("source") == Array(repeating: "127.0.0.1", count: 6))
            #expect(column("reason") == [nil, nil, nil, nil, "the night's first, für Zoë", nil])
            #expect(Set(column("requestId")).count == 6 && !column("requestId").contains(nil))
            for row in try await gate.journal.audit(limit: 10) {
                #expect((before...systemMicroseconds()).contains(row.at))
            }
            #expect(!rows.contains { $0.text.contains("secret") })

            // Page by page, and narrowed.
            let first = try await client.send(admin, "GET", "/access/v1/audit?limit=4").document
            let next = try #require(first["next"]?.stringValue)
            let second = try await client.send(admin, "GET", "/access/v1/audit?before=\(next)&limit=4").document
            #expect((first["items"]?.arrayValue ?? []) + (second["items"]?.arrayValue ?? []) == rows)
            #expect(second["next"] == nil)
            let narrow = try await client.send(
                admin, "GET", "/access/v1/audit?action=StopExecution&key=\(viewer.key.id)"
            ).document
            #expect(narrow["items"]?.arrayValue == [rows[1]])
            for bad in ["limit=0", "limit=1001", "before=x"] {
                #expect(try await client.send(admin, "GET", "/access/v1/audit?\(bad)").status == 400)
            }
        }
    }

    @Test("operators' orders name what they are about, executions by their ARN, also where they are given by their id")
    func subjects() async throws {
        try await Gate.with { gate, client in
            let admin = try #require(try await gate.keys()[.admin])
            let machine: JSON = [
                "name": "short", "roleArn": "arn:aws:iam::000000000000:role/films",
                "definition": #"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3600,"End":true}}}"#,
            ]
            #expect(try await client.call(admin, "CreateStateMachine", machine).status == 200)
            let arn = try await gate.engine.startExecution(machine: "short", name: "one", input: "{}").executionARN
            let run = try await gate.engine.run(arn).run.id
            func order(_ path: String, _ status: Int, _ content: JSON = [:]) async throws {
                let answer = try await client.send(
                    admin, "POST", "/console/api/\(path)", LoopbackClient.json, body: content.utf8)
                #expect(answer.status == status, "\(path): \(answer.text)")
            }
            try await order("runs/\(run)/stop", 200)
            try await order("runs/\(run)/redrive", 200)
            try await order("runs/\(run)/states/1/approve", 409)
            try await order("runs/\(arn.replacing(":", with: "%3A"))/release", 409)
            try await order("runs/\(run)/again", 201)
            try await order("workers/w-3/mode", 404, ["mode": "draining"])
            try await order("triggers/films/pause", 404, ["reason": "why not"])
            let again = try #require(
                try await gate.engine.listRuns(RunQuery(machine: "short")).items.first { $0.id != run })
            try await order("machines/short/start", 201, ["name": "by-hand"])
            let byHand = arn.replacing(":one", with: ":by-hand")
            let expected = [
                arn, arn, "execution \(run), state entry 1", arn, again.executionARN, "worker w-3", "trigger films",
                byHand,
            ]
            // Outcomes follow their calls.
            var rows: [AuditRow] = []
            for _ in 0..<1000 {
                rows = try await gate.journal.audit(limit: expected.count).reversed()
                if rows.allSatisfy({ $0.outcome != nil }) { break }
            }
            #expect(rows.map(\.resource) == expected)
        }
    }

    @Test("a proxy's word is taken for where a call comes from, and its own address kept")
    func source() async throws {
        try await Gate.with { gate, client in
            let admin = try #require(try await gate.keys()[.admin])
            var headers = LoopbackClient.wire("TagResource")
            headers["X-Forwarded-For"] = "6.6.6.6, 203.0.113.7"
            _ = try await client.send(admin, "POST", "/", headers, body: Array("{}".utf8))
            #expect(try await gate.journal.audit(limit: 1)[0].source == "203.0.113.7 by way of 127.0.0.1")
        }
    }

    @Test("many changes at once each have their row")
    func manyAtOnce() async throws {
        try await Gate.with { gate, client in
            let admin = try #require(try await gate.keys()[.admin])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let answer = try await client.call(
                            admin, "CreateActivity", ["name": .string("activity-\(number)")])
                        #expect(answer.status == 200, "\(answer.text)")
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await gate.journal.audit(limit: 100)
            #expect(Set(rows.compactMap(\.resource)) == Set((0..<60).map { "activity-\($0)" }))
            #expect(rows.count == 60)
        }
    }
}
