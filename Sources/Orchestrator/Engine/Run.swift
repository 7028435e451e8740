import Interpreter
import JSON
import Journal
import StepContracts

/// An execution in memory, with what waits for it. Lives inside the engine actor and nowhere else.
final class Run {
    /// The machine's name; `NAME/LABEL` for a child of a Map Run.
    let machineName: String
    /// The execution as the journal has it: nothing undecided, nothing uncommitted.
    var folded: FoldedExecution
    /// What names its start where engines end with that; nil for what is made under an id that stays the same.
    var startSubject: String?
    var isKeepingSnapshot = false
    /// Events not yet decided, in order of arrival.
    var mailbox: [Pending] = []
    /// One append at a time; what arrives meanwhile waits in the mailbox.
    var isAppending = false
    /// Entries in the ready set, so that none stands there twice.
    var ready: Set<EntryID> = []
    /// How its tasks are dispatched, once one is.
    var terms: DispatchTerms?
    /// Entries being handed out: the row is not committed yet.
    var handingOut: Set<EntryID> = []
    /// Entries in a worker's hands as the dispatcher counts them, with the nonce of the attempt.
    var held: [EntryID: String] = [:]
    /// Workers at whose fault attempts of an entry failed.
    var avoided: [EntryID: Set<String>] = [:]
    /// Entries whose attempt is in a worker's hands and has to be heard of.
    var leased: Set<EntryID> = []
    /// Tasks of other executions that wait for the end of this one.
    var nestedWaits: [NestedWait] = []
    /// Executions that tasks of this one wait for, with the nonce of the attempt.
    var nested: [EntryID: (nonce: String, execution: String)] = [:]
    /// Those who wait for the end.
    var endWaiters: [CheckedContinuation<Void, Never>] = []
    /// Entries whose items are being read or whose results are being written.
    var transfers: Set<EntryID> = []
    /// Child executions that were made sure of and have not told their end.
    var children: Set<ChildKey> = []
    /// The last report of each attempt in a worker's hands.
    var progress: [EntryID: StepProgress] = [:]

    init(_ folded: FoldedExecution) {
        self.folded = folded
        self.machineName = folded.execution.machineName
    }

    var execution: Execution { _read { yield folded.execution } }
    var definition: String { folded.definition }
    /// Rows in the journal.
    var seq: Int64 { folded.seq }
    var projection: RunProjection {
        _read { yield folded.projection }
        _modify { yield &folded.projection }
    }
}

extension Engine {
    /// What is held in memory, with the number of rows of the journal that each execution is the fold of: whoever has the
    /// journal can tell whether that is so.
    package func executionsInMemory() -> [(execution: Execution, rows: Int64)] {
        runs.values.filter { $0.seq > 0 }.map { ($0.execution, $0.seq) }
    }

    /// The execution that a kept snapshot is of, for whoever has the rows before it, too.
    ///
    /// - Parameter definition: the plan that a hash names.
    package static func execution(
        inSnapshot text: String, of id: String, definition: (String) -> MachinePlan?
    ) throws(SnapshotError) -> Execution {
        let snapshot = try RunSnapshot.read(text)
        guard let plan = definition(snapshot.start.definitionHash) else {
            throw SnapshotError(reason: "there is no definition \(snapshot.start.definitionHash)")
        }
        return try snapshot.execution(of: id, plan).execution
    }
}

/// A child execution of a Map Run, as its parent numbers it.
struct ChildKey: Hashable {
    let entry: EntryID
    let index: Int
    /// See ``MapRun/number`` and ``MapRunMembership/generation``.
    let mapRun: Int
    let generation: Int

    init(entry: EntryID, mapRun: Int, index: Int, generation: Int) {
        self.mapRun = mapRun
        self.entry = entry
        self.index = index
        self.generation = generation
    }

    init(_ child: ChildExecution) {
        entry = child.entry
        index = child.index
        mapRun = child.membership.mapRunNumber
        generation = child.membership.generation
    }

    init(_ membership: MapRunMembership) {
        entry = membership.entry
        index = membership.index
        mapRun = membership.mapRunNumber
        generation = membership.generation
    }
}

/// An event on its way, and who waits for its end.
struct Pending {
    let event: Event
    /// The name the execution takes; with the first event only.
    var name: ExecutionName?
    /// Goes into the same statement as the row; such an event is alone in its row.
    var statement: AttachedStatement?
    var reply: ((Verdict) -> Void)?
}

/// How an event ended.
enum Verdict: Sendable {
    /// The row is durable.
    case committed
    /// It fitted nothing any more; nothing was written.
    case stale
    /// First rows only.
    case nameTaken(executionID: String, inputHash: String)
    /// Nothing was written. The message is for people.
    case refused(String)
}
