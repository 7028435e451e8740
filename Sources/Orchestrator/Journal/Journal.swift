import Logging
import Postgres
import Synchronization

/// The engine's only SQL: the append-only journal in PostgreSQL, which is the only truth, and the small tables around it.
///
/// One journal belongs to one engine incarnation. It keeps connections of its own, one for each kind of work, made when
/// needed and made again when lost: appends (group commit), publishing, reads, figures of machines, which take longest, the
/// audit log, what keeps the cost flat (snapshots, cold executions, starts asked for by SQL), and control (lease, clock, ending
/// old backends). Reads and control calls are repeated over a lost connection until `readDeadline`; appends until the outcome is known.
public actor Journal {
    let url: String
    let incarnation: String
    let log: Logger
    let settings: JournalSettings
    /// By which pauses and deadlines run.
    let clock: any Clock<Duration>

    /// How far this engine has seen the database come.
    let history = ServerHistory()

    let appending: [Link]
    let publishing: Link
    let reading: Link
    let figuring: Link
    let control: Link
    let auditing: Link
    let keeping: Link

    /// Rows that no batch has taken yet, in the order of their arrival.
    var waiting: [Waiting] = []
    /// Those who wait for an answer, by ticket: each is answered once, by its batch or by closing.
    var unanswered: [Int: Reply] = [:]
    /// Outcomes of numbered rows that their receiver has not been told.
    var untold: [NumberedOutcome] = []
    var receiver: (@Sendable ([NumberedOutcome]) -> Void)?
    var ticket = 0
    /// The executions with a row in a batch under way.
    var inFlight: Set<String> = []
    /// Append connections that write no batch at this moment; the last one writes the next.
    var idleLinks: [Link] { didSet { nextLink.withLock { $0 = idleLinks.last } } }
    /// The last of the idle ones for those who are not on the journal; nil while all write.
    nonisolated let nextLink: Mutex<Link?>
    var batchNumber: Int64 = 0
    var publishNumber: Int64 = 0
    /// Why the latest try to append did not go in, while one is being tried again.
    var appendTrouble: String?
    /// The same of the audit log.
    var auditTrouble: String?
    /// Why PostgreSQL does not take what it is given at present; nil while it does.
    public var trouble: String? { appendTrouble ?? auditTrouble }
    /// Why rows of executions that are started next month would be refused; nil where they have a place, or nobody has looked.
    public internal(set) var partitionTrouble: String?
    var isClosed = false
    /// Closing has waited long enough: nobody listens to the outcomes any more.
    var hasGivenUp = false
    var drainWaiters: [CheckedContinuation<Void, Never>] = []
    /// Whether another incarnation is known to have taken the lease, or this one to have given it back.
    public internal(set) var leaseIsLost = false
    /// Whether it is lost because the database has gone back in time: restored, or replaced by a standby.
    public var databaseHasGoneBack: Bool { history.hasGoneBack }
    var leaseLossWaiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - url: a libpq connection URI.
    ///   - incarnation: names this run of the engine; never used again by another run.
    ///   - connector: makes the connections; nil for libpq's.
    ///   - clock: by which pauses and deadlines run.
    public init(
        url: String, incarnation: String, log: Logger, settings: JournalSettings = JournalSettings(),
        connector: JournalConnector? = nil, clock: any Clock<Duration> = ContinuousClock()
    ) {
        let connector = connector ?? Self.connect
        self.url = url
        self.incarnation = incarnation
        self.log = log
        self.settings = settings
        self.clock = clock
        let timeout = settings.statementDeadline
        let history = history
        appending = (0..<settings.appendConnections).map { _ in
            Link(
                url: url, name: "showrunner-journal", statementTimeout: timeout, lockTimeout: nil, settings: settings,
                connector: connector, history: history, plansOnce: true)
        }
        idleLinks = appending
        nextLink = Mutex(appending.last)
        publishing = Link(
            url: url, name: "showrunner-publish", statementTimeout: settings.publishStatementTimeout,
            lockTimeout: settings.publishLockTimeout, settings: settings, connector: connector, history: history)
        reading = Link(
            url: url, name: "showrunner-read", statementTimeout: settings.readDeadline, lockTimeout: nil,
            settings: settings, connector: connector, history: history)
        figuring = Link(
            url: url, name: "showrunner-figures", statementTimeout: settings.readDeadline, lockTimeout: nil,
            settings: settings, connector: connector, history: history)
        control = Link(
            url: url, name: "showrunner-control", statementTimeout: timeout, lockTimeout: nil, settings: settings,
            connector: connector, history: history)
        auditing = Link(
            url: url, name: "showrunner-audit", statementTimeout: timeout, lockTimeout: nil, settings: settings,
            connector: connector, history: history)
        keeping = Link(
            url: url, name: "showrunner-keep", statementTimeout: settings.readDeadline, lockTimeout: nil,
            settings: settings, connector: connector, history: history)
    }

    private static let connect: JournalConnector = { (url, name, settings, deadline) async throws(PostgresError) in
        try await PostgresConnection.connect(url, applicationName: name, settings: settings, deadline: deadline)
    }
}

/// The journal's limits. The defaults are what `showrunner engine` runs with.
public struct JournalSettings: Sendable {
    /// For connecting.
    public var connectDeadline: Duration = .seconds(5)
    /// For one try of an append; then its outcome is unknown and the journal finds out.
    public var statementDeadline: Duration = .seconds(10)
    /// For a read or a control call with all its repetitions.
    public var readDeadline: Duration = .seconds(30)
    /// For one statement of a migration that has no deadline of its own.
    public var migrationDeadline: Duration = .seconds(60)
    /// On the server, for one publishing statement.
    public var publishStatementTimeout: Duration = .seconds(10)
    /// On the server, for each lock a publishing statement waits for.
    public var publishLockTimeout: Duration = .seconds(3)
    /// The first pause before trying again; doubles up to `retryPauseLimit`.
    public var retryPause: Duration = .milliseconds(50)
    public var retryPauseLimit: Duration = .seconds(2)
    /// The most rows in one batch.
    public var batchRows = 500
    /// The most bytes in one batch, unless a single row is larger.
    public var batchBytes = 8 << 20

    /// Whether the sessions refuse to write: for commands that only look.
    public var isReadOnly = false
    /// Connections that write batches: with two, rows that came while one waits for its flush are on their way already. More
    /// would only make the batches smaller.
    public var appendConnections = 2
    /// The most bytes in one row. PostgreSQL's own limit is 1 GB for one value.
    public static let rowBytesLimit = 64 << 20

    public init() {}
}

/// Who waits for a row's outcome.
enum Reply {
    case caller(CheckedContinuation<AppendOutcome, Never>)
    /// The receiver of all numbered rows' outcomes.
    case number(UInt64)
}

/// A row whose append has not been answered.
struct Waiting {
    let ticket: Int
    let row: JournalRow
}
