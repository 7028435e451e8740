import Journal
import Postgres

/// Holds back one of the database's answers: what it tells has happened, and whoever asked does not know yet.
actor HeldAnswer {
    private let words: String
    private var left = 0
    private var held: CheckedContinuation<Void, Never>?
    private var watcher: CheckedContinuation<Void, Never>?

    /// - Parameter words: what the statements contain whose answers are counted.
    init(to words: String) { self.words = words }

    /// Holds back the answer of this number, counted from 1 and from now on.
    func hold(_ number: Int) { left = number }

    func waitUntilHeld() async {
        if held == nil { await withCheckedContinuation { watcher = $0 } }
    }

    func release() {
        left = 0
        held?.resume()
        held = nil
    }

    /// A journal whose answers these are.
    nonisolated func journal(url: String, incarnation: String) -> Journal {
        Journal(
            url: url, incarnation: incarnation, log: silent,
            connector: { (url, name, settings, deadline) async throws(PostgresError) in
                Connection(
                    real: try await PostgresConnection.connect(
                        url, applicationName: name, settings: settings, deadline: deadline), answer: self)
            })
    }

    private func pass(_ sql: String) async {
        guard sql.contains(words) else { return }
        left -= 1
        guard left == 0 else { return }
        await withCheckedContinuation { continuation in
            held = continuation
            watcher?.resume()
            watcher = nil
        }
    }

    private struct Connection: JournalConnection {
        let real: PostgresConnection
        let answer: HeldAnswer

        var isOpen: Bool { real.isOpen }

        func query(
            _ sql: String, _ parameters: [PostgresValue], deadline: Duration
        ) async throws(PostgresError) -> PostgresResult {
            let result = try await real.query(sql, parameters, deadline: deadline)
            await answer.pass(sql)
            return result
        }

        /// Nobody waits for it any more.
        func close() async {
            await answer.release()
            await real.close()
        }
    }
}
