import HashTreeCollections
public import JSON
public import StatesLanguage

/// Names one scope of an execution: 0 is the machine itself, each Parallel branch and Map iteration has its own.
public typealias ScopeID = Int

/// Names one entry of a state: counted through the execution, so that a state entered twice has two.
public typealias EntryID = Int

/// Engine time in microseconds since 1970-01-01T00:00:00Z.
public typealias Instant = Int64

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
///
/// A copy shares everything with its original, and a change costs about the same however many scopes are open.
public struct Execution: Sendable, Hashable {
    /// What one row in very many changes, behind one reference: executions are copied for each decision, and a copy costs a
    /// count for each reference in it.
    private var frame: Shared<ExecutionFrame>
    /// Time of the last effect; never runs backwards.
    public internal(set) var at: Instant
    public internal(set) var scopes: ScopeTable
    /// Scopes whose current state has been entered and not yet evaluated, in the order of entry.
    public internal(set) var runnable: RunQueue
    /// Events of the history so far; the next has the id one higher.
    public internal(set) var eventCount: Int
    var nextScope: ScopeID
    var nextEntry: EntryID
    /// Where each open entry is, so that a task's answer finds its scope.
    public internal(set) var scopeOfEntry: EntryMap
    /// Entries that wait for items to be read or results to be written.
    var entriesInIO: TreeSet<EntryID>
    /// Entries of distributed Map states with child executions that run.
    var entriesWithChildren: TreeSet<EntryID>

    /// An execution at its very start: the effect of its first journal row's ``Effect/executionStarted(_:)``.
    ///
    /// - Parameter definition: the whole one's plan, for a child execution too: ``ExecutionStart/parent`` says which Map
    ///   state's processor it runs. ``ExecutionStart/plan(in:)`` tells beforehand whether there is one.
    public init(id: String, start: ExecutionStart, definition: MachinePlan, at: Instant) {
        guard let plan = start.plan(in: definition) else {
            preconditionFailure("the definition has no Map state at \(start.parent?.processor ?? [])")
        }
        self.init(id: id, start: start, plan: plan, at: at)
    }

    private init(id: String, start: ExecutionStart, plan: MachinePlan, at: Instant) {
        self.frame = Shared(ExecutionFrame(id: id, start: start, startedAt: at, plan: plan))
        self.at = at
        self.scopes = ScopeTable()
        self.runnable = RunQueue()
        self.eventCount = 0
        self.nextScope = 1
        self.nextEntry = 1
        self.scopeOfEntry = EntryMap()
        self.entriesInIO = []
        self.entriesWithChildren = []
        scopes.insert(Scope(id: 0, parent: nil, index: 0, plan: plan, data: start.input, variables: [:], follows: 0))
    }

    public var id: String { frame.value.id }

    /// What it was begun with.
    public var start: ExecutionStart { _read { yield frame.value.start } }

    public var startedAt: Instant { frame.value.startedAt }

    /// The machine that this execution runs, and for a child execution of a Map Run the Map state's processor.
    var plan: MachinePlan { frame.value.plan }

    public var machine: StateMachine { plan.machine }

    /// How it has ended; nil while it is open.
    public internal(set) var outcome: Outcome? {
        get { frame.value.outcome }
        set { frame.value.outcome = newValue }
    }

    public internal(set) var stoppedAt: Instant? {
        get { frame.value.stoppedAt }
        set { frame.value.stoppedAt = newValue }
    }

    /// The part of the context object that stays the same between two redrives.
    var constantContext: JSON {
        get { frame.value.constantContext }
        set { frame.value.constantContext = newValue }
    }

    /// How often the execution has been redriven.
    public internal(set) var redriveCount: Int {
        get { frame.value.redriveCount }
        set { frame.value.redriveCount = newValue }
    }

    /// When it was redriven last.
    public internal(set) var redrivenAt: Instant? {
        get { frame.value.redrivenAt }
        set { frame.value.redrivenAt = newValue }
    }

    /// The last redrives that came with a token, in their order: the same token asks for the same redrive.
    public internal(set) var redriveTokens: [RedriveToken] {
        get { frame.value.redriveTokens }
        set { frame.value.redriveTokens = newValue }
    }

    /// The event of the history that tells of the last redrive.
    var redrivenEventID: Int {
        get { frame.value.redrivenEventID }
        set { frame.value.redrivenEventID = newValue }
    }

    /// The machine's scope as it was when the execution ended without success, with all that had not succeeded in it.
    var remains: Scope? {
        get { frame.value.remains }
        set { frame.value.remains = newValue }
    }

    /// The same execution before its first effect.
    public var beginning: Execution { Execution(id: id, start: start, plan: plan, at: startedAt) }

    public var isOpen: Bool { frame.value.outcome == nil }

    /// The machine's name, the last part of its ARN.
    public var machineName: String { start.machineName }

    public var arn: String { start.arn(of: id) }

    /// The entry with this id, while it is open.
    public func entry(_ id: EntryID) -> Entry? {
        scopeOfEntry[id].flatMap { scopes.shared($0)?.value.entry }
    }

    /// The entry of the state that a scope is in.
    public func entry(in scope: ScopeID) -> Entry? { scopes.shared(scope)?.value.entry }

    /// The same entry's id, for less.
    public func entryID(in scope: ScopeID) -> EntryID? { scopes.shared(scope)?.value.entry?.id }

    /// All open entries, in order of entry. Costs as much as scopes are open.
    public var openEntries: [Entry] {
        scopes.values.compactMap(\.entry).sorted { $0.id < $1.id }
    }

    /// Whether something holds for each open entry. Costs as much as scopes are open, and less than looking at
    /// ``openEntries``.
    public func allOpenEntries(_ holds: (Entry) -> Bool) -> Bool { scopes.allShared { $0.entry.map(holds) ?? true } }

    /// The state that an open entry is in.
    public func state(of entry: Entry) -> State { entry.plan.state }

    /// Where a scope lies, for people: `Encode[0]/Rungs[3]`; empty for the machine itself.
    public func path(of scope: ScopeID) -> String {
        guard let here = scopes[scope], let parent = here.parent, let outer = scopes[parent] else { return "" }
        let prefix = path(of: parent)
        return (prefix.isEmpty ? "" : prefix + "/") + "\(outer.entry?.state ?? "")[\(here.index)]"
    }

    /// Every timer that runs, with the entry it belongs to; nil stands for the execution's own TimeoutSeconds. Costs as
    /// much as scopes are open.
    public var timers: [(at: Instant, entry: EntryID?)] {
        guard isOpen else { return [] }
        var timers: [(at: Instant, entry: EntryID?)] = openEntries.compactMap { entry in
            entry.wake.map { (at: $0, entry: entry.id) }
        }
        if let deadline = executionDeadline { timers.append((at: deadline, entry: nil)) }
        return timers
    }

    /// When TimeoutSeconds of the machine ends the execution; a redrive begins it anew.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    public var executionDeadline: Instant? {
        plan.machine.timeoutSeconds.map { (redrivenAt ?? startedAt) + Instant($0) * 1_000_000 }
    }
}

/// What of an execution changes where it ends or is redriven, and not else.
private struct ExecutionFrame: Sendable, Hashable {
    let id: String
    let start: ExecutionStart
    let startedAt: Instant
    let plan: MachinePlan
    var outcome: Outcome?
    var stoppedAt: Instant?
    var constantContext: JSON
    var redriveCount = 0
    var redrivenAt: Instant?
    var redriveTokens: [RedriveToken] = []
    var redrivenEventID = 0
    var remains: Scope?

    init(id: String, start: ExecutionStart, startedAt: Instant, plan: MachinePlan) {
        self.id = id
        self.start = start
        self.startedAt = startedAt
        self.plan = plan
        constantContext = start.context(of: id, startedAt: startedAt)
    }
}

extension String {
    /// `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME` with another resource type.
    func replacingResourceType(with type: String) -> String {
        var parts = split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count > 5 { parts[5] = type }
        return parts.joined(separator: ":")
    }
}
