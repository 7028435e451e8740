import Interpreter
import JSON
import Testing

@Suite("Retry and Catch")
struct RetryTests {
    private func task(_ fields: String) -> String {
        #"""
        {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work",\#(fields),"End":true},
          "Z":{"Type":"Succeed"}}}
        """#
    }

    /// Seconds from each failure to the next attempt, until the execution ends.
    private func delays(_ retrier: String, seed: UInt64 = 1) throws -> [Double] {
        let talk = try Conversation(
            task(#""Retry":[{"ErrorEquals":["E"],\#(retrier)}],"Catch":[{"ErrorEquals":["E"],"Next":"Z"}]"#),
            seed: seed)
        talk.tell(.start)
        var delays: [Double] = []
        while true {
            let effects = try talk.fail("A", "E")
            guard case .retryScheduled(0, 0, let until) = effects.last else { break }
            delays.append(Double(until - talk.now) / 1_000_000)
            #expect(try talk.ring() == [.retryStarted(scope: 0), .scheduled()])
        }
        #expect(talk.execution.outcome?.status == "SUCCEEDED", "the catcher takes what is retried no more")
        #expect(try talk.replayed() == talk.execution)
        return delays
    }

    @Test(
        "intervals grow by BackoffRate up to MaxDelaySeconds",
        arguments: [
            (#""MaxAttempts":3"#, [1, 2, 4]),
            (#""IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":4"#, [2, 6, 18, 54]),
            (#""IntervalSeconds":2,"BackoffRate":3,"MaxDelaySeconds":10,"MaxAttempts":4"#, [2, 6, 10, 10]),
            (#""IntervalSeconds":3,"BackoffRate":1.5,"MaxAttempts":3"#, [3, 4.5, 6.75]),
            (#""MaxAttempts":0"#, []),
        ] as [(String, [Double])])
    func backoff(_ retrier: String, _ expected: [Double]) throws { #expect(try delays(retrier) == expected) }

    @Test("delays that would take for ever end at a year")
    func longest() throws {
        let delays = try delays(#""IntervalSeconds":1000,"BackoffRate":1000,"MaxAttempts":150"#)
        #expect(delays.count == 150)
        #expect(delays.last == 31_622_400)
    }

    @Test(
        "FULL jitter is drawn from the seed: the same for the same execution, other for others, never above the delay")
    func jitter() throws {
        let retrier = #""IntervalSeconds":8,"BackoffRate":1,"MaxAttempts":20,"JitterStrategy":"FULL""#
        let first = try delays(retrier, seed: 7)
        #expect(try delays(retrier, seed: 7) == first)
        #expect(try delays(retrier, seed: 8) != first)
        #expect(first.count == 20 && first.allSatisfy { (0...8).contains($0) })
        #expect(Set(first).count > 15, "each attempt draws anew")
    }

    @Test("each retrier counts for itself, the first that covers the error is asked, States.ALL last")
    func several() throws {
        let talk = try Conversation(
            task(
                #"""
                "Retry":[{"ErrorEquals":["A","B"],"MaxAttempts":1,"IntervalSeconds":10},
                  {"ErrorEquals":["C"],"MaxAttempts":2,"IntervalSeconds":20},
                  {"ErrorEquals":["States.ALL"],"MaxAttempts":1,"IntervalSeconds":30}],
                "Catch":[{"ErrorEquals":["C"],"ResultPath":"$.c","Next":"Z"},{"ErrorEquals":["States.ALL"],"Next":"Z"}]
                """#), input: ["in": 1])
        talk.tell(.start)
        for (error, retrier) in [("C", 1), ("A", 0), ("X", 2), ("C", 1)] {
            guard case .retryScheduled(0, retrier, _) = try talk.fail("A", error).last else {
                Issue.record("\(error) is not retried by \(retrier)")
                return
            }
            try talk.ring()
        }
        #expect(try talk.entry(in: "A") == 1, "an entry stays one entry over all its attempts")
        #expect(talk.execution.entry(1)?.retryCount == 4)
        // B shares its retrier's count with A.
        let effects = try talk.fail("A", "B", "worn out")
        #expect(
            effects == [
                .taskFailed(scope: 0, error: "B", cause: "worn out"),
                .errorCaught(
                    scope: 0, error: "B", cause: "worn out", output: .value(["Error": "B", "Cause": "worn out"])),
                .entered("Z", 2), .exited(.input), .ended,
            ])
    }

    @Test(
        "ResultPath of a catcher puts the report into the state's input, replaces it or drops it",
        arguments: [
            ("", ["Error": "E", "Cause": "because"]),
            (#""ResultPath":"$.failure","#, ["in": 1, "failure": ["Error": "E", "Cause": "because"]]),
            (#""ResultPath":null,"#, ["in": 1]),
        ] as [(String, JSON)])
    func catches(_ resultPath: String, _ output: JSON) throws {
        let talk = try Conversation(
            task(#""InputPath":"$.in","Catch":[{"ErrorEquals":["E"],\#(resultPath)"Next":"Z"}]"#), input: ["in": 1])
        talk.tell(.start)
        try talk.fail("A", "E")
        #expect(talk.execution.outcome == .succeeded(output: output))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("what nobody catches fails the execution with the worker's words")
    func uncaught() throws {
        let talk = try Conversation(task(#""Catch":[{"ErrorEquals":["Other"],"Next":"Z"}]"#))
        talk.tell(.start)
        #expect(
            try talk.fail("A", "E", "said so") == [
                .taskFailed(scope: 0, error: "E", cause: "said so"), .executionFailed(error: "E", cause: "said so"),
            ])
    }

    @Test("States.ALL does not cover States.Runtime")
    func runtime() throws {
        let talk = try Conversation(
            task(
                #"""
                "InputPath":"$.missing","Retry":[{"ErrorEquals":["States.ALL"]}],
                "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}]
                """#))
        talk.tell(.start)
        guard case .failed("States.Runtime", _) = talk.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("$$.State.RetryCount tells the attempt its number")
    func retryCount() throws {
        let talk = try Conversation(
            task(
                #"""
                "Parameters":{"n.$":"$$.State.RetryCount"},"Retry":[{"ErrorEquals":["E"]}],
                "Catch":[{"ErrorEquals":["E"],"Next":"Z"}]
                """#))
        #expect(talk.tell(.start).last == .scheduled(.value(["n": 0])))
        try talk.fail("A", "E")
        #expect(try talk.ring().last == .scheduled(.value(["n": 1])))
    }
}
