public import JSON
public import OrderedCollections

/// A fact of an execution: what the journal holds. Applying effects moves data and evaluates nothing.
///
/// The JSON form is part of the journal's format, version ``Effect/formatVersion``: every release reads all earlier
/// ones, so a case is never changed, only added.
public enum Effect: Sendable, Hashable {
    /// Apart from the others, which are smaller by far and come much more often.
    indirect case executionStarted(ExecutionStart)
    case stateEntered(scope: ScopeID, entry: EntryID, state: String, input: Payload)
    case stateExited(scope: ScopeID, output: Payload)
    case waitStarted(scope: ScopeID, until: Instant)
    case taskScheduled(
        scope: ScopeID, resource: String, parameters: Payload, timeoutSeconds: Int?, heartbeatSeconds: Int?)
    case taskStarted(scope: ScopeID, worker: String, incarnation: String, nonce: String)
    case taskSucceeded(scope: ScopeID, output: JSON)
    case taskFailed(scope: ScopeID, error: String, cause: String)
    case taskTimedOut(scope: ScopeID, error: String, cause: String)
    case retryScheduled(scope: ScopeID, retrier: Int, until: Instant)
    case retryStarted(scope: ScopeID)
    case parallelStarted(scope: ScopeID, branches: Int, input: Payload)
    case mapStarted(scope: ScopeID, items: JSON, maxConcurrency: Int, toleratedFailures: Int)
    case iterationStarted(scope: ScopeID, index: Int, input: Payload)
    case childSucceeded(scope: ScopeID, index: Int)
    case childFailed(scope: ScopeID, index: Int, error: String?, cause: String?)
    /// The children still running are given up: a sibling failed.
    case childrenAborted(scope: ScopeID)
    /// A Catch took the state's failure; the output is what flows to its Next.
    case errorCaught(scope: ScopeID, error: String, cause: String, output: Payload)
    case executionSucceeded(output: Payload)
    case executionFailed(error: String?, cause: String?)
    case executionTimedOut(error: String?, cause: String?)
    case executionAborted(error: String?, cause: String?)
    /// Assign was evaluated; the exit of the state, or its catcher's, follows.
    case variablesAssigned(scope: ScopeID, variables: OrderedDictionary<String, Payload>)
    /// An expression of a JSONata state has no value; what follows from that comes next.
    case evaluationFailed(scope: ScopeID, error: String, cause: String, location: String?)
    /// Credentials of the attempt that is scheduled next.
    case credentialsTaken(scope: ScopeID, credentials: JSON)
    /// The nonce of the token that stands in the parameters of the attempt that is scheduled next.
    case taskTokenIssued(scope: ScopeID, nonce: String)
    /// The other side of a `.sync` or `.waitForTaskToken` task has taken it.
    case taskSubmitted(scope: ScopeID, output: JSON)
    /// An attempt failed before it ran.
    case attemptFailed(scope: ScopeID, stage: AttemptStage, error: String, cause: String)
    /// A Parallel or Map state fails for what happened to its children, or for its expressions, and is not retried.
    case branchingFailed(scope: ScopeID)
    /// As ``mapStarted(scope:items:maxConcurrency:toleratedFailures:)``, with items that need not be written again.
    case mapStateStarted(scope: ScopeID, items: Payload, maxConcurrency: Int, toleratedFailures: Int)
    case mapRunStarted(scope: ScopeID, arn: String, toleratedCount: Int?, toleratedPercentage: Double?)
    case itemReadRequested(scope: ScopeID, parameters: JSON, maxItems: Int?)
    case itemsRead(scope: ScopeID, items: JSON)
    /// A child execution is to run: the next of its number, with so many of the items that have no child yet.
    case childExecutionStarted(scope: ScopeID, index: Int, itemCount: Int, input: Payload)
    /// More child executions can be started than go into one row; the rest are started from the next one on.
    case mapRunPaused(scope: ScopeID)
    case childExecutionEnded(scope: ScopeID, index: Int, outcome: Outcome)
    case resultWriteRequested(scope: ScopeID, parameters: JSON)
    case resultsWritten(scope: ScopeID, output: JSON)
    case mapRunSucceeded(scope: ScopeID)
    case mapRunFailed(scope: ScopeID, error: String, cause: String)
    /// The ended execution is open again, with what it had done; what is to be done anew comes next.
    case executionRedriven(count: Int, token: String?)
    /// The state that a scope had not left is evaluated anew.
    case stateRedriven(scope: ScopeID)
    /// A Parallel or Map state goes on with the children that had not succeeded.
    case branchesRedriven(scope: ScopeID)
    /// A branch or an iteration that had not succeeded is there again, as it was.
    case childRedriven(scope: ScopeID, index: Int)
    case mapRunRedriven(scope: ScopeID)
    case childExecutionRedriven(scope: ScopeID, index: Int)
    case mapRunUpdated(scope: ScopeID, maxConcurrency: Int?, toleratedCount: Int?, toleratedPercentage: Double?)
    /// The worker that held the attempt is gone; how the attempt failed comes next.
    case workerLost(scope: ScopeID, worker: String)
    /// The workers lost with the task count no more.
    case taskReleased(scope: ScopeID)
    /// What the attempt took that ends next. Operators see it; what the execution does never follows from it.
    case attemptMeasured(scope: ScopeID, usage: AttemptUsage)

    public static let formatVersion = 1
}

/// How far an attempt that fails before it ran has come.
public enum AttemptStage: String, Sendable, Hashable, CaseIterable {
    /// Nobody can take it: the activity does not exist.
    case schedule
    /// It could not be begun.
    case start
    /// The other side of a `.sync` or `.waitForTaskToken` task did not take it.
    case submit
}

/// Why a journal row can't be read: a fault of the journal or a format of a later release.
public struct JournalFormatError: Error, Sendable, Hashable, CustomStringConvertible {
    public let reason: String

    public var description: String { "the journal row can't be read: \(reason)" }
}

extension Effect {
    /// The scope that the effect happens in; nil for those of the whole execution.
    public var scope: ScopeID? {
        switch self {
        case .executionStarted, .executionSucceeded, .executionFailed, .executionTimedOut, .executionAborted,
            .executionRedriven:
            nil
        case .stateEntered(let scope, _, _, _), .stateExited(let scope, _), .waitStarted(let scope, _),
            .taskScheduled(let scope, _, _, _, _), .taskStarted(let scope, _, _, _), .taskSucceeded(let scope, _),
            .taskFailed(let scope, _, _), .taskTimedOut(let scope, _, _), .retryScheduled(let scope, _, _),
            .retryStarted(let scope), .parallelStarted(let scope, _, _), .mapStarted(let scope, _, _, _),
            .iterationStarted(let scope, _, _), .childSucceeded(let scope, _), .childFailed(let scope, _, _, _),
            .childrenAborted(let scope), .errorCaught(let scope, _, _, _), .variablesAssigned(let scope, _),
            .evaluationFailed(let scope, _, _, _), .credentialsTaken(let scope, _), .taskTokenIssued(let scope, _),
            .taskSubmitted(let scope, _), .attemptFailed(let scope, _, _, _), .branchingFailed(let scope),
            .mapStateStarted(let scope, _, _, _), .mapRunStarted(let scope, _, _, _),
            .itemReadRequested(let scope, _, _), .itemsRead(let scope, _), .childExecutionStarted(let scope, _, _, _),
            .mapRunPaused(let scope),
            .childExecutionEnded(let scope, _, _), .resultWriteRequested(let scope, _), .resultsWritten(let scope, _),
            .mapRunSucceeded(let scope), .mapRunFailed(let scope, _, _), .stateRedriven(let scope),
            .branchesRedriven(let scope), .childRedriven(let scope, _), .mapRunRedriven(let scope),
            .childExecutionRedriven(let scope, _), .mapRunUpdated(let scope, _, _, _),
            .workerLost(let scope, _), .taskReleased(let scope), .attemptMeasured(let scope, _):
            scope
        }
    }

    /// The text of a journal row's effects column.
    public static func encode(_ effects: [Effect]) -> String {
        let document: JSON = ["v": .integer(formatVersion), "effects": .array(effects.map(\.json))]
        var bytes: [UInt8] = []
        // What a row has, about, so that it need not grow step by step.
        bytes.reserveCapacity(1024)
        document.write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads what ``encode(_:)`` of this or an earlier release wrote.
    public static func decode(_ text: String) throws(JournalFormatError) -> [Effect] {
        let document: JSON
        do { document = try JSON(parsing: text) } catch { throw JournalFormatError(reason: error.description) }
        guard let version = document["v"]?.integerValue, let effects = document["effects"]?.arrayValue else {
            throw JournalFormatError(reason: "no version or no effects")
        }
        guard version <= formatVersion else {
            throw JournalFormatError(
                reason: "format \(version) was written by a later release; this one reads \(formatVersion)")
        }
        var decoded: [Effect] = []
        decoded.reserveCapacity(effects.count)
        for effect in effects { decoded.append(try Effect(json: effect)) }
        return decoded
    }
}
