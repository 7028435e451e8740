import Cryptography
import Engine
import Interpreter
import JSON
import Journal
import StatesLanguage

/// One run of a seed: machines, executions, engines that follow each other or overlap, workers, people who stop and redrive,
/// and everything going wrong for a while; then nothing goes wrong any more, and all must end.
///
/// Unchecked: all happens on the scheduler's thread.
final class Scenario: @unchecked Sendable {
    let seed: UInt64
    let trace: Trace
    let server: ModelServer
    let book = Book()
    let machines: [String: EngineProcess.Deployed]
    let reference: Reference
    private(set) var hasFaults = true
    private(set) var isOver = false
    private(set) var processes: [EngineProcess] = []
    private var dice: Dice
    /// Of its own, so that a seed's other events stay what they were.
    private var rushDice: Dice
    private var processCount = 0
    private var callers = 0
    /// How many processes are kept running at a time.
    private let width: Int
    /// Processes that are to die at a statement do so among their first so many.
    private let crashRange: Int
    /// Between two disturbances, at most, in microseconds.
    private let quiet: Int64
    /// Whether rows are lost as ``Stranding`` has it.
    private let isStranded: Bool
    /// How many workers more may fall silent while nothing else goes wrong: whoever waits for them is alone with that.
    private var silences = 4

    /// Virtual time, in microseconds: from here on nothing goes wrong any more; by then all must have ended.
    private let calm: Int64
    private static let limit: Int64 = 3_600_000_000

    init(seed: UInt64, isPrinted: Bool) {
        self.seed = seed
        dice = Dice(seed: seed)
        rushDice = Dice(seed: seed ^ 0x7275_7368)
        trace = Trace(isPrinted: isPrinted)
        server = ModelServer(seed: dice.next(), trace: trace)
        calm = dice.roll(10_000_000...120_000_000)
        let isStranded = seed.isMultiple(of: 2)
        self.isStranded = isStranded
        // Nobody else can take over where there is one.
        width = dice.once(in: 3) && !isStranded ? 1 : 2
        server.faultOneIn = [6, 12, 20, 60, nil].randomElement(using: &dice) ?? nil
        crashRange = [30, 100, 300].randomElement(using: &dice) ?? 100
        quiet = [4_000_000, 12_000_000, 40_000_000].randomElement(using: &dice) ?? 12_000_000
        var writer = MachineWriter(dice: Dice(seed: dice.next()), leaves: [])
        var machines: [String: JSON] = [
            "leaf1": writer.definition(depth: 0), "leaf2": writer.definition(depth: 1), "paths": MachineWriter.paths,
            "children": MachineWriter.children,
        ]
        for name in ["main1", "main1b", "main2"] {
            var writer = MachineWriter(dice: Dice(seed: dice.next()), leaves: ["leaf1", "leaf2", "paths"])
            machines[name] = writer.definition()
        }
        let deployed = machines.reduce(into: [String: EngineProcess.Deployed]()) { all, entry in
            let reading = Definition.read(json: entry.value.text)
            guard let machine = reading.machine else {
                preconditionFailure("a machine of the simulation is wrong: \(reading.diagnostics) \(entry.value.text)")
            }
            all[entry.key] = EngineProcess.Deployed(
                key: entry.key, name: entry.key == "main1b" ? "main1" : entry.key, text: entry.value, machine: machine)
        }
        self.machines = deployed
        reference = Reference(
            deployed.mapValues { ($0.machine, SHA256.hash($0.text.text).hex) })
    }

    /// Plays it and says what is wrong.
    func run() -> [String] {
        Scheduler.shared.reset()
        if trace.isPrinted {
            for (name, machine) in machines.sorted(by: { $0.key < $1.key }) { print("\(name) \(machine.text.text)") }
        }
        for _ in 0..<width { startProcess() }
        for number in 0..<Int.random(in: 1...3, using: &dice) {
            ModelWorker("worker\(number)", self, dice: Dice(seed: dice.next())).start()
        }
        startCallers()
        if rushDice.once(in: 2) { rush("early") }
        disturb()
        if isStranded { Stranding(self).begin() }
        Scheduler.shared.after(calm) { [self] in becomeCalm() }
        watchMemory()
        releaseParked()
        let isOver = Scheduler.shared.run(seed: dice.next(), limit: Self.limit) { [self] in hasEnded }
        self.isOver = true
        var faults = book.faults
        if !isOver { faults.append("not everything has ended: \(unfinished)") }
        return faults + Invariants(self).check()
    }

    private var hasEnded: Bool {
        !hasFaults && callers == 0
            && server.database.list.values.allSatisfy { $0.status != "RUNNING" }
            && processes.contains { $0.host.state == .running }
    }

    private var unfinished: String {
        let open = server.database.list.values.filter { $0.status == "RUNNING" }.map {
            "\($0.machine):\($0.name) \($0.executionID)"
        }
        return
            "\(callers) callers; \(open.joined(separator: ", ")); \(processes.map { "\($0.incarnation) \($0.host.state)" })"
    }

    /// The machine whose definition has this hash.
    func machine(_ hash: String) -> StateMachine? { reference.machine(hash) }

    // MARK: Processes

    private func startProcess() {
        processCount += 1
        let crashAt = hasFaults && dice.once(in: 2) ? Int.random(in: 1...crashRange, using: &dice) : nil
        // A release brings another definition of one machine; what runs keeps its own.
        let left = dice.once(in: 2) ? "main1" : "main1b"
        let definitions = machines.values.filter { $0.key != left }.sorted { $0.key < $1.key }
        let process = EngineProcess(
            "e\(processCount)", server, definitions, crashAt: crashAt, dice: Dice(seed: dice.next()))
        processes.append(process)
        _ = process.host.onDeath { [self] in
            trace.note("\(process.incarnation) is dead")
            trace.count("engine died")
            processes.removeAll { $0 === process }
            Scheduler.shared.after(dice.roll(50_000...6_000_000)) { [self] in startProcess() }
        }
        let knowsDead = dice.once(in: 2)
        process.start { [self] holder in
            knowsDead && !processes.contains { $0.incarnation == holder }
        }
    }

    /// Whom a caller reaches: mostly the one that serves, now and then another.
    func reachable(_ dice: inout Dice) -> EngineProcess? {
        let holder = server.database.lease?.incarnation
        if let active = processes.first(where: { $0.incarnation == holder }), !hasFaults || !dice.once(in: 8) {
            return active
        }
        return processes.randomElement(using: &dice)
    }

    // MARK: What goes wrong

    private func disturb() {
        Scheduler.shared.after(dice.roll(500_000...quiet)) { [self] in
            guard hasFaults else { return }
            switch Int.random(in: 0..<6, using: &dice) {
            case 0, 1: kill()
            case 2, 3: freeze()
            case 4: server.goDown(for: dice.roll(100_000...15_000_000))
            default:
                if let process = processes.randomElement(using: &dice), process.host.state == .running {
                    trace.count("engine shut down")
                    process.shutDown()
                }
            }
            disturb()
        }
    }

    private func kill() {
        guard let process = processes.randomElement(using: &dice) else { return }
        process.host.die()
    }

    /// A process stands still for a while, longer than its lease or not, and then goes on as if nothing had happened.
    private func freeze() {
        guard let process = processes.randomElement(using: &dice), process.host.state == .running else { return }
        trace.note("\(process.incarnation) is frozen")
        trace.count("engine frozen")
        process.host.freeze()
        Scheduler.shared.after(dice.roll(1_000_000...40_000_000)) { [self] in thaw(process) }
    }

    /// Whether a worker may fall silent now.
    func maySilence() -> Bool {
        guard !hasFaults else { return true }
        silences -= 1
        if silences >= 0 { trace.count("silent in calm") }
        return silences >= 0
    }

    /// Somebody was told that an attempt is over.
    func refused(_ token: String) {
        if let fault = Invariants(self).refusalFault(token) { book.fault(fault) }
    }

    func thaw(_ process: EngineProcess) {
        guard process.host.state == .frozen else { return }
        trace.note("\(process.incarnation) goes on")
        process.host.thaw()
    }

    private func becomeCalm() {
        trace.note("calm")
        hasFaults = false
        server.faultOneIn = nil
        for process in processes { thaw(process) }
        if rushDice.once(in: 2) { rush("late") }
    }

    // MARK: People

    /// Some time passes.
    func pause(_ microseconds: Int64) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            Scheduler.shared.after(microseconds) { continuation.resume() }
        }
    }

    private func startCallers() {
        for number in 0..<Int.random(in: 2...7, using: &dice) {
            let machine =
                ["leaf2", "main1", "main1", "main2", "main2", "paths", "children"].randomElement(using: &dice)
                ?? "main1"
            let input = "{\"v\":\(Int.random(in: 0..<40, using: &dice))}"
            let name = "run\(number)"
            // Two that ask for the same at once are told of the same execution.
            for _ in 0..<(dice.once(in: 4) ? 2 : 1) {
                perform(after: dice.roll(0...20_000_000)) { [self] dice in
                    await start(machine, name, input, &dice)
                }
            }
            if dice.once(in: 5) {
                perform(after: dice.roll(1_000_000...60_000_000)) { [self] dice in
                    await clash(machine, name, &dice)
                }
            }
            if dice.once(in: 5) {
                perform(after: dice.roll(1_000_000...60_000_000)) { [self] dice in
                    await stop(machine, name, &dice)
                }
            }
            for _ in 0..<Int.random(in: 0...2, using: &dice) {
                perform(after: dice.roll(10_000_000...200_000_000)) { [self] dice in
                    await redrive(machine, name, &dice)
                }
            }
            for _ in 0..<Int.random(in: 0...2, using: &dice) { crowd(machine, name) }
            if machine == "children" || dice.once(in: 6) {
                perform(after: dice.roll(3_000_000...40_000_000)) { [self] dice in
                    await restart(machine, name, &dice)
                }
            }
        }
    }

    /// Several people do several things to one execution at about the same time.
    private func crowd(_ machine: String, _ name: String) {
        let instant = dice.roll(5_000_000...100_000_000)
        for _ in 0..<Int.random(in: 2...8, using: &dice) {
            let action = Int.random(in: 0..<3, using: &dice)
            perform(after: instant + dice.delay(upTo: 300_000)) { [self] dice in
                switch action {
                case 0: await stop(machine, name, &dice)
                case 1: await redrive(machine, name, &dice)
                default: await look(machine, name, &dice)
                }
            }
        }
    }

    /// Many ask for the same few executions at the same moment, some times over: batches that are under way at once want the
    /// same names.
    private func rush(_ word: String) {
        var instant: Int64 = 0
        for round in 0..<Int.random(in: 1...5, using: &rushDice) {
            instant += rushDice.roll(1_000_000...8_000_000)
            Scheduler.shared.after(instant) { [self] in server.beSlow(for: 1_000_000) }
            let names = (0..<Int.random(in: 2...4, using: &rushDice)).map { "\(word)\(round)-\($0)" }
            for _ in 0..<Int.random(in: 3...6, using: &rushDice) {
                for name in names.shuffled(using: &rushDice) {
                    perform(after: instant + rushDice.roll(0...500_000), seed: rushDice.next()) { [self] dice in
                        await start("leaf1", name, "{\"v\":7}", &dice)
                    }
                }
            }
        }
    }

    private func perform(after delay: Int64, _ action: @escaping (inout Dice) async -> Void) {
        perform(after: delay, seed: dice.next(), action)
    }

    private func perform(after delay: Int64, seed: UInt64, _ action: @escaping (inout Dice) async -> Void) {
        callers += 1
        nonisolated(unsafe) let action = action
        Task.detached { [self] in
            await pause(delay)
            var dice = Dice(seed: seed)
            await action(&dice)
            callers -= 1
        }
    }

    /// Asks some engine until one answers: with a value, or with a refusal that is final.
    private func insist<Value: Sendable>(
        _ dice: inout Dice, _ body: @escaping @Sendable (Engine) async throws -> Value
    ) async -> Result<Value, EngineError> {
        while true {
            if let process = reachable(&dice) {
                do {
                    return .success(try await process.call(body))
                } catch let error as EngineError where error.code != .unavailable {
                    return .failure(error)
                } catch {}
            }
            await pause(dice.roll(50_000...3_000_000))
        }
    }

    private func arn(_ machine: String, _ name: String) -> String { ARN.execution(machine: machine, name: name) }

    private func start(_ machine: String, _ name: String, _ input: String, _ dice: inout Dice) async {
        switch await insist(&dice, { try await $0.start(machine: machine, name: name, input: input).execution }) {
        case .success(let started): book.start(of: name, was: "\(started.startDateMicroseconds)")
        case .failure(let error): book.fault("\(name) could not be started: \(error)")
        }
    }

    /// The same name with another input is refused, once it is taken.
    private func clash(_ machine: String, _ name: String, _ dice: inout Dice) async {
        guard book.started[name] != nil else { return }
        switch await insist(&dice, { try await $0.start(machine: machine, name: name, input: "{\"v\":-1}") }) {
        case .success: book.fault("\(name) was started with two inputs")
        case .failure(let error):
            if error.code != .nameTaken { book.fault("\(name) with another input: \(error)") }
        }
    }

    private func stop(_ machine: String, _ name: String, _ dice: inout Dice) async {
        guard book.started[name] != nil else { return }
        book.stop(name)
        let arn = arn(machine, name)
        switch await insist(&dice, { try await $0.stop(arn, error: "Stopped", cause: "by hand") }) {
        case .success: trace.count("stopped by hand")
        case .failure(let error): book.fault("\(name) could not be stopped: \(error)")
        }
    }

    private func look(_ machine: String, _ name: String, _ dice: inout Dice) async {
        guard book.started[name] != nil else { return }
        let arn = arn(machine, name)
        switch await insist(&dice, { try await $0.run(arn).run.name }) {
        case .success(let found): if found != name { book.fault("\(found) was found as \(name)") }
        case .failure(let error): book.fault("\(name) was not found: \(error)")
        }
    }

    private func redrive(_ machine: String, _ name: String, _ dice: inout Dice) async {
        guard book.started[name] != nil else { return }
        let arn = arn(machine, name)
        switch await insist(&dice, { try await $0.redrive(arn, token: nil) }) {
        case .success:
            trace.count("redriven")
            book.redrive(name)
        case .failure(let error):
            if error.code != .notRedrivable { book.fault("\(name) could not be redriven: \(error)") }
        }
    }

    /// Stops and redrives an execution again and again, each time as soon as it may be: its children are still about to end.
    private func restart(_ machine: String, _ name: String, _ dice: inout Dice) async {
        guard book.started[name] != nil else { return }
        let arn = arn(machine, name)
        for _ in 0..<Int.random(in: 1...4, using: &dice) {
            await stop(machine, name, &dice)
            switch await insist(&dice, { try await $0.redrive(arn, token: nil) }) {
            case .success:
                trace.count("restarted")
                book.redrive(name)
            case .failure(let error):
                if error.code != .notRedrivable { book.fault("\(name) could not be redriven: \(error)") }
            }
            await pause(dice.delay(upTo: 6_000_000))
        }
    }

    /// Somebody looks now and then at what is parked, and lets it be tried again.
    private func releaseParked() {
        Scheduler.shared.after(dice.roll(2_000_000...30_000_000)) { [self] in
            guard !isOver else { return }
            if let process = reachable(&dice) {
                Task.detached { [self] in
                    do {
                        for (execution, entry) in try await process.call({ await $0.parkedTasks() }) {
                            _ = try await process.call { try await $0.releaseTask(entry, of: execution) }
                            trace.count("released a parked task")
                        }
                    } catch {
                        trace.note("what is parked was not released: \(error)")
                    }
                }
            }
            releaseParked()
        }
    }

    // MARK: Memory

    /// Looks now and then whether what an engine holds is the fold of what the journal has.
    private func watchMemory() {
        Scheduler.shared.after(dice.roll(500_000...5_000_000)) { [self] in
            guard !isOver else { return }
            if let process = processes.randomElement(using: &dice), process.host.state == .running {
                Task.detached { [self] in
                    for run in await process.engine.executionsInMemory() {
                        if let fault = Invariants(self).memoryFault(run.execution, rows: run.rows) {
                            book.fault("\(process.incarnation): \(fault)")
                        }
                    }
                }
            }
            watchMemory()
        }
    }
}
