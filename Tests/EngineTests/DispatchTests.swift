import Dispatching
@testable import Engine
import JSON
import Journal
import StepContracts
import Testing
import WorkerProtocol

@Suite("Who gets which task, on a real database", .timeLimit(.minutes(3)))
struct DispatchTests {
    private func poll(
        _ worker: String, incarnation: String = "i1", cores: Int? = nil, labels: [String: String] = [:], wait: Int = 0
    ) -> PollRequest {
        PollRequest(
            worker: worker, incarnation: incarnation, version: "1", steps: ["work"], slots: 4, waitSeconds: wait,
            capacity: cores.map { WorkerCapacity(millicores: $0 * 1000, memoryBytes: 1 << 30, scratchBytes: 1 << 30) },
            labels: labels)
    }

    private func rules(_ edit: (inout DispatchRules) -> Void) -> DispatchRules {
        var rules = DispatchRules()
        edit(&rules)
        return rules
    }

    /// A machine of one task that is tried again.
    private let stubborn = oneTask(
        #""Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":9,"BackoffRate":1}],"#)

    @Test("a small execution does not wait for a large one; priority and share come from the input")
    func fairness() async throws {
        let many = #"""
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$.items","ItemProcessor":{"StartAt":"A",
              "States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}}}}}
            """#
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": many])
        let engine = first.engine
        let items = "[\((0..<60).map(String.init).joined(separator: ","))]"
        _ = try await engine.start(machine: "m", name: "long", input: "{\"items\":\(items)}")
        _ = try await engine.start(machine: "m", name: "short", input: #"{"items":[1,2,3]}"#)
        _ = try await engine.start(
            machine: "m", name: "urgent", input: #"{"items":[1,2],"showrunner":{"priority":9}}"#)
        var order: [String] = []
        for _ in 0..<10 {
            let offer = try #require(try await engine.poll(poll("w")))
            order.append(offer.executionArn.split(separator: ":").last.map(String.init) ?? "")
        }
        #expect(order.prefix(3).filter { $0 == "urgent" }.count == 2, "\(order)")
        #expect(order.filter { $0 == "short" }.count == 3, "\(order)")
        let refusal = await #expect(throws: EngineError.self) {
            try await engine.start(machine: "m", name: nil, input: #"{"showrunner":{"priority":10}}"#)
        }
        #expect(refusal?.code == .invalidInput && refusal?.message.contains("0 to 9") == true)
        try await stage.checkInvariants(["e1"], memory: engine)
        await end(first)
    }

    @Test("labels, reservations and limits hold, and each wait has its sentence")
    func waits() async throws {
        let stage = try await Stage()
        let rules = rules { rules in
            var step = DispatchRules.Step()
            step.millicores = 3000
            step.labels = ["gpu": "yes"]
            rules.steps["work"] = step
            rules.rules = [
                DispatchRules.Rule(
                    step: "work", each: .pointer(["account"]), limit: TaskLimit(concurrency: 1), label: "per account")
            ]
        }
        let first = try await stage.engine("e1", machines: ["m": oneTask()], dispatchRules: rules)
        let engine = first.engine
        func start(_ account: String) async throws -> String {
            try await engine.start(machine: "m", name: nil, input: "{\"account\":\"\(account)\"}").execution
                .executionARN
        }
        func wait(_ run: String) async throws -> WaitView {
            let waits = try await engine.waits(of: run)
            #expect(waits.count == 1 && waits[0].state == "A")
            return waits[0]
        }
        let one = try await start("a")
        #expect(try await wait(one).code == .noWorker)
        #expect(try await engine.poll(poll("plain")) == nil)
        #expect(try await wait(one).code == .labels)
        let gpu = poll("gpu", cores: 4, labels: ["gpu": "yes"])
        let offer = try #require(try await engine.poll(gpu))
        #expect(try await engine.waits(of: one) == [], "a worker has it")
        let two = try await start("a")
        let three = try await start("b")
        #expect(try await engine.poll(gpu) == nil)
        #expect(try await wait(two).code == .concurrencyLimit)
        #expect(try await wait(two).sentence.contains("'per account a'"))
        #expect(try await wait(three).code == .reservation)
        let large = poll("large", cores: 8, labels: ["gpu": "yes"])
        let other = try #require(try await engine.poll(large))
        #expect(other.executionArn == three)
        // What the journal says of workers' hands counts in the next engine, too.
        let second = try await stage.engine("e2", dispatchRules: rules)
        #expect(try await second.engine.poll(gpu) == nil)
        #expect(try await second.engine.waits(of: two).first?.code == .concurrencyLimit)
        let waiting = Task { try await second.engine.poll(poll("gpu", cores: 4, labels: ["gpu": "yes"], wait: 20)) }
        while await second.engine.waitingPolls == 0 { await Task.yield() }
        #expect(try await second.engine.complete(offer))
        #expect(try await waiting.value?.executionArn == two)
        try await stage.checkInvariants(["e1", "e2"], memory: second.engine)
        await end(first, second)
    }

    @Test("a drained worker gets nothing, also from the next engine, until it is released")
    func draining() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        let unknown = await #expect(throws: EngineError.self) {
            try await first.engine.setWorkerMode(.draining, of: "w", because: nil)
        }
        #expect(unknown?.code == .notFound)
        #expect(try await first.engine.poll(poll("w")) == nil)
        try await first.engine.setWorkerMode(.draining, of: "w", because: "a new disk")
        let run = try await first.engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        #expect(try await first.engine.poll(poll("w")) == nil)
        let second = try await stage.engine("e2")
        #expect(try await second.engine.poll(poll("w")) == nil)
        let wait = try #require(try await second.engine.waits(of: run).first)
        #expect(wait.code == .workersSetAside && wait.sentence.contains("w is draining (a new disk)"))
        let view = try #require(await second.engine.workers().first)
        #expect(view.json["mode"] == "draining" && view.json["reason"] == "a new disk")
        try await second.engine.setWorkerMode(.active, of: "w", because: nil)
        #expect(try await second.engine.poll(poll("w")) != nil)
        #expect(try await stage.query("SELECT 1 FROM showrunner.worker_order").isEmpty)
        await end(first, second)
    }

    @Test("a task that two workers were lost with is parked; an operator releases it or gives it up")
    func parking() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": stubborn])
        var engine = first.engine
        let run = try await engine.start(machine: "m", name: nil, input: "{}").execution.executionARN
        // Each poll of a new process says that the one before is gone.
        func lose(_ count: Int, from number: Int) async throws {
            for incarnation in number..<(number + count) {
                let offer = try #require(
                    try await engine.poll(poll("w", incarnation: "i\(incarnation)", wait: 20)))
                #expect(offer.executionArn == run)
            }
        }
        try await lose(2, from: 1)
        #expect(try await engine.poll(poll("w", incarnation: "i3")) == nil)
        while try await engine.waits(of: run).first?.code != .parked { await Task.yield() }
        let wait = try #require(try await engine.waits(of: run).first)
        #expect(wait.sentence.contains("2 workers were lost with it in their hands: 'w', 'w'"), "\(wait.sentence)")
        // The journal says so: the next engine parks it, too.
        let second = try await stage.engine("e2")
        engine = second.engine
        #expect(try await engine.poll(poll("v")) == nil)
        #expect(try await engine.waits(of: run).first?.code == .parked)
        try await engine.releaseTask(wait.entry, of: run)
        let refusal = await #expect(throws: EngineError.self) { try await engine.releaseTask(wait.entry, of: run) }
        #expect(refusal?.code == .conflict)
        try await lose(2, from: 11)
        #expect(try await engine.poll(poll("w", incarnation: "i13")) == nil)
        while try await engine.waits(of: run).first?.code != .parked { await Task.yield() }
        try await engine.failTask(wait.entry, of: run, error: nil, cause: "enough")
        let detail = try await engine.run(run)
        #expect(detail.states.first?.error == StepErrorName.taskParked && detail.states.first?.cause == "enough")
        // Its next attempt would come between the looks at the journal and at memory.
        try await engine.stopExecution(run, error: nil, cause: nil)
        try await stage.checkInvariants(["e1", "e2"], memory: engine)
        await end(first, second)
    }

    private let digest = String(repeating: "ab", count: 32)

    /// A film whose content is known, and one that nobody has read yet, as validate gets it.
    enum Known: CaseIterable {
        case byDigest, byAddress

        var source: String {
            switch self {
            case .byDigest: "{\"sha256\":\"\(String(repeating: "ab", count: 32))\"}"
            case .byAddress: "\"https://films.example/elf.mp4?X-Amz-Signature=0123\""
            }
        }

        var words: String {
            switch self {
            case .byDigest: "the content of SHA-256 \(String(repeating: "ab", count: 32))"
            case .byAddress: "what lies at https://films.example/elf.mp4"
            }
        }
    }

    @Test(
        "a source that two workers in a row were lost with is held in every execution, until somebody releases it",
        arguments: Known.allCases)
    func sourceQuarantine(_ known: Known) async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": stubborn])
        var engine = first.engine
        let bad = "{\"source\":\(known.source)}"
        func start(_ input: String) async throws -> String {
            try await engine.start(machine: "m", name: nil, input: input).execution.executionARN
        }
        func codes(_ run: String) async throws -> [WaitView.Code] { try await engine.waits(of: run).map(\.code) }
        let one = try await start(bad)
        #expect(try await engine.poll(poll("w", incarnation: "i1"))?.executionArn == one)
        let two = try await start(bad)
        // The first is lost, and another run of the same film is lost behind it.
        #expect(try await engine.poll(poll("w", incarnation: "i2"))?.executionArn == two)
        let three = try await start(bad)
        #expect(try await codes(three) == [.turn], "one worker is no row")
        #expect(try await engine.poll(poll("w", incarnation: "i3")) == nil)
        for run in [one, two] { while try await codes(run) != [.parked] { await Task.yield() } }
        #expect(try await codes(three) == [.parked], "it was ready")
        let wait = try #require(try await engine.waits(of: three).first)
        #expect(wait.sentence.contains("2 workers in a row were lost with \(known.words),"), "\(wait.sentence)")
        let other = try await start(#"{"source":{"sha256":"\#(String(repeating: "cd", count: 32))"}}"#)
        #expect(try await engine.poll(poll("v"))?.executionArn == other, "another film goes on")
        // It outlives the engine and comes to whoever has the film next.
        let second = try await stage.engine("e2")
        engine = second.engine
        let four = try await start(bad)
        #expect(try await engine.poll(poll("v")) == nil)
        #expect(try await codes(four) == [.parked])
        #expect(await engine.depths().parkedTasks == 4)
        try await engine.releaseTask(wait.entry, of: three)
        var taken: Set<String> = []
        for _ in 0..<4 { taken.insert(try #require(try await engine.poll(poll("v", wait: 20))).executionArn) }
        #expect(taken == [one, two, three, four])
        let refusal = await #expect(throws: EngineError.self) { try await engine.releaseTask(wait.entry, of: three) }
        #expect(refusal?.code == .conflict)
        #expect(try await stage.query("SELECT 1 FROM showrunner.suspect").isEmpty)
        try await stage.checkInvariants(["e1", "e2"], memory: engine)
        await end(first, second)
    }

    @Test("what workers have read is held by its content, wherever else it lies, before anybody opens it")
    func quarantineByContent() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": stubborn])
        var engine = first.engine
        func start(_ number: Int) async throws -> String {
            let address = "https://films.example/\(number).mp4?X-Amz-Signature=\(number)"
            return try await engine.start(machine: "m", name: nil, input: "{\"source\":\"\(address)\"}").execution
                .executionARN
        }
        func codes(_ run: String) async throws -> [WaitView.Code] { try await engine.waits(of: run).map(\.code) }
        func read(_ offer: TaskOffer, _ worker: String, _ incarnation: String) async throws -> HeartbeatReply.Status? {
            try await engine.heartbeat(
                HeartbeatRequest(
                    worker: worker, incarnation: incarnation,
                    tasks: [.init(token: offer.token, progress: nil, content: digest)])
            ).tasks.first?.status
        }
        var runs: [String] = []
        // Two workers are lost, each with another address.
        for number in 1...2 {
            runs.append(try await start(number))
            let offer = try #require(try await engine.poll(poll("w", incarnation: "i\(number)")))
            #expect(offer.executionArn == runs.last)
            #expect(try await read(offer, "w", "i\(number)") == .ok)
        }
        #expect(try await engine.poll(poll("w", incarnation: "i3")) == nil)
        // Nobody knows yet what lies at the third.
        runs.append(try await start(3))
        let offer = try #require(try await engine.poll(poll("v", incarnation: "i1")))
        #expect(offer.executionArn == runs.last)
        #expect(try await read(offer, "v", "i1") == .gone)
        for run in runs { while try await codes(run) != [.parked] { await Task.yield() } }
        for run in runs {
            let wait = try #require(try await engine.waits(of: run).first)
            #expect(wait.sentence.contains("2 workers in a row were lost with the content of SHA-256 \(digest),"))
        }
        // The next engine knows what lies there, too, without another worker that reads it.
        await engine.sourceWrites?.value
        let second = try await stage.engine("e2")
        engine = second.engine
        #expect(try await engine.poll(poll("v", incarnation: "i1")) == nil)
        for run in runs { #expect(try await codes(run) == [.parked]) }
        let wait = try #require(try await engine.waits(of: runs[2]).first)
        try await engine.releaseTask(wait.entry, of: runs[2])
        var taken: Set<String> = []
        for _ in runs {
            let offer = try #require(try await engine.poll(poll("v", incarnation: "i1", wait: 20)))
            #expect(try await read(offer, "v", "i1") == .ok)
            taken.insert(offer.executionArn)
        }
        #expect(taken == Set(runs))
        await engine.sourceWrites?.value
        #expect(try await stage.query("SELECT subject FROM showrunner.suspect").isEmpty)
        try await stage.checkInvariants(["e1", "e2"], memory: engine)
        await end(first, second)
    }

    @Test(
        "what is held by its address stays so when an attempt that still runs tells its content, until it is released")
    func quarantineByAddress() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": stubborn])
        let engine = first.engine
        let input = #"{"source":"https://films.example/elf.mp4"}"#
        func start() async throws -> String {
            try await engine.start(machine: "m", name: nil, input: input).execution.executionARN
        }
        func codes(_ run: String) async throws -> [WaitView.Code] { try await engine.waits(of: run).map(\.code) }
        var runs: [String] = []
        func hand(to incarnation: Int) async throws {
            runs.append(try await start())
            let offer = try await engine.poll(poll("w", incarnation: "i\(incarnation)"))
            #expect(offer?.executionArn == runs.last)
        }
        try await hand(to: 1)
        // One that nobody loses.
        let reading = try await start()
        let offer = try #require(try await engine.poll(poll("v")))
        #expect(offer.executionArn == reading)
        try await hand(to: 2)
        #expect(try await engine.poll(poll("w", incarnation: "i3")) == nil)
        for run in runs { while try await codes(run) != [.parked] { await Task.yield() } }
        let heard = try await engine.heartbeat(
            HeartbeatRequest(
                worker: "v", incarnation: "i1", tasks: [.init(token: offer.token, progress: nil, content: digest)]))
        #expect(heard.tasks.map(\.status) == [.ok])
        runs.append(try await start())
        #expect(try await engine.poll(poll("u")) == nil)
        for run in runs { #expect(try await codes(run) == [.parked]) }
        let wait = try #require(try await engine.waits(of: runs[0]).first)
        try await engine.releaseTask(wait.entry, of: runs[0])
        var taken: Set<String> = []
        for _ in runs { taken.insert(try await engine.poll(poll("u", wait: 20))?.executionArn ?? "") }
        #expect(taken == Set(runs))
        await engine.sourceWrites?.value
        #expect(try await stage.query("SELECT subject FROM showrunner.suspect").isEmpty)
        await end(first)
    }

    @Test("workers lost together count once, and a success begins the count anew")
    func sourceLosses() async throws {
        let stage = try await Stage()
        // What is lost does not come back here.
        let patient = oneTask(#""Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":3600,"MaxAttempts":9}],"#)
        let first = try await stage.engine("e1", machines: ["m": patient])
        let engine = first.engine
        func start() async throws -> String {
            try await engine.start(machine: "m", name: nil, input: "{\"source\":{\"sha256\":\"\(digest)\"}}").execution
                .executionARN
        }
        func take(_ worker: String, incarnation: String = "i1") async throws -> TaskOffer? {
            try await engine.poll(poll(worker, incarnation: incarnation))
        }
        for _ in 0..<3 { _ = try await start() }
        var offers: [String: TaskOffer] = [:]
        for worker in ["a", "b", "c"] { offers[worker] = try await take(worker) }
        #expect(offers.count == 3)
        // A machine takes two of them along.
        for worker in ["a", "b"] { #expect(try await take(worker, incarnation: "i2") == nil) }
        let fourth = try await start()
        #expect(try await take("d")?.executionArn == fourth)
        #expect(try await engine.complete(try #require(offers["c"])))
        // One in a row again.
        #expect(try await take("d", incarnation: "i2") == nil)
        let fifth = try await start()
        #expect(try await take("e")?.executionArn == fifth)
        #expect(try await take("e", incarnation: "i2") == nil)
        _ = try await start()
        #expect(try await take("f") == nil, "two in a row")
        #expect(await engine.depths().parkedTasks == 1)
        await end(first)
    }

    @Test("an engine that another has taken over from holds no source for what it takes to be lost")
    func staleLosses() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": oneTask()])
        _ = try await first.engine.start(machine: "m", name: nil, input: "{\"source\":{\"sha256\":\"\(digest)\"}}")
        #expect(try await first.engine.poll(poll("w")) != nil)
        let second = try await stage.engine("e2")
        // The first has not heard of it, and hears that the worker's process is another one.
        #expect(try await first.engine.poll(poll("w", incarnation: "i2")) == nil)
        await first.engine.sourceWrites?.value
        while await !first.journal.leaseIsLost { await Task.yield() }
        await end(first)
        #expect(try await stage.query("SELECT 1 FROM showrunner.suspect").isEmpty)
        await end(second)
    }

    @Test("an attempt that failed by its worker's fault goes to another one")
    func elsewhere() async throws {
        let stage = try await Stage()
        let first = try await stage.engine("e1", machines: ["m": stubborn])
        let engine = first.engine
        _ = try await engine.start(machine: "m", name: nil, input: "{}")
        let offer = try #require(try await engine.poll(poll("bad")))
        #expect(try await engine.poll(poll("good")) == nil)
        let bad = Task { try await engine.poll(poll("bad", wait: 20)) }
        while await engine.waitingPolls == 0 { await Task.yield() }
        #expect(
            try await engine.fail(
                FailRequest(
                    token: offer.token,
                    failure: StepFailure(error: "E", cause: "no space", retry: .elsewhere))))
        #expect(try await engine.poll(poll("good", wait: 20)) != nil)
        bad.cancel()
        #expect(try await bad.value == nil)
        await end(first)
    }

    @Test("a worker set aside for its failures stays so after a takeover, until somebody vouches for it")
    func aside() async throws {
        let stage = try await Stage()
        let strict = rules { $0.quarantineAfter = 2 }
        let first = try await stage.engine("e1", machines: ["m": oneTask()], dispatchRules: strict)
        #expect(try await first.engine.poll(poll("good")) == nil)
        for name in ["a", "b", "c"] { _ = try await first.engine.start(machine: "m", name: name, input: "{}") }
        for _ in 0..<2 {
            let offer = try #require(try await first.engine.poll(poll("bad")))
            let failure = StepFailure(error: "E", cause: "no space", retry: .elsewhere)
            #expect(try await first.engine.fail(FailRequest(token: offer.token, failure: failure)))
        }
        #expect(try await first.engine.poll(poll("bad")) == nil)
        await end(first)
        let second = try await stage.engine("e2", dispatchRules: strict)
        #expect(try await second.engine.poll(poll("bad")) == nil)
        let standing = await second.engine.workers().first { $0.name == "bad" }?.standing
        #expect(standing?.aside["work"]?.contains("no space") == true)
        try await second.engine.setWorkerMode(.active, of: "bad", because: nil)
        #expect(try await stage.query("SELECT count(*) AS n FROM showrunner.worker_aside")[0].int("n") == 0)
        #expect(try await second.engine.poll(poll("bad")) != nil)
        await end(second)
    }

    @Test("alarms of the dispatcher that earlier ones have replaced leave none behind when they ring")
    func replacedAlarms() async throws {
        let stage = try await Stage()
        let rules = rules { rules in
            rules.rules = [
                DispatchRules.Rule(
                    step: "work", each: .pointer(["account"]), limit: TaskLimit(ratePerSecond: 0.001), label: "slow")
            ]
        }
        let first = try await stage.engine("e1", machines: ["m": oneTask()], dispatchRules: rules)
        let engine = first.engine
        for _ in 0..<2 { _ = try await engine.start(machine: "m", name: nil, input: #"{"account":"a"}"#) }
        #expect(try await engine.poll(poll("w")) != nil)
        let waiting = Task { try await engine.poll(poll("w", wait: 300)) }
        while await engine.waitingPolls == 0 { await Task.yield() }
        #expect(await engine.dispatchAlarms() == [false], "when the rate lets the second out")
        await engine.armReplaced(3)
        while await engine.dispatchAlarms().contains(true) { await Task.yield() }
        #expect(await engine.dispatchAlarms() == [false])
        waiting.cancel()
        #expect(try await waiting.value == nil)
        await end(first)
    }
}

extension Engine {
    /// For each alarm of the dispatcher whether it is due.
    fileprivate func dispatchAlarms() -> [Bool] {
        alarms.unordered.filter { $0.kind == .dispatch }.map { $0.at <= now }
    }

    /// Alarms that were armed before others that came earlier.
    fileprivate func armReplaced(_ count: Int) {
        for _ in 0..<count { arm(Alarm(at: now, execution: "", kind: .dispatch)) }
    }
}
