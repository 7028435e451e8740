import HashTreeCollections
public import JSON
public import OrderedCollections
public import StatesLanguage

/// A machine being run: the top one, one branch of a Parallel state or one iteration of a Map state.
public struct Scope: Sendable, Hashable {
    public let id: ScopeID
    public let parent: ScopeID?
    /// Branch or iteration number; 0 at the top.
    public let index: Int
    let plan: MachinePlan
    /// The payload that flows: the scope's input, then each state's output in turn.
    public internal(set) var data: JSON
    public internal(set) var entry: Entry?
    /// The item that a Map iteration works on.
    public internal(set) var item: JSON?
    /// All variables that can be seen here: those of the scopes around it as they were when it began - nothing changes
    /// them while it runs - and its own.
    public internal(set) var variables: EvaluationScope.Variables
    /// The event of the history that the next one of this scope follows.
    var follows: Int

    init(
        id: ScopeID, parent: ScopeID?, index: Int, plan: MachinePlan, data: JSON,
        variables: EvaluationScope.Variables, item: JSON? = nil, follows: Int
    ) {
        self.id = id
        self.parent = parent
        self.index = index
        self.plan = plan
        self.data = data
        self.entry = nil
        self.item = item
        self.variables = variables
        self.follows = follows
    }

    public var machine: StateMachine { plan.machine }
}

/// A state being worked on.
public struct Entry: Sendable, Hashable {
    public let id: EntryID
    public let state: String
    let plan: StatePlan
    /// The raw input of the state.
    public let input: JSON
    public let enteredAt: Instant
    /// Id of the history's event of the entry: causes name it.
    public let enteredEventID: Int
    /// The event that the entry's follows.
    let precedingEventID: Int
    public internal(set) var phase: Phase
    /// Times each retrier has been used, by its place in Retry.
    public internal(set) var retries: [Int: Int] = [:]
    /// The children of a Parallel or Map state; outside ``Phase`` so that a change of one does not copy them all.
    public internal(set) var branches: Branches?
    /// Map Runs that it has started: more than one after a Retry.
    var mapRunCount = 0
    /// Workers that were lost with one of the entry's attempts in their hands, in order; one stands here as often as it was.
    public internal(set) var lostWorkers: [String] = []
    /// What the state has assigned on its way out, for the history's event of the exit.
    var assigned: [String] = []
    /// The turn to be evaluated, while it waits for that.
    var turn: Int?
    /// Credentials of the attempt that comes next.
    var credentials: JSON?
    /// The nonce of the token that the next attempt hands to the outside (`.waitForTaskToken`).
    var callbackNonce: String?

    init(
        id: EntryID, state: String, plan: StatePlan, input: JSON, enteredAt: Instant, enteredEventID: Int,
        precedingEventID: Int
    ) {
        self.id = id
        self.state = state
        self.plan = plan
        self.input = input
        self.enteredAt = enteredAt
        self.enteredEventID = enteredEventID
        self.precedingEventID = precedingEventID
        self.phase = .entered
    }

    /// Scopes of the children that run, by number.
    public var children: [ScopeID] {
        guard let branches else { return [] }
        return branches.running.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Attempts that have failed and were retried: `$$.State.RetryCount`.
    public var retryCount: Int { retries.values.reduce(0, +) }

    /// When ``Event/timer(entry:)`` has something to do here though nobody says anything.
    public var wake: Instant? {
        switch phase {
        case .entered, .branching, .readingItems, .writingResults: nil
        case .waiting(let until), .backingOff(let until): until
        case .task(let attempt): attempt.deadline
        }
    }

    // The plan follows from the scope's machine and the state's name.
    public static func == (left: Entry, right: Entry) -> Bool {
        left.id == right.id && left.state == right.state && left.input == right.input
            && left.enteredAt == right.enteredAt && left.enteredEventID == right.enteredEventID
            && left.precedingEventID == right.precedingEventID && left.phase == right.phase
            && left.retries == right.retries && left.branches == right.branches && left.assigned == right.assigned
            && left.mapRunCount == right.mapRunCount && left.turn == right.turn && left.credentials == right.credentials
            && left.callbackNonce == right.callbackNonce && left.lostWorkers == right.lostWorkers
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(state)
        hasher.combine(phase)
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
    /// A Parallel or Map state whose children run; ends when they have, or goes to `backingOff` or `writingResults`.
    case branching
    /// A distributed Map state whose items are being read; goes to `branching` or `backingOff`.
    case readingItems(ItemReadRequest)
    /// A distributed Map state whose results are being written; ends when they are, or goes to `backingOff`.
    case writingResults(ResultWriteRequest)
}

/// One attempt of a task.
public struct TaskAttempt: Sendable, Hashable {
    public let resource: String
    public let parameters: JSON
    public let timeoutSeconds: Int?
    public let heartbeatSeconds: Int?
    /// The state's Credentials, evaluated.
    public let credentials: JSON?
    /// `.waitForTaskToken`: an answer with this nonce counts, from whomever it comes.
    public let callbackNonce: String?
    public let scheduledAt: Instant
    public internal(set) var started: Started?
    /// `.sync` and `.waitForTaskToken`: the other side has taken the task and will tell how it ends.
    public internal(set) var isSubmitted: Bool

    /// A hand-out. Only an answer that brings the nonce counts.
    public struct Started: Sendable, Hashable {
        public let worker: String
        public let incarnation: String
        public let nonce: String
        public let at: Instant
    }

    /// Whether an answer with this nonce is one to this attempt. Once the other side of a `.waitForTaskToken` task has
    /// taken it, whoever ran it has nothing more to say.
    func accepts(_ nonce: String) -> Bool { callbackNonce == nonce || !isCalledBack && started?.nonce == nonce }

    /// Whether the attempt was run and now waits for somebody to answer its token.
    public var isCalledBack: Bool { isSubmitted && callbackNonce != nil }

    /// TimeoutSeconds counts from the schedule, as AWS counts it for activities and integrations alike.
    var deadline: Instant? { timeoutSeconds.map { scheduledAt + Instant($0) * 1_000_000 } }
}

/// The children of a Parallel or Map state.
public struct Branches: Sendable, Hashable {
    /// Children that run within this execution, by branch or iteration number.
    public internal(set) var running: TreeDictionary<Int, ScopeID> = [:]
    /// What the ended ones gave, by number.
    public internal(set) var outputs: TreeDictionary<Int, JSON> = [:]
    /// Branches of a Parallel state, iterations of a Map state; with an ItemBatcher the batches made so far.
    public internal(set) var total: Int
    /// The number of the next child to start.
    public internal(set) var next = 0
    public internal(set) var failed = 0
    /// A Map state's items; nil for Parallel.
    public internal(set) var items: [JSON]?
    /// Children at the same time; 0 means no limit.
    public internal(set) var maxConcurrency: Int
    /// Failed iterations that a Map state puts up with.
    public internal(set) var toleratedFailures: Int
    /// The event that the start of the next iteration follows.
    var nextFollows: Int
    /// Children that have failed or were given up, as they were then: what a redrive goes on with.
    var broken: TreeDictionary<Int, Scope> = [:]
    /// Those of them that a redriven Map state has not gone on with yet, the last first.
    var awaitingRedrive: [Int] = []
    /// What a distributed Map state has besides.
    public internal(set) var mapRun: MapRun?
}
