import Synchronization

/// How long calls may wait for an answer when their work can't be given up: a change that is on its way to a database is made
/// or not, whoever still listens.
public final class AnswerDeadline: Sendable {
    /// The time was over before the work was. It goes on, and nobody is told what comes of it.
    public struct Passed: Error, Sendable {}

    private struct State {
        var calls: [any Awaited] = []
        var isWatching = false
    }

    public let limit: Duration
    private let state = Mutex(State())

    public init(_ limit: Duration = .seconds(15)) { self.limit = limit }

    /// Does the work, and waits for it for as long as ``limit`` allows. Throws what the work throws, or ``Passed``, which may
    /// come a second late.
    ///
    /// - Parameter allowance: for how much longer, where the work also waits for something that takes its time.
    public func answer<Value: Sendable>(
        allowing allowance: Duration = .zero, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let call = Call<Value>(deadline: ContinuousClock.now + limit + allowance)
        let task = Task {
            do { call.end(.success(try await work())) } catch { call.end(.failure(error)) }
        }
        watch(call)
        return try await withTaskCancellationHandler {
            try await call.outcome()
        } onCancel: {
            task.cancel()
        }
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
private final class Call<Value: Sendable>: Awaited {
    private enum Phase {
        case open
        case awaited(CheckedContinuation<Value, any Error>)
        case ended(Result<Value, any Error>)
        case over
    }

    let deadline: ContinuousClock.Instant
    private let phase = Mutex(Phase.open)

    init(deadline: ContinuousClock.Instant) { self.deadline = deadline }

    var isOver: Bool {
        phase.withLock {
            switch $0 {
            case .open, .awaited: false
            case .ended, .over: true
            }
        }
    }

    func endOverdue() { end(.failure(AnswerDeadline.Passed())) }

    func end(_ result: Result<Value, any Error>) {
        let listener = phase.withLock { phase -> CheckedContinuation<Value, any Error>? in
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
        listener?.resume(with: result)
    }

    /// For one who waits.
    func outcome() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result = phase.withLock { phase -> Result<Value, any Error>? in
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
            if let result { continuation.resume(with: result) }
        }
    }
}
