import Dispatching
import Interpreter
import JSON
import Journal
import Postgres
import StepContracts

extension Engine {
    /// Takes the lease, waiting while another engine holds it, and loads every open execution.
    ///
    /// - Parameters:
    ///   - holder: host and process, shown to people and to an engine standing by.
    ///   - isDead: whether a holder certainly runs no more, so that its lease need not run out.
    public func activate(
        holder: String, isDead: @Sendable (String) -> Bool
    ) async throws {
        var isWaiting = false
        var dead: String?
        try await countFound()
        while true {
            switch try await journal.takeLease(holder: holder, isStillHeldAfter: Self.leaseValidity, from: dead) {
            case .taken:
                try await load()
                return
            case .held(let current, let incarnation, _):
                if dead != incarnation, isDead(current) {
                    dead = incarnation
                    continue
                }
                if !isWaiting { log.notice("standing by", metadata: ["active": "\(current)"]) }
                isWaiting = true
                try await bootClock.sleep(for: .seconds(1))
            }
        }
    }

    /// An engine that has not renewed the lease for so long may have lost it.
    public static let leaseValidity = Duration.seconds(10)

    private func load() async throws {
        clock = EngineClock(
            databaseMicroseconds: try await journal.databaseTimeMicroseconds(), bootClock: bootClock)
        try await loadSuspects()
        for order in try await journal.workerOrders() {
            dispatcher.setMode(
                WorkerMode(rawValue: order.mode) ?? .quarantined, of: order.worker, because: order.reason)
        }
        isLoading = true
        var after: String?
        var count = 0
        while true {
            let page = try await journal.loadOpen(limit: 500, after: after)
            for id in page { try await recover(id) }
            count += page.count
            guard page.count == 500, let last = page.last else { break }
            after = last
        }
        // Only now is every child that runs in memory, and the others can be told from them.
        for run in Array(runs.values) { recoverChildren(of: run) }
        dispatchLoaded()
        log.info("active", metadata: ["open executions": "\(count)"])
    }

    /// Loads an execution from its journal, evaluating nothing, and lets it go on. Throws when the journal can't be read
    /// now; one that can never be read is told and left alone.
    func recover(_ id: String) async throws {
        if suspects[id] != nil { return }
        do {
            guard let run = try await restore(id), run.execution.isOpen else { return }
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
        } catch let error as PostgresError {
            throw error
        } catch {
            // It stays in the journal as it is; operators see it RUNNING and this line says why it does not move.
            unreadable.insert(id)
            log.error("an execution can't be loaded", metadata: ["execution": "\(id)", "error": "\(error)"])
        }
    }

    /// Folds an execution's rows; nil when there are none.
    func restore(_ id: String) async throws -> Run? {
        let rows = try await journal.load(id)
        guard let first = rows.first else { return nil }
        guard case .executionStarted(let start)? = try Effect.decode(first.effects).first else {
            throw JournalFault(reason: "the first row of \(id) does not start it")
        }
        let definition = try await self.definition(start.definitionHash)
        guard start.machine(in: definition.machine) != nil else {
            throw JournalFault(
                reason: "the definition \(start.definitionHash) has no Map state that \(id) is a child of")
        }
        let execution = Execution(id: id, start: start, machine: definition.machine, at: first.at)
        let run = Run(execution: execution, definition: definition.text, seq: 0)
        // What ends the engine here ends it whenever somebody looks.
        decisionNote?.begin(subject: id, event: "load", execution: start.name)
        defer { decisionNote?.end() }
        for row in rows {
            guard row.seq == run.seq else {
                throw JournalFault(reason: "row \(run.seq) of \(id) is missing: the next is \(row.seq)")
            }
            for effect in try Effect.decode(row.effects) {
                let before = run.execution
                run.execution.apply(effect, at: row.at)
                run.projection.observe(effect, before: before, after: run.execution)
            }
            run.seq += 1
        }
        _ = run.projection.takeChanges()
        return run
    }

    /// Ends what waits on this engine: polls and streams. The journal is closed by its owner afterwards.
    public func stop() {
        isStopping = true
        alarmTask?.cancel()
        endSchedules()
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

/// Rows that don't make an execution.
struct JournalFault: Error, CustomStringConvertible {
    let reason: String

    var description: String { reason }
}
