import Postgres
import Synchronization

/// One of the journal's connections: made when first needed, made again after it was lost, remembered with the identity
/// of the server process behind it.
actor Link {
    /// A server process. Process ids are used again, so the start time belongs to it.
    struct Backend: Sendable, Equatable {
        let pid: Int64
        let startedAt: String
    }

    /// A connection with the server process behind it.
    struct Live: Sendable {
        let connection: any JournalConnection
        let backend: Backend
        /// Where the server was when the connection was made; nil in recovery.
        let place: ServerHistory.Place?
    }

    private let url: String
    private let name: String
    private let settings: [String: String]
    private let connectDeadline: Duration
    private let connector: JournalConnector
    private let history: ServerHistory
    private nonisolated let held = Mutex<Live?>(nil)
    private var connecting: Task<Result<Live, PostgresError>, Never>?

    init(
        url: String, name: String, statementTimeout: Duration, lockTimeout: Duration?, settings: JournalSettings,
        connector: @escaping JournalConnector, history: ServerHistory, plansOnce: Bool = false
    ) {
        self.url = url
        self.name = name
        connectDeadline = settings.connectDeadline
        self.connector = connector
        self.history = history
        // On the server too, so that a statement whose client has given up does not wait on for ever.
        var options = ["statement_timeout": Self.milliseconds(statementTimeout)]
        if settings.isReadOnly { options["default_transaction_read_only"] = "on" }
        if let lockTimeout { options["lock_timeout"] = Self.milliseconds(lockTimeout) }
        // An append's plan does not depend on what is appended, and making it costs more than it does.
        if plansOnce { options["plan_cache_mode"] = "force_generic_plan" }
        self.settings = options
    }

    private static func milliseconds(_ duration: Duration) -> String {
        String(max(1, Int64((duration / .milliseconds(1)).rounded())))
    }

    /// The connection as it was last known; nil before the first and between two.
    nonisolated var latest: Live? { held.withLock { $0 } }

    private func hold(_ live: Live?) { held.withLock { $0 = live } }

    /// The open connection, or a new one.
    func open() async throws(PostgresError) -> Live {
        if let live = latest, live.connection.isOpen { return live }
        hold(nil)
        if let connecting { return try await connecting.value.get() }
        let task = Task { await connect() }
        connecting = task
        let result = await task.value
        connecting = nil
        let live = try result.get()
        hold(live)
        return live
    }

    /// Closes the connection, if there is one.
    func close() async {
        await latest?.connection.close()
        hold(nil)
    }

    private func connect() async -> Result<Live, PostgresError> {
        do throws(PostgresError) {
            let connection = try await connector(url, name, settings, connectDeadline)
            let known = history.reached
            let row = try await connection.query(
                """
                SELECT pid::bigint AS pid, backend_start::text AS started_at, \(ServerHistory.columns)
                  FROM pg_stat_activity WHERE pid = pg_backend_pid()
                """, [], deadline: connectDeadline)
            guard let row = row.first else {
                throw PostgresError(outcome: .notSent, message: "the server does not list its own process")
            }
            let place = row.optionalInt("timeline").flatMap { timeline in
                row.optionalInt("position").map { ServerHistory.Place(timeline: timeline, position: $0) }
            }
            if let reason = history.refusal(of: place, known: known) {
                await connection.close()
                throw PostgresError(outcome: .notSent, message: reason)
            }
            let backend = Backend(pid: row.int("pid"), startedAt: row.text("started_at"))
            return .success(Live(connection: connection, backend: backend, place: place))
        } catch {
            return .failure(error)
        }
    }
}
