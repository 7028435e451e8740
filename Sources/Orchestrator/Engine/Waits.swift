import Dispatching
import Encodings
import Interpreter
public import JSON
import StatesLanguage
import StepContracts

/// Why a state entry does not move, as a sentence and for programs.
public struct WaitView: Sendable, Hashable {
    /// The kinds of reasons; the wire's words.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// Nobody hands the task out before a person says so.
        case parked = "PARKED"
        /// The engine does not touch the whole execution before a person says so.
        case quarantined = "QUARANTINED"
        /// No worker that does the step has been heard of.
        case noWorker = "NO_WORKER"
        /// No worker that does the step has the labels.
        case labels = "LABELS"
        /// No worker that does the step is large enough.
        case tooLarge = "TOO_LARGE"
        /// The workers that could take it are draining or quarantined.
        case workersSetAside = "WORKERS_SET_ASIDE"
        /// As many run under a limit as may.
        case concurrencyLimit = "CONCURRENCY_LIMIT"
        /// A limit lets the next begin later.
        case rateLimit = "RATE_LIMIT"
        /// No worker has enough left.
        case reservation = "RESERVATION"
        /// A worker waits until it has enough left for it.
        case workerKeptFree = "WORKER_KEPT_FREE"
        /// Others go first, or the workers are busy.
        case turn = "TURN"
        /// Until the next attempt.
        case retry = "RETRY"
        /// A Wait state.
        case timer = "TIMER"
        /// For somebody to answer its token.
        case answer = "ANSWER"
        /// For another execution, a service or the engine itself.
        case engine = "ENGINE"
        /// For child executions, items or results.
        case children = "CHILDREN"
        /// A worker has it, is alive, and does not come forward with it.
        case stuck = "STUCK"
    }

    public var entry: Int
    /// The state's name.
    public var state: String
    /// See ``StateEntryView/path``.
    public var path: String
    public var code: Code
    public var sentence: String
    /// Its place in the turns, from 1; about.
    public var position: Int?
    /// When the wait ends by itself, in microseconds since 1970.
    public var untilMicroseconds: Int64?

    public var json: JSON {
        .members(
            ("entry", .integer(entry)), ("state", .string(state)), ("path", .string(path)),
            ("code", .string(code.rawValue)), ("sentence", .string(sentence)),
            ("position", position.map { .integer($0) }), ("until", untilMicroseconds.map(JSON.instant(microseconds:))))
    }
}

extension Engine {
    /// Waits told of one execution at most.
    public static let waitsTold = 1000

    /// Why an execution's open states do not move: those that wait, and those that a worker does not come forward with.
    /// Throws `.notFound`.
    public func waits(of id: String) async throws(EngineError) -> [WaitView] {
        let run = try await find(id)
        if let suspect = suspects[run.execution.id] {
            return [
                WaitView(
                    entry: 0, state: "", path: "", code: .quarantined,
                    sentence: "\(suspect.sentence) It is not touched until somebody releases it.")
            ]
        }
        guard run.execution.isOpen else { return [] }
        var waits: [WaitView] = []
        for entry in run.execution.openEntries where waits.count < Self.waitsTold {
            guard let scope = run.execution.scopeOfEntry[entry.id] else { continue }
            guard var wait = wait(of: entry, run) else { continue }
            wait.path = run.execution.path(of: scope)
            waits.append(wait)
        }
        return waits
    }

    private func wait(of entry: Entry, _ run: Run) -> WaitView? {
        func view(_ code: WaitView.Code, _ sentence: String, position: Int? = nil, until: Int64? = nil) -> WaitView {
            WaitView(
                entry: entry.id, state: entry.state, path: "", code: code, sentence: sentence, position: position,
                untilMicroseconds: until)
        }
        switch entry.phase {
        case .entered: return view(.engine, "The engine is about to evaluate it.")
        case .waiting(let until):
            return view(.timer, "It waits until \(Timestamp.text(microseconds: until)).", until: until)
        case .backingOff(let until):
            return view(
                .retry,
                "Attempt \(entry.retryCount) failed; the next one begins at \(Timestamp.text(microseconds: until)).",
                until: until)
        case .readingItems: return view(.children, "Its items are being read.")
        case .writingResults: return view(.children, "Its results are being written.")
        case .branching:
            let count = entry.children.count + (entry.branches?.mapRun?.running.count ?? 0)
            return view(
                .children, "\(count) of its branches or items are under way; these say themselves what they wait for.")
        case .task(let attempt):
            if attempt.isCalledBack || attempt.callbackNonce != nil && attempt.started != nil {
                return view(.answer, "It was handed over; it waits for somebody to answer its task token.")
            }
            if let queue = queue(of: attempt.resource), engineSteps[queue] == nil {
                guard attempt.started == nil else {
                    return stuck(run).first { $0.entry == entry.id }.map { view(.stuck, $0.sentence) }
                }
                return told(
                    dispatcher.reason(
                        for: TaskName(execution: run.execution.id, entry: entry.id), at: now),
                    queue: queue, view)
            }
            if NestedStart(rawValue: attempt.resource) != nil {
                return view(.engine, "It waits for the execution that it has started.")
            }
            if serviceTasks[StepContract.plainResource(attempt.resource)] != nil || queue(of: attempt.resource) != nil {
                return view(.engine, "The engine does it; it waits for the answer of \(attempt.resource).")
            }
            return view(.noWorker, "Nobody here does \(attempt.resource).")
        }
    }

    private typealias Maker = (WaitView.Code, String, Int?, Int64?) -> WaitView

    private func told(_ reason: WaitReason?, queue: String, _ view: Maker) -> WaitView {
        let step = queue.hasPrefix("arn:") ? queue : "'\(queue)'"
        switch reason {
        case .parked(let reason):
            return view(
                .parked, "It is parked: \(reason). Release it to let another worker try, or fail it.", nil, nil)
        case .noWorker:
            return view(.noWorker, "No worker that does \(step) has been heard of in the last minute.", nil, nil)
        case .labels(let labels):
            let text = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
            return view(.labels, "No worker that does \(step) has the labels \(text).", nil, nil)
        case .tooLarge(let needed, let largest):
            return view(
                .tooLarge,
                "It needs \(words(needed)), and the largest worker that does \(step) has \(words(largest)).", nil, nil)
        case .setAside(let workers):
            let text = workers.map { "\($0.name) is \($0.mode.rawValue) (\($0.reason))" }.joined(separator: "; ")
            return view(.workersSetAside, "The workers that could take it get no tasks: \(text).", nil, nil)
        case .concurrency(let key, let limit):
            return view(
                .concurrencyLimit, "The limit '\(key)' lets \(counted(limit, "task")) run at a time, and as many do.",
                nil, nil)
        case .rate(let key, let until):
            return view(
                .rateLimit,
                "The limit '\(key)' lets the next one begin at \(Timestamp.text(microseconds: until)).", nil, until)
        case .reservation(let needed, let most):
            return view(
                .reservation,
                "It is first, needs \(words(needed)), and no worker has more left than \(words(most)).", 1, nil)
        case .keptFree(let worker):
            return view(
                .workerKeptFree, "It is next on \(worker), which takes nothing else until it has enough left.", 1, nil)
        case .turn(let position, let workers):
            let who = workers == 0 ? "" : " of \(counted(workers, "worker"))"
            return view(.turn, "It has place \(position) in the turns for \(step)\(who).", position, nil)
        case nil: return view(.turn, "It is being handed to a worker.", nil, nil)
        }
    }

    private func words(_ amount: Resources) -> String {
        var parts: [String] = []
        if amount.millicores > 0 { parts.append("\(Double(amount.millicores) / 1000) cores") }
        if amount.memoryBytes > 0 { parts.append("\(ByteCount.text(amount.memoryBytes)) of memory") }
        if amount.scratchBytes > 0 { parts.append("\(ByteCount.text(amount.scratchBytes)) of scratch") }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}
