import Interpreter
import JSON
import Testing

/// The history as GetExecutionHistory tells it: order, ids, and which event each follows.
@Suite("History")
struct HistoryTests {
    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private func lines(_ talk: Conversation) -> [String] {
        talk.history.events.map { "\($0.id) <- \($0.previousID) \($0.type)" }
    }

    @Test("a linear run, with a retry")
    func linear() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Pass","Next":"T"},"T":{\#(HistoryTests.work),"Next":"S",
              "Retry":[{"ErrorEquals":["E"]}]},"S":{"Type":"Succeed"}}}
            """#, input: ["a": 1])
        talk.tell(.start)
        try talk.fail("T", "E", "C")
        try talk.ring()
        try talk.complete("T", ["b": 2])
        #expect(
            lines(talk) == [
                "1 <- 0 ExecutionStarted", "2 <- 0 PassStateEntered", "3 <- 2 PassStateExited",
                "4 <- 3 TaskStateEntered", "5 <- 4 TaskScheduled", "6 <- 5 TaskStarted", "7 <- 6 TaskFailed",
                "8 <- 7 TaskScheduled", "9 <- 8 TaskStarted", "10 <- 9 TaskSucceeded", "11 <- 10 TaskStateExited",
                "12 <- 11 SucceedStateEntered", "13 <- 12 SucceedStateExited", "14 <- 13 ExecutionSucceeded",
            ])
        let events = talk.history.events
        #expect(events[0].details?.name == "executionStartedEventDetails")
        #expect(events[0].details?.value["input"] == #"{"a":1}"#)
        #expect(events[3].details?.value == ["name": "T", "input": #"{"a":1}"#, "inputDetails": ["truncated": false]])
        #expect(
            events[6].details?.value
                == ["resourceType": "showrunner", "resource": "work", "error": "E", "cause": "C"])
        #expect(events[10].details?.value["output"] == #"{"b":2}"#)
        #expect(events[7].at == Conversation.beginning + 1_000_000)
    }

    @Test("branches follow the start of their state, each its own thread, and the end follows the last to end")
    func parallel() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"L","States":{"L":{"Type":"Pass","End":true}}},
              {"StartAt":"R","States":{"R":{\#(HistoryTests.work),"End":true}}}]}}}
            """#)
        talk.tell(.start)
        try talk.complete("R", 1)
        #expect(
            lines(talk) == [
                "1 <- 0 ExecutionStarted", "2 <- 0 ParallelStateEntered", "3 <- 2 ParallelStateStarted",
                "4 <- 3 PassStateEntered", "5 <- 3 TaskStateEntered", "6 <- 4 PassStateExited", "7 <- 5 TaskScheduled",
                "8 <- 7 TaskStarted", "9 <- 8 TaskSucceeded", "10 <- 9 TaskStateExited",
                "11 <- 10 ParallelStateSucceeded", "12 <- 10 ParallelStateExited", "13 <- 12 ExecutionSucceeded",
            ])
    }

    @Test("iterations start and end by events of their own")
    func map() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"End":true,
              "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}}}}
            """#, input: ["x", "y"])
        talk.tell(.start)
        #expect(
            lines(talk) == [
                "1 <- 0 ExecutionStarted", "2 <- 0 MapStateEntered", "3 <- 2 MapStateStarted",
                "4 <- 3 MapIterationStarted", "5 <- 4 PassStateEntered", "6 <- 5 PassStateExited",
                "7 <- 6 MapIterationSucceeded", "8 <- 6 MapIterationStarted", "9 <- 8 PassStateEntered",
                "10 <- 9 PassStateExited", "11 <- 10 MapIterationSucceeded", "12 <- 11 MapStateSucceeded",
                "13 <- 11 MapStateExited", "14 <- 13 ExecutionSucceeded",
            ])
        let events = talk.history.events
        #expect(events[2].details?.value == ["length": 2])
        #expect(events[7].details?.name == "mapIterationStartedEventDetails")
        #expect(events[7].details?.value == ["name": "M", "index": 1])
    }

    @Test(
        "every way to end has its event",
        arguments: [
            (#""Type":"Fail","Error":"E""#, "ExecutionFailed", "executionFailedEventDetails"),
            (#""Type":"Wait","Seconds":9,"End":true"#, "ExecutionTimedOut", nil),
            (#""Type":"Wait","Seconds":3,"End":true"#, "ExecutionAborted", "executionAbortedEventDetails"),
        ] as [(String, String, String?)])
    func ends(_ state: String, _ type: String, _ details: String?) throws {
        let talk = try Conversation(#"{"StartAt":"S","TimeoutSeconds":5,"States":{"S":{\#(state)}}}"#)
        talk.tell(.start)
        if type == "ExecutionAborted" { talk.tell(.stop(error: "E", cause: "C")) }
        if type == "ExecutionTimedOut" { try talk.ring() }
        #expect(talk.history.events.last?.type == type)
        #expect(talk.history.events.last?.details?.name == details)
    }
}
