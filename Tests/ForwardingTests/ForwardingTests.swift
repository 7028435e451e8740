import Forwarding
import HTTP
import HTTPServer
import HTTPServerTestSupport
import Hummingbird
import JSON
import ScriptedServer
import Testing

/// An engine that stands by, with routes of its own that say "own", and what it makes of calls.
@Suite("An engine that stands by hands calls on", .timeLimit(.minutes(2)))
struct ForwardingTests {
    private static let wireBytes = 1000

    private static func limits(_ change: (inout Forwarder.Limits) -> Void) -> Forwarder.Limits {
        var limits = Forwarder.Limits()
        change(&limits)
        return limits
    }

    /// Runs an engine that stands by.
    private func standby<Value: Sendable>(
        _ limits: Forwarder.Limits = Forwarder.Limits(),
        _ body: (LoopbackClient, Forwarder) async throws -> Value
    ) async throws -> Value {
        let forwarder = Forwarder(client: HTTPClient(), limits: limits)
        let router = ServiceRouter(bodyLimit: { $0.method == .patch || $0.uri.path == "/" ? .max : 4 << 20 })
        router.get("/livez") { _, _ in Response.json(["who": "own"]) }
        router.addForwarding(forwarder, wireBytes: Self.wireBytes, takesContent: { $0.method == .patch })
        router.get("/who") { _, _ in Response.json(["who": "own"]) }
        router.post("/") { _, _ in Response.json(["who": "own"]) }
        return try await LoopbackServer.with(router) { client, _ in try await body(client, forwarder) }
    }

    /// Runs the active engine.
    private func active<Value: Sendable>(_ body: (LoopbackClient) async throws -> Value) async throws -> Value {
        let router = ServiceRouter(bodyLimit: { _ in .max })
        router.get("/who") { _, _ in Response.json(["who": "active"]) }
        router.on("/nothing", method: .delete) { _, _ in Response(status: .noContent) }
        router.post("/{name}") { request, context in
            let content = try await request.body.collect(upTo: 8 << 20)
            return Response.json(
                [
                    "target": .string(request.head.path ?? ""), "host": .string(request.head.authority ?? ""),
                    "content": .string(String(decoding: content.readableBytesView, as: UTF8.self)),
                    "id": .string(context.requestID),
                    "fields": .array(
                        request.headers.map { .string("\($0.name.canonicalName): \($0.value)") }),
                ], status: .created, headers: [.contentLanguage: "en"])
        }
        router.get("/pieces") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    for number in 0..<20 { try await writer.write(ByteBuffer(string: "\(number) ")) }
                    try await writer.finish(nil)
                })
        }
        router.patch("/films") { request, _ in
            var (count, isTrue) = (0, true)
            for try await buffer in request.body {
                count += buffer.readableBytes
                isTrue = isTrue && buffer == ByteBuffer(repeating: 3, count: buffer.readableBytes)
            }
            return Response.json(["count": .integer(count), "true": .bool(isTrue)])
        }
        return try await LoopbackServer.with(router) { client, _ in try await body(client) }
    }

    private func json(_ answer: LoopbackClient.Answer) throws -> JSON { try JSON(parsing: answer.body) }

    @Test("a call arrives as it was made, and its answer as it was given")
    func unchanged() async throws {
        try await active { active in
            try await standby { client, forwarder in
                forwarder.standBy(behind: ActiveEngine(incarnation: "a", address: active.base))
                let answer = try await client.send(
                    "POST", "/some?b=%2F&a",
                    ["Authorization": "AWS4-HMAC-SHA256 x", "Request-Id": "mine", "Content-Type": "text/plain"],
                    body: Array("h\u{e9}".utf8))
                #expect(answer.status == 201 && answer["Content-Language"] == "en" && answer["Request-Id"] == "mine")
                let seen = try json(answer)
                #expect(seen["target"] == "/some?b=%2F&a" && seen["content"] == "h\u{e9}" && seen["id"] == "mine")
                // Signatures cover the name that the client called.
                #expect(seen["host"] == .string("127.0.0.1:\(client.port)"))
                let fields = (seen["fields"]?.arrayValue ?? []).compactMap(\.stringValue)
                #expect(fields.contains("authorization: AWS4-HMAC-SHA256 x") && fields.contains("via: 1.1 showrunner"))
                #expect(fields.contains("content-type: text/plain"))
                // A call of this machine stays one; where it came by a proxy, that stays, too.
                #expect(!fields.contains { $0.hasPrefix("x-forwarded-for") })
                let proxied = try json(
                    try await client.send("POST", "/some", ["X-Forwarded-For": "192.0.2.1"], body: [1]))
                #expect(proxied["fields"]?.arrayValue?.contains("x-forwarded-for: 192.0.2.1") == true)
                // Health is each engine's own.
                #expect(try json(try await client.get("/livez"))["who"] == "own")
            }
        }
    }

    @Test("answers of all kinds pass: streams, none, refusals, heads alone")
    func kinds() async throws {
        try await active { active in
            try await standby { client, forwarder in
                forwarder.standBy(behind: ActiveEngine(incarnation: "a", address: active.base))
                #expect(
                    try await client.get("/pieces").text == (0..<20).map { "\($0) " }.joined())
                let none = try await client.send("DELETE", "/nothing")
                #expect(none.status == 204 && none.body.isEmpty)
                let missing = try await client.get("/no/where")
                #expect(missing.status == 404 && missing["Content-Type"] == "application/problem+json")
                let head = try await client.send("HEAD", "/who")
                #expect(head.status == 200 && head["Content-Length"] == "16" && head.body.isEmpty)
            }
        }
    }

    @Test("films pass as they come, whatever their length")
    func films() async throws {
        try await active { active in
            try await standby(Self.limits { $0.heldBytes = 1 << 10 }) { client, forwarder in
                forwarder.standBy(behind: ActiveEngine(incarnation: "a", address: active.base))
                let film = [UInt8](repeating: 3, count: 6_000_001)
                let answer = try json(try await client.send("PATCH", "/films", body: film))
                #expect(answer["count"] == 6_000_001 && answer["true"] == true)
            }
        }
    }

    @Test("contents are bounded: each by its route, all together by what is held")
    func bounds() async throws {
        try await active { active in
            try await standby(Self.limits { $0.heldBytes = 3000 }) { client, forwarder in
                forwarder.standBy(behind: ActiveEngine(incarnation: "a", address: active.base))
                let large = try await client.send("POST", "/", body: [UInt8](repeating: 32, count: 1001))
                #expect(large.status == 413 && large["x-amzn-ErrorType"] == "RequestEntityTooLargeException")
                #expect(try json(large)["__type"] == "RequestEntityTooLargeException")
                let held = try await client.send("POST", "/some", body: [UInt8](repeating: 32, count: 3001))
                #expect(held.status == 503 && held["Retry-After"] == "1")
                // What was held is given back.
                for _ in 0..<3 {
                    let fits = try await client.send("POST", "/some", body: [UInt8](repeating: 32, count: 2000))
                    #expect(fits.status == 201)
                }
            }
        }
    }

    @Test("a call is handed on once: two that stand by behind each other do not pass it round")
    func circles() async throws {
        let limits = Self.limits { $0.patience = .milliseconds(300) }
        try await standby(limits) { first, one in
            try await standby(limits) { second, other in
                one.standBy(behind: ActiveEngine(incarnation: "other", address: second.base))
                other.standBy(behind: ActiveEngine(incarnation: "one", address: first.base))
                let answer = try await first.send("POST", "/", ["X-Amz-Target": "x"], body: Array("{}".utf8))
                #expect(answer.status == 503 && answer["x-amzn-ErrorType"] == "ServiceUnavailable")
                let refused = try await first.send("POST", "/", ["Via": "1.1 proxy, 1.1 showrunner"])
                #expect(refused.status == 421)
            }
        }
    }

    @Test("a call waits until somebody is active, and is made by whoever that is")
    func takeover() async throws {
        let arrived = Collected<String>()
        // The engine that was active breaks off whatever reaches it.
        let dying = try ScriptedServer { connection in
            if let request = connection.receive() { arrived.add(request.line) }
        }
        try await standby { client, forwarder in
            let starting = try json(try await client.get("/who"))
            #expect(starting["who"] == "own", "it starts, and says so itself")
            forwarder.standBy(behind: ActiveEngine(incarnation: "dying", address: dying.url))
            async let answer = client.get("/who")
            while arrived.all.isEmpty { await Task.yield() }
            forwarder.takeOver()
            forwarder.serve()
            #expect(try json(try await answer)["who"] == "own")
            #expect(try json(try await client.send("POST", "/", body: [1]))["who"] == "own")
            forwarder.stop()
            #expect(try await client.get("/who").status == 503)
        }
    }

    @Test("where it is not known whether a change was made, its caller is told, and it is not made again")
    func unknown() async throws {
        let arrived = Collected<String>()
        let dying = try ScriptedServer { connection in
            if let request = connection.receive() { arrived.add(request.line) }
        }
        try await standby { client, forwarder in
            forwarder.standBy(behind: ActiveEngine(incarnation: "dying", address: dying.url))
            let answer = try await client.send(
                "POST", "/", ["X-Amz-Target": "AWSStepFunctions.StartExecution"], body: Array("{}".utf8))
            #expect(answer.status == 503 && answer["Retry-After"] == "1")
            #expect(answer["x-amzn-ErrorType"] == "ServiceUnavailable")
            #expect(try json(answer)["__type"] == "ServiceUnavailable")
            #expect(try json(answer)["message"]?.stringValue?.contains("not known") == true)
            #expect(arrived.all == ["POST / HTTP/1.1"])
            let problem = try await client.send("POST", "/console/api/runs/1/stop", body: Array("{}".utf8))
            #expect(problem.status == 503 && problem["Content-Type"] == "application/problem+json")
            // What only looks is made again, until somebody answers.
            async let look = client.send(
                "POST", "/", ["X-Amz-Target": "AWSStepFunctions.ListExecutions"], body: Array("{}".utf8))
            while arrived.all.count < 4 { await Task.yield() }
            forwarder.serve()
            #expect(try json(try await look)["who"] == "own")
        }
    }

    @Test("calls that a frozen engine has end when another is active")
    func frozen() async throws {
        let arrived = Collected<String>()
        let frozen = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            arrived.add(request.line)
            connection.awaitClose()
        }
        try await active { active in
            try await standby(Self.limits { $0.farewell = .milliseconds(20) }) { client, forwarder in
                forwarder.standBy(behind: ActiveEngine(incarnation: "frozen", address: frozen.url))
                async let change = client.send("POST", "/", body: Array("{}".utf8))
                async let look = client.get("/who")
                while arrived.all.count < 2 { await Task.yield() }
                forwarder.standBy(behind: ActiveEngine(incarnation: "a", address: active.base))
                let changed = try await change
                #expect(changed.status == 503)
                #expect(try json(try await look)["who"] == "active")
            }
        }
    }
}
