import Journal
import Postgres

/// Holds back one of the answers to reads of an execution's journal.
actor Gate {
    private var left = 0
    private var held: CheckedContinuation<Void, Never>?
    private var watcher: CheckedContinuation<Void, Never>?

    func hold(_ number: Int) { left = number }

    func pass() async {
        left -= 1
        guard left == 0 else { return }
        await withCheckedContinuation { continuation in
            held = continuation
            watcher?.resume()
            watcher = nil
        }
    }

    func waitUntilHeld() async {
        if held == nil { await withCheckedContinuation { watcher = $0 } }
    }

    func open() {
        held?.resume()
        held = nil
    }
}

/// A connection whose answers to some statements pass a gate.
struct HeldConnection: JournalConnection {
    let real: PostgresConnection
    let gate: Gate
    /// What is in such a statement.
    let held: String

    func query(
        _ sql: String, _ parameters: [PostgresValue], deadline: Duration
    ) async throws(PostgresError) -> PostgresResult {
        let result = try await real.query(sql, parameters, deadline: deadline)
        if sql.contains(held) { await gate.pass() }
        return result
    }

    var isOpen: Bool { real.isOpen }
    func close() async { await real.close() }
}
