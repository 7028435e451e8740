import Dispatching
import Interpreter
import JSON
import Journal
import Postgres
import StepContracts

/// A source that workers were lost with, one after the other.
struct SourceLosses: Sendable {
    /// Workers lost in a row: each attempt began after the loss before, and none with this source has succeeded since.
    var count: Int
    var lastAt: Int64
    /// What was lost last, for people.
    var words: String
}

/// Sources that end workers are held back by their digest, whichever execution has them.
///
/// Two workers that a machine takes along at the same time count once, since an attempt counts only that began after the
/// loss before; and a success with the source starts the count anew. What two workers in a row were lost with is kept in
/// the database: a new engine holds it, too, and so does an execution that comes later, until an operator releases one
/// of the tasks that wait for it.
extension Engine {
    private static let sourceSubject = "source:"
    /// Losses further apart are no row, in microseconds; as the database counts.
    private static let rowMicroseconds: Int64 = 86_400_000_000

    /// Whether something that was counted is a source.
    static func isSource(_ subject: String) -> Bool { subject.hasPrefix(sourceSubject) }

    /// The digest of the source that a task works on; nil for tasks without one, and where its content is not known yet.
    func sourceDigest(_ attempt: TaskAttempt) -> String? {
        guard contracts[StepContract.plainResource(attempt.resource)]?.runner == .mediaWorker,
            let digest = attempt.parameters["source"]?["sha256"]?.stringValue, digest.utf8.count == 64
        else { return nil }
        return digest
    }

    func isQuarantined(_ digest: String) -> Bool {
        dispatchRules.parkAfter > 0 && (sourceLosses[digest]?.count ?? 0) >= dispatchRules.parkAfter
    }

    /// Why a task's source keeps it from workers; nil where it does not.
    func sourceReason(_ attempt: TaskAttempt) -> String? {
        guard let digest = sourceDigest(attempt), isQuarantined(digest), let losses = sourceLosses[digest] else {
            return nil
        }
        return
            "its source is quarantined: \(losses.count) workers in a row were lost with the content of SHA-256 \(digest), the last was \(losses.words)"
    }

    /// Takes over what former engines counted.
    func loadSourceLosses() async throws {
        for suspect in try await journal.suspects(crashes: 1) {
            guard Self.isSource(suspect.subject) else { continue }
            // What is neither a quarantine nor will become one with the next loss.
            if suspect.crashes < dispatchRules.parkAfter, now - suspect.lastAt > Self.rowMicroseconds { continue }
            let digest = String(suspect.subject.dropFirst(Self.sourceSubject.count))
            sourceLosses[digest] = SourceLosses(count: suspect.crashes, lastAt: suspect.lastAt, words: suspect.event)
        }
    }

    /// A worker was lost with an attempt in its hands.
    func noteLoss(of lease: Lease) {
        guard dispatchRules.parkAfter > 0, let run = runs[lease.token.execution],
            let entry = run.execution.entry(lease.token.entry), case .task(let attempt) = entry.phase,
            let started = attempt.started, started.nonce == lease.token.nonce, let digest = sourceDigest(attempt)
        else { return }
        let before = sourceLosses[digest]
        if let before, started.at <= before.lastAt { return }
        if before == nil, sourceLosses.count >= limits.sourcesCounted, let oldest = oldestUnquarantined() {
            sourceLosses[oldest] = nil
        }
        let words = "'\(lease.worker)' at \(entry.state)"
        let row = before.map { now - $0.lastAt > Self.rowMicroseconds ? 0 : $0.count } ?? 0
        let losses = SourceLosses(count: row + 1, lastAt: now, words: words)
        sourceLosses[digest] = losses
        keepLosses(of: digest) { (journal: Journal) async throws(PostgresError) in
            try await journal.countCrash(
                subject: Self.sourceSubject + digest, event: words, incarnation: lease.token.nonce)
        }
        guard isQuarantined(digest) else { return }
        log.error(
            "a source is quarantined: workers in a row were lost with it",
            metadata: ["source": "\(digest)", "workers": "\(losses.count)", "last": "\(words)"])
        parkReady(digest)
    }

    private func oldestUnquarantined() -> String? {
        sourceLosses.filter { $0.value.count < dispatchRules.parkAfter }.min { $0.value.lastAt < $1.value.lastAt }?.key
    }

    /// A worker has done a task with the source: what was lost before was not its fault.
    func noteSourceSuccess(_ digest: String) {
        guard sourceLosses[digest] != nil, !isQuarantined(digest) else { return }
        sourceLosses[digest] = nil
        keepLosses(of: digest) { (journal: Journal) async throws(PostgresError) in
            _ = try await journal.deleteSuspect(Self.sourceSubject + digest)
        }
    }

    /// Lets what is held for a source be handed out again. False where it is not quarantined.
    func releaseSource(_ digest: String) async throws(EngineError) -> Bool {
        guard isQuarantined(digest) else { return false }
        await sourceWrites?.value
        try await written { try await journal.deleteSuspect(Self.sourceSubject + digest) }
        sourceLosses[digest] = nil
        for name in dispatcher.parkedTasks {
            guard let run = runs[name.execution], let entry = run.execution.entry(name.entry),
                case .task(let attempt) = entry.phase, sourceDigest(attempt) == digest, dispatcher.unpark(name)
            else { continue }
            // Whoever was parked for a reason of its own is parked again.
            dispatch(name.entry, of: run)
        }
        return true
    }

    /// Brings the database up to what was counted, one change after the other. What can't be written is counted in memory
    /// all the same.
    private func keepLosses(
        of digest: String, _ change: @escaping @Sendable (Journal) async throws(PostgresError) -> Void
    ) {
        let before = sourceWrites
        sourceWrites = Task { [journal, log] in
            await before?.value
            do throws(PostgresError) { try await change(journal) } catch {
                log.warning(
                    "the workers lost with a source were not written down",
                    metadata: ["source": "\(digest)", "error": "\(error)"])
            }
        }
    }

    /// Takes the tasks that are ready and have the source out of everybody's reach.
    private func parkReady(_ digest: String) {
        for run in runs.values {
            for id in run.ready {
                guard let entry = run.execution.entry(id), case .task(let attempt) = entry.phase,
                    sourceDigest(attempt) == digest, let reason = sourceReason(attempt)
                else { continue }
                let name = TaskName(execution: run.execution.id, entry: id)
                guard dispatcher.isReady(name) else { continue }
                dispatcher.remove(name)
                dispatcher.park(name, because: reason)
            }
        }
    }
}
