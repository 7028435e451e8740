import Cryptography
import Encodings
import Engine
import EventPatterns
import Foundation
import HTTPServer
import JSON
import PostgresTestSupport
import RawHTTP
import Testing

@testable import Triggers

@Suite("Hooks") struct HookTests {
    @Test("GitHub's published example, and what is almost it")
    func hubSignatures() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        let secret = "It's a Secret to Everybody"
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        func refusal(_ signature: String, _ body: String, takesToken: Bool = false) -> String? {
            HookSignature.refusal(
                .init(hubSignature: signature, body: Array(body.utf8)), secret: secret, takesToken: takesToken, now: 0)
        }
        #expect(refusal(signature, "Hello, World!") == nil)
        #expect(refusal(signature, "Hello, World?") == "the signature in X-Hub-Signature-256 is wrong")
        #expect(refusal(signature.replacing("757", with: "758"), "Hello, World!") != nil)
        #expect(refusal("sha1=75", "Hello, World!") == "X-Hub-Signature-256 is sha256= and hexadecimal digits")
    }

    @Test("Standard Webhooks: one of several signatures, over id, time and content, within five minutes")
    func standardSignatures() throws {
        let key = Array("a key of thirty-two bytes length".utf8)
        let secret = "whsec_" + Data(key).base64EncodedString()
        let body = Array(#"{"n":1}"#.utf8)
        let code = Data(HMACSHA256.code(Array("msg_1.1700000000.".utf8) + body, key: key)).base64EncodedString()
        func refusal(
            _ signatures: String, id: String? = "msg_1", time: String? = "1700000000", body: [UInt8] = body,
            now: Int64 = 1_700_000_299
        ) -> String? {
            HookSignature.refusal(
                .init(id: id, timestamp: time, signatures: signatures, body: body), secret: secret, takesToken: false,
                now: now)
        }
        #expect(refusal("v1,\(code)") == nil)
        #expect(refusal("v1a,xyz v1,AAAA v1,\(code)") == nil)
        #expect(refusal("v1,AAAA") == "no signature of webhook-signature is right")
        #expect(refusal("v2,\(code)") != nil)
        #expect(refusal("v1,\(code)", id: "msg_2") != nil)
        #expect(refusal("v1,\(code)", time: "1700000001") != nil)
        #expect(refusal("v1,\(code)", body: []) != nil)
        #expect(refusal("v1,\(code)", now: 1_700_000_301) == "webhook-timestamp is more than 300 seconds off")
        #expect(refusal("v1,\(code)", time: nil) != nil)
    }

    @Test("who tells of an event is not kept by a database that hangs; told again, it starts nothing twice")
    func hangs() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(
            try TriggerStage.triggers(
                """
                Triggers:
                  payments:
                    Source: {Kind: webhook}
                    IdempotencyKey: "{% $states.input.detail.id %}"
                    Target: {Arn: m}
                """))
        let secret = try await running.engine.renewTriggerSecret("payments")
        func tell(_ patience: Duration) async throws -> Wire.Answer {
            try await withHooks(running, deadline: AnswerDeadline(patience)) { wire in
                try wire.tell("payments", Array(#"{"id":"p-1"}"#.utf8), signedWith: secret)
            }
        }
        let late = try await holding("showrunner.execution_name", of: stage.url) {
            try await tell(.milliseconds(400))
        }
        #expect(late.status == 503 && late["Retry-After"] == "1", "\(late.text)")
        let again = try await tell(.seconds(60))
        #expect(again.status == 200, "\(again.text)")
        #expect(try await running.executions().count == 1)
        await running.end()
    }

    @Test("a signed webhook starts one execution, however often it is told; an unsigned one nothing")
    func webhook() async throws {
        let stage = try await TriggerStage()
        let running = try await stage.engine(
            try TriggerStage.triggers(
                """
                Triggers:
                  payments:
                    Source: {Kind: webhook}
                    EventPattern: {detail: {type: [payment.settled]}}
                    IdempotencyKey: "{% $states.input.detail.id %}"
                    Target: {Arn: m, Input: {payment: "{% $states.input.detail.id %}"}}
                  folder:
                    Source: {Kind: directory, Path: /nowhere}
                    Target: {Arn: m}
                """))
        try await withHooks(running) { wire in
            let body = Array(#"{"id":"p-1","type":"payment.settled"}"#.utf8)
            #expect(try wire.tell("payments", body).status == 403)
            let made = try wire.request("POST", "/console/api/triggers/payments/secret", [:], [])
            #expect(made.status == 201)
            let secret = try #require(try JSON(parsing: made.content)["Secret"]?.stringValue)
            #expect(secret.hasPrefix("whsec_"))
            func send(_ body: [UInt8]) throws -> Wire.Answer { try wire.tell("payments", body, signedWith: secret) }
            #expect(try wire.tell("payments", body).status == 401)
            #expect(
                try wire.tell("payments", body, ["Authorization": "Bearer \(secret)"]).status == 401,
                "a token proves a bucket only")
            #expect(try wire.tell("payments", body, Wire.signature(of: Array("{}".utf8), with: secret)).status == 401)
            let first = try send(body)
            #expect(first.status == 200, "\(first.text)")
            let started = try JSON(parsing: first.content)["executions"]?[0]
            #expect(started?["trigger"] == "payments" && started?["isNew"] == true)
            for _ in 0..<4 {
                let again = try JSON(parsing: try send(body).content)["executions"]?[0]
                #expect(again?["isNew"] == false && again?["executionArn"] == started?["executionArn"])
            }
            let other = Array(#"{"id":"p-2","type":"payment.failed"}"#.utf8)
            #expect(try JSON(parsing: try send(other).content)["executions"] == [])
            let nameless = Array(#"{"type":"payment.settled"}"#.utf8)
            #expect(try send(nameless).status == 422)
            let broken = Array("{".utf8)
            #expect(try send(broken).status == 400)
            #expect(try wire.tell("folder", body).status == 404)
            #expect(try wire.tell("unknown", body).status == 404)
            let list = try JSON(parsing: try wire.request("GET", "/console/api/triggers", [:]).content)["Triggers"]
            #expect(list?[0]?["Hook"] == "/hooks/payments" && list?[0]?["HasSecret"] == true)
            #expect(list?[1]?["Source"]?["Path"] == "/nowhere")
            #expect(list?[0]?["Counts"] == ["Started": 1, "Known": 4, "Unmatched": 1, "Refused": 6])
            #expect(list?[1]?["Counts"] == [:] && list?[1]?["LastNote"] == nil)
            let detail = try JSON(parsing: try wire.request("GET", "/console/api/triggers/payments", [:]).content)
            #expect(detail["EventPattern"]?["detail"]?["type"] == ["payment.settled"])
            #expect(detail["Input"]?["payment"] == "{% $states.input.detail.id %}")
            let recent = try #require(detail["Recent"]?.arrayValue)
            #expect(recent.prefix(5).map { $0["Outcome"] } == ["Refused", "Refused", "Unmatched", "Known", "Started"])
            #expect(recent.first == detail["LastNote"] && recent[3]["Count"] == 4)
            #expect(recent[1]["Reason"]?.stringValue?.contains("IdempotencyKey") == true)
            #expect(recent[4]["ExecutionArn"] == started?["executionArn"] && recent[4]["At"] != nil)
            #expect(recent.last?["Reason"] == "Make one with 'showrunner triggers secret payments'.")
            #expect(try wire.request("GET", "/console/api/triggers/unknown", [:]).status == 404)
            // A new secret, and the old one is worth nothing.
            #expect(try wire.request("POST", "/console/api/triggers/payments/secret", [:], []).status == 201)
            #expect(try send(body).status == 401)
        }
        #expect(try await running.executions().count == 1)
        let run = try await running.engine.listRuns(RunQuery(machine: "m")).items[0]
        let detail = try await running.engine.run(run.id)
        #expect(detail.input == ["payment": "p-1"])
        #expect(detail.origin?.kind == .trigger && detail.origin?.name == "payments")
        await running.end()
    }
}

extension Wire {
    /// Tells a hook of an event, as services do that sign what they tell.
    fileprivate func tell(_ hook: String, _ body: [UInt8], signedWith secret: String) throws -> Answer {
        try tell(hook, body, Self.signature(of: body, with: secret))
    }

    fileprivate func tell(_ hook: String, _ body: [UInt8], _ headers: [String: String] = [:]) throws -> Answer {
        try request("POST", "/hooks/\(hook)", headers.merging(["Content-Type": "application/json"]) { $1 }, body)
    }

    /// As GitHub signs.
    fileprivate static func signature(of body: [UInt8], with secret: String) -> [String: String] {
        ["X-Hub-Signature-256": "sha256=" + Hex.encode(HMACSHA256.code(body, key: Array(secret.utf8)))]
    }
}
