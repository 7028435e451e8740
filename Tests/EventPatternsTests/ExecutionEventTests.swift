import Encodings
import EventPatterns
import Foundation
import JSON
import SeededNumbers
import StatesLanguage
import Testing
import YAML

/// Ends of executions as events.
@Suite struct ExecutionEventTests {
    private static let origin = TriggerEvents.Origin(account: "000000000000", region: "us-east-1")
    private static let prefix = "arn:aws:states:us-east-1:000000000000"

    private static let digest: EvaluationScope.Digest = { _, bytes in Hex.digits(FNV1a(bytes).value) + "padding" }

    private static func ended(
        _ status: String = "FAILED", redriveCount: Int = 0, data: EndedExecution.Data? = nil, machine: String = "ingest"
    ) -> EndedExecution {
        EndedExecution(
            executionARN: "\(prefix):execution:\(machine):run-7", stateMachineARN: "\(prefix):stateMachine:\(machine)",
            name: "run-7", status: status, startedAt: 1_795_860_000_000_999, stoppedAt: 1_795_860_000_123_999,
            redriveCount: redriveCount, redrivenAt: redriveCount == 0 ? nil : 1_795_860_000_100_000, data: data)
    }

    private static func trigger(_ yaml: String) throws -> Trigger {
        let (triggers, problems) = Trigger.read(try YAMLDocument.parse(Array("Triggers:\n  t: \(yaml)".utf8)))
        return try #require(triggers?.first, "\(problems.map { $0.text(file: "triggers.yaml") })")
    }

    @Test func anEndIsTheEventOfEventBridge() {
        let failed = Self.ended(data: .init(input: #"{"a":1}"#, error: "E.1", cause: "why"))
        let expected: JSON = [
            "version": "0", "id": .string("\(Self.prefix):execution:ingest:run-7/0"),
            "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
            "account": "000000000000", "time": "2026-11-28T10:00:00.123Z", "region": "us-east-1",
            "resources": [.string("\(Self.prefix):execution:ingest:run-7")],
            "detail": [
                "executionArn": .string("\(Self.prefix):execution:ingest:run-7"),
                "stateMachineArn": .string("\(Self.prefix):stateMachine:ingest"), "name": "run-7", "status": "FAILED",
                "startDate": 1_795_860_000_000, "stopDate": 1_795_860_000_123, "input": #"{"a":1}"#,
                "inputDetails": ["included": true], "output": nil, "outputDetails": nil, "error": "E.1",
                "cause": "why", "stateMachineVersionArn": nil, "stateMachineAliasArn": nil, "redriveCount": 0,
                "redriveDate": nil, "redriveStatus": "REDRIVABLE", "redriveStatusReason": nil,
            ],
        ]
        #expect(TriggerEvents.execution(failed, from: Self.origin) == expected)
        let succeeded = TriggerEvents.execution(
            Self.ended("SUCCEEDED", redriveCount: 2, data: .init(input: "1", output: "null")), from: Self.origin)
        let detail = succeeded["detail"]
        #expect(detail?["output"] == "null" && detail?["outputDetails"]?["included"] == true)
        #expect(detail?["error"] == .null && detail?["cause"] == .null)
        #expect(detail?["redriveCount"] == 2 && detail?["redriveDate"] == 1_795_860_000_100)
        #expect(detail?["redriveStatus"] == "NOT_REDRIVABLE")
        #expect(detail?["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven")
    }

    /// Sizes are those of the texts in quotation marks.
    @Test(
        "data that an event has no room for is left out, the input first",
        arguments: [
            (input: 126_975, output: 126_973, cause: 0, hasInput: true, hasOutput: true),
            (input: 126_976, output: 126_973, cause: 0, hasInput: false, hasOutput: true),
            (input: 2, output: 253_950, cause: 0, hasInput: false, hasOutput: true),
            (input: 2, output: 253_951, cause: 0, hasInput: false, hasOutput: false),
            (input: 253_950, output: nil, cause: 0, hasInput: true, hasOutput: false),
            (input: 253_951, output: nil, cause: 0, hasInput: false, hasOutput: false),
            (input: 221_180, output: nil, cause: 32_768, hasInput: true, hasOutput: false),
            (input: 221_181, output: nil, cause: 32_768, hasInput: false, hasOutput: false),
        ] as [(input: Int, output: Int?, cause: Int, hasInput: Bool, hasOutput: Bool)])
    func sizes(input: Int, output: Int?, cause: Int, hasInput: Bool, hasOutput: Bool) {
        func text(_ bytes: Int) -> String { String(repeating: "x", count: bytes) }
        let data = EndedExecution.Data(
            input: text(input), output: output.map(text), cause: cause == 0 ? nil : text(cause))
        let event = TriggerEvents.execution(Self.ended(data: data), from: Self.origin)
        let detail = event["detail"]
        #expect(detail?["inputDetails"]?["included"] == .bool(hasInput))
        #expect((detail?["input"] == .null) != hasInput)
        #expect((detail?["output"] == .null) != hasOutput)
        #expect(detail?["outputDetails"] == (output == nil ? .null : ["included": .bool(hasOutput)]))
        #expect(event.utf8.count <= 256 << 10)
    }

    /// What is escaped counts as it is written, six bytes for a control character.
    @Test func theLongestErrorAndCauseLeaveRoom() {
        let data = EndedExecution.Data(
            input: String(repeating: "\"", count: 130_000), error: String(repeating: "\u{1}", count: 256),
            cause: String(repeating: "\u{1}", count: 32_768))
        let event = TriggerEvents.execution(Self.ended(data: data), from: Self.origin)
        #expect(event["detail"]?["inputDetails"]?["included"] == false)
        #expect(event["detail"]?["cause"]?.stringValue?.utf8.count == 32_768)
        #expect(event.utf8.count <= 256 << 10)
    }

    @Test(
        "what is known without an execution's data says no only where the event would",
        arguments: [
            ("{detail: {status: [FAILED, TIMED_OUT]}}", true, true), ("{detail: {status: [SUCCEEDED]}}", false, false),
            ("{detail: {status: [FAILED], error: [E.1]}}", true, true),
            ("{detail: {status: [FAILED], error: [E.2]}}", true, false),
            ("{detail: {status: [SUCCEEDED], error: [E.1]}}", false, false),
            ("{detail: {cause: [{exists: false}]}}", true, false),
            ("{detail: {input: [{wildcard: '*a*'}], name: [{prefix: run-}]}}", true, true),
            ("{detail: {$or: [{status: [SUCCEEDED]}, {output: [x]}]}}", true, false),
            ("{detail: {inputDetails: {included: [false]}}}", true, false),
            ("{detail: {executionArn: [{suffix: 'ingest:run-7'}]}, source: [aws.states]}", true, true),
            ("{detail: {stateMachineAliasArn: [{exists: false}]}}", false, false),
            ("{source: [aws.s3]}", false, false),
        ])
    func mayMatch(pattern: String, may: Bool, does: Bool) throws {
        let trigger = try Self.trigger(
            "{Source: {Kind: execution}, EventPattern: \(pattern), Target: {Arn: notify}}")
        let data = EndedExecution.Data(input: #"{"a":1}"#, error: "E.1", cause: "why")
        #expect(trigger.mayMatch(Self.ended(), from: Self.origin) == may)
        #expect(trigger.matches(TriggerEvents.execution(Self.ended(data: data), from: Self.origin)) == does)
    }

    @Test func anEndHasOneNameAndARedriveAnother() throws {
        let trigger = try Self.trigger("{Source: {Kind: execution}, Target: {Arn: notify}}")
        var names: Set<String> = []
        for (machine, redriveCount) in [("ingest", 0), ("ingest", 1), ("other", 0)] {
            let known = Self.ended(redriveCount: redriveCount, machine: machine)
            let whole = Self.ended(
                redriveCount: redriveCount, data: .init(input: "1", error: "E", cause: "c"), machine: machine)
            let start = try trigger.start(
                for: TriggerEvents.execution(whole, from: Self.origin), digest: Self.digest)
            #expect(trigger.executionName(of: known, from: Self.origin, digest: Self.digest) == start.executionName)
            #expect(start.executionName.hasPrefix("t-") && start.input["detail"]?["cause"] == "c")
            names.insert(start.executionName)
        }
        #expect(names.count == 3)
    }

    @Test func aKeyOfTheFilesOwnMayAskForData() throws {
        let trigger = try Self.trigger(
            """
            {Source: {Kind: execution}, Target: {Arn: notify},
             IdempotencyKey: "{% $states.input.detail.stateMachineArn & $substring($states.input.time, 0, 13) %}"}
            """)
        let ended = Self.ended(data: .init(input: "1"))
        #expect(trigger.executionName(of: ended, from: Self.origin, digest: Self.digest) == nil)
        let key = try trigger.start(for: TriggerEvents.execution(ended, from: Self.origin), digest: Self.digest).key
        #expect(key == "\(Self.prefix):stateMachine:ingest2026-11-28T10")
    }

    @Test func theRepositorysTriggerWritesAMessage() throws {
        let checkout = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let file = try String(
            contentsOf: checkout.appending(path: "../../workflows/triggers.yaml").standardized, encoding: .utf8)
        let (read, problems) = Trigger.read(
            try YAMLDocument.parse(Array(file.utf8)), machines: ["notify-chat"])
        #expect(problems.map { $0.text(file: "triggers.yaml") } == [])
        let shipped = try #require(read?.first)
        #expect(!shipped.isEnabled, "it is for others to say where their chat is")
        for (status, error, cause, text) in [
            ("FAILED", "E.1", "why", "run-7 FAILED: E.1, why (\(Self.prefix):execution:ingest:run-7)"),
            (
                "TIMED_OUT", "States.Timeout", nil,
                "run-7 TIMED_OUT: States.Timeout (\(Self.prefix):execution:ingest:run-7)"
            ),
            ("FAILED", nil, nil, "run-7 FAILED (\(Self.prefix):execution:ingest:run-7)"),
        ] {
            let data = EndedExecution.Data(input: "{}", error: error, cause: cause)
            let event = TriggerEvents.execution(Self.ended(status, data: data), from: Self.origin)
            let start = try shipped.start(for: event, digest: Self.digest)
            #expect(start.input["message"]?["message"]?.stringValue == text)
            #expect(shipped.pattern?.matches(event) == true)
        }
        let event = TriggerEvents.execution(
            Self.ended("SUCCEEDED", data: .init(input: "1", output: "2")), from: Self.origin)
        #expect(shipped.pattern?.matches(event) == false)
    }

    @Test(
        arguments: [
            ("{Kind: execution, Bucket: films}", "Bucket belongs to the kind s3"),
            ("{Kind: executions}", "did you mean 'execution'?"),
        ])
    func whatIsWrongIsTold(source: String, words: String) throws {
        let (triggers, problems) = Trigger.read(
            try YAMLDocument.parse(Array("Triggers:\n  t: {Source: \(source), Target: {Arn: m}}".utf8)))
        #expect(triggers == nil)
        #expect(problems.contains { $0.text(file: "triggers.yaml").contains(words) }, "\(problems)")
    }
}
