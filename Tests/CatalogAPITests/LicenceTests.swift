import CatalogStore
import CatalogTestSupport
import Cryptography
import Encodings
import HTTPServerTestSupport
import JSON
import Postgres
import Synchronization
import Testing

@testable import CatalogAPI

/// Playback tokens and licences, over a real catalogue.
@Suite("Licences", .serialized)
struct LicenceTests {
    /// A protected title `t-1` with the keys 1 and 2, another `t-2` with key 3, and a token of each of two profiles.
    private struct House: Sendable {
        let viewers: Viewers
        let master = MasterKey()
        let ring: KeyRing
        let time = WallTime()
        static let adult = "adult-token"
        static let child = "child-token"

        static func key(_ number: UInt8) -> [UInt8] { [UInt8](repeating: 0xA0 + number, count: 16) }
        static func keyID(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 16) }
        static func uuid(_ number: UInt8) -> String {
            let digits = Array(Hex.encode(keyID(number)))
            return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
        }

        init() async throws {
            viewers = try await .make()
            ring = try KeyRing([master])
            let ring = ring
            let keys = try [UInt8(1), 2, 3].map { number in
                StoredContentKey(
                    keyID: Self.uuid(number), contentID: "t", label: "hd", scheme: "cbcs", provider: .own,
                    sealed: try ring.seal(
                        Self.key(number), context: StoredContentKey.sealingContext(keyID: Self.uuid(number))),
                    masterKeyID: ring.newestID)
            }
            let (sql, parameters) = StoredContentKey.statement(keeping: keys, firstParameter: 1)
            let connection = viewers.catalogue.connection
            _ = try await connection.query(
                "WITH appended AS (SELECT 1), \(sql) SELECT 1", parameters, deadline: Catalogue.deadline)
            for (title, numbers, metadata) in [
                (1, [UInt8(1), 2], ["rating": "FSK 16"] as JSON), (2, [3], [:]), (3, [], [:]),
            ] {
                var package = StepOutputs.package("p\(title)")
                package["renditions"] = .array(
                    numbers.map {
                        ["kind": "video", "codecs": "avc1.64001f", "keyId": .string(Hex.encode(Self.keyID($0)))]
                    } + [["kind": "audio", "codecs": "mp4a.40.2"]])
                try await viewers.catalogue.publish(
                    PublishStatement(
                        titleID: "t-\(title)", executionID: Catalogue.executionID(title), title: "T",
                        metadata: metadata,
                        package: package, thumbnails: nil, media: nil), execution: title)
            }
            let accounts = AccountTable { (sql, parameters) throws(PostgresError) in
                try await connection.query(sql, parameters, deadline: Catalogue.deadline)
            }
            for (token, profile, ceiling) in [(Self.adult, "main", Int?.none), (Self.child, "kids", 12)] {
                _ = try await accounts.grant(
                    .init(
                        account: "ada", profile: profile, ceiling: ceiling, tokenSHA256: SHA256.hash(token).bytes,
                        seconds: 600))
            }
        }

        func with<Value: Sendable>(
            ring other: KeyRing?? = nil, _ body: (LoopbackClient) async throws -> Value
        ) async throws -> Value {
            let router = viewers.router(ring: other ?? ring, wallTime: { [time] in time.seconds })
            return try await LoopbackServer.with(router) { client, _ in try await body(client) }
        }

        func token(_ client: LoopbackClient, _ bearer: String = adult, title: String = "t-1") async throws -> String {
            let answer = try await client.get(
                "/v1/titles/\(title)/playback", ["Authorization": "Bearer \(bearer)"])
            #expect(answer.status == 200 && answer["Cache-Control"] == "no-store")
            return try #require(try JSON(parsing: answer.body)["playback_token"]?.stringValue)
        }

        static func request(_ numbers: [UInt8]) -> [UInt8] {
            JSON.members(
                ("kids", .array(numbers.map { .string(Base64URL.encode(keyID($0))) })), ("type", "temporary")
            ).utf8
        }
    }

    /// Seconds that move when told.
    private final class WallTime: Sendable {
        private let value = Mutex<Int64>(1_800_000_000)
        var seconds: Int64 { value.withLock { $0 } }
        func advance(by seconds: Int64) { value.withLock { $0 += seconds } }
    }

    private func licence(
        _ client: LoopbackClient, _ token: String?, _ numbers: [UInt8] = [1, 2], title: String = "t-1"
    ) async throws -> LoopbackClient.Answer {
        try await client.send(
            "POST", "/v1/titles/\(title)/licence", token.map { ["Authorization": "Bearer \($0)"] } ?? [:],
            body: House.request(numbers))
    }

    @Test("a playback token opens the title's keys, as W3C ClearKey writes them")
    func opens() async throws {
        let house = try await House()
        try await house.with { client in
            let token = try await house.token(client)
            let answer = try await licence(client, token)
            #expect(answer.status == 200 && answer["Cache-Control"] == "no-store")
            #expect(answer["Access-Control-Allow-Origin"] == "*")
            let expected = [UInt8(1), 2].map { number -> JSON in
                [
                    "kty": "oct", "kid": .string(Base64URL.encode(House.keyID(number))),
                    "k": .string(Base64URL.encode(House.key(number))),
                ]
            }
            #expect(try JSON(parsing: answer.body) == ["keys": .array(expected), "type": "temporary"])
            // One that is asked for comes alone; another title's does not come along.
            let one = try JSON(parsing: try await licence(client, token, [2, 3]).body)
            #expect(one["keys"]?.arrayValue?.count == 1)
            let foreign = try await licence(client, token, [3])
            #expect(foreign.status == 403)
            let preflight = try await client.send("OPTIONS", "/v1/titles/t-1/licence")
            #expect(preflight["Access-Control-Allow-Headers"]?.contains("Authorization") == true)
        }
    }

    @Test("nobody has a licence without a token of the title that holds")
    func refuses() async throws {
        let house = try await House()
        try await house.with { client in
            let token = try await house.token(client)
            #expect(try await licence(client, nil).status == 401)
            #expect(try await licence(client, House.adult).status == 401)
            #expect(try await licence(client, token, [3], title: "t-2").status == 403)
            // Every character counts, in payload and signature; the last of each has bits that may be none's.
            for index in stride(from: 0, to: token.utf8.count, by: 3) {
                var bytes = Array(token.utf8)
                bytes[index] = bytes[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let changed = String(decoding: bytes, as: UTF8.self)
                #expect(try await licence(client, changed).status == 401, "\(index)")
            }
            house.time.advance(by: 299)
            #expect(try await licence(client, token).status == 200)
            house.time.advance(by: 1)
            let late = try await licence(client, token)
            #expect(late.status == 401 && late["WWW-Authenticate"] == "Bearer")
            // The next day has another key.
            house.time.advance(by: 86_400)
            #expect(try await licence(client, try await house.token(client)).status == 200)
            #expect(try await licence(client, token).status == 401)
        }
        // Another service's master key signs nothing here.
        let stranger = try KeyRing([MasterKey()])
        let forged = PlaybackToken(account: "ada", profile: "main", title: "t-1", expires: house.time.seconds + 60)
            .text(stranger)
        try await house.with { client in
            let answer = try await licence(client, forged)
            #expect(answer.status == 401)
        }
    }

    @Test(
        "a licence request that is none is told so", arguments: ["", "[]", "{}", #"{"kids":[]}"#, #"{"kids":["AA"]}"#])
    func malformed(_ content: String) async throws {
        let house = try await House()
        try await house.with { client in
            let token = try await house.token(client)
            let answer = try await client.send(
                "POST", "/v1/titles/t-1/licence", ["Authorization": "Bearer \(token)"], body: Array(content.utf8))
            #expect(answer.status == 400)
            #expect(try JSON(parsing: answer.body)["code"] == "malformed-licence-request")
        }
    }

    @Test("playback says what is protected, and gives tokens to those who may watch")
    func playback() async throws {
        let house = try await House()
        try await house.with { client in
            let open = try JSON(parsing: try await client.get("/v1/titles/t-1/playback").body)
            #expect(open["protected"] == true && open["playback_token"] == .null)
            #expect(open["licence"]?.stringValue == "\(client.base)/v1/titles/t-1/licence")
            let clear = try JSON(
                parsing: try await client.get(
                    "/v1/titles/t-3/playback", ["Authorization": "Bearer \(House.adult)"]
                ).body)
            #expect(clear["protected"] == false && clear["licence"] == .null && clear["playback_token"] == .null)
            let child = try await client.get("/v1/titles/t-1/playback", ["Authorization": "Bearer \(House.child)"])
            #expect(child.status == 403)
            #expect(try JSON(parsing: child.body)["code"] == "parental-restricted")
            for header in ["Bearer nobody", "Basic YTpi", "Bearer ", ""] {
                let answer = try await client.get("/v1/titles/t-1/playback", ["Authorization": header])
                #expect(answer.status == 401, "\(header)")
            }
            let missing = try await client.get(
                "/v1/titles/none/playback", ["Authorization": "Bearer \(House.adult)"])
            #expect(missing.status == 404)
        }
        try await house.with(ring: .some(nil)) { client in
            let answer = try await client.get("/v1/titles/t-1/playback", ["Authorization": "Bearer \(House.adult)"])
            #expect(answer.status == 503)
            // A clear title needs no key, and rights hold all the same.
            let clear = try await client.get("/v1/titles/t-3/playback", ["Authorization": "Bearer \(House.adult)"])
            #expect(clear.status == 200 && clear["Cache-Control"] == "no-store")
            let child = try await client.get("/v1/titles/t-3/playback", ["Authorization": "Bearer \(House.child)"])
            #expect(child.status == 403)
        }
    }

    @Test("a token of a process whose clock is a little ahead holds; one that holds for longer than any is none")
    func clocks() async throws {
        let ring = try KeyRing([MasterKey()])
        let token = PlaybackToken(account: "a", profile: "p", title: "t", expires: 1_000 + PlaybackToken.lifetime)
        let text = token.text(ring)
        for behind in [Int64(0), 1, PlaybackToken.clockError] {
            #expect(PlaybackToken(text: text, ring, now: 1_000 - behind) == token, "\(behind) s behind")
        }
        #expect(PlaybackToken(text: text, ring, now: 1_000 - PlaybackToken.clockError - 1) == nil)
    }

    @Test("a change of the master key leaves tokens and keys that are out there as they are")
    func rotates() async throws {
        let house = try await House()
        let token = try await house.with { try await house.token($0) }
        let rotated = try KeyRing([MasterKey(), house.master])
        try await house.with(ring: .some(rotated)) { client in
            #expect(try await licence(client, token).status == 200)
            let next = try await house.token(client)
            #expect(try await licence(client, next).status == 200)
        }
    }

    @Test("an account that is suspended has no licence by an older token")
    func suspended() async throws {
        let house = try await House()
        try await house.with { client in
            let token = try await house.token(client)
            try await house.viewers.catalogue.connection.script(
                "UPDATE catalogue.account SET state = 'suspended'", deadline: Catalogue.deadline)
            #expect(try await licence(client, token).status == 403)
        }
    }
}
