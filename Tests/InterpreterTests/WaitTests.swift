import Interpreter
import JSON
import Testing

@Suite("Wait")
struct WaitTests {
    /// Seconds after the beginning, 2027-01-15T08:00:00Z.
    static let forms: [(form: String, input: JSON, until: Double)] = [
        (#""Seconds":90"#, [:], 90),
        (#""Seconds":0"#, [:], 0),
        (#""SecondsPath":"$.s""#, ["s": 5], 5),
        (#""Timestamp":"2027-01-15T08:01:00Z""#, [:], 60),
        (#""Timestamp":"2027-01-15T10:00:30.5+02:00""#, [:], 30.5),
        (#""TimestampPath":"$.t""#, ["t": "2027-01-15T08:00:10Z"], 10),
        (#""TimestampPath":"$.t""#, ["t": "2020-01-01T00:00:00Z"], -222_163_200),
    ]

    @Test("waits in each of its forms until the instant, and not a moment less", arguments: forms)
    func form(_ form: String, _ input: JSON, _ seconds: Double) throws {
        let talk = try Conversation(
            #"{"StartAt":"W","States":{"W":{"Type":"Wait",\#(form),"End":true}}}"#, input: input)
        let until = Conversation.beginning + Instant(seconds * 1_000_000)
        #expect(
            talk.tell(.start) == [
                .executionStarted(talk.start), .entered("W", 1), .waitStarted(scope: 0, until: until),
            ])
        #expect(talk.execution.timers.map(\.at) == [until])
        if seconds > 0 {
            talk.wait(seconds: seconds - 0.000_001)
            #expect(talk.refuses(.timer(entry: 1)), "the timer is early")
        }
        #expect(try talk.ring() == [.exited(.input), .ended])
        #expect(talk.refuses(.timer(entry: 1)), "the timer has rung")
        #expect(try talk.replayed() == talk.execution)
    }

    @Test(
        "what is no time fails the state",
        arguments: [
            (#""SecondsPath":"$.s""#, ["s": "soon"]), (#""SecondsPath":"$.s""#, ["s": -1]),
            (#""SecondsPath":"$.s""#, [:]), (#""SecondsPath":"$.s""#, ["s": 100_000_000]),
            (#""SecondsPath":"$.s""#, ["s": .integer(Int64.max)]), (#""TimestampPath":"$.t""#, ["t": "tomorrow"]),
            (#""TimestampPath":"$.t""#, ["t": 5]),
        ] as [(String, JSON)])
    func noTime(_ form: String, _ input: JSON) throws {
        let talk = try Conversation(
            #"{"StartAt":"W","States":{"W":{"Type":"Wait",\#(form),"End":true}}}"#, input: input)
        talk.tell(.start)
        guard case .failed("States.Runtime", _) = talk.execution.outcome else {
            Issue.record("the execution stands at \(String(describing: talk.execution.outcome))")
            return
        }
    }

    @Test("OutputPath applies when the wait is over")
    func outputPath() throws {
        let talk = try Conversation(
            #"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"OutputPath":"$.a","End":true}}}"#,
            input: ["a": 1])
        talk.tell(.start)
        #expect(try talk.ring() == [.exited(.value(1)), .ended])
    }
}
