/// Open executions that are out of memory for the moment: nobody else takes one up while it is being loaded.
extension Engine {
    /// Loads an open execution that is not in memory, as often as it takes.
    func reloadLater(_ id: String) {
        guard reloading.insert(id).inserted else { return }
        Task { await self.reload(id) }
    }

    /// Loads an open execution that is not in memory at once, or else as often as it takes.
    func reloadNow(_ id: String) async {
        // Whoever looks at it meanwhile must not take it up beside this.
        guard reloading.insert(id).inserted else { return }
        do {
            try await recoverWithRelatives(id)
            endReloading(id)
            ensureForParent(id)
        } catch {
            Task { await self.reload(id) }
        }
    }

    private func endReloading(_ id: String) {
        reloading.remove(id)
        if reloading.isEmpty { removeIdleMachines() }
    }

    private func recoverWithRelatives(_ id: String) async throws {
        try await recover(id)
        if let run = runs[id] { recoverChildren(of: run) }
        repeatStarts()
    }

    /// Loads an execution again that was thrown away.
    private func reload(_ id: String) async {
        let isDone = await recoverInTime(id)
        endReloading(id)
        if isDone { ensureForParent(id) }
    }

    /// - Returns: false where this engine has come to its end meanwhile.
    private func recoverInTime(_ id: String) async -> Bool {
        // What is refused once may be refused again: not in a tight circle. Where the lease is lost, the process ends
        // meanwhile.
        while !isStopping, runs[id] == nil {
            if await journal.leaseIsLost {
                // Its new owner has it; what it runs here a second time would be nobody's.
                noteLeaseLost()
                return false
            }
            do {
                try await bootClock.sleep(for: .seconds(2))
                try await recoverWithRelatives(id)
                return true
            } catch is CancellationError {
                return false
            } catch {
                log.warning("an execution is not loaded yet", metadata: ["execution": "\(id)", "error": "\(error)"])
            }
        }
        return !isStopping
    }
}
