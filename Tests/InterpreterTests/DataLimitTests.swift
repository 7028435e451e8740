import Interpreter
import JSON
import Testing

@Suite("Data without bound")
struct DataLimitTests {
    /// Each round puts the data twice into itself.
    private static let doubling = #"""
        {"StartAt":"P","States":{
          "P":{"Type":"Parallel","ResultPath":"$.more","Next":"C","Branches":[
            {"StartAt":"L","States":{"L":{"Type":"Pass","End":true}}},
            {"StartAt":"R","States":{"R":{"Type":"Pass","End":true}}}]},
          "C":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,"Next":"Z"}],"Default":"P"},
          "Z":{"Type":"Succeed"}}}
        """#

    @Test("a loop that doubles its data ends by States.DataLimitExceeded, not by the machine's memory")
    func doubling() throws {
        let talk = try Conversation(DataLimitTests.doubling, input: ["a": "0123456789"])
        // Without the checks of a conversation, which take their time with rows of this size.
        var decision = decide(talk.execution, .start, now: talk.now)
        for _ in 0..<50 where decision.yields {
            #expect(Effect.encode(decision.effects).utf8.count < 64 << 20, "a row is no longer than the journal takes")
            decision = decide(decision.execution, .proceed, now: talk.now)
        }
        guard case .failed("States.DataLimitExceeded", _) = decision.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: decision.execution.outcome?.status))")
            return
        }
    }

    @Test("a loop that puts an array around its data with every round ends before anything is too deep to be walked")
    func nesting() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{
              "P":{"Type":"Parallel","Next":"C","Branches":[{"StartAt":"L","States":{"L":{"Type":"Pass","End":true}}}]},
              "C":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,"Next":"Z"}],"Default":"P"},
              "Z":{"Type":"Succeed"}}}
            """#)
        var decision = decide(talk.execution, .start, now: talk.now)
        for _ in 0..<100 where decision.yields { decision = decide(decision.execution, .proceed, now: talk.now) }
        guard case .failed("States.DataLimitExceeded", _) = decision.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: decision.execution.outcome?.status))")
            return
        }
    }

    @Test("a Map that hands a large input to each of very many iterations fails before it is written")
    func selectors() throws {
        let items = JSON.array((0..<500).map { .integer($0) })
        let talk = try Conversation(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemSelector":{"all.$":"$.text"},
              "ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Pass","End":true}}},"End":true}}}
            """#, input: ["items": items, "text": .string(String(repeating: "x", count: 200_000))])
        let decision = decide(talk.execution, .start, now: talk.now)
        guard case .failed("States.DataLimitExceeded", _) = decision.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: decision.execution.outcome?.status))")
            return
        }
        #expect(Effect.encode(decision.effects).utf8.count < 64 << 20)
    }
}
