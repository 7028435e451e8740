import Dispatching
import Interpreter
import JSON
import StatesLanguage
import StepContracts
public import WorkerProtocol

/// A long poll that waits for a task.
struct Poller {
    let id: UInt64
    let worker: String
    let incarnation: String
    /// Names of steps, or the ARN of an activity: see ``Engine/queue(of:)``.
    let queues: Set<String>
    let resume: (Assignment?) -> Void
}

/// An attempt handed out, as it was when its row was committed.
struct Assignment: Sendable {
    let token: TaskToken
    let resource: String
    let input: JSON
    /// From 1.
    let attempt: Int
    let executionARN: String
    /// See ``TraceID``.
    let trace: String
    let state: String
    let machine: String
    let title: String?
    let heartbeatSeconds: Int?
    let timeoutSeconds: Int?
}

struct WorkerRecord {
    var request: PollRequest
    var lastSeen: Int64
}

struct LeaseKey: Hashable {
    let execution: String
    let entry: EntryID
}

extension Engine {
    /// The step a resource names; nil for resources that no step stands behind.
    func stepName(_ resource: String) -> String? {
        contracts[StepContract.plainResource(resource)]?.name
    }

    /// Where tasks of a resource wait: under the name of their step, or under the ARN of their activity. The latter need
    /// not exist yet. Nil for resources that nobody asks for.
    func queue(of resource: String) -> String? {
        if let step = stepName(resource) { return step }
        return resource.hasPrefix(Self.activityPrefix) ? resource : nil
    }

    /// What the ARNs of this engine's activities begin with.
    static let activityPrefix = ResourceName.activity("").arn

    /// How long an attempt may go without a heartbeat: as the state says, else the step while a worker runs it, else
    /// for ever.
    func heartbeatSeconds(of attempt: TaskAttempt) -> Int? {
        attempt.heartbeatSeconds
            ?? (attempt.isCalledBack ? nil : contracts[StepContract.plainResource(attempt.resource)]?.heartbeatSeconds)
    }

    /// The nonce that whoever has to send an attempt's heartbeats knows.
    private func heartbeatNonce(of attempt: TaskAttempt) -> String? {
        attempt.isCalledBack ? attempt.callbackNonce : attempt.started?.nonce
    }

    /// Puts what an entry waits for where it will be found: the ready set, the leases, the alarms.
    func index(_ entry: Entry, of run: Run) {
        let id = run.execution.id
        if let wake = entry.wake { arm(Alarm(at: wake, execution: id, kind: .entry(entry.id))) }
        let attempt: TaskAttempt
        switch entry.phase {
        case .task(let current): attempt = current
        case .readingItems(let request):
            readItems(request, for: entry.id, of: run)
            return
        case .writingResults(let request):
            writeResults(request, for: entry.id, of: run)
            return
        case .entered, .waiting, .backingOff, .branching: return
        }
        if let started = attempt.started {
            grantLease(entry: entry.id, of: run, attempt: attempt, started: started)
            dispatch(entry.id, of: run)
            return
        }
        if let kind = NestedStart(rawValue: attempt.resource) {
            guard run.ready.insert(entry.id).inserted else { return }
            Task { await self.perform(kind, entry: entry.id, of: run) }
            return
        }
        if let service = service(of: attempt.resource) {
            guard run.ready.insert(entry.id).inserted else { return }
            Task { await self.perform(service, entry: entry.id, of: run) }
            return
        }
        guard let queue = queue(of: attempt.resource), run.ready.insert(entry.id).inserted else { return }
        if let engineStep = engineSteps[queue] {
            Task { await self.perform(engineStep, entry: entry.id, of: run) }
            return
        }
        dispatch(entry.id, of: run)
    }

    private func grantLease(entry: EntryID, of run: Run, attempt: TaskAttempt, started: TaskAttempt.Started) {
        run.ready.remove(entry)
        guard attempt.isCalledBack || engineSteps[stepName(attempt.resource) ?? ""] == nil,
            let seconds = heartbeatSeconds(of: attempt), let nonce = heartbeatNonce(of: attempt)
        else { return }
        let token = TaskToken(execution: run.execution.id, entry: entry, nonce: nonce)
        let key = LeaseKey(execution: run.execution.id, entry: entry)
        if leases[key]?.token == token { return }
        leases[key] = Lease(
            token: token, worker: started.worker,
            // What waits for an answer outlives the process that ran it.
            incarnation: attempt.isCalledBack ? Self.activityIncarnation : started.incarnation,
            heartbeatSeconds: seconds, heardAt: now)
        run.leased.insert(entry)
        armLease(key)
        watchForStandstills()
    }

    private func armLease(_ key: LeaseKey) {
        guard let deadline = leases[key]?.deadline else { return }
        leases[key]?.alarm = deadline
        arm(Alarm(at: deadline, execution: key.execution, kind: .lease(key.entry)))
    }

    /// Drops the leases of attempts that are over.
    func refreshLeases(of run: Run) {
        for entry in run.leased {
            let key = LeaseKey(execution: run.execution.id, entry: entry)
            if case .task(let attempt) = run.execution.entry(entry)?.phase, let nonce = heartbeatNonce(of: attempt),
                nonce == leases[key]?.token.nonce
            {
                continue
            }
            leases[key] = nil
            run.leased.remove(entry)
            run.progress[entry] = nil
        }
    }

    /// - Parameter alarm: the instant of the alarm that rings.
    func checkLease(of entry: EntryID, in run: Run, alarm: Int64, now: Int64) {
        let key = LeaseKey(execution: run.execution.id, entry: entry)
        // An attempt that is over leaves its alarm behind: that one must not arm another for the attempt after it.
        guard let lease = leases[key], lease.alarm == alarm else { return }
        if lease.deadline > now {
            armLease(key)
        } else {
            log.warning(
                "no heartbeat: the attempt is judged lost",
                metadata: ["execution": "\(run.execution.id)", "worker": "\(lease.worker)"])
            if lease.incarnation == Self.activityIncarnation {
                post(.heartbeatMissed(entry: entry, nonce: lease.token.nonce), to: run)
            } else {
                lose(lease, of: run, error: nil, cause: "")
            }
        }
    }

    /// Waits for a task of one of the steps that the worker takes; nil when none came within the wait.
    /// Throws `.unavailable` while the engine is not active, and `.pollLimit` when too many polls wait.
    public func poll(_ request: PollRequest) async throws(EngineError) -> TaskOffer? {
        try requireReady()
        try note(request)
        let assignment = try await nextTask(
            // A queue named by an ARN is an activity's: whoever wants one of its tasks asks for it over the wire.
            in: Set(request.steps.filter { !$0.hasPrefix("arn:") }), worker: request.worker,
            incarnation: request.incarnation,
            waitSeconds: request.waitSeconds)
        return assignment.flatMap { assignment in
            stepName(assignment.resource).map { step in
                TaskOffer(
                    token: assignment.token.text, step: step, input: assignment.input, attempt: assignment.attempt,
                    executionArn: assignment.executionARN, execution: assignment.token.execution,
                    state: assignment.state, machine: assignment.machine, title: assignment.title,
                    heartbeatSeconds: assignment.heartbeatSeconds ?? 60, timeoutSeconds: assignment.timeoutSeconds,
                    idempotencyKey: assignment.token.idempotencyKey, traceparent: assignment.traceparent)
            }
        }
    }

    func deliver(_ entry: EntryID, nonce: String, of run: Run, to poller: Poller) {
        poller.resume(assignment(entry, nonce: nonce, of: run))
    }

    /// What whoever got an attempt is told; nil when it is over already, and another one may be under way.
    func assignment(_ id: EntryID, nonce: String, of run: Run) -> Assignment? {
        guard let entry = run.execution.entry(id), case .task(let attempt) = entry.phase, let started = attempt.started,
            started.nonce == nonce
        else { return nil }
        noteOffer(attempt, started)
        return Assignment(
            token: TaskToken(execution: run.execution.id, entry: id, nonce: started.nonce),
            resource: attempt.resource, input: attempt.parameters, attempt: entry.retryCount + 1,
            executionARN: run.execution.arn, trace: run.execution.traceID, state: entry.state,
            machine: run.execution.machineName,
            title: Engine.title(of: run.execution.start.input), heartbeatSeconds: heartbeatSeconds(of: attempt),
            timeoutSeconds: attempt.timeoutSeconds)
    }

    /// Begins an attempt's heartbeat period anew; false when nobody watches it.
    @discardableResult
    func renew(_ key: LeaseKey, token: TaskToken? = nil) -> Bool {
        guard let lease = leases[key], token == nil || lease.token == token else { return false }
        leases[key]?.hear(at: now)
        return true
    }

    /// Renews the leases of a worker's tasks and takes their progress; says which of them are not wanted any more.
    public func heartbeat(_ request: HeartbeatRequest) throws(EngineError) -> HeartbeatReply {
        try requireReady()
        workerRecords[request.worker]?.lastSeen = now
        dispatcher.hear(request.worker, at: now)
        let answers = try request.tasks.map { (task) throws(EngineError) in
            guard let token = TaskToken(task.token) else {
                return HeartbeatReply.TaskStatus(token: task.token, status: .gone)
            }
            if isComingBack(token.execution) {
                return HeartbeatReply.TaskStatus(token: task.token, status: .ok)
            }
            guard let run = runs[token.execution],
                renew(LeaseKey(execution: token.execution, entry: token.entry), token: token)
            else {
                try requireCertainLease()
                return HeartbeatReply.TaskStatus(token: task.token, status: .gone)
            }
            if let content = task.content, !mayOpen(content, token, of: run) {
                return HeartbeatReply.TaskStatus(token: task.token, status: .gone)
            }
            if let progress = task.progress, run.progress[token.entry] != progress {
                if let lease = leases[LeaseKey(execution: token.execution, entry: token.entry)] {
                    noteStillness(run.progress[token.entry], progress, of: lease)
                }
                run.progress[token.entry] = progress
                publishProgress(of: run, entry: token.entry, progress)
            }
            return HeartbeatReply.TaskStatus(token: task.token, status: .ok)
        }
        return HeartbeatReply(tasks: answers)
    }

    /// Takes a task's result. False when the attempt is over: the answer changed nothing.
    public func complete(_ request: CompleteRequest) async throws(EngineError) -> Bool {
        let attempt = attempt(of: request.token)
        // What an earlier run had made tells nothing of the source.
        let source = request.output["cached"]?.boolValue == true ? nil : attempt?.source
        let isTaken = try await answer(request.token) { token in
            ended(
                token.entry, token.nonce, request.output, of: token.execution,
                usage: request.usage.map(AttemptUsage.init))
        }
        if isTaken, let attempt { await noteSuccess(attempt) }
        if isTaken, let source { noteSourceSuccess(source) }
        return isTaken
    }

    /// What it means that the work of an attempt is done: its success, or that its token may now be answered.
    func ended(
        _ entry: EntryID, _ nonce: String, _ output: JSON, of execution: String, usage: AttemptUsage? = nil
    ) -> Event {
        if case .task(let attempt) = runs[execution]?.execution.entry(entry)?.phase, attempt.callbackNonce != nil,
            attempt.callbackNonce != nonce
        {
            return .taskSubmitted(entry: entry, nonce: nonce, output: output)
        }
        return .taskSucceeded(entry: entry, nonce: nonce, output: output, usage: usage)
    }

    /// Takes a task's failure. False when the attempt is over: the answer changed nothing.
    public func fail(_ request: FailRequest) async throws(EngineError) -> Bool {
        let attempt = attempt(of: request.token)
        if let attempt, request.retry == .elsewhere {
            // Before the attempt is over, so that the next one knows.
            runs[attempt.name.execution]?.avoided[attempt.name.entry, default: []].insert(attempt.worker)
        }
        let isTaken = try await answer(request.token) { token in
            .taskFailed(
                entry: token.entry, nonce: token.nonce, error: request.error, cause: request.cause,
                usage: request.usage.map(AttemptUsage.init))
        }
        if isTaken, let attempt { await noteFailure(attempt, request) }
        return isTaken
    }

    /// Throws `.unavailable` for an execution that is out of memory for the moment, can't be loaded, or is set aside: its
    /// attempts stand, and what is told of them is wanted when it goes on.
    func requireWithinReach(_ execution: String) throws(EngineError) {
        guard !reloading.contains(execution) else {
            throw EngineError.unavailable("The execution is being loaded again.")
        }
        guard !unreadable.contains(execution) else { throw EngineError.unavailable("The execution can't be loaded.") }
        if let suspect = suspects[execution] { throw EngineError.unavailable(suspect.sentence) }
    }

    private func answer(_ text: String, _ event: (TaskToken) -> Event) async throws(EngineError) -> Bool {
        try requireReady()
        if let token = TaskToken(text) { try requireWithinReach(token.execution) }
        guard let token = TaskToken(text), let run = try await inMemory(token.execution) else {
            try requireCertainLease()
            staleAnswers += 1
            return false
        }
        switch await submit(event(token), to: run) {
        case .committed: return true
        case .stale, .nameTaken:
            try requireCertainLease()
            staleAnswers += 1
            return false
        case .refused(let reason): throw EngineError(code: .unavailable, message: reason)
        }
    }

    /// Notes who polls. A new incarnation of a worker means that the former process is gone, and its tasks with it. Throws
    /// `.pollLimit` for a worker more than there may be.
    private func note(_ request: PollRequest) throws(EngineError) {
        let former = workerRecords[request.worker]
        if former == nil, workerRecords.count >= limits.workers {
            forgetWorkers(silentFor: 3_600_000_000)
            if workerRecords.count >= limits.workers { forgetWorkers(silentFor: dispatcher.settings.silence) }
            guard workerRecords.count < limits.workers else {
                throw EngineError(
                    code: .pollLimit, message: "As many workers have been heard of as may be (\(limits.workers)).")
            }
        }
        workerRecords[request.worker] = WorkerRecord(request: request, lastSeen: now)
        dispatcher.see(
            request.worker, labels: request.labels, capacity: request.capacity.map(Resources.init),
            queues: Set(request.steps), at: now)
        guard let former, former.request.incarnation != request.incarnation else { return }
        // What the former process asked for it can't take any more.
        for poller in Array(pollers.values)
        where poller.worker == request.worker && poller.incarnation != request.incarnation
            && poller.incarnation != Self.activityIncarnation
        {
            endPoll(poller.id)
        }
        for lease in leases.values
        where lease.worker == request.worker && lease.incarnation != request.incarnation
            && lease.incarnation != Self.activityIncarnation
        {
            guard let run = runs[lease.token.execution] else { continue }
            lose(
                lease, of: run, error: StepErrorName.workerLost,
                cause: "The worker '\(lease.worker)' ended while it ran this task.")
        }
    }

    /// Drops the workers that hold nothing and were not heard of for so long, in microseconds; names of containers never
    /// come back.
    private func forgetWorkers(silentFor silence: Int64) {
        let holders = Set(leases.values.map(\.worker))
        let limit = now - silence
        let idle = workerRecords.filter { $0.value.lastSeen <= limit && !holders.contains($0.key) }
        for name in idle.keys {
            workerRecords[name] = nil
            dispatcher.forgetWorker(name)
        }
    }

    /// Runs one of the engine's own steps: hands it out to itself, then commits its result with its statement.
    private func perform(_ step: any EngineStep, entry: EntryID, of run: Run) async {
        let nonce = makeNonce()
        let handOut = Event.handOut(entry: entry, worker: "engine", incarnation: "engine", nonce: nonce)
        guard case .committed = await submit(handOut, to: run) else { return }
        run.ready.remove(entry)
        await finish(step, entry: entry, nonce: nonce, of: run)
    }

    /// The second half of ``perform(_:entry:of:)``, and what recovery repeats for an attempt of a former incarnation:
    /// the statement counts once, whoever sends it.
    func finish(_ step: any EngineStep, entry: EntryID, nonce: String, of run: Run) async {
        guard case .task(let attempt) = run.execution.entry(entry)?.phase else { return }
        let prepared: PreparedStep
        do throws(StepFailure) {
            prepared = try await step.prepare(execution: run.execution.id, input: attempt.parameters)
        } catch {
            post(.taskFailed(entry: entry, nonce: nonce, error: error.error, cause: error.cause), to: run)
            return
        }
        let verdict = await submit(
            ended(entry, nonce, prepared.output, of: run.execution.id), to: run, statement: prepared.statement)
        if case .refused(let reason) = verdict, runs[run.execution.id] === run {
            post(
                .taskFailed(
                    entry: entry, nonce: nonce, error: StepErrorName.publishRefused,
                    cause: "The catalogue refused what \(step.contract.name) has for it: \(reason)"), to: run)
        }
    }
}
