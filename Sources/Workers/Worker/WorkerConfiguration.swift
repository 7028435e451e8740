public import HTTP
public import ObjectStorage
public import SignatureV4
public import WorkerProtocol

/// How a worker meets its engine, whatever steps it does.
public struct WorkerSession: Sendable {
    /// The engine's base URL, without a slash at the end.
    public var engine: String
    /// The worker's name, the same over restarts.
    public var name: String
    /// The release, for people.
    public var version: String
    /// Tasks at a time.
    public var slots: Int
    /// How long running tasks may go on after a request to stop.
    public var gracePeriod: Duration
    public var heartbeatInterval: Duration
    /// How long the engine may keep a poll open, in seconds.
    public var pollSeconds: Int
    /// The access key that messages are signed with; nil where the engine asks for none.
    public var signer: RequestSigner?
    /// What its machine has for tasks; nil for as much as its slots take.
    public var capacity: WorkerCapacity?
    /// What tells it from other workers.
    public var labels: [String: String]

    public init(
        engine: String, name: String, version: String, slots: Int = 1, gracePeriod: Duration = .seconds(30),
        heartbeatInterval: Duration = .seconds(2), pollSeconds: Int = 20, signer: RequestSigner? = nil,
        capacity: WorkerCapacity? = nil, labels: [String: String] = [:]
    ) {
        self.capacity = capacity
        self.labels = labels
        self.engine = engine
        self.name = name
        self.version = version
        self.slots = slots
        self.gracePeriod = gracePeriod
        self.heartbeatInterval = heartbeatInterval
        self.pollSeconds = pollSeconds
        self.signer = signer
    }

    /// So many outcomes that the engine does not take are kept at most beside the slots' tasks; a heartbeat tells of all.
    var outcomesBeside: Int { min(slots, WorkerProtocolLimits.tasks - slots) }

    func check() throws(WorkerError) {
        guard (1...WorkerProtocolLimits.tasks).contains(slots) else {
            throw WorkerError(.configuration, "slots must be from 1 to \(WorkerProtocolLimits.tasks), not \(slots)")
        }
        guard !name.isEmpty, name.utf8.count <= WorkerProtocolLimits.nameBytes else {
            throw WorkerError(.configuration, "a worker's name has 1 to \(WorkerProtocolLimits.nameBytes) bytes")
        }
    }
}

/// All that makes a worker of children what it is.
public struct WorkerConfiguration: Sendable {
    public var session: WorkerSession
    public var store: any ObjectStore
    /// Downloads from `http` and `https` sources; its address rule decides what such a URL may reach.
    public var sources: HTTPClient
    /// Threads one step may keep busy.
    public var threads: Int
    /// Directory for tasks' files. Each task has its own below it.
    public var scratch: String
    /// The program that runs one step (see ``StepChild``) and its arguments.
    public var childCommand: [String]
    public var sandbox: SandboxMode
    public var limits: ChildLimits
    /// Whether results of earlier runs are used. They are kept in any case.
    public var usesResults: Bool
    /// Whether sources may be any file this process can read, and not only files inside the store.
    public var allowsLocalSources: Bool
    /// The largest source brought over the network, in bytes.
    public var maximumSourceBytes: Int

    public init(
        session: WorkerSession, store: any ObjectStore, sources: HTTPClient, threads: Int, scratch: String,
        childCommand: [String], sandbox: SandboxMode = .auto, limits: ChildLimits = ChildLimits(),
        usesResults: Bool = true, allowsLocalSources: Bool = false, maximumSourceBytes: Int = 256 << 30
    ) {
        self.session = session
        self.store = store
        self.sources = sources
        self.threads = threads
        self.scratch = scratch
        self.childCommand = childCommand
        self.sandbox = sandbox
        self.limits = limits
        self.usesResults = usesResults
        self.allowsLocalSources = allowsLocalSources
        self.maximumSourceBytes = maximumSourceBytes
    }
}
