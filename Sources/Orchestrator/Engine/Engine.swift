public import Cryptography
import DequeModule
public import Dispatching
import HeapModule
import Interpreter
import JSON
public import Journal
public import Logging
public import StatesLanguage
public import StepContracts

/// The shell around the interpreter: receives, decides, commits, dispatches. The only place where executions live in
/// memory; what it holds is the fold of the journal and can be thrown away at any moment.
///
/// Nothing derived from an uncommitted row leaves the engine: tasks, replies and updates follow the commit.
public actor Engine {
    /// What an engine may be told at its start. Bytes unless said otherwise.
    public struct Limits: Sendable {
        /// Inputs, task outputs: as AWS has it.
        public var payloadBytes = 262_144
        /// Executions open at the same time; a start beyond is refused as unavailable.
        public var openExecutions = 100_000
        /// As AWS has it.
        public var machines = 10_000
        /// As AWS has it.
        public var activities = 10_000
        /// As EventBridge has it.
        public var connections = 3_000
        /// Workers' long polls waiting at the same time.
        public var waitingPolls = 1_000
        /// Polls of GetActivityTask waiting at the same time, of all activities together; AWS has 1,000 an activity.
        public var activityPolls = 1_000
        /// Callers of StartSyncExecution waiting at the same time.
        public var synchronousExecutions = 500
        /// Calls to the outside at the same time: services' tasks, reading items, writing results.
        public var calls = 64
        /// Workers remembered before those long silent are forgotten.
        public var workers = 1_000
        /// Sources that a worker was lost with and that are not quarantined, and addresses whose content is known: so many are
        /// remembered of each.
        public var sourcesCounted = 10_000
        /// Streams of updates at the same time.
        public var observers = 256
        /// Open executions that wait and are not in memory; a start beyond is refused as unavailable.
        public var coldExecutions = 2_000_000
        /// How long an execution has to wait for nothing but time or an answer from outside before it leaves memory, and how
        /// far away the next thing to do has to be.
        public var idleTime = Duration.seconds(30)
        /// Rows are folded at a load until they have so many bytes and outweigh the last snapshot.
        public var snapshotBytes = 64 << 10

        public init() {}
    }

    let journal: Journal
    let log: Logger
    let limits: Limits
    /// Steps that the engine runs itself, by name.
    let engineSteps: [String: any EngineStep]
    /// Contracts of all steps, by resource.
    let contracts: [String: StepContract]
    /// The same as the linter knows them.
    let contractViews: [String: StepContractView]
    /// Services' tasks that the engine does itself, by resource.
    let serviceTasks: [String: any ServiceTask]
    /// What machines made over the wire may have as Resources.
    let supported: SupportedResources
    /// Under what the secrets of connections are sealed; nil where none may be kept.
    let keyRing: KeyRing?
    /// Nil where no film is protected.
    let contentKeys: (any ContentKeySource)?
    /// For ItemReaders and ResultWriters.
    let itemSource: (any ItemSource)?
    let resultSink: (any ResultSink)?
    /// Where executions are read that left the database; nil where none can be.
    let archives: (any ArchiveSource)?
    /// The last one that was.
    var archived: (id: String, rows: [StoredRow])?
    /// By which all waiting runs; where ids, nonces and seeds come from.
    let bootClock: any Clock<Duration>
    let randomBytes: RandomBytes
    /// Calls to the outside that are under way.
    var calls: CallGate

    var clock: EngineClock?
    var runs: [String: Run] = [:]
    var outbox = Outbox()
    /// Services' tasks of loaded executions, to be done once more when calls are answered.
    var repeatedCalls: [(service: any ServiceTask, entry: EntryID, nonce: String, run: Run)] = []
    /// Tasks of loaded executions that start others, likewise.
    var repeatedStarts: [(kind: NestedStart, entry: EntryID, nonce: String, run: Run)] = []
    /// Child executions for which there was no room: see ``Limits/openExecutions``.
    var postponedChildren: Deque<PostponedChild> = []
    /// Executions that can't be loaded: what belongs to them is left alone.
    var unreadable: Set<String> = []
    /// Machines whose deletion the database has not answered: it goes on after a pause.
    var pausedDeletions: Set<String> = []
    /// Open executions that are not in memory for the moment: their tasks are neither over nor to be answered.
    var reloading: Set<String> = []
    /// Ended executions that somebody is about to take into memory again.
    var reopenings: [String: Reopening] = [:]
    /// Executions in memory by machine.
    var openRuns: [String: Int] = [:]
    /// Open executions that are not in memory, because they wait.
    var cold = ColdRuns()
    /// Where pages of histories were told from last.
    var historyPlaces = HistoryPlaces()
    /// Snapshots written.
    var snapshotCount = 0

    var machines: [String: Machine] = [:]
    var figureReadings = FigureReadings()
    var activities: [String: Activity] = [:]
    /// By name.
    var connections: [String: StoredConnection] = [:]
    var definitions = DefinitionCache()
    /// By alias.
    var routingDecks: [String: RoutingDeck] = [:]
    /// One change of machines, aliases and activities at a time.
    var isRegistryBusy = false
    var registryWaiters: Deque<CheckedContinuation<Void, Never>> = []
    /// Known once the machines are loaded.
    var pageTokens: PageTokens?

    /// Nil where nobody looks after an engine's end.
    let decisionNote: (any DecisionNote)?
    /// Executions that engines have ended with, and starts.
    var suspects: [String: SetAside] = [:]
    /// By digest, or by address where that is all that is known.
    var sourceLosses: [String: SourceLosses] = [:]
    /// The digest of what lies at an address, as the worker told that has read it last.
    var sourceContents: [String: String] = [:]
    /// The last change of those in the database.
    var sourceWrites: Task<Void, Never>?
    let dispatchRules: DispatchRules
    var dispatcher: Dispatcher
    /// Entries to be dispatched once all executions are loaded.
    var undispatched: [(EntryID, Run)] = []
    var isLoading = false
    /// When the dispatcher is looked at again.
    var dispatchAlarm: Int64?
    var pollers: [UInt64: Poller] = [:]
    var pollCount: UInt64 = 0
    /// Callers that wait for the end of the execution they started.
    var synchronousCount = 0
    var workerRecords: [String: WorkerRecord] = [:]
    var leases: [LeaseKey: Lease] = [:]
    var standstill = StandstillWatch()
    /// Answers to attempts that were over already.
    var staleAnswers = 0

    var alarms: Heap<Alarm> = []
    /// With more of them those that come to nothing are dropped.
    var alarmsBeforeSweep = Engine.fewestAlarmsSwept
    var alarmTask: Task<Void, Never>?
    var armedAt: Int64?

    /// What starts executions by itself.
    var scheduling = Scheduling()
    /// See ``EndHorizon/latest``.
    var latestEnd: Int64 = 0

    var observers: [UInt64: Observer] = [:]
    var observerCount: UInt64 = 0
    var isServing = false
    /// Until when nobody else can have taken the lease.
    var leaseIsCertainUntil: Int64 = 0
    var isStopping = false

    /// - Parameters:
    ///   - bootClock: a clock that no change of the wall clock moves.
    ///   - randomBytes: cryptographically secure.
    public init(
        journal: Journal, log: Logger, contracts: [StepContract], engineSteps: [any EngineStep] = [],
        serviceTasks: [any ServiceTask] = [], itemSource: (any ItemSource)? = nil, resultSink: (any ResultSink)? = nil,
        keyRing: KeyRing? = nil, contentKeys: (any ContentKeySource)? = nil, archives: (any ArchiveSource)? = nil,
        limits: Limits = Limits(), dispatchRules: DispatchRules = .standard, decisionNote: (any DecisionNote)? = nil,
        bootClock: any Clock<Duration> = ContinuousClock(),
        randomBytes: @escaping RandomBytes = Cryptography.randomBytes
    ) {
        self.journal = journal
        self.log = log
        self.limits = limits
        self.dispatchRules = dispatchRules
        self.decisionNote = decisionNote
        var settings = Dispatcher.Settings()
        settings.failuresInRow = dispatchRules.quarantineAfter
        dispatcher = Dispatcher(settings: settings)
        self.contracts = Dictionary(uniqueKeysWithValues: contracts.map { ($0.resource, $0) })
        self.contractViews = Dictionary(
            uniqueKeysWithValues: contracts.filter { $0.resource.hasPrefix(StepContract.resourcePrefix) }.map {
                contract in
                (
                    contract.name,
                    StepContractView(
                        name: contract.name,
                        input: contract.input.map {
                            StepContractView.Member(name: $0.name, kind: $0.kind.rawValue, isRequired: $0.isRequired)
                        }, errors: contract.errors)
                )
            })
        self.serviceTasks = Dictionary(
            uniqueKeysWithValues: serviceTasks.flatMap { task in task.resources.map { ($0, task) } })
        supported = SupportedResources(
            contracts: contracts, services: serviceTasks.flatMap(\.resources))
        self.keyRing = keyRing
        self.contentKeys = contentKeys
        self.archives = archives
        self.itemSource = itemSource
        self.resultSink = resultSink
        self.bootClock = bootClock
        self.randomBytes = randomBytes
        self.calls = CallGate(limit: limits.calls)
        self.engineSteps = Dictionary(uniqueKeysWithValues: engineSteps.map { ($0.contract.name, $0) })
    }

    /// Whether calls are answered: the lease is held, all open executions are loaded and the machines are deployed.
    public var isReady: Bool { isServing && !isStopping }

    /// From now on calls are answered; to be called after ``activate(holder:isDead:)`` and the deployments.
    public func beginServing() {
        precondition(clock != nil, "an engine serves once it is active")
        isServing = true
        repeatStarts()
        beginSchedules()
    }

    /// Engine time; traps before ``activate(holder:isDead:)``.
    var now: Int64 {
        guard let clock else { preconditionFailure("engine time is known only once the engine is active") }
        return clock.now
    }

    /// What marks of pages are written as where they leave the engine. Throws `.unavailable` before it serves.
    public func marks() throws(EngineError) -> PageTokens {
        guard let pageTokens else { throw EngineError.unavailable("The engine is starting.") }
        return pageTokens
    }

    /// The lease was taken or renewed by a call that began at this instant of ``time``.
    ///
    /// From then on, without a further renewal, what memory alone says is not told to workers: another engine may have
    /// handed their tasks on by now, or know of tasks that this one does not.
    public func noteLeaseRenewed(at instant: Int64) {
        leaseIsCertainUntil = instant + Int64(Self.leaseValidity / .microseconds(1))
    }

    /// Engine time, in microseconds since 1970; not before ``activate(holder:isDead:)``.
    public var time: Int64 { now }

    /// Another engine is active: nothing is answered any more, and the process ends.
    public func noteLeaseLost() { isServing = false }

    /// Before a refusal that memory alone gives a reason for. Throws `.unavailable` while another engine may know better.
    func requireCertainLease() throws(EngineError) {
        if leaseIsCertainUntil <= now {
            throw EngineError.unavailable("Another engine may have taken over.")
        }
    }

    func requireReady() throws(EngineError) {
        guard isReady else {
            throw EngineError(code: .unavailable, message: "The engine is starting, stopping or standing by.")
        }
    }

    /// Hashes for `States.Hash`, and for whoever evaluates the language's expressions beside the engine.
    public static let digest: EvaluationScope.Digest = { algorithm, bytes in
        guard let digest = MessageDigest(rawValue: algorithm.rawValue) else {
            preconditionFailure("the language and OpenSSL name \(algorithm.rawValue) alike")
        }
        return digest.hex(of: bytes)
    }
}
