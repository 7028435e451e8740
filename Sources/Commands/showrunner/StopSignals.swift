import UnixSignals

/// SIGTERM and SIGINT as something to wait for, from its making on.
actor StopSignals {
    private(set) var isStopped = false
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var waitCount = 0

    init() async {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        Task { [weak self] in
            for await _ in signals { await self?.stop() }
        }
    }

    private func stop() {
        isStopped = true
        for waiter in waiters.values { waiter.resume() }
        waiters = [:]
    }

    /// Returns when a signal has come, or when the caller's task is cancelled.
    func wait() async {
        waitCount += 1
        let number = waitCount
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if isStopped || Task.isCancelled {
                    continuation.resume()
                } else {
                    waiters[number] = continuation
                }
            }
        } onCancel: {
            Task { await self.release(number) }
        }
    }

    private func release(_ number: Int) { waiters.removeValue(forKey: number)?.resume() }
}
