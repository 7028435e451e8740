import JSON
import OrderedCollections
import StatesLanguage
import Testing
import YAML

/// What valid definitions mean.
@Suite struct DefinitionReadingTests {
    static func machine(_ json: String) throws -> StateMachine {
        let reading = Definition.read(json: json)
        return try #require(reading.machine, "\(reading.diagnostics.map { $0.text(file: "definition") })")
    }

    @Test func readsATaskWhole() throws {
        let machine = try DefinitionReadingTests.machine(
            """
            {"Comment":"c","StartAt":"T","TimeoutSeconds":60,"Version":"1.0","QueryLanguage":"JSONPath","States":{
              "T":{"Type":"Task","Comment":"t","Resource":"arn:aws:states:::showrunner:x","TimeoutSeconds":20,
                "HeartbeatSecondsPath":"$.beat","InputPath":null,"ResultPath":null,
                "Retry":[{"ErrorEquals":["A"],"IntervalSeconds":2,"MaxAttempts":0,"BackoffRate":1.5,
                  "MaxDelaySeconds":9,"JitterStrategy":"FULL"},{"ErrorEquals":["States.ALL"]}],
                "Catch":[{"ErrorEquals":["B","C"],"Next":"F","ResultPath":"$.e"},{"ErrorEquals":["States.ALL"],"Next":"F"}],
                "Next":"S"},
              "F":{"Type":"Fail","Error":"E","CausePath":"States.Format('{}', $.e)"},
              "S":{"Type":"Succeed","OutputPath":"$.x"}}}
            """)
        #expect(machine.comment == "c")
        #expect(machine.timeoutSeconds == 60)
        #expect(Array(machine.states.keys) == ["T", "F", "S"])
        let task = try #require(machine.states["T"])
        #expect(
            task
                == State(
                    name: "T", comment: "t",
                    dataFlow: .jsonPath(
                        PathFlow(
                            inputPath: .discard, parameters: nil, resultSelector: nil, resultPath: .discard,
                            outputPath: .path(try JSONPath("$")))),
                    transition: .next("S"),
                    retry: [
                        Retrier(
                            errorEquals: ["A"], intervalSeconds: 2, maxAttempts: 0, backoffRate: 1.5,
                            maxDelaySeconds: 9,
                            hasFullJitter: true),
                        Retrier(errorEquals: ["States.ALL"]),
                    ],
                    catches: [
                        Catcher(errorEquals: ["B", "C"], next: "F", resultPath: .insert(try ReferencePath("$.e"))),
                        Catcher(errorEquals: ["States.ALL"], next: "F", resultPath: .replace),
                    ],
                    kind: .task(
                        TaskState(
                            resource: "arn:aws:states:::showrunner:x", timeoutSeconds: .literal(20),
                            heartbeatSeconds: .path(try JSONPath("$.beat"))))))
        let fail = FailState(
            error: .literal("E"), cause: .intrinsic(try IntrinsicCall("States.Format('{}', $.e)")))
        #expect(machine.states["F"]?.kind == .fail(fail))
        #expect(machine.states["S"]?.transition == nil)
    }

    /// The older words of Map mean the same as the newer.
    @Test func readsMapInBothForms() throws {
        let processor = #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#
        let newer = try DefinitionReadingTests.machine(
            #"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":3,"End":true,"#
                + #""ItemSelector":{"v.$":"$$.Map.Item.Value"},"ItemProcessor":\#(processor)}}}"#)
        let older = try DefinitionReadingTests.machine(
            #"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":3,"End":true,"#
                + #""Parameters":{"v.$":"$$.Map.Item.Value"},"Iterator":\#(processor)}}}"#)
        #expect(newer == older)
        guard case .map(let map) = try #require(newer.states["M"]).kind else {
            Issue.record("M is a Map state")
            return
        }
        #expect(map.processor.timeoutSeconds == nil)
        #expect(map.maxConcurrency == .literal(3))
        let item = try #require(map.itemSelector).evaluate(
            in: EvaluationScope(input: [:], context: ["Map": ["Item": ["Value": 5]]]), field: "ItemSelector")
        #expect(item == ["v": 5])
    }

    @Test func keepsDefaultsOfMap() throws {
        let machine = try DefinitionReadingTests.machine(
            #"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ToleratedFailurePercentage":2.5,"#
                + #""ToleratedFailureCountPath":"$.n","ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"#
                + #""StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#)
        guard case .map(let map) = try #require(machine.states["M"]).kind else {
            Issue.record("M is a Map state")
            return
        }
        #expect(map.items == .path(try JSONPath("$")))
        #expect(map.maxConcurrency == .literal(0))
        #expect(map.toleratedFailurePercentage == .literal(2.5))
        #expect(map.toleratedFailureCount == .path(try JSONPath("$.n")))
    }

    /// A warning stands beside a machine.
    @Test func warnsBesideAMachine() {
        let reading = Definition.read(
            json: #"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"Label":"films","ItemProcessor":{"#
                + #""ProcessorConfig":{"Mode":"INLINE"},"#
                + #""StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#)
        #expect(reading.machine != nil)
        #expect(reading.diagnostics.map(\.severity) == [.warning])
    }

    // MARK: - Properties

    /// A definition means the same written as YAML and as JSON.
    @Test(arguments: 0..<150) func readsYAMLAsJSON(seed: Int) throws {
        var writer = DefinitionWriter(seed: UInt64(seed))
        let definition = writer.machine(depth: 2, isWhole: true)
        let fromWire = Definition.read(json: definition.prettyText)
        let fromJSONFile = Definition.read(try YAMLDocument.parse(Array(definition.prettyText.utf8)))
        let fromYAML = Definition.read(try YAMLDocument.parse(Array(writer.yaml(definition).utf8)))
        #expect(fromWire.diagnostics.allSatisfy { $0.severity == .warning }, "seed \(seed)")
        #expect(fromWire.diagnostics == fromJSONFile.diagnostics, "seed \(seed)")
        #expect(fromWire.machine != nil, "seed \(seed)")
        #expect(fromWire.machine == fromJSONFile.machine, "seed \(seed)")
        #expect(fromWire.machine == fromYAML.machine, "seed \(seed)")
    }

    /// Whatever is broken in a definition, reading it ends with diagnostics or a machine, on either way the same.
    @Test(arguments: 0..<400) func neverTraps(seed: Int) throws {
        var writer = DefinitionWriter(seed: UInt64(seed))
        let broken = writer.breaking(writer.machine(depth: 2, isWhole: true))
        let fromWire = Definition.read(json: broken.prettyText)
        let fromFile = Definition.read(try YAMLDocument.parse(Array(broken.prettyText.utf8)))
        #expect(fromWire.diagnostics == fromFile.diagnostics, "seed \(seed)")
        #expect((fromWire.machine == nil) == fromWire.diagnostics.contains { $0.severity == .error }, "seed \(seed)")
    }
}
