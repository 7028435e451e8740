import Cryptography
import DequeModule
import Journal
import Logging
import Postgres

/// Tells the database who changes what: a row before the change, its outcome after it. What waits goes in together, and
/// one batch at a time.
///
/// No change is made whose row is not in: ``begin(_:)`` returns once it is, and the caller goes on then. The row costs no
/// flush of its own (see `Journal.writeAudit`). An outcome that was not written, because the engine ended first, stays
/// open in the log: that is what is known of it.
actor AuditLog {
    private let journal: Journal
    private let log: Logger
    private var waiting: Deque<Waiting> = []
    private var outcomes: Deque<AuditOutcome> = []
    private var isWriting = false

    private struct Waiting {
        let row: AuditRow
        let continuation: CheckedContinuation<Result<Void, PostgresError>, Never>
    }

    /// The most rows in one statement.
    private static let batchRows = 500

    init(journal: Journal, log: Logger) {
        self.journal = journal
        self.log = log
    }

    /// Returns once the row is in the database. Throws when it will never be.
    func begin(_ row: AuditRow) async throws(PostgresError) {
        let result = await withCheckedContinuation { continuation in
            waiting.append(Waiting(row: row, continuation: continuation))
            startWriting()
        }
        try result.get()
    }

    /// Adds the outcome of a row that is in; nobody waits for it. There are never more than rows that have begun.
    func end(_ outcome: AuditOutcome) {
        outcomes.append(outcome)
        startWriting()
    }

    private func startWriting() {
        guard !isWriting else { return }
        isWriting = true
        Task { await write() }
    }

    private func write() async {
        while !waiting.isEmpty || !outcomes.isEmpty {
            let batch = Array(waiting.prefix(Self.batchRows))
            waiting.removeFirst(batch.count)
            let ended = Array(outcomes.prefix(Self.batchRows))
            outcomes.removeFirst(ended.count)
            do throws(PostgresError) {
                try await journal.writeAudit(rows: batch.map(\.row), outcomes: ended)
                for entry in batch { entry.continuation.resume(returning: .success(())) }
            } catch {
                for entry in batch { entry.continuation.resume(returning: .failure(error)) }
                if !ended.isEmpty {
                    log.error(
                        "outcomes of calls are not in the audit log",
                        metadata: ["error": "\(error)", "ids": "\(ended.map(\.id).joined(separator: " "))"])
                }
            }
        }
        isWriting = false
    }
}
