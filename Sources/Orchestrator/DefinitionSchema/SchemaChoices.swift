import JSON
import StatesLanguage

/// The rules of a Choice state.
extension DefinitionSchema {
    private static let next = Field("Next", text("The state that goes on where this rule holds."))

    static func choiceRule(_ language: QueryLanguage) -> JSON {
        switch language {
        case .jsonPath:
            return shape(
                tests + [comment, next, assign(language)], "Where the test holds, Next goes on.", rules: testRules)
        case .jsonata:
            return shape(
                [
                    comment,
                    Field("Condition", orExpression(described(["type": "boolean"], "True or false."), .jsonata)),
                    next, assign(language), Field("Output", output(), required: false),
                ], "Where the condition is true, Next goes on.")
        }
    }

    /// A test within And, Or and Not.
    static let choiceTest: JSON = shape(tests + [comment], "A test.", rules: testRules)

    private static let tests: [Field] =
        [
            Field("And", list(reference("choiceTest"), least: 1, "Holds where all of these do."), required: false),
            Field("Or", list(reference("choiceTest"), least: 1, "Holds where one of these does."), required: false),
            Field("Not", reference("choiceTest", "Holds where this does not."), required: false),
            Field("Variable", path("What is tested: a path."), required: false),
            Field("IsPresent", flag("Whether the path finds anything."), required: false),
        ]
        + ChoiceCondition.ValueType.allCases.map { type in
            Field(
                type.rawValue, flag("Whether the value is of the type \(type.rawValue.dropFirst(2).lowercased())."),
                required: false)
        }
        + [
            Field(
                "StringMatches",
                text(#"The value matches this pattern: * stands for any characters, \* for a star."#), required: false)
        ] + comparisons.flatMap(fields)

    private static let comparisons: [ChoiceCondition.Comparison] = ChoiceCondition.Comparison.Domain.allCases.flatMap {
        domain in
        (domain == .boolean ? [.equals] : ChoiceCondition.Comparison.Relation.allCases).map {
            ChoiceCondition.Comparison(domain: domain, relation: $0)
        }
    }

    private static func fields(of comparison: ChoiceCondition.Comparison) -> [Field] {
        let relation =
            switch comparison.relation {
            case .equals: "equals"
            case .lessThan: "is less than"
            case .greaterThan: "is greater than"
            case .lessThanEquals: "is at most"
            case .greaterThanEquals: "is at least"
            }
        let literal: JSON =
            switch comparison.domain {
            case .string: text("The value \(relation) this text.")
            case .numeric: described(["type": "number"], "The value \(relation) this number.")
            case .boolean: described(["type": "boolean"], "The value \(relation) this.")
            case .timestamp: timestamp("The value \(relation) this instant.")
            }
        return [
            Field(comparison.name, literal, required: false),
            Field("\(comparison.name)Path", path("The value \(relation) what this path finds."), required: false),
        ]
    }

    static func timestamp(_ description: String) -> JSON {
        .members(
            ("description", .string(description + " RFC 3339, such as 2026-03-14T01:59:00Z.")), ("type", "string"),
            ("pattern", #"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$"#))
    }

    private static func flag(_ description: String) -> JSON { described(["type": "boolean"], description) }

    /// One of And, Or, Not and Variable; Variable with one operator.
    private static let testRules: [JSON] = [
        oneOf(["And", "Or", "Not", "Variable"]),
        [
            "if": ["required": ["Variable"]],
            "then": oneOf(
                ["IsPresent"] + ChoiceCondition.ValueType.allCases.map(\.rawValue) + ["StringMatches"]
                    + comparisons.flatMap { [$0.name, "\($0.name)Path"] }),
        ],
    ]
}
