import Interpreter
import JSON
import StatesLanguage
import Testing

/// What flows through the states that end at once, and how little of it the journal holds twice.
@Suite("Pass, Succeed, Fail and Choice")
struct DataFlowTests {
    struct Flow: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let state: String
        let input: JSON
        let output: JSON

        init(_ name: String, _ state: String, _ input: JSON, gives output: JSON) {
            (testDescription, self.state, self.input, self.output) = (name, state, input, output)
        }
    }

    static let flows = [
        Flow("a bare Pass hands on its input", #""Type":"Pass""#, ["a": 1], gives: ["a": 1]),
        Flow("Result replaces", #""Type":"Pass","Result":{"r":[1]}"#, ["a": 1], gives: ["r": [1]]),
        Flow("Result null is a result", #""Type":"Pass","Result":null"#, ["a": 1], gives: nil),
        Flow(
            "ResultPath puts in", #""Type":"Pass","Result":2,"ResultPath":"$.b.c""#, ["a": 1],
            gives: ["a": 1, "b": ["c": 2]]),
        Flow("ResultPath null drops", #""Type":"Pass","Result":2,"ResultPath":null"#, ["a": 1], gives: ["a": 1]),
        Flow("InputPath selects", #""Type":"Pass","InputPath":"$.a""#, ["a": ["x": 1]], gives: ["x": 1]),
        Flow("InputPath null gives an empty object", #""Type":"Pass","InputPath":null"#, ["a": 1], gives: [:]),
        Flow("OutputPath selects", #""Type":"Pass","OutputPath":"$.a""#, ["a": 1, "b": 2], gives: 1),
        Flow("OutputPath null gives an empty object", #""Type":"Pass","OutputPath":null"#, ["a": 1], gives: [:]),
        Flow(
            "Parameters shape", #""Type":"Pass","Parameters":{"n.$":"$.a","c":true}"#, ["a": 1],
            gives: ["n": 1, "c": true]),
        Flow(
            "InputPath is the raw input of nothing but Parameters",
            #""Type":"Pass","InputPath":"$.in","Parameters":{"v.$":"$.v"},"ResultPath":"$.out","OutputPath":"$.out""#,
            ["in": ["v": 7], "kept": 0], gives: ["v": 7]),
        Flow(
            "the context object", #""Type":"Pass","Parameters":{"n.$":"$$.Execution.Name","s.$":"$$.State.Name"}"#, [:],
            gives: ["n": "one", "s": "S"]),
        Flow("a number keeps its kind", #""Type":"Pass","Parameters":{"a.$":"$.a"}"#, ["a": 1.0], gives: ["a": 1.0]),
        Flow(
            "Succeed takes InputPath and OutputPath", #""Type":"Succeed","InputPath":"$.a","OutputPath":"$.b""#,
            ["a": ["b": 5]], gives: 5),
    ]

    @Test("what a state hands on", arguments: flows)
    func flow(_ flow: Flow) throws {
        let end = flow.state.contains("Succeed") ? "" : #","End":true"#
        let talk = try Conversation(#"{"StartAt":"S","States":{"S":{\#(flow.state)\#(end)}}}"#, input: flow.input)
        talk.tell(.start)
        #expect(talk.execution.outcome == .succeeded(output: flow.output))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a payload that does not change is written once: in the first effect")
    func references() throws {
        let talk = try Conversation(
            #"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed"}}}"#, input: ["big": "x"])
        #expect(
            talk.tell(.start) == [
                .executionStarted(talk.start), .entered("A", 1), .exited(.input), .entered("B", 2), .exited(.input),
                .ended,
            ])
        #expect(talk.rows[0].text.split(separator: "big").count == 2, "the input stands in the row once")
    }

    @Test("a path that finds nothing ends the execution with the words of the service")
    func missingPath() throws {
        let talk = try Conversation(
            #"{"StartAt":"S","States":{"S":{"Type":"Pass","InputPath":"$.missing","End":true}}}"#, input: ["a": 1])
        talk.tell(.start)
        guard case .failed(let error, let cause) = talk.execution.outcome else {
            Issue.record("the execution ended as \(String(describing: talk.execution.outcome))")
            return
        }
        #expect(error == "States.Runtime")
        #expect(
            cause?.hasPrefix(
                "An error occurred while executing the state 'S' (entered at the event id #2). Invalid path '$.missing'"
            ) == true)
    }

    @Test(
        "Choice takes the first rule that holds, else Default",
        arguments: [(1, "One"), (2, "Two"), (3, "Other")] as [(Int64, String)])
    func choice(_ number: Int64, _ expected: String) throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"C","States":{"C":{"Type":"Choice","InputPath":"$.in","Choices":[
              {"Variable":"$.n","NumericEquals":1,"Next":"One"},
              {"Variable":"$.n","NumericLessThan":3,"Next":"Two"}],"Default":"Other"},
              "One":{"Type":"Succeed"},"Two":{"Type":"Succeed"},"Other":{"Type":"Succeed"}}}
            """#, input: ["in": ["n": .integer(number)]])
        let effects = talk.tell(.start)
        #expect(effects[3] == .entered(expected, 2))
        #expect(talk.execution.outcome == .succeeded(output: ["n": .integer(number)]), "InputPath holds for the output")
    }

    @Test("Choice without a rule that holds and without Default")
    func noChoice() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[
              {"Variable":"$.n","NumericEquals":1,"Next":"One"}]},"One":{"Type":"Succeed"}}}
            """#, input: ["n": 2])
        talk.tell(.start)
        guard case .failed("States.NoChoiceMatched", _) = talk.execution.outcome else {
            Issue.record("the execution ended as \(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("Fail takes its words from the definition, from paths or from intrinsic functions, or has none")
    func fail() throws {
        let literal = try Conversation(
            #"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Bad","Cause":"so it is"}}}"#)
        #expect(
            literal.tell(.start) == [
                .executionStarted(literal.start), .entered("F", 1), .executionFailed(error: "Bad", cause: "so it is"),
            ])
        let paths = try Conversation(
            #"""
            {"StartAt":"F","States":{"F":{"Type":"Fail","ErrorPath":"$.e",
              "CausePath":"States.Format('{} is wrong', $.what)"}}}
            """#, input: ["e": "Worse", "what": "all"])
        paths.tell(.start)
        #expect(paths.execution.outcome == .failed(error: "Worse", cause: "all is wrong"))
        let none = try Conversation(#"{"StartAt":"F","States":{"F":{"Type":"Fail"}}}"#)
        none.tell(.start)
        #expect(none.execution.outcome == .failed(error: nil, cause: nil))
        #expect(try none.replayed() == none.execution)
        let broken = try Conversation(#"{"StartAt":"F","States":{"F":{"Type":"Fail","ErrorPath":"$.e"}}}"#)
        broken.tell(.start)
        guard case .failed("States.Runtime", _) = broken.execution.outcome else {
            Issue.record("the execution ended as \(String(describing: broken.execution.outcome))")
            return
        }
    }
}
