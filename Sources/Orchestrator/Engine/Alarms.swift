import HeapModule
import Interpreter

/// Something to look at when engine time has come. Derived from executions; stale ones are passed over.
struct Alarm: Comparable, Sendable {
    enum Kind: Sendable, Hashable {
        /// TimeoutSeconds of the whole execution.
        case execution
        /// A Wait, a backoff or a task's time-out.
        case entry(EntryID)
        /// The heartbeat period of an attempt.
        case lease(EntryID)
        /// What holds tasks back by the time alone may be over.
        case dispatch
        /// See ``StandstillWatch``.
        case look
    }

    let at: Int64
    /// Empty for those of the engine itself.
    let execution: String
    let kind: Kind

    static func < (left: Alarm, right: Alarm) -> Bool { left.at < right.at }
    static func == (left: Alarm, right: Alarm) -> Bool {
        left.at == right.at && left.execution == right.execution && left.kind == right.kind
    }
}

extension Engine {
    /// Fewer alarms are not looked through for those that come to nothing.
    static let fewestAlarmsSwept = 10_000

    func arm(_ alarm: Alarm) {
        alarms.insert(alarm)
        if alarms.count > alarmsBeforeSweep { sweepAlarms() }
        rearm()
    }

    /// Drops the alarms that come to nothing: most tasks are done long before their time is over. When there are twice as many
    /// as were left, and so at little cost for each.
    private func sweepAlarms() {
        alarms = Heap(alarms.unordered.filter { comesToSomething($0) })
        alarmsBeforeSweep = max(Self.fewestAlarmsSwept, 2 * alarms.count)
    }

    private func comesToSomething(_ alarm: Alarm) -> Bool {
        switch alarm.kind {
        case .execution: runs[alarm.execution]?.execution.executionDeadline == alarm.at
        case .entry(let entry): runs[alarm.execution]?.execution.entry(entry)?.wake == alarm.at
        case .lease(let entry): leases[LeaseKey(execution: alarm.execution, entry: entry)]?.alarm == alarm.at
        case .dispatch: alarm.at == dispatchAlarm
        case .look: true
        }
    }

    /// Sleeps until the earliest alarm; one sleeper, woken and replaced when an earlier alarm comes.
    private func rearm() {
        guard let earliest = alarms.min?.at, let clock, !isStopping else { return }
        if let armedAt, armedAt <= earliest { return }
        armedAt = earliest
        alarmTask?.cancel()
        let duration = clock.duration(until: earliest)
        alarmTask = Task { [weak self, bootClock] in
            do { try await bootClock.sleep(for: duration) } catch { return }
            await self?.ring()
        }
    }

    private func ring() {
        armedAt = nil
        let now = self.now
        allowForStandstill(at: now)
        while let alarm = alarms.min, alarm.at <= now {
            alarms.removeMin()
            let run = runs[alarm.execution]
            switch alarm.kind {
            case .execution: if let run { post(.timer(entry: nil), to: run) }
            case .entry(let entry): if let run { post(.timer(entry: entry), to: run) }
            case .lease(let entry): if let run { checkLease(of: entry, in: run, alarm: alarm.at, now: now) }
            case .dispatch:
                // One that an earlier alarm has replaced is nothing to look at, or each would arm another.
                guard alarm.at == dispatchAlarm else { continue }
                dispatchAlarm = nil
                handOutWaiting()
            case .look: look()
            }
        }
        rearm()
    }
}
