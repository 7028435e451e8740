public import JSON
import OrderedCollections

extension JSONPath {
    /// The value that the path names. A definite path without match has none; other paths give an array of all
    /// matches, an empty one too. A path that looks at more than ``maximumVisits`` values has none either.
    public func value(in scope: EvaluationScope) -> JSON? {
        if case .found(let value) = lookUp(in: scope) { value } else { nil }
    }

    enum Lookup {
        case found(JSON)
        case missing
        /// The path looks at more values than it may.
        case excessive
    }

    func lookUp(in scope: EvaluationScope) -> Lookup {
        let visits = Visits(scope: scope)
        let value = start(in: scope).flatMap { self.value(of: $0, visits: visits) }
        if visits.areExhausted { return .excessive }
        return value.map(Lookup.found) ?? .missing
    }

    /// What the path begins with; nil for a variable that nobody assigned.
    private func start(in scope: EvaluationScope) -> JSON? {
        switch root {
        case .input, .current: scope.input
        case .context: scope.context
        case .variable(let name): scope.variables[name]
        }
    }

    /// What the causes call the input: what the path begins with.
    func document(in scope: EvaluationScope) -> JSON { start(in: scope) ?? scope.input }

    /// The error of a path that looks at too many values.
    var excessError: EvaluationError {
        EvaluationError(
            error: ErrorName.dataLimitExceeded,
            cause: "The JSONPath '\(text)' looks at more than \(JSONPath.maximumVisits) values")
    }

    /// What all parts of one evaluation share.
    final class Visits {
        let scope: EvaluationScope
        private var left = JSONPath.maximumVisits

        init(scope: EvaluationScope) { self.scope = scope }

        var areExhausted: Bool { left < 0 }

        /// Whether the evaluation may go on after looking at so many values.
        func count(_ values: Int = 1) -> Bool {
            left = max(left - values, -1)
            return left >= 0
        }
    }

    private func value(of start: JSON, visits: Visits) -> JSON? {
        var nodes = [start]
        var isDefinite = true
        for (index, segment) in segments.enumerated() {
            if case .function(let function) = segment {
                let argument = isDefinite ? nodes.first : .array(nodes)
                nodes = argument.flatMap { function.apply(to: $0) }.map { [$0] } ?? []
                isDefinite = true
                continue
            }
            var next: [JSON] = []
            let isLast = index == segments.count - 1
            for node in nodes { segment.append(from: node, isLast: isLast, visits: visits, to: &next) }
            if visits.areExhausted { return nil }
            nodes = next
            isDefinite = isDefinite && segment.isDefinite(isLast: isLast)
        }
        return isDefinite ? nodes.first : .array(nodes)
    }

    /// The value relative to a filter's candidate (`@`), or absolute.
    func value(candidate: JSON, visits: Visits) -> JSON? {
        guard visits.count() else { return nil }
        if root == .current { return value(of: candidate, visits: visits) }
        return start(in: visits.scope).flatMap { value(of: $0, visits: visits) }
    }

    /// Why a definite path has no match, in the words of the library behind Step Functions.
    func reasonForNoMatch(in scope: EvaluationScope) -> String {
        guard var node = start(in: scope) else { return "No results for path: \(text)" }
        var walked = "$"
        for (index, segment) in segments.enumerated() {
            var next: [JSON] = []
            segment.append(
                from: node, isLast: index == segments.count - 1, visits: Visits(scope: scope), to: &next)
            switch segment {
            case .names(let names): walked += "[" + names.map { "'\($0)'" }.joined(separator: ",") + "]"
            case .indices(let indices): walked += "[" + indices.map(String.init).joined(separator: ",") + "]"
            case .slice, .wildcard, .filter, .descendants, .function: return "No results for path: \(text)"
            }
            guard let first = next.first else {
                return index == segments.count - 1
                    ? "No results for path: \(walked)" : "Missing property in path \(walked)"
            }
            node = first
        }
        return "No results for path: \(walked)"
    }
}

extension JSONPath.Segment {
    fileprivate func isDefinite(isLast: Bool) -> Bool {
        switch self {
        case .names(let names): names.count == 1 || isLast
        case .indices(let indices): indices.count == 1
        case .function: true
        case .slice, .wildcard, .filter, .descendants: false
        }
    }

    fileprivate func append(from node: JSON, isLast: Bool, visits: JSONPath.Visits, to result: inout [JSON]) {
        guard visits.count() else { return }
        switch self {
        case .names(let names):
            guard visits.count(names.count), case .object(let members) = node else { return }
            if names.count > 1, isLast {
                result.append(JSON.picking(names, of: members))
            } else {
                for name in names { if let value = members[name] { result.append(value) } }
            }
        case .indices(let indices):
            guard visits.count(indices.count), case .array(let elements) = node else { return }
            for index in indices {
                let resolved = index < 0 ? elements.count + index : index
                if elements.indices.contains(resolved) { result.append(elements[resolved]) }
            }
        case .slice(let from, let to):
            guard case .array(let elements) = node, visits.count(elements.count) else { return }
            func resolve(_ index: Int) -> Int {
                min(max(index < 0 ? elements.count + index : index, 0), elements.count)
            }
            let lower = resolve(from ?? 0)
            let upper = resolve(to ?? elements.count)
            if lower < upper { result.append(contentsOf: elements[lower..<upper]) }
        case .wildcard:
            switch node {
            case .array(let elements):
                if visits.count(elements.count) { result.append(contentsOf: elements) }
            case .object(let members):
                if visits.count(members.count) { result.append(contentsOf: members.values) }
            case .null, .bool, .integer, .double, .string: break
            }
        case .filter(let filter):
            switch node {
            case .array(let elements):
                result.append(contentsOf: elements.filter { filter.accepts($0, visits: visits) })
            case .object:
                if filter.accepts(node, visits: visits) { result.append(node) }
            case .null, .bool, .integer, .double, .string: break
            }
        case .descendants(let inner):
            inner.append(from: node, isLast: isLast, visits: visits, to: &result)
            switch node {
            case .array(let elements):
                for element in elements { append(from: element, isLast: isLast, visits: visits, to: &result) }
            case .object(let members):
                for value in members.values { append(from: value, isLast: isLast, visits: visits, to: &result) }
            case .null, .bool, .integer, .double, .string: break
            }
        case .function: break
        }
    }
}

extension JSON {
    fileprivate static func picking(_ names: [String], of members: OrderedDictionary<String, JSON>) -> JSON {
        var picked: OrderedDictionary<String, JSON> = [:]
        for name in names { if let value = members[name] { picked[name] = value } }
        return .object(picked)
    }
}

extension JSONPath.Function {
    /// The function's value; nil where it has none, for instance the minimum of a list without numbers.
    func apply(to value: JSON) -> JSON? {
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
        case .min, .max, .avg, .sum:
            guard let numbers = value.arrayValue?.compactMap(\.doubleValue), !numbers.isEmpty else { return nil }
            let result = aggregate(numbers)
            // JSON has no infinity.
            return result.isFinite ? .double(result) : nil
        }
    }

    private func aggregate(_ numbers: [Double]) -> Double {
        switch self {
        case .min: numbers.reduce(.infinity, Swift.min)
        case .max: numbers.reduce(-.infinity, Swift.max)
        case .avg: numbers.reduce(0) { $0 + $1 / Double(numbers.count) }
        case .sum, .length, .size, .keys, .first, .last: numbers.reduce(0, +)
        }
    }
}
