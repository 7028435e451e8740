import Engine
import JSON
import StepContracts
import Synchronization

/// A `RunService` over recorded executions: what the pages and endpoints are tested with. Recorded means fixed: it
/// decides nothing, and what changes is told to it by ``publish(_:)``.
final class RecordedRuns: RunService {
    private struct State {
        var details: [RunDetail]
        var workers: [WorkerView]
        var listeners: [Int: (id: String?, continuation: AsyncStream<RunUpdate>.Continuation)] = [:]
        var nextListener = 0
        var stops: [Stop] = []
        var starts: [Start] = []
        var redriven: [String] = []
        var refusal: EngineError?
    }

    struct Stop: Equatable {
        let id: String
        let error: String?
        let cause: String?
    }

    struct Start: Equatable {
        let machine: String
        let name: String?
        let input: String
    }

    private let state: Mutex<State>

    init(_ details: [RunDetail], workers: [WorkerView] = []) {
        state = Mutex(State(details: details, workers: workers))
    }

    /// The executions that were to be redriven.
    var redriven: [String] { state.withLock { $0.redriven } }
    /// What was to be started.
    var starts: [Start] { state.withLock { $0.starts } }
    /// The stop orders that came in.
    var stops: [Stop] { state.withLock { $0.stops } }
    /// Readers of updates that have not gone away.
    var listenerCount: Int { state.withLock { $0.listeners.count } }

    /// What every call answers with from now on; nil ends that.
    func refuse(with error: EngineError?) { state.withLock { $0.refusal = error } }

    /// Changes a recorded execution and tells whoever listens. One that ends closes its listeners' streams.
    func publish(_ update: RunUpdate) {
        let listeners = state.withLock { state in
            if let index = state.details.firstIndex(where: { $0.run.id == update.run.id }) {
                state.details[index].run = update.run
                for changed in update.states {
                    if let place = state.details[index].states.firstIndex(where: { $0.entry == changed.entry }) {
                        state.details[index].states[place] = changed
                    } else {
                        state.details[index].states.append(changed)
                    }
                }
                for report in update.progress {
                    state.details[index].progress.removeAll { $0.entry == report.entry }
                    state.details[index].progress.append(report)
                }
            } else {
                state.details.insert(
                    RunDetail(run: update.run, definition: "{}", states: update.states), at: 0)
            }
            return state.listeners.values.filter { $0.id == nil || $0.id == update.run.id }
        }
        for listener in listeners {
            listener.continuation.yield(update)
            if update.run.status != .running, listener.id != nil { listener.continuation.finish() }
        }
    }

    func listRuns(_ query: RunQuery) async throws(EngineError) -> RunPage {
        let (details, refusal) = state.withLock { ($0.details, $0.refusal) }
        if let refusal { throw refusal }
        var listed = details.map(\.run)[...]
        if let before = query.before {
            guard let mark = listed.firstIndex(where: { $0.listMark == before }) else {
                throw EngineError(code: .invalid, message: "'\(before)' is no mark of a page.")
            }
            listed = listed[(mark + 1)...]
        }
        let runs = listed.filter { run in
            (query.machine == nil || run.machine == query.machine
                || run.executionARN.contains(":\(query.machine ?? ""):"))
                && (query.status == nil || run.status == query.status) && run.mapRunARN == query.mapRun
        }
        let items = Array(runs.prefix(query.limit))
        return RunPage(items: items, next: items.count < runs.count ? items.last?.listMark : nil)
    }

    func run(_ id: String) async throws(EngineError) -> RunDetail {
        let (details, refusal) = state.withLock { ($0.details, $0.refusal) }
        if let refusal { throw refusal }
        guard let detail = details.first(where: { $0.run.id == id || $0.run.executionARN == id }) else {
            throw EngineError(code: .notFound, message: "There is no execution \(id).")
        }
        return detail
    }

    func updates(of id: String?) async -> AsyncStream<RunUpdate> {
        let (stream, continuation) = AsyncStream.makeStream(of: RunUpdate.self, bufferingPolicy: .bufferingNewest(64))
        let number = state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = (id, continuation)
            return state.nextListener
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in _ = state.listeners.removeValue(forKey: number) }
        }
        return stream
    }

    func startExecution(machine: String, name: String?, input: String) async throws(EngineError) -> StartedExecution {
        state.withLock { $0.starts.append(Start(machine: machine, name: name, input: input)) }
        return StartedExecution(executionARN: "arn:aws:states:::execution:\(machine):new", startDateMicroseconds: 0)
    }

    func redriveExecution(_ id: String) async throws(EngineError) {
        let run = try await run(id).run
        guard run.redriveRefusal == nil else {
            throw EngineError(code: .notRedrivable, message: run.redriveRefusal ?? "")
        }
        state.withLock { $0.redriven.append(run.id) }
    }

    func stopExecution(_ id: String, error: String?, cause: String?) async throws(EngineError) {
        let detail = try await run(id)
        var run = detail.run
        guard run.status == .running else { return }
        run.status = .aborted
        run.stopDateMicroseconds = run.startDateMicroseconds + 1_000_000
        run.error = error
        run.cause = cause
        run.current = []
        run.progress = nil
        state.withLock { $0.stops.append(Stop(id: detail.run.id, error: error, cause: cause)) }
        publish(RunUpdate(run: run))
    }

    func workers() async -> [WorkerView] { state.withLock { $0.workers } }
}
