import Synchronization

/// Carries a response's content from the transfer thread to one reader, and holds the sender back when the reader
/// lags: at most `capacity` bytes and one network read wait here.
final class BodyChannel: Sendable {
    enum Offer {
        case accepted
        /// Nothing was taken; the transfer rests until the reader has caught up.
        case paused
    }

    private struct State {
        var bytes: [UInt8] = []
        var isPaused = false
        var end: Result<Void, HTTPError>?
        var reader: CheckedContinuation<Void, Never>?
    }

    private static let capacity = 256 << 10
    private let state = Mutex(State())

    /// Transfer thread only.
    func offer(_ bytes: UnsafeRawBufferPointer) -> Offer {
        let (offer, reader) = state.withLock { state -> (Offer, CheckedContinuation<Void, Never>?) in
            guard state.bytes.count < Self.capacity else {
                state.isPaused = true
                return (.paused, nil)
            }
            state.bytes.append(contentsOf: bytes)
            return (.accepted, state.reader.take())
        }
        reader?.resume()
        return offer
    }

    /// Transfer thread only; the first end counts.
    func end(_ result: Result<Void, HTTPError>) {
        let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.end == nil { state.end = result }
            return state.reader.take()
        }
        reader?.resume()
    }

    /// What has arrived, or nil at the end. `resume` is called when the transfer rests and should go on.
    func next(resume: () -> Void) async throws(HTTPError) -> [UInt8]? {
        while true {
            let (bytes, wasPaused, end) = state.withLock { state -> ([UInt8], Bool, Result<Void, HTTPError>?) in
                let wasPaused = state.isPaused
                state.isPaused = false
                let bytes = state.bytes
                state.bytes = []
                return (bytes, wasPaused, state.end)
            }
            if wasPaused { resume() }
            if !bytes.isEmpty { return bytes }
            if let end {
                try end.get()
                return nil
            }
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Bool in
                    precondition(state.reader == nil, "An HTTP body has one reader.")
                    if !state.bytes.isEmpty || state.end != nil { return true }
                    state.reader = continuation
                    return false
                }
                if ready { continuation.resume() }
            }
        }
    }
}

/// The content of an ``HTTPStream``, in pieces as they arrive (at most some hundred KiB each). The sender is held
/// back while the reader is busy. One reader, once. Cancelling the reader's task ends the transfer with
/// ``HTTPError/Code/cancelled``, and so does letting go of the body.
public struct HTTPBody: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = HTTPError

    private let source: Source

    init(channel: BodyChannel, transfer: Transfer, loop: TransferLoop) {
        source = Source(channel: channel, transfer: transfer, loop: loop)
    }

    public func makeAsyncIterator() -> Iterator { Iterator(source: source) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        fileprivate let source: Source

        public func next() async throws(HTTPError) -> [UInt8]? {
            let source = self.source
            let result = await withTaskCancellationHandler { () async -> Result<[UInt8]?, HTTPError> in
                do throws(HTTPError) {
                    return .success(try await source.channel.next(resume: { source.loop.resume(source.transfer) }))
                } catch {
                    return .failure(error)
                }
            } onCancel: {
                source.loop.cancel(source.transfer)
            }
            return try result.get()
        }
    }

    /// Ends the transfer when the last reader is gone.
    fileprivate final class Source: Sendable {
        let channel: BodyChannel
        let transfer: Transfer
        let loop: TransferLoop

        init(channel: BodyChannel, transfer: Transfer, loop: TransferLoop) {
            self.channel = channel
            self.transfer = transfer
            self.loop = loop
        }

        deinit { loop.cancel(transfer) }
    }
}
