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
        talk.tell(.start)
        var decisions = 1
        while talk.yields {
            decisions += 1
            talk.tell(.proceed)
            try #require(decisions < 50)
        }
        guard case .failed("States.DataLimitExceeded", _) = talk.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: talk.execution.outcome?.status))")
            return
        }
        #expect(talk.rows.allSatisfy { $0.text.utf8.count < 64 << 20 })
    }

    @Test("a Map that hands a large input to each of very many iterations fails before it is written")
    func selectors() throws {
        let items = JSON.array((0..<500).map { .integer($0) })
        let talk = try Conversation(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemSelector":{"all.$":"$.text"},
              "ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Pass","End":true}}},"End":true}}}
            """#, input: ["items": items, "text": .string(String(repeating: "x", count: 200_000))])
        talk.tell(.start)
        guard case .failed("States.DataLimitExceeded", _) = talk.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: talk.execution.outcome?.status))")
            return
        }
        #expect(talk.rows[0].text.utf8.count < 64 << 20)
    }
}
