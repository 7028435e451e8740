import JSON
import OrderedCollections
import StatesLanguage

/// One member of an object of the definition.
struct Field {
    let name: String
    let schema: JSON
    let isRequired: Bool

    init(_ name: String, _ schema: JSON, required: Bool = true) {
        self.name = name
        self.schema = schema
        self.isRequired = required
    }
}

/// The pieces that schemas are made of.
extension DefinitionSchema {
    /// An object with these members and no others.
    static func shape(_ fields: [Field], _ description: String? = nil, rules: [JSON] = []) -> JSON {
        let required = fields.filter(\.isRequired).map { JSON.string($0.name) }
        return .members(
            ("description", description.map(JSON.string)), ("type", "object"),
            ("required", required.isEmpty ? nil : .array(required)),
            ("properties", object(fields.map { ($0.name, $0.schema) })), ("additionalProperties", false),
            ("allOf", rules.isEmpty ? nil : .array(rules)))
    }

    static func object(_ members: [(String, JSON)]) -> JSON {
        .object(
            OrderedDictionary(members, uniquingKeysWith: { _, _ in preconditionFailure("a member is named twice") }))
    }

    static func reference(_ name: String, _ description: String? = nil) -> JSON {
        .members(("description", description.map(JSON.string)), ("$ref", .string("#/$defs/\(name)")))
    }

    /// The schema with a description in front.
    static func described(_ schema: JSON, _ description: String) -> JSON {
        var members: OrderedDictionary<String, JSON> = ["description": .string(description)]
        for (key, value) in schema.objectValue ?? [:] { members[key] = value }
        return .object(members)
    }

    static func text(_ description: String) -> JSON { described(["type": "string"], description) }

    static func choice(_ words: [String], _ description: String) -> JSON {
        described(["enum": .array(words.map(JSON.string))], description)
    }

    static func whole(_ bounds: ClosedRange<Int>, _ description: String) -> JSON {
        .members(
            ("description", .string(description)), ("type", "integer"), ("minimum", .integer(bounds.lowerBound)),
            ("maximum", .integer(bounds.upperBound)))
    }

    static func seconds(_ description: String, from least: Int = 1) -> JSON { whole(least...99_999_999, description) }

    static func list(_ element: JSON, least: Int = 0, _ description: String) -> JSON {
        .members(
            ("description", .string(description)), ("type", "array"),
            ("minItems", least > 0 ? .integer(least) : nil), ("items", element))
    }

    static let comment = Field("Comment", text("For people who read the definition."), required: false)

    // MARK: - Expressions

    /// A path into the input, the context object (`$$`) or a variable (`$name`).
    static func path(_ description: String) -> JSON {
        .members(("description", .string(description)), ("type", "string"), ("pattern", #"^\$"#))
    }

    /// A path, or null for nothing.
    static func pathOrNull(_ description: String) -> JSON {
        .members(
            ("description", .string(description)), ("type", ["string", "null"]), ("pattern", #"^\$"#), ("default", "$"))
    }

    /// `{% ... %}`.
    static let expression: JSON = [
        "description": "A JSONata expression between {% and %}.", "type": "string",
        "pattern": #"^\{%[\s\S]*%\}$"#,
    ]

    /// A value written out, or in JSONata an expression that computes it.
    static func orExpression(_ literal: JSON, _ language: QueryLanguage) -> JSON {
        guard language == .jsonata else { return literal }
        var members = literal.objectValue ?? [:]
        let description = members.removeValue(forKey: "description")
        return .members(
            ("description", description), ("anyOf", [.object(members), reference("expression")]))
    }

    /// A value written out, which JSONPath may take by the field's `...Path` form instead, JSONata by an expression.
    static func sourced(_ name: String, _ literal: JSON, _ language: QueryLanguage) -> [Field] {
        let field = Field(name, orExpression(literal, language), required: false)
        guard language == .jsonPath else { return [field] }
        return [field, Field("\(name)Path", path("Path to \(name) in the state's input."), required: false)]
    }

    /// Not both of two members.
    static func notBoth(_ first: String, _ second: String) -> JSON {
        ["not": ["required": [.string(first), .string(second)]]]
    }

    /// Not both of a member and its `...Path` form.
    static func notBothForms(_ names: [String], _ language: QueryLanguage) -> [JSON] {
        language == .jsonPath ? names.map { notBoth($0, "\($0)Path") } : []
    }

    /// Exactly one of these members.
    static func oneOf(_ names: [String]) -> JSON {
        ["oneOf": .array(names.map { ["required": [.string($0)]] })]
    }

    /// A payload template: any JSON; a member whose name ends in `.$` takes its value by path or intrinsic function.
    static let template: JSON = .members(
        (
            "description",
            "JSON as it stands; a member whose name ends in .$ gets what its path or intrinsic function finds."
        ),
        ("type", ["object", "array", "string", "number", "boolean", "null"]),
        ("patternProperties", [#"\.\$$"#: ["type": "string", "pattern": #"^(\$|States\.)"#]]),
        ("additionalProperties", reference("template")), ("items", reference("template")))

    /// A payload template that is an object.
    static func templateObject(_ description: String) -> JSON {
        .members(
            ("description", .string(description)), ("type", "object"),
            ("patternProperties", [#"\.\$$"#: ["type": "string", "pattern": #"^(\$|States\.)"#]]),
            ("additionalProperties", reference("template")))
    }

    /// Variables with their values.
    static func assign(_ language: QueryLanguage) -> Field {
        let description =
            "Variables to set when the state is left, by name without $. Later states of this machine and of the ones inside it see them."
        switch language {
        case .jsonPath: return Field("Assign", templateObject(description), required: false)
        case .jsonata: return Field("Assign", described(["type": "object"], description), required: false)
        }
    }
}
