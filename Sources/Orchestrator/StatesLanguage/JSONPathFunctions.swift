import JSON

extension JSONPath {
    /// The functions that may end a path.
    ///
    /// Source: https://github.com/json-path/JsonPath#functions
    enum Function: String, Sendable, Hashable, CaseIterable {
        case length, size, min, max, avg, stddev, sum, keys, first, last, index, concat, append

        /// How many arguments stand between the parentheses.
        var argumentCounts: ClosedRange<Int> {
            switch self {
            case .length, .size, .keys, .first, .last: 0...0
            case .index, .append: 1...1
            case .min, .max, .avg, .stddev, .sum, .concat: 0...16
            }
        }
    }
}

extension JSONPath.Function {
    /// The function's value; nil where it has none, for instance the minimum of a list without numbers.
    ///
    /// - Parameter arguments: what stands in the parentheses; nil for a path without value.
    func apply(to value: JSON, with arguments: [JSON?]) -> JSON? {
        switch self {
        case .length, .size:
            switch value {
            case .array(let elements): return .integer(elements.count)
            case .object(let members): return .integer(members.count)
            case .string(let text): return .integer(text.utf16.count)
            case .null, .bool, .integer, .double: return nil
            }
        case .keys:
            return value.objectValue.map { members in .array(members.keys.map { .string($0) }) }
        case .first: return value.arrayValue?.first
        case .last: return value.arrayValue?.last
        case .index:
            guard let elements = value.arrayValue, let index = arguments.first??.integerValue else { return nil }
            return value[index < 0 ? elements.count + index : index]
        case .append:
            guard let elements = value.arrayValue, let added = arguments.first ?? nil else { return nil }
            return .array(elements + [added])
        case .concat:
            let parts = (value.arrayValue ?? [value]) + arguments.compactMap(\.self)
            return .string(parts.compactMap(\.stringValue).joined())
        case .min, .max, .avg, .stddev, .sum:
            let values = (value.arrayValue ?? []) + arguments.compactMap(\.self)
            let numbers = values.compactMap(\.doubleValue)
            if numbers.isEmpty { return nil }
            let result = aggregate(numbers)
            // JSON has no infinity.
            return result.isFinite ? .double(result) : nil
        }
    }

    private func aggregate(_ numbers: [Double]) -> Double {
        let count = Double(numbers.count)
        let sum = numbers.reduce(0, +)
        switch self {
        case .min: return numbers.reduce(.infinity, Swift.min)
        case .max: return numbers.reduce(-.infinity, Swift.max)
        case .avg: return numbers.reduce(0) { $0 + $1 / count }
        case .stddev:
            let squares = numbers.reduce(0) { $0 + $1 * $1 }
            let variance = squares / count - sum * sum / count / count
            return Swift.max(variance, 0).squareRoot()
        case .sum, .length, .size, .keys, .first, .last, .index, .concat, .append: return sum
        }
    }
}
