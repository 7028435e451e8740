import JSON
import OrderedCollections

// The journal's format of effects, read.

extension Effect {
    init(json: JSON) throws(JournalFormatError) {
        let reader = EffectReader(json: json)
        let name = try reader.text("e")
        switch name {
        case "executionStarted":
            guard let seed = UInt64(try reader.text("seed"), radix: 16) else {
                throw JournalFormatError(reason: "the seed is not a number")
            }
            self = .executionStarted(
                ExecutionStart(
                    machineARN: try reader.text("machine"), name: try reader.text("name"),
                    definitionHash: try reader.text("definition"), input: try reader.value("input"), seed: seed,
                    tokenKey: json["tokenKey"]?.stringValue, roleARN: json["role"]?.stringValue,
                    parent: try json["parent"].map { parent throws(JournalFormatError) in
                        try MapRunMembership(json: parent)
                    }, deployment: Deployment(json: json["deployment"]),
                    starter: try json["starter"].map { starter throws(JournalFormatError) in
                        try WaitingTask(json: starter)
                    },
                    origin: try json["origin"].map { origin throws(JournalFormatError) in
                        try ExecutionOrigin(json: origin)
                    }, trace: json["trace"]?.stringValue))
        case "stateEntered":
            self = .stateEntered(
                scope: try reader.scope(), entry: try reader.number("n"), state: try reader.text("state"),
                input: try reader.payload("input"))
        case "stateExited":
            self = .stateExited(scope: try reader.scope(), output: try reader.payload("output"))
        case "waitStarted":
            self = .waitStarted(scope: try reader.scope(), until: Instant(try reader.number("until")))
        case "taskScheduled":
            self = .taskScheduled(
                scope: try reader.scope(), resource: try reader.text("resource"),
                parameters: try reader.payload("parameters"), timeoutSeconds: json["timeout"]?.integerValue,
                heartbeatSeconds: json["heartbeat"]?.integerValue)
        case "taskStarted":
            self = .taskStarted(
                scope: try reader.scope(), worker: try reader.text("worker"),
                incarnation: try reader.text("incarnation"), nonce: try reader.text("nonce"))
        case "taskSucceeded":
            self = .taskSucceeded(scope: try reader.scope(), output: try reader.value("output"))
        case "taskFailed":
            self = .taskFailed(
                scope: try reader.scope(), error: try reader.text("error"), cause: try reader.text("cause"))
        case "taskTimedOut":
            self = .taskTimedOut(
                scope: try reader.scope(), error: try reader.text("error"), cause: try reader.text("cause"))
        case "retryScheduled":
            self = .retryScheduled(
                scope: try reader.scope(), retrier: try reader.number("retrier"),
                until: Instant(try reader.number("until")))
        case "retryStarted": self = .retryStarted(scope: try reader.scope())
        case "parallelStarted":
            self = .parallelStarted(
                scope: try reader.scope(), branches: try reader.number("branches"),
                input: try reader.payload("input"))
        case "mapStarted":
            self = .mapStarted(
                scope: try reader.scope(), items: try reader.value("items"),
                maxConcurrency: try reader.number("maxConcurrency"),
                toleratedFailures: try reader.number("toleratedFailures"))
        case "iterationStarted":
            self = .iterationStarted(
                scope: try reader.scope(), index: try reader.number("index"), input: try reader.payload("input"))
        case "childSucceeded":
            self = .childSucceeded(scope: try reader.scope(), index: try reader.number("index"))
        case "childFailed":
            self = .childFailed(
                scope: try reader.scope(), index: try reader.number("index"), error: json["error"]?.stringValue,
                cause: json["cause"]?.stringValue)
        case "childrenAborted": self = .childrenAborted(scope: try reader.scope())
        case "errorCaught":
            self = .errorCaught(
                scope: try reader.scope(), error: try reader.text("error"), cause: try reader.text("cause"),
                output: try reader.payload("output"))
        case "executionSucceeded": self = .executionSucceeded(output: try reader.payload("output"))
        case "executionFailed":
            self = .executionFailed(error: json["error"]?.stringValue, cause: json["cause"]?.stringValue)
        case "executionTimedOut":
            self = .executionTimedOut(error: json["error"]?.stringValue, cause: json["cause"]?.stringValue)
        case "executionAborted":
            self = .executionAborted(error: json["error"]?.stringValue, cause: json["cause"]?.stringValue)
        default: self = try Effect(later: name, reader)
        }
    }

    /// The effects that came later than the others.
    private init(later name: String, _ reader: EffectReader) throws(JournalFormatError) {
        switch name {
        case "variablesAssigned":
            guard let members = try reader.value("variables").objectValue else {
                throw JournalFormatError(reason: "'variables' is no object")
            }
            var variables: OrderedDictionary<String, Payload> = [:]
            for (name, json) in members {
                guard let payload = Payload(json: json) else {
                    throw JournalFormatError(reason: "the variable '\(name)' is no payload")
                }
                variables[name] = payload
            }
            self = .variablesAssigned(scope: try reader.scope(), variables: variables)
        case "evaluationFailed":
            self = .evaluationFailed(
                scope: try reader.scope(), error: try reader.text("error"), cause: try reader.text("cause"),
                location: reader.json["location"]?.stringValue)
        case "credentialsTaken":
            self = .credentialsTaken(scope: try reader.scope(), credentials: try reader.value("credentials"))
        case "taskTokenIssued": self = .taskTokenIssued(scope: try reader.scope(), nonce: try reader.text("nonce"))
        case "taskSubmitted": self = .taskSubmitted(scope: try reader.scope(), output: try reader.value("output"))
        case "attemptFailed":
            guard let stage = AttemptStage(rawValue: try reader.text("stage")) else {
                throw JournalFormatError(reason: "'stage' is none")
            }
            self = .attemptFailed(
                scope: try reader.scope(), stage: stage, error: try reader.text("error"),
                cause: try reader.text("cause"))
        case "branchingFailed": self = .branchingFailed(scope: try reader.scope())
        case "mapStateStarted":
            self = .mapStateStarted(
                scope: try reader.scope(), items: try reader.payload("items"),
                maxConcurrency: try reader.number("maxConcurrency"),
                toleratedFailures: try reader.number("toleratedFailures"))
        case "mapRunStarted":
            self = .mapRunStarted(
                scope: try reader.scope(), arn: try reader.text("arn"),
                toleratedCount: reader.json["toleratedCount"]?.integerValue,
                toleratedPercentage: reader.json["toleratedPercentage"]?.doubleValue)
        case "itemReadRequested":
            self = .itemReadRequested(
                scope: try reader.scope(), parameters: try reader.value("parameters"),
                maxItems: reader.json["maxItems"]?.integerValue)
        case "itemsRead": self = .itemsRead(scope: try reader.scope(), items: try reader.value("items"))
        case "childExecutionStarted":
            self = .childExecutionStarted(
                scope: try reader.scope(), index: try reader.number("index"), itemCount: try reader.number("items"),
                input: try reader.payload("input"))
        case "mapRunPaused": self = .mapRunPaused(scope: try reader.scope())
        case "childExecutionEnded":
            self = .childExecutionEnded(
                scope: try reader.scope(), index: try reader.number("index"), outcome: try reader.outcome())
        case "resultWriteRequested":
            self = .resultWriteRequested(scope: try reader.scope(), parameters: try reader.value("parameters"))
        case "resultsWritten": self = .resultsWritten(scope: try reader.scope(), output: try reader.value("output"))
        case "mapRunSucceeded": self = .mapRunSucceeded(scope: try reader.scope())
        case "mapRunFailed":
            self = .mapRunFailed(
                scope: try reader.scope(), error: try reader.text("error"), cause: try reader.text("cause"))
        case "executionRedriven":
            self = .executionRedriven(count: try reader.number("count"), token: reader.json["token"]?.stringValue)
        case "stateRedriven": self = .stateRedriven(scope: try reader.scope())
        case "branchesRedriven": self = .branchesRedriven(scope: try reader.scope())
        case "childRedriven":
            self = .childRedriven(scope: try reader.scope(), index: try reader.number("index"))
        case "mapRunRedriven": self = .mapRunRedriven(scope: try reader.scope())
        case "childExecutionRedriven":
            self = .childExecutionRedriven(scope: try reader.scope(), index: try reader.number("index"))
        case "mapRunUpdated":
            self = .mapRunUpdated(
                scope: try reader.scope(), maxConcurrency: reader.json["maxConcurrency"]?.integerValue,
                toleratedCount: reader.json["toleratedCount"]?.integerValue,
                toleratedPercentage: reader.json["toleratedPercentage"]?.doubleValue)
        case "workerLost": self = .workerLost(scope: try reader.scope(), worker: try reader.text("worker"))
        case "taskReleased": self = .taskReleased(scope: try reader.scope())
        case "attemptMeasured":
            self = .attemptMeasured(
                scope: try reader.scope(),
                usage: AttemptUsage(
                    cpuMilliseconds: try reader.number("cpu"), wallMilliseconds: try reader.number("wall"),
                    peakMemoryBytes: try reader.number("memory"), isSaved: reader.json["saved"]?.boolValue ?? false))
        default: throw JournalFormatError(reason: "unknown effect '\(name)'")
        }
    }
}

/// The members of an effect, each demanded with its type.
private struct EffectReader {
    let json: JSON

    func value(_ key: String) throws(JournalFormatError) -> JSON {
        guard let value = json[key] else { throw JournalFormatError(reason: "'\(key)' is missing") }
        return value
    }

    func text(_ key: String) throws(JournalFormatError) -> String {
        guard let text = try value(key).stringValue else { throw JournalFormatError(reason: "'\(key)' is no text") }
        return text
    }

    func number(_ key: String) throws(JournalFormatError) -> Int {
        guard let number = try value(key).integerValue else {
            throw JournalFormatError(reason: "'\(key)' is no whole number")
        }
        return number
    }

    func scope() throws(JournalFormatError) -> ScopeID { try number("s") }

    func payload(_ key: String) throws(JournalFormatError) -> Payload {
        guard let payload = Payload(json: try value(key)) else {
            throw JournalFormatError(reason: "'\(key)' is no payload")
        }
        return payload
    }

    func outcome() throws(JournalFormatError) -> Outcome {
        let error = json["error"]?.stringValue
        let cause = json["cause"]?.stringValue
        switch try text("status") {
        case "SUCCEEDED": return .succeeded(output: try value("output"))
        case "FAILED": return .failed(error: error, cause: cause)
        case "TIMED_OUT": return .timedOut(error: error, cause: cause)
        case "ABORTED": return .aborted(error: error, cause: cause)
        case let status: throw JournalFormatError(reason: "'\(status)' is no way to end")
        }
    }
}

extension WaitingTask {
    fileprivate init(json: JSON) throws(JournalFormatError) {
        let reader = EffectReader(json: json)
        self.init(
            execution: try reader.text("execution"), entry: try reader.number("entry"),
            nonce: try reader.text("nonce"))
    }
}

extension MapRunMembership {
    fileprivate init(json: JSON) throws(JournalFormatError) {
        let reader = EffectReader(json: json)
        guard let steps = try reader.value("processor").arrayValue else {
            throw JournalFormatError(reason: "'processor' is no path")
        }
        self.init(
            execution: try reader.text("execution"), entry: try reader.number("entry"),
            index: try reader.number("index"), processor: steps.map { $0.stringValue ?? "" },
            mapRunARN: try reader.text("mapRun"), item: json["item"], generation: json["generation"]?.integerValue ?? 0,
            itemCount: json["items"]?.integerValue ?? 1, mapRunNumber: json["run"]?.integerValue ?? 0)
    }
}
