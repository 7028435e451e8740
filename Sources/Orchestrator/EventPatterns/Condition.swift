import JSON

/// One of the values in a pattern's array.
indirect enum Condition: Sendable, Hashable {
    case equals(JSON)
    case equalsIgnoringCase(FoldedText)
    case prefix(String)
    case prefixIgnoringCase(FoldedText)
    case suffix(String)
    case suffixIgnoringCase(FoldedText)
    case wildcard(Wildcard)
    /// Any value but those of which one of these holds.
    case anythingBut([Condition])
    case numeric([NumericBound])
    /// There is a value.
    case present
    /// There is none; the index among the pattern's absent paths.
    case absent(Int)
    case cidr(AddressBlock)

    /// - Parameter value: no array; nil, an object and an empty array are no value.
    func holds(of value: JSON?, absent: [Bool]) -> Bool {
        if case .absent(let index) = self { return absent[index] }
        guard let value else { return false }
        switch value {
        case .array, .object: return false
        case .null, .bool, .integer, .double, .string: return holds(of: value)
        }
    }

    private func holds(of value: JSON) -> Bool {
        switch self {
        case .equals(let other): return value == other || value.numericallyEquals(other)
        case .anythingBut(let others): return !others.contains { $0.holds(of: value) }
        case .numeric(let bounds): return bounds.allSatisfy { $0.holds(of: value) }
        case .present: return true
        case .absent: preconditionFailure("what is absent has no value")
        case .equalsIgnoringCase, .prefix, .prefixIgnoringCase, .suffix, .suffixIgnoringCase, .wildcard, .cidr:
            guard case .string(let text) = value else { return false }
            return holds(of: text)
        }
    }

    private func holds(of text: String) -> Bool {
        switch self {
        case .equalsIgnoringCase(let other): FoldedText(text) == other
        case .prefix(let start): text.utf8.starts(with: start.utf8)
        case .prefixIgnoringCase(let start): FoldedText(text).bytes.starts(with: start.bytes)
        case .suffix(let end): text.utf8.reversed().starts(with: end.utf8.reversed())
        case .suffixIgnoringCase(let end): FoldedText(text).bytes.reversed().starts(with: end.bytes.reversed())
        case .wildcard(let wildcard): wildcard.matches(Array(text.utf8))
        case .cidr(let block): block.contains(text)
        case .equals, .anythingBut, .numeric, .present, .absent: false
        }
    }
}

/// A text without the difference of upper and lower case, letter by letter.
struct FoldedText: Sendable, Hashable {
    let bytes: [UInt8]

    init(_ text: String) {
        var folded = ""
        // Through upper case first: some letters have two lower-case forms.
        for scalar in text.unicodeScalars {
            for upper in scalar.properties.uppercaseMapping.unicodeScalars {
                folded += upper.properties.lowercaseMapping
            }
        }
        bytes = Array(folded.utf8)
    }
}

/// One comparison of `numeric`.
struct NumericBound: Sendable, Hashable {
    enum Operator: String, Sendable, CaseIterable {
        case equal = "="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="

        var isLower: Bool { self == .greater || self == .greaterOrEqual }
    }

    let comparison: Operator
    let number: JSON

    func holds(of value: JSON) -> Bool {
        if case .integer(let left) = value, case .integer(let right) = number { return holds(left, right) }
        guard let left = value.doubleValue, let right = number.doubleValue else { return false }
        return holds(left, right)
    }

    private func holds<Number: Comparable>(_ left: Number, _ right: Number) -> Bool {
        switch comparison {
        case .equal: left == right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        }
    }
}
