import Foundation
import HTTP
import JSON
import PostgresTestSupport
import Testing

extension EndToEnd {
    /// Two engines on one database. Everybody here talks to the one that stands by.
    @Suite struct StandbyTests {
        private static let machine = """
            StartAt: First
            States:
              First:
                Type: Task
                Resource: arn:aws:states:::showrunner:approve
                ResultPath: null
                Next: Second
              Second:
                Type: Task
                Resource: arn:aws:states:::showrunner:approve
                End: true
            """

        private static let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:ask"

        private struct House: Sendable {
            let directory: String
            let database: String
            let ports: [Int]
            let http = HTTPClient()

            init() async throws {
                directory = Workplace.file("standby")
                try FileManager.default.createDirectory(
                    atPath: directory + "/workflows", withIntermediateDirectories: true)
                try StandbyTests.machine.write(
                    toFile: directory + "/workflows/ask.asl.yaml", atomically: true, encoding: .utf8)
                database = try await TestDatabase.empty()
                let first = FreePorts.neighbours(2)
                ports = [first, first + 1]
            }

            /// Starts an engine, and returns when calls to it are answered, by whichever engine.
            func engine(_ place: Int, _ number: Int) async throws -> Program {
                let program = try Program(
                    Binaries.showrunner,
                    [
                        "engine", "--database", database, "--port", "\(ports[place])", "--store",
                        directory + "/objects", "--spool", "\(directory)/uploads-\(place)", "--workflows",
                        directory + "/workflows",
                    ], logs: Workplace.path, name: "standby-\(ports[place])-\(number)")
                try await eventually("engine \(number)") {
                    guard program.isRunning else { throw TooLate(description: program.lastWords()) }
                    do { return try await wire(place, "ListStateMachines", [:]).status == 200 } catch is HTTPError {
                        return false
                    }
                }
                return program
            }

            func isActive(_ place: Int) async throws -> Bool {
                try await http.send(HTTPRequest("GET", "http://127.0.0.1:\(ports[place])/readyz")).status == 200
            }

            func post(
                _ place: Int, _ path: String, _ body: JSON,
                _ headers: HTTPHeaders = ["Content-Type": "application/json"]
            ) async throws -> (status: Int, body: JSON) {
                let answer = try await http.send(
                    HTTPRequest(
                        "POST", "http://127.0.0.1:\(ports[place])\(path)", headers: headers, body: .bytes(body.utf8)))
                return (answer.status, answer.body.isEmpty ? nil : try JSON(parsing: answer.body))
            }

            func wire(_ place: Int, _ operation: String, _ input: JSON) async throws -> (status: Int, body: JSON) {
                try await post(
                    place, "/", input,
                    [
                        "X-Amz-Target": "AWSStepFunctions.\(operation)", "Content-Type": "application/x-amz-json-1.0",
                    ])
            }

            func start(_ place: Int, _ name: String) async throws -> (status: Int, body: JSON) {
                try await post(
                    place, "/",
                    [
                        "stateMachineArn": .string(StandbyTests.arn), "name": .string(name),
                        "input": #"{"question":"Go on?"}"#,
                    ],
                    [
                        "X-Amz-Target": "AWSStepFunctions.StartExecution",
                        "Content-Type": "application/x-amz-json-1.0",
                        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    ])
            }

            /// As every worker does: what the engine had in its hands as it was killed is asked again.
            private func repeated(
                _ place: Int, _ path: String, _ body: JSON
            ) async throws -> (status: Int, body: JSON) {
                try await eventually("\(path) is answered") {
                    let answer = try await post(place, path, body)
                    return answer.status == 503 ? nil : answer
                }
            }

            /// Takes a task and does it.
            func work(_ place: Int) async throws {
                let poll = try await repeated(
                    place, "/worker/v1/poll",
                    [
                        "worker": "w", "incarnation": "i", "version": "1", "steps": ["approve"], "slots": 4,
                        "waitSeconds": 20,
                    ])
                let token = try #require(poll.body["task"]?["token"], "\(poll)")
                let parent = poll.body["task"]?["traceparent"]?.stringValue
                #expect(parent?.contains("0af7651916cd43dd8448eb211c80319c") == true, "\(poll)")
                let completion = try await repeated(place, "/worker/v1/complete", ["token": token, "output": [:]])
                #expect(completion.status == 200, "\(completion)")
            }
        }

        @Test("an execution is driven to its end through the engine that stands by, though the active one is killed")
        func killed() async throws {
            let house = try await House()
            let first = try await house.engine(0, 1)
            let second = try await house.engine(1, 2)
            #expect(try await house.isActive(0))
            #expect(try await !house.isActive(1))
            let started = try await house.start(1, "one")
            let execution = try #require(started.body["executionArn"], "\(started)")
            try await house.work(1)
            first.signal(SIGKILL)
            // Nobody is active at this moment: the call waits.
            try await house.work(1)
            let described = try await house.wire(1, "DescribeExecution", ["executionArn": execution])
            #expect(described.status == 200 && described.body["status"] == "SUCCEEDED", "\(described)")
            #expect(try await house.isActive(1))
            _ = try await first.status(within: .seconds(30))

            // A restart in order fails no call of those who talk to the other engine.
            let third = try await house.engine(0, 3)
            #expect(try await !house.isActive(0))
            let calls = Task {
                var statuses: [Int] = []
                for number in 0..<40 {
                    var status = 503
                    // As every SDK does: what the engine had in its hands as it stopped, it may have refused.
                    for _ in 0..<10 where status == 503 { status = try await house.start(0, "n\(number)").status }
                    statuses.append(status)
                }
                return statuses
            }
            second.signal(SIGTERM)
            #expect(try await second.status(within: .seconds(60)) == 0, "\(second.lastWords())")
            #expect(try await calls.value == Array(repeating: 200, count: 40), "\(third.lastWords())")
            let list = try await house.wire(
                0, "ListExecutions", ["stateMachineArn": .string(Self.arn), "maxResults": 1000])
            #expect(list.body["executions"]?.arrayValue?.count == 41)
            third.signal(SIGTERM)
            #expect(try await third.status(within: .seconds(60)) == 0)
        }
    }
}
