import Synchronization

/// Content of a request that is sent as it comes. Whoever has it hands pieces over and is held back while the server lags:
/// at most one piece waits here. For one request, once: it can't be sent again.
public final class HTTPUpload: Sendable {
    private struct State {
        var piece: ArraySlice<UInt8> = []
        var end: End?
        /// Nobody reads any more.
        var isClosed = false
        var giver: CheckedContinuation<Bool, Never>?
        /// Tells the transfer, which rests, that there is something.
        var wake: (@Sendable () -> Void)?
    }

    private enum End { case complete, broken }

    /// What the transfer gets.
    enum Portion {
        case bytes(Int)
        /// Nothing yet; the transfer rests until it is woken.
        case later
        case end
        /// The content broke off.
        case broken
    }

    private let state = Mutex(State())

    public init() {}

    /// Hands a piece over, and returns when there is room for the next. False: nobody reads it any more, because the
    /// request is over. One caller, one piece after the other.
    public func send(_ bytes: [UInt8]) async -> Bool {
        if bytes.isEmpty { return true }
        let isTaken = await withCheckedContinuation { continuation in
            let (answer, wake) = state.withLock { state -> (Bool?, (@Sendable () -> Void)?) in
                precondition(state.giver == nil && state.end == nil, "pieces come one after the other, before the end")
                if state.isClosed { return (false, nil) }
                state.piece = bytes[...]
                state.giver = continuation
                return (nil, state.wake)
            }
            if let answer { continuation.resume(returning: answer) }
            wake?()
        }
        return isTaken
    }

    /// There is no more.
    public func finish() { end(.complete) }

    /// The content broke off: the request fails with ``HTTPError/Code/cancelled``.
    public func fail() { end(.broken) }

    private func end(_ end: End) {
        let wake = state.withLock { state in
            if state.end == nil { state.end = end }
            return state.wake
        }
        wake?()
    }

    // MARK: The transfer's side

    func begin(wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    func take(into buffer: UnsafeMutableRawBufferPointer) -> Portion {
        let (portion, giver) = state.withLock { state -> (Portion, CheckedContinuation<Bool, Never>?) in
            let count = min(buffer.count, state.piece.count)
            guard count > 0 else {
                switch state.end {
                case nil: return (.later, nil)
                case .complete: return (.end, nil)
                case .broken: return (.broken, nil)
                }
            }
            buffer.copyBytes(from: state.piece.prefix(count))
            state.piece = state.piece.dropFirst(count)
            return (.bytes(count), state.piece.isEmpty ? state.giver.take() : nil)
        }
        giver?.resume(returning: true)
        return portion
    }

    /// The transfer is over.
    func close() {
        let giver = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            state.isClosed = true
            state.piece = []
            state.wake = nil
            return state.giver.take()
        }
        giver?.resume(returning: false)
    }
}
