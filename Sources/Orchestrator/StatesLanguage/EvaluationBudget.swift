import JSON
import SeededNumbers

/// What one evaluation of a template or call may use, shared by all its parts: a few words of a definition can copy
/// their input a million times, so bytes are counted before anything is built.
struct EvaluationBudget {
    /// The numbers for States.UUID and States.MathRandom.
    var draws: SplitMix64
    private var bytes = 0

    /// Sixteen times what an execution may hand from state to state.
    static let maximumBytes = 4 << 20

    init(seed: UInt64) { draws = SplitMix64(seed: seed) }

    /// Counts a value that an expression gave or was given.
    mutating func charge(_ value: JSON) throws(EvaluationError) {
        guard EvaluationBudget.count(value, into: &bytes) else {
            throw EvaluationError(
                error: ErrorName.dataLimitExceeded,
                cause: "The expressions of this field work on more than \(EvaluationBudget.maximumBytes) bytes")
        }
    }

    private static func count(_ value: JSON, into bytes: inout Int) -> Bool {
        bytes += 4
        switch value {
        case .null, .bool, .integer, .double: break
        case .string(let text): bytes += text.utf8.count
        case .array(let elements):
            for element in elements { if !count(element, into: &bytes) { return false } }
        case .object(let members):
            for (key, value) in members {
                bytes += key.utf8.count
                if !count(value, into: &bytes) { return false }
            }
        }
        return bytes <= maximumBytes
    }
}

extension JSON {
    /// Whether arrays and objects nest deeper than that.
    func isDeeper(than limit: Int) -> Bool {
        switch self {
        case .null, .bool, .integer, .double, .string: false
        case .array(let elements): limit == 0 || elements.contains { $0.isDeeper(than: limit - 1) }
        case .object(let members): limit == 0 || members.values.contains { $0.isDeeper(than: limit - 1) }
        }
    }
}
