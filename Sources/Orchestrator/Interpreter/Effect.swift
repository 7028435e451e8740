public import JSON

/// A fact of an execution: what the journal holds. Applying effects moves data and evaluates nothing.
///
/// The JSON form is part of the journal's format, version ``Effect/formatVersion``: every release reads all earlier
/// ones, so a case is never changed, only added.
public enum Effect: Sendable, Hashable {
    case executionStarted(ExecutionStart)
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

    public static let formatVersion = 1
}

/// A payload in an effect: written out once, and named by where it already is ever after.
public enum Payload: Sendable, Hashable {
    case value(JSON)
    /// What flows in the scope: its input, or the output of the state before.
    case data
    /// The raw input of the scope's current state.
    case input
    /// The item of the Map iteration.
    case item
    /// What the last attempt of the current task gave.
    case result
    /// What the children of the current Parallel or Map state gave, as an array in their order.
    case children
}

/// Why a journal row can't be read: a fault of the journal or a format of a later release.
public struct JournalFormatError: Error, Sendable, Hashable, CustomStringConvertible {
    public let reason: String

    public var description: String { "the journal row can't be read: \(reason)" }
}

extension Effect {
    /// The text of a journal row's effects column.
    public static func encode(_ effects: [Effect]) -> String {
        let document: JSON = ["v": .integer(formatVersion), "effects": .array(effects.map(\.json))]
        return document.text
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

    var json: JSON {
        switch self {
        case .executionStarted(let start):
            return .members(
                ("e", "executionStarted"), ("machine", .string(start.machineARN)), ("name", .string(start.name)),
                ("definition", .string(start.definitionHash)), ("input", start.input),
                ("seed", .string(String(start.seed, radix: 16))), ("deployment", start.deployment.json))
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
        }
    }

    private static func ending(_ name: String, _ error: String?, _ cause: String?) -> JSON {
        .members(("e", .string(name)), ("error", error.map { .string($0) }), ("cause", cause.map { .string($0) }))
    }

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
                    deployment: Deployment(json: json["deployment"])))
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
        default: throw JournalFormatError(reason: "unknown effect '\(name)'")
        }
    }
}

extension Payload {
    /// A value is wrapped in an array of one, so that no payload can be mistaken for a reference.
    var json: JSON {
        switch self {
        case .value(let value): [value]
        case .data: "data"
        case .input: "input"
        case .item: "item"
        case .result: "result"
        case .children: "children"
        }
    }

    init?(json: JSON) {
        switch json {
        case .array(let elements) where elements.count == 1: self = .value(elements[0])
        case .string("data"): self = .data
        case .string("input"): self = .input
        case .string("item"): self = .item
        case .string("result"): self = .result
        case .string("children"): self = .children
        case .null, .bool, .integer, .double, .string, .array, .object: return nil
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
}
