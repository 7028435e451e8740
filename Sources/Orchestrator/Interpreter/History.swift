public import JSON
import StatesLanguage

/// The history of an execution as GetExecutionHistory tells it, made from its effects.
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
    /// The last event of each scope: what the next one follows.
    private var last: [ScopeID: Int] = [:]

    public init() {}

    /// Takes an effect in, given the execution just before and just after it.
    public mutating func observe(_ effect: Effect, before: Execution, after: Execution) {
        let at = after.at
        switch effect {
        case .executionStarted(let start):
            add(
                "ExecutionStarted", in: 0, at: at,
                ("executionStartedEventDetails", payload("input", start.input)))
            // AWS lets the first state follow no event.
            last[0] = 0
        case .stateEntered(let scope, _, let name, let input):
            var details = payload("input", before.resolve(input, in: scope))
            details["name"] = .string(name)
            add(type(of: scope, in: after) + "StateEntered", in: scope, at: at, ("stateEnteredEventDetails", details))
        case .stateExited(let scope, let output), .errorCaught(let scope, _, _, let output):
            guard let entry = before.scopes[scope]?.entry else { return }
            let kind = type(of: scope, in: before)
            if case .stateExited = effect, entry.branches != nil {
                add("\(kind)StateSucceeded", in: scope, at: at, nil)
            }
            var details = payload("output", before.resolve(output, in: scope))
            details["name"] = .string(entry.state)
            add("\(kind)StateExited", in: scope, at: at, ("stateExitedEventDetails", details))
        case .waitStarted, .retryStarted, .childSucceeded, .childrenAborted, .retryScheduled:
            observeInner(effect, before: before, at: at)
        case .taskScheduled(let scope, let resource, let parameters, let timeout, let heartbeat):
            let (service, name) = resourceNames(resource)
            add(
                "TaskScheduled", in: scope, at: at,
                (
                    "taskScheduledEventDetails",
                    .members(
                        ("resourceType", .string(service)), ("resource", .string(name)), ("region", "us-east-1"),
                        ("parameters", .string(before.resolve(parameters, in: scope).text)),
                        ("timeoutInSeconds", timeout.map { .integer($0) }),
                        ("heartbeatInSeconds", heartbeat.map { .integer($0) }))
                ))
        case .taskStarted(let scope, _, _, _):
            add("TaskStarted", in: scope, at: at, ("taskStartedEventDetails", names(of: scope, in: before)))
        case .taskSucceeded(let scope, let output):
            var details = names(of: scope, in: before)
            details["output"] = .string(output.text)
            details["outputDetails"] = ["truncated": false]
            add("TaskSucceeded", in: scope, at: at, ("taskSucceededEventDetails", details))
        case .taskFailed(let scope, let error, let cause):
            var details = names(of: scope, in: before)
            details["error"] = .string(error)
            details["cause"] = .string(cause)
            add("TaskFailed", in: scope, at: at, ("taskFailedEventDetails", details))
        case .taskTimedOut(let scope, let error, let cause):
            var details = names(of: scope, in: before)
            details["error"] = .string(error)
            details["cause"] = .string(cause)
            add("TaskTimedOut", in: scope, at: at, ("taskTimedOutEventDetails", details))
        case .parallelStarted(let scope, _, _):
            add("ParallelStateStarted", in: scope, at: at, nil)
            passOn(from: scope, after: after)
        case .mapStarted(let scope, let items, _, _):
            add(
                "MapStateStarted", in: scope, at: at,
                ("mapStateStartedEventDetails", ["length": .integer(items.arrayValue?.count ?? 0)]))
        case .iterationStarted(let scope, let index, _):
            let id = addIteration("MapIterationStarted", scope, index, before: after, at: at, follows: last[scope] ?? 0)
            if let child = after.scopes[scope]?.entry?.branches?.running[index] { last[child] = id }
        case .childFailed(let scope, let index, _, _):
            endChild(scope, index, "MapIterationFailed", before: before, at: at)
        case .executionSucceeded(let output):
            add(
                "ExecutionSucceeded", in: 0, at: at,
                ("executionSucceededEventDetails", payload("output", before.resolve(output, in: 0))))
        case .executionFailed(let error, let cause):
            add("ExecutionFailed", in: 0, at: at, ("executionFailedEventDetails", ending(error, cause)))
        case .executionTimedOut(let error, let cause):
            add("ExecutionTimedOut", in: 0, at: at, ("executionTimedOutEventDetails", ending(error, cause)))
        case .executionAborted(let error, let cause):
            add("ExecutionAborted", in: 0, at: at, ("executionAbortedEventDetails", ending(error, cause)))
        }
    }

    /// Effects that show in the history of Parallel and Map states only, or not at all.
    private mutating func observeInner(_ effect: Effect, before: Execution, at: Instant) {
        if case .childSucceeded(let scope, let index) = effect {
            endChild(scope, index, "MapIterationSucceeded", before: before, at: at)
        }
    }

    private mutating func endChild(
        _ scope: ScopeID, _ index: Int, _ type: String, before: Execution, at: Instant
    ) {
        guard let branches = before.scopes[scope]?.entry?.branches, let child = branches.running[index] else { return }
        if branches.items != nil {
            last[scope] = addIteration(type, scope, index, before: before, at: at, follows: last[child] ?? 0)
        } else {
            last[scope] = last[child]
        }
        last[child] = nil
    }

    private mutating func addIteration(
        _ type: String, _ scope: ScopeID, _ index: Int, before: Execution, at: Instant, follows: Int
    ) -> Int {
        let id = events.count + 1
        let name = before.scopes[scope]?.entry?.state ?? ""
        events.append(
            Event(
                id: id, previousID: follows, type: type, at: at,
                details: ("m" + type.dropFirst() + "EventDetails", ["name": .string(name), "index": .integer(index)])))
        return id
    }

    private mutating func add(_ type: String, in scope: ScopeID, at: Instant, _ details: (String, JSON)?) {
        let id = events.count + 1
        events.append(
            Event(
                id: id, previousID: last[scope] ?? 0, type: type, at: at,
                details: details.map { (name: $0.0, value: $0.1) }))
        last[scope] = id
    }

    private mutating func passOn(from scope: ScopeID, after: Execution) {
        for child in after.scopes[scope]?.entry?.children ?? [] { last[child] = last[scope] }
    }

    private func type(of scope: ScopeID, in execution: Execution) -> String {
        guard let entry = execution.scopes[scope]?.entry else { return "" }
        return execution.state(of: entry).type
    }

    /// `resourceType` and `resource` of the task that a scope is in.
    private func names(of scope: ScopeID, in execution: Execution) -> JSON {
        guard case .task(let attempt) = execution.scopes[scope]?.entry?.phase else { return [:] }
        let (service, name) = resourceNames(attempt.resource)
        return ["resourceType": .string(service), "resource": .string(name)]
    }

    /// `arn:aws:states:::SERVICE:ACTION` in its two parts.
    private func resourceNames(_ resource: String) -> (service: String, action: String) {
        let parts = resource.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 7 else { return ("", resource) }
        return (String(parts[5]), parts[6...].joined(separator: ":"))
    }

    private func payload(_ name: String, _ value: JSON) -> JSON {
        [name: .string(value.text), "\(name)Details": ["truncated": false]]
    }

    private func ending(_ error: String?, _ cause: String?) -> JSON {
        .members(("error", error.map { .string($0) }), ("cause", cause.map { .string($0) }))
    }
}
