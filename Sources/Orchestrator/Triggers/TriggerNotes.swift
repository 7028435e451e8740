import EventPatterns
import JSON
import StatesLanguage
import Synchronization

/// What triggers were told lately and what came of it, for people who ask why nothing has started. Kept in memory since the
/// engine's start: what was started stands in the journal.
final class TriggerNotes: Sendable {
    struct Note: Sendable, Hashable {
        let news: TriggerNews
        /// Engine time of the latest telling, in microseconds since 1970; nil where the engine did not serve.
        var at: Int64?
        /// How often the very same was noted in a row: whoever knocks a thousand times takes one place.
        var count = 1
    }

    struct Notes: Sendable {
        /// The latest first.
        var recent: [Note] = []
        var counts: [TriggerNews.Outcome: Int] = [:]
    }

    /// Notes of a trigger that are kept.
    static let kept = 50
    private static let longestReason = 1000

    private let notes = Mutex<[String: Notes]>([:])

    /// - Parameter news: of a trigger of the file, so that nobody else can make this grow.
    func note(_ news: TriggerNews, at time: Int64?) {
        let news = TriggerNews(
            news.outcome, of: news.trigger, execution: news.execution,
            reason: news.reason.map { String($0.prefix(Self.longestReason)) })
        notes.withLock { all in
            var known = all[news.trigger] ?? Notes()
            known.counts[news.outcome, default: 0] += 1
            if let last = known.recent.first, last.news == news {
                known.recent[0].count += 1
                known.recent[0].at = time ?? last.at
            } else {
                known.recent.insert(Note(news: news, at: time), at: 0)
                if known.recent.count > Self.kept { known.recent.removeLast() }
            }
            all[news.trigger] = known
        }
    }

    subscript(trigger: String) -> Notes { notes.withLock { $0[trigger] ?? Notes() } }
}

extension TriggerNotes.Note {
    var json: JSON {
        .members(
            ("At", at.map { .string(Timestamp.text(microseconds: $0)) }), ("Outcome", .string(news.outcome.rawValue)),
            ("Count", .integer(count)), ("ExecutionArn", news.execution.map(JSON.string)),
            ("Reason", news.reason.map(JSON.string)))
    }
}
