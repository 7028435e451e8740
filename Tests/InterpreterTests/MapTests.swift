import Interpreter
import JSON
import Testing

@Suite("Map")
struct MapTests {
    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private func each(_ fields: String = "", _ processor: String = #""T":{\#(work),"End":true}"#) -> String {
        #"""
        {"StartAt":"M","States":{"M":{"Type":"Map",\#(fields)"End":true,
          "ItemProcessor":{"StartAt":"T","States":{\#(processor)}}}}}
        """#
    }

    /// Ends the open task with the lowest entry.
    private func completeFirst(_ talk: Conversation, _ output: JSON) throws -> [Effect] {
        let entry = try #require(talk.execution.openEntries.first { $0.state == "T" })
        return talk.tell(.taskSucceeded(entry: entry.id, nonce: talk.handOut(entry.id), output: output))
    }

    @Test("runs an iteration for each item and gives their outputs in the order of the items")
    func success() throws {
        let talk = try Conversation(each(), input: ["a", "b"])
        #expect(
            talk.tell(.start) == [
                .executionStarted(talk.start), .entered("M", 1),
                .mapStateStarted(scope: 0, items: .input, maxConcurrency: 0, toleratedFailures: 0),
                .iterationStarted(scope: 0, index: 0, input: .item), .entered("T", 2, scope: 1),
                .iterationStarted(scope: 0, index: 1, input: .item), .entered("T", 3, scope: 2),
                .scheduled(scope: 1), .scheduled(scope: 2),
            ])
        let nonce = talk.handOut(3)
        #expect(
            talk.tell(.taskSucceeded(entry: 3, nonce: nonce, output: "B")) == [
                .taskSucceeded(scope: 2, output: "B"), .exited(.result, scope: 2),
                .childSucceeded(scope: 0, index: 1),
            ])
        #expect(try completeFirst(talk, "A").suffix(2) == [.exited(.children), .ended])
        #expect(talk.execution.outcome == .succeeded(output: ["A", "B"]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("no more iterations at once than MaxConcurrency", arguments: [1, 2, 3, 7, 0])
    func concurrency(_ limit: Int) throws {
        let items = (0..<7).map { JSON.integer($0) }
        let talk = try Conversation(
            each(#""ItemsPath":"$.items","MaxConcurrencyPath":"$.limit","#),
            input: ["items": .array(items), "limit": .integer(limit)])
        talk.tell(.start)
        let expected = limit == 0 ? 7 : limit
        for ended in 0..<7 {
            let open = talk.execution.openEntries.filter { $0.state == "T" }.count
            #expect(open == min(expected, 7 - ended))
            _ = try completeFirst(talk, .integer(ended * 10))
        }
        #expect(talk.execution.outcome == .succeeded(output: .array((0..<7).map { .integer($0 * 10) })))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("nothing to do: the output is an empty array, at once")
    func empty() throws {
        let talk = try Conversation(each(#""ItemsPath":"$.none","ResultPath":"$.out","#), input: ["none": []])
        #expect(
            talk.tell(.start) == [
                .executionStarted(talk.start), .entered("M", 1),
                .mapStateStarted(scope: 0, items: .value([]), maxConcurrency: 0, toleratedFailures: 0),
                .exited(.value(["none": [], "out": []])), .ended,
            ])
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("ItemSelector sees the input, the item and its index; the processor's states see the item too")
    func selector() throws {
        let talk = try Conversation(
            each(
                #"""
                "ItemsPath":"$.items","MaxConcurrency":1,"ItemSelector":{"all.$":"$.base",
                  "value.$":"$$.Map.Item.Value","index.$":"$$.Map.Item.Index"},
                """#,
                #"""
                "T":{"Type":"Pass","Parameters":{"in.$":"$","again.$":"$$.Map.Item.Value"},"End":true}
                """#), input: ["base": "b", "items": ["x", "y"]])
        talk.tell(.start)
        #expect(
            talk.execution.outcome
                == .succeeded(output: [
                    ["in": ["all": "b", "value": "x", "index": 0], "again": "x"],
                    ["in": ["all": "b", "value": "y", "index": 1], "again": "y"],
                ]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("the first failed iteration fails the Map, and nothing more is started")
    func failure() throws {
        let talk = try Conversation(each(#""MaxConcurrency":2,"#), input: [1, 2, 3])
        talk.tell(.start)
        let nonce = talk.handOut(2)
        #expect(
            talk.tell(.taskFailed(entry: 2, nonce: nonce, error: "E", cause: "C")) == [
                .taskFailed(scope: 1, error: "E", cause: "C"),
                .childFailed(scope: 0, index: 0, error: "E", cause: "C"), .childrenAborted(scope: 0),
                .branchingFailed(scope: 0), .executionFailed(error: "E", cause: "C"),
            ])
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("as many failures are put up with as the definition says", arguments: [1, 2])
    func tolerated(_ failures: Int) throws {
        let talk = try Conversation(each(#""ToleratedFailureCount":1,"#), input: [1, 2, 3])
        talk.tell(.start)
        for entry in 2..<(2 + failures) {
            talk.tell(.taskFailed(entry: entry, nonce: talk.handOut(entry), error: "E", cause: ""))
        }
        if failures == 1 {
            _ = try completeFirst(talk, "b")
            _ = try completeFirst(talk, "c")
            #expect(talk.execution.outcome == .succeeded(output: [nil, "b", "c"]))
        } else {
            guard case .failed("States.ExceedToleratedFailureThreshold", _) = talk.execution.outcome else {
                Issue.record("the execution stands at \(String(describing: talk.execution.outcome))")
                return
            }
        }
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("Retry of a Map starts all its iterations anew")
    func retry() throws {
        let talk = try Conversation(
            each(#""MaxConcurrency":1,"Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"#), input: [1, 2])
        talk.tell(.start)
        _ = try completeFirst(talk, "lost")
        try talk.fail("T", "E")
        try talk.ring()
        _ = try completeFirst(talk, "a")
        _ = try completeFirst(talk, "b")
        #expect(talk.execution.outcome == .succeeded(output: ["a", "b"]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a selector that fails at a later item gives up the iterations that run")
    func selectorFails() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemSelector":{"n.$":"$$.Map.Item.Value.n"},
                "ItemProcessor":{"StartAt":"T","States":{"T":{\#(MapTests.work),"End":true}}},"End":true,
                "Catch":[{"ErrorEquals":["States.ParameterPathFailure"],"ResultPath":null,"Next":"W"}]},
              "W":{"Type":"Wait","Seconds":1,"End":true}}}
            """#, input: ["items": [["n": 1], [:]]])
        talk.tell(.start)
        #expect(talk.execution.openEntries.map(\.state) == ["W"])
        #expect(talk.execution.scopes.keys.sorted() == [0])
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("what is no array has no items", arguments: [5, "text", ["an": "object"], nil] as [JSON])
    func noArray(_ items: JSON) throws {
        let talk = try Conversation(each(#""ItemsPath":"$.items","#), input: ["items": items])
        talk.tell(.start)
        guard case .failed("States.Runtime", _) = talk.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("a Map in a branch of a Parallel: one item's failure ends the sibling branch")
    func nested() throws {
        let definition = #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"M","States":{"M":{"Type":"Map","End":true,
                "ItemProcessor":{"StartAt":"T","States":{"T":{\#(MapTests.work),"End":true}}}}}},
              {"StartAt":"S","States":{"S":{\#(MapTests.work),"End":true}}}]}}}
            """#
        let good = try Conversation(definition, input: ["x"])
        good.tell(.start)
        try good.complete("T", "t")
        try good.complete("S", "s")
        #expect(good.execution.outcome == .succeeded(output: [["t"], "s"]))
        #expect(try good.replayed() == good.execution)

        let bad = try Conversation(definition, input: ["x"])
        bad.tell(.start)
        let effects = try bad.fail("T", "E", "C")
        #expect(
            effects.suffix(3) == [
                .childrenAborted(scope: 0), .branchingFailed(scope: 0), .executionFailed(error: "E", cause: "C"),
            ])
        #expect(try bad.replayed() == bad.execution)
    }
}
