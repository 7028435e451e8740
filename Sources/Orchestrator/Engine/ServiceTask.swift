import DequeModule
import Interpreter
public import JSON
public import StepContracts

/// A service's tasks that the engine itself calls for, because they are short: reading an object, and the like. A call
/// whose outcome was lost with the engine is made again, so each has to be one that may be.
public protocol ServiceTask: Sendable {
    /// The Resources that it does.
    var resources: [String] { get }

    /// Whether it calls the outside, and so waits until there is room among the other calls.
    var callsOutside: Bool { get }

    /// Does a task. A throw fails it. The resource is one of ``resources``.
    func run(resource: String, parameters: JSON, engine: Engine) async throws(StepFailure) -> JSON
}

/// Lets so many calls run at the same time; the others wait in the order of their coming. Lives inside the engine actor.
struct CallGate {
    let limit: Int
    private var running = 0
    private var waiting: Deque<CheckedContinuation<Void, Never>> = []

    init(limit: Int) { self.limit = limit }

    /// Whether a call may run at once; otherwise it has to ``wait(_:)``.
    mutating func enter() -> Bool {
        guard running < limit else { return false }
        running += 1
        return true
    }

    mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { waiting.append(continuation) }

    /// Hands the place to the next one.
    mutating func leave() {
        if let next = waiting.popFirst() { next.resume() } else { running -= 1 }
    }
}

extension Engine {
    /// Runs a call to the outside, off the actor, when there is room for it.
    func calling<Value: Sendable>(_ body: @Sendable () async -> Value) async -> Value {
        if !calls.enter() { await withCheckedContinuation { calls.wait($0) } }
        defer { calls.leave() }
        return await body()
    }

    /// The service that does a Resource's tasks, where one does. A task that starts an execution is no service's.
    func service(of resource: String) -> (any ServiceTask)? {
        NestedStart(rawValue: resource) == nil ? serviceTasks[StepContract.plainResource(resource)] : nil
    }

    /// Hands a service's task out to the engine itself, does it and commits its result: where that was not done as it was
    /// scheduled, because a row with a statement attached, or one that was loaded, scheduled it.
    func perform(_ service: any ServiceTask, entry: EntryID, of run: Run) async {
        let nonce = makeNonce()
        let handOut = Event.handOut(entry: entry, worker: "engine", incarnation: "engine", nonce: nonce)
        guard case .committed = await submit(handOut, to: run) else { return }
        run.ready.remove(entry)
        await finish(service, entry: entry, nonce: nonce, of: run)
    }

    /// The second half of ``perform(_:entry:of:)-(ServiceTask,_,_)``, and what recovery repeats.
    func finish(_ service: any ServiceTask, entry: EntryID, nonce: String, of run: Run) async {
        guard case .task(let attempt) = run.execution.entry(entry)?.phase else { return }
        let call = { @Sendable () async -> Result<JSON, StepFailure> in
            do throws(StepFailure) {
                return .success(
                    try await service.run(
                        resource: StepContract.plainResource(attempt.resource), parameters: attempt.parameters,
                        engine: self))
            } catch {
                return .failure(error)
            }
        }
        // What it starts belongs to the execution's trace, not to that of whoever caused this.
        let result = await TraceID.$current.withValue(TraceID(digits: run.execution.traceID)) {
            service.callsOutside ? await calling(call) : await call()
        }
        switch result {
        case .success(let output): post(ended(entry, nonce, output, of: run.execution.id), to: run)
        case .failure(let failure):
            // An engine that stops, or has lost the lease, fails calls by that alone: its successor makes them again.
            guard isReady else { return }
            post(.taskFailed(entry: entry, nonce: nonce, error: failure.error, cause: failure.cause), to: run)
        }
    }
}
