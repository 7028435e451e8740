import Engine
import JSON
import Journal
import Logging
import Postgres
import StatesLanguage
import StepContracts

/// One process of `showrunner engine`: it lives as `EngineService` has it, and dies when it loses the lease, when an error
/// is thrown, or when it is told to.
///
/// Unchecked: all happens on the scheduler's thread.
final class EngineProcess: @unchecked Sendable {
    let host: Host
    let incarnation: String
    let engine: Engine
    let journal: Journal
    private let client: Client
    private let clock: VirtualClock
    private let definitions: [Deployed]
    private let trace: Trace
    private var dice: Dice
    private var life: Task<Void, Never>?
    private var isActive = false
    private var isShuttingDown = false

    /// A definition that every process deploys.
    struct Deployed: Sendable {
        let key: String
        /// The machine's; two definitions may be of one.
        let name: String
        let text: JSON
        let machine: StateMachine
    }

    static let work = StepContract(
        name: "work", version: 1, summary: "Works.", runner: .mediaWorker, heartbeatSeconds: 6, input: [], output: [])

    init(_ incarnation: String, _ server: ModelServer, _ definitions: [Deployed], crashAt: Int?, dice: Dice) {
        var dice = dice
        let host = Host(incarnation)
        let client = Client(host, crashAt: crashAt, dice: Dice(seed: dice.next()))
        let clock = VirtualClock(host: host)
        let log = Logger(label: incarnation) { [trace = server.trace] in TraceLog(trace: trace, process: $0) }
        self.host = host
        self.incarnation = incarnation
        self.client = client
        self.clock = clock
        self.definitions = definitions
        trace = server.trace
        var settings = JournalSettings()
        settings.appendConnections = Int.random(in: 1...2, using: &dice)
        journal = Journal(
            url: "", incarnation: incarnation, log: log, settings: settings,
            connector: { (_, _, _, _) async throws(PostgresError) in
                try await ModelConnection.connect(server, client)
            }, clock: clock)
        // So low that what waits leaves memory, and what goes on is written out.
        var limits = Engine.Limits()
        limits.idleTime = .milliseconds(Int64.random(in: 0...1_500, using: &dice))
        limits.snapshotBytes = Int.random(in: 1...4_000, using: &dice)
        let bytes = ByteSource(Dice(seed: dice.next()))
        self.dice = dice
        engine = Engine(
            journal: journal, log: log, contracts: [Self.work, Announcement.contract],
            engineSteps: [Announcement()], limits: limits, bootClock: clock, randomBytes: { bytes.take($0) })
    }

    /// - Parameter isDead: whether a holder is known to run no more.
    func start(isDead: @escaping @Sendable (String) -> Bool) {
        trace.note("\(incarnation) starts")
        life = Task.detached { [self] in
            do {
                try await live(isDead)
            } catch {
                trace.note("\(incarnation) ends: \(error)")
            }
            host.die()
        }
    }

    private func live(_ isDead: @Sendable (String) -> Bool) async throws {
        try await engine.activate(holder: incarnation, isDead: isDead)
        isActive = true
        try await engine.loadMachines()
        for definition in definitions {
            try await engine.deploy(name: definition.name, machine: definition.machine, definition: definition.text)
        }
        await engine.beginServing()
        trace.note("\(incarnation) serves")
        trace.count("takeover")
        Task.detached { [self] in
            await journal.waitUntilLeaseIsLost()
            guard await journal.leaseIsLost, !isShuttingDown else { return }
            trace.note("\(incarnation) has lost the lease")
            trace.count("lease lost")
            await engine.noteLeaseLost()
            host.die()
        }
        while !isShuttingDown {
            try await clock.sleep(for: .seconds(3))
            do {
                let began = await engine.time
                guard try await journal.renewLease() else { return }
                await engine.noteLeaseRenewed(at: began)
            } catch {
                trace.note("\(incarnation) could not renew the lease: \(error)")
            }
        }
        await engine.stop()
        await journal.close(deadline: .seconds(10))
        try await journal.releaseLease()
    }

    /// Ends as after SIGTERM: polls first, then what stands by gives up; what is active gives the lease back.
    func shutDown() {
        trace.note("\(incarnation) shuts down")
        isShuttingDown = true
        Task.detached { [engine] in await engine.stop() }
        if !isActive { life?.cancel() }
    }

    /// A call over the network: it, or its answer, may be lost, and either takes its time.
    func call<Value: Sendable>(
        patience: Duration = .seconds(60), _ body: @escaping @Sendable (Engine) async throws -> Value
    ) async throws -> Value {
        let call = Call<Value>()
        let (there, back) = (dice.delay(upTo: 50_000), dice.delay(upTo: 50_000))
        return try await withUnsafeThrowingContinuation { continuation in
            call.continuation = continuation
            guard host.state != .dead else { return call.end(.failure(CallFailure.connection)) }
            let mourner = host.onDeath { call.end(.failure(CallFailure.connection)) }
            Scheduler.shared.after(patience.wholeMicroseconds) { call.end(.failure(CallFailure.patience)) }
            Scheduler.shared.after(there) { [host, engine] in
                host.deliver {
                    Task.detached {
                        let result: Result<Value, any Error>
                        do { result = .success(try await body(engine)) } catch { result = .failure(error) }
                        host.deliver {
                            host.forget(mourner)
                            Scheduler.shared.after(back) { call.end(result) }
                        }
                    }
                }
            }
        }
    }
}

/// Why a call has no answer.
enum CallFailure: Error { case connection, patience }

/// A call on its way, ended once.
private final class Call<Value: Sendable>: @unchecked Sendable {
    var continuation: UnsafeContinuation<Value, any Error>?

    func end(_ result: Result<Value, any Error>) {
        guard let continuation else { return }
        self.continuation = nil
        continuation.resume(with: result)
    }
}

/// Bytes from a seed where an engine asks for secure ones.
private final class ByteSource: @unchecked Sendable {
    private var dice: Dice

    init(_ dice: Dice) { self.dice = dice }

    func take(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &dice) } }
}

/// A step of the engine's own: a title becomes visible in the statement that records its success.
struct Announcement: EngineStep {
    static let contract = StepContract(
        name: "announce", version: 1, summary: "Writes a title.", runner: .engine, input: [], output: [])

    var contract: StepContract { Self.contract }

    func prepare(execution: String, input: JSON) async throws(StepFailure) -> PreparedStep {
        let title = "\(execution) \(input["title"]?.stringValue ?? "")"
        return PreparedStep(
            output: ["v": input["v"] ?? 0],
            statement: AttachedStatement { first in
                (
                    """
                    announced AS (INSERT INTO simulation.title (name, execution_id)
                        SELECT $\(first), execution_id FROM appended)
                    """, [.text(title)]
                )
            })
    }
}
