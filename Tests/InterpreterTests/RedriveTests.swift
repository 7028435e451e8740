import Interpreter
import JSON
import StatesLanguage
import Testing

/// RedriveExecution: what had succeeded stays, what had not is done anew.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
@Suite("Redrive")
struct RedriveTests {
    private func task(_ after: String = #""End":true"#) -> String {
        #"{"Type":"Task","Resource":"arn:aws:states:::showrunner:work",\#(after)}"#
    }

    private func redrive(_ talk: Conversation, token: String? = nil) -> [Effect] {
        talk.tell(.redrive(count: talk.execution.redriveCount + 1, token: token))
    }

    private func lines(_ talk: Conversation, from first: Int) -> [String] {
        talk.history.events.filter { $0.id >= first }.map { "\($0.id) <- \($0.previousID) \($0.type)" }
    }

    @Test("the failed state runs again on its input; the one before it does not")
    func failedTask() throws {
        let talk = try Conversation(
            #"{"StartAt":"A","States":{"A":\#(task(#""Next":"B""#)),"B":\#(task())}}"#, input: ["n": 1])
        talk.tell(.start)
        try talk.complete("A", ["m": 2])
        try talk.fail("B", "E")
        #expect(talk.execution.outcome == .failed(error: "E", cause: "because"))
        #expect(talk.execution.canBeRedriven)
        talk.wait(seconds: 60)
        let ended = talk.history.events.count
        #expect(
            redrive(talk) == [
                .executionRedriven(count: 1, token: nil), .stateRedriven(scope: 0),
                .taskScheduled(
                    scope: 0, resource: "arn:aws:states:::showrunner:work", parameters: .input, timeoutSeconds: nil,
                    heartbeatSeconds: nil),
            ])
        #expect(talk.execution.isOpen && talk.execution.stoppedAt == nil && talk.execution.redriveCount == 1)
        #expect(talk.execution.redrivenAt == talk.now)
        #expect(try talk.replayed() == talk.execution)
        let entry = try talk.entry(in: "B")
        #expect(talk.execution.entry(entry)?.input == ["m": 2])
        try talk.complete("B", "done")
        #expect(talk.execution.outcome == .succeeded(output: "done"))
        #expect(
            lines(talk, from: ended) == [
                "\(ended) <- \(ended - 1) ExecutionFailed", "\(ended + 1) <- \(ended) ExecutionRedriven",
                "\(ended + 2) <- \(ended + 1) TaskScheduled", "\(ended + 3) <- \(ended + 2) TaskStarted",
                "\(ended + 4) <- \(ended + 3) TaskSucceeded", "\(ended + 5) <- \(ended + 4) TaskStateExited",
                "\(ended + 6) <- \(ended + 5) ExecutionSucceeded",
            ])
        #expect(
            talk.history.events[ended].details?.value == ["redriveCount": 1]
                && talk.history.events[ended].details?.name == "executionRedrivenEventDetails")
        #expect(!talk.execution.canBeRedriven && talk.refuses(.redrive(count: 2, token: nil)))
    }

    @Test("twice, with a count each time; a count that was is stale")
    func twice() throws {
        let talk = try Conversation(#"{"StartAt":"A","States":{"A":\#(task())}}"#)
        talk.tell(.start)
        for count in 1...3 {
            try talk.fail("A", "E\(count)")
            #expect(talk.refuses(.redrive(count: count - 1, token: nil)))
            #expect(redrive(talk, token: "t\(count)").first == .executionRedriven(count: count, token: "t\(count)"))
            #expect(talk.refuses(.redrive(count: count + 1, token: nil)), "it runs")
        }
        #expect(talk.execution.redriveTokens.map(\.token) == ["t1", "t2", "t3"])
        #expect(talk.execution.redriveCount == 3)
        for count in 4...20 {
            try talk.fail("A", "E")
            _ = redrive(talk, token: "t\(count)")
        }
        #expect(talk.execution.redriveTokens.map(\.token) == (11...20).map { "t\($0)" })
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("an answer to an attempt before the redrive is stale, and its token is another")
    func staleAnswers() throws {
        let definition = #"""
            {"StartAt":"A","States":{"A":{"Type":"Task","End":true,
             "Resource":"arn:aws:states:::showrunner:work.waitForTaskToken","Parameters":{"t.$":"$$.Task.Token"}}}}
            """#
        let talk = try Conversation(definition)
        talk.tell(.start)
        let entry = try talk.entry(in: "A")
        let nonce = talk.handOut(entry)
        guard case .task(let first) = talk.execution.entry(entry)?.phase else {
            Issue.record("a task")
            return
        }
        talk.tell(.stop(error: "S", cause: nil))
        _ = redrive(talk)
        guard case .task(let second) = talk.execution.entry(entry)?.phase else {
            Issue.record("a task")
            return
        }
        #expect(first.callbackNonce != nil && first.callbackNonce != second.callbackNonce)
        #expect(talk.refuses(.taskSucceeded(entry: entry, nonce: nonce, output: 1)))
        #expect(talk.refuses(.taskSucceeded(entry: entry, nonce: try #require(first.callbackNonce), output: 1)))
        talk.tell(.taskSucceeded(entry: entry, nonce: try #require(second.callbackNonce), output: 1))
        #expect(talk.execution.outcome == .succeeded(output: 1))
    }

    @Test("retriers count anew")
    func retries() throws {
        let retry = #""Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"End":true"#
        let talk = try Conversation(#"{"StartAt":"A","States":{"A":\#(task(retry))}}"#)
        talk.tell(.start)
        for _ in 0..<2 {
            try talk.fail("A", "E")
            #expect(talk.execution.isOpen, "the retrier takes it")
            try talk.ring()
            try talk.fail("A", "E")
            #expect(talk.execution.outcome == .failed(error: "E", cause: "because"))
            _ = redrive(talk)
        }
    }

    @Test("TimeoutSeconds of the machine begins anew, and the context object tells of the redrive")
    func timeout() throws {
        let definition = #"""
            {"TimeoutSeconds":10,"StartAt":"A","States":{"A":{"Type":"Task","End":true,
             "Resource":"arn:aws:states:::showrunner:work",
             "Parameters":{"count.$":"$$.Execution.RedriveCount","time.$":"$$.Execution.RedriveTime"},
             "Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]},"B":{"Type":"Wait","Seconds":99,"End":true}}}
            """#
        let talk = try Conversation(definition)
        talk.tell(.start)
        // The first attempt can't be made: there is no RedriveTime yet.
        #expect(talk.execution.openEntries.map(\.state) == ["B"])
        talk.wait(seconds: 10)
        talk.tell(.timer(entry: nil))
        #expect(talk.execution.outcome?.status == "TIMED_OUT")
        talk.wait(seconds: 100)
        _ = redrive(talk)
        #expect(talk.execution.executionDeadline == talk.now + 10_000_000)
        #expect(talk.refuses(.timer(entry: nil)))
        #expect(talk.execution.openEntries.map(\.state) == ["B"], "a Wait state waits anew")
        #expect(talk.execution.timers.map(\.at).max() == talk.now + 99_000_000)
    }

    @Test("only the branches that failed or were given up run again, and at the state they had reached")
    func parallel() throws {
        let branches = ["X", "Y", "Z"].map { name in
            #"{"StartAt":"\#(name)1","States":{"\#(name)1":\#(task(#""Next":"\#(name)2""#)),"\#(name)2":\#(task())}}"#
        }
        let talk = try Conversation(
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[\#(branches.joined(separator: ","))],"End":true}}}"#
        )
        talk.tell(.start)
        try talk.complete("X1", 1)
        try talk.complete("X2", "x")
        try talk.complete("Y1", 2)
        try talk.fail("Y2", "E")
        #expect(talk.execution.outcome?.status == "FAILED")
        let ended = talk.history.events.count
        #expect(
            redrive(talk).filter { if case .taskScheduled = $0 { false } else { true } } == [
                .executionRedriven(count: 1, token: nil), .branchesRedriven(scope: 0),
                .childRedriven(scope: 0, index: 1), .stateRedriven(scope: 2), .childRedriven(scope: 0, index: 2),
                .stateRedriven(scope: 3),
            ])
        #expect(try talk.replayed() == talk.execution)
        #expect(talk.execution.openEntries.map(\.state).sorted() == ["P", "Y2", "Z1"])
        #expect(
            lines(talk, from: ended + 1) == [
                "\(ended + 1) <- \(ended) ExecutionRedriven", "\(ended + 2) <- \(ended + 1) TaskScheduled",
                "\(ended + 3) <- \(ended + 1) TaskScheduled",
            ])
        try talk.complete("Z1", 3)
        try talk.complete("Z2", "z")
        try talk.complete("Y2", "y")
        #expect(talk.execution.outcome == .succeeded(output: ["x", "y", "z"]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a Map goes on with the iterations that had not succeeded, as many at a time as MaxConcurrency says")
    func map() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":2,"End":true,
             "ItemProcessor":{"StartAt":"I","States":{"I":\#(task())}}}}}
            """#, input: [10, 11, 12, 13, 14])
        talk.tell(.start)
        func inputs() -> [JSON] { talk.execution.openEntries.filter { $0.state == "I" }.map(\.input) }
        func finish(_ input: JSON, fails: Bool = false) throws {
            let entry = try #require(talk.execution.openEntries.first { $0.state == "I" && $0.input == input }).id
            let nonce = talk.handOut(entry)
            talk.tell(
                fails
                    ? .taskFailed(entry: entry, nonce: nonce, error: "E", cause: "c")
                    : .taskSucceeded(entry: entry, nonce: nonce, output: input))
        }
        try finish(10)
        #expect(inputs() == [11, 12])
        try finish(12, fails: true)
        #expect(talk.execution.outcome?.status == "FAILED")
        _ = redrive(talk)
        #expect(inputs() == [11, 12], "the one that was given up and the one that failed")
        try finish(11)
        #expect(inputs() == [12, 13], "a new one starts where there is room")
        try finish(13)
        try finish(14)
        talk.tell(.stop(error: nil, cause: nil))
        #expect(talk.execution.outcome?.status == "ABORTED")
        _ = redrive(talk)
        #expect(inputs() == [12])
        try finish(12)
        #expect(talk.execution.outcome == .succeeded(output: [10, 11, 12, 13, 14]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("nested states go on at the place where each stood")
    func nested() throws {
        let inner = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$",
             "ItemProcessor":{"StartAt":"I","States":{"I":\#(task(#""Next":"J""#)),"J":\#(task())}}}}}
            """#
        let talk = try Conversation(
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[\#(inner),{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"End":true}}}],"End":true}}}"#,
            input: ["a"])
        talk.tell(.start)
        try talk.complete("I", "b")
        try talk.fail("J", "E")
        #expect(talk.execution.outcome?.status == "FAILED")
        _ = redrive(talk)
        #expect(talk.execution.openEntries.map(\.state).sorted() == ["J", "M", "P", "W"])
        #expect(try talk.execution.entry(talk.entry(in: "J"))?.input == "b")
        #expect(try talk.replayed() == talk.execution)
        try talk.complete("J", "c")
        try talk.ring()
        #expect(talk.execution.outcome == .succeeded(output: [["c"], ["a"]]))
    }

    @Test("a Parallel state that failed over its own output is tried again with what the branches gave")
    func outputOfParallel() throws {
        let talk = try Conversation(
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}],"OutputPath":"$.none","End":true}}}"#
        )
        talk.tell(.start)
        #expect(talk.execution.outcome?.status == "FAILED")
        let effects = redrive(talk)
        #expect(effects.contains(.branchesRedriven(scope: 0)))
        #expect(talk.execution.outcome?.status == "FAILED", "it fails as before: nothing has changed")
        #expect(talk.execution.redriveCount == 1)
        #expect(try talk.replayed() == talk.execution)
    }

    /// The first branch has all it needs and fails over its own output; the second was given up.
    private func failingBranch(_ fields: String = "") -> String {
        let inner =
            #"{"StartAt":"Q","States":{"Q":{"Type":"Parallel","ResultSelector":{"x.$":"States.ArrayGetItem($,99)"},"End":true,"#
            + #""Branches":[{"StartAt":"A","States":{"A":\#(task())}}]}}}"#
        let waiting = #"{"StartAt":"B","States":{"B":\#(task())}}"#
        return
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[\#(inner),\#(waiting)],\#(fields)"Next":"C"},"#
            + #""C":\#(task())}}"#
    }

    @Test("a branch that fails as it is redriven ends the state with those that were to follow")
    func failsAtOnce() throws {
        let talk = try Conversation(failingBranch())
        talk.tell(.start)
        try talk.complete("A", 1)
        #expect(talk.execution.outcome?.status == "FAILED")
        for count in 1...2 {
            _ = redrive(talk)
            #expect(talk.execution.outcome?.status == "FAILED" && talk.execution.redriveCount == count)
        }
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("the same under a Retry or a Catch, which take the failure", arguments: ["Retry", "Catch"])
    func failsAtOnceAndIsTaken(_ field: String) throws {
        let fields =
            field == "Retry"
            ? #""Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}],"#
            : #""Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}],"#
        let talk = try Conversation(failingBranch(fields))
        talk.tell(.start)
        // Stopped before anything of it could fail, and gone on with.
        talk.tell(.stop(error: nil, cause: nil))
        _ = redrive(talk)
        try talk.complete("A", 1)
        #expect(talk.execution.isOpen)
        if field == "Retry" {
            try talk.ring()
            try talk.complete("A", 1)
            #expect(talk.execution.outcome?.status == "FAILED")
            _ = redrive(talk)
            #expect(talk.execution.isOpen && talk.execution.timers.count == 1, "the retries count anew")
        }
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a failure that was caught or retried is over: no redrive goes back there")
    func caught() throws {
        let branches = #""Branches":[{"StartAt":"A","States":{"A":\#(task())}}]"#
        let talk = try Conversation(
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel",\#(branches),"Next":"B","Catch":[{"ErrorEquals":["E"],"Next":"B"}]},"B":\#(task())}}"#
        )
        talk.tell(.start)
        try talk.fail("A", "E")
        try talk.fail("B", "F")
        _ = redrive(talk)
        #expect(talk.execution.openEntries.map(\.state) == ["B"])
    }
}
