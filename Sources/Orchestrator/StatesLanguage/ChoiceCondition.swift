public import JSON

/// The condition of a choice rule.
///
/// Source: https://states-language.net/spec.html#choice-state
public indirect enum ChoiceCondition: Sendable, Hashable {
    case and([ChoiceCondition])
    case or([ChoiceCondition])
    case not(ChoiceCondition)
    /// Whether the variable has a value at all.
    case isPresent(JSONPath, Bool)
    /// Whether the variable's value is of a type; the variable must have a value.
    case isType(JSONPath, ValueType, Bool)
    case comparison(JSONPath, Comparison, Operand)
    /// StringMatches: `*` stands for any characters, `\*` for itself.
    case stringMatches(JSONPath, pattern: String)
    /// Condition of a JSONata state: true or false.
    case expression(QueryExpression)
    /// Condition of a JSONata state that is no expression.
    case constant(Bool)

    /// The word after `Is`.
    public enum ValueType: String, Sendable, Hashable, CaseIterable {
        case null = "IsNull"
        case string = "IsString"
        case numeric = "IsNumeric"
        case boolean = "IsBoolean"
        case timestamp = "IsTimestamp"
    }

    /// `StringLessThanEquals` and its like.
    public struct Comparison: Sendable, Hashable {
        public enum Domain: String, Sendable, Hashable, CaseIterable {
            case string = "String"
            case numeric = "Numeric"
            case boolean = "Boolean"
            case timestamp = "Timestamp"
        }

        public enum Relation: String, Sendable, Hashable, CaseIterable {
            case equals = "Equals"
            case lessThan = "LessThan"
            case greaterThan = "GreaterThan"
            case lessThanEquals = "LessThanEquals"
            case greaterThanEquals = "GreaterThanEquals"
        }

        public let domain: Domain
        public let relation: Relation

        public init(domain: Domain, relation: Relation) {
            self.domain = domain
            self.relation = relation
        }

        /// The operator's field in a definition.
        public var name: String { domain.rawValue + relation.rawValue }

        /// All comparisons of the language; booleans have no order.
        static let all: [Comparison] = Domain.allCases.flatMap { domain in
            (domain == .boolean ? [Relation.equals] : Relation.allCases).map {
                Comparison(domain: domain, relation: $0)
            }
        }
    }

    /// What the variable is compared with.
    public enum Operand: Sendable, Hashable {
        case value(JSON)
        case path(JSONPath)
    }

    /// Whether the condition holds. A variable of another type than the operator's makes a comparison false; a path
    /// without value fails with `States.Runtime`, except in IsPresent.
    ///
    /// - Parameter field: where the condition stands, such as `Choices[0]/Condition`, for the cause.
    public func matches(in scope: EvaluationScope, field: String = "Condition") throws(EvaluationError) -> Bool {
        switch self {
        case .and(let conditions):
            for condition in conditions where try !condition.matches(in: scope) { return false }
            return true
        case .or(let conditions):
            for condition in conditions where try condition.matches(in: scope) { return true }
            return false
        case .not(let condition): return try !condition.matches(in: scope)
        case .isPresent(let variable, let wanted):
            switch variable.lookUp(in: scope) {
            case .found(let value): return (variable.isDefinite || value != []) == wanted
            case .missing: return !wanted
            case .excessive: throw variable.excessError
            }
        case .isType(let variable, let type, let wanted):
            return type.contains(try ChoiceCondition.value(of: variable, in: scope)) == wanted
        case .comparison(let variable, let comparison, let operand):
            let left = try ChoiceCondition.value(of: variable, in: scope)
            let right: JSON
            switch operand {
            case .value(let value): right = value
            case .path(let path): right = try ChoiceCondition.value(of: path, in: scope)
            }
            return comparison.holds(left, right)
        case .stringMatches(let variable, let pattern):
            guard case .string(let text) = try ChoiceCondition.value(of: variable, in: scope) else { return false }
            return WildcardPattern(pattern).matches(text)
        case .expression(let expression):
            let value = try expression.value(of: "boolean", in: scope, field: field) { $0.boolValue != nil }
            return value.boolValue == true
        case .constant(let value): return value
        }
    }

    private static func value(of path: JSONPath, in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        switch path.lookUp(in: scope) {
        case .found(let value): return value
        case .missing:
            throw .runtime(
                "Invalid path '\(path.text)': The choice state's condition path references an invalid value.")
        case .excessive: throw path.excessError
        }
    }
}

extension ChoiceState {
    /// What a Choice state decided.
    public struct Decision: Sendable, Hashable {
        public let next: String
        /// The rule that matched; nil: none did, and Default was taken.
        public let rule: Rule?
    }

    /// The first rule that matches, or Default; fails with `States.NoChoiceMatched` where there is neither.
    public func decision(in scope: EvaluationScope) throws(EvaluationError) -> Decision {
        for (index, rule) in rules.enumerated()
        where try rule.condition.matches(in: scope, field: "Choices[\(index)]/Condition") {
            return Decision(next: rule.next, rule: rule)
        }
        guard let defaultNext else {
            throw EvaluationError(
                error: ErrorName.noChoiceMatched,
                cause: "Failed to transition out of the state. The state does not point to a next state.")
        }
        return Decision(next: defaultNext, rule: nil)
    }
}

extension ChoiceCondition.ValueType {
    func contains(_ value: JSON) -> Bool {
        switch (self, value) {
        case (.null, .null), (.string, .string), (.numeric, .integer), (.numeric, .double), (.boolean, .bool): true
        case (.timestamp, .string(let text)): Timestamp.microseconds(rfc3339: text) != nil
        case (.null, _), (.string, _), (.numeric, _), (.boolean, _), (.timestamp, _): false
        }
    }
}

extension ChoiceCondition.Comparison {
    /// Whether the relation holds; false where a value is not of the operator's type.
    func holds(_ left: JSON, _ right: JSON) -> Bool {
        switch domain {
        case .boolean:
            guard let a = left.boolValue, let b = right.boolValue else { return false }
            return a == b
        case .numeric:
            if case .integer(let a) = left, case .integer(let b) = right { return relation.holds(a, b) }
            guard let a = left.doubleValue, let b = right.doubleValue else { return false }
            return relation.holds(a, b)
        case .timestamp:
            guard let a = left.stringValue.flatMap({ Timestamp.microseconds(rfc3339: $0) }),
                let b = right.stringValue.flatMap({ Timestamp.microseconds(rfc3339: $0) })
            else { return false }
            return relation.holds(a, b)
        case .string:
            guard let a = left.stringValue, let b = right.stringValue else { return false }
            // By UTF-16 code units, as the service's own language orders texts.
            let order =
                a.utf16.elementsEqual(b.utf16) ? 0 : a.utf16.lexicographicallyPrecedes(b.utf16) ? -1 : 1
            return relation.holds(order, 0)
        }
    }
}

extension ChoiceCondition.Comparison.Relation {
    fileprivate func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .equals: left == right
        case .lessThan: left < right
        case .greaterThan: left > right
        case .lessThanEquals: left <= right
        case .greaterThanEquals: left >= right
        }
    }
}

/// The pattern of StringMatches.
struct WildcardPattern {
    private enum Part: Equatable {
        case any
        case scalar(Unicode.Scalar)
    }

    private var parts: [Part] = []

    init(_ pattern: String) {
        var isEscaped = false
        for scalar in pattern.unicodeScalars {
            if scalar == "\\", !isEscaped {
                isEscaped = true
                continue
            }
            if scalar == "*", !isEscaped {
                if parts.last != .any { parts.append(.any) }
            } else {
                // A backslash escapes `*` and itself; before anything else it stands for itself.
                if isEscaped, scalar != "*", scalar != "\\" { parts.append(.scalar("\\")) }
                parts.append(.scalar(scalar))
            }
            isEscaped = false
        }
        if isEscaped { parts.append(.scalar("\\")) }
    }

    /// Greedy with one point of return, so the time is bounded by the product of both lengths.
    func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var position = 0
        var part = 0
        var resume: (part: Int, position: Int)?
        while position < scalars.count {
            if part < parts.count, parts[part] == .any {
                resume = (part, position)
                part += 1
            } else if part < parts.count, parts[part] == .scalar(scalars[position]) {
                part += 1
                position += 1
            } else if let mark = resume {
                resume = (mark.part, mark.position + 1)
                part = mark.part + 1
                position = mark.position + 1
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .any }
    }
}
