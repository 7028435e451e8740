import Cryptography
@testable import Engine
import JSON
import StepContracts
import Testing

private let keyID = "00112233445566778899aabbccddeeff"
private let key = [UInt8](repeating: 0xC7, count: 16)

/// Keys as a table has them.
private struct Keys: ContentKeySource {
    let findings: [String: ContentKeyFinding]

    func contentKey(_ keyID: String) async throws(EngineError) -> ContentKeyFinding {
        if keyID.hasPrefix("dead") { throw EngineError(code: .unavailable, message: "the table is away") }
        return findings[keyID] ?? .missing
    }
}

@Suite("Content keys for tasks", .timeLimit(.minutes(3)))
struct ContentKeyTests {
    private static let packaging = #"""
        {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:package","Parameters":{
          "renditions":[],"protection":"cbcs","keys":[
            {"keyId":"00112233-4455-6677-8899-AABBCCDDEEFF","label":"hd"},
            {"keyId":"11111111111111111111111111111111"},{"keyId":"22222222222222222222222222222222"},
            {"keyId":"dead0000000000000000000000000000"}]},
          "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"End":true}}}
        """#

    private func name(_ answer: ContentKeyAnswer) -> String {
        switch answer {
        case .key(let bytes): bytes == key ? "key" : "another key"
        case .stale: "stale"
        case .missing: "missing"
        case .sealed: "sealed"
        }
    }

    @Test("only the worker of a live attempt gets the keys that its task names")
    func tasks() async throws {
        let stage = try await Stage()
        let other =
            #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","#
            + #""Parameters":{"keys":[{"keyId":"\#(keyID)"}]},"End":true}}}"#
        let running = try await stage.engine(
            "e1", machines: ["m": Self.packaging, "other": other], contracts: [work, .package],
            contentKeys: Keys(findings: [keyID: .key(key), String(repeating: "1", count: 32): .sealed("no key")]))
        let engine = running.engine
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await engine.poll(poll(steps: ["package"])))
        func ask(_ id: String, _ token: String) async throws -> String {
            name(try await engine.contentKey(id, forTask: token))
        }
        #expect(try await ask(keyID, offer.token) == "key")
        #expect(try await ask(keyID.uppercased(), offer.token) == "key")
        #expect(try await ask("00112233-4455-6677-8899-aabbccddeeff", offer.token) == "key")
        #expect(try await ask(String(repeating: "1", count: 32), offer.token) == "sealed")
        #expect(try await ask(String(repeating: "2", count: 32), offer.token) == "missing")
        // There is such a key, and the task does not name it.
        #expect(try await ask(String(repeating: "3", count: 32), offer.token) == "missing")
        #expect(try await ask("", offer.token) == "missing")
        await #expect(throws: EngineError.self) { try await ask("dead0000000000000000000000000000", offer.token) }
        // A guess of the token's nonce, or what ended, gets nothing.
        #expect(try await ask(keyID, offer.token.dropLast(4) + "0000") == "stale")
        #expect(try await ask(keyID, "x") == "stale")
        #expect(try await engine.fail(offer, "E"))
        #expect(try await ask(keyID, offer.token) == "stale")
        // Another step gets none, whatever its input says.
        _ = try await engine.start(machine: "other", name: nil, input: "{}")
        let foreign = try await engine.take()
        #expect(try await ask(keyID, foreign.token) == "missing")
        await end(running)
    }

    @Test("an engine that keeps no keys says so")
    func none() async throws {
        let stage = try await Stage()
        let running = try await stage.engine("e1", machines: ["m": Self.packaging], contracts: [.package])
        _ = try await running.engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await running.engine.poll(poll(steps: ["package"])))
        guard case .missing(let reason) = try await running.engine.contentKey(keyID, forTask: offer.token) else {
            Issue.record("a key came")
            return
        }
        #expect(reason.contains("keeps no content keys"))
        await end(running)
    }
}
