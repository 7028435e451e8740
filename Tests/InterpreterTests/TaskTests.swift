import Interpreter
import JSON
import Testing

@Suite("Task")
struct TaskTests {
    /// A machine of one task.
    private func one(_ fields: String = "", top: String = "") -> String {
        #"""
        {"StartAt":"A",\#(top)"States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work",\#(fields)
          "End":true}}}
        """#
    }

    @Test("is scheduled, handed out and ended by the answer that brings its nonce")
    func life() throws {
        let talk = try Conversation(one(), input: ["a": 1])
        #expect(talk.tell(.start) == [.executionStarted(talk.start), .entered("A", 1), .scheduled()])
        #expect(
            talk.tell(.handOut(entry: 1, worker: "w", incarnation: "i", nonce: "n")) == [
                .taskStarted(scope: 0, worker: "w", incarnation: "i", nonce: "n")
            ])
        #expect(
            talk.tell(.taskSucceeded(entry: 1, nonce: "n", output: ["b": 2])) == [
                .taskSucceeded(scope: 0, output: ["b": 2]), .exited(.result), .ended,
            ])
        #expect(talk.execution.outcome == .succeeded(output: ["b": 2]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("answers of attempts that are over change nothing")
    func stale() throws {
        let talk = try Conversation(one(#""Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}],"#))
        talk.tell(.start)
        let answer = { (nonce: String) in Event.taskSucceeded(entry: 1, nonce: nonce, output: nil) }
        let failure = { (nonce: String) in Event.taskFailed(entry: 1, nonce: nonce, error: "E", cause: "") }
        #expect(talk.refuses(answer("never")), "before the hand-out there is no nonce")
        let first = talk.handOut(1)
        #expect(talk.refuses(.handOut(entry: 1, worker: "v", incarnation: "i", nonce: "x")), "handed out twice")
        #expect(talk.refuses(answer("guessed")))
        #expect(talk.refuses(.taskSucceeded(entry: 2, nonce: first, output: nil)), "another entry")
        talk.tell(failure(first))
        #expect(talk.refuses(answer(first)), "between two attempts")
        try talk.ring()
        #expect(talk.refuses(answer(first)), "the attempt before, while the next waits for a worker")
        let second = talk.handOut(1)
        #expect(talk.refuses(answer(first)), "the attempt before, while the next runs")
        #expect(talk.refuses(.heartbeatMissed(entry: 1, nonce: first)))
        talk.tell(answer(second))
        #expect(talk.execution.outcome == .succeeded(output: nil))
        for late in [answer(second), failure(second), .heartbeatMissed(entry: 1, nonce: second), .start, .proceed] {
            #expect(talk.refuses(late), "\(late) after the end")
        }
        #expect(talk.refuses(.stop(error: nil, cause: nil)))
    }

    @Test("Parameters and ResultSelector shape what goes to the worker and what comes back")
    func shapes() throws {
        let talk = try Conversation(
            one(
                #"""
                "Parameters":{"x.$":"$.a"},"ResultSelector":{"y.$":"$.deep.z"},"ResultPath":"$.result",
                """#), input: ["a": 1])
        #expect(talk.tell(.start).last == .scheduled(.value(["x": 1])))
        try talk.complete("A", ["deep": ["z": 9], "noise": true])
        #expect(talk.execution.outcome == .succeeded(output: ["a": 1, "result": ["y": 9]]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a result that ResultSelector can't read is the state's own failure, which Catch takes")
    func selectorFails() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"A","States":{
              "A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","ResultSelector":{"y.$":"$.missing"},
                "Catch":[{"ErrorEquals":["States.ParameterPathFailure"],"Next":"Z"}],"End":true},
              "Z":{"Type":"Succeed"}}}
            """#, input: ["a": 1])
        talk.tell(.start)
        try talk.complete("A", [:])
        guard case .succeeded(let output) = talk.execution.outcome else {
            Issue.record("the execution ended as \(String(describing: talk.execution.outcome))")
            return
        }
        #expect(output["Error"] == "States.ParameterPathFailure")
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("TimeoutSeconds counts from the schedule, literally or by path")
    func timeout() throws {
        for (field, input) in [
            (#""TimeoutSeconds":10,"#, [:]), (#""TimeoutSecondsPath":"$.t","#, ["t": 10]),
        ] as [(String, JSON)] {
            let talk = try Conversation(one(field), input: input)
            talk.tell(.start)
            talk.wait(seconds: 8)
            let nonce = talk.handOut(1)
            talk.wait(seconds: 1.9)
            #expect(talk.refuses(.timer(entry: 1)))
            let effects = try talk.ring()
            #expect(talk.now == Conversation.beginning + 10_000_000)
            guard case .taskTimedOut(0, "States.Timeout", _) = effects.first else {
                Issue.record("the timer led to \(effects)")
                continue
            }
            #expect(talk.execution.outcome?.status == "FAILED")
            #expect(talk.refuses(.taskSucceeded(entry: 1, nonce: nonce, output: nil)))
        }
    }

    @Test(
        "time-outs beyond the language's bounds fail the state instead of counting",
        arguments: [0, 100_000_000, Int64.max], ["Timeout", "Heartbeat"])
    func impossibleTimeout(_ seconds: Int64, _ field: String) throws {
        let talk = try Conversation(one(#""\#(field)SecondsPath":"$.t","#), input: ["t": .integer(seconds)])
        talk.tell(.start)
        guard case .failed("States.Runtime", _) = talk.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("a missed heartbeat is a time-out of its own name, which States.Timeout covers and States.TaskFailed doesn't")
    func heartbeat() throws {
        let talk = try Conversation(
            one(
                #"""
                "HeartbeatSeconds":5,"Retry":[{"ErrorEquals":["States.TaskFailed"]},
                  {"ErrorEquals":["States.Timeout"],"MaxAttempts":1}],
                """#))
        talk.tell(.start)
        #expect(talk.refuses(.heartbeatMissed(entry: 1, nonce: "n")), "nobody works on it yet")
        let effects = talk.tell(.heartbeatMissed(entry: 1, nonce: talk.handOut(1)))
        #expect(
            effects.last
                == .retryScheduled(scope: 0, retrier: 1, until: Conversation.beginning + 1_000_000))
        try talk.ring()
        talk.tell(.heartbeatMissed(entry: 1, nonce: talk.handOut(1)))
        guard case .failed("States.HeartbeatTimeout", _) = talk.execution.outcome else {
            Issue.record("the execution ended as \(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("TimeoutSeconds of the machine ends the execution wherever it stands")
    func executionTimeout() throws {
        let talk = try Conversation(one(#""TimeoutSeconds":50,"#, top: #""TimeoutSeconds":20,"#))
        talk.tell(.start)
        talk.handOut(1)
        talk.wait(seconds: 19.999_999)
        #expect(talk.refuses(.timer(entry: nil)))
        try talk.ring()
        #expect(talk.now == Conversation.beginning + 20_000_000)
        #expect(talk.execution.outcome?.status == "TIMED_OUT")
        #expect(talk.execution.stoppedAt == talk.now)
        #expect(talk.execution.timers.isEmpty && talk.execution.openEntries.isEmpty)
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a stop ends it with the words given")
    func stop() throws {
        let talk = try Conversation(one())
        talk.tell(.start)
        let nonce = talk.handOut(1)
        #expect(
            talk.tell(.stop(error: "Operator", cause: nil)) == [.executionAborted(error: "Operator", cause: nil)])
        #expect(talk.execution.outcome == .aborted(error: "Operator", cause: nil))
        #expect(talk.refuses(.taskSucceeded(entry: 1, nonce: nonce, output: nil)))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("time never runs backwards in an execution, whatever the clock says")
    func clockJumpsBack() throws {
        let talk = try Conversation(one())
        talk.tell(.start)
        talk.wait(seconds: -3600)
        talk.handOut(1)
        #expect(talk.execution.at == Conversation.beginning)
        #expect(talk.rows.map(\.at) == [Conversation.beginning, Conversation.beginning])
        #expect(try talk.replayed() == talk.execution)
    }
}
