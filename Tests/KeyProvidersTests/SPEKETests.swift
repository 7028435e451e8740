import Encodings
import HTTP
import KeyProviders
import KeyServer
import Packaging
import StepContracts
import Synchronization
import Testing

@Suite("Keys of a key server (SPEKE v2)")
struct SPEKETests {
    private static let labels: [KeyLabel] = [.audio, .sd, .hd, .uhd]

    private func provider(_ server: KeyServer, pauses: Pauses = Pauses()) -> SPEKEKeys {
        SPEKEKeys(
            server: .init(url: server.url, headers: ["Authorization": "Bearer of-the-operator"]),
            client: HTTPClient(), pause: { pauses.note($0) })
    }

    /// Time that passes at once.
    private final class Pauses: Sendable {
        private let noted = Mutex<[Duration]>([])
        func note(_ pause: Duration) { noted.withLock { $0.append(pause) } }
        var all: [Duration] { noted.withLock { $0 } }
    }

    @Test(
        "a request is what the specification says, and the answer's keys are taken",
        arguments: ProtectionScheme.allCases)
    func asks(_ scheme: ProtectionScheme) async throws {
        let server = try KeyServer()
        let keys = try await provider(server).keys(
            for: KeyRequest(contentID: "film-1", scheme: scheme, labels: Self.labels))
        #expect(server.problems == [])
        #expect(server.requests.count == 1)
        #expect(server.requests[0].header("Authorization") == "Bearer of-the-operator")
        #expect(keys.map(\.label) == Self.labels && Set(keys.map(\.keyID)).count == 4)
        for key in keys {
            #expect(key.key == KeyServer.key(of: key.keyID))
            #expect(key.vector == [UInt8](repeating: 9, count: 16))
            #expect(!"\(key)\(String(reflecting: key))".contains("key: ["))
            let widevine = try #require(key.signalling?[.widevine]?.header)
            #expect(Array(widevine.suffix(KeyServer.data(key.keyID).count)) == KeyServer.data(key.keyID))
            #expect(key.signalling?[.playReady]?.header != nil && key.signalling?[.clearKey] == nil)
            #expect(
                key.signalling?[.fairPlay]?.address == (scheme == .cbcs ? "skd://keys.example/\(key.keyID.hex)" : nil))
        }
    }

    @Test("a server that is away is asked again, longer and longer, and then given up")
    func retries() async throws {
        let pauses = Pauses()
        let server = try KeyServer(statuses: [503, 500, 429])
        let keys = try await provider(server, pauses: pauses).keys(
            for: KeyRequest(contentID: "f", scheme: .cbcs, labels: [.hd]))
        #expect(keys.count == 1 && server.requests.count == 4)
        #expect(Set(server.requests.map(\.content)).count == 1, "the same request each time")
        #expect(pauses.all == [.milliseconds(500), .seconds(1), .seconds(2)])
        let dead = try KeyServer(statuses: [500, 500, 500, 502, 200])
        let failure = await #expect(throws: StepFailure.self) {
            try await provider(dead).keys(for: KeyRequest(contentID: "f", scheme: .cbcs, labels: [.hd]))
        }
        #expect(failure?.error == "Showrunner.KeyUnavailable" && failure?.cause.contains("502") == true)
        #expect(failure?.retry == .transient && dead.requests.count == 4)
    }

    @Test("a server that refuses is not asked again", arguments: [400, 401, 403, 404, 302])
    func refuses(_ status: Int) async throws {
        let server = try KeyServer(statuses: [status])
        let failure = await #expect(throws: StepFailure.self) {
            try await provider(server).keys(for: KeyRequest(contentID: "f", scheme: .cbcs, labels: [.hd]))
        }
        #expect(failure?.retry == .never && failure?.cause == "the key server refuses with status \(status)")
        #expect(server.requests.count == 1)
    }

    @Test("nobody listens")
    func away() async throws {
        let pauses = Pauses()
        let keys = SPEKEKeys(
            server: .init(url: "http://127.0.0.1:1/"), client: HTTPClient(), pause: { pauses.note($0) })
        let failure = await #expect(throws: StepFailure.self) {
            try await keys.keys(for: KeyRequest(contentID: "f", scheme: .cbcs, labels: [.hd]))
        }
        #expect(failure?.cause == "the key server does not answer, 4 times in a row" && pauses.all.count == 3)
    }

    /// One part of an answer that breaks the contract, and what is said of it.
    private static let broken: [([String: String], String)] = [
        (["<CPIX ": "<SMIL ", "</CPIX>": "</SMIL>"], "has the root 'SMIL'"),
        (["contentId=\"film-1\"": "contentId=\"film-2\""], "'film-2', not 'film-1'"),
        (["commonEncryptionScheme=\"cbcs\"": "commonEncryptionScheme=\"cenc\""], "for 'cenc', not cbcs"),
        (["intendedTrackType=\"HD\"": "intendedTrackType=\"UHD1\""], "for 'UHD1', not 'HD'"),
        (["<ContentKeyUsageRuleList>": "<Other>", "</ContentKeyUsageRuleList>": "</Other>"], "for '', not 'HD'"),
        (["PlainValue>": "EncryptedValue>"], "no plain value of 16 bytes"),
        (["<p:PlainValue>": "<p:PlainValue>AAAA"], "no plain value of 16 bytes"),
        (["explicitIV=\"": "explicitIV=\"AAAA"], "an explicitIV that is not 16 bytes"),
        (["<PSSH>": "<PSSH>AAAA"], "a PSSH of widevine"),
        (["<ContentKey kid=\"": "<ContentKey kid=\"x"], "has no content key"),
        (["<ContentKeyList>": "<ContentKeyList><ContentKey/>"], "has 2 content keys, 1 were asked for"),
        (["</CPIX>": ""], "is no XML"),
        (["playlist=\"media\">": "playlist=\"media\">AAAA"], "without an EXT-X-KEY that has a URI"),
    ]

    @Test("an answer that breaks the contract is not taken, and no key is told", arguments: broken.indices)
    func contract(_ index: Int) async throws {
        let (replace, words) = Self.broken[index]
        let server = try KeyServer(twist: .init(replace: replace))
        let failure = await #expect(throws: StepFailure.self) {
            try await provider(server).keys(for: KeyRequest(contentID: "film-1", scheme: .cbcs, labels: [.hd]))
        }
        let cause = try #require(failure?.cause)
        #expect(cause.hasPrefix("the key server's answer ") && cause.contains(words), "\(cause)")
        let id = try #require(
            String(decoding: server.requests[0].content, as: UTF8.self).firstMatch(of: /ContentKey kid="([^"]+)"/))
        let key = Base64.encode(KeyServer.key(of: try #require(KeyID(String(id.1)))))
        #expect(!cause.contains(key.prefix(12)))
        #expect(failure?.retry == .never)
    }

    @Test("a server of another version is not taken")
    func versions() async throws {
        let server = try KeyServer(twist: .init(headers: "X-Speke-Version: 1.0\r\n"))
        let failure = await #expect(throws: StepFailure.self) {
            try await provider(server).keys(for: KeyRequest(contentID: "f", scheme: .cenc, labels: [.hd]))
        }
        #expect(failure?.cause == "the key server speaks SPEKE '1.0', not 2.0")
    }

    @Test("our own keys are random, one a label")
    func own() async throws {
        let request = KeyRequest(contentID: "f", scheme: .cenc, labels: Self.labels)
        let keys = try await OwnKeys().keys(for: request) + OwnKeys().keys(for: request)
        #expect(Set(keys.map(\.key)).count == 8 && Set(keys.map(\.keyID)).count == 8)
        #expect(keys.map(\.label) == Self.labels + Self.labels)
        #expect(keys.allSatisfy { $0.signalling == nil && $0.vector == nil })
        #expect(!"\(keys)".contains("key:"))
    }
}
