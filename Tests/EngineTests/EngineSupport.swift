import Cryptography
import Dispatching
@testable import Engine
import JSON
import Journal
import Logging
import Postgres
import PostgresTestSupport
import StatesLanguage
import StepContracts
import Testing
import WorkerProtocol

let silent = Logger(label: "engine-tests") { _ in SwiftLogNoOpLogHandler() }

/// A step that workers of the tests take.
let work = StepContract(
    name: "work", version: 1, summary: "Works.", runner: .mediaWorker, heartbeatSeconds: 3600, input: [], output: [])

/// A database on which engines of one test follow each other.
struct Stage: Sendable {
    let url: String

    init() async throws {
        url = try await TestDatabase.copy(of: "engine") { url in
            let journal = Journal(url: url, incarnation: "template", log: silent)
            try await journal.migrate()
            await journal.close(deadline: .seconds(10))
        }
    }

    /// An engine that serves, after it has taken over from whoever was active.
    ///
    /// - Parameter machines: definitions as JSON text, by name.
    func engine(
        _ incarnation: String, machines: [String: String] = [:], engineSteps: [any EngineStep] = [],
        contracts: [StepContract] = [work], buckets: (any ItemSource & ResultSink)? = nil,
        serviceTasks: [any ServiceTask] = [], keyRing: KeyRing? = nil, contentKeys: (any ContentKeySource)? = nil,
        archives: (any ArchiveSource)? = nil, limits: Engine.Limits = Engine.Limits(),
        dispatchRules: DispatchRules = .standard, decisionNote: (any DecisionNote)? = nil,
        bootClock: any Clock<Duration> = ContinuousClock()
    ) async throws -> (engine: Engine, journal: Journal) {
        let journal = Journal(url: url, incarnation: incarnation, log: silent)
        let engine = Engine(
            journal: journal, log: silent, contracts: contracts, engineSteps: engineSteps, serviceTasks: serviceTasks,
            itemSource: buckets, resultSink: buckets, keyRing: keyRing, contentKeys: contentKeys, archives: archives,
            limits: limits, dispatchRules: dispatchRules, decisionNote: decisionNote, bootClock: bootClock)
        try await engine.activate(holder: incarnation, isDead: { _ in true })
        try await serve(engine, machines)
        return (engine, journal)
    }

    func serve(_ engine: Engine, _ machines: [String: String] = [:]) async throws {
        try await engine.loadMachines()
        for (name, definition) in machines.sorted(by: { $0.key < $1.key }) {
            let reading = Definition.read(json: definition)
            let machine = try #require(reading.machine, "\(reading.diagnostics)")
            try await engine.deploy(name: name, machine: machine, definition: try JSON(parsing: definition))
        }
        await engine.beginServing()
        // Nobody renews the lease while a test goes on, for an hour at most.
        await engine.noteLeaseRenewed(at: engine.time + 3_600_000_000)
    }

    /// Of the one machine there is; nil when it is removed.
    func machineStatus() async throws -> String? {
        try await query("SELECT status FROM showrunner.machine").first?.text("status")
    }

    func query(_ sql: String, _ parameters: [PostgresValue] = []) async throws -> PostgresResult {
        let connection = try await PostgresConnection.connect(
            url, applicationName: "engine-tests", deadline: .seconds(10))
        do {
            let result = try await connection.query(sql, parameters, deadline: .seconds(10))
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}

/// Ends engines and their connections in order.
func end(_ engines: (engine: Engine, journal: Journal)...) async {
    for (engine, journal) in engines {
        await engine.stop()
        await journal.close(deadline: .seconds(10))
    }
}

/// A machine of one task.
func oneTask(_ fields: String = "", top: String = "") -> String {
    #"""
    {"StartAt":"A",\#(top)"States":{"A":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work",\#(fields)
      "End":true}}}
    """#
}

func poll(
    worker: String = "w1", incarnation: String = "i1", steps: [String] = ["work"], waitSeconds: Int = 300
) -> PollRequest {
    PollRequest(
        worker: worker, incarnation: incarnation, version: "1", steps: steps, slots: 1, waitSeconds: waitSeconds)
}

extension Engine {
    /// Begins a poll and returns once it waits in the engine.
    func waitingPoll(_ worker: String) async -> Task<TaskOffer?, any Error> {
        let offer = Task { try await self.poll(EngineTests.poll(worker: worker)) }
        while await !workers().contains(where: { $0.name == worker }) { await Task.yield() }
        return offer
    }

    /// Polls and demands a task. Again and again, as workers do: on a busy machine one poll's time may be over before what it
    /// waits for has come about.
    func take(_ worker: String = "w1", incarnation: String = "i1") async throws -> TaskOffer {
        for _ in 0..<10 {
            if let offer = try await poll(EngineTests.poll(worker: worker, incarnation: incarnation)) { return offer }
        }
        return try #require(try await poll(EngineTests.poll(worker: worker, incarnation: incarnation)))
    }

    func complete(_ offer: TaskOffer, _ output: JSON = [:]) async throws -> Bool {
        try await complete(CompleteRequest(token: offer.token, output: output))
    }

    func fail(_ offer: TaskOffer, _ error: String) async throws -> Bool {
        try await fail(
            FailRequest(token: offer.token, failure: StepFailure(error: error, cause: "because", retry: .transient)))
    }

    func heartbeat(_ token: String) throws -> HeartbeatReply.Status? {
        try heartbeat(
            HeartbeatRequest(
                worker: "w1", incarnation: "i1", tasks: [HeartbeatRequest.LiveTask(token: token, progress: nil)])
        ).tasks.first?.status
    }
}

/// The first update that the condition holds for.
func first(in updates: AsyncStream<RunUpdate>, _ condition: (RunUpdate) -> Bool) async throws -> RunUpdate {
    for await update in updates where condition(update) { return update }
    throw TestSupportError("the updates ended")
}
