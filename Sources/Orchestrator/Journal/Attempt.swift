import Logging
import Postgres

/// The tries of one statement that must be known to have happened or not: the connection in use, and the server processes
/// that may still carry out an earlier try.
struct Attempt {
    private let link: Link
    private let deadline: Duration
    var pause: Pause
    /// Server processes with a try of unknown outcome in them.
    private var doubtful: [Link.Backend] = []

    init(link: Link, settings: JournalSettings, clock: any Clock<Duration>, deadline: Duration? = nil) {
        self.link = link
        self.deadline = deadline ?? settings.statementDeadline
        pause = Pause(settings, clock)
    }

    /// Whether an earlier try may still be carried out.
    var isDoubtful: Bool { !doubtful.isEmpty }

    /// An open connection, after the processes with an earlier try in them were told to end. Nobody waits for that: the key
    /// decides, and one that is frozen itself may take for ever. It only keeps "not in" from meaning "never".
    mutating func open() async throws(PostgresError) -> Link.Live {
        let live = try await link.open()
        if doubtful.isEmpty { return live }
        // The start time tells the process from another that got its number, and a server from its successor.
        let left = try await live.connection.query(
            """
            SELECT process.pid::bigint AS pid, pg_terminate_backend(process.pid) AS is_told
              FROM unnest($1, $2) AS doubtful (pid, started_at)
              JOIN pg_stat_activity AS process
                ON process.pid = doubtful.pid AND process.backend_start = doubtful.started_at::timestamptz
            """,
            [.intArray(doubtful.map(\.pid)), .textArray(doubtful.map(\.startedAt))], deadline: deadline)
        let pids = Set(left.map { $0.int("pid") })
        doubtful.removeAll { !pids.contains($0.pid) }
        return live
    }

    mutating func query(
        _ live: Link.Live, _ sql: String, _ parameters: [PostgresValue]
    ) async throws(PostgresError) -> PostgresResult {
        do throws(PostgresError) {
            return try await live.connection.query(sql, parameters, deadline: deadline)
        } catch {
            if error.outcome == .unknown, !doubtful.contains(live.backend) { doubtful.append(live.backend) }
            throw error
        }
    }

    /// Says that a try failed and waits before the next.
    mutating func note(_ error: PostgresError, rows: Int, _ log: Logger) async {
        log.warning(
            "append is tried again", metadata: ["error": "\(error)", "rows": "\(rows)", "pause": "\(pause.next)"])
        await pause.wait()
    }
}
