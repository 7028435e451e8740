import CPostgres
import Glibc

/// One connection to a PostgreSQL server.
///
/// Statements are sent asynchronously and awaited with `poll(2)` under a deadline of ours, because a frozen server hangs
/// libpq's blocking calls for ever. All of it happens on a thread of the connection's own. Statements of several tasks run
/// one after the other; a sequence that must not be interleaved goes through ``transaction(deadline:_:)``.
///
/// After a missed deadline or a lost connection the connection is closed and stays closed: make a new one. Dropping the
/// last reference closes it as well.
public actor PostgresConnection {
    private let thread: ConnectionThread
    private let session: Session
    private nonisolated let standing: Standing

    /// The connection's thread, for `withTaskExecutorPreference`: what a task does with an answer then runs where the answer
    /// came in, and no other thread is woken for it. It runs while the connection waits for the server too. For short work
    /// only: the connection's answer and next statement wait for it.
    /// Once the connection is gone, tasks that prefer its thread run wherever others do.
    public nonisolated let executor: (any TaskExecutor)?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init(_ session: Session, thread: ConnectionThread) {
        self.session = session
        standing = session.standing
        self.thread = thread
        executor = ConnectionThreadPreference(thread)
    }

    deinit { thread.shutDown() }

    /// Connects.
    ///
    /// - Parameters:
    ///   - url: a libpq connection URI, `postgresql://user@host/database?host=/socket/directory`.
    ///   - applicationName: shown in `pg_stat_activity`.
    ///   - settings: server settings of the session, such as `["statement_timeout": "5000"]`. They travel with the
    ///     connection request, so they hold behind no transaction-mode pooler.
    ///   - deadline: for the whole of connecting. Name resolution is the system's and not bounded by it.
    /// - Throws: `.notSent`, or `.refused` where the server gave a reason libpq knows the SQLSTATE of.
    public static func connect(
        _ url: String, applicationName: String, settings: [String: String] = [:], deadline: Duration
    ) async throws(PostgresError) -> PostgresConnection {
        let thread = try ConnectionThread()
        let connection = PostgresConnection(Session(on: thread), thread: thread)
        try await connection.open(url, applicationName: applicationName, settings: settings, deadline: deadline)
        return connection
    }

    private func open(
        _ url: String, applicationName: String, settings: [String: String], deadline: Duration
    ) throws(PostgresError) {
        try session.open(
            url, applicationName: applicationName, settings: settings, until: .now.advanced(by: deadline))
    }

    /// Sends one statement and waits for its result.
    ///
    /// - Parameters:
    ///   - sql: one statement with `$1`, `$2`... for the parameters.
    ///   - deadline: from now to the last row. When it passes the connection is closed and the outcome is `.unknown`.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], deadline: Duration
    ) throws(PostgresError) -> PostgresResult {
        try session.query(sql, parameters, until: .now.advanced(by: deadline))
    }

    /// Sends several statements, separated by semicolons and without parameters, as one implicit transaction unless the
    /// text holds its own `BEGIN` and `COMMIT`. Returns the last statement's result.
    @discardableResult
    public func script(_ sql: String, deadline: Duration) throws(PostgresError) -> PostgresResult {
        try session.script(sql, until: .now.advanced(by: deadline))
    }

    /// Runs `body` between `BEGIN` and `COMMIT`, or `ROLLBACK` when it throws. The body holds the connection: nothing of
    /// another task comes between its statements.
    ///
    /// - Throws: the body's error; `.unknown` where the commit's answer did not arrive.
    public func transaction<Value: Sendable>(
        deadline: Duration, _ body: @Sendable (isolated PostgresConnection) throws(PostgresError) -> Value
    ) throws(PostgresError) -> Value {
        _ = try query("BEGIN", deadline: deadline)
        let value: Value
        do {
            value = try body(self)
        } catch {
            // A connection that cannot roll back is closed, which rolls back.
            if session.isOpen {
                do { _ = try query("ROLLBACK", deadline: deadline) } catch { session.close() }
            }
            throw error
        }
        let commit = try query("COMMIT", deadline: deadline)
        guard commit.commandTag == "COMMIT" else {
            throw PostgresError(
                outcome: .refused(sqlstate: "25P02"), message: "the transaction had failed and was rolled back")
        }
        return value
    }

    /// Closes the connection. What the server is doing for it is rolled back when the server notices.
    public func close() { session.close() }

    /// The process id of the server process that serves this connection.
    public var backendPID: Int32 { session.backendPID }

    /// False after ``close()``, a missed deadline or a lost connection; that the server has ended it meanwhile shows with
    /// the next statement, which is then not sent.
    public nonisolated var isOpen: Bool { standing.isOpen.load(ordering: .relaxed) }

    /// Looks, without a round trip, whether the server has ended the connection meanwhile, and closes it then.
    public func isHealthy() -> Bool { session.isHealthy() }
}
