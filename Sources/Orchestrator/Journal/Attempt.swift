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

    init(link: Link, settings: JournalSettings, deadline: Duration? = nil) {
        self.link = link
        self.deadline = deadline ?? settings.statementDeadline
        pause = Pause(settings)
    }

    /// Whether an earlier try may still be carried out.
    var isDoubtful: Bool { !doubtful.isEmpty }

    /// An open connection, after an attempt to end the processes with an earlier try in them. One that does not end, being
    /// frozen itself, keeps nobody from sending again: the key decides. It only keeps "not in" from meaning "never".
    mutating func open() async throws(PostgresError) -> Link.Live {
        let live = try await link.open()
        if doubtful.isEmpty { return live }
        // The start time tells the process from another that got its number, and a server from its successor.
        let left = try await query(
            live,
            """
            SELECT process.pid::bigint AS pid, pg_terminate_backend(process.pid, 1000) AS is_gone
              FROM unnest($1, $2) AS doubtful (pid, started_at)
              JOIN pg_stat_activity AS process
                ON process.pid = doubtful.pid AND process.backend_start = doubtful.started_at::timestamptz
            """,
            [.intArray(doubtful.map(\.pid)), .textArray(doubtful.map(\.startedAt))])
        let frozen = Set(left.filter { !$0.bool("is_gone") }.map { $0.int("pid") })
        doubtful.removeAll { !frozen.contains($0.pid) }
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
