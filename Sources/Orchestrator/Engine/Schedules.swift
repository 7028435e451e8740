import DequeModule
import JSON
import Journal
import OrderedCollections
import Postgres
public import Schedules
import StatesLanguage

/// Schedules: each is decided by the room Schedules, its state kept before anything is done, and then its executions are
/// started under names that make it harmless to do so again.
extension Engine {
    /// Takes the schedules of a file, with what is remembered of them. After ``loadMachines()`` and the deployments, before
    /// ``beginServing()``.
    public func deploySchedules(_ schedules: [Schedule]) async throws {
        precondition(!isServing, "schedules are deployed before calls are answered")
        var stored: [String: StoredSchedule] = [:]
        for schedule in try await journal.schedules() { stored[schedule.name] = schedule }
        let instant = scheduleTime
        for schedule in schedules {
            let entry = try entry(of: schedule, stored: stored.removeValue(forKey: schedule.name), at: instant)
            scheduling.entries[schedule.name] = entry
        }
        // A file that comes back finds that a schedule was gone, and how it was paused.
        for var removed in stored.values where removed.removedAt == nil {
            removed.removedAt = now
            removed.version += 1
            let gone = removed
            try await written { try await journal.saveSchedule(gone) }
        }
        let long = now - Self.removedSchedulesLifetime
        try await written { try await journal.deleteSchedules(removedBefore: long) }
    }

    /// What is remembered of schedules that no file has, 90 days in microseconds.
    private static let removedSchedulesLifetime: Int64 = 90 * 86_400 * 1_000_000

    private func entry(
        of schedule: Schedule, stored: StoredSchedule?, at instant: EpochSeconds
    ) throws -> ScheduleEntry {
        let new = ScheduleState(of: schedule, at: instant)
        guard let stored else {
            return ScheduleEntry(schedule: schedule, state: new, recent: [], version: 0, isKept: false)
        }
        let recent = (try JSON(parsing: stored.recent).arrayValue ?? []).compactMap(ScheduleRecord.init(json:))
        let state: ScheduleState
        do throws(ScheduleStateError) { state = try ScheduleState(text: stored.state) } catch {
            log.error("a schedule does nothing", metadata: ["schedule": "\(schedule.name)", "error": "\(error)"])
            let entry = ScheduleEntry(
                schedule: schedule, state: new, recent: recent, version: stored.version, isKept: true, isReadable: false
            )
            entry.trouble = "\(error)"
            return entry
        }
        guard stored.removedAt != nil else {
            return ScheduleEntry(
                schedule: schedule, state: state, recent: recent, version: stored.version, isKept: true)
        }
        let entry = ScheduleEntry(
            schedule: schedule, state: new, recent: recent, version: stored.version, isKept: false)
        // What came due while no file had it is nobody's; a pause was somebody's will.
        if let pause = state.pause {
            entry.mailbox.append(PendingScheduleEvent(event: .pause(reason: pause.reason)))
        }
        return entry
    }

    /// The time by which schedules fire.
    var scheduleTime: EpochSeconds { floorSeconds(now + scheduling.clock.offset) }

    // MARK: Life

    /// Every schedule reads its definition, and does again what it may not have done.
    func beginSchedules() {
        guard !scheduling.entries.isEmpty else { return }
        scheduling.clock.begin(at: now)
        for entry in scheduling.entries.values where entry.isReadable {
            entry.mailbox.append(PendingScheduleEvent(event: .definitionRead))
            entry.mailbox.append(PendingScheduleEvent(event: .tick))
            pump(entry)
        }
        scheduling.sampler = Task { [weak self, bootClock] in
            while let wait = await self?.untilNextLook() {
                do { try await bootClock.sleep(for: wait) } catch { return }
                await self?.sampleClock()
            }
        }
    }

    func endSchedules() {
        scheduling.timer?.cancel()
        scheduling.sampler?.cancel()
    }

    private func untilNextLook() -> Duration {
        .microseconds(max(0, scheduling.clock.lookedAt + ScheduleClock.period - now))
    }

    private func sampleClock() async {
        let database: Int64
        do { database = try await journal.databaseTimeMicroseconds() } catch {
            // The next look comes in a minute; meanwhile engine time goes on.
            scheduling.clock.begin(at: now)
            log.warning("the database's clock was not read", metadata: ["error": "\(error)"])
            return
        }
        switch scheduling.clock.look(database: database, engine: now) {
        case .same, .waiting: break
        case .doubted(let difference):
            log.warning(
                "the database's clock shows another time than ours; schedules go by it when ten looks agree",
                metadata: ["seconds": "\(difference / 1_000_000)"])
        case .moved(let difference):
            log.notice(
                "schedules go by the database's clock, which was set",
                metadata: ["seconds": "\(difference / 1_000_000)"])
            scheduling.armedAt = nil
            // Back too: what was armed for the old time would ring at the wrong one.
            for entry in scheduling.entries.values { post(.tick, to: entry) }
        }
        rearmSchedules()
    }

    /// Sleeps until the first schedule has something to decide.
    func rearmSchedules() {
        guard !isStopping, isServing else { return }
        let earliest = scheduling.entries.values.compactMap(\.wakeTime).min()
        guard let earliest else {
            scheduling.timer?.cancel()
            scheduling.armedAt = nil
            return
        }
        if scheduling.armedAt == earliest { return }
        scheduling.armedAt = earliest
        scheduling.timer?.cancel()
        // Far times are beyond what a duration of microseconds holds, and nobody waits for them in one go.
        let left = min(Int64(clamping: earliest - scheduleTime), 86_400 * 366)
        let until = Int64(scheduleTime) + left
        let wait = Duration.microseconds(max(0, until * 1_000_000 - (now + scheduling.clock.offset)))
        scheduling.timer = Task { [weak self, bootClock] in
            do { try await bootClock.sleep(for: wait) } catch { return }
            await self?.ringSchedules()
        }
    }

    private func ringSchedules() {
        scheduling.armedAt = nil
        let time = scheduleTime
        for entry in scheduling.entries.values where entry.wakeTime.map({ $0 <= time }) == true {
            // Asked again when it has decided.
            entry.wakeTime = nil
            post(.tick, to: entry)
        }
        rearmSchedules()
    }

    // MARK: Deciding

    func post(_ event: ScheduleEvent, to entry: ScheduleEntry, record: ScheduleRecord? = nil) {
        guard entry.isReadable else { return }
        entry.mailbox.append(PendingScheduleEvent(event: event, record: record))
        pump(entry)
    }

    /// Sends a request and waits until what follows from it is kept.
    func submit(_ event: ScheduleEvent, to entry: ScheduleEntry) async throws(EngineError) -> ScheduleDecision {
        if let trouble = entry.trouble, !entry.isReadable { throw EngineError(code: .conflict, message: trouble) }
        let result = await withCheckedContinuation { continuation in
            entry.mailbox.append(
                PendingScheduleEvent(event: event) { continuation.resume(returning: $0) })
            pump(entry)
        }
        return try result.get()
    }

    /// Decides what waits in the mailbox, one event after the other.
    func pump(_ entry: ScheduleEntry) {
        guard !entry.isDeciding, !entry.mailbox.isEmpty, isServing else { return }
        entry.isDeciding = true
        Task { await self.drain(entry) }
    }

    private func drain(_ entry: ScheduleEntry) async {
        while let pending = entry.mailbox.first {
            guard !isStopping, isServing else { break }
            let decision = decide(entry.schedule, entry.state, pending.event, now: scheduleTime)
            let records = (pending.record.map { [$0] } ?? []) + self.records(of: decision, entry)
            if decision.state != entry.state || !records.isEmpty || !entry.isKept {
                do throws(EngineError) {
                    try await keep(decision.state, records, of: entry)
                } catch {
                    if !isServing { break }
                    guard pending.reply == nil else {
                        // Whether it was kept is not known. It may be asked for again, and names make that harmless.
                        entry.mailbox.removeFirst()
                        pending.reply?(.failure(error))
                        continue
                    }
                    entry.trouble = error.message
                    do { try await bootClock.sleep(for: .seconds(2)) } catch { break }
                    continue
                }
            }
            entry.trouble = nil
            entry.mailbox.removeFirst()
            entry.state = decision.state
            entry.recent = entry.recent(with: records)
            if decision.yields { entry.mailbox.prepend(PendingScheduleEvent(event: .tick)) }
            pending.reply?(.success(decision))
            if pending.event == .definitionRead {
                // With what it has just decided.
                repeatUnconfirmed(entry)
            } else {
                for action in decision.actions { perform(action, of: entry) }
            }
            if case .started(let name) = pending.event, entry.state.running.contains(where: { $0.isToEnd(name) }) {
                Task { await self.cancel(name, of: entry) }
            }
        }
        entry.isDeciding = false
        if isStopping || !isServing {
            let refused = entry.mailbox
            entry.mailbox = []
            for pending in refused { pending.reply?(.failure(.unavailable("The engine stops."))) }
            return
        }
        entry.wakeTime = entry.state.wakeTime(of: entry.schedule)
        rearmSchedules()
    }

    private func keep(
        _ state: ScheduleState, _ records: [ScheduleRecord], of entry: ScheduleEntry
    ) async throws(EngineError) {
        entry.version += 1
        let stored = StoredSchedule(
            name: entry.schedule.name, state: state.text,
            recent: JSON.array(entry.recent(with: records).map(\.json)).text, version: entry.version, updatedAt: now)
        let isOurs: Bool
        do { isOurs = try await journal.saveSchedule(stored) } catch { throw EngineError.unavailable("\(error)") }
        guard isOurs else {
            noteLeaseLost()
            throw EngineError.unavailable("Another engine is active.")
        }
        entry.isKept = true
    }

    private func records(of decision: ScheduleDecision, _ entry: ScheduleEntry) -> [ScheduleRecord] {
        decision.actions.compactMap { action in
            switch action {
            case .start(let start):
                .start(at: now, execution: start.executionName, target: entry.schedule.target)
            case .skipped(let reason, let first, let last, let count):
                .skip(at: now, reason: reason.rawValue, first: first, last: last, count: count)
            case .cancel: nil
            }
        }
    }
}

extension ScheduleState.Run {
    /// Whether this is the execution of a name, and one that exists and is to be stopped.
    func isToEnd(_ name: String) -> Bool { fire.executionName == name && isConfirmed && isCancelled }
}

private func floorSeconds(_ microseconds: Int64) -> EpochSeconds {
    EpochSeconds(microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000)
}
