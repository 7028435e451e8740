import Interpreter
import Journal
import Postgres

/// In which states executions are that are not in memory.
extension Engine {
    /// The most executions of one page that are read for it.
    private static let coldStatesTold = 200

    /// Fills in the current states of executions that run and are not in memory, from what is stored of them. They stay where
    /// they are. Of one that can't be read there is nothing to tell.
    func tellStates(in views: inout [RunView]) async throws(EngineError) {
        let places = views.indices.filter { index in
            let view = views[index]
            return view.status == .running && view.current.isEmpty && runs[view.id] == nil
                && suspects[view.id] == nil && !unreadable.contains(view.id)
        }.prefix(Self.coldStatesTold)
        guard !places.isEmpty else { return }
        let stored: [StoredExecution]
        do throws(PostgresError) {
            stored = try await journal.stored(places.map { views[$0].id }, format: RunSnapshot.format)
        } catch { throw EngineError.unavailable(error.message) }
        for (index, stored) in zip(places, stored) {
            let run: Run?
            do { run = try await restore(stored) } catch {
                log.warning(
                    "an execution's states can't be told", metadata: ["execution": "\(stored.id)", "error": "\(error)"])
                continue
            }
            views[index].current = run?.execution.openEntries.map(\.state) ?? []
        }
    }
}
