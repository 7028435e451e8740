public import Interpreter
import Journal

/// One page of an execution's history.
public struct HistoryPage: Sendable {
    public let events: [History.Event]
    /// Mark of the page after this one; nil on the last.
    public let next: String?
}

extension Engine {
    /// The history of an execution, made from its journal.
    ///
    /// - Parameters:
    ///   - limit: events a page, 1...1000.
    ///   - after: ``HistoryPage/next`` of the page before.
    public func history(_ id: String, isReversed: Bool, limit: Int, after mark: String?) async throws(EngineError)
        -> HistoryPage
    {
        let run = try await find(id)
        var skip = 0
        if let mark {
            guard let count = Int(mark), count > 0 else {
                throw EngineError(code: .invalid, message: "'\(mark)' is no mark of a page.")
            }
            skip = count
        }
        let history: History
        do { history = try await makeHistory(of: run) } catch {
            throw EngineError(code: .unavailable, message: "\(error)")
        }
        let events = isReversed ? history.events.reversed() : history.events
        let page = events.dropFirst(skip).prefix(limit)
        let reached = skip + page.count
        return HistoryPage(events: Array(page), next: reached < events.count ? String(reached) : nil)
    }

    private func makeHistory(of run: Run) async throws -> History {
        var history = History()
        let rows = try await journal.load(run.execution.id)
        guard let first = rows.first else { return history }
        var execution = Execution(
            id: run.execution.id, start: run.execution.start, machine: run.execution.machine, at: first.at)
        for row in rows {
            for effect in try Effect.decode(row.effects) {
                let before = execution
                execution.apply(effect, at: row.at)
                history.observe(effect, before: before, after: execution)
            }
        }
        return history
    }
}
