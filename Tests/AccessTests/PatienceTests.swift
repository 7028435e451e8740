import HTTPServerTestSupport
import JSON
import Postgres
import Testing

@testable import Access

@Suite("What callers are told while the database does not answer", .timeLimit(.minutes(2)))
struct PatienceTests {
    private static let definition = #"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3600,"End":true}}}"#

    /// Somebody has a table for himself.
    private func holding(
        _ table: String, of gate: Gate, _ body: () async throws -> Void
    ) async throws {
        let holder = try await PostgresConnection.connect(gate.url, applicationName: "holder", deadline: .seconds(10))
        try await holder.script(
            "BEGIN; LOCK TABLE showrunner.\(table) IN ACCESS EXCLUSIVE MODE", deadline: .seconds(10))
        do { try await body() } catch {
            await holder.close()
            throw error
        }
        try await holder.script("COMMIT", deadline: .seconds(10))
        await holder.close()
    }

    /// As SDKs do: again, while it is refused as unavailable.
    private func repeated(
        _ client: LoopbackClient, _ operation: String, _ members: JSON
    ) async throws -> LoopbackClient.Answer {
        while true {
            let answer = try await client.send("POST", "/", LoopbackClient.wire(operation), body: members.utf8)
            if answer.status != 503 { return answer }
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
            try await holding("execution_name", of: gate) {
                let answer = try await client.send(
                    "POST", "/", LoopbackClient.wire("StartExecution"), body: start.utf8)
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
            try await holding("audit", of: gate) {
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
