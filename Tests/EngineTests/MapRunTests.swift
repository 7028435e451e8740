@testable import Engine
import Interpreter
import JSON
import Journal
import Postgres
import Synchronization
import Testing
import WorkerProtocol

/// Objects in memory, by `bucket/key`.
private final class MemoryBuckets: ItemSource, ResultSink {
    let objects = Mutex<[String: [UInt8]]>([:])

    init(_ objects: [String: String] = [:]) {
        self.objects.withLock { $0 = objects.mapValues { Array($0.utf8) } }
    }

    func object(bucket: String, key: String, maximumBytes: Int) async throws(StorageRefusal) -> [UInt8] {
        guard let bytes = objects.withLock({ $0["\(bucket)/\(key)"] }) else {
            throw StorageRefusal(message: "There is no \(key) in \(bucket).")
        }
        return bytes
    }

    /// Two a page, so that there are pages.
    func objects(bucket: String, prefix: String, after: String?) async throws(StorageRefusal) -> ListedObjects {
        let keys = objects.withLock { Array($0.keys) }.filter { $0.hasPrefix("\(bucket)/\(prefix)") }
            .map { String($0.dropFirst(bucket.count + 1)) }.filter { $0 > after ?? "" }.sorted()
        return ListedObjects(
            items: keys.prefix(2).map { ["Key": .string($0), "Size": 1] }, next: keys.count > 2 ? keys[1] : nil)
    }

    func put(_ bytes: [UInt8], bucket: String, key: String, contentType: String) async throws(StorageRefusal) {
        objects.withLock { $0["\(bucket)/\(key)"] = bytes }
    }

    func text(_ name: String) -> String? { objects.withLock { $0[name].map { String(decoding: $0, as: UTF8.self) } } }
}

/// A machine of one distributed Map state.
private func map(
    _ fields: String, states: String = #""P":{"Type":"Pass","End":true}"#, start: String = "P"
) -> String {
    #"""
    {"StartAt":"Map","States":{"Map":{"Type":"Map","Label":"L",\#(fields)
      "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"\#(start)","States":{\#(states)}},"End":true}}}
    """#
}

private let taskStates = #""T":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}"#

@Suite("Map Runs", .timeLimit(.minutes(3)))
struct MapRunTests {
    /// Waits for an execution's end.
    private func end(of run: String, on engine: Engine) async throws -> RunDetail {
        let updates = await engine.updates(of: run)
        let now = try await engine.run(run)
        if now.run.status != .running { return now }
        for await update in updates where update.run.status != .running { break }
        return try await engine.run(run)
    }

    private func serve(
        _ stage: Stage, _ incarnation: String, _ machines: [String: String] = [:], buckets: MemoryBuckets? = nil,
        limits: Engine.Limits = Engine.Limits()
    ) async throws -> (engine: Engine, journal: Journal) {
        try await stage.engine(incarnation, machines: machines, buckets: buckets, limits: limits)
    }

    @Test("each item has an execution of its own, listed under its Map Run")
    func children() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map(#""MaxConcurrency":2,"#)])
        let engine = first.engine
        let started = try await engine.start(machine: "m", name: "one", input: #"[{"n":1},{"n":2},{"n":3}]"#)
        let detail = try await end(of: started.execution.executionARN, on: engine)
        #expect(detail.output == [["n": 1], ["n": 2], ["n": 3]])
        let history = try await engine.history(detail.run.id, isReversed: false, limit: 100, after: nil)
        #expect(
            history.events.map(\.type) == [
                "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded",
                "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded",
            ])
        let arn = try #require(history.events[3].details?.value["mapRunArn"]?.stringValue)
        let children = try await engine.listRuns(RunQuery(mapRun: arn)).items
        #expect(children.count == 3 && children.allSatisfy { $0.status == .succeeded && $0.machine == "m/L" })
        #expect(try await engine.listRuns(RunQuery()).items.map(\.name) == ["one"], "children stand in no other list")
        let child = try await engine.run(children[0].executionARN)
        #expect(child.states.map(\.name) == ["P"])
        // A child's id lies in its parent's partition.
        #expect(children.allSatisfy { $0.id.prefix(13) == detail.run.id.prefix(13) })
        try await stage.checkInvariants(["e1"], memory: engine)
        await EngineTests.end(first)
    }

    @Test("a failed child fails the Map Run, and its siblings are stopped")
    func failure() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map("", states: taskStates, start: "T")])
        let engine = first.engine
        let started = try await engine.start(machine: "m", name: nil, input: "[1,2,3]")
        let offer = try await engine.take()
        _ = try await engine.take()
        #expect(try await engine.fail(offer, "Broken"))
        let detail = try await end(of: started.execution.executionARN, on: engine)
        #expect(detail.run.status == .failed && detail.run.error == "States.ExceedToleratedFailureThreshold")
        while await engine.openRunCount > 0 { await Task.yield() }
        let statuses = try await stage.query(
            "SELECT status, count(*) AS n FROM showrunner.execution_list WHERE map_run IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        #expect(statuses.map { "\($0.text("status")) \($0.int("n"))" } == ["ABORTED 2", "FAILED 1"])
        #expect(try await engine.poll(poll(waitSeconds: 0)) == nil, "what was stopped is given to nobody")
        try await stage.checkInvariants(["e1"], memory: engine)
        await EngineTests.end(first)
    }

    @Test("stopping the parent stops its children")
    func stopping() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map("", states: taskStates, start: "T")])
        let engine = first.engine
        let started = try await engine.start(machine: "m", name: nil, input: "[1,2]")
        let offer = try await engine.take()
        _ = try await engine.stop(started.execution.executionARN, error: "Enough", cause: nil)
        while await engine.openRunCount > 0 { await Task.yield() }
        #expect(try await !engine.complete(offer))
        try await stage.checkInvariants(["e1"], memory: engine)
        await EngineTests.end(first)
    }

    @Test("a takeover in the middle loses no child, starts none twice and forgets no end")
    func takeover() async throws {
        let stage = try await Stage()
        let machines = ["m": map(#""MaxConcurrency":3,"#, states: taskStates, start: "T")]
        let first = try await serve(stage, "e1", machines)
        let started = try await first.engine.start(machine: "m", name: nil, input: "[1,2,3,4,5]")
        let one = try await first.engine.take()
        let two = try await first.engine.take()
        #expect(try await first.engine.complete(one, ["done": one.input]))
        await EngineTests.end(first)
        // As if the parent's row about the child's end, and a child's first row, had been lost with the engine.
        _ = try await stage.query(
            """
            DELETE FROM showrunner.journal j WHERE seq > 0 AND effects LIKE '%childExecutionEnded%'
               AND execution_id IN (SELECT execution_id FROM showrunner.execution_list WHERE map_run IS NULL)
            """)
        let second = try await serve(stage, "e2", machines)
        #expect(try await second.engine.complete(two, ["done": two.input]))
        for _ in 0..<3 {
            let offer = try await second.engine.take("w2")
            #expect(try await second.engine.complete(offer, ["done": offer.input]))
        }
        let detail = try await end(of: started.execution.executionARN, on: second.engine)
        #expect(detail.output == .array((1...5).map { ["done": .integer($0)] }))
        #expect(
            try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list WHERE map_run IS NOT NULL")[0]
                .int("n") == 5)
        await EngineTests.end(second)
    }

    @Test("orphans of a parent that ended while nobody looked are stopped")
    func orphans() async throws {
        let stage = try await Stage()
        let machines = ["m": map("", states: taskStates, start: "T")]
        let first = try await serve(stage, "e1", machines)
        let started = try await first.engine.start(machine: "m", name: nil, input: "[1,2]")
        _ = try await first.engine.take()
        _ = try await first.engine.stop(started.execution.executionARN, error: nil, cause: nil)
        while await first.engine.openRunCount > 0 { await Task.yield() }
        await EngineTests.end(first)
        // As if the engine had died between the parent's end and its children's.
        _ = try await stage.query(
            "DELETE FROM showrunner.journal WHERE effects LIKE '%executionAborted%' AND execution_id IN "
                + "(SELECT execution_id FROM showrunner.execution_list WHERE map_run IS NOT NULL)")
        _ = try await stage.query(
            "UPDATE showrunner.execution_list SET status = 'RUNNING', projected_seq = 0 WHERE map_run IS NOT NULL")
        let second = try await serve(stage, "e2", machines)
        while await second.engine.openRunCount > 0 { await Task.yield() }
        #expect(
            try await stage.query("SELECT 1 FROM showrunner.execution_list WHERE status = 'ABORTED'").count == 3)
        await EngineTests.end(second)
    }

    @Test("children of a parent that is set aside go on, and it hears of their ends when it is released")
    func parentSetAside() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map("", states: taskStates, start: "T")])
        let parent = try await first.engine.start(machine: "m", name: nil, input: "[1,2]").execution.executionARN
        let id = try await first.engine.run(parent).run.id
        let (one, two) = (try await first.engine.take(), try await first.engine.take())
        for time in 0..<2 { try await first.journal.countCrash(subject: id, event: "e", incarnation: "i\(time)") }
        await EngineTests.end(first)
        let second = try await serve(stage, "e2")
        #expect(try await second.engine.complete(one, ["done": one.input]))
        try await second.engine.releaseExecution(parent)
        #expect(try await second.engine.complete(two, ["done": two.input]))
        #expect(try await end(of: parent, on: second.engine).output == [["done": 1], ["done": 2]])
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await EngineTests.end(second)
    }

    @Test("a child that has ended and is set aside is redriven with its parent once it is released")
    func endedChildSetAside() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map("", states: taskStates, start: "T")])
        let parent = try await first.engine.start(machine: "m", name: nil, input: "[1]").execution.executionARN
        let child = try await first.engine.take()
        #expect(try await first.engine.fail(child, "E"))
        #expect(try await end(of: parent, on: first.engine).run.status == .failed)
        for time in 0..<2 {
            try await first.journal.countCrash(subject: child.execution, event: "redrive", incarnation: "i\(time)")
        }
        await EngineTests.end(first)
        let second = try await serve(stage, "e2")
        try await second.engine.redriveExecution(parent)
        try await second.engine.releaseExecution(child.execution)
        let again = try #require(try await second.engine.poll(poll(waitSeconds: 30)))
        #expect(again.execution == child.execution)
        #expect(try await second.engine.complete(again, "done"))
        #expect(try await end(of: parent, on: second.engine).output == ["done"])
        await EngineTests.end(second)
    }

    @Test("a child that can't be read is not started anew, and its worker is heard once it was read")
    func unreadableChild() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map("", states: taskStates, start: "T")])
        let parent = try await first.engine.start(machine: "m", name: nil, input: "[1]").execution.executionARN
        let parentID = try await first.engine.run(parent).run.id
        let offer = try await first.engine.take()
        await EngineTests.end(first)
        let child = PostgresValue.uuid(offer.execution)
        let row = "showrunner.journal WHERE seq = 0 AND execution_id = $1"
        let effects = try await stage.query("SELECT effects FROM \(row)", [child])[0].text("effects")
        func write(_ effects: String) async throws {
            let change = "UPDATE showrunner.journal SET effects = $2 WHERE seq = 0 AND execution_id = $1"
            _ = try await stage.query(change, [child, .text(effects)])
        }
        // As a release after this one writes them.
        try await write(#"{"v":2,"effects":[]}"#)
        let second = try await serve(stage, "e2")
        #expect(await second.engine.leavesAlone(offer.execution, of: parentID))
        try await write(effects)
        try await second.engine.recover(offer.execution)
        #expect(try await second.engine.complete(offer, "done"))
        #expect(try await end(of: parent, on: second.engine).output == ["done"])
        await EngineTests.end(second)
    }

    @Test("stopping a parent that is set aside stops its children")
    func stoppingSetAside() async throws {
        let stage = try await Stage()
        let first = try await serve(stage, "e1", ["m": map("", states: taskStates, start: "T")])
        let parent = try await first.engine.start(machine: "m", name: nil, input: "[1,2]").execution.executionARN
        let id = try await first.engine.run(parent).run.id
        let offer = try await first.engine.take()
        for time in 0..<2 { try await first.journal.countCrash(subject: id, event: "e", incarnation: "i\(time)") }
        await EngineTests.end(first)
        let second = try await serve(stage, "e2")
        #expect(await second.engine.openRunCount == 2)
        _ = try await second.engine.stop(parent, error: nil, cause: nil)
        while await second.engine.openRunCount > 0 { await Task.yield() }
        #expect(try await !second.engine.complete(offer))
        #expect(
            try await stage.query("SELECT 1 FROM showrunner.execution_list WHERE status = 'ABORTED'").count == 3)
        await EngineTests.end(second)
    }

    @Test("more items than there is room for: the others wait")
    func room() async throws {
        let stage = try await Stage()
        var limits = Engine.Limits()
        limits.openExecutions = 3
        let first = try await serve(stage, "e1", ["m": map("")], limits: limits)
        let items = JSON.array((0..<20).map { .integer($0) })
        let started = try await first.engine.start(machine: "m", name: nil, input: items.text)
        #expect(try await end(of: started.execution.executionARN, on: first.engine).output == items)
        await EngineTests.end(first)
    }

    @Test(
        "items are read from objects, and what can't be read fails the Map Run",
        arguments: [
            (#""ReaderConfig":{"InputType":"JSON"},"#, "a.json", #"[1,2]"#, [1, 2] as JSON?, nil),
            (#""ReaderConfig":{"InputType":"JSONL"},"#, "a.jsonl", "1\n2\n", [1, 2], nil),
            (
                #""ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","MaxItems":1},"#, "a.csv",
                "h,i\n1,2\n3,4\n", [["h": "1", "i": "2"]], nil
            ),
            (
                #""ReaderConfig":{"InputType":"JSON"},"#, "a.json", "{}", nil,
                "Attempting to map over non-iterable node."
            ),
        ] as [(String, String, String, JSON?, String?)])
    func reading(config: String, key: String, content: String, output: JSON?, cause: String?) async throws {
        let stage = try await Stage()
        let reader =
            #""ItemReader":{"Resource":"arn:aws:states:::s3:getObject",\#(config)"#
            + #""Parameters":{"Bucket":"b","Key.$":"$.key"}},"#
        let first = try await serve(stage, "e1", ["m": map(reader)], buckets: MemoryBuckets(["b/\(key)": content]))
        let started = try await first.engine.start(machine: "m", name: nil, input: #"{"key":"\#(key)"}"#)
        let detail = try await end(of: started.execution.executionARN, on: first.engine)
        #expect(detail.output == output)
        if let cause { #expect(detail.run.error == "States.ItemReaderFailed" && detail.run.cause == cause) }
        try await stage.checkInvariants(["e1"], memory: first.engine)
        await EngineTests.end(first)
    }

    @Test("the objects under a prefix are items, page by page; an inventory's files are read through its manifest")
    func listings() async throws {
        let stage = try await Stage()
        let buckets = MemoryBuckets([
            "b/in/1": "", "b/in/2": "", "b/in/3": "", "b/other": "",
            "b/manifest.json":
                #"{"destinationBucket":"arn:aws:s3:::b","fileFormat":"CSV","fileSchema":"Bucket, Key","files":[{"key":"f1"},{"key":"f2"}]}"#,
            "b/f1": "\"b\",\"x\"\n", "b/f2": "\"b\",\"y\"\n",
        ])
        let machines = [
            "list": map(
                #""ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2","Parameters":{"Bucket":"b","Prefix":"in/"}},"#
            ),
            "inventory": map(
                #""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"MANIFEST"},"#
                    + #""Parameters":{"Bucket":"b","Key":"manifest.json"}},"#),
        ]
        let first = try await serve(stage, "e1", machines, buckets: buckets)
        let listed = try await first.engine.start(machine: "list", name: nil, input: "{}").execution.executionARN
        #expect(
            try await end(of: listed, on: first.engine).output?.arrayValue?.map { $0["Key"] } == [
                "in/1", "in/2", "in/3",
            ])
        let inventory = try await first.engine.start(machine: "inventory", name: nil, input: "{}").execution
        #expect(
            try await end(of: inventory.executionARN, on: first.engine).output
                == [["Bucket": "b", "Key": "x"], ["Bucket": "b", "Key": "y"]])
        await EngineTests.end(first)
    }

    @Test("results are written as the service lays them out, and the state's result says where")
    func writing() async throws {
        let stage = try await Stage()
        let buckets = MemoryBuckets()
        let writer =
            #""ToleratedFailureCount":1,"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","#
            + #""Parameters":{"Bucket":"out","Prefix":"runs"}},"#
        let first = try await serve(
            stage, "e1", ["m": map(writer, states: taskStates, start: "T")], buckets: buckets)
        let engine = first.engine
        let started = try await engine.start(machine: "m", name: nil, input: "[1,2]")
        let offers = [try await engine.take(), try await engine.take()]
        #expect(try await engine.complete(offers[0], ["ok": true]))
        #expect(try await engine.fail(offers[1], "Broken"))
        let detail = try await end(of: started.execution.executionARN, on: engine)
        let key = try #require(detail.output?["ResultWriterDetails"]?["Key"]?.stringValue)
        #expect(detail.output?["ResultWriterDetails"]?["Bucket"] == "out")
        let manifest = try JSON(parsing: try #require(buckets.text("out/\(key)")))
        #expect(manifest["DestinationBucket"] == "out" && manifest["MapRunArn"] == detail.output?["MapRunArn"])
        let files = try #require(manifest["ResultFiles"])
        #expect(files.objectValue?.keys.sorted() == ["FAILED", "PENDING", "SUCCEEDED"] && files["PENDING"] == [])
        let name = try #require(files["SUCCEEDED"]?[0]?["Key"]?.stringValue)
        #expect(name.hasSuffix("/SUCCEEDED_0.json") && name.hasPrefix("runs/"))
        let succeeded = try JSON(parsing: try #require(buckets.text("out/\(name)")))
        #expect(succeeded[0]?["Output"] == #"{"ok":true}"# && succeeded[0]?["Status"] == "SUCCEEDED")
        #expect(files["SUCCEEDED"]?[0]?["Size"] == .integer(succeeded.utf8.count))
        let failed = try JSON(
            parsing: try #require(buckets.text("out/" + (files["FAILED"]?[0]?["Key"]?.stringValue ?? ""))))
        #expect(failed[0]?["Error"] == "Broken" && failed.arrayValue?.count == 1)
        await EngineTests.end(first)
    }

    @Test("an engine that dies while it reads reads again")
    func readingAgain() async throws {
        let stage = try await Stage()
        let reader =
            #""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"}},"#
        let buckets = MemoryBuckets(["b/k": "[7]"])
        let first = try await serve(stage, "e1", ["m": map(reader)], buckets: buckets)
        let started = try await first.engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        _ = try await end(of: started, on: first.engine)
        await EngineTests.end(first)
        _ = try await stage.query(
            "DELETE FROM showrunner.journal WHERE seq > 0 OR execution_id IN "
                + "(SELECT execution_id FROM showrunner.execution_list WHERE map_run IS NOT NULL)")
        _ = try await stage.query(
            "DELETE FROM showrunner.execution_name WHERE machine = 'm/L'")
        _ = try await stage.query("DELETE FROM showrunner.execution_list WHERE map_run IS NOT NULL")
        _ = try await stage.query("UPDATE showrunner.execution_list SET status = 'RUNNING', projected_seq = 0")
        let second = try await serve(stage, "e2", buckets: buckets)
        #expect(try await end(of: started, on: second.engine).output == [7])
        await EngineTests.end(second)
    }
}

extension Engine {
    fileprivate var openRunCount: Int { runs.count }
}

extension Engine {
    /// Whether a child is not in memory though its parent asks for it.
    fileprivate func leavesAlone(_ child: String, of parent: String) -> Bool {
        guard let run = runs[parent] else { preconditionFailure("\(parent) is in memory") }
        for child in run.execution.pendingChildren { ensureChild(entry: child.entry, index: child.index, of: run) }
        return runs[child] == nil
    }
}
