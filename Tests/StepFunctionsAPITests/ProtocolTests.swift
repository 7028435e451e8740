import HTTPServer
import JSON
import RawHTTP
import Testing

@testable import StepFunctionsAPI

/// The protocol around the operations, byte for byte over a connection.
@Suite("The wire's protocol", .timeLimit(.minutes(3)))
struct ProtocolTests {
    private struct Caller {
        let port: Int

        /// Calls over a connection of its own.
        func call(_ target: String?, _ content: [UInt8], _ headers: [String: String] = [:]) async throws
            -> RawHTTP.Wire.Answer
        {
            let port = port
            return try await onThread {
                var headers = headers
                headers["X-Amz-Target"] = target
                return try RawHTTP.Wire(port: port).request("POST", "/", headers, content)
            }
        }

        func call(_ operation: String, _ text: String) async throws -> RawHTTP.Wire.Answer {
            try await call("AWSStepFunctions.\(operation)", Array(text.utf8))
        }
    }

    private func serving(
        quotas: RequestQuotas = .none, _ body: @escaping @Sendable (Wire, Caller) async throws -> Void
    ) async throws {
        let wire = try await Wire()
        let router = ServiceRouter(bodyLimit: { _ in .max })
        router.addStepFunctionsRoutes(engine: wire.engine, quotas: quotas)
        let result: Result<Void, any Error>
        do {
            try await withServer(router) { port, _ in try await body(wire, Caller(port: port)) }
            result = .success(())
        } catch { result = .failure(error) }
        await wire.close()
        try result.get()
    }

    private func error(_ answer: RawHTTP.Wire.Answer) throws -> String? {
        try JSON(parsing: answer.text)["__type"]?.stringValue
    }

    @Test("every answer is of the protocol's type and names its request")
    func types() async throws {
        try await serving { _, caller in
            for (target, content, status, name) in [
                ("AWSStepFunctions.ListActivities", "{}", 200, nil), ("AWSStepFunctions.ListActivities", "", 200, nil),
                ("AWSStepFunctions.ListActivities", "{", 400, "SerializationException"),
                ("AWSStepFunctions.ListActivities", "[]", 200, nil),
                ("AWSStepFunctions.ListActivities", #"{"maxResults": "x"}"#, 400, "SerializationException"),
                ("AWSStepFunctions.ListActivities", #"{"maxResults": -1}"#, 400, "ValidationException"),
                ("AWSStepFunctions.DoTheDishes", "{}", 400, "UnknownOperationException"),
                ("DynamoDB_20120810.ListTables", "{}", 400, "UnknownOperationException"),
                (nil, "{}", 400, "UnknownOperationException"),
            ] as [(String?, String, Int, String?)] {
                let answer = try await caller.call(target, Array(content.utf8))
                #expect(answer.status == status, "\(target ?? "-") \(content): \(answer.text)")
                #expect(answer["Content-Type"] == "application/x-amz-json-1.0")
                #expect(answer["x-amzn-RequestId"]?.isEmpty == false)
                #expect(try error(answer) == name, "\(answer.text)")
            }
        }
    }

    @Test("content beyond the limit is refused, declared or not, and the next call on another connection is served")
    func tooLarge() async throws {
        try await serving { _, caller in
            let limit = WireLimits.requestBytes
            let declared = try await onThread {
                let wire = try RawHTTP.Wire(port: caller.port)
                try wire.begin("POST", "/", ["X-Amz-Target": "AWSStepFunctions.ListActivities"], length: limit + 1)
                return try wire.answer()
            }
            #expect(declared.status == 413 && declared["Content-Type"] == "application/x-amz-json-1.0")
            #expect(try error(declared) == "RequestEntityTooLargeException")
            let chunked = try await onThread {
                let wire = try RawHTTP.Wire(port: caller.port)
                try wire.begin(
                    "POST", "/", ["X-Amz-Target": "AWSStepFunctions.ListActivities", "Transfer-Encoding": "chunked"],
                    length: nil)
                let piece = [UInt8](repeating: 0x20, count: 64 << 10)
                // As much as is over the limit, and no end: the answer comes before it.
                for _ in 0...(limit / piece.count) {
                    try wire.send(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
                }
                return try wire.answer()
            }
            #expect(chunked.status == 413)
            #expect(try error(chunked) == "RequestEntityTooLargeException")
            // Spaces are no content; as many as are allowed are read.
            let most = try await caller.call(
                "AWSStepFunctions.ListActivities", [UInt8](repeating: 0x20, count: limit - 2) + Array("{}".utf8))
            #expect(most.status == 200, "\(most.text)")
        }
    }

    @Test("over its quota an operation is refused as the service does, with the time to come again; others are not")
    func throttling() async throws {
        let quotas = RequestQuotas(quotas: [
            "ListActivities": .init(bucketSize: 2, refillPerSecond: 1),
            "StartExecution": .init(bucketSize: 1, refillPerSecond: 1),
            RequestQuotas.expressStart: .init(bucketSize: 3, refillPerSecond: 1),
        ])
        try await serving(quotas: quotas) { wire, caller in
            // Ten at once take far less than the ten seconds in which as many would be allowed.
            var statuses: [Int] = []
            for _ in 0..<10 {
                let answer = try await caller.call("ListActivities", "{}")
                statuses.append(answer.status)
                if answer.status == 400 {
                    #expect(try error(answer) == "ThrottlingException")
                    #expect(answer["Retry-After"] == "1")
                }
            }
            #expect(statuses[0] == 200 && statuses[1] == 200 && statuses.contains(400))
            #expect(try await caller.call("ListStateMachines", "{}").status == 200)
            // Starts of EXPRESS machines are counted apart.
            try await wire.make("standard")
            try await wire.make("express", more: ["type": "EXPRESS"])
            func start(_ machine: String) async throws -> Int {
                try await caller.call(
                    "StartExecution", #"{"stateMachineArn":"\#(Wire.prefix)stateMachine:\#(machine)"}"#
                ).status
            }
            #expect(try await start("standard") == 200)
            #expect(try await [start("express"), start("express"), start("express")] == [200, 200, 200])
        }
    }
}
