import Glibc
import Interpreter
import JSON
import StatesLanguage

/// What the interpreter costs by itself: no journal, no network, one core. Processor time.
///
/// `swift run -c release --package-path Benchmarks interpreter-benchmark`
@main
struct InterpreterBenchmark {
    static func main() throws {
        try measureLoop()
        try measureHistory()
        try measureMaps()
        try measureAnswers()
    }

    /// Ten Pass states in a circle that a Choice state closes: states a second, without data and with what an author would
    /// write.
    private static func measureLoop() throws {
        for (name, fields, language) in [
            ("nothing to evaluate", "", "JSONPath"),
            (
                "Parameters with two paths and an intrinsic function",
                #""Parameters":{"n.$":"$.n","id.$":"$$.Execution.Name","next.$":"States.MathAdd($.n, 1)"},"#, "JSONPath"
            ),
            (
                "JSONata Output with two expressions",
                #""Output":{"n":"{% $states.input.n %}","next":"{% $states.input.n + 1 %}"},"#, "JSONata"
            ),
        ] {
            let states = (0..<10).map {
                #""S\#($0)":{"Type":"Pass",\#(fields)"Next":"\#($0 < 9 ? "S\($0 + 1)" : "C")"}"#
            }
            let choice =
                language == "JSONata"
                ? #"{"Condition":"{% $states.input.n < 0 %}","Next":"Z"}"#
                : #"{"Variable":"$.n","NumericLessThan":0,"Next":"Z"}"#
            let definition = #"""
                {"QueryLanguage":"\#(language)","StartAt":"S0","States":{\#(states.joined(separator: ",")),
                  "C":{"Type":"Choice","Choices":[\#(choice)],"Default":"S0"},"Z":{"Type":"Succeed"}}}
                """#
            var execution = try begin(definition, input: ["n": 1])
            var entered = 0
            let seconds = time {
                var event = Event.start
                while entered < 200_000 {
                    let decision = decide(execution, event, now: execution.at)
                    execution = decision.execution
                    entered += statesPerDecision
                    event = .proceed
                }
            }
            print("circle of 10 Pass states and a Choice, \(name): \(Int(Double(entered) / seconds)) states/s")
        }
    }

    /// Events of the history, and what one more costs: deciding it and telling it.
    private static func measureHistory() throws {
        let definition = #"""
            {"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},
              "B":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericLessThan":0,"Next":"Z"}],"Default":"A"},
              "Z":{"Type":"Succeed"}}}
            """#
        var execution = try begin(definition, input: ["n": 1])
        var history = History()
        var event = Event.start
        var mark = 10
        var last = 0
        var spent = 0.0
        while mark <= 100_000 {
            spent += time {
                let decision = decide(execution, event, now: execution.at)
                for effect in decision.effects { history.advance(&execution, by: effect, at: execution.at) }
                event = .proceed
            }
            if history.events.count >= mark {
                let count = history.events.count
                print("history of \(count) events: \(micros(spent, count - last)) us/event")
                (last, spent, mark) = (count, 0, mark * 10)
            }
        }
    }

    /// A Map state whose items all run at once: what an event costs from its start to its end.
    private static func measureMaps() throws {
        for (mode, processor) in [
            ("INLINE, Pass", #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#),
            ("INLINE, MaxConcurrency 10", #"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#),
        ] {
            let limit = mode.hasSuffix("10") ? #""MaxConcurrency":10,"# : ""
            let definition =
                #"{"StartAt":"M","States":{"M":{"Type":"Map",\#(limit)"End":true,"ItemProcessor":\#(processor)}}}"#
            // The first run pays for what is made once.
            for count in [1, 10, 100, 1_000, 10_000] {
                var execution = try begin(definition, input: .array((0..<count).map { .integer($0) }))
                var history = History()
                let seconds = time {
                    var event = Event.start
                    while execution.isOpen {
                        let decision = decide(execution, event, now: execution.at)
                        for effect in decision.effects { history.advance(&execution, by: effect, at: execution.at) }
                        event = .proceed
                    }
                }
                if count > 1 {
                    print("Map of \(count) items, \(mode): \(micros(seconds, execution.eventCount)) us/event")
                }
            }
        }
    }

    /// A Map state whose tasks are all open: what an answer costs that comes while the others wait.
    private static func measureAnswers() throws {
        let definition = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"T","States":{
              "T":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}}}}
            """#
        for count in [10, 100, 1_000, 10_000] {
            var execution = try begin(definition, input: .array((0..<count).map { .integer($0) }))
            var event = Event.start
            repeat {
                let decision = decide(execution, event, now: execution.at)
                execution = decision.execution
                event = .proceed
                if !decision.yields { break }
            } while true
            let before = execution.eventCount
            let seconds = time {
                for entry in 2..<(count + 2) {
                    execution =
                        decide(
                            execution, .handOut(entry: entry, worker: "w", incarnation: "i", nonce: "n"),
                            now: execution.at
                        ).execution
                    execution =
                        decide(execution, .taskSucceeded(entry: entry, nonce: "n", output: 1), now: execution.at)
                        .execution
                }
            }
            print("\(count) open tasks: \(micros(seconds, execution.eventCount - before)) us/event of their answers")
        }
    }

    private static func begin(_ definition: String, input: JSON) throws -> Execution {
        guard let machine = Definition.read(json: definition).machine else {
            preconditionFailure("the definition is not valid: \(Definition.read(json: definition).diagnostics)")
        }
        let start = ExecutionStart(
            machineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:bench", name: "one", definitionHash: "0",
            input: input, seed: 1)
        return Execution(id: "one", start: start, definition: MachinePlan(machine), at: 1_800_000_000_000_000)
    }

    private static func micros(_ seconds: Double, _ count: Int) -> String {
        let hundredths = Int((seconds * 1e8 / Double(max(count, 1))).rounded())
        return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
    }

    /// Processor seconds: other programs on the machine don't count.
    private static func time(_ body: () -> Void) -> Double {
        let before = processorSeconds
        body()
        return processorSeconds - before
    }

    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
