public import JSON
public import OrderedCollections
public import StatesLanguage

/// Names one scope of an execution: 0 is the machine itself, each Parallel branch and Map iteration has its own.
public typealias ScopeID = Int

/// Names one entry of a state: counted through the execution, so that a state entered twice has two.
public typealias EntryID = Int

/// Engine time in microseconds since 1970-01-01T00:00:00Z.
public typealias Instant = Int64

/// What an execution is begun with; the first effect of its first journal row.
public struct ExecutionStart: Sendable, Hashable {
    public let machineARN: String
    public let name: String
    /// SHA-256 of the definition, under which the journal keeps it: the execution stays with it to its end.
    public let definitionHash: String
    public let input: JSON
    /// All randomness of the execution (jitter, States.UUID, States.MathRandom) is drawn from this.
    public let seed: UInt64
    public let deployment: Deployment

    public init(
        machineARN: String, name: String, definitionHash: String, input: JSON, seed: UInt64,
        deployment: Deployment = Deployment()
    ) {
        self.machineARN = machineARN
        self.name = name
        self.definitionHash = definitionHash
        self.input = input
        self.seed = seed
        self.deployment = deployment
    }
}

/// How an execution ended.
public enum Outcome: Sendable, Hashable {
    case succeeded(output: JSON)
    case failed(error: String?, cause: String?)
    case timedOut(error: String?, cause: String?)
    case aborted(error: String?, cause: String?)

    /// The word that DescribeExecution uses.
    public var status: String {
        switch self {
        case .succeeded: "SUCCEEDED"
        case .failed: "FAILED"
        case .timedOut: "TIMED_OUT"
        case .aborted: "ABORTED"
        }
    }
}

/// One execution as a value: the fold of its journal. It changes by ``apply(_:at:)`` alone.
public struct Execution: Sendable, Hashable {
    public let id: String
    public let start: ExecutionStart
    public let startedAt: Instant
    public let machine: StateMachine
    /// Time of the last effect; never runs backwards.
    public internal(set) var at: Instant
    public internal(set) var outcome: Outcome?
    public internal(set) var stoppedAt: Instant?
    public internal(set) var scopes: [ScopeID: Scope]
    /// Scopes whose current state has been entered and not yet evaluated, in the order of entry.
    public internal(set) var runnable: OrderedSet<ScopeID>
    var nextScope: ScopeID
    var nextEntry: EntryID
    /// Where each open entry is, so that a task's answer finds its scope.
    public internal(set) var scopeOfEntry: [EntryID: ScopeID]

    /// An execution at its very start: the effect of its first journal row's ``Effect/executionStarted(_:)``.
    public init(id: String, start: ExecutionStart, machine: StateMachine, at: Instant) {
        self.id = id
        self.start = start
        self.startedAt = at
        self.machine = machine
        self.at = at
        self.outcome = nil
        self.stoppedAt = nil
        self.scopes = [0: Scope(id: 0, parent: nil, index: 0, machine: machine, data: start.input)]
        self.runnable = []
        self.nextScope = 1
        self.nextEntry = 1
        self.scopeOfEntry = [:]
    }

    public var isOpen: Bool { outcome == nil }

    /// The machine's name, the last part of its ARN.
    public var machineName: String { start.machineARN.split(separator: ":").last.map(String.init) ?? "" }

    public var arn: String {
        start.machineARN.replacingStateMachine(with: "execution") + ":" + start.name
    }

    /// The entry with this id, while it is open.
    public func entry(_ id: EntryID) -> Entry? {
        scopeOfEntry[id].flatMap { scopes[$0]?.entry }
    }

    /// All open entries, in order of entry.
    public var openEntries: [Entry] {
        scopes.values.compactMap(\.entry).sorted { $0.id < $1.id }
    }

    /// The state that an open entry is in.
    public func state(of entry: Entry) -> State {
        guard let scope = scopeOfEntry[entry.id].flatMap({ scopes[$0] }), let state = scope.machine.states[entry.state]
        else { preconditionFailure("entry \(entry.id) names a state its machine does not have") }
        return state
    }

    /// Where a scope lies, for people: `Encode[0]/Rungs[3]`; empty for the machine itself.
    public func path(of scope: ScopeID) -> String {
        guard let here = scopes[scope], let parent = here.parent, let outer = scopes[parent] else { return "" }
        let prefix = path(of: parent)
        return (prefix.isEmpty ? "" : prefix + "/") + "\(outer.entry?.state ?? "")[\(here.index)]"
    }

    /// Every timer that runs, with the entry it belongs to; nil stands for the execution's own TimeoutSeconds.
    public var timers: [(at: Instant, entry: EntryID?)] {
        guard isOpen else { return [] }
        var timers: [(at: Instant, entry: EntryID?)] = openEntries.compactMap { entry in
            entry.wake.map { (at: $0, entry: entry.id) }
        }
        if let deadline = executionDeadline { timers.append((at: deadline, entry: nil)) }
        return timers
    }

    /// When TimeoutSeconds of the machine ends the execution.
    public var executionDeadline: Instant? {
        machine.timeoutSeconds.map { startedAt + Instant($0) * 1_000_000 }
    }
}

/// A machine being run: the top one, one branch of a Parallel state or one iteration of a Map state.
public struct Scope: Sendable, Hashable {
    public let id: ScopeID
    public let parent: ScopeID?
    /// Branch or iteration number; 0 at the top.
    public let index: Int
    public let machine: StateMachine
    /// The payload that flows: the scope's input, then each state's output in turn.
    public internal(set) var data: JSON
    public internal(set) var entry: Entry?
    /// The item that a Map iteration works on.
    public internal(set) var item: JSON?
}

/// A state being worked on.
public struct Entry: Sendable, Hashable {
    public let id: EntryID
    public let state: String
    /// The raw input of the state.
    public let input: JSON
    public let enteredAt: Instant
    public internal(set) var phase: Phase
    /// Times each retrier has been used, by its place in Retry.
    public internal(set) var retries: [Int: Int] = [:]
    /// The children of a Parallel or Map state; outside ``Phase`` so that a change of one does not copy them all.
    public internal(set) var branches: Branches?

    /// Scopes of the children that run.
    public var children: [ScopeID] { branches.map { Array($0.running.values) } ?? [] }

    /// Attempts that have failed and were retried: `$$.State.RetryCount`.
    public var retryCount: Int { retries.values.reduce(0, +) }

    /// When ``Event/timer(entry:)`` has something to do here though nobody says anything.
    public var wake: Instant? {
        switch phase {
        case .entered, .branching: nil
        case .waiting(let until), .backingOff(let until): until
        case .task(let attempt): attempt.deadline
        }
    }
}

/// Where an entry stands.
public enum Phase: Sendable, Hashable {
    /// Goes to any other: evaluated at once, or in the next row when many states follow each other.
    case entered
    /// A Wait state; ends when the instant is reached.
    case waiting(until: Instant)
    /// A Task, scheduled or started; ends by an answer, a timeout, or goes to `backingOff`.
    case task(TaskAttempt)
    /// Between two attempts of a Task, Parallel or Map; goes back to `entered`.
    case backingOff(until: Instant)
    /// A Parallel or Map state whose children run; ends when they have, or goes to `backingOff`.
    case branching
}

/// One attempt of a task.
public struct TaskAttempt: Sendable, Hashable {
    public let resource: String
    public let parameters: JSON
    public let timeoutSeconds: Int?
    public let heartbeatSeconds: Int?
    public let scheduledAt: Instant
    public internal(set) var started: Started?

    /// A hand-out. Only an answer that brings the nonce counts.
    public struct Started: Sendable, Hashable {
        public let worker: String
        public let incarnation: String
        public let nonce: String
        public let at: Instant
    }

    /// TimeoutSeconds counts from the schedule, as AWS counts it for activities and integrations alike.
    var deadline: Instant? { timeoutSeconds.map { scheduledAt + Instant($0) * 1_000_000 } }
}

/// The children of a Parallel or Map state.
public struct Branches: Sendable, Hashable {
    /// Children that run, by branch or iteration number.
    public internal(set) var running: OrderedDictionary<Int, ScopeID> = [:]
    /// What the ended ones gave, by number.
    public internal(set) var outputs: [Int: JSON] = [:]
    public let total: Int
    /// The number of the next child to start.
    public internal(set) var next = 0
    public internal(set) var failed = 0
    /// A Map state's items; nil for Parallel.
    public let items: [JSON]?
    /// Children at the same time; 0 means no limit.
    public let maxConcurrency: Int
    /// Failed iterations that a Map state puts up with.
    public let toleratedFailures: Int
}

extension String {
    /// `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME` with another resource type.
    fileprivate func replacingStateMachine(with type: String) -> String {
        var parts = split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count > 5 { parts[5] = type }
        return parts.joined(separator: ":")
    }
}
