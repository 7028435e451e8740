import Cryptography
import Glibc
import HTTP
import ScriptedServer
import TemporaryFolder
import Testing

@Suite("HTTP client")
struct HTTPClientTests {
    let client = HTTPClient()

    @Test("a GET brings status, headers and content")
    func get() async throws {
        let seen = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            while let request = connection.receive() {
                seen.add(request)
                connection.answer(404, "X-Film:  Metropolis \r\nSet-Cookie: a\r\nset-cookie: b\r\n", "gone")
            }
        }
        let response = try await client.send(
            HTTPRequest("GET", server.url + "/a/../b?x=%2F", headers: ["X-Test": "1", "X-Empty": ""]))
        #expect(response.status == 404)
        #expect(response.text == "gone")
        #expect(response.headers["x-film"] == "Metropolis")
        #expect(response.headers.values("Set-Cookie") == ["a", "b"])
        let request = try #require(seen.all.first)
        // The path goes out as it was given.
        #expect(request.line == "GET /a/../b?x=%2F HTTP/1.1")
        #expect(request.header("X-Test") == "1")
        #expect(request.header("X-Empty") == "")
        #expect(request.header("User-Agent") == "Showrunner")
    }

    @Test("content goes out with each method", arguments: ["POST", "PUT", "PATCH", "DELETE"])
    func content(_ method: String) async throws {
        let seen = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            while let request = connection.receive() {
                seen.add(request)
                connection.answer(204)
            }
        }
        let bytes = randomBytes(200_000)
        #expect(try await client.send(HTTPRequest(method, server.url, body: .bytes(bytes))).status == 204)
        _ = try await client.send(HTTPRequest(method, server.url, body: .bytes([])))
        #expect(seen.all.map(\.line) == ["\(method) / HTTP/1.1", "\(method) / HTTP/1.1"])
        #expect(seen.all.map { $0.header("Content-Length") } == ["200000", "0"])
        #expect(seen.all.first?.content == bytes)
        #expect(seen.all.first?.header("Expect") == nil)
    }

    @Test("a part of a file goes out, and a file that is too short fails")
    func file() async throws {
        let folder = try TemporaryFolder()
        let bytes = randomBytes(300_000)
        let path = try folder.write("content", bytes)
        let seen = Collected<[UInt8]>()
        let server = try ScriptedServer { connection in
            while let request = connection.receive() {
                seen.add(request.content)
                connection.answer()
            }
        }
        _ = try await client.send(
            HTTPRequest("PUT", server.url, body: .file(path: path, offset: 1000, length: 250_000)))
        #expect(seen.all == [Array(bytes[1000..<251_000])])
        let short = await failure {
            try await client.send(
                HTTPRequest("PUT", server.url, body: .file(path: path, offset: 1000, length: 300_000)))
        }
        #expect(short?.code == .localFile)
        let missing = await failure {
            try await client.send(
                HTTPRequest("PUT", server.url, body: .file(path: path + "x", offset: 0, length: 1)))
        }
        #expect(missing?.code == .localFile)
        #expect(missing?.mayHaveReachedServer == false)
        #expect(missing?.systemError == ENOENT)
    }

    @Test("connections are used again, and not when the request says so")
    func connections() async throws {
        let accepted = Collected<Int>()
        let server = try ScriptedServer { connection in
            accepted.add(1)
            while connection.receive() != nil { connection.answer() }
        }
        for _ in 0..<5 { _ = try await client.send(HTTPRequest("GET", server.url)) }
        #expect(accepted.all.count == 1)
        for _ in 0..<2 { _ = try await client.send(HTTPRequest("GET", server.url, reusesConnection: false)) }
        #expect(accepted.all.count == 3)
    }

    @Test("many requests at once are all answered")
    func parallel() async throws {
        let server = try ScriptedServer { connection in
            while let request = connection.receive() { connection.answer(200, "", request.line) }
        }
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<200 {
                group.addTask { try await client.send(HTTPRequest("GET", "\(server.url)/\(number)")).text }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(answers == Set((0..<200).map { "GET /\($0) HTTP/1.1" }))
    }

    @Test("a refused connection did not reach the server")
    func refused() async throws {
        let error = await failure { try await client.send(HTTPRequest("GET", "http://127.0.0.1:1/path?secret=1")) }
        #expect(error?.code == .connect)
        #expect(error?.mayHaveReachedServer == false)
        #expect(error?.message.contains("secret") == false)
        #expect(error?.message.hasPrefix("GET http://127.0.0.1:1/path failed: ") == true)
    }

    struct Breakage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let answer: String
        let code: HTTPError.Code
    }

    @Test(
        "an answer that breaks off, or is none, is an error after the request has left",
        arguments: [
            Breakage(testDescription: "nothing", answer: "", code: .interrupted),
            Breakage(testDescription: "half a head", answer: "HTTP/1.1 200 OK\r\nContent-", code: .interrupted),
            Breakage(
                testDescription: "half the content", answer: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
                code: .interrupted),
            Breakage(
                testDescription: "half a chunk",
                answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n12345", code: .interrupted),
        ])
    func broken(_ breakage: Breakage) async throws {
        let server = try ScriptedServer { connection in
            if connection.receive() != nil { connection.send(breakage.answer) }
        }
        let error = await failure {
            try await client.send(HTTPRequest("POST", server.url, body: .bytes([1]), reusesConnection: false))
        }
        #expect(error?.code == breakage.code, "\(error?.detail ?? "")")
        #expect(error?.mayHaveReachedServer == true)
    }

    @Test("an answer in another protocol is none")
    func notHTTP() async throws {
        let server = try ScriptedServer { connection in
            if connection.receive() != nil { connection.send("220 smtp.example ready\r\n") }
        }
        let error = await failure { try await client.send(HTTPRequest("GET", server.url)) }
        #expect(error?.code == .malformedAnswer)
        #expect(error?.mayHaveReachedServer == true)
    }

    @Test("a limit of time ends a request", arguments: [true, false])
    func timeouts(isTotal: Bool) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1")
            connection.awaitClose()
        }
        let timeouts =
            isTotal
            ? HTTPTimeouts(total: .milliseconds(200)) : HTTPTimeouts(total: nil, idle: .seconds(1))
        let error = await failure { try await client.send(HTTPRequest("GET", server.url, timeouts: timeouts)) }
        #expect(error?.code == .timeout)
        #expect(error?.mayHaveReachedServer == true)
    }

    @Test("too much content, and too long a head, are refused")
    func tooLarge() async throws {
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            if request.line.contains("head") {
                connection.send("HTTP/1.1 200 OK\r\n")
                let field = "X: \(String(repeating: "x", count: 60_000))\r\n"
                for _ in 0..<6 { connection.send(field) }
            } else {
                connection.answer(200, "", String(repeating: "x", count: 1001))
            }
        }
        let error = await failure { try await client.send(HTTPRequest("GET", server.url, maxResponseBytes: 1000)) }
        #expect(error?.code == .tooLarge)
        #expect(try await client.send(HTTPRequest("GET", server.url, maxResponseBytes: 1001)).body.count == 1001)
        let head = await failure { try await client.send(HTTPRequest("GET", server.url + "/head")) }
        #expect(head?.code == .tooLarge || head?.code == .interrupted)
        #expect(head != nil)
    }

    @Test("redirects are answered, or followed as often as allowed")
    func redirects() async throws {
        let server = try ScriptedServer { connection in
            while let request = connection.receive() {
                if request.line.hasPrefix("GET /3 ") {
                    connection.answer(200, "", "end")
                } else {
                    let next =
                        request.line.hasPrefix("GET /1 ")
                        ? "/2" : request.line.hasPrefix("GET /2 ") ? "/3" : "file:///etc/passwd"
                    connection.answer(302, "Location: \(next)\r\n", "moved")
                }
            }
        }
        let plain = try await client.send(HTTPRequest("GET", server.url + "/1"))
        #expect(plain.status == 302)
        #expect(plain.headers["Location"] == "/2")
        let followed = try await client.send(HTTPRequest("GET", server.url + "/1", maxRedirects: 2))
        #expect(followed.text == "end")
        #expect(followed.headers["Location"] == nil)
        let tooMany = await failure { try await client.send(HTTPRequest("GET", server.url + "/1", maxRedirects: 1)) }
        #expect(tooMany?.code == .redirects)
        let other = await failure { try await client.send(HTTPRequest("GET", server.url + "/0", maxRedirects: 3)) }
        #expect(other?.code == .redirects)
    }

    @Test("cancelling the task closes the connection")
    func cancellation() async throws {
        let received = Gate()
        let closed = Gate()
        let server = try ScriptedServer { connection in
            _ = connection.receive()
            received.open()
            connection.awaitClose()
            closed.open()
        }
        let client = self.client
        let task = Task { () -> HTTPError? in
            await failure { try await client.send(HTTPRequest("POST", server.url, body: .bytes([1]))) }
        }
        #expect(await blocking { received.pass() })
        task.cancel()
        let error = await task.value
        #expect(error?.code == .cancelled)
        #expect(error?.mayHaveReachedServer == true)
        #expect(await blocking { closed.pass() })
        let early = Task { () -> HTTPError? in
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { try await client.send(HTTPRequest("GET", server.url)) }
        }
        let unsent = await early.value
        #expect(unsent?.code == .cancelled)
        #expect(unsent?.mayHaveReachedServer == false)
    }

    @Test("a client that is let go still answers what it has begun")
    func lettingGo() async throws {
        let server = try ScriptedServer { connection in
            while connection.receive() != nil { connection.answer(200, "", "late") }
        }
        for _ in 0..<20 {
            #expect(try await HTTPClient().send(HTTPRequest("GET", server.url)).text == "late")
        }
    }

    @Test(
        "what is no request is refused before anything is sent",
        arguments: [
            HTTPRequest("get", "http://127.0.0.1/"), HTTPRequest("GET ", "http://127.0.0.1/"),
            HTTPRequest("GET", "127.0.0.1/x"), HTTPRequest("GET", "file:///etc/passwd"),
            HTTPRequest("GET", "ftp://127.0.0.1/"), HTTPRequest("GET", "http://127.0.0.1/a b"),
            HTTPRequest("GET", "http://127.0.0.1/\r\nX: y"), HTTPRequest("GET", "http:///x"),
            HTTPRequest("GET", "http://127.0.0.1/" + String(repeating: "x", count: 20_000)),
            HTTPRequest("GET", "http://127.0.0.1/", headers: ["A b": "c"]),
            HTTPRequest("GET", "http://127.0.0.1/", headers: ["A": "b\r\nC: d"]),
            HTTPRequest("GET", "http://127.0.0.1/", headers: ["": "b"]),
            HTTPRequest("PUT", "http://127.0.0.1/", body: .file(path: "/x", offset: -1, length: 1)),
            HTTPRequest(
                "PUT", "http://127.0.0.1/", body: .file(path: "/x", offset: 0, length: 1),
                signing: AWSSigning(accessKeyID: "a", secretAccessKey: "b", region: "c", service: "s3")),
        ])
    func invalid(_ request: HTTPRequest) async {
        let error = await failure { try await client.send(request) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.mayHaveReachedServer == false)
    }

    @Test("signing adds Signature Version 4 and never shows the secret")
    func signing() async throws {
        let seen = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            while let request = connection.receive() {
                seen.add(request)
                connection.answer()
            }
        }
        let signing = AWSSigning(
            accessKeyID: "AKID", secretAccessKey: "very-secret", sessionToken: "tok", region: "us-east-1",
            service: "states")
        _ = try await client.send(HTTPRequest("POST", server.url, body: .bytes(Array("{}".utf8)), signing: signing))
        let request = try #require(seen.all.first)
        #expect(request.header("x-amz-content-sha256") == SHA256.hash("{}").hex)
        #expect(request.header("x-amz-security-token") == "tok")
        let authorization = try #require(request.header("Authorization"))
        #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AKID/"))
        #expect(authorization.contains("/us-east-1/states/aws4_request"))
        var dumped = ""
        dump(signing, to: &dumped)
        #expect(!"\(signing) \(String(reflecting: signing)) \(dumped)".contains("very-secret"))
    }

    @Test(
        "a client for outside addresses goes nowhere private",
        arguments: ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"])
    func privateAddresses(_ host: String) async throws {
        let outside = HTTPClient(HTTPClient.Configuration(addresses: .publicOnly))
        let error = await failure {
            try await outside.send(
                HTTPRequest("GET", "http://\(host):9/", timeouts: HTTPTimeouts(connect: .seconds(2))))
        }
        #expect(error?.code == .forbiddenAddress)
        #expect(error?.mayHaveReachedServer == false)
    }

    @Test("a guarded client goes where it is allowed to, over http too, and nowhere else")
    func guardedAddresses() async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.answer(200, "", "there")
        }
        let range = try #require(AddressRange("127.0.0.0/30"))
        let guarded = HTTPClient(HTTPClient.Configuration(addresses: .guarded(allowing: [range])))
        #expect(try await guarded.send(HTTPRequest("GET", server.url)).text == "there")
        for host in ["127.0.0.4", "10.0.0.1", "[::1]", "169.254.169.254"] {
            let error = await failure { try await guarded.send(HTTPRequest("GET", "http://\(host):9/")) }
            #expect(error?.code == .forbiddenAddress, "\(host)")
        }
        // An address of a public range, without a name to look up: it is refused before anything is sent.
        let plain = await failure { try await guarded.send(HTTPRequest("GET", "http://192.88.99.1:9/")) }
        #expect(plain?.code == .forbiddenAddress)
        #expect(plain?.message.contains("is not https") == true)
        let redirected = await failure { try await guarded.send(HTTPRequest("GET", server.url, maxRedirects: 1)) }
        #expect(redirected?.code == .invalidRequest)
    }

    @Test(
        "ranges of addresses are read strictly",
        arguments: [
            ("127.0.0.0/8", true), ("10.1.2.3", true), ("fd00::/8", true), ("::1", true), ("0.0.0.0/0", true),
            ("127.0.0.1/8", false), ("127.0.0.0/33", false), ("127.0.0.0/", false), ("127.0.0.0/+8", false),
            ("localhost", false), ("", false), ("fd00::1/8", false), ("1.2.3/8", false), ("10.0.0.0/8/8", false),
        ])
    func addressRanges(_ text: String, _ isRange: Bool) {
        #expect((AddressRange(text) != nil) == isRange)
    }
}

/// The error that an HTTP call ends with; a success, or an error of another kind, is an issue.
func failure<Value: Sendable>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async -> HTTPError? {
    await #expect(throws: HTTPError.self, sourceLocation: sourceLocation) { _ = try await body() }
}

/// Waits on a thread of its own.
func blocking(_ body: @escaping @Sendable () -> Bool) async -> Bool {
    await withCheckedContinuation { continuation in
        let work = Box { continuation.resume(returning: body()) }
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Box>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(work).toOpaque())
        precondition(failure == 0, "No thread.")
        pthread_detach(thread)
    }
}

private final class Box: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
