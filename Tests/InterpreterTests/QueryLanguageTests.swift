import Interpreter
import JSON
import StatesLanguage
import Testing

/// Each state type in JSONata.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
@Suite("JSONata states")
struct QueryLanguageTests {
    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private func begin(_ states: String, input: JSON = [:], start: String = "S") throws -> Conversation {
        let talk = try Conversation(
            #"{"QueryLanguage":"JSONata","StartAt":"\#(start)","States":{\#(states)}}"#, input: input)
        talk.tell(.start)
        return talk
    }

    @Test(
        "a state without Output hands on its result, or its input where it has none",
        arguments: [
            (#""S":{"Type":"Pass","End":true}"#, ["in": 1]),
            (#""S":{"Type":"Pass","Output":null,"End":true}"#, nil),
            (#""S":{"Type":"Pass","Output":["{% $states.input.in + 1 %}","x"],"End":true}"#, [2, "x"]),
            (#""S":{"Type":"Succeed"}"#, ["in": 1]),
            (#""S":{"Type":"Succeed","Output":"{% $states.context.State.Name %}"}"#, "S"),
            (#""S":{"Type":"Wait","Seconds":0,"End":true}"#, ["in": 1]),
            (#""S":{"Type":"Wait","Seconds":"{% $states.input.in - 1 %}","Output":"late","End":true}"#, "late"),
            (
                #"""
                "S":{"Type":"Choice","Choices":[{"Condition":"{% $states.input.in = 1 %}","Output":"one","Next":"Z"}]},
                "Z":{"Type":"Succeed"}
                """#, "one"
            ),
            (
                #"""
                "S":{"Type":"Choice","Choices":[{"Condition":"{% false %}","Output":"one","Next":"Z"}],
                  "Output":"default","Default":"Z"},"Z":{"Type":"Succeed"}
                """#, "default"
            ),
            (
                #"""
                "S":{"Type":"Parallel","Arguments":{"n":"{% $states.input.in %}"},"End":true,"Branches":[
                  {"StartAt":"L","States":{"L":{"Type":"Pass","End":true}}},
                  {"StartAt":"R","States":{"R":{"Type":"Pass","Output":"r","End":true}}}]}
                """#, [["n": 1], "r"]
            ),
            (
                #"""
                "S":{"Type":"Map","Items":"{% [1..3] %}","ItemSelector":{"i":"{% $states.context.Map.Item.Index %}",
                  "v":"{% $states.context.Map.Item.Value %}","in":"{% $states.input.in %}"},
                  "Output":"{% $sum($states.result.v) %}","End":true,
                  "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}}
                """#, 6
            ),
        ] as [(String, JSON)])
    func output(_ states: String, _ expected: JSON) throws {
        let talk = try begin(states, input: ["in": 1])
        if talk.execution.isOpen { try talk.ring() }
        #expect(talk.execution.outcome == .succeeded(output: expected))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a JSONata state among JSONPath states: data and variables go from one to the other")
    func mixed() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"n.$":"$.in"},"Assign":{"v.$":"$.n"},"Next":"B"},
              "B":{"QueryLanguage":"JSONata","Type":"Pass","Output":{"n":"{% $states.input.n + $v %}"},
                "Assign":{"w":"{% $v + 10 %}"},"Next":"C"},
              "C":{"Type":"Pass","Parameters":{"n.$":"$.n","w.$":"$w"},"End":true}}}
            """#, input: ["in": 1])
        talk.tell(.start)
        #expect(talk.execution.outcome == .succeeded(output: ["n": 2, "w": 11]))
    }

    @Test("Arguments make what a task gets, Output sees $states.result and $states.input")
    func task() throws {
        let talk = try begin(
            #"""
            "S":{\#(QueryLanguageTests.work),"Arguments":{"x":"{% $states.input.in %}","y":2},
              "TimeoutSeconds":"{% $states.input.in * 60 %}","HeartbeatSeconds":"{% 10 %}",
              "Output":{"r":"{% $states.result %}","i":"{% $states.input %}"},"End":true}
            """#, input: ["in": 1])
        guard case .task(let attempt) = talk.execution.openEntries.first?.phase else {
            Issue.record("the task is not scheduled")
            return
        }
        #expect(attempt.parameters == ["x": 1, "y": 2])
        #expect(attempt.timeoutSeconds == 60 && attempt.heartbeatSeconds == 10)
        try talk.complete("S", "done")
        #expect(talk.execution.outcome == .succeeded(output: ["r": "done", "i": ["in": 1]]))
    }

    @Test("a Fail state computes its Error and Cause")
    func fail() throws {
        let talk = try begin(
            #""S":{"Type":"Fail","Error":"{% $states.input.e %}","Cause":"{% 'for ' & $states.input.e %}"}"#,
            input: ["e": "Mine"])
        #expect(talk.execution.outcome == .failed(error: "Mine", cause: "for Mine"))
    }

    @Test(
        "an expression without a value fails its state by States.QueryEvaluationError, with an event that says where",
        arguments: [
            (#""S":{"Type":"Pass","Output":{"a":["{% $states.input.none %}"]},"End":true}"#, "Output/a[0]", 0),
            (#""S":{\#(work),"Arguments":{"a":"{% $none %}"},"End":true}"#, "Arguments/a", 0),
            (#""S":{"Type":"Wait","Seconds":"{% 'soon' %}","End":true}"#, "Seconds", 2),
            (
                #""S":{"Type":"Choice","Choices":[{"Condition":"{% 1 %}","Next":"Z"}]},"Z":{"Type":"Succeed"}"#,
                "Choices[0]/Condition", 0
            ),
            (#""S":{"Type":"Fail","Error":"{% 1 %}"}"#, "Error", 0),
        ])
    func evaluation(_ states: String, _ location: String, _ follows: Int) throws {
        let talk = try begin(states)
        guard case .failed("States.QueryEvaluationError", let cause?) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
        #expect(cause.hasPrefix("An error occurred while executing the state 'S' (entered at the event id #2). The "))
        let event = try #require(talk.history.events.first { $0.type == "EvaluationFailed" })
        #expect(event.id == 3 && event.previousID == follows)
        #expect(event.details?.name == "evaluationFailedEventDetails")
        #expect(
            event.details?.value
                == [
                    "error": "States.QueryEvaluationError", "cause": .string(cause), "location": .string(location),
                    "state": "S",
                ])
        #expect(talk.history.events.last?.type == "ExecutionFailed")
        #expect(talk.history.events.last?.previousID == 3)
    }

    @Test("such a failure is retried and caught like any other")
    func caught() throws {
        let talk = try begin(
            #"""
            "S":{\#(QueryLanguageTests.work),"Output":"{% $states.result.n %}","End":true,
              "Retry":[{"ErrorEquals":["States.QueryEvaluationError"],"MaxAttempts":1}],
              "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}]},
            "Z":{"Type":"Pass","Output":"{% $states.input.Error %}","End":true}
            """#)
        try talk.complete("S", [:])
        try talk.ring()
        try talk.complete("S", [:])
        #expect(talk.execution.outcome == .succeeded(output: "States.QueryEvaluationError"))
        #expect(try talk.replayed() == talk.execution)
        let failed = talk.history.events.filter { $0.type == "EvaluationFailed" }
        #expect(failed.map { talk.history.events[$0.previousID - 1].type } == ["TaskSucceeded", "TaskSucceeded"])
    }

    @Test("a Map whose items can't be had says so: EvaluationFailed, then MapStateFailed")
    func map() throws {
        let talk = try begin(
            #"""
            "S":{"Type":"Map","Items":"{% 5 %}","End":true,
              "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}}
            """#)
        #expect(
            talk.history.events.map { "\($0.id) <- \($0.previousID) \($0.type)" } == [
                "1 <- 0 ExecutionStarted", "2 <- 0 MapStateEntered", "3 <- 0 EvaluationFailed",
                "4 <- 3 MapStateFailed", "5 <- 4 ExecutionFailed",
            ])
    }

    @Test("what is random differs from attempt to attempt and is the same in a replay")
    func randomness() throws {
        let talk = try begin(
            #"""
            "S":{\#(QueryLanguageTests.work),"Arguments":"{% $random() %}","End":true,
              "Retry":[{"ErrorEquals":["States.ALL"]}]}
            """#)
        func parameters() -> JSON? {
            if case .task(let attempt) = talk.execution.openEntries.first?.phase { attempt.parameters } else { nil }
        }
        let first = parameters()
        try talk.fail("S", "E")
        try talk.ring()
        #expect(first != nil && parameters() != nil && first != parameters())
        #expect(try talk.replayed() == talk.execution)
    }
}
