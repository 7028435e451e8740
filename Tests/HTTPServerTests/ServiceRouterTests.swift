import HTTPServer
import HTTPServerTestSupport
import Hummingbird
import JSON
import RawHTTP
import Testing

@Suite("Service router")
struct ServiceRouterTests {
    private struct Mishap: Error {}

    private static func router() -> ServiceRouter {
        let router = ServiceRouter(bodyLimit: { $0.uri.path == "/large" ? 1000 : 10 })
        router.get("/things/{id}") { _, context in
            Response.json(["id": .string(context.parameters.get("id") ?? "")])
        }
        router.post("/things") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            return Response.json(["bytes": .integer(body.readableBytes)])
        }
        router.post("/large") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            return Response.json(["bytes": .integer(body.readableBytes)])
        }
        router.get("/refusal") { _, _ -> Response in
            throw Problem.invalidParameter("year", "'x' is no year.")
        }
        router.get("/mishap") { _, _ -> Response in throw Mishap() }
        router.get("/absent") { _, _ -> Response in throw Problem.unavailable("Not now.", retryAfter: 7) }
        let body = ReadyBody(json: ["a": 1], entityTag: "one", headers: [.cacheControl: "public, max-age=60"])
        router.get("/ready") { request, _ in body.response(to: request) }
        let object = StreamedObject(length: 10, contentType: "video/mp4", entityTag: "tag") { range, writer in
            // In two pieces, as a store gives them.
            let bytes = Array("0123456789".utf8)[range]
            let middle = range.lowerBound + range.count / 2
            try await writer.write(ByteBuffer(bytes: bytes[range.lowerBound..<middle]))
            try await writer.write(ByteBuffer(bytes: bytes[middle..<range.upperBound]))
        }
        router.get("/object") { request, _ in object.response(to: request) }
        let broken = StreamedObject(length: 10, contentType: "video/mp4", entityTag: "tag") { _, writer in
            try await writer.write(ByteBuffer(string: "0123"))
            throw Mishap()
        }
        router.get("/broken") { request, _ in broken.response(to: request) }
        router.addHealthRoutes(
            readiness: { Readiness([.init("database", trouble: nil), .init("schema", trouble: "is missing")]) },
            metricsText: { "up 1\n" })
        return router
    }

    private func problem(_ answer: LoopbackClient.Answer) throws -> JSON {
        #expect(answer["Content-Type"] == "application/problem+json")
        let document = try JSON(parsing: answer.body)
        #expect(document["status"]?.integerValue == answer.status)
        #expect(document["request_id"]?.stringValue == answer["Request-Id"])
        return document
    }

    @Test func problems() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            let missing = try await client.get("/nowhere")
            #expect(missing.status == 404)
            #expect(try problem(missing)["type"] == "urn:showrunner:problem:not-found")
            #expect(try problem(missing)["detail"] == "There is nothing at /nowhere.")

            let refusal = try await client.get("/refusal")
            #expect(refusal.status == 400)
            #expect(try problem(refusal)["parameter"] == "year")
            #expect(try problem(refusal)["detail"] == "'x' is no year.")

            let mishap = try await client.get("/mishap")
            #expect(mishap.status == 500)
            #expect(try problem(mishap)["type"] == "urn:showrunner:problem:internal-error")
            #expect(!mishap.text.contains("Mishap"), "the reason stays in the log")

            let absent = try await client.get("/absent")
            #expect(absent.status == 503)
            #expect(absent["Retry-After"] == "7")
        }
    }

    @Test func methods() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            for method in ["POST", "DELETE", "PATCH", "TRACE", "PROPFIND"] {
                let answer = try await client.send(method, "/things/7")
                #expect(answer.status == 405, "\(method)")
                #expect(answer["Allow"] == "GET, HEAD, OPTIONS", "\(method)")
                _ = try problem(answer)
            }
            #expect(try await client.get("/things")["Allow"] == "OPTIONS, POST")
            let options = try await client.send("OPTIONS", "/things/7")
            #expect(options.status == 204)
            #expect(options["Allow"] == "GET, HEAD, OPTIONS")
            #expect(options.body.isEmpty)
            #expect(try await client.send("OPTIONS", "/nowhere").status == 404)
            let head = try await client.send("HEAD", "/things/7")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head["Content-Length"] == "10")
        }
    }

    /// On a kept connection, content after a refused HEAD would be taken for the next answer.
    @Test func aRefusedHeadHasNoContent() async throws {
        try await withServer(Self.router()) { port, _ in
            try await onThread {
                let wire = try Wire(port: port)
                for path in ["/nowhere", "/refusal", "/mishap"] {
                    try wire.send(Array("HEAD \(path) HTTP/1.1\r\nHost: here\r\n\r\n".utf8))
                    let head = try wire.answer(hasContent: false)
                    #expect(head.status >= 400, "\(path)")
                    try wire.send(Array("GET /livez HTTP/1.1\r\nHost: here\r\n\r\n".utf8))
                    #expect(try wire.answer().status == 200, "after HEAD \(path)")
                }
            }
        }
    }

    @Test func everyAnswerCarriesSecurityHeadersAndARequestID() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            for path in ["/things/7", "/nowhere", "/mishap", "/livez", "/ready", "/object"] {
                let answer = try await client.get(path)
                #expect(answer["Content-Security-Policy"]?.hasPrefix("default-src 'self';") == true, "\(path)")
                #expect(answer["X-Content-Type-Options"] == "nosniff", "\(path)")
                #expect(answer["Referrer-Policy"] == "same-origin", "\(path)")
                #expect(answer["Request-Id"]?.isEmpty == false, "\(path)")
            }
            let given = try await client.get("/things/7", ["Request-Id": "abc-1.2_3"])
            #expect(given["Request-Id"] == "abc-1.2_3")
            for bad in ["has space", "semi;colon", String(repeating: "a", count: 65)] {
                #expect(try await client.get("/things/7", ["Request-Id": bad])["Request-Id"] != bad)
            }
            let first = try await client.get("/things/1")["Request-Id"]
            #expect(try await client.get("/things/1")["Request-Id"] != first)
        }
    }

    @Test func contentIsLimited() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            #expect(try await client.send("POST", "/things", body: Array("0123456789".utf8)).status == 200)
            let declared = try await client.send("POST", "/things", body: Array("0123456789a".utf8))
            #expect(declared.status == 413)
            #expect(try problem(declared)["limit"] == 10)
            #expect(try await client.send("POST", "/large", body: [UInt8](repeating: 65, count: 1000)).status == 200)

            // Without a declared length it is counted as it comes.
            let head = "POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            let port = client.port
            let small = try await onThread { try Wire(port: port).exchange(head + "3\r\nabc\r\n0\r\n\r\n") }
            #expect(small.hasPrefix("HTTP/1.1 200 "), "\(small)")
            #expect(small.hasSuffix("{\"bytes\":3}"), "\(small)")
            let large = try await onThread {
                try Wire(port: port).exchange(head + "8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n")
            }
            #expect(large.hasPrefix("HTTP/1.1 413 "), "\(large)")
        }
    }

    @Test func brokenHeadsAreRefused() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            let long = "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 100_000))\r\n\r\n"
            let port = client.port
            for head in ["nonsense\r\n\r\n", long] {
                let answer = try await onThread { try Wire(port: port).exchange(head) }
                #expect(answer.hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test func readyBodiesAreNotSentTwice() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            let first = try await client.get("/ready")
            #expect(first.status == 200 && first.text == "{\"a\":1}")
            #expect(first["ETag"] == "\"one\"")
            for field in ["\"one\"", "W/\"one\"", "\"zero\", \"one\"", "*"] {
                let again = try await client.get("/ready", ["If-None-Match": field])
                #expect(again.status == 304, "\(field)")
                #expect(again.body.isEmpty && again["ETag"] == "\"one\"", "\(field)")
                #expect(again["Cache-Control"] == "public, max-age=60", "\(field)")
            }
            #expect(try await client.get("/ready", ["If-None-Match": "\"two\""]).status == 200)
        }
    }

    @Test(
        arguments: [
            ("whole", [:], 200, "0123456789", nil),
            ("range", ["Range": "bytes=2-4"], 206, "234", "bytes 2-4/10"),
            ("suffix", ["Range": "bytes=-2"], 206, "89", "bytes 8-9/10"),
            ("one byte", ["Range": "bytes=0-0"], 206, "0", "bytes 0-0/10"),
            ("outside", ["Range": "bytes=10-"], 416, "", "bytes */10"),
            ("several ranges", ["Range": "bytes=0-1,4-5"], 200, "0123456789", nil),
            ("known", ["If-None-Match": "\"tag\""], 304, "", nil),
            ("range of this version", ["Range": "bytes=1-1", "If-Range": "\"tag\""], 206, "1", "bytes 1-1/10"),
            ("range of another version", ["Range": "bytes=1-1", "If-Range": "\"old\""], 200, "0123456789", nil),
        ] as [(String, [String: String], Int, String, String?)])
    func objects(
        _ name: String, _ headers: [String: String], _ status: Int, _ body: String, _ range: String?
    ) async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            let answer = try await client.get("/object", headers)
            #expect(answer.status == status)
            #expect(answer.text == body)
            #expect(answer["Content-Range"] == range)
            #expect(answer["Accept-Ranges"] == "bytes")
            #expect(answer["ETag"] == "\"tag\"")
            if status < 300 {
                #expect(answer["Content-Length"] == String(body.utf8.count))
                #expect(answer["Content-Type"] == "video/mp4")
            }
        }
    }

    @Test func anObjectThatBreaksOffIsSeenToBreakOff() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            _ = await #expect(throws: (any Error).self) { try await client.get("/broken") }
        }
    }

    @Test func health() async throws {
        try await LoopbackServer.with(Self.router()) { client, _ in
            #expect(try await client.get("/livez").text == "{\"status\":\"alive\"}")
            let ready = try await client.get("/readyz")
            #expect(ready.status == 503)
            let expected: JSON = [
                "status": "not ready",
                "checks": [
                    ["name": "database", "ok": true], ["name": "schema", "ok": false, "trouble": "is missing"],
                ],
            ]
            #expect(try JSON(parsing: ready.body) == expected)
            let metrics = try await client.get("/metrics")
            #expect(metrics.text == "up 1\n")
            #expect(metrics["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    @Test func routesAreRemembered() {
        let router = ServiceRouter()
        router.get("/a") { _, _ in Response(status: .ok) }
        router.group("/b").post("c") { _, _ in Response(status: .ok) }
        #expect(router.routes.map { "\($0.method.rawValue) \($0.path)" } == ["GET /a", "POST /b/c"])
    }
}
