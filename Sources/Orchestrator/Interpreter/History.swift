public import JSON
import StatesLanguage

/// The history of an execution as GetExecutionHistory tells it, made from its effects.
///
/// The ids are the execution's own count (``Execution/eventCount``): causes of errors name them, so the fold knows them
/// too. Which event another follows was read from histories that the service recorded.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
public struct History: Sendable {
    /// One event: the wire's members `id`, `previousEventId`, `type` and the type's details; the timestamp apart, in
    /// engine time.
    public struct Event: Sendable {
        public let id: Int
        public let previousID: Int
        public let type: String
        public let at: Instant
        /// Name of the details member, and its value; nil where the type has none.
        public let details: (name: String, value: JSON)?
    }

    public private(set) var events: [Event] = []

    public init() {}

    /// Takes an effect in, given the execution just before and just after it.
    public mutating func observe(_ effect: Effect, before: Execution, after: Execution) {
        events += History.events(of: effect, before: before, at: after.at)
        precondition(
            events.last.map { $0.id == after.eventCount } ?? true,
            "the history and the execution count the events of \(effect) alike")
    }

    /// Takes an effect in and applies it to the execution that it belongs to.
    public mutating func advance(_ execution: inout Execution, by effect: Effect, at instant: Instant) {
        events += History.events(of: effect, before: execution, at: max(execution.at, instant))
        execution.apply(effect, at: instant)
        precondition(
            events.last.map { $0.id == execution.eventCount } ?? true,
            "the history and the execution count the events of \(effect) alike")
    }

    /// The events that an effect adds, given the execution just before it.
    public static func events(of effect: Effect, before: Execution, at instant: Instant) -> [Event] {
        var page = HistoryPage(before: before, at: instant)
        page.take(effect)
        return page.events
    }
}

/// The events of one effect in the making.
struct HistoryPage {
    let before: Execution
    let at: Instant
    private(set) var events: [History.Event] = []

    init(before: Execution, at: Instant) {
        self.before = before
        self.at = at
    }

    var nextID: Int { before.eventCount + events.count + 1 }

    mutating func add(_ type: String, follows: Int, _ details: (name: String, value: JSON)? = nil) {
        events.append(
            History.Event(id: nextID, previousID: follows, type: type, at: at, details: details))
    }

    /// The event that the next one of a scope follows.
    func last(_ scope: ScopeID) -> Int { before.scopes.shared(scope)?.value.follows ?? 0 }

    func entry(_ scope: ScopeID) -> Entry {
        guard let entry = before.scopes.shared(scope)?.value.entry else {
            preconditionFailure("scope \(scope) is in no state")
        }
        return entry
    }

    mutating func take(_ effect: Effect) {
        switch effect {
        case .executionStarted(let start):
            var details = text("input", start.input)
            details["roleArn"] = start.roleARN.map { .string($0) }
            add("ExecutionStarted", follows: 0, ("executionStartedEventDetails", details))
        case .stateEntered(let scope, _, let name, let input):
            guard let plan = before.scopes.shared(scope)?.value.plan else { preconditionFailure("the scope is open") }
            var details = text("input", before.resolve(input, in: scope))
            details["name"] = .string(name)
            add(
                "\(plan.state(name).state.type)StateEntered", follows: last(scope),
                ("stateEnteredEventDetails", details))
        case .stateExited(let scope, let output): exit(scope, output: output)
        case .errorCaught(let scope, _, _, let output):
            add("\(entry(scope).plan.state.type)StateExited", follows: last(scope), exitDetails(scope, output))
        case .evaluationFailed(let scope, let error, let cause, let location):
            evaluationFailed(scope, error: error, cause: cause, location: location)
        case .branchingFailed(let scope):
            add("\(entry(scope).plan.state.type)StateFailed", follows: last(scope))
        case .taskScheduled, .taskStarted, .taskSubmitted, .taskSucceeded, .taskFailed, .taskTimedOut, .attemptFailed:
            takeTask(effect)
        case .parallelStarted, .mapStarted, .mapStateStarted, .iterationStarted, .childSucceeded, .childFailed,
            .childrenAborted, .mapRunStarted, .mapRunSucceeded, .mapRunFailed:
            takeChildren(effect)
        case .waitStarted, .retryScheduled, .retryStarted, .variablesAssigned, .credentialsTaken, .taskTokenIssued,
            .itemReadRequested, .itemsRead, .childExecutionStarted, .mapRunPaused, .childExecutionEnded,
            .resultWriteRequested, .resultsWritten, .stateRedriven, .branchesRedriven, .childRedriven,
            .childExecutionRedriven, .mapRunUpdated, .workerLost, .taskReleased, .attemptMeasured:
            break
        case .executionRedriven(let count, _):
            add(
                "ExecutionRedriven", follows: before.eventCount,
                ("executionRedrivenEventDetails", ["redriveCount": .integer(count)]))
        case .mapRunRedriven(let scope):
            let mapRun = entry(scope).branches?.mapRun
            add(
                "MapRunRedriven", follows: before.redrivenEventID,
                (
                    "mapRunRedrivenEventDetails",
                    .members(
                        ("mapRunArn", mapRun.map { .string($0.arn) }),
                        ("redriveCount", mapRun.map { .integer($0.redriveCount + 1) }))
                ))
        case .executionSucceeded(let output):
            add(
                "ExecutionSucceeded", follows: last(0),
                ("executionSucceededEventDetails", text("output", before.resolve(output, in: 0))))
        case .executionFailed(let error, let cause):
            add("ExecutionFailed", follows: last(0), ("executionFailedEventDetails", ending(error, cause)))
        // The type says it all: the service adds no details.
        case .executionTimedOut: add("ExecutionTimedOut", follows: last(0))
        case .executionAborted(let error, let cause):
            // A stop from outside follows nothing that happened within.
            add("ExecutionAborted", follows: 0, ("executionAbortedEventDetails", ending(error, cause)))
        }
    }

    private mutating func exit(_ scope: ScopeID, output: Payload) {
        let entry = entry(scope)
        let type = entry.plan.state.type
        var follows = last(scope)
        if let branches = entry.branches {
            // Nothing follows the state's success: its exit follows what came before.
            add("\(type)StateSucceeded", follows: follows)
            if let mapRun = branches.mapRun {
                // The service's recordings up to mid-2024 have the end of the Map Run here, those from November 2024 on
                // its start. This rule agrees with all of them.
                let isFirst = entry.precedingEventID == 0 && !entry.plan.isJSONata
                follows = isFirst ? follows : mapRun.startedEventID
            }
        }
        add("\(type)StateExited", follows: follows, exitDetails(scope, output))
    }

    private func exitDetails(_ scope: ScopeID, _ output: Payload) -> (name: String, value: JSON) {
        let entry = entry(scope)
        var details = text("output", before.resolve(output, in: scope))
        details["name"] = .string(entry.state)
        if !entry.assigned.isEmpty, let variables = before.scopes.shared(scope)?.value.variables {
            var assigned: JSON = [:]
            for name in entry.assigned { assigned[name] = variables[name].map { .string($0.text) } }
            details["assignedVariables"] = assigned
            details["assignedVariablesDetails"] = ["truncated": false]
        }
        return (name: "stateExitedEventDetails", value: details)
    }

    /// A state that is evaluated as it is entered has done nothing yet, and the failure follows what came before it. A Wait
    /// state is entered first.
    private mutating func evaluationFailed(_ scope: ScopeID, error: String, cause: String, location: String?) {
        let entry = entry(scope)
        let isWait = if case .wait = entry.plan.state.kind { true } else { false }
        let isNew = last(scope) == entry.enteredEventID && !isWait
        add(
            "EvaluationFailed", follows: isNew ? entry.precedingEventID : last(scope),
            (
                "evaluationFailedEventDetails",
                .members(
                    ("error", .string(error)), ("cause", .string(cause)),
                    ("location", location.map { .string($0) }), ("state", .string(entry.state)))
            ))
    }

    private mutating func takeChildren(_ effect: Effect) {
        switch effect {
        case .parallelStarted(let scope, _, _): add("ParallelStateStarted", follows: last(scope))
        case .mapStarted(let scope, let items, _, _): mapStarted(scope, items)
        case .mapStateStarted(let scope, let items, _, _): mapStarted(scope, before.resolve(items, in: scope))
        case .iterationStarted(let scope, let index, _):
            let entry = entry(scope)
            iteration("Started", entry.state, index, follows: entry.branches?.nextFollows ?? last(scope))
        case .childSucceeded(let scope, let index): childEnded("Succeeded", scope, index)
        case .childFailed(let scope, let index, _, _): childEnded("Failed", scope, index)
        case .childrenAborted(let scope):
            for event in before.abortedEvents(of: scope) {
                if let (state, index) = event.iteration {
                    iteration("Aborted", state, index, follows: event.follows)
                } else {
                    add(event.type, follows: event.follows)
                }
            }
        case .mapRunStarted(let scope, let arn, _, _):
            add(
                "MapRunStarted", follows: last(scope),
                ("mapRunStartedEventDetails", ["mapRunArn": .string(arn)]))
        case .mapRunSucceeded(let scope): add("MapRunSucceeded", follows: last(scope))
        case .mapRunFailed(let scope, let error, let cause):
            add("MapRunFailed", follows: last(scope), ("mapRunFailedEventDetails", ending(error, cause)))
        default: preconditionFailure("\(effect) is none of a state with children")
        }
    }

    private mutating func mapStarted(_ scope: ScopeID, _ items: JSON) {
        add(
            "MapStateStarted", follows: last(scope),
            ("mapStateStartedEventDetails", ["length": .integer(items.arrayValue?.count ?? 0)]))
    }

    private mutating func childEnded(_ how: String, _ scope: ScopeID, _ index: Int) {
        let entry = entry(scope)
        guard let branches = entry.branches, branches.items != nil, let child = branches.running[index] else { return }
        iteration(how, entry.state, index, follows: last(child))
    }

    private mutating func iteration(_ how: String, _ state: String, _ index: Int, follows: Int) {
        add(
            "MapIteration\(how)", follows: follows,
            ("mapIteration\(how)EventDetails", ["name": .string(state), "index": .integer(index)]))
    }

    /// A payload's text, with the mark that the service sets where it has cut one short.
    func text(_ name: String, _ value: JSON) -> JSON {
        [name: .string(value.text), "\(name)Details": ["truncated": false]]
    }

    func ending(_ error: String?, _ cause: String?) -> JSON {
        .members(("error", error.map { .string($0) }), ("cause", cause.map { .string($0) }))
    }
}
