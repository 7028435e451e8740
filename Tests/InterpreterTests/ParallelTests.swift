import Interpreter
import JSON
import Testing

@Suite("Parallel")
struct ParallelTests {
    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private func both(_ fields: String = "") -> String {
        #"""
        {"StartAt":"P","States":{"P":{"Type":"Parallel",\#(fields)"End":true,"Branches":[
          {"StartAt":"L","States":{"L":{\#(ParallelTests.work),"End":true}}},
          {"StartAt":"R","States":{"R":{\#(ParallelTests.work),"End":true}}}]}}}
        """#
    }

    @Test("starts its branches on one input and gives their outputs in their order")
    func success() throws {
        let talk = try Conversation(both(), input: ["in": 1])
        #expect(
            talk.tell(.start) == [
                .executionStarted(talk.start), .entered("P", 1),
                .parallelStarted(scope: 0, branches: 2, input: .input), .entered("L", 2, scope: 1),
                .entered("R", 3, scope: 2), .scheduled(scope: 1), .scheduled(scope: 2),
            ])
        #expect(talk.execution.path(of: 2) == "P[1]")
        #expect(
            try talk.complete("R", "right") == [
                .taskSucceeded(scope: 2, output: "right"), .exited(.result, scope: 2),
                .childSucceeded(scope: 0, index: 1),
            ])
        #expect(
            try talk.complete("L", "left") == [
                .taskSucceeded(scope: 1, output: "left"), .exited(.result, scope: 1),
                .childSucceeded(scope: 0, index: 0), .exited(.children), .ended,
            ])
        #expect(talk.execution.outcome == .succeeded(output: ["left", "right"]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("one branch fails: its siblings are given up, and their answers come too late")
    func failure() throws {
        let talk = try Conversation(both())
        talk.tell(.start)
        let right = talk.handOut(3)
        #expect(
            try talk.fail("L", "E", "why") == [
                .taskFailed(scope: 1, error: "E", cause: "why"),
                .childFailed(scope: 0, index: 0, error: "E", cause: "why"), .childrenAborted(scope: 0),
                .branchingFailed(scope: 0), .executionFailed(error: "E", cause: "why"),
            ])
        #expect(talk.refuses(.taskSucceeded(entry: 3, nonce: right, output: nil)))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("Retry runs all branches anew, with entries of their own")
    func retry() throws {
        let talk = try Conversation(
            both(#""Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"#), input: ["in": 1])
        talk.tell(.start)
        try talk.complete("R", "first")
        let effects = try talk.fail("L", "E")
        #expect(
            effects.suffix(1) == [
                .retryScheduled(scope: 0, retrier: 0, until: Conversation.beginning + 1_000_000)
            ], "nothing is left to abort: the sibling has ended")
        #expect(
            try talk.ring() == [
                .retryStarted(scope: 0), .parallelStarted(scope: 0, branches: 2, input: .input),
                .entered("L", 4, scope: 3), .entered("R", 5, scope: 4), .scheduled(scope: 3), .scheduled(scope: 4),
            ])
        #expect(talk.refuses(.taskSucceeded(entry: 2, nonce: "nonce-2", output: nil)))
        try talk.complete("L", "a")
        try talk.complete("R", "b")
        #expect(talk.execution.outcome == .succeeded(output: ["a", "b"]), "the first round's result is forgotten")
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("Catch takes a branch's failure, and the execution goes on")
    func catches() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","ResultPath":"$.p","End":true,"Branches":[
                {"StartAt":"L","States":{"L":{"Type":"Fail","Error":"E","Cause":"C"}}},
                {"StartAt":"R","States":{"R":{\#(ParallelTests.work),"End":true}}}],
              "Catch":[{"ErrorEquals":["E"],"ResultPath":"$.why","Next":"Z"}]},"Z":{"Type":"Succeed"}}}
            """#, input: ["in": 1])
        let effects = talk.tell(.start)
        #expect(effects.contains(.childrenAborted(scope: 0)))
        #expect(
            talk.execution.outcome == .succeeded(output: ["in": 1, "why": ["Error": "E", "Cause": "C"]]))
        #expect(talk.execution.openEntries.isEmpty)
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a Fail without a name fails the execution without one; a catcher knows it as States.BranchFailed")
    func nameless() throws {
        let branches = #""Branches":[{"StartAt":"L","States":{"L":{"Type":"Fail"}}}]"#
        let talk = try Conversation(
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,\#(branches)}}}"#)
        talk.tell(.start)
        #expect(talk.execution.outcome == .failed(error: nil, cause: nil))
        let caught = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,\#(branches),
              "Catch":[{"ErrorEquals":["States.BranchFailed"],"Next":"C"}]},"C":{"Type":"Succeed"}}}
            """#)
        caught.tell(.start)
        #expect(caught.execution.outcome == .succeeded(output: ["Cause": ""]))
    }

    @Test("branches within branches: an inner failure ends the inner Parallel, and its Catch keeps the outer running")
    func nested() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"I","States":{
                "I":{"Type":"Parallel","End":true,"Branches":[
                    {"StartAt":"A","States":{"A":{\#(ParallelTests.work),"End":true}}},
                    {"StartAt":"B","States":{"B":{\#(ParallelTests.work),"End":true}}}],
                  "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Saved"}]},
                "Saved":{"Type":"Pass","Result":"saved","End":true}}},
              {"StartAt":"C","States":{"C":{\#(ParallelTests.work),"End":true}}}]}}}
            """#)
        talk.tell(.start)
        #expect(talk.execution.openEntries.map(\.state) == ["P", "I", "C", "A", "B"])
        let scopeOfB = try #require(talk.execution.scopeOfEntry[try talk.entry(in: "B")])
        #expect(talk.execution.path(of: scopeOfB) == "P[0]/I[1]")
        try talk.fail("A", "E")
        #expect(talk.execution.openEntries.map(\.state) == ["P", "C"])
        try talk.complete("C", "c")
        #expect(talk.execution.outcome == .succeeded(output: ["saved", "c"]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a failure of the outer Parallel gives up what runs within its branches, at any depth")
    func deepAbort() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
                {"StartAt":"I","States":{"I":{"Type":"Parallel","End":true,"Branches":[
                  {"StartAt":"A","States":{"A":{\#(ParallelTests.work),"End":true}}}]}}},
                {"StartAt":"C","States":{"C":{\#(ParallelTests.work),"End":true}}}],
              "Catch":[{"ErrorEquals":["States.ALL"],"Next":"W"}]},
              "W":{"Type":"Wait","Seconds":5,"End":true}}}
            """#)
        talk.tell(.start)
        let deep = try talk.entry(in: "A")
        let nonce = talk.handOut(deep)
        try talk.fail("C", "E")
        #expect(talk.execution.openEntries.map(\.state) == ["W"])
        #expect(talk.execution.scopes.keys.sorted() == [0], "no scope is left behind")
        #expect(talk.refuses(.taskSucceeded(entry: deep, nonce: nonce, output: nil)))
        #expect(try talk.replayed() == talk.execution)
    }
}
