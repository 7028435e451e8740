import JSON

extension JSONPath {
    /// What stands in `[?(...)]`.
    indirect enum Filter: Sendable, Hashable {
        case any([Filter])
        case all([Filter])
        case not(Filter)
        case exists(JSONPath)
        case comparison(Operand, Comparator, Operand)
        case pattern(Operand, FilterPattern)
    }

    enum Operand: Sendable, Hashable {
        case path(JSONPath)
        case value(JSON)
    }

    /// Longer spellings stand before their beginnings, so that the first that fits is meant.
    enum Comparator: String, Sendable, Hashable, CaseIterable {
        case identical = "==="
        case notIdentical = "!=="
        case equal = "=="
        case notEqual = "!="
        case atMost = "<="
        case less = "<"
        case atLeast = ">="
        case greater = ">"
        case isIn = "in"
        case isNotIn = "nin"
        case all = "all"
        case subset = "subsetof"
        case anyOf = "anyof"
        case noneOf = "noneof"
        case size = "size"
        case empty = "empty"
        case contains = "contains"
    }
}

extension JSONPath.Filter {
    func accepts(_ candidate: JSON, visits: JSONPath.Visits) -> Bool {
        guard visits.count() else { return false }
        return switch self {
        case .any(let parts): parts.contains { $0.accepts(candidate, visits: visits) }
        case .all(let parts): parts.allSatisfy { $0.accepts(candidate, visits: visits) }
        case .not(let part): !part.accepts(candidate, visits: visits)
        case .exists(let path): path.exists(candidate: candidate, visits: visits)
        case .pattern(let operand, let pattern): operand.matches(pattern, candidate: candidate, visits: visits)
        case .comparison(let left, let comparator, let right):
            comparator.holds(
                left.value(candidate: candidate, visits: visits), right.value(candidate: candidate, visits: visits),
                visits: visits)
        }
    }
}

extension JSONPath {
    fileprivate func exists(candidate: JSON, visits: JSONPath.Visits) -> Bool {
        guard let value = value(candidate: candidate, visits: visits) else { return false }
        return isDefinite || value.arrayValue?.isEmpty == false
    }
}

extension JSONPath.Operand {
    /// One element of a list is enough.
    fileprivate func matches(_ pattern: FilterPattern, candidate: JSON, visits: JSONPath.Visits) -> Bool {
        guard let value = value(candidate: candidate, visits: visits) else { return false }
        switch value {
        case .array(let elements):
            return elements.contains { $0.matches(pattern, visits: visits) }
        case .null, .bool, .integer, .double, .string, .object: return value.matches(pattern, visits: visits)
        }
    }

    func value(candidate: JSON, visits: JSONPath.Visits) -> JSON? {
        switch self {
        case .value(let value): value
        case .path(let path): path.value(candidate: candidate, visits: visits)
        }
    }
}

extension JSONPath.Comparator {
    /// Whether the comparison holds. A path without match is nil: it equals nothing and is in no order.
    func holds(_ left: JSON?, _ right: JSON?, visits: JSONPath.Visits) -> Bool {
        guard let left, let right else {
            switch self {
            case .notEqual, .notIdentical: return left != nil || right != nil
            case .isNotIn: return right?.arrayValue != nil
            default: return false
            }
        }
        // Comparing lists looks at each pair.
        let pairs = (left.arrayValue?.count ?? 1).multipliedReportingOverflow(by: right.arrayValue?.count ?? 1)
        guard !pairs.overflow, visits.count(pairs.partialValue) else { return false }
        return switch self {
        case .identical: left.isIdentical(to: right)
        case .notIdentical: !left.isIdentical(to: right)
        case .equal: left.means(right)
        case .notEqual: !left.means(right)
        case .less: left.precedes(right) ?? false
        case .greater: right.precedes(left) ?? false
        case .atMost: right.precedes(left).map { !$0 } ?? false
        case .atLeast: left.precedes(right).map { !$0 } ?? false
        case .isIn: right.arrayValue?.contains { $0.means(left) } ?? false
        case .isNotIn: !(right.arrayValue?.contains { $0.means(left) } ?? false)
        case .all: right.shares(with: left) { $0.allSatisfy($1) }
        case .subset: left.shares(with: right) { $0.allSatisfy($1) }
        case .anyOf: left.shares(with: right) { $0.contains(where: $1) }
        case .noneOf: left.shares(with: right) { !$0.contains(where: $1) }
        case .size: left.elementCount.map { $0 == right.integerValue } ?? false
        case .empty: left.elementCount.map { ($0 == 0) == right.boolValue } ?? false
        case .contains: left.holds(right)
        }
    }
}

extension JSON {
    /// Texts, and numbers and booleans as they print.
    fileprivate func matches(_ pattern: FilterPattern, visits: JSONPath.Visits) -> Bool {
        let text: String
        switch self {
        case .string(let string): text = string
        case .integer, .double, .bool: text = self.text
        case .null, .array, .object: return false
        }
        // A step through a pattern is cheaper than a look at a value.
        return visits.count(pattern.cost(of: text) / 16) && pattern.matches(text)
    }

    fileprivate func isIdentical(to other: JSON) -> Bool { self == other || numericallyEquals(other) }

    /// `==`, for which a text that reads as a number is that number.
    fileprivate func means(_ other: JSON) -> Bool {
        if isIdentical(to: other) { return true }
        switch (self, other) {
        case (.string(let text), .integer), (.string(let text), .double):
            return IntrinsicCall.number(text)?.numericallyEquals(other) ?? false
        case (.integer, .string(let text)), (.double, .string(let text)):
            return IntrinsicCall.number(text)?.numericallyEquals(self) ?? false
        default: return false
        }
    }

    /// Nil where the two have no order.
    fileprivate func precedes(_ other: JSON) -> Bool? {
        if case .string(let a) = self, case .string(let b) = other { return a.utf16.lexicographicallyPrecedes(b.utf16) }
        guard let a = doubleValue, let b = other.doubleValue else { return nil }
        return a < b
    }

    fileprivate var elementCount: Int? {
        switch self {
        case .array(let elements): elements.count
        case .string(let text): text.utf16.count
        case .object(let members): members.count
        case .null, .bool, .integer, .double: nil
        }
    }

    fileprivate func shares(with other: JSON, _ test: ([JSON], (JSON) -> Bool) -> Bool) -> Bool {
        guard let left = arrayValue, let right = other.arrayValue else { return false }
        return test(left) { element in right.contains { $0.means(element) } }
    }

    fileprivate func holds(_ part: JSON) -> Bool {
        switch self {
        case .array(let elements): return elements.contains { $0.means(part) }
        case .string(let text):
            guard let part = part.stringValue else { return false }
            return part.isEmpty || Array(text.utf8).contains(sequence: Array(part.utf8))
        case .null, .bool, .integer, .double, .object: return false
        }
    }
}

extension [UInt8] {
    fileprivate func contains(sequence: [UInt8]) -> Bool {
        guard count >= sequence.count else { return false }
        return (0...(count - sequence.count)).contains { self[$0...].starts(with: sequence) }
    }
}
