/// The boot clock of one process of the simulation: it stands still while the process is frozen only in so far as nobody
/// there is woken.
struct VirtualClock: Clock {
    struct Instant: InstantProtocol {
        var microseconds: Int64

        func advanced(by duration: Duration) -> Instant {
            Instant(microseconds: microseconds + duration.wholeMicroseconds)
        }

        func duration(to other: Instant) -> Duration { .microseconds(other.microseconds - microseconds) }

        static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
    }

    let host: Host

    var now: Instant { Instant(microseconds: Scheduler.shared.now) }
    var minimumResolution: Duration { .microseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                sleeper.fallAsleep(continuation)
                Scheduler.shared.after(deadline.microseconds - now.microseconds) { [host] in
                    host.deliver { sleeper.wake(nil) }
                }
            }
        } onCancel: {
            sleeper.wake(CancellationError())
        }
    }
}

extension Duration {
    /// Rounded up, so that nobody wakes before the time.
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + (attoseconds + 999_999_999_999) / 1_000_000_000_000
    }
}

/// One that sleeps, and is woken once: by the time or by cancellation. Unchecked: all happens on the scheduler's thread.
private final class Sleeper: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var isCancelled = false

    func fallAsleep(_ continuation: UnsafeContinuation<Void, any Error>) {
        if isCancelled {
            continuation.resume(throwing: CancellationError())
        } else {
            self.continuation = continuation
        }
    }

    func wake(_ error: (any Error)?) {
        isCancelled = isCancelled || error != nil
        guard let continuation else { return }
        self.continuation = nil
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
    }
}
