public import JSON

/// A path that can name one place only, so that a value can be put there: `$`, `$.a.b`, `$['a'][0]`.
///
/// Source: https://states-language.net/spec.html#reference-paths
public struct ReferencePath: Sendable, Hashable {
    /// The path as it was written.
    public let text: String
    let steps: [Step]

    enum Step: Sendable, Hashable {
        case name(String)
        case index(Int)
    }

    /// A reference path may have this many parts.
    public static let maximumSteps = 100

    /// Reads a reference path; throws when the text is no path or uses `@`, `,`, `:`, `?`, `*`, `..` or the context.
    public init(_ text: String) throws(JSONPathError) {
        let path = try JSONPath(text)
        if path.root != .input { throw JSONPathError(offset: 0, reason: "a reference path begins with a single '$'") }
        if path.segments.count > ReferencePath.maximumSteps {
            throw JSONPathError(
                offset: 0, reason: "a reference path may have \(ReferencePath.maximumSteps) parts")
        }
        var steps: [Step] = []
        for segment in path.segments {
            switch segment {
            case .names(let names) where names.count == 1: steps.append(.name(names[0]))
            case .indices(let indices) where indices.count == 1 && indices[0] >= 0: steps.append(.index(indices[0]))
            case .names, .indices, .slice, .wildcard, .filter, .descendants, .function:
                throw JSONPathError(
                    offset: 0,
                    reason: "a reference path names one place: without '*', '..', ',', ':', '?' and functions")
            }
        }
        self.text = text
        self.steps = steps
    }

    /// Exactly `$`.
    public var isIdentity: Bool { steps.isEmpty }

    /// The document with the value put in: what is there is replaced, objects that miss on the way are made.
    /// Fails with `States.ResultPathMatchFailure` where a part of the path meets a value that is no object, or an
    /// index that an array does not have.
    public func setting(_ value: JSON, in document: JSON) throws(EvaluationError) -> JSON {
        var result = document
        guard ReferencePath.set(value, at: steps[...], in: &result) else {
            throw EvaluationError(
                error: ErrorName.resultPathMatchFailure,
                cause: "Unable to apply ReferencePath \(text) to input \(document.text)")
        }
        return result
    }

    private static func set(_ value: JSON, at steps: ArraySlice<Step>, in node: inout JSON) -> Bool {
        guard let step = steps.first else {
            node = value
            return true
        }
        switch step {
        case .name(let name):
            guard case .object(var members) = node else { return false }
            node = .null
            var child = members[name] ?? .object([:])
            let isSet = set(value, at: steps.dropFirst(), in: &child)
            members[name] = child
            node = .object(members)
            return isSet
        case .index(let index):
            guard case .array(var elements) = node, elements.indices.contains(index) else { return false }
            node = .null
            let isSet = set(value, at: steps.dropFirst(), in: &elements[index])
            node = .array(elements)
            return isSet
        }
    }
}
