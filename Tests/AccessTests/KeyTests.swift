import AccessControl
import Cryptography
import HTTPServerTestSupport
import JSON
import Journal
import Postgres
import Testing

@testable import Access

@Suite("Access keys, at the engine's server")
struct KeyTests {
    private func order(_ document: JSON) -> [UInt8] { document.utf8 }

    @Test("an admin makes, lists, disables and rotates keys, and each holds at once")
    func life() async throws {
        try await Gate.with { gate, client in
            let admin = try #require(try await gate.keys()[.admin])
            let made = try await client.send(
                admin, "POST", "/access/v1/keys", LoopbackClient.json,
                body: order(["role": "operator", "description": "night shift"]))
            #expect(made.status == 201, "\(made.text)")
            let document = try made.document
            let id = try #require(document["accessKeyId"]?.stringValue)
            let secret = try #require(document["secretAccessKey"]?.stringValue)
            #expect(id.hasPrefix("AKIA") && id.utf8.count == 20 && secret.utf8.count == 40)
            #expect(document["role"] == "operator" && document["description"] == "night shift")
            #expect(document["status"] == "Active")
            #expect(try await client.send((id, secret), "GET", "/console/api/runs").status == 200)

            let list = try await client.send(admin, "GET", "/access/v1/keys")
            #expect(!list.text.contains(secret) && !list.text.contains("secret"))
            #expect(try list.document["keys"]?.arrayValue?.count == 6)

            let rotated = try await client.send(
                admin, "POST", "/access/v1/keys/\(id)/rotate", LoopbackClient.json, body: order([:]))
            #expect(rotated.status == 201)
            let next = (
                id: try #require(try rotated.document["accessKeyId"]?.stringValue),
                secret: try #require(try rotated.document["secretAccessKey"]?.stringValue)
            )
            #expect(try rotated.document["role"] == "operator")
            #expect(try rotated.document["description"] == "night shift")
            for key in [(id, secret), next] {
                #expect(try await client.send(key, "GET", "/console/api/runs").status == 200, "both work")
            }
            let disabled = try await client.send(
                admin, "POST", "/access/v1/keys/\(id)/disable", LoopbackClient.json, body: order([:]))
            #expect(disabled.status == 200)
            #expect(try disabled.document["status"] == "Inactive")
            #expect(try disabled.document["disabledDate"] != nil)
            #expect(try await client.send((id, secret), "GET", "/console/api/runs").status == 401)
            let last = try await client.send(
                admin, "POST", "/access/v1/keys/\(next.id)/rotate", LoopbackClient.json,
                body: order(["disableOld": true]))
            #expect(last.status == 201)
            #expect(try await client.send(next, "GET", "/console/api/runs").status == 401)
            let again = try await client.send(
                admin, "POST", "/access/v1/keys/\(next.id)/rotate", LoopbackClient.json, body: order([:]))
            #expect(again.status == 409)

            let rows = try await gate.journal.audit(limit: 20, action: "ManageAccessKeys")
            #expect(rows.last?.resource == "access key \(id)", "what was made is named")
            #expect(rows.count == 5)
        }
    }

    @Test("bad orders are refused with their reason")
    func refusals() async throws {
        try await Gate.with { gate, client in
            let admin = try #require(try await gate.keys()[.admin])
            let long = String(repeating: "x", count: 257)
            // One character, as people count, of 257 bytes.
            let tall = "e" + String(repeating: "\u{301}", count: 128)
            for (path, body, status) in [
                ("", #"{}"#, 400), ("", #"{"role":"king"}"#, 400), ("", #"{"role":7}"#, 400), ("", "[]", 400),
                ("", "{", 400), ("", #"{"role":"viewer","description":"\#(long)"}"#, 400),
                ("", #"{"role":"viewer","description":"\#(tall)"}"#, 400),
                ("/AKIANOBODY/disable", "{}", 404), ("/AKIANOBODY/rotate", "{}", 404),
                ("/AKIANOBODY/rotate", #"{"disableOld":1}"#, 400),
            ] {
                let answer = try await client.send(
                    admin, "POST", "/access/v1/keys" + path, LoopbackClient.json, body: Array(body.utf8))
                #expect(answer.status == status, "\(path) \(body): \(answer.text)")
            }
            let form = try await client.send(
                admin, "POST", "/access/v1/keys", ["Content-Type": "text/plain"], body: Array("{}".utf8))
            #expect(form.status == 415)
            let last = try await client.send(
                admin, "POST", "/access/v1/keys/\(admin.key.id)/disable", LoopbackClient.json, body: Array("{}".utf8))
            #expect(last.status == 409)
            #expect(last.text.contains("is the last key of an admin"))
        }
    }

    @Test("a key made behind the engine's back works from its first call on")
    func madeElsewhere() async throws {
        try await Gate.with { gate, client in
            _ = try await gate.keys()
            // Looking for one that is unknown counts as a look; the next is a second later.
            let other = Journal(url: gate.url, incarnation: "cli", log: silent)
            let made = try await AccessKeyStore(journal: other, ring: gate.ring).create(role: .viewer, description: nil)
            var status = 0
            let end = ContinuousClock.now.advanced(by: .seconds(10))
            while status != 200, .now < end { status = try await client.send(made, "GET", "/console/api/runs").status }
            #expect(status == 200)
            await other.close(deadline: .seconds(5))
        }
    }

    @Test("a key of a role that this release does not know is listed, does not work, and can be disabled")
    func unknownRole() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            let admin = try #require(keys[.admin])
            let viewer = try #require(keys[.viewer])
            let connection = try await PostgresConnection.connect(
                gate.url, applicationName: "test", deadline: .seconds(10))
            _ = try await connection.query(
                "UPDATE showrunner.access_key SET role = 'director' WHERE id = $1", [.text(viewer.key.id)],
                deadline: .seconds(10))
            await connection.close()

            // What an engine that starts now reads.
            let other = Access(
                journal: gate.journal, ring: gate.ring,
                settings: Access.Settings(
                    region: "us-east-1", service: "states", trustsThisMachine: false, wireBytes: 1 << 20),
                log: silent)
            try await other.load()
            #expect(try await other.keys.find(viewer.key.id) == nil)
            #expect(other.enabledKeyCount == 4)

            let list = try await client.send(admin, "GET", "/access/v1/keys")
            #expect(list.status == 200, "\(list.text)")
            let shown = try list.document["keys"]?.arrayValue?.first { $0["accessKeyId"] == .string(viewer.key.id) }
            #expect(shown?["role"] == "director" && shown?["status"] == "Active")
            let rotated = try await client.send(
                admin, "POST", "/access/v1/keys/\(viewer.key.id)/rotate", LoopbackClient.json, body: order([:]))
            #expect(rotated.status == 400 && rotated.text.contains("director"))
            let disabled = try await client.send(
                admin, "POST", "/access/v1/keys/\(viewer.key.id)/disable", LoopbackClient.json, body: order([:]))
            #expect(try disabled.document["status"] == "Inactive", "\(disabled.text)")
        }
    }

    @Test("a description has its limit in bytes, whoever makes the key")
    func descriptionLimit() async throws {
        let gate = try await Gate()
        for description in ["e" + String(repeating: "\u{301}", count: 128), "a\0b"] {
            let refusal = await #expect(throws: AccessError.self) {
                try await gate.store.create(role: .viewer, description: description)
            }
            #expect(refusal?.code == .invalid)
        }
        let longest = String(repeating: "ü", count: 128)
        #expect(try await gate.store.create(role: .viewer, description: longest).key.description == longest)
        await gate.close()
    }

    @Test("what an older look at the database found does not replace what a newer one did")
    func looksOutOfOrder() async throws {
        let gate = try await Gate()
        let keys = gate.access.keys
        let made = try await gate.store.create(role: .viewer, description: nil)
        let entry = KnownKeys.Entry(role: .viewer, secret: made.secret, isEnabled: true)
        let slow = keys.beginLook()
        _ = try await gate.store.disable(made.key.id)
        try await keys.reload()
        keys.hold([made.key.id: entry], of: slow)
        #expect(try await keys.find(made.key.id) == nil, "it stays disabled")
        #expect(keys.enabledCount == 0)
        keys.hold([made.key.id: entry], of: keys.beginLook())
        #expect(keys.enabledCount == 1, "the newest counts")
        await gate.close()
    }

    @Test("the database holds no secret, and opens none without its master key")
    func sealed() async throws {
        let gate = try await Gate()
        let made = try await gate.store.create(role: .admin, description: nil)
        let connection = try await PostgresConnection.connect(
            gate.url, applicationName: "test", deadline: .seconds(10))
        let rows = try await connection.query(
            "SELECT row_to_json(k)::text AS text, secret FROM showrunner.access_key k", deadline: .seconds(10))
        let bytes = rows[0].bytes("secret")
        #expect(!rows[0].text("text").contains(made.secret))
        #expect(!String(decoding: bytes, as: UTF8.self).contains(made.secret))
        let stranger = AccessKeyStore(journal: gate.journal, ring: try KeyRing([MasterKey()]))
        let stored = try #require(try await gate.journal.accessKeys().first)
        let refusal = await #expect(throws: AccessError.self) { try await stranger.open(stored) }
        #expect(refusal?.code == .sealing)
        // A row that was copied over another's opens for nobody.
        var moved = stored
        moved.id = "AKIAOTHER"
        await #expect(throws: AccessError.self) { try await gate.store.open(moved) }
        #expect(try await gate.store.open(stored) == made.secret)
        await connection.close()
        await gate.close()
    }

    @Test("a new master key in front seals anew what the old one sealed")
    func masterKeyRotation() async throws {
        let gate = try await Gate()
        let old = MasterKey()
        let new = MasterKey()
        let made = try await AccessKeyStore(journal: gate.journal, ring: try KeyRing([old]))
            .create(role: .viewer, description: nil)
        let both = Access(
            journal: gate.journal, ring: try KeyRing([new, old]),
            settings: Access.Settings(
                region: "us-east-1", service: "states", trustsThisMachine: false, wireBytes: 1 << 20), log: silent)
        try await both.load()
        #expect(both.enabledKeyCount == 1)
        let after = AccessKeyStore(journal: gate.journal, ring: try KeyRing([new]))
        let stored = try #require(try await gate.journal.accessKeys().first)
        #expect(try await after.open(stored) == made.secret)
        await gate.close()
    }

    @Test("the day of the last use is noted")
    func lastUse() async throws {
        try await Gate.with { gate, client in
            let keys = try await gate.keys()
            let viewer = try #require(keys[.viewer])
            #expect(try await client.send(viewer, "GET", "/console/api/runs").status == 200)
            _ = try await client.send((try #require(keys[.author]).key.id, "wrong"), "GET", "/console/api/runs")
            #expect(gate.access.keys.takeUsed() == [viewer.key.id], "a wrong signature is no use")
            #expect(gate.access.keys.takeUsed().isEmpty)
        }
    }
}
