import HTTPServerTestSupport
import JSON
import Testing

@testable import Access

@Suite("Calls of this machine, where they need no key")
struct ThisMachineTests {
    private static let list = LoopbackClient.wire("ListStateMachines")

    @Test("a call without a signature is an admin's, and told as local")
    func anonymous() async throws {
        try await Gate.with(trustsThisMachine: true, localKeys: ["test": "test"]) { gate, client in
            let answer = try await client.send("POST", "/", Self.list, body: Array("{}".utf8))
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try await client.get("/console").status == 200)
            let made = try await client.send(
                "POST", "/access/v1/keys", LoopbackClient.json, body: Array(#"{"role":"viewer"}"#.utf8))
            #expect(made.status == 201)
            #expect(try await gate.journal.audit(limit: 1)[0].accessKeyID == "local")
            #expect(
                try await client.get("/console/api/session").document
                    == ["accessKeyId": "local", "role": "admin", "signedIn": false])
        }
    }

    @Test("what is signed is verified all the same")
    func signed() async throws {
        try await Gate.with(trustsThisMachine: true, localKeys: ["test": "test"]) { gate, client in
            let body = Array("{}".utf8)
            #expect(try await client.send(("test", "test"), "POST", "/", Self.list, body: body).status == 200)
            let wrong = try await client.send(("test", "toast"), "POST", "/", Self.list, body: body)
            #expect(try wrong.errorType == "InvalidSignatureException")
            let unknown = try await client.send(("AKIANOBODY", "test"), "POST", "/", Self.list, body: body)
            #expect(try unknown.errorType == "UnrecognizedClientException")
            let key = try await gate.store.create(role: .viewer, description: nil)
            try await gate.access.load()
            let denied = try await client.call(key, "DeleteStateMachine")
            #expect(try denied.errorType == "AccessDeniedException", "a key has its role here too")
        }
    }

    @Test(
        "what came from elsewhere is not this machine's",
        arguments: [
            ["X-Forwarded-For": "203.0.113.7"], ["Forwarded": "for=203.0.113.7"], ["Host": "evil.example"],
            ["Host": "evil.example:4600"], ["Host": "127.evil.example"], ["Host": "128.0.0.1"],
        ])
    func elsewhere(_ headers: [String: String]) async throws {
        try await Gate.with(trustsThisMachine: true, localKeys: ["test": "test"]) { _, client in
            #expect(try await client.get("/console/api/runs", headers).status == 401)
            let wire = try await client.send(
                "POST", "/", Self.list.merging(headers) { _, new in new }, body: Array("{}".utf8))
            #expect(try wire.errorType == "MissingAuthenticationTokenException")
        }
    }

    @Test(
        "every name of this machine is",
        arguments: ["localhost", "localhost:4600", "127.0.0.2:1", "[::1]:4600", "[::1]"])
    func names(_ host: String) async throws {
        try await Gate.with(trustsThisMachine: true) { (_, client) async throws in
            #expect(try await client.get("/console/api/runs", ["Host": host]).status == 200)
        }
    }

    @Test("a page of another origin can't use the browser's place on this machine")
    func crossOrigin() async throws {
        try await Gate.with(trustsThisMachine: true) { _, client in
            for headers in [["Origin": "https://evil.example"], ["Sec-Fetch-Site": "cross-site"]] {
                let answer = try await client.send(
                    "POST", "/access/v1/keys", LoopbackClient.json.merging(headers) { _, new in new },
                    body: Array(#"{"role":"admin"}"#.utf8))
                #expect(answer.status == 403)
            }
        }
    }
}
