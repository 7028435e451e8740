/// Why a ready task is not in a worker's hands.
public enum WaitReason: Sendable, Hashable {
    /// Nobody gets it before a person says so.
    case parked(reason: String)
    /// No worker that does such tasks has been heard of lately.
    case noWorker
    /// There are such workers, and none has the labels.
    case labels([String: String])
    /// There are such workers, and none is large enough.
    case tooLarge(needed: Resources, largest: Resources)
    /// Those that could take it get no tasks: by name, with the mode and the reason.
    case setAside([Worker])
    /// As many run under this limit as may.
    case concurrency(key: String, limit: Int)
    /// The next may begin then.
    case rate(key: String, until: Microseconds)
    /// Its turn has come, and no worker has enough left.
    case reservation(needed: Resources, most: Resources)
    /// A worker takes nothing else until it has enough left for it.
    case keptFree(worker: String)
    /// So many go first, about; `workers` could take it and are busy.
    case turn(position: Int, workers: Int)

    public struct Worker: Sendable, Hashable, Comparable {
        public let name: String
        public let mode: WorkerMode
        public let reason: String

        public init(name: String, mode: WorkerMode, reason: String) {
            self.name = name
            self.mode = mode
            self.reason = reason
        }

        public static func < (left: Worker, right: Worker) -> Bool { left.name < right.name }
    }
}

extension Dispatcher {
    /// Why a task waits; nil where it does not.
    public func reason(for name: TaskName, at now: Microseconds) -> WaitReason? {
        if let reason = parked[name] { return .parked(reason: reason) }
        guard let ready = tasks[name] else { return nil }
        let kind = ready.task.kind
        // Whoever polls is nobody that the dispatcher knows where it is an activity's.
        let isActivity = !workers.values.contains { $0.queues.contains(kind.queue) } && kind.queue.hasPrefix("arn:")
        if isActivity { return .turn(position: position(of: ready), workers: 0) }
        let doing = workers.filter {
            $0.value.queues.contains(kind.queue) && now - $0.value.lastSeen < settings.silence
        }
        if doing.isEmpty { return .noWorker }
        let labelled = doing.filter { $0.value.has(kind.labels) }
        if labelled.isEmpty { return .labels(kind.labels) }
        let large = labelled.filter { kind.reservation.booked(on: $0.value.capacity) != nil }
        if large.isEmpty {
            return .tooLarge(needed: kind.reservation.amount, largest: most(labelled.values.compactMap(\.capacity)))
        }
        let usable = large.filter { isUsable($0.value, kind.queue, at: now) }
        if usable.isEmpty {
            return .setAside(
                large.map { name, worker in
                    WaitReason.Worker(
                        name: name, mode: worker.mode == .active ? .quarantined : worker.mode,
                        reason: worker.reason ?? worker.aside[kind.queue]?.reason ?? "no reason was given")
                }.sorted())
        }
        for key in kind.limitKeys {
            guard let state = limits[key] else { continue }
            if let limit = state.limit.concurrency, state.running >= limit {
                return .concurrency(key: key, limit: limit)
            }
            if let until = state.opening(after: now) { return .rate(key: key, until: until) }
        }
        if let keeper = usable.first(where: { $0.value.keptFor == name })?.key { return .keptFree(worker: keeper) }
        let position = position(of: ready)
        if position == 1, !usable.values.contains(where: { $0.fits(kind.reservation) }) {
            return .reservation(
                needed: kind.reservation.amount,
                most: most(usable.values.compactMap { worker in worker.capacity.map { $0 - worker.used } }))
        }
        return .turn(position: position, workers: usable.count)
    }

    private func most(_ amounts: [Resources]) -> Resources {
        amounts.max { ($0.memoryBytes, $0.millicores) < ($1.memoryBytes, $1.millicores) } ?? Resources()
    }

    /// How many of its kind are handed out before it, and one: exactly where all of them are of one priority, else about.
    /// Costs as much as there are tasks of its share and shares of its kind.
    func position(of ready: Ready) -> Int {
        let (task, kind) = (ready.task, ready.task.kind)
        guard let lane = lanes[kind], let level = lane.levels[task.priority], let own = level.shares[task.share],
            let flow = flows[task.priority]
        else { return 1 }
        let place = Lane.Place(deadline: task.deadline ?? .max, order: ready.order, name: task.name)
        let before = own.places.unordered.count { other in other < place && tasks[other.name]?.order == other.order }
        let turn = (flow.shares[task.share]?.tag ?? 0) + UInt64(before) * kind.cost
        var ahead = before
        // Of two with the same tag the one that came first.
        let orders = Dictionary(level.turns.unordered.map { ($0.share, $0.order) }, uniquingKeysWith: min)
        for (name, share) in level.shares where name != task.share && share.count > 0 {
            let tag = flow.shares[name]?.tag ?? 0
            guard tag <= turn else { continue }
            let (turns, rest) = (turn - tag).quotientAndRemainder(dividingBy: kind.cost)
            let goesFirst = rest > 0 || orders[name, default: 0] < orders[task.share, default: 0]
            ahead += min(share.count, Int(turns) + (goesFirst ? 1 : 0))
        }
        for (priority, other) in lane.levels where priority > task.priority { ahead += other.count }
        return ahead + 1
    }
}
