import Dispatching
import Encodings
import Interpreter
import JSON
import Journal
import Postgres
import StepContracts

/// A source that workers were lost with, one after the other.
struct SourceLosses: Sendable, Equatable {
    /// Workers lost in a row: each attempt began after the loss before, and none with this source has succeeded since.
    var count: Int
    var lastAt: Int64
    /// What was lost last, for people.
    var words: String
}

/// Sources that end workers are held back by their content's digest, whichever execution has them, and wherever they lie: the
/// worker that has read one tells its digest before it opens it. What workers were lost with before that is held by its
/// address.
///
/// Two workers that a machine takes along at the same time count once, since an attempt counts only that began after the
/// loss before; and a success with the source starts the count anew. What two workers in a row were lost with is kept in
/// the database, with the addresses where it lies: a new engine holds it, too, and so does an execution that comes later,
/// until an operator releases one of the tasks that wait for it.
extension Engine {
    private static let sourceSubject = "source:"
    /// Before an address; the row's event is the digest of what lies there.
    private static let contentSubject = "content:"
    /// Losses further apart are no row, in microseconds; as the database counts.
    private static let rowMicroseconds: Int64 = 86_400_000_000

    /// Whether something that was counted is a source, or where one lies.
    static func isSource(_ subject: String) -> Bool {
        subject.hasPrefix(sourceSubject) || subject.hasPrefix(contentSubject)
    }

    /// Longer addresses are not counted, in bytes.
    private static let longestAddress = 2048

    /// What a task's source is counted under: its content's digest, by the input or as a worker told it, or its address where
    /// nobody has read it yet, or where that is quarantined: what an attempt still reads there releases nothing. Nil for tasks
    /// without a source.
    func sourceName(_ attempt: TaskAttempt) -> String? {
        guard contracts[StepContract.plainResource(attempt.resource)]?.runner == .mediaWorker else { return nil }
        if let digest = attempt.parameters["source"]?["sha256"]?.stringValue, Self.isDigest(digest) { return digest }
        return Self.address(of: attempt).map { isQuarantined($0) ? $0 : sourceContents[$0] ?? $0 }
    }

    /// Where an attempt's source lies; nil where it has none, or an address too long to be remembered.
    private static func address(of attempt: TaskAttempt) -> String? {
        guard let source = attempt.parameters["source"],
            let address = source.stringValue ?? source["url"]?.stringValue, !isDigest(address),
            (1...longestAddress).contains(address.utf8.count)
        else { return nil }
        return address
    }

    /// Takes what a worker has read at the address that an attempt's input names.
    ///
    /// - Returns: false where that content is quarantined: then the attempt is taken back, and what the definition makes of
    ///   that waits with the others.
    func mayOpen(_ content: String, _ token: TaskToken, of run: Run) -> Bool {
        guard Self.isDigest(content), case .task(let attempt) = run.execution.entry(token.entry)?.phase,
            attempt.started?.nonce == token.nonce, let address = Self.address(of: attempt)
        else { return true }
        note(content, at: address)
        // Also where there is no room to remember the address.
        guard let reason = sourceReason(content) else { return true }
        post(
            .taskFailed(
                entry: token.entry, nonce: token.nonce, error: StepErrorName.workerLost,
                cause: "The film was not opened: \(reason)."),
            to: run)
        return false
    }

    /// Remembers what lies at an address; what was held for something else that lay there is held no longer.
    private func note(_ content: String, at address: String) {
        let former = sourceContents[address]
        guard former != content else { return }
        if former == nil, sourceContents.count >= limits.sourcesCounted {
            // Tasks that are held for theirs must be found again.
            guard let other = sourceContents.first(where: { !isQuarantined($0.value) }) else { return }
            sourceContents[other.key] = nil
        }
        sourceContents[address] = content
        if isQuarantined(content) {
            keepAddress(address, of: content)
        } else if let former, isQuarantined(former) {
            forgetAddress(address, of: former)
        }
        if let former, isQuarantined(former) { unparkTasks { Self.address(of: $0) == address } }
    }

    private func keepAddress(_ address: String, of content: String) {
        keepLosses(of: content) { (journal: Journal) async throws(PostgresError) in
            try await journal.countCrash(subject: Self.contentSubject + address, event: content, incarnation: content)
        }
    }

    private func forgetAddress(_ address: String, of content: String) {
        keepLosses(of: content) { (journal: Journal) async throws(PostgresError) in
            _ = try await journal.deleteSuspect(Self.contentSubject + address)
        }
    }

    /// Where something lies, as far as workers have told.
    private func addresses(of content: String) -> [String] {
        sourceContents.filter { $0.value == content }.keys.sorted()
    }

    private static func isDigest(_ name: String) -> Bool { name.utf8.count == 64 && !name.contains(":") }

    /// A source's name for people and logs.
    private static func told(_ name: String) -> String { isDigest(name) ? name : addressWithoutSecrets(name) }

    func isQuarantined(_ name: String) -> Bool {
        dispatchRules.parkAfter > 0 && (sourceLosses[name]?.count ?? 0) >= dispatchRules.parkAfter
    }

    /// Why a task's source keeps it from workers; nil where it does not.
    func sourceReason(_ attempt: TaskAttempt) -> String? { sourceName(attempt).flatMap { sourceReason($0) } }

    private func sourceReason(_ name: String) -> String? {
        guard isQuarantined(name), let losses = sourceLosses[name] else { return nil }
        let what = Self.isDigest(name) ? "the content of SHA-256 \(name)" : "what lies at \(Self.told(name))"
        return
            "its source is quarantined: \(losses.count) workers in a row were lost with \(what), the last was \(losses.words)"
    }

    /// Takes over what former engines counted.
    func loadSourceLosses() async throws {
        let suspects = try await journal.suspects(crashes: 1)
        for suspect in suspects where suspect.subject.hasPrefix(Self.sourceSubject) {
            // What is neither a quarantine nor will become one with the next loss.
            if suspect.crashes < dispatchRules.parkAfter, now - suspect.lastAt > Self.rowMicroseconds { continue }
            let name = String(suspect.subject.dropFirst(Self.sourceSubject.count))
            sourceLosses[name] = SourceLosses(count: suspect.crashes, lastAt: suspect.lastAt, words: suspect.event)
        }
        for suspect in suspects where suspect.subject.hasPrefix(Self.contentSubject) {
            let address = String(suspect.subject.dropFirst(Self.contentSubject.count))
            if isQuarantined(suspect.event) {
                sourceContents[address] = suspect.event
            } else {
                // Of what was released by an engine that ended in it, or what the rules do not hold any more.
                forgetAddress(address, of: suspect.event)
            }
        }
    }

    /// A worker was lost with an attempt in its hands: tells the execution, and counts it against the source.
    ///
    /// It counts in memory at once, so that no other worker gets the source meanwhile, and in the database when the
    /// execution's row is in: an engine that stood still for long judges attempts that another has long since taken over.
    func lose(_ lease: Lease, of run: Run, error: String?, cause: String) {
        let event = Event.workerLost(entry: lease.token.entry, nonce: lease.token.nonce, error: error, cause: cause)
        guard let loss = countLoss(of: lease, in: run) else { return post(event, to: run) }
        run.mailbox.append(Pending(event: event) { self.conclude(loss, $0) })
        pump(run)
    }

    private struct Loss {
        let name: String
        let nonce: String
        let before: SourceLosses?
        let after: SourceLosses
    }

    /// Nil where the attempt has no source, or began before the source's last loss.
    private func countLoss(of lease: Lease, in run: Run) -> Loss? {
        guard dispatchRules.parkAfter > 0, let entry = run.execution.entry(lease.token.entry),
            case .task(let attempt) = entry.phase, let started = attempt.started, started.nonce == lease.token.nonce,
            let name = sourceName(attempt)
        else { return nil }
        let before = sourceLosses[name]
        if let before, started.at <= before.lastAt { return nil }
        if before == nil, sourceLosses.count >= limits.sourcesCounted, let oldest = oldestUnquarantined() {
            sourceLosses[oldest] = nil
        }
        let words = "'\(lease.worker)' at \(entry.state)"
        let row = before.map { now - $0.lastAt > Self.rowMicroseconds ? 0 : $0.count } ?? 0
        let losses = SourceLosses(count: row + 1, lastAt: now, words: words)
        sourceLosses[name] = losses
        if isQuarantined(name) {
            log.error(
                "a source is quarantined: workers in a row were lost with it",
                metadata: ["source": "\(Self.told(name))", "workers": "\(losses.count)", "last": "\(words)"])
            parkReady(name)
        }
        return Loss(name: name, nonce: lease.token.nonce, before: before, after: losses)
    }

    /// What became of the row that tells a loss.
    private func conclude(_ loss: Loss, _ verdict: Verdict) {
        if case .committed = verdict {
            // A success with the source may have come first.
            guard sourceLosses[loss.name] != nil else { return }
            keepLosses(of: loss.name) { (journal: Journal) async throws(PostgresError) in
                try await journal.countCrash(
                    subject: Self.sourceSubject + loss.name, event: loss.after.words, incarnation: loss.nonce)
            }
            guard isQuarantined(loss.name) else { return }
            for address in addresses(of: loss.name) { keepAddress(address, of: loss.name) }
        } else if sourceLosses[loss.name] == loss.after {
            // The attempt had ended otherwise, or another engine has the execution.
            sourceLosses[loss.name] = loss.before
            if !isQuarantined(loss.name) { unparkTasks(of: loss.name) }
        }
    }

    private func oldestUnquarantined() -> String? {
        sourceLosses.filter { $0.value.count < dispatchRules.parkAfter }.min { $0.value.lastAt < $1.value.lastAt }?.key
    }

    /// A worker has done a task with the source: what was lost before was not its fault.
    func noteSourceSuccess(_ name: String) {
        guard sourceLosses[name] != nil, !isQuarantined(name) else { return }
        sourceLosses[name] = nil
        keepLosses(of: name) { (journal: Journal) async throws(PostgresError) in
            _ = try await journal.deleteSuspect(Self.sourceSubject + name)
        }
    }

    /// Lets what is held for a source be handed out again. False where it is not quarantined.
    func releaseSource(_ name: String) async throws(EngineError) -> Bool {
        guard isQuarantined(name) else { return false }
        await sourceWrites?.value
        try await written { try await journal.deleteSuspect(Self.sourceSubject + name) }
        sourceLosses[name] = nil
        for address in addresses(of: name) { forgetAddress(address, of: name) }
        unparkTasks(of: name)
        return true
    }

    /// Lets what was held for a source be handed out: also by an address of which the content has become known since.
    private func unparkTasks(of name: String) {
        unparkTasks { Self.address(of: $0) == name || sourceName($0) == name }
    }

    /// Lets what was held be handed out, unless there is another reason to hold it.
    private func unparkTasks(where isMeant: (TaskAttempt) -> Bool) {
        for task in dispatcher.parkedTasks {
            guard let run = runs[task.execution], let entry = run.execution.entry(task.entry),
                case .task(let attempt) = entry.phase, isMeant(attempt), dispatcher.unpark(task)
            else { continue }
            // Whoever was parked for a reason of its own is parked again.
            dispatch(task.entry, of: run)
        }
    }

    /// Brings the database up to what was counted, one change after the other. What can't be written is counted in memory
    /// all the same.
    private func keepLosses(
        of name: String, _ change: @escaping @Sendable (Journal) async throws(PostgresError) -> Void
    ) {
        let before = sourceWrites
        sourceWrites = Task { [journal, log] in
            await before?.value
            do throws(PostgresError) { try await change(journal) } catch {
                log.warning(
                    "the workers lost with a source were not written down",
                    metadata: ["source": "\(Self.told(name))", "error": "\(error)"])
            }
        }
    }

    /// Takes the tasks that are ready and have the source out of everybody's reach.
    private func parkReady(_ name: String) {
        for run in runs.values {
            for id in run.ready {
                guard let entry = run.execution.entry(id), case .task(let attempt) = entry.phase,
                    sourceName(attempt) == name, let reason = sourceReason(attempt)
                else { continue }
                let task = TaskName(execution: run.execution.id, entry: id)
                guard dispatcher.isReady(task) else { continue }
                dispatcher.remove(task)
                dispatcher.park(task, because: reason)
            }
        }
    }
}
