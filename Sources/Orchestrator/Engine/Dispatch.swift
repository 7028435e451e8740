import Dispatching
import Interpreter
import JSON
import Journal
import Postgres
import StepContracts
import WorkerProtocol

/// How an execution's tasks are dispatched: what it wished itself, else what its starter has, else the rules.
struct DispatchTerms: Sendable, Hashable {
    var priority: Int
    var deadline: Int64?
    var share: String
}

/// A task handed out, before its row is committed or after.
struct Attempted {
    let name: TaskName
    let worker: String
    let queue: String
    /// What it works on: see ``Engine/sourceName(_:)``.
    let source: String?
}

extension Resources {
    init(_ capacity: WorkerCapacity) {
        self.init(
            millicores: capacity.millicores, memoryBytes: capacity.memoryBytes, scratchBytes: capacity.scratchBytes)
    }

    init(_ needs: StepNeeds) {
        self.init(millicores: needs.millicores, memoryBytes: needs.memoryBytes, scratchBytes: needs.scratchBytes)
    }
}

/// Between executions and the dispatcher: which tasks are ready, with whom they are, and what follows from its answers.
extension Engine {
    // MARK: Tasks

    /// Puts a task where it stands: into the ready set, or into its worker's hands. While executions are being loaded this
    /// waits: what a task inherits is known once all are there.
    func dispatch(_ id: EntryID, of run: Run) {
        if isLoading {
            undispatched.append((id, run))
            return
        }
        guard let entry = run.execution.entry(id), case .task(let attempt) = entry.phase,
            let queue = queue(of: attempt.resource), engineSteps[queue] == nil, service(of: attempt.resource) == nil
        else { return }
        let name = TaskName(execution: run.execution.id, entry: id)
        if let started = attempt.started {
            // Whoever runs it is done with it: its token waits for somebody else.
            if attempt.isCalledBack { return }
            run.handingOut.remove(id)
            run.held[id] = started.nonce
            if !dispatcher.isHeld(name) {
                dispatcher.adopt(
                    task(entry, attempt, queue, of: run, run.execution), worker: booked(started.worker, queue), at: now)
            }
            return
        }
        // While executions were loaded, an entry may have come here for one attempt and then for the next.
        if dispatcher.isReady(name) || dispatcher.parkingReason(of: name) != nil { return }
        if let reason = parkingReason(of: entry) ?? sourceReason(attempt) {
            dispatcher.park(name, because: reason)
            return
        }
        if dispatcher.isHeld(name) { dispatcher.finish(name) }
        let task = task(entry, attempt, queue, of: run, run.execution)
        if let poll = dispatcher.add(task, at: now) { serve(poll, task) }
        armDispatch()
    }

    /// After loading: see ``dispatch(_:of:)``.
    func dispatchLoaded() {
        isLoading = false
        let waiting = undispatched
        undispatched = []
        for (entry, run) in waiting where runs[run.execution.id] === run { dispatch(entry, of: run) }
    }

    /// Who a started task is booked on; nobody for those who take tasks of activities.
    private func booked(_ worker: String, _ queue: String) -> String? { queue.hasPrefix("arn:") ? nil : worker }

    /// A task as the dispatcher sees it.
    func task(
        _ entry: Entry, _ attempt: TaskAttempt, _ queue: String, of run: Run, _ execution: Execution
    ) -> ReadyTask {
        let terms = terms(of: run)
        let rule = dispatchRules.steps[queue] ?? DispatchRules.Step()
        let contract = contracts[StepContract.plainResource(attempt.resource)]
        let estimate = contract.map { Resources($0.needs(attempt.parameters)) } ?? Resources()
        let machine = execution.machineName.split(separator: "/").first.map(String.init) ?? execution.machineName
        var keys: [String] = []
        for limit in dispatchRules.rules {
            guard
                let key = limit.key(
                    step: queue, machine: machine, share: terms.share, input: attempt.parameters)
            else { continue }
            keys.append(key)
            if !dispatcher.hasLimit(key) { dispatcher.setLimit(limit.limit, of: key, at: now) }
        }
        return ReadyTask(
            name: TaskName(execution: execution.id, entry: entry.id), queue: queue, priority: terms.priority,
            share: terms.share, deadline: terms.deadline, labels: rule.labels,
            reservation: rule.reservation(estimate: estimate), limitKeys: keys, avoided: run.avoided[entry.id] ?? [])
    }

    /// The terms of an execution; children and nested executions take those of whoever started them.
    func terms(of run: Run) -> DispatchTerms {
        if let terms = run.terms { return terms }
        let start = run.execution.start
        var wishes = DispatchWishes()
        // A child of a Map Run has an item as its input, which speaks for nobody.
        if start.parent == nil {
            // Refused at the start; what was started before that was so wishes nothing.
            do throws(DispatchWishes.Fault) { wishes = try DispatchWishes(input: start.input) } catch {}
        }
        let starter = start.parent?.execution ?? start.starter?.execution
        let inherited = starter.flatMap { runs[$0] }.map { self.terms(of: $0) }
        let machine = run.machineName.split(separator: "/").first.map(String.init) ?? run.machineName
        let found = DispatchTerms(
            priority: wishes.priority ?? inherited?.priority ?? dispatchRules.priorities[machine]
                ?? ReadyTask.standardPriority,
            deadline: wishes.deadline ?? inherited?.deadline,
            share: wishes.share ?? inherited?.share ?? starter ?? run.execution.id)
        run.terms = found
        return found
    }

    /// Why what an entry has been through keeps its task from workers; nil where it does not.
    func parkingReason(of entry: Entry) -> String? {
        guard dispatchRules.parkAfter > 0, entry.lostWorkers.count >= dispatchRules.parkAfter else { return nil }
        let names = entry.lostWorkers.map { "'\($0)'" }.joined(separator: ", ")
        return entry.lostWorkers.count == 1
            ? "1 worker was lost with it in its hands: \(names)"
            : "\(entry.lostWorkers.count) workers were lost with it in their hands: \(names)"
    }

    /// Takes what is over out of the dispatcher.
    ///
    /// - Parameters:
    ///   - ended: entries of which an attempt is over.
    ///   - mayHaveAbandoned: whether tasks that nobody has taken yet may be given up.
    func refreshDispatch(of run: Run, ended: [EntryID], mayHaveAbandoned: Bool) {
        var hasFreed = false
        for (id, nonce) in run.held {
            if case .task(let attempt) = run.execution.entry(id)?.phase, attempt.started?.nonce == nonce,
                !attempt.isCalledBack
            {
                continue
            }
            run.held[id] = nil
            if run.execution.entry(id) == nil { run.avoided[id] = nil }
            dispatcher.finish(TaskName(execution: run.execution.id, entry: id))
            hasFreed = true
        }
        for id in mayHaveAbandoned ? Array(run.ready) : ended {
            if case .task(let attempt) = run.execution.entry(id)?.phase, attempt.started == nil, !ended.contains(id) {
                continue
            }
            // A token may be answered before anybody has taken its task.
            guard run.ready.remove(id) != nil else { continue }
            dispatcher.remove(TaskName(execution: run.execution.id, entry: id))
        }
        if hasFreed { handOutWaiting() }
    }

    /// Takes an execution's tasks out of the dispatcher, wherever they are.
    func withdraw(_ run: Run) {
        for id in run.ready.union(run.held.keys).union(run.handingOut) {
            dispatcher.remove(TaskName(execution: run.execution.id, entry: id))
        }
        let hasFreed = !run.held.isEmpty || !run.handingOut.isEmpty
        run.ready = []
        run.held = [:]
        run.handingOut = []
        if hasFreed { handOutWaiting() }
    }

    // MARK: Polls

    /// The task of some queues whose turn it is, or the next one to come.
    func nextTask(
        in queues: Set<String>, worker: String, incarnation: String, waitSeconds: Int
    ) async throws(EngineError) -> Assignment? {
        let isActivity = incarnation == Self.activityIncarnation
        pollCount += 1
        let id = pollCount
        let poll = Poll(id: id, worker: isActivity ? nil : worker, queues: queues)
        while let task = dispatcher.ask(poll, at: now) {
            guard let run = taken(task) else { continue }
            if let assignment = await handOut(task, worker: worker, incarnation: incarnation, of: run) {
                return assignment
            }
        }
        // Counted apart, so that neither kind can leave the other without room.
        let limit = isActivity ? limits.activityPolls : limits.waitingPolls
        let waiting = pollers.values.count { ($0.incarnation == Self.activityIncarnation) == isActivity }
        guard waiting < limit else {
            throw EngineError(
                code: .pollLimit,
                message: isActivity
                    ? "Activity Worker Limit Exceeded: \(limit) polls are waiting."
                    : "Too many polls are waiting (\(limit)).")
        }
        let expiry = Task { [weak self, bootClock] in
            do { try await bootClock.sleep(for: .seconds(waitSeconds)) } catch { return }
            await self?.endPoll(id)
        }
        defer { expiry.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled || isStopping {
                    continuation.resume(returning: nil)
                    return
                }
                pollers[id] = Poller(
                    id: id, worker: worker, incarnation: incarnation, queues: queues,
                    resume: { continuation.resume(returning: $0) })
                dispatcher.wait(poll)
                armDispatch()
            }
        } onCancel: {
            Task { await self.endPoll(id) }
        }
    }

    func endPoll(_ id: UInt64) {
        dispatcher.endPoll(id)
        pollers.removeValue(forKey: id)?.resume(nil)
    }

    /// The execution of a task that the dispatcher has given out, while the task can still be handed out.
    private func taken(_ task: ReadyTask) -> Run? {
        guard let run = runs[task.name.execution], run.ready.remove(task.name.entry) != nil,
            case .task(let attempt) = run.execution.entry(task.name.entry)?.phase, attempt.started == nil
        else {
            dispatcher.remove(task.name)
            return nil
        }
        run.handingOut.insert(task.name.entry)
        return run
    }

    /// Hands a task out, which is an append; nil where that did not come about.
    private func handOut(
        _ task: ReadyTask, worker: String, incarnation: String, of run: Run
    ) async -> Assignment? {
        let (entry, nonce) = (task.name.entry, makeNonce())
        let verdict = await submit(
            .handOut(entry: entry, worker: worker, incarnation: incarnation, nonce: nonce), to: run)
        // Nobody has it, or it was over in the same row. Where the execution is thrown away, so is this already.
        if run.handingOut.remove(entry) != nil {
            dispatcher.finish(task.name)
            handOutWaiting()
        }
        guard case .committed = verdict else { return nil }
        return assignment(entry, nonce: nonce, of: run)
    }

    /// Hands a task to a poll that waited.
    private func serve(_ poll: Poll, _ task: ReadyTask) {
        guard let poller = pollers.removeValue(forKey: poll.id) else {
            preconditionFailure("a poll that waits in the dispatcher waits in the engine")
        }
        guard let run = taken(task) else {
            poller.resume(nil)
            return
        }
        Task {
            poller.resume(
                await self.handOut(task, worker: poller.worker, incarnation: poller.incarnation, of: run))
        }
    }

    /// After something has become possible: hands out what that lets out.
    func handOutWaiting() {
        guard !isStopping, clock != nil else { return }
        for (poll, task) in dispatcher.match(at: now) { serve(poll, task) }
        armDispatch()
    }

    /// Looks again when something opens by the time alone.
    func armDispatch() {
        guard !pollers.isEmpty, let next = dispatcher.nextOpening(after: now), next < dispatchAlarm ?? .max else {
            return
        }
        dispatchAlarm = next
        arm(Alarm(at: next, execution: "", kind: .dispatch))
    }

    /// While a worker waits for such a task already, scheduled and started are one row: gives the poll that gets it.
    func poller(for entry: Entry, _ attempt: TaskAttempt, of run: Run, _ execution: Execution) -> Poller? {
        guard !pollers.isEmpty, let queue = queue(of: attempt.resource), engineSteps[queue] == nil,
            service(of: attempt.resource) == nil, parkingReason(of: entry) == nil, sourceReason(attempt) == nil
        else { return nil }
        let name = TaskName(execution: execution.id, entry: entry.id)
        // The attempt before may not be over yet as far as the journal knows.
        guard !dispatcher.isHeld(name), !dispatcher.isReady(name), dispatcher.parkingReason(of: name) == nil,
            let poll = dispatcher.add(task(entry, attempt, queue, of: run, execution), at: now, stays: false)
        else { return nil }
        guard let poller = pollers.removeValue(forKey: poll.id) else {
            preconditionFailure("a poll that waits in the dispatcher waits in the engine")
        }
        run.handingOut.insert(entry.id)
        return poller
    }

    // MARK: Failures

    /// The attempt that a token names, while it is in a worker's hands.
    func attempt(of text: String) -> Attempted? {
        guard let token = TaskToken(text), let run = runs[token.execution],
            case .task(let attempt) = run.execution.entry(token.entry)?.phase, let started = attempt.started,
            started.nonce == token.nonce, let queue = queue(of: attempt.resource)
        else { return nil }
        return Attempted(
            name: TaskName(execution: token.execution, entry: token.entry), worker: started.worker, queue: queue,
            source: sourceName(attempt))
    }

    func noteSuccess(_ attempt: Attempted) async {
        guard dispatcher.noteSuccess(of: attempt.worker, queue: attempt.queue) else { return }
        await keepAside(of: attempt) { [journal] () async throws(PostgresError) in
            try await journal.deleteAside(of: attempt.worker, queue: attempt.queue)
        }
        handOutWaiting()
    }

    func noteFailure(_ attempt: Attempted, _ request: FailRequest) async {
        // A worker that stops hands its tasks back: no fault of its.
        guard request.retry == .elsewhere, request.error != StepErrorName.workerLost else { return }
        let aside = dispatcher.noteFailure(
            of: attempt.worker, queue: attempt.queue, execution: attempt.name.execution,
            cause: "\(request.error): \(request.cause.prefix(500))", at: now)
        guard let aside else { return }
        log.error(
            "a worker gets no more tasks of a kind for a while",
            metadata: ["worker": "\(attempt.worker)", "step": "\(attempt.queue)", "reason": "\(aside.reason)"])
        let kept = WorkerAside(
            worker: attempt.worker, queue: attempt.queue, until: aside.until, reason: aside.reason)
        let now = self.now
        await keepAside(of: attempt) { [journal] () async throws(PostgresError) in
            try await journal.saveAside(kept, now: now)
        }
    }

    /// So that an engine which takes over knows it. Whoever answered has been heard: where the database does not take this,
    /// this engine goes by it alone, and the next failure or success writes it again.
    private func keepAside(of attempt: Attempted, _ write: () async throws(PostgresError) -> Bool) async {
        do throws(PostgresError) {
            if try await !write() { noteLeaseLost() }
        } catch {
            log.warning(
                "that a worker is set aside is known to this engine alone",
                metadata: ["worker": "\(attempt.worker)", "error": "\(error)"])
        }
    }
}
