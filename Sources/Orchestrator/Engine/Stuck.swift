import Interpreter
import Logging
import StepContracts

/// Tasks whose workers go on sending heartbeats, while the work itself does not come forward.
extension Engine {
    /// For how many seconds a step may stand at one place before it is told of as stuck.
    public static let stuckAfterSeconds = 20.0

    /// The entries of an execution that are stuck, as sentences.
    func stuck(_ run: Run) -> [(entry: EntryID, sentence: String)] {
        run.progress.sorted { $0.key < $1.key }.compactMap { id, progress in
            guard let still = progress.stuckSeconds else { return nil }
            let state = run.execution.entry(id)?.state ?? ""
            let worker = leases[LeaseKey(execution: run.execution.id, entry: id)]?.worker ?? ""
            return (
                id,
                "\(state) has not come forward for \(Int(still)) s: it stands at \(progress.place), and its worker '\(worker)' is alive."
            )
        }
    }

    /// Says in the log where a task gets stuck, and where it goes on, once each.
    func noteStillness(_ before: StepProgress?, _ now: StepProgress, of lease: Lease) {
        guard (before?.stuckSeconds == nil) != (now.stuckSeconds == nil) else { return }
        let metadata: Logger.Metadata = [
            "execution": "\(lease.token.execution)", "entry": "\(lease.token.entry)", "worker": "\(lease.worker)",
            "place": "\(now.place)",
        ]
        if now.stuckSeconds == nil {
            log.notice("a task comes forward again", metadata: metadata)
        } else {
            log.warning("a task does not come forward", metadata: metadata)
        }
    }

    /// Tasks that are stuck at this moment.
    var stuckTasks: Int {
        leases.values.count { runs[$0.token.execution]?.progress[$0.token.entry]?.stuckSeconds != nil }
    }
}

extension StepProgress {
    /// For how long the step has been stuck; nil where it is not.
    var stuckSeconds: Double? { stillSeconds.flatMap { $0 >= Engine.stuckAfterSeconds ? $0 : nil } }

    /// `encode, 760.1 s of 5400.0 s`.
    var place: String {
        func tenths(_ seconds: Double) -> String {
            guard seconds.isFinite, abs(seconds) < 1e9 else { return "?" }
            let rounded = Int((seconds * 10).rounded())
            return "\(rounded / 10).\(abs(rounded % 10)) s"
        }
        guard mediaSeconds > 0 else { return stage }
        return "\(stage), \(tenths(mediaSeconds))" + (totalSeconds.map { " of \(tenths($0))" } ?? "")
    }
}
