public import JSON

/// What an execution is told.
public enum Event: Sendable, Hashable {
    /// The first event: enter the start state.
    case start
    /// Go on after a decision that yielded.
    case proceed
    case handOut(entry: EntryID, worker: String, incarnation: String, nonce: String)
    /// The other side of a `.sync` or `.waitForTaskToken` task has taken it; the output is what it said.
    case taskSubmitted(entry: EntryID, nonce: String, output: JSON)
    case taskSucceeded(entry: EntryID, nonce: String, output: JSON, usage: AttemptUsage? = nil)
    /// An empty error or cause means that none was given.
    case taskFailed(entry: EntryID, nonce: String, error: String, cause: String, usage: AttemptUsage? = nil)
    /// An attempt failed before it ran. Without a nonce it has not been handed out yet.
    case attemptFailed(entry: EntryID, nonce: String?, stage: AttemptStage, error: String, cause: String)
    /// No heartbeat within the task's period.
    case heartbeatMissed(entry: EntryID, nonce: String)
    /// The worker that held the attempt is gone. Without an error it was not heard of within the heartbeat period.
    case workerLost(entry: EntryID, nonce: String, error: String?, cause: String)
    /// Somebody vouches for a task in spite of the workers that were lost with it.
    case taskReleased(entry: EntryID)
    /// The items that a distributed Map state asked for, an array; anything else fails the Map Run.
    case itemsRead(entry: EntryID, items: JSON)
    case itemReadFailed(entry: EntryID, error: String, cause: String)
    /// The results are where the ResultWriter wants them; the output is what the state's result says of them.
    case resultsWritten(entry: EntryID, output: JSON)
    case resultWriteFailed(entry: EntryID, error: String, cause: String)
    /// `redrives`: how often the child had been redriven when it ended so; what an earlier try gave is stale.
    case childExecutionEnded(entry: EntryID, index: Int, outcome: Outcome, redrives: Int = 0)
    /// UpdateMapRun: what is nil stays.
    case mapRunUpdated(
        entry: EntryID, maxConcurrency: Int?, toleratedCount: Int?, toleratedPercentage: Double?)
    /// A timer has run out: of an entry, or of the whole execution (nil).
    case timer(entry: EntryID?)
    case stop(error: String?, cause: String?)
    /// Go on where the execution has failed, timed out or was stopped. `count` is that of this redrive, above all earlier
    /// ones; `token` what tells it from others.
    case redrive(count: Int, token: String?)
}
