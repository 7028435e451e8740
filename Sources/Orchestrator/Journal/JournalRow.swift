/// One append: all that was decided about one execution since its last append.
public struct JournalRow: Sendable, Equatable {
    /// A lowercase UUIDv7; its time bits choose the partition.
    public var executionID: String
    /// The place in the execution's journal, without gaps.
    public var seq: Int64
    /// Engine time in microseconds since 1970.
    public var at: Int64
    /// The effects as versioned JSON text. Opaque to the journal; must not contain U+0000 (JSON writes it `\u0000`).
    public var effects: String
    /// The name the execution takes; stands in the first row only.
    public var name: ExecutionName?
    /// The execution's line in the lists as of this row, where it changes.
    public var listing: ListEntry?
    /// ARNs of the Map Runs that start with this row.
    public var mapRuns: [String]

    public init(
        executionID: String, seq: Int64, at: Int64, effects: String, name: ExecutionName? = nil,
        listing: ListEntry? = nil, mapRuns: [String] = []
    ) {
        self.mapRuns = mapRuns
        self.executionID = executionID
        self.seq = seq
        self.at = at
        self.effects = effects
        self.name = name
        self.listing = listing
    }

    /// What the row costs on the wire, for the bound on a batch.
    var bytes: Int {
        effects.utf8.count + mapRuns.count * 256 + (listing?.error?.utf8.count ?? 0) + (listing?.cause?.utf8.count ?? 0)
            + 256
    }
}

/// The name of an execution within its machine, and the hash that tells an identical start from a different one.
public struct ExecutionName: Sendable, Equatable {
    public var machine: String
    public var name: String
    public var inputHash: String

    public init(machine: String, name: String, inputHash: String) {
        self.machine = machine
        self.name = name
        self.inputHash = inputHash
    }
}

/// One execution's line in the lists. A projection: the journal holds the truth.
public struct ListEntry: Sendable, Equatable {
    public var executionID: String
    public var machine: String
    public var name: String
    /// The AWS status: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`, `PENDING_REDRIVE`.
    public var status: String
    /// Microseconds since 1970.
    public var startedAt: Int64
    /// Microseconds since 1970; nil while the execution runs.
    public var stoppedAt: Int64?
    public var title: String?
    public var error: String?
    public var cause: String?
    /// The `seq` of the journal row this line was made from. A line never goes back to an earlier one.
    public var projectedSeq: Int64
    /// The version of the machine that it was started with, where it was started by a version's or an alias's ARN.
    public var version: Int64?
    /// The alias that it was started with.
    public var alias: String?
    /// The ARN of the Map Run that it is a child of. Such an execution stands in no other list than its Map Run's.
    public var mapRun: String?
    /// How often it has been redriven.
    public var redriveCount: Int64
    /// When it was redriven last, in microseconds since 1970.
    public var redrivenAt: Int64?
    /// How many items a child of a Map Run works on; nil for all others.
    public var itemCount: Int64?

    public init(
        executionID: String, machine: String, name: String, status: String, startedAt: Int64, stoppedAt: Int64? = nil,
        title: String? = nil, error: String? = nil, cause: String? = nil, projectedSeq: Int64, version: Int64? = nil,
        alias: String? = nil, mapRun: String? = nil, redriveCount: Int64 = 0, redrivenAt: Int64? = nil,
        itemCount: Int64? = nil
    ) {
        self.itemCount = itemCount
        self.redriveCount = redriveCount
        self.redrivenAt = redrivenAt
        self.executionID = executionID
        self.machine = machine
        self.name = name
        self.status = status
        self.startedAt = startedAt
        self.stoppedAt = stoppedAt
        self.title = title
        self.error = error
        self.cause = cause
        self.projectedSeq = projectedSeq
        self.version = version
        self.alias = alias
        self.mapRun = mapRun
    }
}

/// A journal row as it was read back.
public struct StoredRow: Sendable, Equatable {
    public var seq: Int64
    /// The engine incarnation and batch that wrote it.
    public var writer: String
    /// Microseconds since 1970.
    public var at: Int64
    public var effects: String

    public init(seq: Int64, writer: String, at: Int64, effects: String) {
        self.seq = seq
        self.writer = writer
        self.at = at
        self.effects = effects
    }
}

/// Which executions to list; what is nil does not narrow.
public struct ListFilter: Sendable, Equatable {
    /// A machine's name.
    public var machine: String?
    /// A version of the machine.
    public var version: Int64?
    /// An alias of the machine.
    public var alias: String?
    /// The ARN of a Map Run; nil lists no children of Map Runs.
    public var mapRun: String?
    public var status: String?
    /// Only those that have been redriven, or have not.
    public var isRedriven: Bool?
    /// Only these executions.
    public var ids: [String]?

    public init(
        machine: String? = nil, version: Int64? = nil, alias: String? = nil, mapRun: String? = nil,
        status: String? = nil, isRedriven: Bool? = nil, ids: [String]? = nil
    ) {
        self.isRedriven = isRedriven
        self.ids = ids
        self.machine = machine
        self.version = version
        self.alias = alias
        self.mapRun = mapRun
        self.status = status
    }
}

/// Where a page of the list of executions starts: behind this entry, newest first.
public struct ListCursor: Sendable, Equatable {
    /// Microseconds since 1970.
    public var startedAt: Int64
    public var executionID: String

    public init(startedAt: Int64, executionID: String) {
        self.startedAt = startedAt
        self.executionID = executionID
    }
}
