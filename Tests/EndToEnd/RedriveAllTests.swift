import Foundation
import JSON
import ScriptedServer
import Testing

extension EndToEnd {
    /// What an operator does after an outage.
    @Suite struct RedriveAllTests {
        @Test("those that are meant go on where they stopped, and the others stay")
        func goOn() async throws {
            let stage = try sharedStage()
            let activity = try #require(
                try await stage.client.call("CreateActivity", ["name": "outage"])["activityArn"]?.stringValue)
            let definition = JSON.object([
                "StartAt": "Ask",
                "States": ["Ask": ["Type": "Task", "Resource": .string(activity), "End": true]],
            ])
            let machine = try #require(
                try await stage.client.call(
                    "CreateStateMachine",
                    [
                        "name": "outage", "definition": .string(definition.text),
                        "roleArn": "arn:aws:iam::000000000000:role/r",
                    ])["stateMachineArn"])
            var failed: [String: String] = [:]
            for (name, error) in [("a", "Disk.Full"), ("b", "Film.Broken"), ("c", "Disk.Full")] {
                let arn = try #require(
                    try await stage.client.call("StartExecution", ["stateMachineArn": machine, "name": .string(name)])[
                        "executionArn"]?.stringValue)
                try await Self.answer(stage, activity, "SendTaskFailure", ["error": .string(error), "cause": "test"])
                let run = try await stage.end(of: arn)
                try #require(run["status"] == "FAILED" && run["error"]?.stringValue == error)
                failed[name] = arn
            }
            let (first, broken, last) = (
                try #require(failed["a"]), try #require(failed["b"]), try #require(failed["c"])
            )
            func redriveAll(_ arguments: String...) async throws -> Ended {
                try await Program.run(
                    Binaries.showrunner, ["runs", "redrive-all", "--machine", "outage"] + arguments,
                    environment: ["SHOWRUNNER_ENGINE": stage.engineURL])
            }

            let told = try await redriveAll("--error", "Disk.Full", "--since", "1h", "--dry-run")
            #expect(told.status == 0 && told.output == "\(last)\n\(first)\n", "\(told)")
            let latest = try await redriveAll("--limit", "2", "--dry-run", "--json")
            #expect(try JSON(parsing: latest.output) == ["runs": [.string(last), .string(broken)]])
            let none = try await redriveAll("--error", "Disk")
            #expect(none.status == 0 && none.output == "" && none.errors == "no such run\n", "\(none)")
            #expect(try await stage.run(first)["status"] == "FAILED")

            let done = try await redriveAll("--error", "Disk.Full", "--json", "--reason", "the disk has room")
            #expect(done.status == 0 && done.errors == "", "\(done)")
            #expect(try JSON(parsing: done.output) == ["redriven": [.string(last), .string(first)], "refused": []])
            for _ in 1...2 { try await Self.answer(stage, activity, "SendTaskSuccess", ["output": "true"]) }
            for arn in [first, last] {
                let run = try await stage.end(of: arn)
                #expect(run["status"] == "SUCCEEDED" && run["redriveCount"] == 1, "\(run.prettyText)")
            }
            #expect(try await stage.run(broken)["status"] == "FAILED")
            let audit = try await stage.client.get("/access/v1/audit?action=RedriveExecution&limit=10")["items"]
            let reasons = (audit?.arrayValue ?? []).filter { row in
                [first, last].contains { row["resource"]?.stringValue?.contains($0) == true }
            }.map { $0["reason"] }
            #expect(reasons == ["the disk has room", "the disk has room"], "\(audit?.prettyText ?? "")")
        }

        /// Takes the task that waits, and ends it.
        private static func answer(
            _ stage: TestStage, _ activity: String, _ operation: String, _ members: JSON
        ) async throws {
            let task = try await stage.client.call("GetActivityTask", ["activityArn": .string(activity)])
            let token: JSON = try #require(task["taskToken"])
            var members = members
            members["taskToken"] = token
            _ = try await stage.client.call(operation, members)
        }

        /// An engine whose list has three runs, of which it redrives the first and refuses the second as its script says.
        private static func engine(_ second: @escaping @Sendable (ScriptedServer.Connection) -> Void) throws
            -> ScriptedServer
        {
            try ScriptedServer { connection in
                guard let request = connection.receive() else { return }
                let close = "Connection: close\r\n"
                guard request.line.hasPrefix("POST") else {
                    let runs = (1...3).map { index -> JSON in
                        [
                            "executionArn": .string("arn:\(index)"), "redrivable": true,
                            "startDate": .string("2026-01-0\(9 - index)T00:00:00.000Z"),
                        ]
                    }
                    let items: [JSON] = request.line.contains("status=FAILED") ? runs : []
                    return connection.answer(200, close, JSON.object(["items": .array(items)]).text)
                }
                if String(decoding: request.content, as: UTF8.self).contains("arn:2") { return second(connection) }
                connection.answer(200, close, #"{"redriveDate": 1}"#)
            }
        }

        @Test("one that the engine refuses is told, and the others are redriven")
        func refused() async throws {
            let server = try Self.engine { connection in
                connection.answer(
                    400, "Connection: close\r\n", #"{"__type": "ExecutionNotRedrivable", "message": "too late"}"#)
            }
            let command = ["runs", "redrive-all", "--machine", "m", "--engine", server.url]
            let told = try await Program.run(Binaries.showrunner, command)
            #expect(told.status == 1 && told.output == "redriven arn:1\nredriven arn:3\n", "\(told)")
            #expect(told.errors == "arn:2: too late\n")
            let document = try await Program.run(Binaries.showrunner, command + ["--json"])
            #expect(document.status == 1 && document.errors == "", "\(document)")
            #expect(
                try JSON(parsing: document.output) == [
                    "redriven": ["arn:1", "arn:3"], "refused": [["executionArn": "arn:2", "cause": "too late"]],
                ])
        }

        @Test("where the engine goes away, what has been redriven until then is told")
        func engineGoes() async throws {
            let server = try Self.engine { connection in
                connection.answer(
                    503, "Connection: close\r\n", #"{"__type": "ServiceUnavailable", "message": "it stops"}"#)
            }
            let ended = try await Program.run(
                Binaries.showrunner, ["runs", "redrive-all", "--machine", "m", "--json", "--engine", server.url])
            #expect(ended.status == 1 && ended.errors.contains("it stops"), "\(ended)")
            #expect(try JSON(parsing: ended.output) == ["redriven": ["arn:1"], "refused": []])
        }
    }
}
