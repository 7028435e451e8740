public import Interpreter
public import JSON
import StatesLanguage
public import StepContracts

/// What the engine tells operators about executions, and the few verbs they have. The console and the upload endpoint
/// are written against this; the engine is the only one that conforms. Every call may come from any task.
///
/// An execution is named by its UUID (``RunView/id``) or its ARN wherever an `id` is asked for.
public protocol RunService: Sendable {
    /// Executions, the latest start first. Throws `.invalid` for a status or a page mark that does not exist.
    func listRuns(_ query: RunQuery) async throws(EngineError) -> RunPage
    /// One execution with all its state entries. Throws `.notFound`.
    func run(_ id: String) async throws(EngineError) -> RunDetail
    /// What changes from now on, of one execution or (nil) of all. The buffer is bounded and the newest wins, so a
    /// slow reader misses steps in between and never holds the engine up. The stream ends with the execution, or when
    /// the engine stops; for an unknown execution it is empty.
    func updates(of id: String?) async -> AsyncStream<RunUpdate>
    /// Starts an execution of a machine, named by its name or ARN. A name already taken by an execution of the same
    /// machine with the same input answers with that execution; with another input it throws `.nameTaken`.
    func startExecution(machine: String, name: String?, input: String) async throws(EngineError) -> StartedExecution
    /// Ends a running execution as ABORTED; one that has ended already stays as it is. Throws `.notFound`.
    func stopExecution(_ id: String, error: String?, cause: String?) async throws(EngineError)
    /// Lets an execution that ended without success go on where it had stopped. Throws `.notFound`, `.notRedrivable`.
    func redriveExecution(_ id: String) async throws(EngineError)
    /// The workers heard from since the engine started, by name.
    func workers() async -> [WorkerView]
}

/// Which executions to list; what is nil does not narrow.
public struct RunQuery: Sendable, Hashable {
    public static let maximumLimit = 1000

    /// A state machine's name, or the ARN of a machine, a version or an alias.
    public var machine: String?
    public var status: RunStatus?
    /// Items a page, 1...``maximumLimit``.
    public var limit: Int
    /// ``RunPage/next`` of the page before, or an execution's ``RunView/listMark``: those that were started before.
    public var before: String?
    /// The ARN of a Map Run whose children to list; without one, children of Map Runs are left out.
    public var mapRun: String?
    /// Only those that have been redriven, or have not.
    public var isRedriven: Bool?
    /// Whether to read, for their current states, executions that are not in memory.
    public var tellsStates = false

    /// A limit outside 1...``maximumLimit`` is moved to the nearer end.
    public init(
        machine: String? = nil, status: RunStatus? = nil, limit: Int = 100, before: String? = nil,
        mapRun: String? = nil, isRedriven: Bool? = nil
    ) {
        self.machine = machine
        self.mapRun = mapRun
        self.isRedriven = isRedriven
        self.status = status
        self.limit = min(max(limit, 1), RunQuery.maximumLimit)
        self.before = before
    }
}

public struct RunPage: Sendable, Hashable {
    public var items: [RunView]
    /// Opaque mark for ``RunQuery/before``; nil on the last page.
    public var next: String?

    public init(items: [RunView], next: String? = nil) {
        self.items = items
        self.next = next
    }

    public var json: JSON {
        .members(("items", .array(items.map(\.json))), ("next", next.map(JSON.string)))
    }
}

/// The execution statuses of the AWS wire API.
public enum RunStatus: String, Sendable, Hashable, CaseIterable {
    case running = "RUNNING"
    case succeeded = "SUCCEEDED"
    case failed = "FAILED"
    case timedOut = "TIMED_OUT"
    case aborted = "ABORTED"
    /// A child of a Map Run that did not succeed and is going to be redriven.
    case pendingRedrive = "PENDING_REDRIVE"
}

/// One execution in a line.
public struct RunView: Sendable, Hashable {
    public var executionARN: String
    /// The execution's UUID.
    public var id: String
    /// The state machine's name.
    public var machine: String
    /// The execution's own name, as StartExecution got it.
    public var name: String
    /// `title` of the input, where it is a string.
    public var title: String?
    public var status: RunStatus
    /// Microseconds since 1970, engine time; so are all instants of the views.
    public var startDateMicroseconds: Int64
    public var stopDateMicroseconds: Int64?
    public var error: String?
    public var cause: String?
    /// Names of the states it is in now, outermost first.
    public var current: [String]
    /// The progress of the task that will take longest; nil where nothing is reported.
    public var progress: RunProgress?
    /// The version of the machine it was started with, where it was started by a version's or an alias's ARN.
    public var version: Int?
    /// The alias it was started by.
    public var alias: String?
    /// The Map Run that it is a child of.
    public var mapRunARN: String?
    /// How many items a child of a Map Run works on.
    public var itemCount: Int?
    public var redriveCount = 0
    /// When it was redriven last.
    public var redriveDateMicroseconds: Int64?
    /// Why the engine does not touch it, or does not redrive it: engines ended while they decided on it.
    public var quarantine: String?
    /// Which of its tasks does not come forward though its worker is alive, as a sentence; the first of several.
    public var stuck: String?
    /// Why it can't be redriven; nil where it can be, by itself or, a child, with its Map Run.
    public var redriveRefusal: String?

    public init(
        executionARN: String, id: String, machine: String, name: String, title: String? = nil, status: RunStatus,
        startDateMicroseconds: Int64, stopDateMicroseconds: Int64? = nil, error: String? = nil, cause: String? = nil,
        current: [String] = [], progress: RunProgress? = nil, version: Int? = nil, alias: String? = nil,
        mapRunARN: String? = nil
    ) {
        self.mapRunARN = mapRunARN
        self.executionARN = executionARN
        self.id = id
        self.machine = machine
        self.name = name
        self.title = title
        self.status = status
        self.startDateMicroseconds = startDateMicroseconds
        self.stopDateMicroseconds = stopDateMicroseconds
        self.error = error
        self.cause = cause
        self.current = current
        self.progress = progress
        self.version = version
        self.alias = alias
    }

    /// For ``RunQuery/before``: what is listed behind it.
    public var listMark: String { "\(startDateMicroseconds)_\(id)" }

    public var json: JSON {
        .members(
            ("executionArn", .string(executionARN)), ("id", .string(id)), ("machine", .string(machine)),
            ("name", .string(name)), ("title", title.map(JSON.string)), ("status", .string(status.rawValue)),
            ("startDate", .instant(microseconds: startDateMicroseconds)),
            ("stopDate", stopDateMicroseconds.map(JSON.instant(microseconds:))), ("error", error.map(JSON.string)),
            ("cause", cause.map(JSON.string)), ("current", .array(current.map(JSON.string))),
            ("progress", progress?.json), ("version", version.map { .integer($0) }), ("alias", alias.map(JSON.string)),
            ("mapRunArn", mapRunARN.map(JSON.string)), ("redriveCount", .integer(redriveCount)),
            ("redriveDate", redriveDateMicroseconds.map(JSON.instant(microseconds:))),
            ("quarantine", quarantine.map(JSON.string)), ("stuck", stuck.map(JSON.string)),
            ("redrivable", .bool(redriveRefusal == nil && mapRunARN == nil)))
    }
}

/// Progress of an execution as its list line shows it.
public struct RunProgress: Sendable, Hashable {
    /// 0...1; nil while the end is unknown.
    public var share: Double?
    /// Media time reached and its end, in seconds.
    public var mediaSeconds: Double
    public var totalSeconds: Double?
    /// Media seconds a wall-clock second.
    public var speed: Double?
    public var stage: String
    /// Wall-clock seconds until the end of media time, as if the rest went like what is done.
    public var etaSeconds: Double?
    /// See ``StepProgress/stillSeconds``.
    public var stillSeconds: Double?

    public init(
        share: Double?, mediaSeconds: Double, totalSeconds: Double? = nil, speed: Double? = nil, stage: String,
        etaSeconds: Double? = nil, stillSeconds: Double? = nil
    ) {
        self.etaSeconds = etaSeconds
        self.stillSeconds = stillSeconds
        self.share = share
        self.mediaSeconds = mediaSeconds
        self.totalSeconds = totalSeconds
        self.speed = speed
        self.stage = stage
    }

    /// The line of a step's report: its share is that of media time, or of its parts on average where it knows no end.
    public init(_ report: StepProgress) {
        let share: Double? =
            if let total = report.totalSeconds, total > 0 {
                report.mediaSeconds / total
            } else if !report.parts.isEmpty {
                report.parts.reduce(0) { $0 + $1.share } / Double(report.parts.count)
            } else {
                nil
            }
        self.init(
            share: share.map { min(max($0, 0), 1) }, mediaSeconds: report.mediaSeconds,
            totalSeconds: report.totalSeconds, speed: report.speed, stage: report.stage,
            etaSeconds: report.remainingSeconds, stillSeconds: report.stillSeconds)
    }

    public var json: JSON {
        .members(
            ("share", share.map(JSON.double)), ("mediaSeconds", .double(mediaSeconds)),
            ("totalSeconds", totalSeconds.map(JSON.double)), ("speed", speed.map(JSON.double)),
            ("stage", .string(stage)), ("etaSeconds", etaSeconds.map { .double(($0 * 10).rounded() / 10) }),
            ("stillSeconds", stillSeconds.map(JSON.double)))
    }
}

/// One execution in full.
public struct RunDetail: Sendable, Hashable {
    public var run: RunView
    public var input: JSON?
    public var output: JSON?
    /// The definition the execution runs by, as Amazon States Language in JSON.
    public var definition: String
    /// All state entries, in the order of entering; of very many the latest.
    public var states: [StateEntryView]
    /// How many earlier ones are left out: the history has them.
    public var statesOmitted = 0
    /// The last report of each task that runs.
    public var progress: [EntryProgress]
    /// What started it by itself; nil where somebody asked for it.
    public var origin: ExecutionOrigin?
    /// The trace that its tasks belong to: 32 hexadecimal digits.
    public var traceID: String?
    /// What its attempts took, as far as their workers told.
    public var usage = RunUsage()

    public init(
        run: RunView, input: JSON? = nil, output: JSON? = nil, definition: String, states: [StateEntryView],
        progress: [EntryProgress] = [], origin: ExecutionOrigin? = nil
    ) {
        self.origin = origin
        self.run = run
        self.input = input
        self.output = output
        self.definition = definition
        self.states = states
        self.progress = progress
    }

    /// The run's members, and `input`, `output`, `definition`, `states`; `progress` of the run stays in its place and
    /// that of the entries is the list `entries`.
    public var json: JSON {
        var object = run.json
        object["input"] = input
        object["output"] = output
        object["definition"] = .string(definition)
        object["states"] = .array(states.map(\.json))
        if statesOmitted > 0 { object["statesOmitted"] = .integer(statesOmitted) }
        object["entries"] = .array(progress.map(\.json))
        if !usage.states.isEmpty { object["usage"] = usage.json }
        if let traceID { object["traceId"] = .string(traceID) }
        if let origin {
            object["origin"] = .members(
                ("kind", .string(origin.kind.rawValue)), ("name", .string(origin.name)),
                ("cause", origin.cause.map(JSON.string)), ("time", origin.time.map(JSON.instant(microseconds:))),
                ("execution", origin.execution.map(JSON.string)))
        }
        return object
    }
}

/// One entering of one state. A state in a loop, or in several Map iterations, has one for each.
public struct StateEntryView: Sendable, Hashable {
    public enum Status: String, Sendable, Hashable, CaseIterable {
        /// At work, or for Parallel and Map: its branches are.
        case running
        /// For a worker to take its task, or for the time of a Wait state.
        case waiting
        /// For the next attempt, at ``StateEntryView/nextAttemptAtMicroseconds``.
        case retrying
        case succeeded
        case failed
        /// Failed, and a Catch of the state took over.
        case caught
        case aborted
    }

    /// Unique within the execution, rising in the order of entering.
    public var entry: Int
    /// The state's name in the definition, and its Type.
    public var name: String
    public var type: String
    /// The Parallel branches and Map iterations around it, outermost first: `Encode[0]`, `Encode[0]/Chunks[12]`; empty
    /// at the top. The number is the branch's or the item's index.
    public var path: String
    public var status: Status
    /// Attempts begun; 0 while none was.
    public var attempts: Int
    /// The worker of the last attempt.
    public var worker: String?
    public var enteredAtMicroseconds: Int64
    public var exitedAtMicroseconds: Int64?
    public var input: JSON?
    public var output: JSON?
    public var error: String?
    public var cause: String?
    /// The Resource of a Task.
    public var resource: String?
    public var nextAttemptAtMicroseconds: Int64?
    /// What answers the task: SendTaskSuccess and SendTaskFailure end it. Of a `.waitForTaskToken` task, while it waits.
    public var taskToken: String?

    public init(
        entry: Int, name: String, type: String, path: String = "", status: Status, attempts: Int = 0,
        worker: String? = nil, enteredAtMicroseconds: Int64, exitedAtMicroseconds: Int64? = nil, input: JSON? = nil,
        output: JSON? = nil, error: String? = nil, cause: String? = nil, resource: String? = nil,
        nextAttemptAtMicroseconds: Int64? = nil, taskToken: String? = nil
    ) {
        self.entry = entry
        self.name = name
        self.type = type
        self.path = path
        self.status = status
        self.attempts = attempts
        self.worker = worker
        self.enteredAtMicroseconds = enteredAtMicroseconds
        self.exitedAtMicroseconds = exitedAtMicroseconds
        self.input = input
        self.output = output
        self.error = error
        self.cause = cause
        self.resource = resource
        self.nextAttemptAtMicroseconds = nextAttemptAtMicroseconds
        self.taskToken = taskToken
    }

    public var json: JSON {
        .members(
            ("entry", .integer(entry)), ("name", .string(name)), ("type", .string(type)), ("path", .string(path)),
            ("status", .string(status.rawValue)), ("attempts", .integer(attempts)), ("worker", worker.map(JSON.string)),
            ("enteredAt", .instant(microseconds: enteredAtMicroseconds)),
            ("exitedAt", exitedAtMicroseconds.map(JSON.instant(microseconds:))), ("input", input), ("output", output),
            ("error", error.map(JSON.string)), ("cause", cause.map(JSON.string)),
            ("resource", resource.map(JSON.string)),
            ("nextAttemptAt", nextAttemptAtMicroseconds.map(JSON.instant(microseconds:))),
            ("taskToken", taskToken.map(JSON.string)))
    }
}

/// What the task of a state entry last reported.
public struct EntryProgress: Sendable, Hashable {
    public var entry: Int
    /// The state's name.
    public var state: String
    public var progress: StepProgress

    public init(entry: Int, state: String, progress: StepProgress) {
        self.entry = entry
        self.state = state
        self.progress = progress
    }

    public var json: JSON {
        ["entry": .integer(entry), "state": .string(state), "progress": progress.json]
    }
}

/// A change of one execution: how it stands now, the state entries that changed, and new reports of its tasks.
public struct RunUpdate: Sendable, Hashable {
    public var run: RunView
    public var states: [StateEntryView]
    public var progress: [EntryProgress]

    public init(run: RunView, states: [StateEntryView] = [], progress: [EntryProgress] = []) {
        self.run = run
        self.states = states
        self.progress = progress
    }

    public var json: JSON {
        [
            "run": run.json, "states": .array(states.map(\.json)), "progress": .array(progress.map(\.json)),
        ]
    }
}

/// StartExecution's answer.
public struct StartedExecution: Sendable, Hashable {
    public var executionARN: String
    public var startDateMicroseconds: Int64

    public init(executionARN: String, startDateMicroseconds: Int64) {
        self.executionARN = executionARN
        self.startDateMicroseconds = startDateMicroseconds
    }

    public var json: JSON {
        [
            "executionArn": .string(executionARN),
            "startDate": .instant(microseconds: startDateMicroseconds),
        ]
    }
}

extension JSON {
    /// An instant as RFC 3339 text in UTC with milliseconds, from microseconds since 1970, not before.
    static func instant(microseconds: Int64) -> JSON { .string(Timestamp.text(microseconds: max(microseconds, 0))) }
}
