import Cryptography
@testable import Engine
import Encodings
import JSON
import Journal
import StepContracts
import Testing

private let secret = "s3cret-of-the-connection"
private let sharedKey = MasterKey()

private func parameters(_ secret: String = secret) -> JSON {
    [
        "AuthorizationType": "API_KEY", "Origins": ["https://api.example", "https://b.example:8443"],
        "AuthParameters": [
            "ApiKeyAuthParameters": ["ApiKeyName": "X-Key", "ApiKeyValue": .string(secret)],
            "InvocationHttpParameters": ["HeaderParameters": [["Key": "X-Also", "Value": .string(secret)]]],
        ],
    ]
}

/// A machine that calls an API with a connection.
private func calling(_ arn: String, at endpoint: String = "https://api.example") -> String {
    #"""
    {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::http:invoke","Parameters":{
      "ApiEndpoint":"\#(endpoint)","Method":"POST","Authentication":{"ConnectionArn":"\#(arn)"}},
      "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"End":true}}}
    """#
}

@Suite("Connections", .timeLimit(.minutes(3)))
struct ConnectionTests {
    private func engine(
        _ stage: Stage, _ incarnation: String, machines: [String: String] = [:], keys: [MasterKey] = [sharedKey]
    ) async throws -> (engine: Engine, journal: Journal) {
        try await stage.engine(
            incarnation, machines: machines, contracts: [work, .httpInvoke],
            keyRing: keys.isEmpty ? nil : try KeyRing(keys))
    }

    private func refusal<Value>(_ call: () async throws -> Value) async -> EngineError? {
        await #expect(throws: EngineError.self) { _ = try await call() }
    }

    @Test("a connection is kept sealed, listed without its secrets, and removed")
    func life() async throws {
        let stage = try await Stage()
        let first = try await engine(stage, "e1")
        let made = try await first.engine.createConnection(
            name: "pay.ments", description: "of films", parameters: parameters())
        #expect(made.arn.hasPrefix("arn:aws:events:us-east-1:000000000000:connection/pay.ments/"))
        #expect(!made.json.text.contains(secret))
        #expect(
            await refusal {
                try await first.engine.createConnection(name: "pay.ments", description: nil, parameters: parameters())
            }?.code == .conflict)
        let second = try await engine(stage, "e2")
        let listed = try await second.engine.listConnections()
        #expect(listed.map(\.arn) == [made.arn])
        #expect(!listed.map(\.json.text).joined().contains(secret))
        // Nowhere in the database, whatever its tables are.
        let tables = try await stage.query(
            "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'showrunner'")
        for table in tables.map({ $0.text("name") }) {
            let found = try await stage.query(
                "SELECT count(*) AS count FROM showrunner.\"\(table)\" AS whole WHERE whole::text LIKE $1 OR whole::text LIKE $2",
                [.text("%\(secret)%"), .text("%\(Hex.encode(Array(secret.utf8)))%")])
            #expect(found[0].int("count") == 0, "\(table)")
        }
        try await second.engine.deleteConnection(made.arn)
        #expect(try await second.engine.listConnections().isEmpty)
        #expect(await refusal { try await second.engine.deleteConnection("pay.ments") }?.code == .resourceNotFound)
        await end(first, second)
    }

    @Test("what is refused when a connection is made, without its secrets")
    func refusals() async throws {
        let stage = try await Stage()
        let sealed = try await engine(stage, "e1")
        for name in ["", "a b", "a/b", "ä", String(repeating: "x", count: 65)] {
            #expect(
                await refusal {
                    try await sealed.engine.createConnection(name: name, description: nil, parameters: parameters())
                }?.code == .invalidName)
        }
        let faulty = await refusal {
            try await sealed.engine.createConnection(
                name: "a", description: nil, parameters: parameters(secret + "\u{7}"))
        }
        #expect(faulty?.code == .invalid)
        #expect(faulty?.message.contains(secret) == false)
        let bare = try await engine(stage, "e2", keys: [])
        let without = await refusal {
            try await bare.engine.createConnection(name: "a", description: nil, parameters: parameters())
        }
        #expect(without?.code == .conflict)
        #expect(without?.message.contains("SHOWRUNNER_MASTER_KEY_FILE") == true)
        await end(sealed, bare)
    }

    @Test("only the worker of a live attempt gets the connection that its task names")
    func tasks() async throws {
        let stage = try await Stage()
        let maker = try await engine(stage, "e1")
        let arn = try await maker.engine.createConnection(
            name: "c", description: nil, parameters: parameters()
        ).arn
        let running = try await engine(
            stage, "e2", machines: ["m": calling(arn), "lost": calling(arn + "0"), "work": oneTask()])
        let engine = running.engine
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        let request = poll(steps: ["http:invoke"])
        let offer = try #require(try await engine.poll(request))
        #expect(offer.step == "http:invoke")
        guard case .connection(let connection) = try await engine.connection(forTask: offer.token) else {
            Issue.record("no connection came")
            return
        }
        #expect(connection == (try HTTPConnection(json: parameters())))
        // A guess of the token's nonce, or what ended, gets nothing.
        let guess = offer.token.dropLast(4) + "0000"
        for token in [String(guess), "nonsense"] {
            guard case .stale = try await engine.connection(forTask: token) else {
                Issue.record("'\(token)' got an answer")
                return
            }
        }
        #expect(try await engine.fail(offer, "Showrunner.HttpOutcomeUnknown"))
        guard case .stale = try await engine.connection(forTask: offer.token) else {
            Issue.record("an ended attempt got an answer")
            return
        }
        // The second attempt is known by the same key to whoever is called.
        let again = try #require(try await engine.poll(request))
        #expect(again.attempt == 2 && again.token != offer.token)
        #expect(again.idempotencyKey == offer.idempotencyKey)
        _ = try await engine.start(machine: "lost", name: nil, input: "{}")
        let lost = try #require(try await engine.poll(request))
        #expect(lost.idempotencyKey != offer.idempotencyKey)
        guard case .missing = try await engine.connection(forTask: lost.token) else {
            Issue.record("a connection that does not exist came")
            return
        }
        _ = try await engine.start(machine: "work", name: nil, input: "{}")
        guard case .missing = try await engine.connection(forTask: try await engine.take().token) else {
            Issue.record("a task that calls nobody got a connection")
            return
        }
        await end(maker, running)
    }

    @Test(
        "a connection goes to its origins and nowhere else",
        arguments: [
            ("https://api.example/v1?a=b", true), ("https://API.example:443", true), ("https://b.example:8443/", true),
            ("https://b.example", false), ("http://api.example", false), ("https://api.example.evil.example", false),
            ("https://api.example@evil.example/", false), ("https://api.example:443@evil.example/", false),
            ("https://evil.example#@api.example", false), ("https://evil.example/https://api.example", false),
        ])
    func origins(_ endpoint: String, _ isAllowed: Bool) async throws {
        let stage = try await Stage()
        let maker = try await engine(stage, "e1")
        let made = try await maker.engine.createConnection(name: "c", description: nil, parameters: parameters())
        #expect(made.json["Origins"] == ["https://api.example", "https://b.example:8443"])
        let running = try await engine(stage, "e2", machines: ["m": calling(made.arn, at: endpoint)])
        _ = try await running.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await running.engine.poll(poll(steps: ["http:invoke"])))
        switch try await running.engine.connection(forTask: offer.token) {
        case .connection: #expect(isAllowed)
        case .elsewhere(let reason):
            #expect(!isAllowed)
            #expect(reason.contains("https://api.example, https://b.example:8443 alone") && !reason.contains(secret))
        case let other: Issue.record("\(other)")
        }
        await end(maker, running)
    }

    @Test("a lost master key is said, and an older one beside the new still opens")
    func masterKeys() async throws {
        let stage = try await Stage()
        let maker = try await engine(stage, "e1")
        let arn = try await maker.engine.createConnection(
            name: "c", description: nil, parameters: parameters()
        ).arn
        let other = try await engine(stage, "e2", machines: ["m": calling(arn)], keys: [MasterKey()])
        _ = try await other.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await other.engine.poll(poll(steps: ["http:invoke"])))
        guard case .sealed = try await other.engine.connection(forTask: offer.token) else {
            Issue.record("it was opened with another key")
            return
        }
        let rotated = try await engine(stage, "e3", keys: [MasterKey(), sharedKey])
        guard case .connection = try await rotated.engine.connection(forTask: offer.token) else {
            Issue.record("the older key is there and does not open")
            return
        }
        await end(maker, other, rotated)
    }

    @Test("an engine with a new master key seals what an older one sealed anew, and the older one can go")
    func rotation() async throws {
        let stage = try await Stage()
        let new = MasterKey()
        let maker = try await engine(stage, "e1")
        for name in ["a", "b"] {
            _ = try await maker.engine.createConnection(name: name, description: "of \(name)", parameters: parameters())
        }
        let before = try await maker.journal.connections()
        let rotated = try await engine(stage, "e2", keys: [new, sharedKey])
        let during = try await rotated.journal.connections()
        let ring = try KeyRing([new])
        #expect(during.map { ring.isNewest($0.sealed) } == [true, true])
        // Nothing else of them has changed.
        for (was, now) in zip(before, during) {
            var resealed = was
            resealed.sealed = now.sealed
            #expect(now == resealed)
        }
        let arn = try #require(try await rotated.engine.listConnections().first).arn
        let after = try await engine(stage, "e3", machines: ["m": calling(arn)], keys: [new])
        _ = try await after.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await after.engine.poll(poll(steps: ["http:invoke"])))
        guard case .connection(let connection) = try await after.engine.connection(forTask: offer.token) else {
            Issue.record("the new key alone does not open it")
            return
        }
        #expect(connection == (try HTTPConnection(json: parameters())))
        // What is under the newest key is not written again, and what no key opens stays as it is.
        #expect(try await after.journal.connections() == during)
        let stranger = try await engine(stage, "e4", keys: [MasterKey()])
        #expect(try await stranger.journal.connections() == during)
        await end(maker, rotated, after, stranger)
    }

    @Test("a connection that was made by other rules fails its tasks with a reason, and no more")
    func otherRules() async throws {
        let stage = try await Stage()
        let maker = try await engine(stage, "e1")
        let arn = try await maker.engine.createConnection(
            name: "c", description: nil, parameters: parameters()
        ).arn
        var stored = try #require(try await maker.journal.connections().first)
        var older = parameters()
        older["Origins"] = nil
        stored.sealed = try KeyRing([sharedKey]).seal(older.utf8, context: "connection c \(stored.id)")
        #expect(try await maker.journal.saveConnection(stored))
        let running = try await engine(stage, "e2", machines: ["m": calling(arn)])
        _ = try await running.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await running.engine.poll(poll(steps: ["http:invoke"])))
        guard case .sealed(let reason) = try await running.engine.connection(forTask: offer.token) else {
            Issue.record("a connection without origins came")
            return
        }
        #expect(reason.contains("'c' has to be made again") && reason.contains("'Origins'") && !reason.contains(secret))
        await end(maker, running)
    }
}
