import EngineClient
import Foundation
import JSON
import ScriptedServer
import Testing

extension EndToEnd {
    /// Tasks that call APIs, and tasks that wait for people: a stage that may call this machine.
    @Suite struct IntegrationTests {
        private static let secret = "s3cret-9f1c7d"

        private func stage() async throws -> TestStage {
            try await TestStage.start(workers: 0, options: ["--allow-private-addresses", "127.0.0.1/32"])
        }

        private func performing(_ body: (TestStage) async throws -> Void) async throws {
            let stage = try await stage()
            do { try await body(stage) } catch {
                try await stage.stop()
                throw error
            }
            try await stage.stop()
        }

        private func make(_ name: String, _ states: JSON, startAt: String, _ stage: TestStage) async throws -> String {
            let made = try await stage.client.call(
                "CreateStateMachine",
                [
                    "name": .string(name), "roleArn": "arn:aws:iam::000000000000:role/r",
                    "definition": .string((["StartAt": .string(startAt), "States": states] as JSON).text),
                ])
            return try #require(made["stateMachineArn"]?.stringValue)
        }

        private func start(_ machine: String, _ stage: TestStage) async throws -> String {
            let started = try await stage.client.call("StartExecution", ["stateMachineArn": .string(machine)])
            return try #require(started["executionArn"]?.stringValue)
        }

        /// A state that calls an API, retried once for a status of 500, whose errors lead on.
        private func call(_ url: String, _ method: String, connection: String?, next: String?) -> JSON {
            var parameters: JSON = [
                "ApiEndpoint": .string(url), "Method": .string(method), "RequestBody": ["film": "Elf"],
            ]
            parameters["Authentication"] = connection.map { ["ConnectionArn": .string($0)] }
            return .members(
                ("Type", "Task"), ("Resource", "arn:aws:states:::http:invoke"), ("Parameters", parameters),
                ("ResultPath", "$.result"), ("TimeoutSeconds", 90),
                (
                    "Retry",
                    [["ErrorEquals": ["States.Http.StatusCode.500"], "IntervalSeconds": 1, "MaxAttempts": 2]]
                ),
                (
                    "Catch",
                    next.map { [["ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": .string($0)]] }
                ), ("Next", next.map { .string($0) }), ("End", next == nil ? true : nil))
        }

        @Test("http:invoke: 200, 500 retried, cut after the request was sent, a redirect refused, no secret anywhere")
        func callsAPIs() async throws {
            try await performing { stage in
                let seen = Collected<ScriptedServer.Received>()
                let server = try ScriptedServer { connection in
                    guard let request = connection.receive() else { return }
                    seen.add(request)
                    let count = seen.all.filter { $0.line == request.line }.count
                    switch request.line.split(separator: " ")[1] {
                    case "/good": connection.answer(200, "Content-Type: application/json\r\n", #"{"id":7}"#)
                    case "/flaky":
                        connection.answer(count < 3 ? 500 : 200, "Content-Type: text/plain\r\n", "at last")
                    case "/away": connection.answer(302, "Location: http://127.0.0.2:9/\r\n")
                    // "/cut": the request is here, and no answer goes back.
                    default: return
                    }
                }
                let file = Workplace.file("connection.json")
                let document: JSON = [
                    "AuthorizationType": "API_KEY",
                    "AuthParameters": [
                        "ApiKeyAuthParameters": ["ApiKeyName": "X-Api-Key", "ApiKeyValue": .string(Self.secret)]
                    ],
                ]
                try Data(document.utf8).write(to: URL(filePath: file))
                let created = try await stage.showrunner(
                    "connections", "create", "partner", "--origin", server.url, "--file", file)
                #expect(created.status == 0, "\(created)")
                let arn = created.output.trimmingCharacters(in: .whitespacesAndNewlines)
                let listed = try await stage.showrunner("connections", "list", "--json")
                #expect(listed.output.contains("partner") && !listed.output.contains(Self.secret))

                let states: JSON = [
                    "Good": call(server.url + "/good", "POST", connection: arn, next: "Flaky"),
                    "Flaky": call(server.url + "/flaky", "POST", connection: arn, next: "Cut"),
                    "Cut": call(server.url + "/cut", "POST", connection: arn, next: "CutGet"),
                    "CutGet": call(server.url + "/cut", "GET", connection: nil, next: "Away"),
                    "Away": call(server.url + "/away", "GET", connection: nil, next: "Unknown"),
                    "Unknown": call(server.url + "/good", "POST", connection: arn + "0", next: nil),
                ]
                let machine = try await make("calls", states, startAt: "Good", stage)
                let run = try await start(machine, stage)
                let ended = try await stage.end(of: run)
                func entry(_ name: String) throws -> JSON {
                    try #require(ended["states"]?.arrayValue?.first { $0["name"]?.stringValue == name })
                }
                let good = try entry("Good")
                #expect(good["output"]?["result"]?["ResponseBody"] == ["id": 7], "\(good)")
                #expect(good["output"]?["result"]?["StatusText"] == "OK")
                let flaky = try entry("Flaky")
                #expect(flaky["attempts"] == 3)
                #expect(flaky["output"]?["result"]?["ResponseBody"] == "at last")
                for (state, error) in [
                    ("Cut", "Showrunner.HttpOutcomeUnknown"), ("CutGet", "States.Http.Socket"),
                    ("Away", "Showrunner.HttpAddressForbidden"),
                    ("Unknown", "Events.ConnectionResource.ResourceNotFound"),
                ] {
                    #expect(try entry(state)["error"]?.stringValue == error, "\(state)")
                }
                // All attempts of one passage are known by one key, and each passage by its own.
                let keys = seen.all.filter { $0.line.hasPrefix("POST") }.map { ($0.line, $0.header("Idempotency-Key")) }
                #expect(Set(keys.filter { $0.0.contains("/flaky") }.map { $0.1 }).count == 1)
                #expect(Set(keys.map { $0.1 }).count == 3)
                #expect(
                    seen.all.filter { $0.line.hasPrefix("POST") }.allSatisfy { $0.header("X-Api-Key") == Self.secret })

                let history = try await stage.showrunner("runs", "history", run, "--json")
                #expect(history.output.contains("http:invoke") || history.output.contains("invoke"))
                let told = [history.output, ended.text, stage.up.lastWords(100_000)]
                #expect(!told.contains { $0.contains(Self.secret) })
                // Nor in any file: database, logs, objects.
                let deleted = try await stage.showrunner("connections", "delete", "partner")
                #expect(deleted.status == 0, "\(deleted)")
                let search = try await Program.run("/usr/bin/grep", ["-rlaF", Self.secret, stage.directory])
                #expect(search.status == 1, "found in \(search.output)")
            }
        }

        @Test("a step asks, a person answers: approved, rejected, and over a new engine")
        func waitsForPeople() async throws {
            try await performing { stage in
                let states: JSON = [
                    "Review": [
                        "Type": "Task", "Resource": "arn:aws:states:::showrunner:approve.waitForTaskToken",
                        "Parameters": ["question": "May it go out?", "details": ["film": "Elf"]], "End": true,
                    ]
                ]
                let machine = try await make("review", states, startAt: "Review", stage)
                func waiting(_ run: String) async throws {
                    try await eventually("the question is asked", within: .seconds(60)) {
                        let history = try await stage.client.call("GetExecutionHistory", ["executionArn": .string(run)])
                        return history["events"]?.arrayValue?.contains { $0["type"] == "TaskSubmitted" } == true
                    }
                }
                let approved = try await start(machine, stage)
                let rejected = try await start(machine, stage)
                try await waiting(approved)
                try await waiting(rejected)
                let shown = try await stage.showrunner("runs", "show", approved)
                #expect(shown.output.contains("waits for an answer to the task token"))
                // Who waits for a person outlives the engine.
                let old = try stage.kill9("engine")
                _ = try await stage.successor(of: old, "engine")
                try await eventually("the engine serves again", within: .seconds(60)) {
                    try await stage.showrunner("runs", "show", approved).status == 0
                }
                let yes = try await stage.showrunner("tasks", "approve", approved, "--output", #"{"by":"Ann"}"#)
                #expect(yes.status == 0, "\(yes)")
                #expect(try await stage.end(of: approved)["output"] == ["by": "Ann"])
                let no = try await stage.showrunner("tasks", "reject", rejected, "--reason", "too loud")
                #expect(no.status == 0, "\(no)")
                let failed = try await stage.end(of: rejected)
                #expect(failed["error"] == "Showrunner.Rejected" && failed["cause"] == "too loud")
                let again = try await stage.showrunner("tasks", "approve", approved)
                #expect(again.status == 1)
            }
        }
    }
}
