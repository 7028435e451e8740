import Postgres

extension Journal {
    /// Runs what may be run any number of times, again and again over lost connections, serialisation failures and a
    /// server that has no room or is starting, until `readDeadline` has passed or the task is cancelled; then throws the
    /// last error.
    func retrying<Value: Sendable>(
        _ link: Link, _ body: @Sendable (Link.Live) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let left = Countdown(from: settings.readDeadline, by: clock)
        var pause = Pause(settings, clock)
        while true {
            do throws(PostgresError) {
                return try await body(link.open())
            } catch {
                guard !error.isPermanent, !isClosed, !endsForHistory(), !Task.isCancelled, pause.next < left.remaining
                else { throw error }
            }
            await pause.wait()
        }
    }
}

/// What is left of a span of time that has begun.
struct Countdown {
    private let left: () -> Duration

    init(from span: Duration, by clock: some Clock<Duration>) {
        let begin = clock.now
        left = { span - begin.duration(to: clock.now) }
    }

    /// Negative when the time is up.
    var remaining: Duration { left() }
}

/// The pause between two tries: doubles from one to the next up to a limit.
struct Pause {
    private(set) var next: Duration
    private let limit: Duration
    private let clock: any Clock<Duration>

    init(_ settings: JournalSettings, _ clock: any Clock<Duration>) {
        self.clock = clock
        next = settings.retryPause
        limit = settings.retryPauseLimit
    }

    mutating func wait() async {
        // A cancelled task does not wait: those that may give up do so at their next look, appends are never cancelled.
        do { try await clock.sleep(for: next) } catch { await Task.yield() }
        next = min(next * 2, limit)
    }
}

extension PostgresError {
    /// Whether the same statement would be refused again for what it says or holds, however often it is sent. Everything
    /// else (no room, no lock, starting, read-only standby, lost, not answered) may pass.
    var isPermanent: Bool {
        guard let sqlstate else { return false }
        // Two engines that create the same object at once: the slower one is refused and finds it there next time.
        if sqlstate == "42P07" || sqlstate == "42P06" { return false }
        return ["0A", "21", "22", "23", "42", "54", "XX"].contains(String(sqlstate.prefix(2)))
    }
}
