import Interpreter
import JSON
import Testing

@Suite("Many states in a row")
struct LoopTests {
    /// A and B for ever, unless the input says otherwise.
    private static let loop = #"""
        "A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,"Next":"Z"}],"Default":"A"}
        """#

    @Test("a decision takes 100 states, then commits and goes on when told")
    func yields() throws {
        let states = (0..<250).map { index in
            #""S\#(index)":{"Type":"Pass",\#(index == 249 ? #""End":true"# : #""Next":"S\#(index + 1)""#)}"#
        }
        let talk = try Conversation(#"{"StartAt":"S0","States":{\#(states.joined(separator: ","))}}"#)
        var decisions = 0
        talk.tell(.start)
        while talk.yields {
            decisions += 1
            #expect(talk.execution.openEntries.map(\.state) == ["S\(decisions * 100)"])
            #expect(try talk.replayed() == talk.execution, "what is committed half-way is whole")
            talk.tell(.proceed)
        }
        #expect(decisions == 2)
        #expect(talk.execution.outcome?.status == "SUCCEEDED")
        #expect(talk.refuses(.proceed))
    }

    @Test("an endless loop never holds the engine, and can be stopped")
    func endless() throws {
        let talk = try Conversation(
            #"{"StartAt":"A","States":{\#(LoopTests.loop),"Z":{"Type":"Succeed"}}}"#)
        var most = talk.tell(.start).count
        for _ in 0..<20 {
            #expect(talk.yields)
            most = max(most, talk.tell(.proceed).count)
        }
        #expect(most <= 2 * statesPerDecision + 2)
        #expect(
            talk.execution.scopes.count == 1 && talk.execution.scopeOfEntry.count == 1, "a loop leaves nothing behind")
        talk.tell(.stop(error: nil, cause: nil))
        #expect(!talk.yields)
        #expect(talk.execution.outcome == .aborted(error: nil, cause: nil))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("while it yields it takes other events in")
    func interleaved() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"A","States":{\#(LoopTests.loop),"Z":{"Type":"Succeed"}}},
              {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}]}}}
            """#)
        talk.tell(.start)
        #expect(talk.yields)
        try talk.fail("T", "E", "C")
        #expect(talk.execution.outcome == .failed(error: "E", cause: "C"), "a sibling's loop does not outlive it")
        #expect(!talk.yields)
    }
}
