import DequeModule
import HeapModule
import Interpreter
import Journal
import Postgres

/// Open executions that are not in memory: they wait, and for nothing that would need them there. What wakes one is
/// time, an answer to its token, or somebody who asks for it.
struct ColdRuns {
    /// By machine.
    var counts: [String: Int] = [:]
    var total = 0
    /// Counted above, and set aside when this engine took over.
    var aside: Set<String> = []
    /// Executions that may leave memory, in the order in which they began to wait.
    var candidates: Deque<Candidate> = []
    /// Being noted, and in memory until that is done.
    var leaving: Set<String> = []
    /// In memory again, and the database does not know yet.
    var warm: Set<String> = []
    /// Executions that are being read at the moment, by calls.
    var loading: [String: Reopening] = [:]
    /// Due, and not loaded yet.
    var due: [ColdExecution] = []
    /// The one task that lets executions go, and the one that waits for the next to be due, at an instant.
    var letsGo = false
    var idleTask: Task<Void, Never>?
    var nextDue: Int64?
    var dueTask: Task<Void, Never>?
    /// Whether due ones are being loaded; and the earliest instant at which others, noted meanwhile, are.
    var wakesDue = false
    var dueMeanwhile: Int64?

    struct Candidate {
        let execution: String
        let seq: Int64
        let since: Int64
    }
}

extension Engine {
    /// How many open executions wait outside memory.
    public var coldCount: Int { cold.total }

    /// How many executions are in memory.
    public var executionCount: Int { runs.count }

    // MARK: Out of memory

    /// Whether an execution waits for nothing that takes it in memory.
    private func isIdle(_ run: Run) -> Bool {
        guard run.execution.isOpen, run.seq > 0, !run.isAppending, run.mailbox.isEmpty, run.ready.isEmpty,
            run.leased.isEmpty, run.nestedWaits.isEmpty, run.nested.isEmpty, run.endWaiters.isEmpty,
            run.transfers.isEmpty, run.children.isEmpty, run.execution.start.parent == nil,
            run.execution.start.starter == nil, !run.execution.start.deployment.isExpress,
            run.execution.runnable.isEmpty
        else { return false }
        let waits = run.execution.allOpenEntries { entry in
            switch entry.phase {
            case .waiting, .backingOff, .branching: true
            case .task(let attempt): attempt.isCalledBack
            case .entered, .readingItems, .writingResults: false
            }
        }
        return waits && run.execution.pendingChildren.isEmpty
    }

    private func nextWake(of run: Run) -> Int64? { run.execution.timers.map(\.at).min() }

    private var idleMicroseconds: Int64 { Int64(limits.idleTime / .microseconds(1)) }

    /// To be called when an execution has come to rest.
    func noteIdle(_ run: Run) {
        // Looking through many scopes at every row would cost more than it saves.
        guard run.execution.scopes.count <= 64, isIdle(run) else { return }
        cold.candidates.append(ColdRuns.Candidate(execution: run.execution.id, seq: run.seq, since: now))
        guard !cold.letsGo else { return }
        cold.letsGo = true
        cold.idleTask = Task { [weak self] in await self?.letIdleGo() }
    }

    /// Takes executions that have waited for ``Limits/idleTime`` out of memory, many at a time, until none waits.
    private func letIdleGo() async {
        defer { cold.letsGo = false }
        while let first = cold.candidates.first, !isStopping {
            let left = first.since + idleMicroseconds - now
            if left > 0 {
                // Those that come to rest within a second go together.
                do { try await bootClock.sleep(for: .microseconds(left) + .seconds(1)) } catch { return }
                continue
            }
            var chosen: [(run: Run, seq: Int64, wake: Int64?)] = []
            while chosen.count < 1_000, let next = cold.candidates.first, next.since + idleMicroseconds <= now {
                cold.candidates.removeFirst()
                guard let run = runs[next.execution], run.seq == next.seq, isIdle(run) else { continue }
                if observers.values.contains(where: { $0.execution == next.execution }) {
                    retryLater(run)
                    continue
                }
                let wake = nextWake(of: run)
                if let wake, wake < now + idleMicroseconds { continue }
                chosen.append((run, run.seq, wake))
            }
            if chosen.isEmpty && cold.warm.count < 1_000 { continue }
            let ids = Set(chosen.map(\.run.execution.id))
            let warm = cold.warm.subtracting(ids)
            cold.leaving = ids
            do throws(PostgresError) {
                let isOurs = try await journal.noteCold(
                    chosen.map { ColdExecution(id: $0.run.execution.id, nextSeq: $0.seq, nextWake: $0.wake) },
                    warm: Array(warm))
                guard isOurs else {
                    noteLeaseLost()
                    return
                }
            } catch {
                log.warning("waiting executions stay in memory", metadata: ["error": "\(error)"])
                for (run, seq, _) in chosen {
                    cold.candidates.append(ColdRuns.Candidate(execution: run.execution.id, seq: seq, since: now))
                }
                continue
            }
            cold.warm.subtract(warm)
            for (run, seq, wake) in chosen {
                // What was said to it meanwhile keeps it; so does whoever reads it at the moment.
                guard runs[run.execution.id] === run, run.seq == seq, isIdle(run) else { continue }
                // Its note has been taken back meanwhile: it is due.
                guard cold.leaving.contains(run.execution.id) else {
                    retryLater(run)
                    continue
                }
                guard cold.loading[run.execution.id] == nil, reopenings[run.execution.id] == nil else {
                    retryLater(run)
                    continue
                }
                cold.warm.remove(run.execution.id)
                letGo(run)
                if let wake { armDue(wake) }
            }
        }
    }

    /// Somebody looks at it: it may go when he has gone.
    private func retryLater(_ run: Run) {
        cold.candidates.append(
            ColdRuns.Candidate(execution: run.execution.id, seq: run.seq, since: now + 1_000_000))
    }

    // MARK: Into memory

    /// An execution in memory, where an open one always is when this returns; or an ended one, read; nil when there is
    /// none.
    func load(_ id: String) async throws(EngineError) -> Run? {
        if let run = runs[id] { return run }
        cold.loading[id, default: Reopening()].waiting += 1
        defer {
            cold.loading[id]?.waiting -= 1
            if cold.loading[id]?.waiting == 0 { cold.loading[id] = nil }
        }
        while true {
            let departures = cold.loading[id]?.departures
            let restored: Run?
            do { restored = try await restore(id) } catch { throw EngineError.unavailable("\(error)") }
            // Taken up meanwhile by somebody else: what was read is a second copy of it, whose events would run against its
            // own. And if that one has ended since, what was read is not how it stands.
            if let run = runs[id] { return run }
            guard cold.loading[id]?.departures == departures else { continue }
            if let restored, restored.execution.isOpen, !reloading.contains(id), !unreadable.contains(id),
                suspects[id] == nil, cold.total > 0, !isStopping
            {
                wake(restored)
            }
            return restored
        }
    }

    /// Takes a cold execution into memory.
    private func wake(_ run: Run) {
        noteWarm(run)
        takeUp(run)
    }

    private func noteWarm(_ run: Run) {
        let machine = run.machineName
        if let count = cold.counts[machine] {
            cold.counts[machine] = count == 1 ? nil : count - 1
            cold.total -= 1
        }
        cold.warm.insert(run.execution.id)
    }

    /// One that is set aside is not woken like others: it is cold until it is taken up again or stopped.
    func noteTakenUp(_ run: Run) {
        if cold.aside.remove(run.execution.id) != nil { noteWarm(run) }
    }

    /// An open execution, taken into memory where it was cold; nil where it is not open, or not to be spoken to now.
    func inMemory(_ id: String) async throws(EngineError) -> Run? {
        if let run = runs[id] { return run }
        guard cold.total > 0, UUIDText.bytes(id) != nil else { return nil }
        do throws(PostgresError) {
            // Of those that are being woken the note is gone.
            let isNoted = try await journal.isCold(id)
            guard isNoted || cold.due.contains(where: { $0.id == id }) else { return runs[id] }
        } catch { throw EngineError.unavailable(error.message) }
        guard try await load(id) != nil else { return nil }
        return runs[id]
    }

    /// The same for those who can do without.
    func awake(_ id: String) async -> Run? {
        do throws(EngineError) { return try await inMemory(id) } catch { return nil }
    }

    /// Wakes all executions of a machine.
    func wakeAll(ofMachine name: String) async throws(EngineError) {
        guard cold.counts[name] != nil else { return }
        var after: String?
        while true {
            let page: [String]
            do { page = try await journal.coldExecutions(ofMachine: name, after: after, limit: 500) } catch {
                throw EngineError.unavailable(error.message)
            }
            for id in page { _ = try await load(id) }
            guard page.count == 500, let last = page.last else { return }
            after = last
        }
    }

    // MARK: Time

    /// What a new engine finds.
    func loadColdCounts(dueBefore instant: Int64) async throws(PostgresError) {
        for count in try await journal.coldCounts(dueBefore: instant) {
            cold.counts[count.machine] = count.count
            cold.total += count.count
            if let wake = count.nextWake { armDue(wake) }
        }
    }

    /// A cold execution is due then.
    private func armDue(_ instant: Int64) {
        guard !cold.wakesDue else {
            cold.dueMeanwhile = min(instant, cold.dueMeanwhile ?? .max)
            return
        }
        guard let clock, !isStopping, cold.nextDue.map({ instant < $0 }) ?? true else { return }
        cold.nextDue = instant
        cold.dueTask?.cancel()
        // A little earlier, so that the execution is there when its time has come.
        let duration = max(.zero, clock.duration(until: instant) - .seconds(1))
        cold.dueTask = Task { [weak self, bootClock] in
            do { try await bootClock.sleep(for: duration) } catch { return }
            await self?.wakeDue()
        }
    }

    /// Loads many at once. Throws when the journal can't be read now.
    private func wake(_ ids: [String]) async throws {
        for id in ids { cold.loading[id, default: Reopening()].waiting += 1 }
        let departures = ids.map { cold.loading[$0]?.departures }
        defer {
            for id in ids {
                cold.loading[id]?.waiting -= 1
                if cold.loading[id]?.waiting == 0 { cold.loading[id] = nil }
            }
        }
        for (stored, departures) in zip(try await journal.stored(ids, format: RunSnapshot.format), departures) {
            do {
                let restored = try await restore(stored)
                // Whoever was faster has taken it up as it stands.
                guard let run = restored, run.execution.isOpen, runs[stored.id] == nil,
                    cold.loading[stored.id]?.departures == departures, !reloading.contains(stored.id),
                    !unreadable.contains(stored.id), suspects[stored.id] == nil
                else { continue }
                wake(run)
            } catch let error as PostgresError {
                throw error
            } catch {
                noteUnreadable(stored.id, error)
            }
        }
    }

    /// One at a time: what one has taken over from the database another would forget.
    private func wakeDue() async {
        // An alarm that was replaced as it rang: who is at work finds what it was for.
        guard !cold.wakesDue else { return }
        cold.wakesDue = true
        cold.dueMeanwhile = nil
        let began = now
        var next: Int64?
        do {
            while !isStopping {
                if cold.due.isEmpty {
                    cold.due = try await journal.dueExecutions(before: began + 1_500_000, limit: 500)
                }
                guard !cold.due.isEmpty else { break }
                guard try await journal.removeNotes(cold.due) else {
                    noteLeaseLost()
                    return
                }
                // From here on nothing but this list knows that they are due, until all of them are there. Those that were just
                // being noted stay in memory, or nobody would know of them.
                cold.leaving.subtract(cold.due.map(\.id))
                try await wake(cold.due.map(\.id).filter { runs[$0] == nil })
                cold.due = []
            }
            next = try await journal.nextDue()
        } catch {
            log.warning("due executions are not loaded yet", metadata: ["error": "\(error)"])
            next = now + 3_000_000
        }
        (cold.wakesDue, cold.nextDue) = (false, nil)
        if let next { armDue(next) }
        // Whether the question came before these were noted or after it.
        if let meanwhile = cold.dueMeanwhile { armDue(meanwhile) }
    }
}
