import JSON
import StatesLanguage
import Synchronization

/// What triggers were told lately and what came of it, for people who ask why nothing has started. Kept in memory since the
/// engine's start: what was started stands in the journal.
final class TriggerNotes: Sendable {
    enum Outcome: String, Sendable, CaseIterable {
        /// An execution was started.
        case started = "Started"
        /// Its execution was there already.
        case known = "Known"
        /// The pattern means other events, or the trigger is disabled.
        case unmatched = "Unmatched"
        /// It was not proven, can't be used, or the engine refused the start.
        case refused = "Refused"
        /// The bucket or the directory could not be looked at.
        case trouble = "Trouble"
    }

    struct Note: Sendable, Hashable {
        let outcome: Outcome
        /// The execution's ARN.
        var execution: String?
        var reason: String?
        /// Engine time of the latest telling, in microseconds since 1970; nil where the engine did not serve.
        var at: Int64?
        /// How often the very same was noted in a row: whoever knocks a thousand times takes one place.
        var count = 1
    }

    struct Notes: Sendable {
        /// The latest first.
        var recent: [Note] = []
        var counts: [Outcome: Int] = [:]
    }

    /// Notes of a trigger that are kept.
    static let kept = 50
    private static let longestReason = 1000

    private let notes = Mutex<[String: Notes]>([:])

    /// - Parameter trigger: one of the file's: nobody else can make this grow.
    func note(
        _ outcome: Outcome, of trigger: String, execution: String? = nil, reason: String? = nil, at time: Int64?
    ) {
        let reason = reason.map { String($0.prefix(Self.longestReason)) }
        notes.withLock { all in
            var known = all[trigger] ?? Notes()
            known.counts[outcome, default: 0] += 1
            if let last = known.recent.first, last.outcome == outcome, last.execution == execution,
                last.reason == reason
            {
                known.recent[0].count += 1
                known.recent[0].at = time ?? last.at
            } else {
                known.recent.insert(Note(outcome: outcome, execution: execution, reason: reason, at: time), at: 0)
                if known.recent.count > Self.kept { known.recent.removeLast() }
            }
            all[trigger] = known
        }
    }

    subscript(trigger: String) -> Notes { notes.withLock { $0[trigger] ?? Notes() } }
}

extension TriggerNotes.Note {
    var json: JSON {
        .members(
            ("At", at.map { .string(Timestamp.text(microseconds: $0)) }), ("Outcome", .string(outcome.rawValue)),
            ("Count", .integer(count)), ("ExecutionArn", execution.map(JSON.string)),
            ("Reason", reason.map(JSON.string)))
    }
}
