import HeapModule
import OrderedCollections

/// Who gets which task, and when: the ready set, the workers that wait, and what is booked on each. A value that is told
/// what happens and answers who gets what; it reads no clock and forgets nothing by itself.
///
/// - Between priorities: a level gets four times the turns of the level below, so that urgent work goes first in effect
///   and nothing waits for ever.
/// - Within a priority, between shares (the tasks of one title): in turns, a turn costing as much as the task books.
///   A share with ten tasks beside one with ten thousand gets every other turn.
/// - Where a deadline is near, every other turn of its priority goes to the nearest one.
/// - Within a share: the earliest deadline, then first come, first served.
///
/// A task costs O(log n) of the tasks that are ready, times the kinds of them (queue, labels, reservation, limits) that
/// its worker might take.
public struct Dispatcher: Sendable {
    public struct Settings: Sendable, Hashable {
        /// How long before its deadline a task gets a turn of its own.
        public var deadlineLead: Microseconds = 3_600_000_000
        /// How long the first in order is passed over because a worker has too little left, before that worker takes
        /// nothing else until it has enough.
        public var patience: Microseconds = 60_000_000
        /// Not heard of for so long, a worker is not counted on.
        public var silence: Microseconds = 60_000_000
        /// Failures in a row, by the worker's own fault and of two executions at least, after which a worker gets no
        /// more tasks of that queue for a while; 0 for never.
        public var failuresInRow = 5
        /// How long that while is.
        public var timeAside: Microseconds = 600_000_000

        public init() {}
    }

    /// A task that waits.
    struct Ready: Sendable {
        let task: ReadyTask
        let order: UInt64
        let since: Microseconds
    }

    /// A task in a worker's hands.
    struct Held: Sendable {
        let worker: String?
        let queue: String
        let booked: Resources
        let limitKeys: [String]
    }

    /// The turns of one priority.
    struct LevelFlow: Sendable {
        /// The level's own among the levels.
        var tag: UInt64 = 0
        var count = 0
        var turns = Turns(credit: 8_000)
        var shares: [String: ShareFlow] = [:]
        /// Shares without a ready task whose tag still tells something.
        var idle: Heap<Lane.Turn> = []
        var lastWentByDeadline = false
    }

    struct ShareFlow: Sendable {
        var tag: UInt64
        var count = 0
    }

    public var settings: Settings
    var tasks: [TaskName: Ready] = [:]
    var held: [TaskName: Held] = [:]
    var parked: [TaskName: String] = [:]
    var lanes: OrderedDictionary<TaskKind, Lane> = [:]
    var kinds: [String: OrderedSet<TaskKind>] = [:]
    var flows: [Int: LevelFlow] = [:]
    private var levels = Turns(credit: 8_000 << 8)
    var limits: [String: LimitState] = [:]
    var workers: [String: WorkerState] = [:]
    var polls: OrderedDictionary<UInt64, Poll> = [:]
    private var order: UInt64 = 0

    public init(settings: Settings = Settings()) { self.settings = settings }

    public var readyCount: Int { tasks.count }
    /// How many tasks are ready, by queue; looks at each.
    public var readyCounts: [String: Int] {
        tasks.values.reduce(into: [:]) { counts, ready in counts[ready.task.queue, default: 0] += 1 }
    }
    public var heldCount: Int { held.count }

    public func isReady(_ name: TaskName) -> Bool { tasks[name] != nil }
    public func isHeld(_ name: TaskName) -> Bool { held[name] != nil }
    /// All tasks that are parked, in order.
    public var parkedTasks: [TaskName] { parked.keys.sorted() }
    public var parkedCount: Int { parked.count }
    /// Why a task is parked; nil where it is not.
    public func parkingReason(of name: TaskName) -> String? { parked[name] }

    // MARK: Tasks

    /// A task is ready. Gives the poll that gets it at once, which then waits no more; nil where it has to wait.
    ///
    /// - Parameter stays: whether a task that nobody takes at once is kept.
    public mutating func add(_ task: ReadyTask, at now: Microseconds, stays: Bool = true) -> Poll? {
        precondition(tasks[task.name] == nil && held[task.name] == nil, "a task is ready once")
        let poll = firstPoll(for: task, at: now)
        guard poll != nil || stays else { return nil }
        insert(task, at: now)
        guard let poll else { return nil }
        polls[poll.id] = nil
        take(task.name, for: poll.worker, byDeadline: false, at: now)
        return poll
    }

    /// A task that nobody may have until ``unpark(_:at:)``.
    public mutating func park(_ name: TaskName, because reason: String) {
        precondition(tasks[name] == nil && held[name] == nil, "what is parked is neither ready nor with a worker")
        parked[name] = reason
    }

    /// False where it is not parked. The task is to be added anew.
    @discardableResult
    public mutating func unpark(_ name: TaskName) -> Bool { parked.removeValue(forKey: name) != nil }

    /// A task is over, wherever it is: nobody gets it any more, and what was booked for it is free.
    public mutating func remove(_ name: TaskName) {
        parked[name] = nil
        if let ready = tasks[name] { takeOut(ready) }
        finish(name)
    }

    /// An attempt is over: what was booked for it is free. The task itself comes back with ``add(_:at:stays:)``.
    public mutating func finish(_ name: TaskName) {
        guard let task = held.removeValue(forKey: name) else { return }
        for key in task.limitKeys { limits[key]?.running -= 1 }
        guard let worker = task.worker, var state = workers[worker] else { return }
        state.used = state.used - task.booked
        state.tasks.remove(name)
        // Known from the journal alone, and it never asked for anything.
        let isForgotten =
            state.tasks.isEmpty && state.queues.isEmpty && state.mode == .active && state.aside.isEmpty
        workers[worker] = isForgotten ? nil : state
    }

    /// A worker has this task already: known from the journal after a start.
    public mutating func adopt(_ task: ReadyTask, worker: String?, at now: Microseconds) {
        if held[task.name] != nil { return }
        if let ready = tasks[task.name] { takeOut(ready) }
        hold(task, for: worker, at: now)
    }

    // MARK: Polls

    /// A worker asks: the task it gets, or nil. Waiting is ``wait(_:)``.
    public mutating func ask(_ poll: Poll, at now: Microseconds) -> ReadyTask? {
        guard let name = pick(for: poll, at: now) else { return nil }
        return name
    }

    /// A poll that got nothing waits.
    public mutating func wait(_ poll: Poll) { polls[poll.id] = poll }

    public mutating func endPoll(_ id: UInt64) { polls[id] = nil }

    public var waitingPolls: some Collection<Poll> { polls.values }

    /// Who gets what of those that wait, now that something has become possible. To be asked after anything that frees
    /// something, and at ``nextOpening(after:)``.
    public mutating func match(at now: Microseconds) -> [(poll: Poll, task: ReadyTask)] {
        guard !tasks.isEmpty, !polls.isEmpty else { return [] }
        var matches: [(poll: Poll, task: ReadyTask)] = []
        for poll in Array(polls.values) {
            guard let task = pick(for: poll, at: now) else { continue }
            polls[poll.id] = nil
            matches.append((poll, task))
            if tasks.isEmpty { break }
        }
        return matches
    }

    // MARK: Limits

    /// Sets the limit of a key, or lifts it (nil). Tasks in workers' hands count from now on.
    public mutating func setLimit(_ limit: TaskLimit?, of key: String, at now: Microseconds) {
        guard let limit else {
            limits[key] = nil
            return
        }
        if limits[key] != nil {
            limits[key]?.limit = limit
        } else {
            if limits.count >= Self.limitsKept { forgetIdleLimits() }
            var state = LimitState(limit, at: now)
            state.running = held.values.count { $0.limitKeys.contains(key) }
            limits[key] = state
        }
    }

    /// Keys come and go with what they are about; those that no task has are forgotten once there are so many.
    private static let limitsKept = 10_000

    private mutating func forgetIdleLimits() {
        let named = Set(lanes.keys.flatMap(\.limitKeys))
        limits = limits.filter { $0.value.running > 0 || named.contains($0.key) }
    }

    public func hasLimit(_ key: String) -> Bool { limits[key] != nil }

    /// When something opens by the time alone, for tasks that wait: a rate, or the time aside of a worker.
    public func nextOpening(after now: Microseconds) -> Microseconds? {
        guard !tasks.isEmpty else { return nil }
        var next: Microseconds?
        func consider(_ instant: Microseconds?) {
            if let instant, instant > now { next = min(next ?? instant, instant) }
        }
        for kind in lanes.keys {
            for key in kind.limitKeys { consider(limits[key]?.opening(after: now)) }
        }
        for worker in workers.values {
            for aside in worker.aside.values { consider(aside.until) }
        }
        return next
    }

    func isOpen(_ kind: TaskKind, at now: Microseconds) -> Bool {
        kind.limitKeys.allSatisfy { limits[$0]?.isOpen(at: now) ?? true }
    }

    // MARK: Who gets what

    /// The first of the polls that wait which may have a task.
    private func firstPoll(for task: ReadyTask, at now: Microseconds) -> Poll? {
        guard !polls.isEmpty, isOpen(task.kind, at: now) else { return nil }
        let kind = task.kind
        return polls.values.first { poll in
            guard poll.queues.contains(kind.queue) else { return false }
            guard let name = poll.worker else { return kind.labels.isEmpty }
            let worker = workers[name] ?? WorkerState()
            // Nothing that this worker might take waits before it, or the poll would not wait - but for what it keeps
            // itself free for.
            return worker.mode == .active && worker.keptFor == nil && isAdmissible(kind, name, worker, at: now)
                && worker.fits(kind.reservation)
        }
    }

    private mutating func pick(for poll: Poll, at now: Microseconds) -> ReadyTask? {
        guard !tasks.isEmpty else { return nil }
        let worker = poll.worker.map { workers[$0] ?? WorkerState() }
        if let worker, worker.mode != .active { return nil }
        if let name = poll.worker, let kept = worker?.keptFor {
            if let ready = tasks[kept], poll.queues.contains(ready.task.queue), isOpen(ready.task.kind, at: now) {
                guard worker?.fits(ready.task.reservation) == true else { return nil }
                return take(kept, for: name, byDeadline: false, at: now)
            }
            workers[name]?.keptFor = nil
        }
        var passedOver: Set<TaskKind> = []
        while let choice = first(for: poll, worker, without: passedOver, at: now) {
            guard let ready = tasks[choice.name] else { preconditionFailure("a task that is chosen is ready") }
            if worker?.fits(ready.task.reservation) ?? true {
                return take(choice.name, for: poll.worker, byDeadline: choice.byDeadline, at: now)
            }
            if let name = poll.worker, now - ready.since >= settings.patience, !isKeptFor(choice.name, at: now) {
                workers[name]?.keptFor = choice.name
                return nil
            }
            passedOver.insert(choice.kind)
        }
        return nil
    }

    /// The first in order of what a worker may take, whether or not it has enough left.
    private mutating func first(
        for poll: Poll, _ worker: WorkerState?, without passedOver: Set<TaskKind>, at now: Microseconds
    ) -> (kind: TaskKind, name: TaskName, byDeadline: Bool)? {
        var candidates: [TaskKind] = []
        for queue in poll.queues {
            for kind in kinds[queue] ?? [] where !passedOver.contains(kind) {
                let isAdmissible =
                    if let name = poll.worker, let worker {
                        isAdmissible(kind, name, worker, at: now)
                    } else {
                        kind.labels.isEmpty
                    }
                if isAdmissible, isOpen(kind, at: now) { candidates.append(kind) }
            }
        }
        guard !candidates.isEmpty else { return nil }
        var priorities: Set<Int> = []
        for kind in candidates { priorities.formUnion(lanes[kind]?.levels.keys.map { $0 } ?? []) }
        let order: (Int, Int) -> Bool = { [flows] left, right in
            let (one, other) = (flows[left]?.tag ?? 0, flows[right]?.tag ?? 0)
            return one == other ? left > right : one < other
        }
        guard let priority = priorities.min(by: order) else { return nil }
        if flows[priority]?.lastWentByDeadline == false {
            var nearest: (kind: TaskKind, place: Lane.Place)?
            for kind in candidates {
                guard let place = nearestDeadline(kind, priority), place.deadline - settings.deadlineLead <= now else {
                    continue
                }
                if nearest.map({ place < $0.place }) ?? true { nearest = (kind, place) }
            }
            if let nearest { return (nearest.kind, nearest.place.name, true) }
        }
        var next: (kind: TaskKind, turn: Lane.Turn)?
        for kind in candidates {
            guard let turn = nextTurn(kind, priority) else { continue }
            if next.map({ turn < $0.turn }) ?? true { next = (kind, turn) }
        }
        guard let next, let place = firstPlace(next.kind, priority, next.turn.share) else { return nil }
        return (next.kind, place.name, false)
    }

    private mutating func nextTurn(_ kind: TaskKind, _ priority: Int) -> Lane.Turn? {
        while let turn = lanes[kind]?.levels[priority]?.turns.min {
            guard let share = lanes[kind]?.levels[priority]?.shares[turn.share], share.count > 0,
                let tag = flows[priority]?.shares[turn.share]?.tag
            else {
                lanes[kind]?.levels[priority]?.turns.removeMin()
                lanes[kind]?.levels[priority]?.shares[turn.share] = nil
                continue
            }
            if turn.tag == tag { return turn }
            lanes[kind]?.levels[priority]?.turns.replaceMin(
                with: Lane.Turn(tag: tag, order: turn.order, share: turn.share))
        }
        return nil
    }

    private mutating func firstPlace(_ kind: TaskKind, _ priority: Int, _ share: String) -> Lane.Place? {
        while let place = lanes[kind]?.levels[priority]?.shares[share]?.places.min {
            if tasks[place.name]?.order == place.order { return place }
            lanes[kind]?.levels[priority]?.shares[share]?.places.removeMin()
        }
        return nil
    }

    private mutating func nearestDeadline(_ kind: TaskKind, _ priority: Int) -> Lane.Place? {
        while let place = lanes[kind]?.levels[priority]?.deadlines.min {
            if tasks[place.name]?.order == place.order { return place }
            lanes[kind]?.levels[priority]?.deadlines.removeMin()
        }
        return nil
    }

    // MARK: In and out

    private mutating func insert(_ task: ReadyTask, at now: Microseconds) {
        order += 1
        tasks[task.name] = Ready(task: task, order: order, since: now)
        // In place: a copy of all shares would cost as much as there are.
        let tag = flows[task.priority, default: LevelFlow()].join(task.share, levels)
        let kind = task.kind
        if lanes[kind] == nil {
            lanes[kind] = Lane(kind: kind)
            kinds[task.queue, default: []].append(kind)
        }
        let place = Lane.Place(deadline: task.deadline ?? .max, order: order, name: task.name)
        lanes[kind]?.count += 1
        lanes[kind]?.levels[task.priority, default: Lane.Level()].insert(
            place, share: task.share, tag: tag)
    }

    /// Takes a task out of the ready set.
    private mutating func takeOut(_ ready: Ready) {
        let task = ready.task
        tasks[task.name] = nil
        flows[task.priority]?.count -= 1
        flows[task.priority]?.leave(task.share)
        let kind = task.kind
        lanes[kind]?.count -= 1
        if lanes[kind]?.count == 0 {
            lanes[kind] = nil
            kinds[task.queue]?.remove(kind)
            if kinds[task.queue]?.isEmpty == true { kinds[task.queue] = nil }
            return
        }
        lanes[kind]?.levels[task.priority]?.count -= 1
        if lanes[kind]?.levels[task.priority]?.count == 0 {
            lanes[kind]?.levels[task.priority] = nil
            return
        }
        let tasks = self.tasks
        lanes[kind]?.levels[task.priority]?.leave(task.share) { tasks[$0.name]?.order == $0.order }
    }

    /// Hands a ready task out and charges its turn.
    @discardableResult
    private mutating func take(
        _ name: TaskName, for worker: String?, byDeadline: Bool, at now: Microseconds
    ) -> ReadyTask {
        guard let ready = tasks[name] else { preconditionFailure("only what is ready is handed out") }
        let task = ready.task
        let cost = task.kind.cost
        // Each level of priority is worth four times the turns of the one below.
        let levelCost = cost << (2 * UInt64(ReadyTask.highestPriority - task.priority))
        let levelTag = levels.serve(flows[task.priority]?.tag ?? 0, cost: levelCost)
        flows[task.priority]?.tag = levelTag
        flows[task.priority]?.serve(task.share, cost: cost, byDeadline: byDeadline)
        takeOut(ready)
        flows[task.priority]?.forgetIdle()
        // Nobody waits for a turn: nothing to be fair about.
        if tasks.isEmpty {
            flows = [:]
            levels = Turns(credit: 8_000 << 8)
        }
        hold(task, for: worker, at: now)
        return task
    }

    private mutating func hold(_ task: ReadyTask, for worker: String?, at now: Microseconds) {
        for key in task.limitKeys { limits[key]?.start(at: now) }
        var booked = Resources()
        if let worker {
            var state = workers[worker] ?? WorkerState(lastSeen: now)
            booked = task.reservation.booked(on: state.capacity) ?? task.reservation.amount
            state.used = state.used + booked
            state.tasks.insert(task.name)
            if state.keptFor == task.name { state.keptFor = nil }
            workers[worker] = state
        }
        held[task.name] = Held(worker: worker, queue: task.queue, booked: booked, limitKeys: task.limitKeys)
    }
}

extension Dispatcher.LevelFlow {
    /// A task of a share is ready; gives the share's tag.
    fileprivate mutating func join(_ name: String, _ levels: Turns) -> UInt64 {
        if count == 0 { tag = levels.tag(afterIdling: tag) }
        count += 1
        var share = shares[name] ?? Dispatcher.ShareFlow(tag: 0)
        if share.count == 0 { share.tag = turns.tag(afterIdling: share.tag) }
        share.count += 1
        shares[name] = share
        return share.tag
    }

    fileprivate mutating func serve(_ name: String, cost: UInt64, byDeadline: Bool) {
        let tag = turns.serve(shares[name]?.tag ?? 0, cost: cost)
        shares[name]?.tag = tag
        lastWentByDeadline = byDeadline
    }

    /// A task of a share is no longer ready.
    fileprivate mutating func leave(_ name: String) {
        guard var share = shares[name] else { return }
        share.count -= 1
        shares[name] = share
        guard share.count == 0 else { return }
        if share.tag <= turns.now {
            shares[name] = nil
        } else {
            idle.insert(Lane.Turn(tag: share.tag, order: 0, share: name))
        }
    }

    /// Forgets shares that would begin where the others are anyhow.
    fileprivate mutating func forgetIdle() {
        while let first = idle.min, first.tag <= turns.now {
            idle.removeMin()
            if let share = shares[first.share], share.count == 0, share.tag <= turns.now { shares[first.share] = nil }
        }
    }
}

extension Lane.Level {
    fileprivate mutating func insert(_ place: Lane.Place, share name: String, tag: UInt64) {
        count += 1
        if shares[name] == nil {
            shares[name] = Lane.Share()
            turns.insert(Lane.Turn(tag: tag, order: place.order, share: name))
        }
        shares[name]?.places.insert(place)
        shares[name]?.count += 1
        if place.deadline != .max { deadlines.insert(place) }
    }

    /// A task of a share has left; where most of what lies in a heap has, the heap is made anew.
    fileprivate mutating func leave(_ name: String, isValid: (Lane.Place) -> Bool) {
        shares[name]?.count -= 1
        guard let share = shares[name] else { return }
        if share.count == 0 {
            // The share itself goes with its turn, when that comes up.
            shares[name]?.places = []
        } else if share.places.count > 2 * share.count + 64 {
            shares[name]?.places = Heap(share.places.unordered.filter(isValid))
        }
        if deadlines.count > 2 * count + 64 { deadlines = Heap(deadlines.unordered.filter(isValid)) }
    }
}
