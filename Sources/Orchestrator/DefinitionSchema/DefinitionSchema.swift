public import JSON
import StatesLanguage
public import StepContracts

/// The JSON Schema (draft 2020-12) of a definition in Amazon States Language, from which editors complete names, show
/// descriptions and mark mistakes while one writes. It tells what a document's shape can tell; whether transitions lead
/// somewhere and expressions parse is the linter's to say.
///
/// Kept to keywords that editors' schema services know since draft-07, besides `$defs`.
///
/// Source: https://states-language.net/spec.html, https://json-schema.org/draft/2020-12/schema
public enum DefinitionSchema {
    /// The schema.
    ///
    /// - Parameter steps: the steps whose arguments are described under their resource.
    public static func document(steps: [StepContract]) -> JSON {
        var definitions: [(String, JSON)] = []
        for language in QueryLanguage.allCases {
            definitions.append(("machine.\(language)", machine(language)))
            definitions.append(("processor.\(language)", processor(within: language)))
            definitions.append(("processorIn.\(language)", processor(language)))
            definitions.append(("state.\(language)", state(in: language)))
            definitions.append(("types.\(language)", types(language, within: language)))
            for type in StateType.allCases {
                let schema = type.schema(language, within: language, steps: steps)
                definitions.append((name(type, language, within: language), schema))
            }
            definitions.append(("catcher.\(language)", catcher(language)))
            definitions.append(("choiceRule.\(language)", choiceRule(language)))
        }
        // Machines inside a state are in the language of the machine around it, whatever the state's own.
        definitions.append(("types.\(mixed)", types(.jsonata, within: .jsonPath)))
        for type in StateType.allCases where type.holdsMachines {
            let schema = type.schema(.jsonata, within: .jsonPath, steps: steps)
            definitions.append((name(type, .jsonata, within: .jsonPath), schema))
        }
        definitions += [
            ("choiceTest", choiceTest), ("retrier", retrier), ("errorName", errorName),
            ("template", template), ("expression", expression),
        ]
        // References rather than the whole, so that the language decides over every state within.
        return .members(
            ("$schema", "https://json-schema.org/draft/2020-12/schema"),
            ("title", "State machine in Amazon States Language"),
            ("description", "A workflow: states, and the transitions between them. Begin with StartAt and States."),
            ("type", "object"), ("if", isJSONata), ("then", reference("machine.\(QueryLanguage.jsonata)")),
            ("else", reference("machine.\(QueryLanguage.jsonPath)")),
            ("$defs", object(definitions)))
    }

    // MARK: - Machines

    private static func machine(_ language: QueryLanguage) -> JSON {
        shape(
            machineFields(language) + [
                Field(
                    "TimeoutSeconds", seconds("The whole execution may take this long, in seconds."), required: false),
                Field("Version", described(["const": "1.0"], "Version of the language."), required: false),
                Field("QueryLanguage", queryLanguage(QueryLanguage.allCases), required: false),
            ])
    }

    private static let isJSONata: JSON = [
        "properties": ["QueryLanguage": ["const": "JSONata"]], "required": ["QueryLanguage"],
    ]

    /// A Parallel branch or a Map's processor, in the language of the machine around it or one of its own.
    private static func processor(within language: QueryLanguage) -> JSON {
        guard language == .jsonPath else { return reference("processorIn.\(language)") }
        return .members(
            ("type", "object"), ("if", isJSONata), ("then", reference("processorIn.\(QueryLanguage.jsonata)")),
            ("else", reference("processorIn.\(QueryLanguage.jsonPath)")))
    }

    /// A Parallel branch, and with ProcessorConfig a Map's processor.
    private static func processor(_ language: QueryLanguage) -> JSON {
        shape(
            machineFields(language) + [
                Field("QueryLanguage", queryLanguage(languages(within: language)), required: false),
                Field("ProcessorConfig", processorConfig, required: false),
            ], "States with a start of their own, run inside the state they stand in.")
    }

    private static func machineFields(_ language: QueryLanguage) -> [Field] {
        [
            comment,
            Field("StartAt", text("Name of the state in which it begins.")),
            Field(
                "States",
                .members(
                    (
                        "description",
                        "The states by name. Names have 1 to 80 characters and are unique in the definition."
                    ),
                    ("type", "object"), ("minProperties", 1),
                    ("propertyNames", ["minLength": 1, "maxLength": 80]),
                    ("additionalProperties", reference("state.\(language)")))),
        ]
    }

    private static let processorConfig: JSON = shape(
        [
            Field(
                "Mode",
                choice(
                    ["INLINE", "DISTRIBUTED"],
                    "INLINE runs iterations inside this execution; DISTRIBUTED gives each a child execution."),
                required: false),
            Field(
                "ExecutionType",
                choice(["STANDARD", "EXPRESS"], "What the child executions of a distributed Map are."), required: false),
        ], "How a Map state runs its iterations.")

    // MARK: - States

    /// A machine in JSONata holds no JSONPath state; one in JSONPath may hold both.
    static func languages(within language: QueryLanguage) -> [QueryLanguage] {
        switch language {
        case .jsonPath: QueryLanguage.allCases
        case .jsonata: [.jsonata]
        }
    }

    /// Any state of a machine of that language.
    private static func state(in language: QueryLanguage) -> JSON {
        let types = StateType.allCases.map { JSON.string($0.rawValue) }
        let properties: JSON = [
            "Type": described(["enum": .array(types)], "What the state does."),
            "QueryLanguage": queryLanguage(languages(within: language)),
        ]
        guard language == .jsonPath else {
            return .members(
                ("type", "object"), ("required", ["Type"]), ("properties", properties),
                ("allOf", [reference("types.\(language)")]))
        }
        return .members(
            ("type", "object"), ("required", ["Type"]), ("properties", properties),
            ("if", isJSONata),
            ("then", reference("types.\(mixed)")),
            ("else", reference("types.\(QueryLanguage.jsonPath)")))
    }

    /// Leads from Type to the fields of that type.
    private static func types(_ language: QueryLanguage, within machine: QueryLanguage) -> JSON {
        let cases: [JSON] = StateType.allCases.map { type in
            .members(
                ("if", ["properties": ["Type": ["const": .string(type.rawValue)]], "required": ["Type"]]),
                ("then", reference(name(type, language, within: machine))))
        }
        return ["allOf": .array(cases)]
    }

    private static func name(_ type: StateType, _ language: QueryLanguage, within machine: QueryLanguage) -> String {
        type.holdsMachines && language != machine ? "\(type.rawValue).\(mixed)" : "\(type.rawValue).\(language)"
    }

    /// States in JSONata of a machine in JSONPath.
    private static let mixed = "jsonataInJSONPath"

    static func queryLanguage(_ languages: [QueryLanguage]) -> JSON {
        choice(
            languages.map(\.rawValue),
            "Language of the expressions: paths (JSONPath, the default) or {% expressions %} (JSONata).")
    }
}
