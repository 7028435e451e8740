import HTTPServerTestSupport
import JSON
import PostgresTestSupport
import Testing

@testable import Access

@Suite("What callers are told while the database does not answer", .timeLimit(.minutes(2)))
struct PatienceTests {
    private static let definition = #"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3600,"End":true}}}"#

    /// As SDKs do: again, while it is refused as unavailable.
    private func repeated(
        _ client: LoopbackClient, _ operation: String, _ members: JSON
    ) async throws -> LoopbackClient.Answer {
        while true {
            let answer = try await client.send("POST", "/", LoopbackClient.wire(operation), body: members.utf8)
            if answer.status != 503 { return answer }
        }
    }

    /// What is answered while the database hangs; on a busy machine the row of the audit log may be what is waited for first.
    private func unanswered(
        _ client: LoopbackClient, _ method: String, _ path: String, _ headers: [String: String], _ body: [UInt8]
    ) async throws -> LoopbackClient.Answer {
        while true {
            let answer = try await client.send(method, path, headers, body: body)
            if !answer.text.contains("audit log") { return answer }
        }
    }

    /// A machine that only waits, and an execution of it.
    private func startWaiting(_ client: LoopbackClient) async throws -> String {
        let machine: JSON = [
            "name": "short", "roleArn": "arn:aws:iam::000000000000:role/films", "definition": .string(Self.definition),
        ]
        #expect(try await repeated(client, "CreateStateMachine", machine).status == 200)
        let start: JSON = ["stateMachineArn": .string(Gate.machine), "name": "waiting"]
        let answer = try await repeated(client, "StartExecution", start)
        return try #require(try answer.document["executionArn"]?.stringValue)
    }

    @Test("an operator's order is answered as unavailable, and carried out once it can be")
    func order() async throws {
        try await Gate.with(trustsThisMachine: true, patience: .milliseconds(400)) { gate, client in
            let arn = try await startWaiting(client)
            let path = "/console/api/runs/" + arn.split(separator: ":").joined(separator: "%3A")
            try await holding("showrunner.journal", of: gate.url) {
                let answer = try await unanswered(
                    client, "POST", path + "/stop", LoopbackClient.json, Array("{}".utf8))
                #expect(answer.status == 503 && answer["Retry-After"] == "1", "\(answer.text)")
                #expect(answer.text.contains("not known"), "\(answer.text)")
            }
            var status: JSON?
            while status != "ABORTED" {
                let answer = try await client.get(path)
                if answer.status == 200 { status = try answer.document["status"] }
            }
        }
    }

    @Test("an upload's last part is answered as unavailable, and its execution is there for whoever asks again")
    func upload() async throws {
        try await Gate.with(trustsThisMachine: true, patience: .milliseconds(400)) { gate, client in
            _ = try await startWaiting(client)
            let version = ["Tus-Resumable": "1.0.0"]
            // The machine `short`, for the film `a.mp4`.
            let made = try await client.send(
                "POST", "/uploads",
                version.merging(["Upload-Length": "4", "Upload-Metadata": "filename YS5tcDQ=,workflow c2hvcnQ="]) { $1 }
            )
            let place = try #require(made["Location"], "\(made.text)")
            let fields = ["Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"]
            try await holding("showrunner.execution_name", of: gate.url) {
                let answer = try await client.send(
                    "PATCH", place, version.merging(fields) { $1 }, body: Array("film".utf8))
                #expect(answer.status == 503 && answer["Retry-After"] == "1", "\(answer.text)")
            }
            var execution: String?
            while execution == nil { execution = try await client.send("HEAD", place, version)["Execution-Arn"] }
            let list = try await repeated(client, "ListExecutions", ["stateMachineArn": .string(Gate.machine)])
            #expect(try list.document["executions"]?.arrayValue?.count == 2)
        }
    }

    @Test("a start is answered as unavailable; made again it finds the execution that it started")
    func start() async throws {
        try await Gate.with(trustsThisMachine: true, patience: .milliseconds(400)) { gate, client in
            let machine: JSON = [
                "name": "short", "roleArn": "arn:aws:iam::000000000000:role/films",
                "definition": .string(Self.definition),
            ]
            #expect(try await repeated(client, "CreateStateMachine", machine).status == 200)
            let start: JSON = ["stateMachineArn": .string(Gate.machine), "name": "one"]
            try await holding("showrunner.execution_name", of: gate.url) {
                let answer = try await unanswered(
                    client, "POST", "/", LoopbackClient.wire("StartExecution"), start.utf8)
                #expect(answer.status == 503 && answer["Retry-After"] == "1")
                #expect(answer["Content-Type"] == "application/x-amz-json-1.0")
                #expect(try answer.errorType == "ServiceUnavailable")
                #expect(answer.text.contains("not known"), "\(answer.text)")
            }
            let again = try await repeated(client, "StartExecution", start)
            #expect(again.status == 200, "\(again.text)")
            let list = try await repeated(client, "ListExecutions", ["stateMachineArn": .string(Gate.machine)])
            #expect(try list.document["executions"]?.arrayValue?.count == 1)
        }
    }

    @Test("a change whose audit row does not go in is not made")
    func audit() async throws {
        try await Gate.with(trustsThisMachine: true, patience: .milliseconds(400)) { gate, client in
            try await holding("showrunner.audit", of: gate.url) {
                let answer = try await client.send(
                    "POST", "/", LoopbackClient.wire("CreateActivity"), body: Array(#"{"name":"a"}"#.utf8))
                #expect(try answer.status == 503 && answer.errorType == "ServiceUnavailable")
                #expect(answer.text.contains("audit"), "\(answer.text)")
            }
            let list = try await repeated(client, "ListActivities", [:])
            #expect(try list.document["activities"]?.arrayValue?.isEmpty == true, "\(list.text)")
        }
    }
}
