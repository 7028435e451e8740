public import Postgres

/// What the journal asks of a connection to the database: everything that PostgreSQL may answer late, twice as slowly, or
/// not at all comes through here. ``PostgresConnection`` says what each does.
public protocol JournalConnection: Sendable {
    /// One statement. `.notSent` where the server is known to have ended the connection, `.unknown` when the deadline passes
    /// before the answer is there: see ``PostgresError/Outcome``.
    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult

    /// Whether the connection still stands, as far as this side knows.
    var isOpen: Bool { get }

    /// Where the work on an answer best runs; nil where that does not matter.
    var executor: (any TaskExecutor)? { get }

    func close() async
}

extension JournalConnection {
    public var executor: (any TaskExecutor)? { nil }
}

extension PostgresConnection: JournalConnection {}

/// Makes one of the journal's connections: from a libpq URI, the name the server shows it under, the settings of its
/// session, and the deadline for connecting.
public typealias JournalConnector =
    @Sendable (
        _ url: String, _ applicationName: String, _ settings: [String: String], _ deadline: Duration
    ) async throws(PostgresError) -> any JournalConnection
