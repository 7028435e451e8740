import UnixSignals

/// SIGTERM and SIGINT as something to wait for, from its making on.
actor StopSignals {
    private(set) var isStopped = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init() async {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        Task { [weak self] in
            for await _ in signals { await self?.stop() }
        }
    }

    private func stop() {
        isStopped = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    func wait() async {
        if isStopped { return }
        await withCheckedContinuation { waiters.append($0) }
    }
}
