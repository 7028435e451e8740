import AccessControl
import HTTPServer
import HTTPServerTestSupport
import HTTPTypes
import JSON
import Testing

@testable import Access

@Suite("Roles, at the engine's server")
struct EnforcementTests {
    @Test("every operation of the wire answers every role as the matrix says")
    func wireMatrix() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            var judged = 0
            for action in Action.allCases where action.isOperation {
                for role in Role.allCases {
                    let key = try #require(keys[role])
                    let answer = try await client.call(key, action.rawValue)
                    let type = answer.status == 200 ? nil : try answer.errorType
                    if role.allows(action) {
                        #expect(
                            type != "AccessDeniedException" && type?.contains("Token") != true,
                            "\(role) \(action): \(answer.text)")
                    } else {
                        #expect(answer.status == 400)
                        #expect(
                            answer.text
                                == #"{"__type":"AccessDeniedException","message":"User: arn:aws:iam::000000000000:user/"#
                                + "\(key.key.id) is not authorized to perform: states:\(action.rawValue) on resource: * "
                                + #"because the role \#(role.rawValue) does not allow it"}"#)
                    }
                    judged += 1
                }
            }
            #expect(judged == 37 * 5)
        }
    }

    /// Routes that are no operation of the wire, with the action each is.
    static let routes: [(method: String, path: String, action: Action)] = [
        ("GET", "/console", .useConsole), ("GET", "/console/runs/x", .useConsole),
        ("GET", "/console/workers", .useConsole), ("GET", "/console/api/runs", .useConsole),
        ("GET", "/console/api/runs/x", .useConsole), ("GET", "/console/api/runs/x/states/1", .useConsole),
        ("GET", "/console/api/runs/x/comparison", .useConsole), ("GET", "/console/api/runs/x/history", .useConsole),
        ("GET", "/console/api/runs/x/events", .useConsole), ("HEAD", "/console/api/events", .useConsole),
        ("GET", "/console/api/workers", .useConsole), ("GET", "/console/api/session", .useConsole),
        ("POST", "/console/api/runs/x/stop", .stopExecution), ("POST", "//console//api/runs/x/stop/", .stopExecution),
        ("POST", "/console/api/runs/x/release", .operateDispatch),
        ("POST", "/console/api/runs/x/states/1/release", .operateDispatch),
        ("POST", "/console/api/runs/x/states/1/fail", .operateDispatch),
        ("GET", "/console/api/runs/x/states/1/question", .useConsole),
        ("POST", "/console/api/runs/x/states/1/approve", .answerTask),
        ("POST", "/console/api/runs/x/states/1/reject", .answerTask),
        ("POST", "/console/api/workers/x/mode", .operateDispatch), ("GET", "/console/api/runs/x/waits", .useConsole),
        ("POST", "/console/api/runs/x/again", .startExecution),
        ("POST", "/console/api/runs/x/redrive", .redriveExecution), ("POST", "/uploads", .upload),
        ("HEAD", "/uploads/x", .upload), ("PATCH", "/uploads/x", .upload),
        ("DELETE", "/uploads/x", .upload), ("POST", "/uploads/x", .upload),
        ("GET", "/console/machines", .useConsole), ("GET", "/console/machines/x", .useConsole),
        ("GET", "/console/api/machines", .useConsole), ("GET", "/console/api/machines/x", .useConsole),
        ("GET", "/console/api/machines/x/definition", .useConsole),
        ("POST", "/console/api/machines/x/start", .startExecution),
        ("GET", "/console/schedules", .useConsole), ("GET", "/console/schedules/x", .useConsole),
        ("GET", "/console/api/schedules", .useConsole), ("GET", "/console/api/schedules/x", .useConsole),
        ("GET", "/console/api/schedules/x/preview", .useConsole),
        ("POST", "/console/api/schedules/x/pause", .operateSchedules),
        ("POST", "/console/api/schedules/x/resume", .operateSchedules),
        ("POST", "/console/api/schedules/x/run-now", .operateSchedules),
        ("POST", "/console/api/schedules/x/backfill", .operateSchedules),
        ("GET", "/console/triggers", .useConsole), ("GET", "/console/triggers/x", .useConsole),
        ("GET", "/console/api/triggers", .useConsole), ("GET", "/console/api/triggers/x", .useConsole),
        ("POST", "/console/api/triggers/x/secret", .manageConnections),
        ("POST", "/console/api/triggers/x/pause", .operateTriggers),
        ("POST", "/console/api/triggers/x/resume", .operateTriggers),
        ("GET", "/console/api/starts-aside", .useConsole),
        ("POST", "/console/api/starts-aside/x/release", .operateDispatch),
        ("GET", "/console/api/connections", .manageConnections),
        ("POST", "/console/api/connections", .manageConnections),
        ("DELETE", "/console/api/connections/x", .manageConnections), ("POST", "/worker/v1/connection", .work),
        ("POST", "/worker/v1/key", .work), ("POST", "/access/v1/accounts/x/tokens", .manageAccounts),
        ("POST", "/access/v1/accounts/x/revoke", .manageAccounts),
        ("POST", "/worker/v1/poll", .work), ("POST", "/worker/v1/heartbeat", .work),
        ("POST", "/worker/v1/complete", .work), ("POST", "/worker/v1/fail", .work),
        ("GET", "/access/v1/keys", .manageAccessKeys), ("POST", "/access/v1/keys", .manageAccessKeys),
        ("POST", "/access/v1/keys/x/disable", .manageAccessKeys),
        ("POST", "/access/v1/keys/x/rotate", .manageAccessKeys), ("GET", "/access/v1/audit", .readAudit),
    ]

    @Test("every other route answers every role as the matrix says, and nobody without a key")
    func routeMatrix() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            for (method, path, action) in Self.routes {
                for role in Role.allCases {
                    let answer = try await client.send(
                        try #require(keys[role]), method, path, ["Content-Type": "application/json"], body: [])
                    #expect(
                        (answer.status == 403) == !role.allows(action), "\(role) \(method) \(path): \(answer.status)")
                    #expect(answer.status != 401 && answer.status != 303, "\(role) \(method) \(path)")
                }
                let stranger = try await client.send(
                    method, path, [:], body: method == "GET" || method == "HEAD" ? nil : [])
                let isPage = method == "GET" && path.hasPrefix("/console") && !path.hasPrefix("/console/api")
                #expect(stranger.status == (isPage ? 303 : 401), "\(method) \(path)")
                if isPage { #expect(stranger["Location"] == "/console/sign-in?next=\(path)") }
            }
        }
    }

    @Test("no route of the engine is left out of the table, and each is tried above")
    func allListed() async throws {
        let gate = try await Gate()
        let router = try await gate.router()
        for route in router.routes {
            #expect(RouteRule.of(route.method, route.path) != .unlisted, "\(route.method.rawValue) \(route.path)")
        }
        // What is not tried is open to all, or the wire.
        let tried = Set(Self.routes.map { $0.method + " " + $0.path.split(separator: "/").joined(separator: "/") })
        for route in router.routes {
            switch RouteRule.of(route.method, route.path) {
            case .open, .wire, .unlisted: continue
            case .page, .action, .upload: break
            }
            let path = route.path.split(separator: "/").map { part in
                part == "{entry}" ? "1" : part.hasPrefix("{") ? "x" : String(part)
            }.joined(separator: "/")
            let isTried = tried.contains("\(route.method.rawValue) \(path)") || tried.contains("HEAD \(path)")
            #expect(isTried, "\(route.method.rawValue) \(path)")
        }
        await gate.close()
    }

    @Test("what is not in the table is for admins", arguments: ["GET", "POST", "DELETE"])
    func unlisted(_ method: String) throws {
        let rule = RouteRule.of(try #require(HTTPRequest.Method(method)), "/something/new")
        #expect(rule == .unlisted)
    }

    @Test("health and what a browser needs to sign in are open to all")
    func open() async throws {
        try await Gate.with { (_, client) async throws in
            for path in [
                "/livez", "/readyz", "/metrics", "/console/sign-in", "/console/assets/console.css",
                "/console/assets/sign-in.js",
            ] {
                #expect(try await client.get(path).status == 200, "\(path)")
            }
            #expect(try await client.send("OPTIONS", "/uploads").status == 204)
            #expect(try await client.get("/nowhere").status == 404)
            #expect(try await client.send("DELETE", "/console/api/runs").status == 405)
        }
    }

    @Test("a call without a signature is refused in the words of its protocol")
    func unsigned() async throws {
        try await Gate.with { _, client in
            let wire = try await client.send("POST", "/", LoopbackClient.wire("ListExecutions"), body: Array("{}".utf8))
            #expect(wire.status == 400)
            #expect(wire["Content-Type"] == "application/x-amz-json-1.0")
            #expect(wire["x-amzn-RequestId"] != nil)
            #expect(
                wire.text
                    == #"{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}"#)
            let console = try await client.get("/console/api/runs")
            #expect(console.status == 401)
            #expect(console["WWW-Authenticate"] == "AWS4-HMAC-SHA256")
            #expect(try console.document["code"] == "not-authenticated")
            #expect(try console.document["error"] == "MissingAuthenticationTokenException")
            // A page keeps where its visitor was going.
            let page = try await client.get("/console/runs/arn%3Aaws?x=1&y")
            #expect(page.status == 303)
            #expect(page["Location"] == "/console/sign-in?next=/console/runs/arn%253Aaws%3Fx%3D1%26y")
        }
    }

    @Test("an operation nobody knows is refused, to whoever has a key")
    func unknownOperation() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            for target in ["AWSStepFunctions.Nothing", "Other.StartExecution", "AWSStepFunctions.UseConsole"] {
                let answer = try await client.send(
                    try #require(keys[.viewer]), "POST", "/", ["X-Amz-Target": target], body: Array("{}".utf8))
                #expect(answer.status == 400)
                #expect(try answer.errorType == "UnknownOperationException")
            }
        }
    }

    @Test("a bad signature is refused with AWS's name for it, over HTTP too")
    func badSignatures() async throws {
        try await Gate.with { gate, client in
            let key = try #require(try await gate.keys()[.admin])
            let list = LoopbackClient.wire("ListStateMachines")
            let now = systemMicroseconds() / 1_000_000
            #expect(try await client.send(key, "POST", "/", list, body: Array("{}".utf8)).status == 200)
            let stranger = try await client.send(("AKIANOBODY", "x"), "POST", "/", list)
            #expect(stranger.status == 400)
            #expect(
                stranger.text == #"{"__type":"UnrecognizedClientException","message":"The security token included in "#
                    + #"the request is invalid."}"#)
            let wrong = try await client.send((key.key.id, "wrong"), "POST", "/", list)
            #expect(try wrong.errorType == "InvalidSignatureException")
            #expect(
                try wrong.document["message"]?.stringValue?.hasPrefix("The request signature we calculated") == true)
            let late = try await client.send(key, "POST", "/", list, now: now - 302)
            #expect(try late.document["message"]?.stringValue?.hasPrefix("Signature expired: ") == true)
            let early = try await client.send(key, "POST", "/", list, now: now + 330)
            #expect(try early.document["message"]?.stringValue?.hasPrefix("Signature not yet current: ") == true)
            // The content is covered, and UNSIGNED-PAYLOAD gets nobody out of it.
            let open = try await client.send(key, "POST", "/", list, body: Array("{}".utf8), unsignedPayload: true)
            #expect(try open.errorType == "InvalidSignatureException")
            // More than any operation has is not read to be hashed.
            let large = try await client.send(
                key, "POST", "/", list, body: [UInt8](repeating: 32, count: (2 << 20) + 1))
            #expect(large.status == 413)
            #expect(try large.errorType == "RequestEntityTooLargeException")
            // Nothing at all is read for a key that is not known or a signature out of date.
            let much = [UInt8](repeating: 32, count: (2 << 20) + 1)
            let nobody = try await client.send(("AKIANOBODY", "x"), "POST", "/", list, body: much)
            #expect(try nobody.errorType == "UnrecognizedClientException")
            let old = try await client.send(key, "POST", "/", list, body: much, now: now - 302)
            #expect(try old.errorType == "InvalidSignatureException")
            // In the query, as presigned addresses have it.
            let presigned = try await client.get("/console/api/runs?X-Amz-Algorithm=AWS4-HMAC-SHA256")
            #expect(presigned.status == 401)
            #expect(try presigned.document["error"] == "IncompleteSignatureException")
        }
    }

    @Test("a part of a film is sent with its signature, and without its hash")
    func uploads() async throws {
        try await Gate.with { gate, client in
            let key = try #require(try await gate.keys()[.operator])
            let version = ["Tus-Resumable": "1.0.0"]
            let made = try await client.send(
                key, "POST", "/uploads",
                version.merging(["Upload-Length": "8", "Upload-Metadata": "filename YS5tcDQ="]) { old, _ in old })
            #expect(made.status == 201, "\(made.text)")
            let place = try #require(made["Location"])
            let fields = version.merging(
                ["Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"]) { old, _ in old }
            let hashed = try await client.send(key, "PATCH", place, fields, body: Array("film".utf8))
            #expect(hashed.status == 401)
            #expect(hashed.text.contains("X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"))
            let sent = try await client.send(
                key, "PATCH", place, fields, body: Array("film".utf8), unsignedPayload: true)
            #expect(sent.status == 204, "\(sent.text)")
            #expect(try await client.send(key, "HEAD", place, version)["Upload-Offset"] == "4")
            let gone = try await client.send(key, "DELETE", place, version)
            #expect(gone.status == 204, "\(gone.text)")
            // Giving up is told, and nothing that came before it: no execution was started.
            let rows = try await gate.journal.audit(limit: 10)
            #expect(rows.map(\.action) == ["Upload"])
            #expect(rows.map(\.resource) == [place])
        }
    }

    @Test("what can't be told in the audit log is not done; looking goes on")
    func trouble() async throws {
        try await Gate.with { gate, client in
            let key = try #require(try await gate.keys()[.admin])
            gate.dials.trouble.withLock { $0 = "The engine is starting, stopping or standing by." }
            let start = try await client.call(key, "StartExecution", ["stateMachineArn": .string(Gate.machine)])
            #expect(start.status == 503)
            #expect(try start.errorType == "ServiceUnavailable")
            #expect(try start.document["message"] == "The engine is starting, stopping or standing by.")
            let made = try await client.send(
                key, "POST", "/access/v1/keys", LoopbackClient.json, body: Array(#"{"role":"viewer"}"#.utf8))
            #expect(made.status == 503)
            #expect(made["Retry-After"] == "1")
            #expect(
                try await client.call(key, "ListExecutions", ["stateMachineArn": .string(Gate.machine)]).status == 400)
            #expect(try await client.send(key, "GET", "/access/v1/keys").status == 200)
            #expect(try await gate.journal.audit(limit: 10).isEmpty)
        }
    }
}
