public import JSON
import JSONata
import OrderedCollections

/// A payload template: JSON that is handed on with some of its values replaced.
///
/// In JSONPath a member whose name ends in `.$` is replaced by what its path or intrinsic function gives, under the name
/// without that ending. In JSONata a text `{% ... %}` is replaced by what its expression gives. Everything else stands
/// for itself.
///
/// Source: https://states-language.net/spec.html#payload-template
public struct PayloadTemplate: Sendable, Hashable {
    /// The template as its author wrote it.
    public let source: JSON
    let node: Node

    indirect enum Node: Sendable, Hashable {
        case literal(JSON)
        case path(JSONPath, field: String)
        case call(IntrinsicCall)
        /// With its place in the template, such as `/user/names[0]`.
        case expression(QueryExpression, place: String)
        case array([Node])
        case object([Member])
    }

    struct Member: Sendable, Hashable {
        let name: String
        let value: Node
    }

    /// Reads a template; throws its first problem.
    public init(from json: JSON, language: QueryLanguage = .jsonPath) throws(PayloadTemplateError) {
        try self.init(from: SourceTree(placeless: json), language: language)
    }

    /// Reads a template; throws its first problem.
    public init(from tree: SourceTree, language: QueryLanguage = .jsonPath) throws(PayloadTemplateError) {
        var reader = PayloadTemplateReader(language: language)
        let template = PayloadTemplate(tree, reader: &reader)
        if let first = reader.problems.first(where: { $0.severity == .error }) {
            throw PayloadTemplateError(message: first.message, place: first.place)
        }
        self = template
    }

    /// Why a value is no template of its language, or may not be what its author meant.
    struct Problem {
        let severity: Diagnostic.Severity
        let code: Diagnostic.Code
        let message: String
        let advice: String?
        let place: SourcePlace
        /// Where from the template's root, such as `/user/names[0]`.
        let path: String
    }

    /// Reads a template and notes all its problems; usable only when there are none.
    init(_ tree: SourceTree, reader: inout PayloadTemplateReader) {
        source = tree.json
        node = reader.node(tree, path: "")
    }

    /// The template's value.
    ///
    /// - Parameter field: the field whose value the template is, such as `Arguments`: what the places of failed
    ///   expressions begin with.
    public func evaluate(in scope: EvaluationScope, field: String) throws(EvaluationError) -> JSON {
        if case .literal(let value) = node { return value }
        var evaluation = TemplateEvaluation(scope: scope, field: field)
        return try evaluation.value(of: node)
    }
}

private struct TemplateEvaluation {
    let scope: EvaluationScope
    let field: String
    /// Made when the first expression asks for it.
    lazy var expressions = ExpressionScope(scope)
    var budget: EvaluationBudget

    init(scope: EvaluationScope, field: String) {
        self.scope = scope
        self.field = field
        budget = EvaluationBudget(seed: scope.seed)
    }

    mutating func value(of node: PayloadTemplate.Node) throws(EvaluationError) -> JSON {
        switch node {
        case .literal(let value): return value
        case .path(let path, let field):
            switch path.lookUp(in: scope) {
            case .found(let value):
                try budget.charge(value)
                return value
            case .missing where path.endsOutsideArray(in: scope): return .null
            case .missing:
                throw EvaluationError(
                    error: ErrorName.parameterPathFailure,
                    cause: "The JSONPath '\(path.text)' specified for the field '\(field)' could not be found in the"
                        + " input '\(path.document(in: scope).text)'")
            case .excessive: throw path.excessError
            }
        case .call(let call): return try call.evaluate(in: scope, budget: &budget)
        case .expression(let expression, let place):
            return try expression.value(in: expressions, field: field + place, budget: &budget)
        case .array(let nodes):
            var elements: [JSON] = []
            for node in nodes { elements.append(try value(of: node)) }
            return .array(elements)
        case .object(let members):
            var object: OrderedDictionary<String, JSON> = [:]
            for member in members { object[member.name] = try value(of: member.value) }
            return .object(object)
        }
    }
}

/// Reads templates and notes their problems.
struct PayloadTemplateReader {
    let language: QueryLanguage
    private(set) var problems: [PayloadTemplate.Problem] = []
    private(set) var uses: [Use] = []

    /// What is replaced, and where.
    struct Use {
        let content: ExpressionUse.Content
        let tree: SourceTree
        /// Where an expression begins in its text.
        let offset: Int
        let path: String
    }

    init(language: QueryLanguage) { self.language = language }

    mutating func node(_ tree: SourceTree, path: String) -> PayloadTemplate.Node {
        switch tree.content {
        case .scalar(.string(let text)) where language == .jsonata: return expression(text, tree, path: path)
        case .scalar(let value): return .literal(value)
        case .sequence(let elements):
            var nodes: [PayloadTemplate.Node] = []
            for (index, element) in elements.enumerated() { nodes.append(node(element, path: "\(path)[\(index)]")) }
            return nodes.allSatisfy(\.isLiteral) ? .literal(tree.json) : .array(nodes)
        case .mapping(let members): return object(members, tree, path: path)
        }
    }

    private mutating func object(
        _ members: [SourceTree.Member], _ tree: SourceTree, path: String
    ) -> PayloadTemplate.Node {
        var result: [PayloadTemplate.Member] = []
        var places: [String: String] = [:]
        for member in members {
            let isDynamic = language == .jsonPath && member.key.hasSuffix(".$")
            let name = isDynamic ? String(member.key.dropLast(2)) : member.key
            if let other = places[name] {
                note(
                    .error, .schemaValidationFailed,
                    other == member.key
                        ? "The field '\(name)' is defined twice"
                        : "The fields '\(other)' and '\(member.key)' both define '\(name)'",
                    advice: "keep one of them", at: member.keyPlace, path)
            }
            places[name] = member.key
            if !isDynamic { warnOfText(member, path: path) }
            let value =
                isDynamic ? dynamic(member, path: path) : node(member.value, path: "\(path)/\(member.key)")
            result.append(PayloadTemplate.Member(name: name, value: value))
        }
        return result.allSatisfy(\.value.isLiteral) ? .literal(tree.json) : .object(result)
    }

    private mutating func note(
        _ severity: Diagnostic.Severity, _ code: Diagnostic.Code, _ message: String,
        advice: String?, at place: SourcePlace, _ path: String
    ) {
        problems.append(
            PayloadTemplate.Problem(
                severity: severity, code: code, message: message, advice: advice, place: place, path: path))
    }

    private mutating func expression(_ text: String, _ tree: SourceTree, path: String) -> PayloadTemplate.Node {
        switch ExpressionText(text) {
        case .plain: return .literal(tree.json)
        case .expression(let expression, let offset):
            uses.append(Use(content: .expression(expression), tree: tree, offset: offset, path: path))
            return .expression(expression, place: path)
        case .invalid(let problem):
            note(
                .error, problem.code, problem.message, advice: problem.advice,
                at: tree.place(ofCharacter: problem.offset), path
            )
            return .literal(.null)
        }
    }

    /// A text that looks like a path or call, under a name that makes it none.
    private mutating func warnOfText(_ member: SourceTree.Member, path: String) {
        guard language == .jsonPath, case .scalar(.string(let text)) = member.value.content,
            text == "$" || text.hasPrefix("$.") || text.hasPrefix("$$.") || text.hasPrefix("$[")
                || text.hasPrefix("States.") && text.hasSuffix(")")
        else { return }
        note(
            .warning, .noDollar, "The value of '\(member.key)' looks like a JSONPath or an intrinsic function call",
            advice: "name the field '\(member.key).$' to have it evaluated", at: member.keyPlace,
            "\(path)/\(member.key)")
    }

    private mutating func dynamic(_ member: SourceTree.Member, path: String) -> PayloadTemplate.Node {
        func refuse(_ advice: String, at place: SourcePlace? = nil) -> PayloadTemplate.Node {
            note(
                .error, .schemaValidationFailed,
                "The value for the field '\(member.key)' must be a valid JSONPath or a valid intrinsic function call",
                advice: advice, at: place ?? member.value.place, path)
            return .literal(.null)
        }
        guard case .scalar(.string(let text)) = member.value.content else {
            return refuse("write a text that begins with '$' or 'States.', or drop '.$' from the name")
        }
        do throws(JSONPathError) {
            if text.hasPrefix("$") {
                let found = try JSONPath(text)
                uses.append(Use(content: .path(found), tree: member.value, offset: 0, path: "\(path)/\(member.key)"))
                return .path(found, field: member.key)
            }
            if text.hasPrefix("States.") {
                let call = try IntrinsicCall(text)
                uses.append(Use(content: .call(call), tree: member.value, offset: 0, path: "\(path)/\(member.key)"))
                return .call(call)
            }
            return refuse("it begins with neither '$' nor 'States.'; drop '.$' from the name if it is a constant")
        } catch {
            return refuse(
                error.advice(in: member.value), at: member.value.place(ofByte: error.offset, in: text))
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
