import Interpreter
import JSON
import Journal
import StatesLanguage

/// Receive, decide, commit, dispatch.
extension Engine {
    /// Sends an event to an execution and waits until what follows from it is durable.
    func submit(_ event: Event, to run: Run, name: ExecutionName? = nil, statement: AttachedStatement? = nil) async
        -> Verdict
    {
        await withCheckedContinuation { continuation in
            run.mailbox.append(
                Pending(event: event, name: name, statement: statement) { continuation.resume(returning: $0) })
            pump(run)
        }
    }

    /// Sends an event that nobody waits for.
    func post(_ event: Event, to run: Run) {
        run.mailbox.append(Pending(event: event))
        pump(run)
    }

    /// Decides what waits in the mailbox and sends it as one row, unless an append is under way already.
    func pump(_ run: Run) {
        guard !run.isAppending, !run.mailbox.isEmpty else { return }
        // What was thrown away, or loaded beside the one in memory, takes nothing more.
        guard runs[run.execution.id] === run || !run.execution.isOpen else {
            let refused = run.mailbox
            run.mailbox = []
            for pending in refused { pending.reply?(.refused("The execution is being loaded again.")) }
            return
        }
        // It has ended and left memory while this waited: what opens it again does so with one that is in memory, or nobody
        // would know of it.
        guard runs[run.execution.id] === run else {
            let late = run.mailbox
            run.mailbox = []
            for pending in late { pending.reply?(.stale) }
            return
        }
        // One instant a row: every effect of it happened then. The first row's is when the execution started.
        var batch = Batch(execution: run.execution, now: run.seq == 0 ? run.execution.startedAt : now)
        var goesOn = false
        while !run.mailbox.isEmpty, !goesOn {
            // What is attached to a row belongs to one event alone.
            if run.mailbox[0].statement != nil, !batch.effects.isEmpty { break }
            let pending = run.mailbox.removeFirst()
            let decision = noting(run, pending.event.word) { batch.decision(on: pending.event) }
            if decision.isStale {
                // Where that follows from this row, it is not so unless the row goes in.
                if batch.effects.isEmpty { pending.reply?(.stale) } else { batch.late.append(pending) }
                continue
            }
            batch.take(decision, of: pending)
            goesOn = decision.yields
            if pending.statement != nil { break }
        }
        if batch.effects.isEmpty { return }
        if goesOn { run.mailbox.insert(Pending(event: .proceed), at: 0) }
        if batch.statement == nil { handOutScheduled(in: &batch, of: run) }
        run.isAppending = true
        var row = self.row(for: batch, of: run)
        guard let statement = batch.statement else {
            outbox.add(row, of: run, batch)
            if outbox.rows.count == 1, !outbox.isHeld { Task { self.sendRows() } }
            return
        }
        row.effects = Effect.encode(batch.effects)
        batch.bytes = row.effects.utf8.count
        let (publishing, sent) = (row, batch)
        outbox.attached[run.execution.id] = batch.now
        Task {
            switch await self.journal.appendPublishing(publishing, attached: statement, deadline: .seconds(15)) {
            case .committed: self.settle(run, sent, .committed)
            case .superseded: self.settle(run, sent, .superseded)
            case .refused(let error): self.settle(run, sent, .failed(error))
            }
        }
    }

    /// Hands the journal the rows that were made meanwhile, all at once.
    private func sendRows() {
        let (rows, journal) = (outbox.rows, journal)
        outbox.rows = []
        if rows.isEmpty { return }
        // The engine is one thread's work at a time: what need not be its is done beside it, where that is worth a task.
        guard rows.count >= Self.writtenElsewhere else { return journal.append(rows.map(\.numbered)) }
        Task.detached { journal.append(rows.map(\.numbered)) }
    }

    /// Of so many rows the effects are written beside the engine.
    private static let writtenElsewhere = 4

    /// Hands the journal the rows that something makes as soon as it has made them.
    private func sendingRows(_ body: () -> Void) {
        outbox.isHeld = true
        body()
        outbox.isHeld = false
        sendRows()
    }

    /// What follows from the outcomes of rows that were in one batch.
    func settle(_ outcomes: [NumberedOutcome]) async {
        var rest = outcomes[...]
        while true {
            sendingRows {
                for told in rest.prefix(Self.settledTogether) {
                    guard var sent = outbox.sent.removeValue(forKey: told.number) else {
                        preconditionFailure("row \(told.number) was answered twice")
                    }
                    sent.batch.bytes = told.effectsBytes
                    settle(sent.run, sent.batch, told.outcome)
                }
            }
            rest = rest.dropFirst(Self.settledTogether)
            if rest.isEmpty { return }
            // What follows can be written while the others are looked at, and whoever else calls need not wait for all of
            // them.
            await Task.yield()
        }
    }

    /// So many outcomes are looked at before the next rows are handed to the journal.
    private static let settledTogether = 32

    /// Where the engine itself does such a task, or a worker waits for it already, scheduled and started are one row.
    private func handOutScheduled(in batch: inout Batch, of run: Run) {
        for scope in batch.scheduledScopes {
            guard let entry = batch.execution.entry(in: scope), case .task(let attempt) = entry.phase,
                attempt.started == nil
            else { continue }
            if let service = service(of: attempt.resource) {
                let nonce = makeNonce()
                let event = Event.handOut(entry: entry.id, worker: "engine", incarnation: "engine", nonce: nonce)
                let decision = noting(run, event.word) { batch.decision(on: event) }
                precondition(!decision.isStale, "a task that was scheduled just now can be handed out")
                batch.take(decision, of: nil)
                batch.served.append((entry: entry.id, nonce: nonce, service: service))
                continue
            }
            guard let poller = poller(for: entry, attempt, of: run, batch.execution)
            else { continue }
            let nonce = makeNonce()
            let event = Event.handOut(
                entry: entry.id, worker: poller.worker, incarnation: poller.incarnation, nonce: nonce)
            let decision = noting(run, event.word) { batch.decision(on: event) }
            precondition(!decision.isStale, "a task that was scheduled just now can be handed out")
            batch.take(decision, of: nil)
            batch.handedOut.append((entry: entry.id, nonce: nonce, poller: poller))
        }
    }

    /// A batch's row, without its effects.
    private func row(for batch: Batch, of run: Run) -> JournalRow {
        let execution = batch.execution
        let isFirst = run.seq == 0
        var listing: ListEntry?
        if isFirst || !execution.isOpen || batch.redrives {
            var entry = ListEntry(
                executionID: execution.id, machine: execution.machineName, name: execution.start.name,
                status: execution.outcome?.status ?? RunStatus.running.rawValue, startedAt: execution.startedAt,
                projectedSeq: run.seq, version: execution.start.deployment.version.map(Int64.init),
                alias: execution.start.deployment.alias, mapRun: execution.start.parent?.mapRunARN)
            entry.stoppedAt = execution.stoppedAt
            entry.title = Engine.title(of: execution.start.input)
            switch execution.outcome {
            case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
                entry.error = error
                entry.cause = cause
            case .succeeded, nil: break
            }
            entry.redriveCount = Int64(execution.redriveCount)
            entry.redrivenAt = execution.redrivenAt
            entry.itemCount = (execution.start.parent?.itemCount).map(Int64.init)
            listing = entry
        }
        return JournalRow(
            executionID: execution.id, seq: run.seq, at: batch.now, effects: "",
            name: isFirst ? batch.name : nil, listing: listing, mapRuns: batch.mapRuns)
    }

    /// What follows from an append's outcome.
    private func settle(_ run: Run, _ batch: Batch, _ outcome: AppendOutcome) {
        run.isAppending = false
        if batch.statement != nil { outbox.attached[run.execution.id] = nil }
        switch outcome {
        case .committed:
            take(batch, into: run)
            for pending in batch.accepted { pending.reply?(.committed) }
            for pending in batch.late { pending.reply?(.stale) }
            pump(run)
        case .nameTaken(let executionID, let inputHash):
            remove(run)
            withdraw(run)
            for pending in batch.accepted {
                pending.reply?(.nameTaken(executionID: executionID, inputHash: inputHash))
            }
            for pending in batch.late { pending.reply?(.stale) }
            // Nothing was handed out, so the workers that waited for it must ask again.
            for handedOut in batch.handedOut { handedOut.poller.resume(nil) }
        case .failed(let error) where batch.statement != nil:
            // The statement as a whole did nothing: the execution stands as before, and the caller fails the task.
            for pending in batch.accepted + batch.late { pending.reply?(.refused(error.message)) }
            pump(run)
        case .failed(let error):
            log.error(
                "the journal refused a row", metadata: ["execution": "\(run.execution.id)", "error": "\(error)"])
            abandon(run, batch, reason: error.message)
        case .superseded:
            abandon(run, batch, reason: "Another engine owns this execution now.")
        }
    }

    /// The in-memory execution is no longer to be trusted: throw it away, and load it again unless it never was.
    private func abandon(_ run: Run, _ batch: Batch, reason: String) {
        for pending in batch.accepted + batch.late + run.mailbox { pending.reply?(.refused(reason)) }
        for handedOut in batch.handedOut { handedOut.poller.resume(nil) }
        run.mailbox = []
        for waiter in run.endWaiters { waiter.resume() }
        run.endWaiters = []
        forget(run)
        guard run.seq > 0, !isStopping else { return }
        // Who waits for its end looks for it again when it is loaded.
        for wait in run.nestedWaits {
            if let waiting = runs[wait.execution] {
                repeatedStarts.append((wait.kind, wait.entry, wait.nonce, waiting))
            }
        }
        run.nestedWaits = []
        reloadLater(run.execution.id)
    }

    /// Takes the committed effects into memory, and everything derived from them.
    private func take(_ batch: Batch, into run: Run) {
        let started = run.seq == 0
        run.folded.seq += 1
        var ended: [EntryID] = []
        for effect in batch.effects {
            if let entry = run.execution.endedEntry(effect) { ended.append(entry) }
            run.folded.apply(effect, at: batch.now)
        }
        assert(run.execution == batch.execution, "applying effects gives what deciding them gave")
        if started || batch.redrives, let deadline = run.execution.executionDeadline {
            arm(Alarm(at: deadline, execution: run.execution.id, kind: .execution))
        }
        refreshLeases(of: run)
        refreshDispatch(of: run, ended: ended, mayHaveAbandoned: batch.mayAbandonTasks)
        for scope in batch.touchedScopes {
            if let entry = run.execution.entry(in: scope) { index(entry, of: run) }
        }
        for (entry, nonce, poller) in batch.handedOut { deliver(entry, nonce: nonce, of: run, to: poller) }
        for (entry, nonce, service) in batch.served {
            Task { await self.finish(service, entry: entry, nonce: nonce, of: run) }
        }
        for (scope, index) in batch.startedChildren {
            if let entry = run.execution.entry(in: scope) { ensureChild(entry: entry.id, index: index, of: run) }
        }
        if !run.nested.isEmpty { stopAbandonedNested(of: run) }
        if batch.mayAbandonChildren { stopAbandonedChildren(of: run) }
        publishUpdate(of: run)
        keepSnapshot(of: run, after: batch.bytes)
        noteIdle(run)
        if !run.execution.isOpen || batch.redrives { noteEnd(of: run, at: batch.now) }
        if !run.execution.isOpen {
            tellParent(of: run)
            tellNestedWaits(of: run)
            tellSchedule(ofEndOf: run.execution.arn)
            for waiter in run.endWaiters { waiter.resume() }
            run.endWaiters = []
            forget(run)
        }
    }

    /// Takes an execution out of memory; the journal has it.
    func forget(_ run: Run) {
        guard runs[run.execution.id] === run else { return }
        remove(run)
        for entry in run.leased { leases[LeaseKey(execution: run.execution.id, entry: entry)] = nil }
        run.leased = []
        withdraw(run)
    }

    /// Takes an execution into memory.
    func insert(_ run: Run) {
        runs[run.execution.id] = run
        unreadable.remove(run.execution.id)
        noteTakenUp(run)
        openRuns[run.machineName, default: 0] += 1
    }

    private func remove(_ run: Run) {
        reopenings[run.execution.id]?.departures += 1
        cold.loading[run.execution.id]?.departures += 1
        guard runs.removeValue(forKey: run.execution.id) != nil, let count = openRuns[run.machineName] else { return }
        openRuns[run.machineName] = count == 1 ? nil : count - 1
        startPostponedChildren()
        if count == 1 { removeIdleMachines() }
    }

    /// Takes an execution that waits out of memory, though it is open. The journal has it, and a note says when it is due.
    func letGo(_ run: Run) {
        precondition(runs[run.execution.id] === run && !run.isAppending && run.mailbox.isEmpty)
        runs[run.execution.id] = nil
        cold.counts[run.machineName, default: 0] += 1
        cold.total += 1
        let count = openRuns[run.machineName] ?? 1
        openRuns[run.machineName] = count == 1 ? nil : count - 1
        startPostponedChildren()
    }

    /// Deleted machines whose last execution has gone, or that waited for executions to be loaded again, go too.
    func removeIdleMachines() {
        for machine in machines.values
        where machine.isDeleting && openRuns[machine.name] == nil && cold.counts[machine.name] == nil {
            Task { await self.goOnDeleting(machine.name) }
        }
    }

    /// `title` of an input, for the lists.
    static func title(of input: JSON) -> String? {
        guard var title = input["title"]?.stringValue?.prefix(200) else { return nil }
        // Some scripts take ten bytes and more a character, and messages bound bytes.
        while title.utf8.count > 1000 { title.removeLast() }
        return String(title)
    }
}

extension Execution {
    /// The entry whose attempt an effect ends.
    fileprivate func endedEntry(_ effect: Effect) -> EntryID? {
        switch effect {
        case .taskSucceeded(let scope, _), .taskFailed(let scope, _, _), .taskTimedOut(let scope, _, _),
            .attemptFailed(let scope, _, _, _):
            entryID(in: scope)
        default: nil
        }
    }
}
