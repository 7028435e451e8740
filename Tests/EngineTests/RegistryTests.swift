@testable import Engine
import JSON
import SeededNumbers
import Testing

private func pass(_ comment: String) -> String {
    #"{ "Comment": "\#(comment)", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#
}

private let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:m"

@Suite("Machines, versions and aliases", .timeLimit(.minutes(3)))
struct RegistryTests {
    private func refusal<Value>(_ call: () async throws -> Value) async -> EngineError.Code? {
        await #expect(throws: EngineError.self) { _ = try await call() }?.code
    }

    @Test("making a machine twice: the same is the same, another is refused, and the text stays as it was given")
    func creation() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        let made = try await engine.createMachine(NewMachine(name: "m", definition: pass("one")))
        #expect(made.arn == arn && made.versionARN == nil && made.revisionID == nil)
        let again = try await engine.createMachine(
            NewMachine(
                name: "m", definition: pass("one"),
                configuration: MachineConfiguration(roleARN: "arn:aws:iam::1:role/x")))
        #expect(again.at == made.at)
        #expect(
            await refusal { try await engine.createMachine(NewMachine(name: "m", definition: pass("two"))) }
                == .machineExists)
        #expect(
            await refusal {
                try await engine.createMachine(NewMachine(name: "m", definition: pass("one"), type: .express))
            }
                == .machineExists)
        #expect(
            await refusal { try await engine.createMachine(NewMachine(name: "a b", definition: pass(""))) }
                == .invalidName)
        #expect(
            await refusal { try await engine.createMachine(NewMachine(name: "n", definition: "{")) }
                == .invalidDefinition)
        #expect(
            await refusal { try await engine.createMachine(NewMachine(name: "n", definition: "{}")) }
                == .invalidDefinition)
        #expect(try await engine.machine(arn).definition == pass("one"))
        #expect(
            await refusal { try await engine.machine("arn:aws:states:us-east-1:000000000000:activity:m") }
                == .invalidARN)
        await end(first)
    }

    @Test("of many that make the same name at once, one wins and the others find it")
    func racing() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        let winners = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask {
                    do {
                        _ = try await engine.createMachine(NewMachine(name: "m", definition: pass("\(number)")))
                        return true
                    } catch { return false }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(try await stage.query("SELECT count(*) AS n FROM showrunner.revision")[0].int("n") == 1)
        await end(first)
    }

    @Test(
        "an update gives a new revision where something is different; executions keep theirs, and all outlives the engine"
    )
    func updates() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        _ = try await engine.createMachine(NewMachine(name: "m", definition: oneTask()))
        let started = try await engine.start(machine: arn, name: "old", input: "{}")
        let same = try await engine.updateMachine(arn, MachineUpdate(definition: oneTask()))
        #expect(same.revisionID == nil)
        let updated = try await engine.updateMachine(arn, MachineUpdate(definition: pass("new"), publishes: true))
        #expect(updated.revisionID != nil && updated.versionARN == arn + ":1")
        let onceMore = try await engine.updateMachine(arn, MachineUpdate(definition: pass("new"), publishes: true))
        #expect(onceMore.revisionID == updated.revisionID && onceMore.versionARN == arn + ":1")
        #expect(await refusal { try await engine.updateMachine(arn, MachineUpdate()) } == .missingParameter)
        #expect(
            await refusal { try await engine.updateMachine(arn + ":1", MachineUpdate(roleARN: "r")) }
                == .machineNotFound)
        await end(first)

        let second = try await stage.engine("e2")
        let other = second.engine
        let machine = try await other.machine(arn)
        #expect(machine.definition == pass("new") && machine.revisionID == updated.revisionID)
        #expect(try await other.listVersions(of: arn, limit: 10, after: nil).items.map(\.arn) == [arn + ":1"])
        let pinned = try await other.machine(ofExecution: started.execution.executionARN)
        #expect(pinned.definition == oneTask() && pinned.revisionID == nil)
        #expect(try await other.complete(try await other.take()))
        #expect(try await other.run(started.execution.executionARN).run.status == .succeeded)
        await end(second)
    }

    @Test("a version's number is given once; a version that an alias leads to stays")
    func versions() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        _ = try await engine.createMachine(NewMachine(name: "m", definition: pass("1"), publishes: true))
        _ = try await engine.updateMachine(arn, MachineUpdate(definition: pass("2")))
        let second = try await engine.publishVersion(of: arn, revisionID: nil, description: "two")
        #expect(second.arn == arn + ":2")
        #expect(try await engine.publishVersion(of: arn, revisionID: nil, description: "else").arn == arn + ":2")
        #expect(
            await refusal { try await engine.publishVersion(of: arn, revisionID: "INITIAL", description: nil) }
                == .conflict)
        let alias = try await engine.createAlias(
            name: "live", description: nil,
            routes: [
                RequestedRoute(versionARN: arn + ":1", weight: 25), RequestedRoute(versionARN: arn + ":2", weight: 75),
            ])
        #expect(await refusal { try await engine.deleteVersion(arn + ":2") } == .conflict)
        _ = try await engine.updateAlias(
            alias.arn, description: nil, routes: [RequestedRoute(versionARN: arn + ":1", weight: 100)])
        try await engine.deleteVersion(arn + ":2")
        try await engine.deleteVersion(arn + ":2")
        #expect(try await engine.publishVersion(of: arn, revisionID: nil, description: nil).arn == arn + ":3")
        #expect(await refusal { try await engine.machine(arn + ":2") } == .machineNotFound)
        #expect(try await engine.machine(arn + ":1").definition == pass("1"))

        let run = try await engine.start(machine: alias.arn, name: "by-alias", input: "{}")
        let detail = try await engine.run(run.execution.executionARN)
        #expect(detail.run.version == 1 && detail.run.alias == "live" && detail.definition == pass("1"))
        #expect(try await engine.listRuns(RunQuery(machine: alias.arn)).items.map(\.name) == ["by-alias"])
        #expect(try await engine.listRuns(RunQuery(machine: arn + ":3")).items.isEmpty)
        await end(first)
    }

    @Test("an alias divides each hundred executions exactly by its weights, in an order of chance")
    func weights() {
        let seed = UInt64.random(in: 0 ... .max)
        var dice = SplitMix64(seed: seed)
        for weight in [0, 1, 10, 50, 99, 100] {
            var deck = RoutingDeck([Route(version: 7, weight: weight), Route(version: 8, weight: 100 - weight)])
            var hundreds: [[Int]] = []
            for _ in 0..<50 {
                hundreds.append((0..<100).map { _ in deck.draw(using: &dice) })
                #expect(hundreds.last?.count { $0 == 7 } == weight, "seed \(seed)")
            }
            // Two of a hundred places have 4,950 orders: fifty packs that are all alike were not shuffled.
            if (2...98).contains(weight) { #expect(Set(hundreds).count > 1, "seed \(seed)") }
        }
    }

    @Test("a deleted machine is gone once its executions are stopped")
    func deletion() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        _ = try await engine.createMachine(NewMachine(name: "m", definition: oneTask()))
        var runs: [String] = []
        for _ in 0..<3 {
            runs.append(try await engine.start(machine: arn, name: nil, input: "{}").execution.executionARN)
        }
        let updates = await engine.updates(of: nil)
        try await engine.deleteMachine(arn)
        var ended: Set<String> = []
        for await update in updates where update.run.status == .aborted {
            ended.insert(update.run.executionARN)
            if ended.count == 3 { break }
        }
        #expect(ended == Set(runs))
        // The last of them takes the machine with it.
        while try await !engine.listMachines(limit: 10, after: nil).items.isEmpty { await Task.yield() }
        #expect(await refusal { try await engine.start(machine: arn, name: nil, input: "{}") } == .machineNotFound)
        #expect(try await stage.query("SELECT 1 FROM showrunner.machine").isEmpty)
        try await engine.deleteMachine(arn)
        #expect(try await engine.machine(ofExecution: runs[0]).definition == oneTask(), "history outlives the machine")
        await end(first)
    }

    @Test("tags are kept, changed and bounded")
    func tags() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        _ = try await engine.createMachine(
            NewMachine(name: "m", definition: pass("1"), tags: [("a", "1")], publishes: true))
        try await engine.tag(arn, [("b", "2"), ("a", "3")])
        try await engine.untag(arn, keys: ["b", "c"])
        #expect(try await engine.tags(of: arn).map { "\($0.key)=\($0.value)" } == ["a=3"])
        #expect(await refusal { try await engine.tag(arn + ":1", [("a", "1")]) } == .resourceNotFound)
        let many = (0..<50).map { (key: "k\($0)", value: "") }
        #expect(await refusal { try await engine.tag(arn, many) } == .tooManyTags)
        await end(first)
        let second = try await stage.engine("e2")
        #expect(try await second.engine.tags(of: arn).map(\.key) == ["a"])
        await end(second)
    }

    @Test(
        "ARNs: what they name, and what is none",
        arguments: [
            ("arn:aws:states:us-east-1:000000000000:stateMachine:m", ResourceName.stateMachine("m")),
            ("arn:aws:states:us-east-1:000000000000:stateMachine:m:7", .version(machine: "m", number: 7)),
            ("arn:aws:states:us-east-1:000000000000:stateMachine:m:live", .alias(machine: "m", name: "live")),
            ("arn:aws:states:us-east-1:000000000000:stateMachine:m/Map", .mapState(machine: "m", label: "Map")),
            ("arn:aws:states:us-east-1:000000000000:execution:m:x", .execution(machine: "m", name: "x")),
            ("arn:aws:states:us-east-1:000000000000:activity:a", .activity("a")),
            ("arn:aws:states:us-east-1:000000000000:mapRun:m/L:u", .mapRun(machine: "m/L", id: "u")),
            ("m", nil), ("arn:aws:s3:::bucket", nil), ("arn:aws:states:us-east-1:000000000000:stateMachine", nil),
            ("arn:aws:states:us-east-1:000000000000:stateMachine:", nil),
        ] as [(String, ResourceName?)])
    func names(arn: String, expected: ResourceName?) {
        do throws(EngineError) {
            let name = try ResourceName(arn: arn)
            #expect(name == expected && name.arn == arn)
        } catch { #expect(expected == nil && error.code == .invalidARN) }
    }

    @Test("a mark of a page is only what this engine gave for this call")
    func pages() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        for name in ["a", "b", "c"] {
            _ = try await engine.createMachine(NewMachine(name: name, definition: pass("1")))
        }
        var names: [String] = []
        var mark: String?
        repeat {
            let page = try await engine.listMachines(limit: 1, after: mark)
            names += page.items.map(\.name)
            mark = page.next
        } while mark != nil
        #expect(names == ["a", "b", "c"])
        let tokens = try await engine.marks()
        let token = tokens.token("b", for: "ListStateMachines")
        #expect(try tokens.mark(in: token, for: "ListStateMachines") == "b")
        for forged in [token + "0", "00" + token.dropFirst(2), "", ".", "x.y", token.replacing(".", with: "")] {
            #expect(throws: EngineError.self) { try tokens.mark(in: forged, for: "ListStateMachines") }
        }
        #expect(throws: EngineError.self) { try tokens.mark(in: token, for: "ListActivities") }
        await end(first)
        let second = try await stage.engine("e2")
        #expect(
            try await second.engine.marks().mark(in: token, for: "ListStateMachines") == "b", "they outlive the engine")
        await end(second)
    }

    @Test(
        "what is wrong with JSON, in the words that AWS's clients know",
        arguments: [
            (
                "not some json",
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ),
            ("{'not': 'json'", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
            (
                #"{"a" 1}"#,
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"
            ),
            ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries"),
            (#"{"a":"#, "Unexpected end-of-input"), ("\"a", "Unexpected end-of-input in VALUE_STRING"),
        ])
    func complaints(text: String, words: String) {
        #expect(complaint(about: text) == words)
    }
}

@Suite("EXPRESS machines", .timeLimit(.minutes(3)))
struct ExpressTests {
    @Test("a synchronous execution answers with its end; names may come twice")
    func synchronous() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["standard": pass("")])
        let engine = first.engine
        _ = try await engine.createMachine(NewMachine(name: "m", definition: pass("1"), type: .express))
        for _ in 0..<2 {
            let detail = try await engine.startSync(machine: arn, name: "same", input: "[1]")
            #expect(detail.run.status == .succeeded && detail.output == [1])
            #expect(
                detail.run.executionARN
                    == "arn:aws:states:us-east-1:000000000000:express:m:same:\(detail.run.id)")
            #expect(try await engine.run(detail.run.executionARN).run.id == detail.run.id)
        }
        #expect(try await engine.listRuns(RunQuery()).items.allSatisfy { $0.executionARN.contains(":express:m:same:") })
        let refusal = await #expect(throws: EngineError.self) {
            try await engine.startSync(machine: "standard", name: nil, input: "{}")
        }
        #expect(refusal?.code == .typeNotSupported)
        await end(first)
    }

    @Test("an engine that stops lets go of those who wait")
    func stopping() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1")
        let engine = first.engine
        let wait = #"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":600,"End":true}}}"#
        _ = try await engine.createMachine(NewMachine(name: "m", definition: wait, type: .express))
        let call = Task { try await engine.startSync(machine: arn, name: nil, input: "{}") }
        while await !engine.hasWaiters { await Task.yield() }
        await engine.stop()
        let refusal = await #expect(throws: EngineError.self) { try await call.value }
        #expect(refusal?.code == .unavailable)
        await end(first)
    }
}

extension Engine {
    fileprivate var hasWaiters: Bool { runs.values.contains { !$0.endWaiters.isEmpty } }
}

@Suite("Executions that start others", .timeLimit(.minutes(3)))
struct NestedExecutionTests {
    private func starter(_ suffix: String, _ fields: String = "") -> String {
        #"""
        {"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution\#(suffix)",\#(fields)
          "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:inner","Input.$":"$"},
          "End":true}}}
        """#
    }

    private func end(of run: String, on engine: Engine) async throws -> RunDetail {
        let updates = await engine.updates(of: run)
        let now = try await engine.run(run)
        if now.run.status != .running { return now }
        for await update in updates where update.run.status != .running { break }
        return try await engine.run(run)
    }

    @Test("a task waits for the end, and gives the output as text or as JSON", arguments: [".sync", ".sync:2"])
    func waiting(suffix: String) async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["inner": oneTask(), "outer": starter(suffix)])
        let engine = first.engine
        let outer = try await engine.start(machine: "outer", name: nil, input: #"{"a":1}"#).execution.executionARN
        let offer = try await engine.take()
        #expect(offer.input == ["a": 1])
        #expect(try await engine.complete(offer, ["b": 2]))
        let detail = try await end(of: outer, on: engine)
        #expect(detail.output?["Status"] == "SUCCEEDED")
        #expect(detail.output?["Output"] == (suffix == ".sync" ? #"{"b":2}"# : ["b": 2]))
        let history = try await engine.history(detail.run.id, isReversed: false, limit: 100, after: nil)
        #expect(history.events.map(\.type).contains("TaskSubmitted"))
        try await stage.checkInvariants(["e1"], memory: engine)
        await EngineTests.end(first)
    }

    @Test("a failure comes as States.TaskFailed with the description; a machine that is not there is told by its name")
    func failures() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["inner": oneTask(), "outer": starter(".sync")])
        let engine = first.engine
        let outer = try await engine.start(machine: "outer", name: nil, input: "{}").execution.executionARN
        #expect(try await engine.fail(try await engine.take(), "Broken"))
        let detail = try await end(of: outer, on: engine)
        #expect(detail.run.error == "States.TaskFailed")
        #expect(try JSON(parsing: detail.run.cause ?? "")["Error"] == "Broken")
        try await engine.deleteMachine("arn:aws:states:us-east-1:000000000000:stateMachine:inner")
        let lost = try await engine.start(machine: "outer", name: nil, input: "{}").execution.executionARN
        #expect(try await end(of: lost, on: engine).run.error == "StepFunctions.StateMachineDoesNotExistException")
        await EngineTests.end(first)
    }

    @Test("stopping the one that waits stops the other")
    func stopping() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["inner": oneTask(), "outer": starter(".sync")])
        let engine = first.engine
        let outer = try await engine.start(machine: "outer", name: nil, input: "{}").execution.executionARN
        let offer = try await engine.take()
        _ = try await engine.stop(outer, error: nil, cause: nil)
        #expect(try await end(of: offer.executionArn, on: engine).run.status == .aborted)
        await EngineTests.end(first)
    }

    /// Waits until something holds that an update of an execution may bring.
    private func wait(for execution: String, on engine: Engine, until holds: () async throws -> Bool) async throws {
        let updates = await engine.updates(of: execution)
        if try await holds() { return }
        for await _ in updates where try await holds() { return }
        Issue.record("the execution ended before")
    }

    @Test("of two tasks that wait for the same execution, one gives up and the other goes on waiting")
    func sharing() async throws {
        let start =
            #""Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","Parameters":{"Name":"shared","#
            + #""StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:inner","Input":{}},"End":true"#
        // A is given up when G beside it fails.
        let gate = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true"#
        let both =
            #"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":["#
            + #"{"StartAt":"Q","States":{"Q":{"Type":"Parallel","End":true,"Branches":["#
            + #"{"StartAt":"A","States":{"A":{\#(start)}}},{"StartAt":"G","States":{"G":{\#(gate)}}}],"#
            + #""Catch":[{"ErrorEquals":["Broken"],"Next":"Late"}]},"Late":{"Type":"Pass","Result":"late","End":true}}},"#
            + #"{"StartAt":"B","States":{"B":{\#(start)}}}]}}}"#
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["inner": oneTask(), "outer": both])
        let engine = first.engine
        let outer = try await engine.start(machine: "outer", name: nil, input: "{}").execution.executionARN
        let offers = [try await engine.take(), try await engine.take("w2")]
        let offer = try #require(offers.first { $0.executionArn != outer })
        let beside = try #require(offers.first { $0.executionArn == outer })
        try await wait(for: outer, on: engine) {
            try await engine.history(outer, isReversed: false, limit: 100, after: nil)
                .events.count { $0.type == "TaskSubmitted" } == 2
        }
        #expect(try await engine.fail(beside, "Broken"))
        try await wait(for: outer, on: engine) {
            try await engine.run(outer).states.contains { $0.name == "Late" }
        }
        #expect(try await engine.complete(offer, ["b": 2]))
        let output = try await end(of: outer, on: engine).output
        #expect(output?[0] == "late" && output?[1]?["Output"] == ["b": 2])
        try await stage.checkInvariants(["e1"], memory: engine)
        await EngineTests.end(first)
    }

    @Test("after a takeover the task waits on, whether the other has ended meanwhile or not")
    func takeover() async throws {
        let stage = try await Stage()
        let machines = ["inner": oneTask(), "outer": starter(".sync:2")]
        let first = try await stage.engine("e1", machines: machines)
        let one = try await first.engine.start(machine: "outer", name: "one", input: "1").execution.executionARN
        let two = try await first.engine.start(machine: "outer", name: "two", input: "2").execution.executionARN
        let offers = [try await first.engine.take(), try await first.engine.take()]
        await EngineTests.end(first)
        let second = try await stage.engine("e2", machines: machines)
        for offer in offers { #expect(try await second.engine.complete(offer, offer.input)) }
        #expect(try await end(of: one, on: second.engine).output?["Output"] == 1)
        #expect(try await end(of: two, on: second.engine).output?["Output"] == 2)
        #expect(
            try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list")[0].int("n") == 4,
            "nothing was started twice")
        await EngineTests.end(second)
    }

    @Test("with .waitForTaskToken whoever has the token ends the task, also after a takeover")
    func callback() async throws {
        let stage = try await Stage()
        let outerMachine =
            #"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution"#
            + #".waitForTaskToken","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:"#
            + #"stateMachine:inner","Input":{"token.$":"$$.Task.Token"}},"End":true}}}"#
        let machines = ["inner": oneTask(), "outer": outerMachine]
        let first = try await stage.engine("e1", machines: machines)
        let outer = try await first.engine.start(machine: "outer", name: nil, input: "{}").execution.executionARN
        let offer = try await first.engine.take()
        let token = try #require(offer.input["token"]?.stringValue)
        #expect(try await first.engine.complete(offer))
        #expect(try await first.engine.run(outer).run.status == .running, "the other's end is not the task's")
        await EngineTests.end(first)
        let second = try await stage.engine("e2", machines: machines)
        try await second.engine.taskSucceeded(token: token, output: #"{"approved":true}"#)
        #expect(try await end(of: outer, on: second.engine).output == ["approved": true])
        let history = try await second.engine.history(outer, isReversed: false, limit: 100, after: nil)
        #expect(history.events.count { $0.type == "TaskSubmitted" } == 1)
        #expect(
            try await stage.query("SELECT count(*) AS n FROM showrunner.execution_list")[0].int("n") == 2,
            "nothing was started twice")
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await EngineTests.end(second)
    }

    @Test("without waiting, the start itself is the result")
    func fireAndForget() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["inner": oneTask(), "outer": starter("")])
        let engine = first.engine
        let outer = try await engine.start(machine: "outer", name: nil, input: "{}").execution.executionARN
        let output = try #require(try await end(of: outer, on: engine).output)
        #expect(try await engine.run(output["ExecutionArn"]?.stringValue ?? "").run.status == .running)
        await EngineTests.end(first)
    }
}
