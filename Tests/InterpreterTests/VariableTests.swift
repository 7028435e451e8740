import Interpreter
import JSON
import StatesLanguage
import Testing

/// Variables, as the developer guide has them.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
@Suite("Variables")
struct VariableTests {
    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private func output(_ definition: String, input: JSON = [:]) throws -> Outcome? {
        let talk = try Conversation(definition, input: input)
        talk.tell(.start)
        #expect(try talk.replayed() == talk.execution)
        return talk.execution.outcome
    }

    @Test(
        "all variable references use the values as they were on state entry",
        arguments: [
            #"""
            {"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":1,"y":2},"Next":"B"},
              "B":{"Type":"Pass","Assign":{"x.$":"$y","y.$":"$x"},"Parameters":{"x.$":"$x"},"Next":"C"},
              "C":{"Type":"Pass","Parameters":{"before.$":"$.x","x.$":"$x","y.$":"$y"},"End":true}}}
            """#,
            #"""
            {"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":1,"y":2},"Next":"B"},
              "B":{"Type":"Pass","Assign":{"x":"{% $y %}","y":"{% $x %}"},"Output":{"x":"{% $x %}"},"Next":"C"},
              "C":{"Type":"Pass","Output":{"before":"{% $states.input.x %}","x":"{% $x %}","y":"{% $y %}"},"End":true}}}
            """#,
        ])
    func order(_ definition: String) throws {
        #expect(try output(definition) == .succeeded(output: ["before": 1, "x": 2, "y": 1]))
    }

    @Test("an inner scope reads outer variables; its own are gone when it ends, and iterations don't see each other's")
    func scopes() throws {
        let definition = #"""
            {"QueryLanguage":"JSONata","StartAt":"A","States":{
              "A":{"Type":"Pass","Assign":{"outer":"o"},"Next":"M"},
              "M":{"Type":"Map","Items":[1,2],"MaxConcurrency":1,"Next":"Z","ItemProcessor":{"StartAt":"I","States":{
                "I":{"Type":"Pass","Output":"{% $outer & ($exists($inner) ? $inner : 'none') %}",
                  "Assign":{"inner":"{% $states.input %}"},"End":true}}}},
              "Z":{"Type":"Pass","Output":[
                "{% $states.input %}","{% $exists($inner) ? $inner : 'gone' %}"],"End":true}}}
            """#
        #expect(try output(definition) == .succeeded(output: [["onone", "onone"], "gone"]))
    }

    @Test("a branch keeps what the outer variables were; what it assigns is there for its own later states")
    func branches() throws {
        let definition = #"""
            {"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":42},"Next":"P"},
              "P":{"Type":"Parallel","End":true,"Branches":[
                {"StartAt":"L","States":{"L":{"Type":"Pass","Assign":{"left.$":"$x"},"Next":"L2"},
                  "L2":{"Type":"Pass","Parameters":{"left.$":"$left"},"End":true}}},
                {"StartAt":"R","States":{"R":{"Type":"Pass","Assign":{"right":"r"},"Next":"R2"},
                  "R2":{"Type":"Pass","Parameters":{"x.$":"$x","right.$":"$right"},"End":true}}}]}}}
            """#
        #expect(try output(definition) == .succeeded(output: [["left": 42], ["x": 42, "right": "r"]]))
    }

    @Test("Assign of a Task reads the result, of a Catch the error output; only that of the way taken counts")
    func tasks() throws {
        let definition = #"""
            {"QueryLanguage":"JSONata","StartAt":"T","States":{
              "T":{\#(VariableTests.work),"Assign":{"got":"{% $states.result.n %}"},"Next":"Z",
                "Catch":[{"ErrorEquals":["E"],"Assign":{"got":"{% $states.errorOutput.Cause %}"},
                  "Output":"{% $states.input %}","Next":"Z"}]},
              "Z":{"Type":"Pass","Output":["{% $got %}","{% $states.input %}"],"End":true}}}
            """#
        let good = try Conversation(definition, input: "in")
        good.tell(.start)
        try good.complete("T", ["n": 5])
        #expect(good.execution.outcome == .succeeded(output: [5, ["n": 5]]))
        let bad = try Conversation(definition, input: "in")
        bad.tell(.start)
        try bad.fail("T", "E", "why")
        #expect(bad.execution.outcome == .succeeded(output: ["why", "in"]))
        #expect(try bad.replayed() == bad.execution)
    }

    @Test("in JSONPath $ of Assign is the result as ResultSelector shapes it; in a Catch it is the error output")
    func paths() throws {
        let definition = #"""
            {"StartAt":"T","States":{
              "T":{\#(VariableTests.work),"ResultSelector":{"m.$":"$.n"},"ResultPath":null,
                "Assign":{"got.$":"$.m"},"Next":"Z",
                "Catch":[{"ErrorEquals":["E"],"Assign":{"got.$":"$.Error"},"ResultPath":null,"Next":"Z"}]},
              "Z":{"Type":"Pass","Parameters":{"got.$":"$got","in.$":"$"},"End":true}}}
            """#
        let good = try Conversation(definition, input: "in")
        good.tell(.start)
        try good.complete("T", ["n": 5])
        #expect(good.execution.outcome == .succeeded(output: ["got": 5, "in": "in"]))
        let bad = try Conversation(definition, input: "in")
        bad.tell(.start)
        try bad.fail("T", "E", "why")
        #expect(bad.execution.outcome == .succeeded(output: ["got": "E", "in": "in"]))
    }

    @Test("the Assign of the Choice rule that matches counts instead of the state's own, which goes with Default")
    func choices() throws {
        let definition = #"""
            {"StartAt":"C","States":{
              "C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Assign":{"way":"rule"},"Next":"Z"},
                {"Variable":"$.n","NumericEquals":2,"Next":"Z"}],
                "Assign":{"way.$":"$.n"},"Default":"Z"},
              "Z":{"Type":"Pass","Parameters":{"way.$":"$way"},"End":true}}}
            """#
        #expect(try output(definition, input: ["n": 1]) == .succeeded(output: ["way": "rule"]))
        #expect(try output(definition, input: ["n": 3]) == .succeeded(output: ["way": 3]))
        guard case .failed("States.Runtime", _) = try output(definition, input: ["n": 2]) else {
            Issue.record("a rule without Assign sets nothing")
            return
        }
    }

    @Test("what a failed attempt would have assigned is not assigned: Assign fails as a whole, and the state with it")
    func atomic() throws {
        let talk = try Conversation(
            #"""
            {"QueryLanguage":"JSONata","StartAt":"T","States":{
              "T":{\#(VariableTests.work),"Assign":{"good":1,"bad":"{% $states.result.none %}"},"Next":"Z",
                "Catch":[{"ErrorEquals":["States.QueryEvaluationError"],"Output":null,"Next":"Z"}]},
              "Z":{"Type":"Pass","Output":"{% $exists($good) %}","End":true}}}
            """#)
        talk.tell(.start)
        try talk.complete("T", [:])
        #expect(talk.execution.outcome == .succeeded(output: false))
    }

    @Test("the history tells what a state assigned, as texts of JSON")
    func history() throws {
        let talk = try Conversation(
            #"{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":{"y":[1]},"z.$":"$"},"End":true}}}"#,
            input: "text")
        talk.tell(.start)
        let exited = try #require(talk.history.events.first { $0.type == "PassStateExited" }?.details?.value)
        #expect(exited["assignedVariables"] == ["x": #"{"y":[1]}"#, "z": #""text""#])
        #expect(exited["assignedVariablesDetails"] == ["truncated": false])
    }

    @Test("what a single Assign holds, and all variables together, is limited")
    func limits() throws {
        let loop = try readMachine(
            #"""
            {"QueryLanguage":"JSONata","StartAt":"A","States":{
              "A":{"Type":"Pass","Assign":{"x":"{% $states.input.text %}"},"Output":null,"Next":"B"},
              "B":{"Type":"Pass","End":true}}}
            """#)
        for (length, fits) in [(80, true), (200, false)] {
            let text = JSON.string(String(repeating: "x", count: length))
            let start = ExecutionStart(
                machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:test", name: "one",
                definitionHash: "0", input: ["text": text], seed: 1)
            let execution = Execution(id: "id", start: start, machine: loop, at: 0)
            let outcome = decide(execution, .start, now: 0, limits: DataLimits(stateBytes: 100)).execution.outcome
            if fits {
                #expect(outcome == .succeeded(output: nil))
            } else {
                guard case .failed("States.DataLimitExceeded", _) = outcome else {
                    Issue.record("\(String(describing: outcome))")
                    return
                }
            }
        }
    }
}
