import Postgres
import Synchronization

/// How far an engine has seen its database come, by which it knows a server that has gone back: restored to an earlier time, or
/// a standby that was promoted and may not have received the last commits. What the engine has in memory is then of another
/// history, and rows written from it would stand behind a gap.
///
/// Every such change breaks the connections to the server, so a look at each new one is enough.
final class ServerHistory: Sendable {
    /// Where a server's write-ahead log ends.
    struct Place: Sendable, Equatable {
        /// Counts restores and promotions (PostgreSQL, "Timelines").
        var timeline: Int64
        /// Bytes of the log that were flushed.
        var position: Int64
    }

    /// Bytes by which a log may end earlier after a crash though nothing was lost: those of a record of which a part was flushed
    /// with whole pages, and which is not there after the recovery.
    static let partialRecord: Int64 = 64 << 10

    private struct State {
        var reached: Place?
        var hasGoneBack = false
    }
    private let state = Mutex(State())

    /// Whether a server was met that has gone back. Final.
    var hasGoneBack: Bool { state.withLock(\.hasGoneBack) }

    /// From here on what the engine remembers depends on the server's history. Before that any server will do.
    func begin(at place: Place?) { state.withLock { $0.reached = place } }

    /// The log was seen to reach this far.
    func reach(_ position: Int64) {
        state.withLock { state in
            guard let reached = state.reached else { return }
            state.reached?.position = max(reached.position, position)
        }
    }

    /// How far the server had come so far, as this engine knows; nil before its history matters.
    var reached: Place? { state.withLock(\.reached) }

    /// Why a server that is at this place is not to be spoken to; nil where it may be, and is noted.
    ///
    /// - Parameters:
    ///   - place: nil for a server in recovery, which writes nothing.
    ///   - known: ``reached`` before the server was asked: what others have seen since may be later than its answer.
    func refusal(of place: Place?, known: Place?) -> String? {
        state.withLock { state in
            guard let place, let reached = known else { return nil }
            guard place.timeline == reached.timeline, place.position >= reached.position - Self.partialRecord else {
                state.hasGoneBack = true
                return "the database has gone back in time, or another server has taken its place: it was at byte "
                    + "\(reached.position) of timeline \(reached.timeline) and is at \(place.position) of \(place.timeline)"
            }
            if let latest = state.reached, latest.position < place.position { state.reached?.position = place.position }
            return nil
        }
    }

    /// Columns that give a ``Place``, for any statement on a primary; null in recovery.
    static let columns = """
        CASE WHEN NOT pg_is_in_recovery() THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
             END AS timeline,
        CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint END AS position
        """
}
