import Interpreter
import JSON
import Journal
import OrderedCollections

/// A Map Run as DescribeMapRun tells it. Instants in microseconds since 1970.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html
public struct MapRunView: Sendable, Hashable {
    public let arn: String
    public let executionARN: String
    /// The machine whose execution the Map Run is in.
    public let machine: String
    public var status = RunStatus.running
    public let startDateMicroseconds: Int64
    public var stopDateMicroseconds: Int64?
    /// 0: no limit.
    public var maxConcurrency: Int
    public var toleratedFailureCount: Int
    public var toleratedFailurePercentage: Double
    public var redriveCount = 0
    public var redriveDateMicroseconds: Int64?
    /// Whether a ResultWriter gets the results.
    var resultsAreToBeWritten = false
    public var items = Counts()
    public var executions = Counts()

    /// How many items, or child executions, stand where.
    public struct Counts: Sendable, Hashable {
        public var pending = 0
        public var running = 0
        public var succeeded = 0
        public var failed = 0
        public var timedOut = 0
        public var aborted = 0
        public var resultsWritten = 0
        /// Of those that failed, timed out or were aborted: the ones that a redrive is going to run again.
        public var pendingRedrive = 0

        public var total: Int { pending + running + succeeded + failed + timedOut + aborted }

        /// Counts where those belong that end, or are redriven, with an outcome.
        mutating func add(_ count: Int, _ outcome: Outcome) {
            switch outcome {
            case .succeeded: succeeded += count
            case .failed: failed += count
            case .timedOut: timedOut += count
            case .aborted: aborted += count
            }
        }
    }
}

/// The Map Runs that an execution has started, kept up with its effects.
struct MapRunProjection {
    /// By ARN, in the order of their starts.
    private(set) var views: OrderedDictionary<String, MapRunView>

    init(_ views: OrderedDictionary<String, MapRunView> = [:]) { self.views = views }

    /// The half of an effect that is seen in the execution just before it.
    mutating func observe(_ effect: Effect, before: Execution, at instant: Instant) {
        switch effect {
        case .childExecutionEnded(let scope, let index, let outcome):
            let itemCount = before.entry(in: scope)?.branches?.mapRun?.running[index]?.itemCount ?? 0
            change(scope, before) { view in
                view.items.running -= itemCount
                view.executions.running -= 1
                view.items.add(itemCount, outcome)
                view.executions.add(1, outcome)
            }
        case .childExecutionRedriven(let scope, let index):
            guard let result = before.entry(in: scope)?.branches?.mapRun?.ended[index] else { return }
            change(scope, before) { view in
                view.items.pendingRedrive -= result.itemCount
                view.executions.pendingRedrive -= 1
                view.items.add(-result.itemCount, result.outcome)
                view.executions.add(-1, result.outcome)
                view.items.running += result.itemCount
                view.executions.running += 1
            }
        case .mapRunFailed(let scope, _, _): change(scope, before) { $0.end(.failed, at: instant) }
        default: break
        }
    }

    /// The half of an effect that is seen in the execution just after it.
    mutating func observe(_ effect: Effect, after: Execution) {
        switch effect {
        case .mapRunStarted(let scope, let arn, let count, let percentage):
            guard let branches = after.entry(in: scope)?.branches else { return }
            var view = MapRunView(
                arn: arn, executionARN: after.arn, machine: after.machineName, startDateMicroseconds: after.at,
                maxConcurrency: branches.maxConcurrency, toleratedFailureCount: count ?? 0,
                toleratedFailurePercentage: percentage ?? 0)
            view.items.pending = branches.items?.count ?? 0
            views[arn] = view
        case .itemsRead(let scope, let items):
            change(scope, after) { $0.items.pending = items.arrayValue?.count ?? 0 }
        case .childExecutionStarted(let scope, _, let itemCount, _):
            change(scope, after) { view in
                view.items.pending -= itemCount
                view.items.running += itemCount
                view.executions.running += 1
            }
        case .resultWriteRequested(let scope, _): change(scope, after) { $0.resultsAreToBeWritten = true }
        case .mapRunSucceeded(let scope):
            change(scope, after) { view in
                view.end(.succeeded, at: after.at)
                if view.resultsAreToBeWritten { view.countWrittenResults() }
            }
        case .mapRunRedriven(let scope):
            change(scope, after) { view in
                view.status = .running
                view.stopDateMicroseconds = nil
                view.redriveCount += 1
                view.redriveDateMicroseconds = after.at
                view.items.pendingRedrive = view.items.failed + view.items.timedOut + view.items.aborted
                view.executions.pendingRedrive =
                    view.executions.failed + view.executions.timedOut + view.executions.aborted
            }
        case .mapRunUpdated(let scope, let concurrency, let count, let percentage):
            change(scope, after) { view in
                view.maxConcurrency = concurrency ?? view.maxConcurrency
                view.toleratedFailureCount = count ?? view.toleratedFailureCount
                view.toleratedFailurePercentage = percentage ?? view.toleratedFailurePercentage
            }
        // What is given up takes the Map Runs within with it.
        case .childrenAborted, .childFailed, .retryScheduled, .executionFailed, .executionTimedOut, .executionAborted:
            endAbandonedMapRuns(after)
        default: break
        }
    }

    private mutating func change(_ scope: ScopeID, _ execution: Execution, _ body: (inout MapRunView) -> Void) {
        guard let arn = execution.entry(in: scope)?.branches?.mapRun?.arn, views[arn] != nil else { return }
        body(&views[arn]!)
    }

    /// Map Runs that say they run and that the execution does not have any more.
    private mutating func endAbandonedMapRuns(_ execution: Execution) {
        let running = views.values.filter { $0.status == .running }
        guard !running.isEmpty else { return }
        let alive = Set(execution.openEntries.compactMap { $0.branches?.mapRun?.arn })
        for view in running where !alive.contains(view.arn) { views[view.arn]?.end(.aborted, at: execution.at) }
    }
}

extension MapRunView {
    /// The children that still run are stopped with the Map Run.
    mutating func end(_ status: RunStatus, at instant: Int64) {
        self.status = status
        stopDateMicroseconds = instant
        items.aborted += items.running
        executions.aborted += executions.running
        items.running = 0
        executions.running = 0
        items.pendingRedrive = 0
        executions.pendingRedrive = 0
    }

    mutating func countWrittenResults() {
        items.resultsWritten = items.total - items.pending
        executions.resultsWritten = executions.total - executions.pending
    }
}

extension Engine {
    /// The Map Runs of an execution, in the order of their starts. Throws `.notFound`.
    public func mapRuns(of execution: String) async throws(EngineError) -> [MapRunView] {
        Array(try await find(execution).projection.mapRuns.views.values)
    }

    /// A Map Run. Throws `.resourceNotFound`, `.invalidARN`.
    public func mapRun(_ arn: String) async throws(EngineError) -> MapRunView {
        guard let view = try await execution(ofMapRun: arn).projection.mapRuns.views[arn] else {
            throw Self.noMapRun(arn)
        }
        return view
    }

    /// Changes a Map Run that goes on; what is nil stays. Throws `.resourceNotFound`, `.invalidARN`, and `.invalid` for one
    /// that has ended.
    public func updateMapRun(
        _ arn: String, maxConcurrency: Int?, toleratedFailureCount: Int?, toleratedFailurePercentage: Double?
    ) async throws(EngineError) {
        let run = try await execution(ofMapRun: arn)
        guard run.execution.isOpen,
            let entry = run.execution.openEntries.first(where: { $0.branches?.mapRun?.arn == arn })
        else {
            throw EngineError(code: .invalid, message: "Map Run is not running: '\(arn)'")
        }
        let event = Event.mapRunUpdated(
            entry: entry.id, maxConcurrency: maxConcurrency, toleratedCount: toleratedFailureCount,
            toleratedPercentage: toleratedFailurePercentage)
        switch await submit(event, to: run) {
        case .committed: return
        case .stale: throw EngineError(code: .invalid, message: "Map Run is not running: '\(arn)'")
        case .nameTaken: preconditionFailure("an update takes no name")
        case .refused(let reason): throw EngineError.unavailable(reason)
        }
    }

    private func execution(ofMapRun arn: String) async throws(EngineError) -> Run {
        try requireReady()
        let resource = try ResourceName(arn: arn)
        guard case .mapRun = resource else { throw resource.isOutOfPlace }
        guard resource.arn == arn else { throw Self.noMapRun(arn) }
        let found: String?
        do { found = try await journal.execution(ofMapRun: arn) } catch { throw EngineError.unavailable(error.message) }
        guard let found else { throw Self.noMapRun(arn) }
        return try await find(found)
    }

    private static func noMapRun(_ arn: String) -> EngineError {
        EngineError(code: .resourceNotFound, message: "Resource not found: '\(arn)'")
    }

    /// Children of a Map Run that wait for being redriven.
    func listPendingRedrives(of mapRun: String, _ query: RunQuery) async throws(EngineError) -> RunPage {
        let run = try await execution(ofMapRun: mapRun)
        guard run.execution.isOpen,
            let entry = run.execution.openEntries.first(where: { $0.branches?.mapRun?.arn == mapRun }),
            let pending = entry.branches?.mapRun?.pendingRedrive, !pending.isEmpty
        else { return RunPage(items: []) }
        let ids = pending.map { index in
            let generation =
                entry.runsExpressChildren
                ? entry.branches?.mapRun?.ended[index]?.redrives ?? 0 : 0
            return childID(
                of: run.execution.id,
                ChildKey(
                    entry: entry.id, mapRun: entry.branches?.mapRun?.number ?? 0, index: index, generation: generation))
        }
        var page = try await page(query, ListFilter(mapRun: mapRun, isRedriven: query.isRedriven, ids: ids))
        for index in page.items.indices { page.items[index].status = .pendingRedrive }
        return page
    }
}
