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
        var last: Int?
        if let mark {
            guard let id = Int(mark), id > 0 else {
                throw EngineError(code: .invalid, message: "'\(mark)' is no mark of a page.")
            }
            last = id
        }
        let history: History
        do { history = try await makeHistory(of: run) } catch {
            throw EngineError(code: .unavailable, message: "\(error)")
        }
        // By the event's id and not by its place: seen from the end, places change while the execution goes on.
        let rest = isReversed ? history.events.reversed() : history.events
        let events = rest.drop { event in last.map { isReversed ? event.id >= $0 : event.id <= $0 } ?? false }
        let page = events.prefix(limit)
        return HistoryPage(
            events: Array(page), next: page.count < events.count ? page.last.map { String($0.id) } : nil)
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
