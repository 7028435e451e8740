import JSON
import StatesLanguage
import StepContracts

/// Task states, and the arguments of steps.
extension DefinitionSchema {
    static func task(_ language: QueryLanguage, steps: [StepContract]) -> [Field] {
        let known: [JSON] = steps.map { step in
            ["const": .string(step.resource), "description": .string(step.summary)]
        }
        let resource: JSON = .members(
            ("description", "Who does the work: a step of Showrunner, an activity's ARN, or an integration."),
            ("type", "string"), ("anyOf", .array(known + [["type": "string", "pattern": "^[^:]+:.+[^:]$"]])))
        return [Field("Resource", resource)]
            + sourced("TimeoutSeconds", seconds("The task may take this long, in seconds."), language)
            + sourced(
                "HeartbeatSeconds",
                seconds("A sign of life is due this often, in seconds; less than TimeoutSeconds."), language)
            + [
                Field(
                    "Credentials",
                    language == .jsonPath
                        ? templateObject("Role under which the task runs: RoleArn.")
                        : described(["type": ["object", "string"]], "Role under which the task runs: RoleArn."),
                    required: false)
            ]
    }

    /// What a step's contract asks of the arguments, where Resource names the step; and that no other is named.
    static func stepRules(_ language: QueryLanguage, steps: [StepContract]) -> [JSON] {
        let name = language == .jsonPath ? "Parameters" : "Arguments"
        let rules: [JSON] = steps.map { step in
            .members(
                ("if", ["properties": ["Resource": ["const": .string(step.resource)]], "required": ["Resource"]]),
                ("then", ["properties": .members((name, arguments(of: step, language)))]))
        }
        let prefix = StepContract.resourcePrefix
        return rules + [
            [
                "if": [
                    "properties": ["Resource": ["type": "string", "pattern": .string("^\(prefix)")]],
                    "required": ["Resource"],
                ],
                "then": ["properties": ["Resource": ["enum": .array(steps.map { .string($0.resource) })]]],
            ]
        ]
    }

    private static func arguments(of step: StepContract, _ language: QueryLanguage) -> JSON {
        var properties: [(String, JSON)] = []
        var required: [JSON] = []
        for field in step.input {
            let description = "\(field.isRequired ? "Required: " : "")\(field.summary)"
            let literal = described(value(of: field), description)
            switch language {
            case .jsonPath:
                properties.append((field.name, literal))
                properties.append(("\(field.name).$", text(description)))
                if field.isRequired {
                    required.append(
                        ["anyOf": [["required": [.string(field.name)]], ["required": [.string("\(field.name).$")]]]])
                }
            case .jsonata:
                properties.append((field.name, orExpression(literal, language)))
                if field.isRequired { required.append(["required": [.string(field.name)]]) }
            }
        }
        // Arguments may be one expression, of which nothing is known; in JSONPath an object alone can fit.
        return .members(
            ("description", .string(step.summary)),
            ("type", language == .jsonPath ? "object" : ["object", "string"]),
            ("properties", object(properties)),
            (
                "allOf",
                required.isEmpty ? nil : [["if": ["type": "object"], "then": ["allOf": .array(required)]]]
            ))
    }

    private static func value(of field: StepField) -> JSON {
        let type: JSON? =
            switch field.kind {
            case .any: nil
            case .string, .number, .boolean, .object, .array: .string(field.kind.rawValue)
            }
        guard let type else { return [:] }
        return field.isRequired ? ["type": type] : ["type": [type, "null"]]
    }
}
