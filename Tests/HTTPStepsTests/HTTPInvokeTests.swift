import HTTP
import JSON
import ScriptedServer
import StepContracts
import Testing

@testable import HTTPSteps

/// Calls over real connections to servers that answer as the test says.
@Suite(.timeLimit(.minutes(2))) struct HTTPInvokeTests {
    private func step(_ ranges: [String] = ["127.0.0.0/8"], limit: Duration = .seconds(30)) throws -> HTTPInvokeStep {
        HTTPInvokeStep(allowing: try ranges.map { try #require(AddressRange($0)) }, limit: limit)
    }

    private func call(
        _ url: String, _ method: String = "GET", _ more: JSON = [:], connection: HTTPConnection? = nil,
        by step: HTTPInvokeStep
    ) async throws -> JSON {
        var input: JSON = ["ApiEndpoint": .string(url), "Method": .string(method)]
        for (name, value) in more.objectValue ?? [:] { input[name] = value }
        if connection != nil { input["Authentication"] = ["ConnectionArn": "arn"] }
        let task = StepTask(input: input, idempotencyKey: "key-1") { () async throws(StepFailure) in
            guard let connection else { throw .runtime("nobody asks for a connection that is not named") }
            return connection
        }
        return try await step.run(task, report: { _ in })
    }

    private func failure(_ body: () async throws -> JSON) async -> StepFailure? {
        await #expect(throws: StepFailure.self) { _ = try await body() }
    }

    @Test func anAnswerIsTheResult() async throws {
        let seen = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request)
            connection.answer(201, "Content-Type: application/json\r\n", #"{"id":7}"#)
        }
        let output = try await call(
            server.url + "/films", "POST", ["RequestBody": ["title": "Elf"], "QueryParameters": ["dry": "no"]],
            by: try step())
        #expect(output["StatusCode"] == 201)
        #expect(output["StatusText"] == "Created")
        #expect(output["ResponseBody"] == ["id": 7])
        #expect(output["Headers"]?["content-type"] == ["application/json"])
        let request = try #require(seen.all.first)
        #expect(request.line == "POST /films?dry=no HTTP/1.1")
        #expect(request.header("Content-Type") == "application/json")
        #expect(request.header("Idempotency-Key") == "key-1")
        #expect(request.header("User-Agent") == "Showrunner|HttpInvoke")
        #expect(String(decoding: request.content, as: UTF8.self) == #"{"title":"Elf"}"#)
    }

    @Test func theAuthorsIdempotencyKeyStays() async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request.header("Idempotency-Key") ?? "none")
            connection.answer()
        }
        let step = try step()
        _ = try await call(server.url, "PUT", ["Headers": ["idempotency-key": "mine"], "RequestBody": 1], by: step)
        _ = try await call(server.url, "DELETE", by: step)
        // What changes nothing needs none.
        _ = try await call(server.url, "GET", by: step)
        #expect(seen.all == ["mine", "key-1", "none"])
    }

    @Test(arguments: [400, 404, 429, 500, 503]) func aStatusIsAnErrorOfItsName(_ status: Int) async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.answer(status, "Content-Type: text/plain\r\n", "because")
        }
        let step = try step()
        let failure = await failure { try await call(server.url, "POST", by: step) }
        #expect(failure?.error == "States.Http.StatusCode.\(status)")
        #expect(failure?.cause == "because")
    }

    // MARK: Outcomes

    @Test(arguments: [
        ("GET", "States.Http.Socket"), ("PUT", "States.Http.Socket"), ("DELETE", "States.Http.Socket"),
        ("POST", "Showrunner.HttpOutcomeUnknown"), ("PATCH", "Showrunner.HttpOutcomeUnknown"),
    ])
    func aConnectionCutAfterTheRequest(_ method: String, _ error: String) async throws {
        let arrivals = Collected<String>()
        let server = try ScriptedServer { connection in
            if let request = connection.receive() { arrivals.add(request.line) }
        }
        let step = try step()
        let failure = await failure { try await call(server.url + "/pay", method, ["RequestBody": 1], by: step) }
        #expect(failure?.error == error)
        #expect(failure?.cause.contains("/pay") == true)
        // Not even libcurl sends again what must not arrive twice.
        if error == "Showrunner.HttpOutcomeUnknown" { #expect(arrivals.all.count == 1) }
    }

    @Test(arguments: [("GET", "States.Http.Socket"), ("POST", "Showrunner.HttpOutcomeUnknown")])
    func noAnswerInTime(_ method: String, _ error: String) async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.awaitClose()
        }
        let step = try step(limit: .milliseconds(300))
        let failure = await failure { try await call(server.url, method, by: step) }
        #expect(failure?.error == error)
    }

    @Test func anAnswerThatBreaksOff() async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        }
        let step = try step()
        let failure = await failure { try await call(server.url, "POST", by: step) }
        #expect(failure?.error == "Showrunner.HttpOutcomeUnknown")
    }

    @Test func nobodyListens() async throws {
        let step = try step()
        // Nothing was sent: a repetition does nothing twice. Port 1 (RFC 1078's) is nobody's.
        let failure = await failure { try await call("http://127.0.0.1:1", "POST", by: step) }
        #expect(failure?.error == "States.Http.Socket")
    }

    @Test func aTaskThatIsStoppedSaysWhetherItMayHaveBeenDone() async throws {
        let arrived = Gate()
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            arrived.open()
            connection.awaitClose()
        }
        let step = try step()
        for (method, error) in [("GET", "Showrunner.Cancelled"), ("POST", "Showrunner.HttpOutcomeUnknown")] {
            let task = Task { await self.failure { try await self.call(server.url, method, by: step) } }
            let hasArrived = await withCheckedContinuation { continuation in
                Task.detached { continuation.resume(returning: arrived.pass()) }
            }
            #expect(hasArrived)
            task.cancel()
            #expect(await task.value?.error == error)
        }
    }

    @Test func anAnswerWithoutEnd() async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while connection.send([UInt8](repeating: 97, count: 64 << 10)) {}
        }
        let step = try step()
        let failure = await failure { try await call(server.url, by: step) }
        #expect(failure?.error == "States.DataLimitExceeded")
    }

    // MARK: Addresses and redirects

    @Test(arguments: ["http://127.0.0.1:9/", "https://localhost:9/", "http://[::1]:9/", "http://169.254.169.254/meta"])
    func privateAddressesAreRefused(_ url: String) async throws {
        let step = try step([])
        let failure = await failure { try await call(url, "POST", by: step) }
        #expect(failure?.error == "Showrunner.HttpAddressForbidden")
    }

    @Test(arguments: ["ftp://127.0.0.1/", "films", "http://", "http://127.0.0.1/a b"])
    func whatIsNoURL(_ url: String) async throws {
        let step = try step()
        let failure = await failure { try await call(url, by: step) }
        #expect(failure?.error == "States.Runtime")
    }

    @Test func aRedirectToAPrivateAddressIsRefused() async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.answer(302, "Location: http://127.0.0.2:9/secret\r\n")
        }
        let step = try step(["127.0.0.1/32"])
        let failure = await failure { try await call(server.url, by: step) }
        #expect(failure?.error == "Showrunner.HttpAddressForbidden")
        #expect(failure?.cause.contains("127.0.0.2") == true)
    }

    @Test(arguments: [
        (301, "POST", "GET", false), (302, "POST", "GET", false), (303, "PUT", "GET", false),
        (307, "POST", "POST", true), (308, "PUT", "PUT", true), (302, "PUT", "PUT", true),
    ])
    func redirectsAreFollowed(_ status: Int, _ method: String, _ then: String, _ keepsContent: Bool) async throws {
        let seen = Collected<ScriptedServer.Received>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request)
            if request.line.contains("/there") {
                connection.answer(200, "", "arrived")
            } else {
                connection.answer(status, "Location: there?x=1#part\r\n")
            }
        }
        let output = try await call(server.url + "/from/here", method, ["RequestBody": ["a": 1]], by: try step())
        #expect(output["ResponseBody"] == "arrived")
        let last = try #require(seen.all.last)
        #expect(last.line == "\(then) /from/there?x=1 HTTP/1.1")
        #expect(last.content.isEmpty != keepsContent)
        #expect((last.header("Idempotency-Key") != nil) == keepsContent)
    }

    @Test func redirectsEnd() async throws {
        let server = try ScriptedServer { connection in
            guard connection.receive() != nil else { return }
            connection.answer(307, "Location: /round\r\n")
        }
        let step = try step()
        let failure = await failure { try await call(server.url, by: step) }
        #expect(failure?.error == "States.Http.Socket")
        #expect(failure?.cause.contains("more than 5 redirects") == true)
    }

    // MARK: Connections

    private func connection(_ type: String, for origin: String, _ parameters: JSON) throws -> HTTPConnection {
        try HTTPConnection(json: [
            "AuthorizationType": .string(type), "AuthParameters": parameters, "Origins": [.string(origin)],
        ])
    }

    @Test func secretsStayWithTheirOrigin() async throws {
        let seen = Collected<ScriptedServer.Received>()
        let other = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request)
            connection.answer()
        }
        let target = other.url
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request)
            connection.answer(307, "Location: \(target)/else\r\n")
        }
        let connection = try connection(
            "API_KEY", for: server.url,
            [
                "ApiKeyAuthParameters": ["ApiKeyName": "X-Key", "ApiKeyValue": "s3cret"],
                "InvocationHttpParameters": ["HeaderParameters": [["Key": "X-Also", "Value": "s3cret-too"]]],
            ])
        _ = try await call(
            server.url, "GET", ["Headers": ["X-Mine": "open"]], connection: connection, by: try step())
        let requests = seen.all
        #expect(requests.count == 2)
        #expect(requests[0].header("X-Key") == "s3cret")
        #expect(requests[0].header("X-Also") == "s3cret-too")
        #expect(!requests[1].head.contains("s3cret"))
        #expect(requests[1].header("X-Mine") == "open")
    }

    @Test(arguments: [
        (301, "PUT"), (302, "PATCH"), (302, "DELETE"), (307, "POST"), (308, "POST"), (301, "POST"), (303, "POST"),
    ])
    func secretsInTheContentStayWithTheirOrigin(_ status: Int, _ method: String) async throws {
        let seen = Collected<ScriptedServer.Received>()
        let other = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request)
            connection.answer()
        }
        let target = other.url
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request)
            if request.line.contains("/moved") {
                connection.answer(status, "Location: \(target)/else\r\n")
            } else {
                connection.answer(status, "Location: /moved\r\n")
            }
        }
        let connection = try connection(
            "API_KEY", for: server.url,
            [
                "ApiKeyAuthParameters": ["ApiKeyName": "X-Key", "ApiKeyValue": "s3cret"],
                "InvocationHttpParameters": ["BodyParameters": [["Key": "pin", "Value": "s3cret-too"]]],
            ])
        let step = try step()
        // 301 and 303 make a POST a GET, which has no content to keep.
        if method == "POST", status <= 303 {
            _ = try await call(server.url, method, ["RequestBody": ["a": 1]], connection: connection, by: step)
            #expect(seen.all.map(\.line).last == "GET /else HTTP/1.1")
        } else {
            let failure = await failure {
                try await call(server.url, method, ["RequestBody": ["a": 1]], connection: connection, by: step)
            }
            #expect(failure?.error == "States.Http.Socket")
            #expect(failure?.cause.contains("another origin, \(target)") == true, "\(failure?.cause ?? "")")
            #expect(failure?.cause.contains("s3cret") == false)
            // The same origin gets it on every hop.
            #expect(
                seen.all.map { String(decoding: $0.content, as: UTF8.self).contains("s3cret-too") } == [true, true])
        }
        let there = seen.all.filter { $0.line.contains("/else") }
        #expect(!there.contains { ($0.head + String(decoding: $0.content, as: UTF8.self)).contains("s3cret") })
    }

    @Test func aConnectionIsForItsOriginsAlone() async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request.line)
            connection.answer(200, "", #"{"access_token":"t"}"#)
        }
        let step = try step()
        let connection = try connection(
            "OAUTH_CLIENT_CREDENTIALS", for: "https://api.example",
            [
                "OAuthParameters": [
                    "ClientParameters": ["ClientID": "me", "ClientSecret": "s3cret"],
                    "AuthorizationEndpoint": .string(server.url + "/token"), "HttpMethod": "POST",
                ]
            ])
        // A host that only a careless reader finds in it changes nothing.
        for url in [server.url, server.url + "/https://api.example", server.url + "#@api.example"] {
            let failure = await failure { try await call(url, "POST", connection: connection, by: step) }
            #expect(failure?.error == "Showrunner.HttpAddressForbidden")
            #expect(failure?.cause == "The connection is for https://api.example alone, not for \(server.url).")
        }
        // Not even a token is asked for.
        #expect(seen.all.isEmpty)
    }

    @Test func basicAuthorization() async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request.header("Authorization") ?? "")
            connection.answer()
        }
        // The example of RFC 7617, section 2.
        let connection = try connection(
            "BASIC", for: server.url, ["BasicAuthParameters": ["Username": "Aladdin", "Password": "open sesame"]])
        _ = try await call(server.url, connection: connection, by: try step())
        #expect(seen.all == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
    }

    private func oauth(_ url: String, secret: String = "s3cret") throws -> HTTPConnection {
        try connection(
            "OAUTH_CLIENT_CREDENTIALS", for: url,
            [
                "OAuthParameters": [
                    "ClientParameters": ["ClientID": "me", "ClientSecret": .string(secret)],
                    "AuthorizationEndpoint": .string(url + "/token"), "HttpMethod": "POST",
                    "OAuthHttpParameters": ["BodyParameters": [["Key": "scope", "Value": "films"]]],
                ]
            ])
    }

    @Test func accessTokensAreKeptUntilTheyAreRefused() async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            if request.line.contains("/token") {
                let number = seen.all.filter { $0.hasPrefix("token") }.count + 1
                seen.add("token " + String(decoding: request.content, as: UTF8.self))
                connection.answer(200, "", #"{"access_token":"t\#(number)","token_type":"Bearer","expires_in":3600}"#)
            } else {
                seen.add(request.header("Authorization") ?? "")
                connection.answer(request.line.contains("/refuse") ? 401 : 200)
            }
        }
        let step = try step()
        let connection = try oauth(server.url)
        _ = try await call(server.url, connection: connection, by: step)
        _ = try await call(server.url, connection: connection, by: step)
        let failure = await failure { try await call(server.url + "/refuse", connection: connection, by: step) }
        #expect(failure?.error == "States.Http.StatusCode.401")
        _ = try await call(server.url, connection: connection, by: step)
        let form = "token grant_type=client_credentials&scope=films&client_id=me&client_secret=s3cret"
        #expect(seen.all == [form, "Bearer t1", "Bearer t1", "Bearer t1", form, "Bearer t2"])
    }

    @Test(arguments: [#""nan""#, #""-nan""#, #""inf""#, #""soon""#, "[]"])
    func aTokenWithoutALifeIsUsedOnce(_ life: String) async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request.line)
            connection.answer(200, "", #"{"access_token":"t","expires_in":\#(life)}"#)
        }
        let step = try step()
        let connection = try oauth(server.url)
        for _ in 1...2 { _ = try await call(server.url + "/api", connection: connection, by: step) }
        #expect(seen.all.filter { $0.contains("/token") }.count == 2)
    }

    static let badTokens: [(Int, String)] = [
        (400, #"{"error":"invalid_client"}"#), (200, "{}"), (200, "no JSON"), (200, #"{"access_token":""}"#),
    ]

    @Test(arguments: badTokens) func withoutATokenNothingIsCalled(_ status: Int, _ body: String) async throws {
        let seen = Collected<String>()
        let server = try ScriptedServer { connection in
            guard let request = connection.receive() else { return }
            seen.add(request.line)
            connection.answer(status, "", body)
        }
        let step = try step()
        let connection = try oauth(server.url)
        let failure = await failure { try await call(server.url + "/api", "POST", connection: connection, by: step) }
        #expect(failure?.error == "Events.ConnectionResource.InvalidConnectionState")
        #expect(failure?.cause.contains("s3cret") == false)
        #expect(seen.all == ["POST /token HTTP/1.1"])
    }
}
