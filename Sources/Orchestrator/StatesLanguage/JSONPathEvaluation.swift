public import JSON
import OrderedCollections

extension JSONPath {
    /// The value that the path names. A definite path without match has none; other paths give an array of all
    /// matches, an empty one too. A path that looks at more than ``maximumVisits`` values has none either.
    public func value(in scope: EvaluationScope) -> JSON? {
        if case .found(let value) = lookUp(in: scope) { value } else { nil }
    }

    /// The value that the path names, nil where it has none; fails with `States.DataLimitExceeded` where it looks at too
    /// many values to find out.
    public func match(in scope: EvaluationScope) throws(EvaluationError) -> JSON? {
        switch lookUp(in: scope) {
        case .found(let value): return value
        case .missing: return nil
        case .excessive: throw excessError
        }
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

    /// What causes call the input: what the path begins with.
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
            if case .function(let function, let arguments) = segment {
                let argument = isDefinite ? nodes.first : .array(nodes)
                let values = arguments.map { $0.value(candidate: start, visits: visits) }
                nodes = argument.flatMap { function.apply(to: $0, with: values) }.map { [$0] } ?? []
                isDefinite = true
                continue
            }
            let isLast = index == segments.count - 1
            var next: [JSON] = []
            for node in nodes { segment.append(from: node, isLast: isLast, visits: visits, to: &next) }
            if visits.areExhausted { return nil }
            nodes = next
            isDefinite = isDefinite && segment.isDefinite(isLast: isLast)
        }
        return isDefinite ? nodes.first : .array(nodes)
    }

    /// Whether a definite path ends in the index of an element that an array does not have, for which the service puts
    /// null into payload templates, as observed; an intrinsic function's argument must be there.
    func endsOutsideArray(in scope: EvaluationScope) -> Bool {
        guard case .indices(let indices) = segments.last, indices.count == 1 else { return false }
        let array = JSONPath(text: text, root: root, segments: segments.dropLast())
        guard array.isDefinite, case .found(.array) = array.lookUp(in: scope) else { return false }
        return true
    }

    /// The value relative to a filter's candidate (`@`), or absolute.
    func value(candidate: JSON, visits: Visits) -> JSON? {
        guard visits.count() else { return nil }
        if root == .current { return value(of: candidate, visits: visits) }
        return start(in: visits.scope).flatMap { value(of: $0, visits: visits) }
    }

    /// Why a path has no value, in the words of the library behind Step Functions.
    func reasonForNoMatch(in scope: EvaluationScope) -> String {
        guard var node = start(in: scope) else { return "No results for path: \(text)" }
        var walked = "$"
        for (index, segment) in segments.enumerated() {
            let fragment: String
            switch segment {
            case .names(let names): fragment = "[" + names.map { "'\($0)'" }.joined(separator: ",") + "]"
            case .indices(let indices): fragment = "[" + indices.map(String.init).joined(separator: ",") + "]"
            case .slice(let from, let to):
                fragment = "[\(from.map(String.init) ?? ""):\(to.map(String.init) ?? "")]"
            case .filter: fragment = "[?]"
            case .wildcard, .descendants, .function: return "No results for path: \(referenceText)"
            }
            if !segment.fits(node) {
                switch segment {
                case .names:
                    return "Expected to find an object with property \(fragment) in path \(walked) but found"
                        + " '\(node.typeName)'. This is not a json object."
                case .filter:
                    return "Filter: \(fragment) can not be applied to primitives. Current context is: \(node.text)"
                default:
                    return "Filter: \(fragment) can only be applied to arrays. Current context is: \(node.text)"
                }
            }
            walked += fragment
            let isLast = index == segments.count - 1
            var next: [JSON] = []
            segment.append(from: node, isLast: isLast, visits: Visits(scope: scope), to: &next)
            guard let first = next.first else {
                return isLast ? "No results for path: \(walked)" : "Missing property in path \(walked)"
            }
            node = first
        }
        return "No results for path: \(walked)"
    }
}

extension JSONPath.Segment {
    func isDefinite(isLast: Bool) -> Bool {
        switch self {
        case .names(let names): names.count == 1 || isLast
        case .indices(let indices): indices.count == 1
        case .function: true
        case .slice, .wildcard, .filter, .descendants: false
        }
    }

    /// Whether the segment can be applied to a value of that kind at all.
    fileprivate func fits(_ node: JSON) -> Bool {
        switch self {
        case .names: node.objectValue != nil
        case .indices, .slice: node.arrayValue != nil
        case .filter: node.objectValue != nil || node.arrayValue != nil
        case .wildcard, .descendants, .function: true
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
            if inner.isMet(by: node, isLast: isLast, visits: visits) {
                inner.append(from: node, isLast: isLast, visits: visits, to: &result)
            }
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

    /// Whether the segment behind `..` is to be applied at a value met on the way: several names at the end of a path only
    /// where all of them are, and a filter where the value itself passes it (its elements are met on their own).
    private func isMet(by node: JSON, isLast: Bool, visits: JSONPath.Visits) -> Bool {
        switch (self, node) {
        case (.names(let names), .object(let members)):
            names.count == 1 || !isLast || names.allSatisfy { members[$0] != nil }
        case (.filter(let filter), .array): filter.accepts(node, visits: visits)
        default: true
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
