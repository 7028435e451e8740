import Interpreter
import JSON
import StatesLanguage
import Testing

/// Distributed Map states: a Map Run with child executions.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
@Suite("Map Runs")
struct MapRunTests {
    private func definition(_ fields: String = "", after: String = #""End":true"#) -> String {
        #"""
        {"StartAt":"M","States":{"M":{"Type":"Map",\#(fields)"ItemProcessor":{
          "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
          "StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},\#(after)}}}
        """#
    }

    /// Lets every child run to its end, as the engine does: an execution of its own.
    private func runChildren(_ talk: Conversation) throws {
        while let child = talk.execution.pendingChildren.first {
            let start = ExecutionStart(
                machineARN: child.machineARN, name: child.name, definitionHash: talk.start.definitionHash,
                input: child.input, seed: 9, parent: child.membership)
            let execution = Execution(id: child.name, start: start, machine: talk.machine, at: talk.now)
            let ended = decide(execution, .start, now: talk.now).execution
            let outcome = try #require(ended.outcome)
            talk.tell(.childExecutionEnded(entry: child.entry, index: child.index, outcome: outcome))
        }
    }

    private func lines(_ talk: Conversation) -> [String] {
        talk.history.events.map { "\($0.id) <- \($0.previousID) \($0.type)" }
    }

    @Test("each item gets a child execution, and their outputs are the result")
    func success() throws {
        let talk = try Conversation(definition(), input: ["a", "b"])
        let effects = talk.tell(.start)
        let arn = try #require(talk.execution.entry(1)?.branches?.mapRun?.arn)
        #expect(
            effects.suffix(3) == [
                .mapRunStarted(scope: 0, arn: arn, toleratedCount: nil, toleratedPercentage: nil),
                .childExecutionStarted(scope: 0, index: 0, itemCount: 1, input: .element(0)),
                .childExecutionStarted(scope: 0, index: 1, itemCount: 1, input: .element(1)),
            ])
        let children = talk.execution.pendingChildren
        #expect(children.map(\.input) == ["a", "b"])
        #expect(Set(children.map(\.name)).count == 2)
        let recovered = try talk.replayed().pendingChildren
        #expect(recovered == children, "a child has the same name after a recovery")
        try runChildren(talk)
        #expect(talk.execution.outcome == .succeeded(output: ["a", "b"]))
        #expect(try talk.replayed() == talk.execution)
        #expect(
            lines(talk) == [
                "1 <- 0 ExecutionStarted", "2 <- 0 MapStateEntered", "3 <- 2 MapStateStarted", "4 <- 3 MapRunStarted",
                "5 <- 4 MapRunSucceeded", "6 <- 5 MapStateSucceeded", "7 <- 5 MapStateExited",
                "8 <- 7 ExecutionSucceeded",
            ])
    }

    @Test("the names in ARNs: the Label, or one that the service makes")
    func names() throws {
        for (field, label) in [(#""Label":"mine","#, "mine"), ("", nil)] {
            let talk = try Conversation(definition(field), input: [1])
            talk.tell(.start)
            let child = try #require(talk.execution.pendingChildren.first)
            let run = child.membership.mapRunARN
            let parts = run.split(separator: ":")
            #expect(run.hasPrefix("arn:aws:states:us-east-1:000000000000:mapRun:test/"))
            let name = try #require(parts.dropLast().last).split(separator: "/")
            #expect(name[0] == "test" && name.count == 2)
            if let label { #expect(name[1] == label) }
            #expect(child.machineARN == "arn:aws:states:us-east-1:000000000000:stateMachine:test/\(name[1])")
            let event = try #require(talk.history.events.first { $0.type == "MapRunStarted" })
            #expect(event.details?.value == ["mapRunArn": .string(run)])
        }
    }

    @Test("ItemSelector makes the child's input; the child's context object has the item, and no outer variable")
    func child() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"X","States":{"X":{"Type":"Pass","End":true}}},
              {"StartAt":"M","States":{"M":{"Type":"Map","ItemSelector":{"v.$":"$$.Map.Item.Value"},"End":true,
                "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
                  "StartAt":"I","States":{"I":{"Type":"Pass","Parameters":{
                    "in.$":"$.v","item.$":"$$.Map.Item.Value","index.$":"$$.Map.Item.Index"},"End":true}}}}}}]}}}
            """#, input: ["x", "y"])
        talk.tell(.start)
        let children = talk.execution.pendingChildren
        #expect(children.map(\.input) == [["v": "x"], ["v": "y"]])
        #expect(children.map(\.isExpress) == [true, true])
        #expect(children[1].membership.processor == ["P", "1", "M"])
        try runChildren(talk)
        #expect(
            talk.execution.outcome
                == .succeeded(output: [
                    ["x", "y"],
                    [["in": "x", "item": "x", "index": 0], ["in": "y", "item": "y", "index": 1]],
                ]))
    }

    @Test("no more children at once than MaxConcurrency")
    func concurrency() throws {
        let talk = try Conversation(definition(#""MaxConcurrency":2,"#), input: [1, 2, 3])
        talk.tell(.start)
        #expect(talk.execution.pendingChildren.map(\.index) == [0, 1])
        talk.tell(.childExecutionEnded(entry: 1, index: 1, outcome: .succeeded(output: "b")))
        #expect(talk.execution.pendingChildren.map(\.index) == [0, 2])
        #expect(talk.refuses(.childExecutionEnded(entry: 1, index: 1, outcome: .succeeded(output: nil))))
        talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .succeeded(output: "a")))
        talk.tell(.childExecutionEnded(entry: 1, index: 2, outcome: .succeeded(output: "c")))
        #expect(talk.execution.outcome == .succeeded(output: ["a", "b", "c"]))
    }

    @Test("more children than go into one row are started from the next on")
    func paused() throws {
        let talk = try Conversation(definition(), input: .array((0..<2500).map { .integer($0) }))
        talk.tell(.start)
        #expect(talk.yields && talk.execution.pendingChildren.count == 1000)
        talk.tell(.childExecutionEnded(entry: 1, index: 3, outcome: .succeeded(output: nil)))
        #expect(talk.yields && talk.execution.pendingChildren.count == 1999)
        talk.tell(.proceed)
        #expect(!talk.yields && talk.execution.pendingChildren.count == 2499)
        #expect(try talk.replayed() == talk.execution)
    }

    /// "If you specify both, the workflow fails when either threshold is exceeded."
    @Test(
        "thresholds of failed items; without one, each failure fails the Map Run",
        arguments: [
            ("", 0), (#""ToleratedFailureCount":1,"#, 1), (#""ToleratedFailurePercentage":50,"#, 2),
            (#""ToleratedFailureCount":3,"ToleratedFailurePercentage":25,"#, 1),
            (#""ToleratedFailureCount":1,"ToleratedFailurePercentage":100,"#, 1),
        ])
    func tolerated(_ fields: String, _ tolerated: Int) throws {
        let talk = try Conversation(definition(fields), input: [1, 2, 3, 4])
        talk.tell(.start)
        for index in 0..<tolerated {
            talk.tell(.childExecutionEnded(entry: 1, index: index, outcome: .failed(error: "E", cause: "C")))
            #expect(talk.execution.isOpen)
        }
        talk.tell(.childExecutionEnded(entry: 1, index: tolerated, outcome: .timedOut(error: nil, cause: nil)))
        #expect(
            talk.execution.outcome
                == .failed(
                    error: "States.ExceedToleratedFailureThreshold",
                    cause: "The specified tolerated failure threshold was exceeded"))
        #expect(talk.execution.pendingChildren.isEmpty)
        #expect(
            lines(talk).suffix(3) == ["5 <- 4 MapRunFailed", "6 <- 5 MapStateFailed", "7 <- 6 ExecutionFailed"])
        #expect(try talk.replayed() == talk.execution)
    }

    @Test(
        "a batch is the input of a child, by count and by bytes; failed items are counted, not batches",
        arguments: [
            (#""MaxItemsPerBatch":2"#, [2, 2, 1]), (#""MaxInputBytesPerBatch":38"#, [3, 2]),
            (#""MaxInputBytesPerBatch":1"#, [1, 1, 1, 1, 1]), (#""MaxItemsPerBatchPath":"$.n""#, [3, 2]),
            (#""MaxItemsPerBatchPath":"$.all""#, [5]),
        ])
    func batches(_ field: String, _ sizes: [Int]) throws {
        let talk = try Conversation(
            definition(
                #""ItemsPath":"$.items","ItemBatcher":{\#(field),"BatchInput":{"k":1}},"ToleratedFailureCount":2,"#),
            input: ["items": [1, 2, 3, 4, 5], "n": 3, "all": .integer(Int64.max)])
        talk.tell(.start)
        let children = talk.execution.pendingChildren
        #expect(children.map { $0.input["Items"]?.arrayValue?.count ?? 0 } == sizes)
        #expect(children[0].input["BatchInput"] == ["k": 1])
        #expect(children.flatMap { $0.input["Items"]?.arrayValue ?? [] } == [1, 2, 3, 4, 5])
        if sizes[0] == 3 {
            talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .failed(error: nil, cause: nil)))
            #expect(talk.execution.outcome?.status == "FAILED")
            return
        }
        try runChildren(talk)
        guard case .succeeded(let output) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
        #expect(output.arrayValue?.count == sizes.count)
        #expect(try talk.replayed() == talk.execution)
    }

    // MARK: Reading and writing

    private let reader = #"""
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
          "ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a"],"MaxItemsPath":"$.max"},
          "Parameters":{"Bucket.$":"$.b","Key":"k"}},
        """#

    @Test("an ItemReader's request stands in the execution until it is answered")
    func reading() throws {
        let talk = try Conversation(definition(reader), input: ["b": "bucket", "max": 2])
        talk.tell(.start)
        guard case .readItems(let entry, let request)? = talk.execution.pendingIO.first else {
            Issue.record("nothing is read")
            return
        }
        #expect(entry == 1 && request.bucket == "bucket" && request.key == "k" && request.prefix == nil)
        #expect(request.inputType == .csv && request.csv?.headers == ["a"] && request.maxItems == 2)
        #expect(try talk.replayed().pendingIO == talk.execution.pendingIO)
        let started = try #require(talk.history.events.first { $0.type == "MapStateStarted" })
        #expect(started.details?.value == ["length": 0])
        talk.tell(.itemsRead(entry: 1, items: [["a": "1"]]))
        #expect(talk.execution.pendingIO.isEmpty)
        #expect(talk.refuses(.itemsRead(entry: 1, items: [])))
        try runChildren(talk)
        #expect(talk.execution.outcome == .succeeded(output: [["a": "1"]]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test(
        "items that can't be read fail the Map Run",
        arguments: [
            (.itemReadFailed(entry: 1, error: "States.ItemReaderFailed", cause: "gone"), "gone"),
            (.itemsRead(entry: 1, items: ["an": "object"]), "Attempting to map over non-iterable node."),
        ] as [(Event, String)])
    func unreadable(_ event: Event, _ cause: String) throws {
        let talk = try Conversation(definition(reader), input: ["b": "bucket", "max": 0])
        talk.tell(.start)
        talk.tell(event)
        #expect(talk.execution.outcome == .failed(error: "States.ItemReaderFailed", cause: cause))
        #expect(
            lines(talk).suffix(3) == ["5 <- 4 MapRunFailed", "6 <- 5 MapStateFailed", "7 <- 6 ExecutionFailed"])
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("no items: the Map Run succeeds at once")
    func empty() throws {
        let talk = try Conversation(definition(), input: [])
        talk.tell(.start)
        #expect(talk.execution.outcome == .succeeded(output: []))
    }

    @Test("a ResultWriter's request has the children's results; what the engine says of them is the state's result")
    func writing() throws {
        let talk = try Conversation(
            definition(
                #"""
                "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"p"}},
                """#), input: ["a", "b"])
        talk.tell(.start)
        try runChildren(talk)
        guard case .writeResults(let entry, let request)? = talk.execution.pendingIO.first else {
            Issue.record("nothing is written")
            return
        }
        #expect(entry == 1 && request.bucket == "b" && request.prefix == "p" && request.outputType == .json)
        #expect(try talk.replayed().pendingIO == talk.execution.pendingIO)
        let results = talk.execution.childResults(of: 1)
        #expect(results.map(\.result.outcome) == [.succeeded(output: "a"), .succeeded(output: "b")])
        #expect(results[0].child.arn.hasSuffix(":" + results[0].child.name))
        talk.tell(.resultsWritten(entry: 1, output: ["MapRunArn": "run"]))
        #expect(talk.execution.outcome == .succeeded(output: ["MapRunArn": "run"]))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test(
        "WriterConfig shapes results that stay in the state's output",
        arguments: [("COMPACT", [[1, 2], 3]), ("FLATTEN", [1, 2, 3])] as [(String, JSON)])
    func formatted(_ transformation: String, _ expected: JSON) throws {
        let talk = try Conversation(
            definition(
                #""ResultWriter":{"WriterConfig":{"Transformation":"\#(transformation)","OutputType":"JSON"}},"#),
            input: [[1, 2], 3])
        talk.tell(.start)
        try runChildren(talk)
        #expect(talk.execution.outcome == .succeeded(output: expected))
    }

    @Test("a Catch takes a failed Map Run; a Retry starts another, with a name of its own")
    func retry() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{
              "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
              "StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},"End":true,
              "Retry":[{"ErrorEquals":["States.ExceedToleratedFailureThreshold"],"MaxAttempts":1}],
              "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}]},"Z":{"Type":"Succeed"}}}
            """#, input: [1, 2])
        talk.tell(.start)
        let first = try #require(talk.execution.pendingChildren.first)
        talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .failed(error: "E", cause: nil)))
        #expect(talk.execution.pendingChildren.isEmpty, "the others are given up")
        try talk.ring()
        let second = try #require(talk.execution.pendingChildren.first)
        #expect(first.membership.mapRunARN != second.membership.mapRunARN)
        talk.tell(.childExecutionEnded(entry: 1, index: 1, outcome: .failed(error: "E", cause: nil)))
        guard case .succeeded(let output) = talk.execution.outcome else {
            Issue.record("\(String(describing: talk.execution.outcome))")
            return
        }
        #expect(output["Error"] == "States.ExceedToleratedFailureThreshold")
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a redrive redrives the children that did not succeed, under the same Map Run")
    func redrive() throws {
        let talk = try Conversation(definition(#""MaxConcurrency":2,"#), input: ["a", "b", "c", "d"])
        talk.tell(.start)
        let arn = try #require(talk.execution.entry(1)?.branches?.mapRun?.arn)
        let names = talk.execution.pendingChildren.map(\.name)
        talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .succeeded(output: "A")))
        #expect(talk.execution.pendingChildren.map(\.index) == [1, 2])
        talk.tell(.childExecutionEnded(entry: 1, index: 1, outcome: .failed(error: "E", cause: nil)))
        #expect(talk.execution.outcome?.status == "FAILED" && talk.execution.pendingChildren.isEmpty)
        let ended = talk.history.events.count
        #expect(
            talk.tell(.redrive(count: 1, token: nil)) == [
                .executionRedriven(count: 1, token: nil), .mapRunRedriven(scope: 0),
                .childExecutionRedriven(scope: 0, index: 1), .childExecutionRedriven(scope: 0, index: 2),
            ])
        #expect(talk.execution.entry(1)?.branches?.mapRun?.arn == arn)
        #expect(talk.execution.pendingChildren.map(\.redrives) == [1, 1])
        #expect(talk.execution.pendingChildren[0].name == names[1], "a STANDARD child is the same execution")
        #expect(talk.refuses(.childExecutionEnded(entry: 1, index: 1, outcome: .failed(error: "E", cause: nil))))
        #expect(
            talk.refuses(.childExecutionEnded(entry: 1, index: 1, outcome: .aborted(error: nil, cause: nil))),
            "what an earlier try gave is known")
        talk.tell(.childExecutionEnded(entry: 1, index: 1, outcome: .succeeded(output: "B"), redrives: 1))
        #expect(talk.execution.pendingChildren.map(\.index) == [2, 3], "what had not been started starts")
        // It had succeeded before it was told that nobody waits for it.
        talk.tell(.childExecutionEnded(entry: 1, index: 2, outcome: .succeeded(output: "C")))
        talk.tell(.childExecutionEnded(entry: 1, index: 3, outcome: .failed(error: "E", cause: nil)))
        #expect(talk.execution.outcome?.status == "FAILED")
        talk.tell(.redrive(count: 2, token: nil))
        talk.tell(.childExecutionEnded(entry: 1, index: 3, outcome: .succeeded(output: "D"), redrives: 1))
        #expect(talk.execution.outcome == .succeeded(output: ["A", "B", "C", "D"]))
        #expect(try talk.replayed() == talk.execution)
        let redriven = talk.history.events.filter { $0.type == "MapRunRedriven" }
        #expect(
            redriven.map(\.details?.value) == [
                ["mapRunArn": .string(arn), "redriveCount": 1], ["mapRunArn": .string(arn), "redriveCount": 2],
            ])
        #expect(redriven.first?.id == ended + 2 && redriven.first?.previousID == ended + 1)
    }

    @Test("an EXPRESS child that is redriven is another execution each time")
    func redriveExpress() throws {
        let express = definition().replacing("STANDARD", with: "EXPRESS")
        let talk = try Conversation(express, input: ["a"])
        talk.tell(.start)
        let first = try #require(talk.execution.pendingChildren.first)
        talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .failed(error: "E", cause: nil)))
        talk.tell(.redrive(count: 1, token: nil))
        let second = try #require(talk.execution.pendingChildren.first)
        #expect(first.name != second.name && first.input == second.input)
        #expect(first.membership.generation == 0 && second.membership.generation == 1)
    }

    @Test("a Map Run that could not read its items reads them after a redrive")
    func redriveReader() throws {
        let talk = try Conversation(
            definition(
                #""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},"Parameters":{"Bucket":"b","Key":"k"}},"#
            ))
        talk.tell(.start)
        talk.tell(.itemReadFailed(entry: 1, error: "States.ItemReaderFailed", cause: "gone"))
        #expect(talk.execution.outcome?.status == "FAILED")
        talk.tell(.redrive(count: 1, token: nil))
        #expect(talk.execution.pendingIO.count == 1)
        #expect(try talk.replayed() == talk.execution)
        talk.tell(.itemsRead(entry: 1, items: ["a"]))
        try runChildren(talk)
        #expect(talk.execution.outcome == .succeeded(output: ["a"]))
    }

    @Test("UpdateMapRun lets more children run, or ends what has failed too often by the new thresholds")
    func update() throws {
        let talk = try Conversation(
            definition(#""MaxConcurrency":1,"ToleratedFailureCount":2,"#), input: [1, 2, 3, 4])
        talk.tell(.start)
        #expect(talk.execution.pendingChildren.count == 1)
        talk.tell(.mapRunUpdated(entry: 1, maxConcurrency: 3, toleratedCount: nil, toleratedPercentage: nil))
        #expect(talk.execution.pendingChildren.count == 3)
        talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .failed(error: "E", cause: nil)))
        #expect(talk.execution.isOpen)
        talk.tell(.mapRunUpdated(entry: 1, maxConcurrency: nil, toleratedCount: 0, toleratedPercentage: nil))
        #expect(talk.execution.outcome?.status == "FAILED")
        #expect(
            talk.refuses(.mapRunUpdated(entry: 1, maxConcurrency: 1, toleratedCount: nil, toleratedPercentage: nil)))
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a Retry starts the children anew, as other executions")
    func retriedChildren() throws {
        let talk = try Conversation(
            definition(#""Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}],"#), input: ["a"])
        talk.tell(.start)
        let first = try #require(talk.execution.pendingChildren.first)
        talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .failed(error: "E", cause: nil)))
        try talk.ring()
        let second = try #require(talk.execution.pendingChildren.first)
        #expect(first.name != second.name && first.input == second.input)
        #expect(first.membership.mapRunNumber == 0 && second.membership.mapRunNumber == 1)
        #expect(first.membership.mapRunARN != second.membership.mapRunARN)
        #expect(try talk.replayed() == talk.execution)
    }

    @Test("a state that failed before its Map Run began is evaluated anew")
    func redriveBeforeMapRun() throws {
        let talk = try Conversation(
            definition(#""ToleratedFailureCountPath":"$.none","ItemsPath":"$.items","#), input: ["items": ["a"]])
        talk.tell(.start)
        #expect(talk.execution.outcome?.status == "FAILED")
        #expect(talk.tell(.redrive(count: 1, token: nil)).contains(.stateRedriven(scope: 0)))
        #expect(talk.execution.outcome?.status == "FAILED" && talk.execution.pendingChildren.isEmpty)
        #expect(try talk.replayed() == talk.execution)
    }
}
