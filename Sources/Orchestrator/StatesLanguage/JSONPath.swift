/// A JSONPath expression, in the flavour of Step Functions: `$` is the input, `$$` the context object, `$name` a variable; names, indices,
/// unions, slices, wildcards, filters and recursive descent, and at the end a function such as `length()`.
///
/// A definite path names one value or none. Others give an array of all matches, which may be empty: `$.missing[*]` is
/// `[]`.
///
/// Sources: https://states-language.net/spec.html#paths, https://github.com/json-path/JsonPath (the library behind
/// Step Functions).
public struct JSONPath: Sendable, Hashable {
    /// The expression as it was written.
    public let text: String
    let root: Root
    let segments: [Segment]

    /// Longer expressions are refused.
    public static let maximumBytes = 8192
    /// `..` may stand this often in one expression: each multiplies the work by the depth of the document.
    public static let maximumDescents = 2
    /// One evaluation may look at this many values: unions multiply (`$[0,0][0,0]`), so the document's size is no bound.
    public static let maximumVisits = 1_000_000
    /// Filters may nest this deep.
    static let maximumFilterDepth = 16

    enum Root: Sendable, Hashable {
        case input, context
        /// A variable of the execution.
        case variable(String)
        /// `@`, inside filters only.
        case current
    }

    indirect enum Segment: Sendable, Hashable {
        /// `.name`, `['name']`, `['one','two']`; several at the end of a path give an object of those that exist.
        case names([String])
        /// Negative ones count from the end.
        case indices([Int])
        case slice(from: Int?, to: Int?)
        case wildcard
        case filter(Filter)
        /// `..`: the inner segment applied to this node and all below it.
        case descendants(Segment)
        case function(Function, [Operand])
    }

    /// Reads an expression; throws when it is none.
    public init(_ text: String) throws(JSONPathError) {
        var parser = JSONPathParser(text)
        let path = try parser.wholePath()
        self = path
    }

    init(text: String, root: Root, segments: [Segment]) {
        self.text = text
        self.root = root
        self.segments = segments
    }

    /// Whether the path can name one value only; other paths give arrays.
    public var isDefinite: Bool {
        // A function makes one value of many.
        if case .function = segments.last { return true }
        return segments.enumerated().allSatisfy { $1.isDefinite(isLast: $0 == segments.count - 1) }
    }

    /// Exactly `$`.
    public var isIdentity: Bool { root == .input && segments.isEmpty }

    /// Whether the path reads the context object.
    public var readsContext: Bool { root == .context }

    /// The variable with which the path begins.
    public var variable: String? { if case .variable(let name) = root { name } else { nil } }

    /// The path as causes name it where they mean a place: from a single `$` on.
    var referenceText: String { root == .context ? String(text.dropFirst()) : text }

    public static func == (left: JSONPath, right: JSONPath) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// Why a text is no JSONPath: the byte offset in it and the reason in words.
public struct JSONPathError: Error, Sendable, Hashable, CustomStringConvertible {
    public let offset: Int
    public let reason: String

    public var description: String { "\(reason) (at character \(offset + 1))" }
}
