import JSON
import StatesLanguage

/// What one state may hand to the next, about, in bytes of JSON text. A loop through a Parallel state doubles its data
/// with every round, so that without a bound a few lines of a definition fill the journal.
///
/// AWS allows 262,144 bytes. The listing of a long film's package is larger than that.
public let stateDataBytes = 4 << 20

/// What one decision may write, about: past half of it no further state is evaluated, and a state that alone goes past
/// all of it fails. A journal row holds 64 MiB.
let decisionBytes = 32 << 20

extension Decider {
    /// Counts a payload that is about to be written or to flow on.
    mutating func charge(_ payload: Payload, in scope: ScopeID) throws(EvaluationError) {
        let isWritten = if case .value = payload { true } else { false }
        var bytes = 0
        guard execution.resolve(payload, in: scope).count(into: &bytes, upTo: stateDataBytes) else {
            throw EvaluationError(
                error: ErrorName.dataLimitExceeded,
                cause: "The state's data has more than \(stateDataBytes) bytes.")
        }
        if isWritten { bytesWritten += bytes }
        if bytesWritten > decisionBytes {
            throw EvaluationError(
                error: ErrorName.dataLimitExceeded,
                cause: "The state's children are given more than \(decisionBytes) bytes.")
        }
    }
}

extension JSON {
    /// Adds the bytes of the value's text, escapes aside; false as soon as the sum goes past the limit.
    fileprivate func count(into bytes: inout Int, upTo limit: Int) -> Bool {
        switch self {
        case .null, .bool: bytes += 5
        case .integer, .double: bytes += 8
        case .string(let text): bytes += text.utf8.count + 3
        case .array(let elements):
            bytes += 2
            for element in elements { if !element.count(into: &bytes, upTo: limit) { return false } }
        case .object(let members):
            bytes += 2
            for (key, value) in members {
                bytes += key.utf8.count + 3
                if !value.count(into: &bytes, upTo: limit) { return false }
            }
        }
        return bytes <= limit
    }
}
