import Foundation
import HTTP
import JSON
import PostgresTestSupport
import Testing

extension EndToEnd {
    /// An execution that ends the engine whenever it decides on one event: a trap behind `SHOWRUNNER_TRAP`.
    @Suite struct PoisonTests {
        private static let machine = """
            StartAt: Ask
            States:
              Ask:
                Type: Task
                Resource: arn:aws:states:::showrunner:approve
                End: true
            """

        @Test("an execution that ended two engines is set aside, and all else goes on")
        func twice() async throws {
            let directory = Workplace.file("poison")
            try FileManager.default.createDirectory(
                atPath: directory + "/workflows", withIntermediateDirectories: true)
            try Self.machine.write(
                toFile: directory + "/workflows/ask.asl.yaml", atomically: true, encoding: .utf8)
            let (database, port) = (try await TestDatabase.empty(), FreePorts.neighbours(1))
            let url = "http://127.0.0.1:\(port)"
            let http = HTTPClient()

            func engine(_ number: Int, isTrapped: Bool = true) async throws -> Program {
                let program = try Program(
                    Binaries.showrunner,
                    [
                        "engine", "--database", database, "--port", "\(port)", "--store", directory + "/objects",
                        "--spool", directory + "/uploads", "--workflows", directory + "/workflows",
                    ],
                    environment: [
                        "SHOWRUNNER_TRAP": isTrapped ? "taskSucceeded bad" : "", "SWIFT_BACKTRACE": "enable=no",
                    ], logs: Workplace.path, name: "poison-\(port)-\(number)")
                try await eventually("engine \(number)") {
                    guard program.isRunning else { throw TooLate(description: program.lastWords()) }
                    do { return try await http.send(HTTPRequest("GET", url + "/readyz")).status == 200 } catch {
                        return false
                    }
                }
                return program
            }
            @Sendable func post(_ path: String, _ body: JSON) async throws -> (status: Int, body: JSON) {
                let answer = try await http.send(
                    HTTPRequest(
                        "POST", url + path, headers: ["Content-Type": "application/json"], body: .bytes(body.utf8)))
                return (answer.status, answer.body.isEmpty ? nil : try JSON(parsing: answer.body))
            }
            func take() async throws -> (token: JSON, run: String) {
                let poll = try await post(
                    "/worker/v1/poll",
                    [
                        "worker": "w", "incarnation": "i", "version": "1", "steps": ["approve"], "slots": 4,
                        "waitSeconds": 20,
                    ])
                let task = try #require(poll.body["task"], "\(poll)")
                let run = task["executionArn"]?.stringValue ?? ""
                return (try #require(task["token"]), run.split(separator: ":").last.map(String.init) ?? "")
            }
            func showrunner(_ arguments: String...) async throws -> JSON {
                let ended = try await Program.run(Binaries.showrunner, arguments + ["--engine", url, "--json"])
                try #require(ended.status == 0, "\(arguments): \(ended)")
                return try JSON(parsing: ended.output)
            }

            var program = try await engine(1)
            for name in ["bad", "good"] {
                _ = try await showrunner("runs", "start", "ask", "--name", name, "--input", #"{"question":"Go on?"}"#)
            }
            let tasks = [try await take(), try await take()]
            let bad = try #require(tasks.first { $0.run == "bad" })
            let good = try #require(tasks.first { $0.run == "good" })
            for number in 2...3 {
                let sent = Task { try await post("/worker/v1/complete", ["token": bad.token, "output": [:]]) }
                // SIGILL or SIGTRAP, as the processor has it.
                let status = try await program.status(within: .seconds(60))
                #expect(status > 128, "the engine ended with \(status)")
                #expect(await sent.result.error != nil, "nobody answered")
                program = try await engine(number)
            }
            let run = try await showrunner("runs", "show", "bad")
            #expect(run["status"] == "RUNNING", "\(run)")
            #expect(run["quarantine"]?.stringValue?.contains("event 'taskSucceeded'") == true, "\(run)")
            let why = try await showrunner("runs", "why", "bad")
            #expect(why["waits"]?[0]?["code"] == "QUARANTINED", "\(why)")
            // Its worker is to ask again: the attempt stands.
            #expect(try await post("/worker/v1/complete", ["token": bad.token, "output": [:]]).status == 503)
            #expect(try await post("/worker/v1/complete", ["token": good.token, "output": [:]]).status == 200)
            #expect(try await showrunner("runs", "show", "good")["status"] == "SUCCEEDED")

            // With the fault out of the engine it goes on where it was.
            program.signal(SIGTERM)
            #expect(try await program.status(within: .seconds(60)) == 0)
            program = try await engine(4, isTrapped: false)
            _ = try await showrunner("runs", "release", "bad")
            #expect(
                try await post("/worker/v1/complete", ["token": bad.token, "output": ["is": "there"]]).status == 200)
            #expect(try await showrunner("runs", "show", "bad")["status"] == "SUCCEEDED")
            program.signal(SIGTERM)
            #expect(try await program.status(within: .seconds(60)) == 0)
        }
    }
}

extension Result {
    fileprivate var error: Failure? { if case .failure(let error) = self { error } else { nil } }
}
