import AccessControl
import HTTPServerTestSupport
import JSON
import Testing

@testable import Access

@Suite("Signing in to the console")
struct SessionTests {
    private func signIn(
        _ client: LoopbackClient, _ id: String, _ secret: String, _ headers: [String: String] = [:]
    ) async throws -> LoopbackClient.Answer {
        let order: JSON = ["accessKeyId": .string(id), "secretAccessKey": .string(secret)]
        return try await client.send(
            "POST", "/console/api/session", LoopbackClient.json.merging(headers) { _, new in new }, body: order.utf8)
    }

    private func cookie(_ answer: LoopbackClient.Answer) throws -> [String: String] {
        let field = try #require(answer["Set-Cookie"])
        return ["Cookie": "theme=dark; " + String(field.prefix { $0 != ";" })]
    }

    @Test("a key becomes a cookie that scripts and other sites don't have, with the key's rights")
    func signedIn() async throws {
        try await Gate.with { gate, client in
            let key = try #require(try await gate.keys()[.operator])
            let answer = try await signIn(client, key.key.id, key.secret)
            #expect(answer.status == 204)
            let field = try #require(answer["Set-Cookie"])
            #expect(field.hasSuffix("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"))
            #expect(!field.contains(key.secret))
            let cookie = try cookie(answer)
            #expect(try await client.get("/console/api/runs", cookie).status == 200)
            #expect(try await client.get("/console", cookie).status == 200)
            let session = try await client.get("/console/api/session", cookie).document
            #expect(session == ["accessKeyId": .string(key.key.id), "role": "operator", "signedIn": true])
            #expect(try await client.get("/access/v1/keys", cookie).status == 403)
            let stop = try await client.send(
                "POST", "/console/api/runs/x/stop", LoopbackClient.json.merging(cookie) { old, _ in old },
                body: Array("{}".utf8))
            #expect(stop.status == 404)

            let left = try await client.send("DELETE", "/console/api/session", cookie)
            #expect(left.status == 204)
            #expect(left["Set-Cookie"]?.contains("Max-Age=0") == true)
            let secure = try await signIn(client, key.key.id, key.secret, ["X-Forwarded-Proto": "https"])
            #expect(secure["Set-Cookie"]?.hasSuffix("; Secure") == true)
        }
    }

    @Test("wrong words, workers' keys and disabled ones don't sign in")
    func refused() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            let viewer = try #require(keys[.viewer])
            let worker = try #require(keys[.worker])
            for (id, secret) in [
                (viewer.key.id, "wrong"), (viewer.key.id, ""), ("AKIANOBODY", viewer.secret), ("", ""),
                (viewer.key.id, worker.secret),
            ] {
                let answer = try await signIn(client, id, secret)
                #expect(answer.status == 401)
                #expect(answer["Set-Cookie"] == nil)
                #expect(answer.text.contains("do not belong together"))
            }
            #expect(try await signIn(client, worker.key.id, worker.secret).status == 403)
            let elsewhere = try await signIn(client, viewer.key.id, viewer.secret, ["Origin": "https://evil.example"])
            #expect(elsewhere.status == 403)
            let form = try await client.send(
                "POST", "/console/api/session", ["Content-Type": "text/plain"], body: Array("{}".utf8))
            #expect(form.status == 415)
        }
    }

    @Test("a cookie ends after twelve hours, with its key, and when anything in it is changed")
    func ends() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            let viewer = try #require(keys[.viewer])
            let answer = try await signIn(client, viewer.key.id, viewer.secret)
            let good = try cookie(answer)
            gate.dials.shift.withLock { $0 = ConsoleSessions.validity - 60 }
            #expect(try await client.get("/console/api/runs", good).status == 200)
            gate.dials.shift.withLock { $0 = ConsoleSessions.validity + 1 }
            #expect(try await client.get("/console/api/runs", good).status == 401)
            gate.dials.shift.withLock { $0 = 0 }

            let value = try #require(ConsoleSessions.value(in: good["Cookie"]))
            let parts = value.split(separator: ".").map(String.init)
            let admin = try #require(keys[.admin]).key.id
            for changed in [
                [parts[0], admin, parts[2], parts[3]], [parts[0], parts[1], "99999999999", parts[3]],
                ["2", parts[1], parts[2], parts[3]], [parts[0], parts[1], parts[2], String(parts[3].dropLast()) + "0"],
                [parts[0], parts[1], parts[2], String(parts[3].dropLast()) + "1"], [parts[0], parts[1], parts[2], ""],
                [parts[0], parts[1], parts[2]], [],
            ] where changed != parts {
                let field = ["Cookie": "showrunner_session=" + changed.joined(separator: ".")]
                #expect(try await client.get("/console/api/runs", field).status == 401, "\(changed)")
            }
            #expect(try await client.get("/console/api/runs", good).status == 200)
            _ = try await gate.store.disable(viewer.key.id)
            try await gate.access.load()
            #expect(try await client.get("/console/api/runs", good).status == 401)
        }
    }

    @Test(
        "a page of another origin can't use the cookie to change something",
        arguments: [
            ["Origin": "https://evil.example"], ["Origin": "null"], ["Sec-Fetch-Site": "cross-site"],
            ["Sec-Fetch-Site": "same-site"], ["Origin": "http://127.0.0.1:1"],
        ])
    func crossOrigin(_ headers: [String: String]) async throws {
        try await Gate.with { gate, client in
            let key = try #require(try await gate.keys()[.admin])
            var fields = try cookie(try await signIn(client, key.key.id, key.secret))
            fields.merge(LoopbackClient.json) { old, _ in old }
            let own = ["Origin": client.base, "Sec-Fetch-Site": "same-origin"]
            let order: JSON = ["role": "viewer"]
            let made = try await client.send(
                "POST", "/access/v1/keys", fields.merging(own) { _, new in new }, body: order.utf8)
            #expect(made.status == 201, "\(made.text)")
            let refused = try await client.send(
                "POST", "/access/v1/keys", fields.merging(headers) { _, new in new }, body: order.utf8)
            #expect(refused.status == 403)
            #expect(try refused.document["detail"]?.stringValue?.contains("another origin") == true)
        }
    }
}
