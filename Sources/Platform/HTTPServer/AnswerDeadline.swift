import Synchronization

/// How long calls may wait for an answer when their work can't be given up: a change that is on its way to a database is made
/// or not, whoever still listens.
public final class AnswerDeadline: Sendable {
    private struct State {
        var calls: [any Awaited] = []
        var isWatching = false
    }

    public let limit: Duration
    private let state = Mutex(State())

    public init(_ limit: Duration = .seconds(15)) { self.limit = limit }

    /// Does the work, and waits for it for as long as ``limit`` allows. Throws what the work throws.
    ///
    /// - Parameters:
    ///   - allowance: for how much longer, where the work also waits for something that takes its time.
    ///   - late: is thrown when the time is over before the work is, which may be noticed a second late. The work goes on, and
    ///     nobody is told what comes of it.
    public func answer<Value: Sendable, Failure: Error>(
        allowing allowance: Duration = .zero, late: Failure,
        _ work: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let call = Call<Value, Failure>(deadline: ContinuousClock.now + limit + allowance, late: late)
        let task = Task {
            do throws(Failure) { call.end(.success(try await work())) } catch { call.end(.failure(error)) }
        }
        watch(call)
        let result = await withTaskCancellationHandler {
            await call.outcome()
        } onCancel: {
            task.cancel()
        }
        return try result.get()
    }

    /// One look a second at all calls costs less than a timer for each of them.
    private func watch(_ call: any Awaited) {
        let isFirst = state.withLock { state in
            state.calls.append(call)
            defer { state.isWatching = true }
            return !state.isWatching
        }
        guard isFirst else { return }
        Task {
            repeat {
                // Nobody cancels this task.
                do { try await Task.sleep(for: min(Duration.seconds(1), limit / 4)) } catch { await Task.yield() }
            } while endOverdue()
        }
    }

    /// Ends the calls whose time is over. False when none is left to watch.
    private func endOverdue() -> Bool {
        let now = ContinuousClock.now
        let (overdue, isWatching) = state.withLock { state in
            let overdue = state.calls.filter { !$0.isOver && $0.deadline <= now }
            state.calls.removeAll { $0.isOver || $0.deadline <= now }
            state.isWatching = !state.calls.isEmpty
            return (overdue, state.isWatching)
        }
        for call in overdue { call.endOverdue() }
        return isWatching
    }
}

private protocol Awaited: Sendable {
    var deadline: ContinuousClock.Instant { get }
    var isOver: Bool { get }
    func endOverdue()
}

/// One call: it ends once, with what comes first.
private final class Call<Value: Sendable, Failure: Error>: Awaited {
    private enum Phase {
        case open
        case awaited(CheckedContinuation<Result<Value, Failure>, Never>)
        case ended(Result<Value, Failure>)
        case over
    }

    let deadline: ContinuousClock.Instant
    private let late: Failure
    private let phase = Mutex(Phase.open)

    init(deadline: ContinuousClock.Instant, late: Failure) {
        self.deadline = deadline
        self.late = late
    }

    var isOver: Bool {
        phase.withLock {
            switch $0 {
            case .open, .awaited: false
            case .ended, .over: true
            }
        }
    }

    func endOverdue() { end(.failure(late)) }

    func end(_ result: Result<Value, Failure>) {
        let listener = phase.withLock { phase -> CheckedContinuation<Result<Value, Failure>, Never>? in
            switch phase {
            case .open:
                phase = .ended(result)
                return nil
            case .awaited(let continuation):
                phase = .over
                return continuation
            case .ended, .over: return nil
            }
        }
        listener?.resume(returning: result)
    }

    /// For one who waits.
    func outcome() async -> Result<Value, Failure> {
        await withCheckedContinuation { continuation in
            let result = phase.withLock { phase -> Result<Value, Failure>? in
                switch phase {
                case .open:
                    phase = .awaited(continuation)
                    return nil
                case .ended(let result):
                    phase = .over
                    return result
                case .awaited, .over: preconditionFailure("a call is waited for once")
                }
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
