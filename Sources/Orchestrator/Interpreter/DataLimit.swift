import JSON
import StatesLanguage

/// Bounds of what an execution carries, in bytes of JSON text.
public struct DataLimits: Sendable, Hashable {
    /// What one state may hand to the next, and what one variable and one Assign may hold. A loop through a Parallel state
    /// doubles its data with every round, so that without a bound a few lines of a definition fill the journal.
    public let stateBytes: Int

    public init(stateBytes: Int) { self.stateBytes = stateBytes }

    /// The listing of a long film's package is larger than AWS allows.
    public static let standard = DataLimits(stateBytes: 4 << 20)

    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    public static let aws = DataLimits(stateBytes: 262_144)

    /// All variables that a scope sees; the same multiple of a state's data as AWS has, 10 MiB.
    var variableBytes: Int { stateBytes * 40 }
}

/// What one decision may write, about: past half of it no further state is evaluated, and a state that alone goes past
/// all of it fails. A journal row holds 64 MiB.
let decisionBytes = 32 << 20

extension Decider {
    /// Counts a payload that is about to be written or to flow on.
    mutating func charge(_ payload: Payload, in scope: ScopeID) throws(EvaluationError) {
        let isWritten =
            switch payload {
            case .value: true
            case .data, .input, .item, .result, .children, .element, .batch: false
            }
        let value = execution.resolve(payload, in: scope)
        guard let bytes = value.textBytes(upTo: limits.stateBytes) else { throw tooLarge(in: scope) }
        if isWritten { bytesWritten += bytes }
        if bytesWritten > decisionBytes {
            throw EvaluationError(
                error: ErrorName.dataLimitExceeded,
                cause: "The state's children are given more than \(decisionBytes) bytes.")
        }
    }

    /// Counts a value that is written into the journal as it is.
    mutating func chargeResult(_ value: JSON, in scope: ScopeID) throws(EvaluationError) {
        guard let bytes = value.textBytes(upTo: limits.stateBytes) else { throw tooLarge(in: scope) }
        bytesWritten += bytes
    }

    /// The service names the resource of a task and the state of all others.
    func tooLarge(in scope: ScopeID) -> EvaluationError {
        guard let entry = execution.scopes.shared(scope)?.value.entry else {
            preconditionFailure("scope \(scope) is in no state")
        }
        let name =
            if case .task(let task) = entry.plan.state.kind { task.resource } else { entry.state }
        return EvaluationError(
            error: ErrorName.dataLimitExceeded,
            cause:
                "The state/task '\(name)' returned a result with a size exceeding the maximum number of bytes service"
                + " limit.")
    }
}

extension JSON {
    /// The bytes of the value's text, about; nil when they are more than the limit, for certain, or when the value nests
    /// deeper than data may: a Parallel state puts an array around its data, and in a loop without end.
    func textBytes(upTo limit: Int) -> Int? {
        var bytes = 0
        // Escapes aside the sum is what the text has at least, up to a byte a number and a comma a container.
        guard count(into: &bytes, upTo: limit, depth: 0) else { return nil }
        // An escape makes six bytes of one.
        if bytes > limit / 6 - 64 {
            bytes = utf8.count
            if bytes > limit { return nil }
        }
        return bytes
    }

    /// Adds the least bytes that the value's text can have; false as soon as the sum or the depth goes past its limit.
    private func count(into bytes: inout Int, upTo limit: Int, depth: Int) -> Bool {
        switch self {
        case .null, .bool: bytes += 4
        case .integer, .double: bytes += 1
        case .string(let text): bytes += text.utf8.count + 2
        case .array(let elements):
            bytes += 1 + max(elements.count, 1)
            if depth == DataFlow.maximumDepth { return false }
            for element in elements where !element.count(into: &bytes, upTo: limit, depth: depth + 1) { return false }
        case .object(let members):
            bytes += 1 + max(members.count, 1)
            if depth == DataFlow.maximumDepth { return false }
            for (key, value) in members {
                bytes += key.utf8.count + 3
                if !value.count(into: &bytes, upTo: limit, depth: depth + 1) { return false }
            }
        }
        return bytes <= limit
    }
}
