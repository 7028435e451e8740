public import HTTP
import Synchronization

/// The engine that is active, as one that stands by knows it.
public struct ActiveEngine: Sendable, Hashable {
    public let incarnation: String
    /// Scheme and authority at which it is reached; nil where it does not say.
    public let address: String?

    public init(incarnation: String, address: String?) {
        self.incarnation = incarnation
        self.address = address
    }
}

/// What an engine that stands by does with calls: it hands them on to the active one, and keeps those that come while
/// there is none until there is one again, itself or another.
///
/// A call is made once: where it is not known whether the active engine has made it, its caller is told so. Only calls that
/// change nothing are handed on again.
public final class Forwarder: Sendable {
    public struct Limits: Sendable {
        /// How long a call is kept while nobody is active. Longer than a lease that runs out and a start after it.
        public var patience = Duration.seconds(20)
        /// How long calls under way may still take once their engine is active no more. One that stops answers what it has;
        /// one that is frozen never will.
        public var farewell = Duration.seconds(3)
        /// Contents of calls that are kept in memory, all together, in bytes.
        public var heldBytes = 64 << 20

        public init() {}
    }

    enum Role: Sendable, Hashable {
        /// Nobody knows yet who is active: the engine's own refusals say so.
        case starting
        case standingBy(ActiveEngine)
        /// The lease is taken, and not everything is loaded.
        case takingOver
        case active
        case stopping

        /// Whose calls go on.
        fileprivate var incarnation: String? {
            if case .standingBy(let active) = self { active.incarnation } else { nil }
        }
    }

    private struct Call {
        let incarnation: String
        let cancel: @Sendable () -> Void
    }

    private struct State {
        var role = Role.starting
        var calls: [UInt64: Call] = [:]
        var lastCall: UInt64 = 0
        var heldBytes = 0
    }

    let limits: Limits
    private let client: HTTPClient
    private let state = Mutex(State())

    /// - Parameter client: with as many connections as calls may be handed on at a time.
    public init(client: HTTPClient, limits: Limits = Limits()) {
        self.client = client
        self.limits = limits
    }

    var role: Role { state.withLock { $0.role } }

    /// Another engine is active.
    public func standBy(behind active: ActiveEngine) { change(to: .standingBy(active)) }

    /// This engine has the lease now, and will serve soon.
    public func takeOver() { change(to: .takingOver) }

    /// This engine is active and serves.
    public func serve() { change(to: .active) }

    /// This engine stops, or has lost the lease: what comes now is for its successor.
    public func stop() { change(to: .stopping) }

    private func change(to role: Role) {
        let abandoned = state.withLock { state -> [UInt64] in
            guard state.role != role else { return [] }
            state.role = role
            return state.calls.filter { $0.value.incarnation != role.incarnation }.map(\.key)
        }
        if !abandoned.isEmpty { cut(abandoned) }
    }

    /// Ends calls after ``Limits/farewell``.
    private func cut(_ calls: [UInt64]) {
        Task { [self] in
            do { try await Task.sleep(for: limits.farewell) } catch { return }
            let cancels = state.withLock { state in calls.compactMap { state.calls[$0]?.cancel } }
            for cancel in cancels { cancel() }
        }
    }

    /// Does something that waits for the active engine: it fails with ``HTTPError/Code/cancelled`` where that engine is
    /// active no more and does not answer either.
    func asking<Value: Sendable>(
        _ active: ActiveEngine, _ body: @escaping @Sendable () async throws(HTTPError) -> Value
    ) async throws(HTTPError) -> Value {
        let task = Task { () async -> Result<Value, HTTPError> in
            do throws(HTTPError) { return .success(try await body()) } catch { return .failure(error) }
        }
        let (id, isLate) = state.withLock { state -> (UInt64, Bool) in
            state.lastCall += 1
            state.calls[state.lastCall] = Call(incarnation: active.incarnation, cancel: { task.cancel() })
            return (state.lastCall, state.role.incarnation != active.incarnation)
        }
        if isLate { cut([id]) }
        defer { state.withLock { $0.calls[id] = nil } }
        return try await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }.get()
    }

    /// The next piece of an answer.
    func next(_ iterator: HTTPBody.Iterator, of active: ActiveEngine) async throws(HTTPError) -> [UInt8]? {
        try await asking(active) { () async throws(HTTPError) in try await iterator.next() }
    }

    /// Takes room for a call's content; false where there is none.
    func hold(_ bytes: Int) -> Bool {
        state.withLock { state in
            guard state.heldBytes + bytes <= limits.heldBytes else { return false }
            state.heldBytes += bytes
            return true
        }
    }

    func release(_ bytes: Int) { state.withLock { $0.heldBytes -= bytes } }

    /// Makes a call of the active engine.
    func hand(_ call: HandedOnCall, to active: ActiveEngine) async -> HandedOnCall.Outcome {
        guard let address = active.address else { preconditionFailure("a call is handed on to an address") }
        let client = client
        do throws(HTTPError) {
            return try await asking(active) { () async throws(HTTPError) in
                try await call.outcome(of: try await client.stream(call.request(to: address)))
            }
        } catch {
            return call.outcome(of: error)
        }
    }
}
