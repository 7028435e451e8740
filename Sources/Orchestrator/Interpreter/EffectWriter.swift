import JSON
import OrderedCollections

// The journal's format of effects, written. The members of each are short where they come often.

extension Effect {
    var json: JSON {
        switch self {
        case .executionStarted(let start):
            return .members(
                ("e", "executionStarted"), ("machine", .string(start.machineARN)), ("name", .string(start.name)),
                ("definition", .string(start.definitionHash)), ("input", start.input),
                ("seed", .string(String(start.seed, radix: 16))),
                ("tokenKey", start.tokenKey.map { .string($0) }), ("role", start.roleARN.map { .string($0) }),
                ("parent", start.parent?.json), ("deployment", start.deployment.json),
                ("starter", start.starter?.json), ("origin", start.origin?.json),
                ("trace", start.trace.map { .string($0) }))
        case .stateEntered(let scope, let entry, let state, let input):
            return [
                "e": "stateEntered", "s": .integer(scope), "n": .integer(entry), "state": .string(state),
                "input": input.json,
            ]
        case .stateExited(let scope, let output):
            return ["e": "stateExited", "s": .integer(scope), "output": output.json]
        case .waitStarted(let scope, let until):
            return ["e": "waitStarted", "s": .integer(scope), "until": .integer(until)]
        case .taskScheduled(let scope, let resource, let parameters, let timeout, let heartbeat):
            return .members(
                ("e", "taskScheduled"), ("s", .integer(scope)), ("resource", .string(resource)),
                ("parameters", parameters.json), ("timeout", timeout.map { .integer($0) }),
                ("heartbeat", heartbeat.map { .integer($0) }))
        case .taskStarted(let scope, let worker, let incarnation, let nonce):
            return [
                "e": "taskStarted", "s": .integer(scope), "worker": .string(worker),
                "incarnation": .string(incarnation), "nonce": .string(nonce),
            ]
        case .taskSucceeded(let scope, let output):
            return ["e": "taskSucceeded", "s": .integer(scope), "output": output]
        case .taskFailed(let scope, let error, let cause):
            return ["e": "taskFailed", "s": .integer(scope), "error": .string(error), "cause": .string(cause)]
        case .taskTimedOut(let scope, let error, let cause):
            return ["e": "taskTimedOut", "s": .integer(scope), "error": .string(error), "cause": .string(cause)]
        case .retryScheduled(let scope, let retrier, let until):
            return [
                "e": "retryScheduled", "s": .integer(scope), "retrier": .integer(retrier), "until": .integer(until),
            ]
        case .retryStarted(let scope):
            return ["e": "retryStarted", "s": .integer(scope)]
        case .parallelStarted(let scope, let branches, let input):
            return ["e": "parallelStarted", "s": .integer(scope), "branches": .integer(branches), "input": input.json]
        case .mapStarted(let scope, let items, let maxConcurrency, let toleratedFailures):
            return [
                "e": "mapStarted", "s": .integer(scope), "items": items, "maxConcurrency": .integer(maxConcurrency),
                "toleratedFailures": .integer(toleratedFailures),
            ]
        case .iterationStarted(let scope, let index, let input):
            return ["e": "iterationStarted", "s": .integer(scope), "index": .integer(index), "input": input.json]
        case .childSucceeded(let scope, let index):
            return ["e": "childSucceeded", "s": .integer(scope), "index": .integer(index)]
        case .childFailed(let scope, let index, let error, let cause):
            return .members(
                ("e", "childFailed"), ("s", .integer(scope)), ("index", .integer(index)),
                ("error", error.map { .string($0) }), ("cause", cause.map { .string($0) }))
        case .childrenAborted(let scope):
            return ["e": "childrenAborted", "s": .integer(scope)]
        case .errorCaught(let scope, let error, let cause, let output):
            return [
                "e": "errorCaught", "s": .integer(scope), "error": .string(error), "cause": .string(cause),
                "output": output.json,
            ]
        case .executionSucceeded(let output):
            return ["e": "executionSucceeded", "output": output.json]
        case .executionFailed(let error, let cause): return Effect.ending("executionFailed", error, cause)
        case .executionTimedOut(let error, let cause): return Effect.ending("executionTimedOut", error, cause)
        case .executionAborted(let error, let cause): return Effect.ending("executionAborted", error, cause)
        case .variablesAssigned(let scope, let variables):
            return [
                "e": "variablesAssigned", "s": .integer(scope), "variables": .object(variables.mapValues(\.json)),
            ]
        case .evaluationFailed(let scope, let error, let cause, let location):
            return .members(
                ("e", "evaluationFailed"), ("s", .integer(scope)), ("error", .string(error)),
                ("cause", .string(cause)), ("location", location.map { .string($0) }))
        case .credentialsTaken(let scope, let credentials):
            return ["e": "credentialsTaken", "s": .integer(scope), "credentials": credentials]
        case .taskTokenIssued(let scope, let nonce):
            return ["e": "taskTokenIssued", "s": .integer(scope), "nonce": .string(nonce)]
        case .taskSubmitted(let scope, let output):
            return ["e": "taskSubmitted", "s": .integer(scope), "output": output]
        case .attemptFailed(let scope, let stage, let error, let cause):
            return [
                "e": "attemptFailed", "s": .integer(scope), "stage": .string(stage.rawValue),
                "error": .string(error), "cause": .string(cause),
            ]
        case .branchingFailed(let scope):
            return ["e": "branchingFailed", "s": .integer(scope)]
        case .mapStateStarted(let scope, let items, let maxConcurrency, let toleratedFailures):
            return [
                "e": "mapStateStarted", "s": .integer(scope), "items": items.json,
                "maxConcurrency": .integer(maxConcurrency), "toleratedFailures": .integer(toleratedFailures),
            ]
        case .mapRunStarted(let scope, let arn, let count, let percentage):
            return .members(
                ("e", "mapRunStarted"), ("s", .integer(scope)), ("arn", .string(arn)),
                ("toleratedCount", count.map { .integer($0) }),
                ("toleratedPercentage", percentage.map { .double($0) }))
        case .itemReadRequested(let scope, let parameters, let maxItems):
            return .members(
                ("e", "itemReadRequested"), ("s", .integer(scope)), ("parameters", parameters),
                ("maxItems", maxItems.map { .integer($0) }))
        case .itemsRead(let scope, let items):
            return ["e": "itemsRead", "s": .integer(scope), "items": items]
        case .childExecutionStarted(let scope, let index, let itemCount, let input):
            return [
                "e": "childExecutionStarted", "s": .integer(scope), "index": .integer(index),
                "items": .integer(itemCount), "input": input.json,
            ]
        case .mapRunPaused(let scope):
            return ["e": "mapRunPaused", "s": .integer(scope)]
        case .childExecutionEnded(let scope, let index, let outcome):
            var json: JSON = ["e": "childExecutionEnded", "s": .integer(scope), "index": .integer(index)]
            json["status"] = .string(outcome.status)
            switch outcome {
            case .succeeded(let output): json["output"] = output
            case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
                json["error"] = error.map { .string($0) }
                json["cause"] = cause.map { .string($0) }
            }
            return json
        case .resultWriteRequested(let scope, let parameters):
            return ["e": "resultWriteRequested", "s": .integer(scope), "parameters": parameters]
        case .resultsWritten(let scope, let output):
            return ["e": "resultsWritten", "s": .integer(scope), "output": output]
        case .mapRunSucceeded(let scope):
            return ["e": "mapRunSucceeded", "s": .integer(scope)]
        case .mapRunFailed(let scope, let error, let cause):
            return ["e": "mapRunFailed", "s": .integer(scope), "error": .string(error), "cause": .string(cause)]
        case .executionRedriven(let count, let token):
            return .members(
                ("e", "executionRedriven"), ("count", .integer(count)), ("token", token.map { .string($0) }))
        case .stateRedriven(let scope):
            return ["e": "stateRedriven", "s": .integer(scope)]
        case .branchesRedriven(let scope):
            return ["e": "branchesRedriven", "s": .integer(scope)]
        case .childRedriven(let scope, let index):
            return ["e": "childRedriven", "s": .integer(scope), "index": .integer(index)]
        case .mapRunRedriven(let scope):
            return ["e": "mapRunRedriven", "s": .integer(scope)]
        case .childExecutionRedriven(let scope, let index):
            return ["e": "childExecutionRedriven", "s": .integer(scope), "index": .integer(index)]
        case .mapRunUpdated(let scope, let concurrency, let count, let percentage):
            return .members(
                ("e", "mapRunUpdated"), ("s", .integer(scope)),
                ("maxConcurrency", concurrency.map { .integer($0) }), ("toleratedCount", count.map { .integer($0) }),
                ("toleratedPercentage", percentage.map { .double($0) }))
        case .workerLost(let scope, let worker):
            return ["e": "workerLost", "s": .integer(scope), "worker": .string(worker)]
        case .taskReleased(let scope):
            return ["e": "taskReleased", "s": .integer(scope)]
        case .attemptMeasured(let scope, let usage):
            return .members(
                ("e", "attemptMeasured"), ("s", .integer(scope)), ("cpu", .integer(usage.cpuMilliseconds)),
                ("wall", .integer(usage.wallMilliseconds)), ("memory", .integer(usage.peakMemoryBytes)),
                ("saved", usage.isSaved ? true : nil))
        }
    }

    private static func ending(_ name: String, _ error: String?, _ cause: String?) -> JSON {
        .members(("e", .string(name)), ("error", error.map { .string($0) }), ("cause", cause.map { .string($0) }))
    }
}

extension WaitingTask {
    var json: JSON {
        ["execution": .string(execution), "entry": .integer(entry), "nonce": .string(nonce)]
    }
}

extension MapRunMembership {
    var json: JSON {
        .members(
            ("execution", .string(execution)), ("entry", .integer(entry)), ("index", .integer(index)),
            ("processor", .array(processor.map { .string($0) })), ("mapRun", .string(mapRunARN)), ("item", item),
            ("generation", generation == 0 ? nil : .integer(generation)),
            ("items", itemCount == 1 ? nil : .integer(itemCount)),
            ("run", mapRunNumber == 0 ? nil : .integer(mapRunNumber)))
    }
}
