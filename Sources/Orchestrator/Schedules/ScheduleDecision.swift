/// What ``decide(_:_:_:now:)`` says.
public struct ScheduleDecision: Sendable {
    /// To be kept before anything is done.
    public let state: ScheduleState
    public let actions: [ScheduleAction]
    /// Why a request changes nothing, without full stop; nil where it was taken.
    public let refusal: String?
    /// There is more to decide at once: keep this, then send ``ScheduleEvent/tick``.
    public let yields: Bool
}

/// So many times of an expression are looked at in one decision.
public let timesPerScheduleDecision = 10_000

/// What follows from an event for a schedule. Reads no clock and draws nothing: the same state, event and time give the
/// same decision. A time of the expression is decided once, whatever clocks do.
///
/// - Parameter now: may go back; what was decided stays so.
public func decide(
    _ schedule: Schedule, _ state: ScheduleState, _ event: ScheduleEvent, now: EpochSeconds
) -> ScheduleDecision {
    var decider = ScheduleDecider(schedule: schedule, state: state, now: now)
    decider.passHeldTime()
    decider.take(event)
    precondition(
        decider.state.fingerprint == schedule.timing.fingerprint,
        "the schedule \(schedule.name) has another timing, and nobody has sent definitionRead")
    if decider.refusal == nil { decider.run() }
    return ScheduleDecision(
        state: decider.state, actions: decider.actions, refusal: decider.refusal, yields: decider.yields)
}

/// A decision in the making.
private struct ScheduleDecider {
    let schedule: Schedule
    var state: ScheduleState
    let now: EpochSeconds
    var actions: [ScheduleAction] = []
    var refusal: String?
    var yields = false
    private var budget = timesPerScheduleDecision
    /// The names of what runs or waits for it.
    private var known: Set<String>

    init(schedule: Schedule, state: ScheduleState, now: EpochSeconds) {
        self.schedule = schedule
        self.state = state
        self.now = now
        known = Set(state.running.map(\.fire.executionName) + state.buffered.map(\.executionName))
    }

    private var isHeld: Bool { state.isHeld(schedule) }

    // MARK: - Events

    /// What came due while the schedule was held is nobody's.
    mutating func passHeldTime() {
        guard state.wasHeld else { return }
        state.horizon = max(state.horizon, now)
        dropWaiting(.held) { [now] in $0.start <= now }
    }

    mutating func take(_ event: ScheduleEvent) {
        switch event {
        case .tick: break
        case .definitionRead: readDefinition()
        case .started(let name):
            for index in state.running.indices where state.running[index].fire.executionName == name {
                state.running[index].isConfirmed = true
            }
        case .ended(let name):
            guard let index = state.running.firstIndex(where: { $0.fire.executionName == name }) else { return }
            state.running.remove(at: index)
            known.remove(name)
        case .pause(let reason): pause(reason)
        case .resume:
            guard state.pause != nil else { return }
            state.pause = nil
            // Back too, where the clock was far ahead once: names keep from starting anything twice.
            state.horizon = now
        case .runNow(let token, let policy):
            guard !token.isEmpty else { return refuse("a request has a token that is not empty") }
            let fire = ScheduleState.Fire(
                executionName: schedule.executionName(request: token), time: now, start: now, cause: .request,
                overlapPolicy: policy ?? schedule.overlapPolicy)
            admit(fire)
        case .backfill(let from, let through, let policy): backfill(from: from, through: through, policy)
        }
    }

    private mutating func refuse(_ reason: String) { refusal = reason }

    private mutating func readDefinition() {
        let fingerprint = schedule.timing.fingerprint
        guard fingerprint != state.fingerprint else { return }
        // What the old expression still named is not asked for any more, and the new one speaks from now on.
        state.fingerprint = fingerprint
        state.horizon = now
        state.anchor = now
        dropWaiting(.changed) { _ in true }
    }

    private mutating func pause(_ reason: String) {
        guard reason.utf8.count <= ScheduleState.maximumReasonBytes else {
            return refuse("the reason has more than \(ScheduleState.maximumReasonBytes) bytes")
        }
        guard !reason.isEmpty else { return refuse("a pause has a reason that is not empty") }
        state.pause = ScheduleState.Pause(reason: reason, since: state.pause?.since ?? now)
    }

    private mutating func backfill(from: EpochSeconds, through: EpochSeconds, _ policy: OverlapPolicy) {
        guard from <= through else { return refuse("the range ends before it begins") }
        guard through <= now else { return refuse("the range ends in the future; only what is past can be filled") }
        guard state.backfills.count < ScheduleState.maximumBackfills else {
            return refuse("\(ScheduleState.maximumBackfills) backfills are under way already")
        }
        let first = schedule.timing.nextFire(after: from - 1, anchor: state.anchor)?.time
        guard let first, first <= through else {
            return refuse("the schedule fires at no time from \(utcText(from)) through \(utcText(through))")
        }
        state.backfills.append(
            ScheduleState.Backfill(after: first - 1, through: through, overlapPolicy: policy))
    }

    private mutating func dropWaiting(_ reason: SkipReason, where isMeant: (ScheduleState.Fire) -> Bool) {
        for fire in state.waiting where isMeant(fire) { skip(fire.time, reason) }
        state.waiting.removeAll(where: isMeant)
    }

    // MARK: - What is due

    mutating func run() {
        if !isHeld {
            takeTimes()
            fireDue()
        }
        startBuffered()
        for index in state.backfills.indices { advanceBackfill(index) }
        state.backfills.removeAll { $0.after >= $0.through }
        startBuffered()
        state.wasHeld = isHeld
    }

    /// Takes the times that have come, each once.
    private mutating func takeTimes() {
        guard now > state.horizon else { return }
        for occurrence in schedule.timing.occurrences(after: state.horizon, anchor: state.anchor) {
            guard let time = occurrence.time else { continue }
            if time > now { break }
            if budget == 0 {
                yields = true
                return
            }
            budget -= 1
            state.horizon = time
            state.waiting.append(
                ScheduleState.Fire(
                    executionName: schedule.executionName(at: time), time: time, start: schedule.startTime(of: time),
                    cause: .schedule,
                    overlapPolicy: schedule.overlapPolicy))
        }
        state.horizon = now
    }

    /// Fires what is due, and of what should have been done long ago as much as the catch-up policy says.
    private mutating func fireDue() {
        var due = state.waiting.filter { $0.start <= now }
        if due.isEmpty { return }
        state.waiting.removeAll { $0.start <= now }
        due.sort { ($0.start, $0.time) < ($1.start, $1.time) }
        for index in due.indices {
            var fire = due[index]
            let lateness = now - fire.start
            guard lateness > CatchupPolicy.graceSeconds else {
                admit(fire)
                continue
            }
            let isCaughtUp =
                switch schedule.catchupPolicy {
                case .none: false
                case .last: index == due.count - 1 && !yields
                case .all: true
                case .window(let seconds): lateness <= seconds
                }
            guard isCaughtUp else {
                skip(fire.time, .missed)
                continue
            }
            fire.cause = .catchup
            admit(fire)
        }
    }

    /// Times of a backfill are buffered while there is room, and go on when there is room again.
    private mutating func advanceBackfill(_ index: Int) {
        let backfill = state.backfills[index]
        let mayRunBesides = backfill.overlapPolicy == .allowAll
        for occurrence in schedule.timing.occurrences(after: backfill.after, anchor: state.anchor) {
            guard let time = occurrence.time else { continue }
            if time > backfill.through { break }
            let hasRoom =
                mayRunBesides
                ? state.running.count < ScheduleState.maximumRunning
                : state.buffered.count < ScheduleState.maximumBuffered
            guard hasRoom else { return }
            if budget == 0 {
                yields = true
                return
            }
            budget -= 1
            state.backfills[index].after = time
            admit(
                ScheduleState.Fire(
                    executionName: schedule.executionName(at: time), time: time, start: time, cause: .backfill,
                    overlapPolicy: backfill.overlapPolicy))
        }
        state.backfills[index].after = backfill.through
    }

    // MARK: - Overlap

    /// Starts a fire, or does with it what its overlap policy says.
    private mutating func admit(_ fire: ScheduleState.Fire) {
        if known.contains(fire.executionName) { return skip(fire.time, .repeated) }
        if fire.overlapPolicy == .allowAll || state.running.isEmpty && !state.buffered.contains(where: mayStart) {
            guard state.running.count < ScheduleState.maximumRunning else { return skip(fire.time, .full) }
            return start(fire)
        }
        switch fire.overlapPolicy {
        case .skip: skip(fire.time, .overlap)
        case .bufferOne:
            if state.buffered.isEmpty { buffer(fire) } else { skip(fire.time, .overlap) }
        case .bufferAll: buffer(fire)
        case .latestOnly: replaceBuffered(by: fire)
        case .cancelOther:
            for index in state.running.indices where !state.running[index].isCancelled {
                state.running[index].isCancelled = true
                actions.append(.cancel(executionName: state.running[index].fire.executionName))
            }
            replaceBuffered(by: fire)
        case .allowAll: preconditionFailure("AllowAll starts at once")
        }
    }

    /// Of fires under a policy that keeps one, the last waits.
    private mutating func replaceBuffered(by fire: ScheduleState.Fire) {
        for other in state.buffered where other.overlapPolicy == fire.overlapPolicy {
            known.remove(other.executionName)
            skip(other.time, .overlap)
        }
        state.buffered.removeAll { $0.overlapPolicy == fire.overlapPolicy }
        buffer(fire)
    }

    private mutating func buffer(_ fire: ScheduleState.Fire) {
        guard state.buffered.count < ScheduleState.maximumBuffered else { return skip(fire.time, .full) }
        known.insert(fire.executionName)
        state.buffered.append(fire)
    }

    /// A schedule that is held starts what people asked for and nothing of its own.
    private func mayStart(_ fire: ScheduleState.Fire) -> Bool {
        switch fire.cause {
        case .schedule, .catchup: !isHeld
        case .backfill, .request: true
        }
    }

    /// When nothing runs, the first fire that waits starts.
    private mutating func startBuffered() {
        while state.running.isEmpty, let index = state.buffered.firstIndex(where: mayStart) {
            start(state.buffered.remove(at: index))
        }
    }

    private mutating func start(_ fire: ScheduleState.Fire) {
        known.insert(fire.executionName)
        state.running.append(ScheduleState.Run(fire: fire))
        state.starts += 1
        actions.append(.start(ScheduledStart(fire)))
    }

    private mutating func skip(_ time: EpochSeconds, _ reason: SkipReason) {
        state.skips[reason, default: 0] += 1
        if case .skipped(reason, let first, let last, let count) = actions.last {
            actions[actions.count - 1] = .skipped(
                reason: reason, first: min(first, time), last: max(last, time), count: count + 1)
        } else {
            actions.append(.skipped(reason: reason, first: time, last: time, count: 1))
        }
    }
}
