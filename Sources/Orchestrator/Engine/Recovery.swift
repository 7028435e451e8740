import Dispatching
import Encodings
import Interpreter
import JSON
public import Journal
import Postgres
import StepContracts

extension Engine {
    /// Takes the lease, waiting while another engine holds it, and loads every open execution.
    ///
    /// - Parameters:
    ///   - holder: host and process, shown to people and to an engine standing by.
    ///   - address: scheme and authority at which an engine that stands by reaches this one; nil where none does.
    ///   - isDead: whether a holder certainly runs no more, so that its lease need not run out.
    ///   - standingBy: is told who is active with every look at the lease, and nil when this engine has it.
    public func activate(
        holder: String, address: String? = nil, isDead: @Sendable (String) -> Bool,
        standingBy: @Sendable (LeaseHolder?) -> Void = { _ in }
    ) async throws {
        var isWaiting = false
        var dead: String?
        try await countFound()
        while true {
            // From here on the lease is certain for its validity, whatever holds this engine up before it serves.
            let asked = EngineClock(databaseMicroseconds: 0, bootClock: bootClock)
            let outcome = try await journal.takeLease(
                holder: holder, address: address, isStillHeldAfter: Self.leaseValidity, from: dead)
            switch outcome {
            case .taken:
                standingBy(nil)
                await journal.setReceiver { [weak self] outcomes in
                    Task { await self?.settle(outcomes) }
                }
                clock = EngineClock(
                    databaseMicroseconds: try await journal.databaseTimeMicroseconds(), bootClock: bootClock)
                noteLeaseRenewed(at: now - asked.now)
                try await load()
                return
            case .held(let current, _):
                if dead != current.incarnation, isDead(current.name) {
                    dead = current.incarnation
                    continue
                }
                if !isWaiting { log.notice("standing by", metadata: ["active": "\(current.name)"]) }
                isWaiting = true
                standingBy(current)
                try await bootClock.sleep(for: .seconds(1))
            }
        }
    }

    /// An engine that has not renewed the lease for so long may have lost it.
    public static let leaseValidity = Duration.seconds(10)

    private func load() async throws {
        let began = now
        try await loadSuspects()
        try await loadSourceLosses()
        for order in try await journal.workerOrders() {
            dispatcher.setMode(
                WorkerMode(rawValue: order.mode) ?? .quarantined, of: order.worker, because: order.reason)
        }
        for aside in try await journal.workersAside(at: began) {
            dispatcher.setAside(
                aside.worker, queue: aside.queue, QueueAside(until: aside.until, reason: aside.reason))
        }
        isLoading = true
        var after: String?
        var count = 0
        cold.aside = Set(suspects.keys)
        while true {
            let page = try await journal.loadActive(limit: 500, after: after, dueBefore: began)
            for stored in try await journal.stored(page, format: RunSnapshot.format) { try await recover(stored) }
            cold.aside.subtract(page)
            count += page.count
            guard page.count == 500, let last = page.last else { break }
            after = last
        }
        try await loadColdCounts(dueBefore: began)
        // What has ended, or names a start, is no execution that is counted there.
        for subject in cold.aside {
            let isCold = UUIDText.bytes(subject) == nil ? false : try await journal.isCold(subject)
            if !isCold { cold.aside.remove(subject) }
        }
        // Only now is every child that runs in memory, and the others can be told from them.
        for run in Array(runs.values) { recoverChildren(of: run) }
        dispatchLoaded()
        log.info("active", metadata: ["open executions": "\(count)", "cold executions": "\(cold.total)"])
    }

    /// Loads an execution from its journal, evaluating nothing, and lets it go on. Throws when the journal can't be read
    /// now; one that can never be read is told and left alone.
    func recover(_ id: String) async throws {
        if suspects[id] != nil { return }
        try await recover(try await journal.stored(id, format: RunSnapshot.format))
    }

    func recover(_ stored: StoredExecution) async throws {
        if suspects[stored.id] != nil { return }
        do {
            guard let run = try await restore(stored), run.execution.isOpen, runs[stored.id] == nil else { return }
            takeUp(run)
        } catch let error as PostgresError {
            throw error
        } catch {
            noteUnreadable(stored.id, error)
        }
    }

    /// It stays in the journal as it is; operators see it RUNNING and this line says why it does not move.
    func noteUnreadable(_ id: String, _ error: any Error) {
        unreadable.insert(id)
        log.error("an execution can't be loaded", metadata: ["execution": "\(id)", "error": "\(error)"])
    }

    /// Takes a loaded execution into memory and lets it go on.
    func takeUp(_ run: Run) {
        let id = run.execution.id
        insert(run)
        if let deadline = run.execution.executionDeadline {
            arm(Alarm(at: deadline, execution: id, kind: .execution))
        }
        for entry in run.execution.openEntries {
            if case .task(let attempt) = entry.phase, let started = attempt.started,
                let kind = NestedStart(rawValue: attempt.resource), !attempt.isCalledBack
            {
                if let wake = entry.wake { arm(Alarm(at: wake, execution: id, kind: .entry(entry.id))) }
                repeatedStarts.append((kind, entry.id, started.nonce, run))
            } else if case .task(let attempt) = entry.phase, let started = attempt.started,
                let service = serviceTasks[StepContract.plainResource(attempt.resource)], !attempt.isCalledBack
            {
                if let wake = entry.wake { arm(Alarm(at: wake, execution: id, kind: .entry(entry.id))) }
                repeatedCalls.append((service, entry.id, started.nonce, run))
            } else if case .task(let attempt) = entry.phase, let started = attempt.started,
                let step = engineSteps[stepName(attempt.resource) ?? ""], !attempt.isCalledBack
            {
                if let wake = entry.wake { arm(Alarm(at: wake, execution: id, kind: .entry(entry.id))) }
                Task { await self.finish(step, entry: entry.id, nonce: started.nonce, of: run) }
            } else {
                index(entry, of: run)
            }
        }
        if !run.execution.runnable.isEmpty { post(.proceed, to: run) }
        if machines[run.machineName]?.isDeleting == true {
            post(.stop(error: nil, cause: "The state machine was deleted."), to: run)
        }
        noteIdle(run)
    }

    /// Ends what waits on this engine: polls and streams. The journal is closed by its owner afterwards.
    public func stop() {
        isStopping = true
        alarmTask?.cancel()
        endSchedules()
        cold.idleTask?.cancel()
        cold.dueTask?.cancel()
        for poller in pollers.values { poller.resume(nil) }
        for id in pollers.keys { dispatcher.endPoll(id) }
        pollers = [:]
        for observer in observers.values { observer.continuation.finish() }
        observers = [:]
        for run in runs.values {
            for waiter in run.endWaiters { waiter.resume() }
            run.endWaiters = []
        }
    }
}
