import Interpreter
import JSON
import StatesLanguage
import Testing
import YAML

@Suite struct SimulationTests {
    static func machine(_ yaml: String) throws -> StateMachine {
        let reading = Definition.read(try YAMLDocument.parse(Array(yaml.utf8)))
        return try #require(reading.machine, "\(reading.diagnostics)")
    }

    static func mocks(_ yaml: String, for machine: StateMachine) throws -> Mocks {
        let (mocks, problems) = Mocks.read(try YAMLDocument.parse(Array(yaml.utf8)), for: machine)
        return try #require(mocks, "\(problems.map { $0.text(file: "m") })")
    }

    static func run(
        _ definition: String, _ mocks: String, input: JSON? = nil,
        in surroundings: Simulation.Surroundings = Simulation.Surroundings()
    ) throws -> SimulationReport {
        let machine = try machine(definition)
        return Simulation.run(
            machine, name: "m", input: input, mocks: try self.mocks(mocks, for: machine), in: surroundings)
    }

    static let task = """
        StartAt: A
        States:
          A: {Type: Task, Resource: "arn:aws:states:::showrunner:work", TimeoutSeconds: 60, HeartbeatSeconds: 20,
            Retry: [{ErrorEquals: [States.ALL], IntervalSeconds: 5, BackoffRate: 3, MaxAttempts: 2}], End: true}
        """

    /// Answers of a task, and how and when the execution ends.
    @Test(
        arguments: [
            ("{result: 1}", #"SUCCEEDED 1"#, 0),
            ("{result: 1, after: 2.5}", #"SUCCEEDED 1"#, 2.5),
            ("[{error: E}, {result: 2}]", "SUCCEEDED 2", 5),
            ("[{error: E, times: 2}, {result: 3}]", "SUCCEEDED 3", 20),
            ("{error: E, cause: c, after: 1}", "FAILED E", 23),
            // A heartbeat is missed before the time is up.
            ("{never: true}", "FAILED States.HeartbeatTimeout", 80),
            // An answer that comes too late is none; signs of life come until then.
            ("[{result: 1, after: 61}, {result: 2}]", "SUCCEEDED 2", 65),
            // At the very end it is in time.
            ("{result: 1, after: 60}", "SUCCEEDED 1", 60),
            (#"{result: {a: "{% $states.input.x + 1 %}", b: "plain"}}"#, #"SUCCEEDED {"a":8,"b":"plain"}"#, 0),
            (#"{result: "{% $states.context.State.RetryCount %}"}"#, "SUCCEEDED 0", 0),
        ] as [(String, String, Double)])
    func answersATask(answers: String, ending: String, seconds: Double) throws {
        let report = try Self.run(Self.task, "states: {A: \(answers)}", input: ["x": 7])
        let said =
            switch try #require(report.outcome, "\(String(describing: report.halt))") {
            case .succeeded(let output): "SUCCEEDED \(output.text)"
            case .failed(let error, _), .timedOut(let error, _), .aborted(let error, _): "FAILED \(error ?? "")"
            }
        #expect(said == ending)
        #expect(report.seconds == seconds)
    }

    @Test func theSameMocksGiveTheSameHistory() throws {
        let definition = """
            QueryLanguage: JSONata
            StartAt: A
            States:
              A: {Type: Pass, Output: {u: "{% $uuid() %}", r: "{% $random() %}", t: "{% $now() %}"}, End: true}
            """
        let first = try Self.run(definition, "clock: 2026-03-14T01:59:00Z")
        #expect(try Self.run(definition, "clock: 2026-03-14T01:59:00Z").json == first.json)
        #expect(first.json["output"]?["t"] == "2026-03-14T01:59:00.000Z")
        #expect(try Self.run(definition, "seed: 2").json["output"] != first.json["output"])
    }

    @Test func aMachineHasItsTimeout() throws {
        let report = try Self.run(
            "TimeoutSeconds: 100\nStartAt: A\nStates: {A: {Type: Wait, Seconds: 500, End: true}}",
            "expect: {status: TIMED_OUT, seconds: 100}")
        #expect(report.isAsExpected, "\(report.summary)")
    }

    // MARK: - Map Runs

    static let distributed = """
        StartAt: M
        States:
          M:
            Type: Map
            ItemReader: {Resource: "arn:aws:states:::s3:listObjectsV2", Parameters: {Bucket: b, Prefix: p}}
            MaxConcurrency: 2
            ToleratedFailurePercentage: 50
            ItemProcessor:
              ProcessorConfig: {Mode: DISTRIBUTED, ExecutionType: STANDARD}
              StartAt: T
              States:
                T: {Type: Task, Resource: "arn:aws:states:us-east-1:000000000000:activity:t", Next: W}
                W: {Type: Wait, Seconds: 10, End: true}
            ResultWriter: {Resource: "arn:aws:states:::s3:putObject", Parameters: {Bucket: out, Prefix: q}}
            Catch: [{ErrorEquals: [States.ItemReaderFailed], Next: None}]
            End: true
          None: {Type: Pass, Result: none, End: true}
        """

    @Test func childExecutionsRunSideBySide() throws {
        let report = try Self.run(
            Self.distributed,
            """
            states:
              M: {reads: [{Key: a}, {Key: b}, {Key: c}, {Key: d}]}
              T: {result: 1, after: 5, items: {2: {error: E}}}
            expect: {outputContains: {ResultWriterDetails: {Bucket: out}}, calls: {T: 4}, seconds: 30}
            """)
        #expect(report.isAsExpected, "\(report.summary)")
        #expect(report.children.map(\.status) == ["SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED"])
        #expect(report.children.allSatisfy { $0.history.first?.type == "ExecutionStarted" })
        #expect(report.children.allSatisfy { $0.mapRunARN.contains(":mapRun:m/") })
    }

    @Test func tooManyFailuresEndTheOthers() throws {
        let report = try Self.run(
            Self.distributed,
            """
            states:
              M: {reads: [1, 2, 3, 4], writes: {done: true}}
              T: {items: {0: {error: E}, 1: {error: E, after: 1}, 2: {error: E, after: 1}}, others: {result: 1}}
            expect: {error: States.ExceedToleratedFailureThreshold}
            """)
        #expect(report.isAsExpected, "\(report.summary)")
        #expect(report.children.map(\.status) == ["FAILED", "FAILED", "FAILED", "ABORTED"])
    }

    @Test func readingFails() throws {
        let report = try Self.run(
            Self.distributed, "states: {M: {error: States.ItemReaderFailed, cause: gone}}\nexpect: {output: none}")
        #expect(report.isAsExpected, "\(report.summary)")
    }

    // MARK: - What cannot go on

    @Test(arguments: [
        (task, "{}", "Simulation.NotMocked", "'A' calls arn:aws:states:::showrunner:work"),
        (task, "states: {A: {error: E, times: 2}}", "Simulation.NotMocked", "call number 3"),
        (task, #"states: {A: {result: "{% $states.nothing %}"}}"#, "Simulation.ResultFailed", "line 1"),
        (distributed, "states: {T: {result: 1}}", "Simulation.NotMocked", "reads: [...]"),
        (
            "StartAt: A\nStates: {A: {Type: Task, Resource: 'a:b:c', End: true}}", "states: {A: {never: true}}",
            "Simulation.WaitsForEver", "'A'"
        ),
        (
            "StartAt: A\nStates: {A: {Type: Pass, Next: B}, B: {Type: Choice, Choices: [{Variable: $.x, IsPresent: true, Next: C}], Default: A}, C: {Type: Succeed}}",
            "{}", "Simulation.TooLong", "round in circles"
        ),
    ])
    func haltsWithAReason(definition: String, mocks: String, name: String, words: String) throws {
        let report = try Self.run(definition, mocks, in: Simulation.Surroundings(maximumEvents: 500))
        let halt = try #require(report.halt)
        #expect(halt.name == name)
        #expect(halt.reason.contains(words), "\(halt.reason)")
        #expect(!report.isAsExpected)
        #expect(report.json["status"] == "HALTED")
    }

    @Test func tellsWhatAStepWouldRefuse() throws {
        let surroundings = Simulation.Surroundings(
            argumentProblems: { resource, arguments in
                resource.hasSuffix(":work") && arguments["source"] == nil ? ["work needs 'source'"] : []
            }, resultShape: { _ in .structure([ResultShape.Field("frames", .number, required: true)]) })
        let report = try Self.run(Self.task, "states: {A: {result: {frames: many}}}", in: surroundings)
        #expect(
            report.problems == [
                "the arguments of 'A' do not fit its step: work needs 'source'",
                "the mocked result of 'A' (line 1) is not what its step gives: Field 'frames' must be a number",
            ])
        #expect(!report.isAsExpected)
    }

    // MARK: - Expectations

    @Test(
        arguments: [
            ("{status: FAILED}", "the execution ended SUCCEEDED, not FAILED"),
            ("{output: 2}", #"the output is {"a":1,"b":[{"c":2,"d":3}]}, not 2"#),
            ("{outputContains: {b: [{c: 2}]}}", nil),
            ("{outputContains: {b: [{c: 2}, {}]}}", "does not contain"),
            ("{visited: [B]}", "'B' was not visited"),
            ("{notVisited: [A]}", "'A' was visited"),
            ("{calls: {A: 2}}", "'A' was called 1 times, not 2"),
            ("{seconds: 3}", "it took 0.0 s, not 3.0 s"),
        ] as [(String, String?)])
    func comparesWithWhatIsExpected(expectation: String, disappointment: String?) throws {
        let definition = """
            StartAt: A
            States:
              A: {Type: Task, Resource: 'a:b:c', Catch: [{ErrorEquals: [E], Next: B}], End: true}
              B: {Type: Succeed}
            """
        let report = try Self.run(
            definition, "states: {A: {result: {a: 1, b: [{c: 2, d: 3}]}}}\nexpect: \(expectation)")
        if let disappointment {
            #expect(report.disappointments.count == 1)
            #expect(report.disappointments.first?.contains(disappointment) == true, "\(report.disappointments)")
        } else {
            #expect(report.isAsExpected, "\(report.disappointments)")
        }
    }

    /// Mistakes of the mocks, one a case, with the place at which they are told.
    @Test(arguments: [
        ("stats: {}", "1:1", "did you mean 'states'?"),
        ("clock: yesterday", "1:8", "no timestamp"),
        ("seed: -1", "1:7", "whole number from 0"),
        ("states: [1]", "1:9", "states by name"),
        ("states: {B: {result: 1}}", "1:10", "no state 'B'"),
        ("states: {A: 5}", "1:13", "an answer or a list"),
        ("states: {A: []}", "1:13", "answers nothing"),
        ("states: {A: {}}", "1:13", "neither result nor error"),
        ("states: {A: {result: 1, never: true}}", "1:13", "result and never"),
        ("states: {A: {result: 1, cause: x}}", "1:32", "belongs to an error"),
        ("states: {A: {never: false}}", "1:21", "Expected true"),
        ("states: {A: {error: 5}}", "1:21", "Expected a text"),
        ("states: {A: {result: 1, after: -1}}", "1:32", "seconds from 0"),
        ("states: {A: {result: 1, times: 0}}", "1:32", "from 1 on"),
        ("states: {A: {result: 1, result: 2}}", "1:25", "twice"),
        ("states: {A: {result: [1, '{% $x + %}']}}", "1:34", "Unexpected end"),
        ("states: {A: {items: [1]}}", "1:21", "number of the item"),
        ("states: {A: {items: {x: {result: 1}}}}", "1:22", "counted from 0"),
        ("expect: {status: RUNNING}", "1:18", "SUCCEEDED, FAILED, TIMED_OUT"),
        ("expect: {output: 1, error: E}", "1:9", "has no output"),
        ("expect: {status: SUCCEEDED, cause: c}", "1:9", "has no error"),
        ("expect: {visited: [Z]}", "1:20", "no state 'Z'"),
        ("expect: {calls: {A: many}}", "1:21", "whole number"),
        ("expect: {calls: [A]}", "1:17", "by state"),
        ("5", "1:1", "Expected an object"),
    ])
    func tellsMistakesOfTheMocks(mocks: String, place: String, words: String) throws {
        let (read, problems) = Mocks.read(
            try YAMLDocument.parse(Array(mocks.utf8)), for: try Self.machine(Self.task))
        #expect(read == nil)
        let texts = problems.map { $0.text(file: "m.yaml") }
        #expect(texts.count == 1, "\(texts)")
        #expect(texts.first?.hasPrefix("m.yaml:\(place): error: ") == true, "\(texts)")
        #expect(texts.first?.contains(words) == true, "\(texts)")
    }

    @Test func onlyWhatCallsIsMocked() throws {
        let definition = """
            StartAt: P
            States:
              P: {Type: Pass, Next: M}
              M: {Type: Map, ItemProcessor: {StartAt: S, States: {S: {Type: Succeed}}}, End: true}
            """
        let machine = try Self.machine(definition)
        for (name, words) in [("P", "calls nothing"), ("M", "from its input")] {
            let tree = try YAMLDocument.parse(Array("states: {\(name): {result: 1}}".utf8))
            #expect(Mocks.read(tree, for: machine).problems.first?.message.contains(words) == true)
        }
    }

    @Test func saysHowLongItTook() throws {
        let report = try Self.run(
            "StartAt: A\nStates: {A: {Type: Wait, Seconds: 3661, End: true}}", "{}", input: [:])
        #expect(report.summary.first == "SUCCEEDED after 1 h 1 min 1 s, 1 state entered, 0 calls answered")
        #expect(
            report.historyTable.map { $0[1] }.dropFirst() == [
                "ExecutionStarted", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded",
            ])
    }
}
