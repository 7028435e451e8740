public import JSON
import OrderedCollections

/// A payload template: JSON in which a member whose name ends in `.$` is replaced by what its path or intrinsic function
/// gives, under the name without that ending. Everything else stands for itself.
///
/// Source: https://states-language.net/spec.html#payload-template
public struct PayloadTemplate: Sendable, Hashable {
    /// The template as its author wrote it.
    public let source: JSON
    private let node: Node

    indirect enum Node: Sendable, Hashable {
        case literal(JSON)
        case path(JSONPath, field: String)
        case call(IntrinsicCall)
        case array([Node])
        case object([Member])
    }

    struct Member: Sendable, Hashable {
        let name: String
        let value: Node
    }

    /// Reads a template; throws its first problem.
    public init(from json: JSON) throws(PayloadTemplateError) { try self.init(from: SourceTree(placeless: json)) }

    /// Reads a template; throws its first problem.
    public init(from tree: SourceTree) throws(PayloadTemplateError) {
        var problems: [Problem] = []
        let template = PayloadTemplate(tree, problems: &problems)
        if let first = problems.first { throw PayloadTemplateError(message: first.message, place: first.place) }
        self = template
    }

    struct Problem {
        let message: String
        let advice: String?
        let place: SourcePlace
        /// Member names from the template's root.
        let path: [String]
    }

    /// Reads a template and notes all its problems; usable only when there are none.
    init(_ tree: SourceTree, problems: inout [Problem]) {
        source = tree.json
        node = PayloadTemplate.node(tree, path: [], problems: &problems)
    }

    /// The template's value.
    public func evaluate(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        var budget = EvaluationBudget(seed: scope.seed)
        return try PayloadTemplate.value(of: node, in: scope, budget: &budget)
    }

    private static func value(
        of node: Node, in scope: EvaluationScope, budget: inout EvaluationBudget
    ) throws(EvaluationError) -> JSON {
        switch node {
        case .literal(let value): return value
        case .path(let path, let field):
            switch path.lookUp(in: scope) {
            case .found(let value):
                try budget.charge(value)
                return value
            case .missing:
                throw EvaluationError(
                    error: ErrorName.parameterPathFailure,
                    cause: "The JSONPath '\(path.text)' specified for the field '\(field)' could not be found in the"
                        + " input '\(scope.input.text)'")
            case .excessive: throw path.excessError
            }
        case .call(let call): return try call.evaluate(in: scope, budget: &budget)
        case .array(let nodes):
            var elements: [JSON] = []
            for node in nodes { elements.append(try value(of: node, in: scope, budget: &budget)) }
            return .array(elements)
        case .object(let members):
            var object: OrderedDictionary<String, JSON> = [:]
            for member in members { object[member.name] = try value(of: member.value, in: scope, budget: &budget) }
            return .object(object)
        }
    }

    private static func node(_ tree: SourceTree, path: [String], problems: inout [Problem]) -> Node {
        switch tree.content {
        case .scalar(let value): return .literal(value)
        case .sequence(let elements):
            let nodes = elements.enumerated().map { index, element in
                node(element, path: path + ["[\(index)]"], problems: &problems)
            }
            return nodes.allSatisfy(\.isLiteral) ? .literal(tree.json) : .array(nodes)
        case .mapping(let members):
            var result: [Member] = []
            var places: [String: String] = [:]
            for member in members {
                let isDynamic = member.key.hasSuffix(".$")
                let name = isDynamic ? String(member.key.dropLast(2)) : member.key
                if let other = places[name] {
                    problems.append(
                        Problem(
                            message: other == member.key
                                ? "The field '\(name)' is defined twice"
                                : "The fields '\(other)' and '\(member.key)' both define '\(name)'",
                            advice: "keep one of them", place: member.keyPlace, path: path))
                }
                places[name] = member.key
                let value =
                    isDynamic
                    ? dynamic(member, path: path, problems: &problems)
                    : node(member.value, path: path + [member.key], problems: &problems)
                result.append(Member(name: name, value: value))
            }
            let isLiteral = result.allSatisfy(\.value.isLiteral)
            return isLiteral ? .literal(tree.json) : .object(result)
        }
    }

    private static func dynamic(_ member: SourceTree.Member, path: [String], problems: inout [Problem]) -> Node {
        func refuse(_ advice: String) -> Node {
            problems.append(
                Problem(
                    message: "The value for the field '\(member.key)' must be a valid JSONPath or a valid intrinsic"
                        + " function call",
                    advice: advice, place: member.value.place, path: path))
            return .literal(.null)
        }
        guard case .scalar(.string(let text)) = member.value.content else {
            return refuse("write a text that begins with '$' or 'States.', or drop '.$' from the name")
        }
        do throws(JSONPathError) {
            if text.hasPrefix("$") { return .path(try JSONPath(text), field: member.key) }
            if text.hasPrefix("States.") { return .call(try IntrinsicCall(text)) }
            return refuse("it begins with neither '$' nor 'States.'; drop '.$' from the name if it is a constant")
        } catch {
            return refuse(error.description)
        }
    }
}

extension PayloadTemplate.Node {
    /// Whether nothing in it is replaced. An object with a member `x.$` never is, since that member is dynamic.
    fileprivate var isLiteral: Bool { if case .literal = self { true } else { false } }
}

/// Why a value is no payload template.
public struct PayloadTemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String
    public let place: SourcePlace

    public var description: String { message }
}

extension SourceTree {
    /// A tree for a value that has no text behind it; all places are the first.
    init(placeless value: JSON) {
        let place = SourcePlace(line: 1, column: 1)
        switch value {
        case .null, .bool, .integer, .double, .string: self.init(.scalar(value), at: place)
        case .array(let elements): self.init(.sequence(elements.map { SourceTree(placeless: $0) }), at: place)
        case .object(let members):
            self.init(
                .mapping(
                    members.map { Member(key: $0.key, keyPlace: place, value: SourceTree(placeless: $0.value)) }),
                at: place)
        }
    }
}

/// A sequence of numbers that depends on its seed alone (SplitMix64), for States.UUID and States.MathRandom.
struct Draws {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
