import Cryptography
import Encodings
import Logging
import Metrics
public import ServiceLifecycle
import StepContracts
import Synchronization
import WorkerProtocol

public import struct Logging.Logger

/// Polls the engine for tasks and does them, each in a child process or all in this one, until it is told to stop.
///
/// Each free slot keeps one poll open. Every live task is announced with its progress every few seconds, also while
/// its outcome is being delivered. An engine that is away changes nothing but that: the work goes on, and outcomes and
/// heartbeats are repeated until they are answered. Where it answers but does not take the outcome of one task, the slot
/// goes on to the next, and the outcome is repeated beside it. On graceful shutdown no poll is begun; running tasks go on for
/// the grace period, and what is left then is ended and handed back, so that another worker takes it at once.
public final class Worker: Service {
    /// What a health check asks.
    public struct Status: Sendable, Hashable {
        /// Whether the engine has answered the latest message.
        public let engineAnswers: Bool
        /// What was wrong with the latest message that was not answered; nil while all is well.
        public let engineTrouble: String?
        /// Nil where no step has a child.
        public let sandbox: Sandbox?
        public let slots: Int
        public let tasks: Int
    }

    private let session: WorkerSession
    private let runner: any TaskRunner
    private let sandbox: Sandbox?
    private let incarnation: String
    private let engine: EngineClient
    private let tasks: LiveTasks
    private let logger: Logger
    private let trouble = Mutex<String?>("the engine has not been asked yet")
    private let address = Mutex<String?>(nil)

    /// Makes a worker of children that is ready to run: checks its settings, cleans the scratch directory of what dead
    /// workers left, and starts one child to learn whether the sandbox works here.
    ///
    /// - Parameter steps: Contracts of the steps that the child program can run.
    /// - Throws: ``WorkerError``: a setting that cannot work, a scratch directory that cannot be used, a child that
    ///   does not start, or no sandbox where one is required.
    public init(
        _ configuration: WorkerConfiguration, steps: [StepContract], logger: Logger
    ) async throws(WorkerError) {
        try configuration.session.check()
        guard configuration.threads >= 1 else {
            throw WorkerError(.configuration, "threads must be at least 1, not \(configuration.threads)")
        }
        try makeDirectories(configuration.scratch)
        try ScratchDirectory.sweep(configuration.scratch)

        session = configuration.session
        self.logger = Worker.named(configuration.session.name, logger)
        let (incarnation, tasks) = (Worker.makeIncarnation(), LiveTasks())
        let engine = EngineClient(base: configuration.session.engine, signer: configuration.session.signer)
        (self.incarnation, self.tasks, self.engine) = (incarnation, tasks, engine)
        let sandbox = try await Sandbox.settle(
            configuration.sandbox, command: configuration.childCommand, limits: configuration.limits,
            scratch: configuration.scratch, logger: self.logger)
        self.sandbox = sandbox
        runner = ChildRunner(
            contracts: Dictionary(uniqueKeysWithValues: steps.map { ($0.name, $0) }), configuration: configuration,
            process: StepProcess(
                command: configuration.childCommand, sandbox: sandbox, limits: configuration.limits), engine: engine,
            contents: ContentReports(
                engine: engine, tasks: tasks, worker: configuration.session.name, incarnation: incarnation))
    }

    /// Makes a worker that does its steps in this process: for steps that open no file of others.
    ///
    /// - Throws: ``WorkerError``: a setting that cannot work.
    public init(_ session: WorkerSession, steps: [any DataStep], logger: Logger) throws(WorkerError) {
        try session.check()
        self.session = session
        self.logger = Worker.named(session.name, logger)
        incarnation = Worker.makeIncarnation()
        tasks = LiveTasks()
        engine = EngineClient(base: session.engine, signer: session.signer)
        sandbox = nil
        runner = InProcessRunner(steps, engine: engine)
    }

    private static func named(_ name: String, _ logger: Logger) -> Logger {
        var logger = logger
        logger[metadataKey: "worker"] = "\(name)"
        return logger
    }

    public var status: Status {
        let trouble = trouble.withLock { $0 }
        return Status(
            engineAnswers: trouble == nil, engineTrouble: trouble, sandbox: sandbox, slots: session.slots,
            tasks: tasks.count)
    }

    /// Tells the engine, from the next poll on, where this process answers health checks.
    ///
    /// - Parameter address: scheme and authority, at most 256 bytes.
    public func announce(address: String) { self.address.withLock { $0 = address } }

    /// Works until graceful shutdown, or until the surrounding task is cancelled (which ends running steps at once).
    public func run() async throws {
        logger.info(
            "worker ready",
            metadata: [
                "engine": "\(session.engine)", "slots": "\(session.slots)",
                "sandbox": "\(sandbox.map { "\($0)" } ?? "none: no step has a child")",
                "steps": "\(runner.steps.joined(separator: ","))",
            ])
        await withTaskGroup(of: Void.self) { group in
            // Heartbeats go on until the last slot is done.
            group.addTask { await self.keepAnnouncing() }
            group.addTask { await self.endTasksAfterGracePeriod() }
            await withTaskGroup(of: Report?.self) { slots in
                for _ in 0..<session.slots { slots.addTask { await self.fillSlot() } }
                for await untaken in slots {
                    guard let untaken else { continue }
                    slots.addTask { await self.fillSlot() }
                    slots.addTask { await self.deliver(untaken, isBeside: true) }
                }
            }
            group.cancelAll()
        }
        logger.info("worker stopped")
    }

    // MARK: - Slots

    /// - Returns: what the engine does not take for the time being; nil when the worker stops.
    private func fillSlot() async -> Report? {
        var backoff = Backoff()
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            // After an outage, and at first, the engine is asked for an answer at once: a poll that it keeps open would
            // leave it untold for that long whether it answers again.
            let waitSeconds = trouble.withLock { $0 == nil } ? session.pollSeconds : 0
            let request = PollRequest(
                worker: session.name, incarnation: incarnation, version: session.version, steps: runner.steps,
                slots: max(1, session.slots - tasks.count), waitSeconds: waitSeconds,
                address: address.withLock { $0 }, capacity: session.capacity, labels: session.labels)
            let asked = ContinuousClock.now
            let answer = await cancelWhenGracefulShutdown { await self.engine.poll(request) }
            if Task.isShuttingDownGracefully || Task.isCancelled {
                // A task that came with the last answer is handed back; a poll cut off says nothing.
                if case .reply(let offer) = answer { await handBack(offer) }
                return nil
            }
            switch answer {
            case .reply(let offer):
                engineAnswered()
                backoff.reset()
                if let untaken = await work(on: offer) { return untaken }
            case .nothing:
                engineAnswered()
                // An engine that says "nothing yet" without waiting must not be asked without end.
                if ContinuousClock.now - asked < .milliseconds(100) {
                    await pauseUnlessStopping(backoff.pause())
                } else {
                    backoff.reset()
                }
            case .refused(let problem):
                engineFailed("the engine refuses polls: \(problem.detail)")
                await pauseUnlessStopping(backoff.pause())
            case .unavailable(let reason, let retryAfter):
                engineFailed(reason)
                await pauseUnlessStopping(backoff.pause(retryAfter: retryAfter))
            }
        }
        return nil
    }

    /// - Returns: what the engine does not take for the time being; nil when the task is over.
    private func work(on offer: TaskOffer) async -> Report? {
        tasks.add(offer)
        var logger = logger
        logger[metadataKey: "execution"] = "\(offer.execution)"
        logger[metadataKey: "state"] = "\(offer.state)"
        logger[metadataKey: "step"] = "\(offer.step)"
        logger[metadataKey: "attempt"] = "\(offer.attempt)"
        if let trace = offer.traceID { logger[metadataKey: "trace_id"] = "\(trace)" }
        logger.info("task begins")
        let began = ContinuousClock.now

        // A task of its own, so that it can be ended alone.
        let meter = UsageMeter()
        let task = Task { [runner, tasks, logger] in
            await runner.outcome(of: offer, logger: logger, meter: meter, report: { tasks.report(offer.token, $0) })
        }
        tasks.setEnd(offer.token) { task.cancel() }
        let outcome = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }

        let length = ContinuousClock.now - began
        let seconds = Double(length / .milliseconds(1)) / 1000
        let word = outcomeWord(outcome, token: offer.token)
        Counter(label: "showrunner_worker_tasks_total", dimensions: [("step", offer.step), ("outcome", word)])
            .increment()
        Metrics.Timer(label: "showrunner_worker_task", dimensions: [("step", offer.step), ("outcome", word)])
            .recordNanoseconds(Int64(length / .nanoseconds(1)))
        var metadata: Logger.Metadata = ["outcome": "\(word)", "seconds": "\(seconds)"]
        if case .failure(let failure) = outcome {
            metadata["error"] = "\(failure.error)"
            metadata["cause"] = "\(failure.cause)"
        }
        logger.info("task ends", metadata: metadata)
        switch (tasks.ending(offer.token), outcome) {
        case (.gone, _): break
        case (.draining, .failure(let failure)): await handBack(offer, after: failure)
        case (_, .failure(let failure)):
            let request = FailRequest(token: offer.token, failure: failure, usage: meter.usage)
            return await deliver(Report(outcome: .failure(request), step: offer.step, logger: logger))
        case (_, .success(let output, _)):
            let request = CompleteRequest(token: offer.token, output: output, usage: meter.usage)
            return await deliver(Report(outcome: .success(request), step: offer.step, logger: logger))
        }
        tasks.remove(offer.token)
        return nil
    }

    private func outcomeWord(_ outcome: TaskOutcome, token: String) -> String {
        switch (tasks.ending(token), outcome) {
        case (.gone, _): "gone"
        case (.draining, .failure): "handed-back"
        case (_, .success(_, isCached: true)): "cached"
        case (_, .success(_, isCached: false)): "done"
        case (_, .failure): "failed"
        }
    }

    // MARK: - Outcomes

    /// What the engine is to be told of a task that is done.
    private struct Report: Sendable {
        enum Outcome: Sendable {
            case success(CompleteRequest)
            case failure(FailRequest)
        }

        var outcome: Outcome
        let step: String
        let logger: Logger

        var token: String {
            switch outcome {
            case .success(let request): request.token
            case .failure(let request): request.token
            }
        }

        /// What is told instead of what the engine refused; nil where nothing is left to tell.
        func refused(_ problem: WorkerProblem) -> Report? {
            switch outcome {
            case .success(let request):
                // The result is kept; what the engine cannot take will not be taken next time either.
                let failure = StepFailure.crashed("the engine refused the result of \(step): \(problem.detail)")
                var report = self
                report.outcome = .failure(FailRequest(token: token, failure: failure, usage: request.usage))
                return report
            case .failure(let request):
                logger.error(
                    "the engine refuses to hear of a failure",
                    metadata: ["error": "\(problem.detail)", "cause": "\(request.cause)"])
                return nil
            }
        }
    }

    private func send(_ report: Report, timeout: Duration = .seconds(30)) async -> EngineClient.Answer<Void> {
        switch report.outcome {
        case .success(let request): await engine.complete(request, timeout: timeout)
        case .failure(let request): await engine.fail(request, timeout: timeout)
        }
    }

    /// Before the worker stops: outside the cancelled task, or the message would be cancelled too.
    private func sendLast(_ report: Report) async -> EngineClient.Answer<Void> {
        await Task { await self.send(report, timeout: Self.lastTry) }.value
    }

    /// The process is about to go.
    private static let lastTry = Duration.seconds(3)

    /// Tells the engine what became of a task, again and again until it judges or the outcome no longer matters. When the
    /// worker stops, it is tried once more.
    ///
    /// - Parameter isBeside: whether no slot waits for it.
    /// - Returns: what is still to be told, where the slot that waits for it can do better meanwhile.
    private func deliver(_ untold: Report, isBeside: Bool = false) async -> Report? {
        var report = untold
        var backoff = Backoff()
        while true {
            let ending = tasks.ending(report.token)
            if ending == .gone || ending == nil && Task.isCancelled { break }
            switch ending == .draining ? await sendLast(report) : await send(report) {
            case .reply, .nothing:
                engineAnswered()
                tasks.remove(report.token)
                return nil
            case .refused(let problem) where problem.code == WorkerProblem.staleToken || problem.status == 409:
                engineAnswered()
                report.logger.notice("the attempt is no longer live; its outcome is dropped")
                tasks.remove(report.token)
                return nil
            case .refused(let problem):
                engineAnswered()
                guard let next = report.refused(problem) else {
                    tasks.remove(report.token)
                    return nil
                }
                report = next
            case .unavailable(let reason, _) where ending == .draining:
                report.logger.warning(
                    "an outcome could not be told before the worker stops", metadata: ["error": "\(reason)"])
                tasks.remove(report.token)
                return nil
            case .unavailable(let reason, let retryAfter):
                if isBeside {
                    await pauseUnlessEnding(
                        report.token, max(session.heartbeatInterval, backoff.pause(retryAfter: retryAfter)))
                } else if tasks.isUntaken(report.token, most: session.outcomesBeside) {
                    report.logger.warning(
                        "the engine does not take an outcome; its slot goes on, and it is repeated",
                        metadata: ["error": "\(reason)"])
                    return report
                } else {
                    engineFailed(reason)
                    await pauseUnlessEnding(report.token, backoff.pause(retryAfter: retryAfter))
                }
            }
        }
        tasks.remove(report.token)
        return nil
    }

    /// Gives up a task because the worker stops: one try, since the process is about to go. If it is not heard, the
    /// attempt's heartbeats end, which says the same a little later.
    private func handBack(_ offer: TaskOffer, after ended: StepFailure? = nil) async {
        var failure = StepFailure(
            error: StepErrorName.workerLost, cause: "the worker \(session.name) was told to stop",
            retry: .elsewhere)
        // Another worker must not take for undone what may have been done.
        if let ended, ended.leavesOutcomeUnknown { failure = ended }
        let request = FailRequest(token: offer.token, failure: failure)
        let answer = await sendLast(Report(outcome: .failure(request), step: offer.step, logger: logger))
        if case .unavailable(let reason, _) = answer {
            logger.warning("a task could not be handed back", metadata: ["error": "\(reason)"])
        }
    }

    // MARK: - Heartbeats

    private func keepAnnouncing() async {
        while !Task.isCancelled {
            let live = tasks.snapshot
            if !live.isEmpty {
                let request = HeartbeatRequest(worker: session.name, incarnation: incarnation, tasks: live)
                switch await engine.heartbeat(request) {
                case .reply(let reply):
                    engineAnswered()
                    for task in reply.tasks {
                        switch task.status {
                        case .ok: tasks.noteHeard(task.token)
                        case .gone: tasks.end(task.token, .gone)
                        }
                    }
                case .nothing: engineAnswered()
                case .refused(let problem): engineFailed("the engine refuses heartbeats: \(problem.detail)")
                case .unavailable(let reason, _): engineFailed(reason)
                }
            }
            await pause(session.heartbeatInterval)
        }
    }

    private func endTasksAfterGracePeriod() async {
        do {
            try await gracefulShutdown()
            logger.info("worker drains", metadata: ["tasks": "\(tasks.count)"])
            try await ContinuousClock().sleep(for: session.gracePeriod)
            tasks.endAll()
        } catch is CancellationError {
            // The last slot is done, or the whole worker is cancelled: nothing left to end.
        } catch {
            preconditionFailure("Waiting ends by shutdown or cancellation, not by \(error).")
        }
    }

    // MARK: - The engine's health

    private func engineAnswered() {
        let before = trouble.withLock { trouble in
            defer { trouble = nil }
            return trouble
        }
        if before != nil { logger.info("the engine answers") }
    }

    private func engineFailed(_ reason: String) {
        if Task.isCancelled { return }
        let before = trouble.withLock { trouble in
            defer { trouble = reason }
            return trouble
        }
        // Once per outage and reason, not once per attempt.
        if before != reason { logger.warning("the engine does not answer", metadata: ["error": "\(reason)"]) }
    }

    /// A pause that cancellation ends.
    private func pause(_ duration: Duration) async {
        do { try await ContinuousClock().sleep(for: duration) } catch { return }
    }

    /// A pause that the end of a task ends, too.
    private func pauseUnlessEnding(_ token: String, _ duration: Duration) async {
        let pause = Task { await self.pause(duration) }
        tasks.setEnd(token) { pause.cancel() }
        await withTaskCancellationHandler {
            await pause.value
        } onCancel: {
            pause.cancel()
        }
    }

    /// A pause that graceful shutdown ends, too.
    private func pauseUnlessStopping(_ duration: Duration) async {
        await cancelWhenGracefulShutdown { await self.pause(duration) }
    }

    private static func makeIncarnation() -> String { uuidText(randomBytes(16), version: 4) }
}
