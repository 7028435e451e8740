import Interpreter
import JSON
import StatesLanguage
import Testing

/// Errors that the language reserves, each with the sentence that it comes from.
///
/// Sources: https://states-language.net/spec.html#appendix-a,
/// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
@Suite("Reserved errors")
struct ErrorTests {
    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private func run(_ definition: String, input: JSON = [:]) throws -> Conversation {
        let talk = try Conversation(definition, input: input)
        talk.tell(.start)
        return talk
    }

    /// "The interpreter will raise a run-time States.NoChoiceMatched error if a "Choice" state fails to match a Choice
    /// Rule and no "Default" transition was specified."
    @Test(
        "States.NoChoiceMatched",
        arguments: [
            #"{"Variable":"$.n","NumericEquals":5,"Next":"Z"}"#,
            #"{"Variable":"$.none","IsPresent":true,"Next":"Z"}"#,
        ])
    func noChoice(_ rule: String) throws {
        let talk = try run(
            #"{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[\#(rule)]},"Z":{"Type":"Succeed"}}}"#,
            input: ["n": 1])
        guard case .failed("States.NoChoiceMatched", _) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("States.NoChoiceMatched in JSONata")
    func noCondition() throws {
        let talk = try run(
            #"""
            {"QueryLanguage":"JSONata","StartAt":"C","States":{
              "C":{"Type":"Choice","Choices":[{"Condition":"{% false %}","Next":"Z"}]},"Z":{"Type":"Succeed"}}}
            """#)
        guard case .failed("States.NoChoiceMatched", _) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
    }

    /// "Within a state's "Parameters" field, the attempt to replace a field whose name ends in .$ using a Path failed."
    @Test("States.ParameterPathFailure, where somebody handles it; States.Runtime ends the execution elsewhere")
    func parameterPath() throws {
        let definition = { (handler: String) in
            #"""
            {"StartAt":"T","States":{"T":{\#(ErrorTests.work),"Parameters":{"a.$":"$.none"},\#(handler)"Next":"Z"},
              "Z":{"Type":"Succeed"}}}
            """#
        }
        let caught = try run(
            definition(#""Catch":[{"ErrorEquals":["States.ParameterPathFailure"],"ResultPath":null,"Next":"Z"}],"#))
        #expect(caught.execution.outcome == .succeeded(output: [:]))
        let bare = try run(definition(""))
        guard case .failed("States.Runtime", let cause?) = bare.execution.outcome else {
            Issue.record("\(String(describing: bare.execution.outcome))")
            return
        }
        #expect(cause.hasPrefix("An error occurred while executing the state 'T' (entered at the event id #2). "))
    }

    /// "A Task State failed to send a heartbeat for a period longer than the "HeartbeatSeconds" value." and "A Task State
    /// either ran longer than the "TimeoutSeconds" value, or failed to send a heartbeat".
    @Test(
        "States.HeartbeatTimeout is one of its own, and States.Timeout covers it",
        arguments: [
            ("States.HeartbeatTimeout", true), ("States.Timeout", true), ("States.ALL", true),
            ("States.TaskFailed", false),
        ])
    func heartbeat(_ name: String, _ covers: Bool) throws {
        let talk = try run(
            #"""
            {"StartAt":"T","States":{"T":{\#(ErrorTests.work),"HeartbeatSeconds":5,"End":true,
              "Catch":[{"ErrorEquals":["\#(name)"],"Next":"Z"}]},"Z":{"Type":"Succeed"}}}
            """#)
        talk.tell(.heartbeatMissed(entry: 1, nonce: talk.handOut(1)))
        #expect(
            talk.execution.outcome
                == (covers
                    ? .succeeded(output: ["Error": "States.HeartbeatTimeout", "Cause": ""])
                    : .failed(error: "States.HeartbeatTimeout", cause: nil)))
        let event = try #require(talk.history.events.first { $0.type == "TaskTimedOut" })
        #expect(
            event.details?.value
                == ["error": "States.HeartbeatTimeout", "resourceType": "showrunner", "resource": "work"])
    }

    /// "If the state runs longer than the specified timeout [...] then the interpreter fails the state with a
    /// States.Timeout Error Name."
    @Test(
        "TimeoutSeconds in all its forms, counted from the schedule",
        arguments: [
            (#""TimeoutSeconds":7"#, "JSONPath"), (#""TimeoutSecondsPath":"$.t""#, "JSONPath"),
            (#""TimeoutSeconds":"{% $states.input.t %}""#, "JSONata"),
        ])
    func timeout(_ field: String, _ language: String) throws {
        let talk = try run(
            #"""
            {"QueryLanguage":"\#(language)","StartAt":"T","States":{"T":{\#(ErrorTests.work),\#(field),"End":true}}}
            """#, input: ["t": 7])
        #expect(talk.execution.timers.map(\.at) == [Conversation.beginning + 7_000_000])
        talk.wait(seconds: 6.9)
        #expect(talk.refuses(.timer(entry: 1)))
        try talk.ring()
        #expect(talk.execution.outcome == .failed(error: "States.Timeout", cause: nil))
        #expect(
            talk.history.events.suffix(2).map { "\($0.id) <- \($0.previousID) \($0.type)" } == [
                "4 <- 3 TaskTimedOut", "5 <- 4 ExecutionFailed",
            ])
        #expect(talk.history.events.last?.details?.value == ["error": "States.Timeout"])
    }

    @Test("a number of seconds outside the language's bounds fails the state", arguments: [0, -1, 100_000_000])
    func bounds(_ seconds: Int) throws {
        let talk = try run(
            #"{"StartAt":"T","States":{"T":{\#(ErrorTests.work),"TimeoutSecondsPath":"$.t","End":true}}}"#,
            input: ["t": .integer(seconds)])
        guard case .failed("States.Runtime", _) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
    }

    /// "A States.Runtime error is not retriable, and will always cause the execution to fail. A retry or catch on
    /// States.ALL will not catch States.Runtime errors."
    @Test("States.Runtime passes every wildcard by, and a Map around it too")
    func runtime() throws {
        let talk = try run(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],
              "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","InputPath":"$.none","End":true}}}},
              "Z":{"Type":"Succeed"}}}
            """#, input: [1])
        guard case .failed("States.Runtime", let cause?) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
        #expect(cause.contains("'I' (entered at the event id #5)"))
        #expect(
            talk.history.events.map { "\($0.id) <- \($0.previousID) \($0.type)" } == [
                "1 <- 0 ExecutionStarted", "2 <- 0 MapStateEntered", "3 <- 2 MapStateStarted",
                "4 <- 3 MapIterationStarted", "5 <- 4 PassStateEntered", "6 <- 5 MapIterationFailed",
                "7 <- 5 MapStateFailed", "8 <- 7 ExecutionFailed",
            ])
    }

    /// "Output of a connector is larger than payload size quota. Output of a state is larger than payload size quota.
    /// After Parameters processing, the input of a state is larger than the payload size quota."
    @Test("States.DataLimitExceeded, with the name of the task's resource or of the state")
    func dataLimit() throws {
        let machine = try readMachine(
            #"{"StartAt":"T","States":{"T":{\#(ErrorTests.work),"End":true}}}"#)
        let start = ExecutionStart(
            machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:m", name: "n", definitionHash: "0",
            input: [:], seed: 1)
        var execution = Execution(id: "id", start: start, machine: machine, at: 0)
        for event: Event in [
            .start, .handOut(entry: 1, worker: "w", incarnation: "i", nonce: "n"),
            // Two quotes and as many characters as fit.
            .taskSucceeded(entry: 1, nonce: "n", output: .string(String(repeating: "x", count: 262_143))),
        ] {
            execution = decide(execution, event, now: 0, limits: .aws).execution
        }
        #expect(
            execution.outcome
                == .failed(
                    error: "States.DataLimitExceeded",
                    cause: "The state/task 'arn:aws:states:::showrunner:work' returned a result with a size exceeding"
                        + " the maximum number of bytes service limit."))
    }

    @Test(
        "the bytes that count are those of the text: escapes too, and not one more",
        arguments: [
            (262_142, "x", true), (262_143, "x", false), (131_071, "\n", true), (131_072, "\n", false),
            (87_380, "\u{20AC}", true), (87_381, "\u{20AC}", false),
        ])
    func bytes(_ count: Int, _ text: String, _ fits: Bool) throws {
        let machine = try readMachine(#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#)
        let start = ExecutionStart(
            machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:m", name: "n", definitionHash: "0",
            input: .string(String(repeating: text, count: count)), seed: 1)
        let execution = Execution(id: "id", start: start, machine: machine, at: 0)
        let outcome = decide(execution, .start, now: 0, limits: .aws).execution.outcome
        #expect((outcome?.status == "SUCCEEDED") == fits)
    }

    /// "The Retrier is reset when [...] the interpreter uses any appropriate Retriers first and only applies the Catchers
    /// if the retry policy fails to resolve the error."
    @Test("Retry first, Catch when it is used up")
    func retryThenCatch() throws {
        let talk = try run(
            #"""
            {"StartAt":"T","States":{"T":{\#(ErrorTests.work),"End":true,
              "Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"Catch":[{"ErrorEquals":["E"],"Next":"Z"}]},
              "Z":{"Type":"Succeed"}}}
            """#)
        try talk.fail("T", "E", "1")
        #expect(talk.execution.isOpen)
        try talk.ring()
        try talk.fail("T", "E", "2")
        #expect(talk.execution.outcome == .succeeded(output: ["Error": "E", "Cause": "2"]))
    }

    /// JitterStrategy FULL draws from zero to the interval; NONE, the default, draws nothing.
    @Test("delays grow by BackoffRate up to MaxDelaySeconds, and FULL jitter stays below them", arguments: 0..<20)
    func jitter(_ seed: Int) throws {
        for (strategy, isExact) in [("NONE", true), ("FULL", false)] {
            let talk = try Conversation(
                #"""
                {"StartAt":"T","States":{"T":{\#(ErrorTests.work),"End":true,"Retry":[{"ErrorEquals":["E"],
                  "IntervalSeconds":3,"BackoffRate":2.5,"MaxAttempts":4,"MaxDelaySeconds":20,
                  "JitterStrategy":"\#(strategy)"}]}}}
                """#, seed: UInt64(seed))
            talk.tell(.start)
            for expected in [3.0, 7.5, 18.75, 20] {
                try talk.fail("T", "E")
                let delay = Double(try #require(talk.execution.timers.first).at - talk.now) / 1_000_000
                #expect(isExact ? delay == expected : delay >= 0 && delay < expected)
                try talk.ring()
            }
        }
    }

    /// AWS waits for an instant as long as 31 bits count seconds.
    @Test(
        "Wait state delay is too long.",
        arguments: [(2_147_483_647, true), (2_147_483_648, false)] as [(Int64, Bool)])
    func wait(_ seconds: Int64, _ fits: Bool) throws {
        let time = Timestamp.text(microseconds: Conversation.beginning + seconds * 1_000_000)
        let talk = try run(
            #"{"StartAt":"W","States":{"W":{"Type":"Wait","TimestampPath":"$.t","End":true}}}"#,
            input: ["t": .string(time)])
        if fits {
            #expect(talk.execution.timers.count == 1)
        } else {
            #expect(
                talk.execution.outcome
                    == .failed(
                        error: "States.Runtime",
                        cause: "An error occurred while executing the state 'W' (entered at the event id #2). Wait"
                            + " state delay is too long."))
        }
    }
}
