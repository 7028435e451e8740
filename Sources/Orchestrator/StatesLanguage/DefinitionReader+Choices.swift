import JSON

extension DefinitionReader {
    mutating func choice(_ object: ObjectFields) -> ChoiceState? {
        let defaultNext = object.text("Default", &self)
        guard let nodes = object.array("Choices", &self) else { return nil }
        if nodes.isEmpty {
            report(
                "Value cannot be empty", advice: "a Choice state has at least one rule", at: object.place("Choices"),
                object.location("Choices"))
            return nil
        }
        var rules: [ChoiceState.Rule] = []
        for node in nodes {
            guard case .mapping(let members) = node.tree.content else {
                expected("Object", node)
                continue
            }
            let fields = ObjectFields(node: node, members: members)
            let condition = language == .jsonata ? expressionRule(node) : condition(node, isTop: true)
            let assign = assignment(fields)
            let output = language == .jsonata ? template("Output", in: fields) : nil
            if fields.has("End") {
                report(
                    "The field 'End' is not supported",
                    advice: "a rule leads to a state: to end there, name a Succeed state in Next",
                    at: fields.keyPlace("End"), fields.location("End"))
            }
            guard fields.has("Next") else {
                report("These fields are required: [Next]", at: node.tree.place, node.location)
                continue
            }
            if let next = fields.text("Next", &self), let condition {
                rules.append(ChoiceState.Rule(condition: condition, next: next, assign: assign, output: output))
            }
        }
        return rules.count == nodes.count ? ChoiceState(rules: rules, defaultNext: defaultNext) : nil
    }

    private static let comparisons: [String: ChoiceCondition.Comparison] = Dictionary(
        uniqueKeysWithValues: ChoiceCondition.Comparison.all.map { ($0.name, $0) })

    private static let operators: [String] =
        ChoiceCondition.Comparison.all.flatMap { [$0.name, $0.name + "Path"] }
        + ChoiceCondition.ValueType.allCases.map(\.rawValue) + ["IsPresent", "StringMatches"]

    private static let combinations = ["And", "Or", "Not"]

    private static let ruleFields = FieldSet(
        ["Next", "End", "Assign", "Comment"], jsonPath: combinations + operators + ["Variable"],
        jsonata: ["Condition", "Output"])

    private static let nestedRuleFields = FieldSet(combinations + operators + ["Variable", "Comment", "Next"])

    /// The condition of a rule in JSONata.
    private mutating func expressionRule(_ node: Node) -> ChoiceCondition? {
        guard let object = object(node, fields: DefinitionReader.ruleFields, required: ["Condition"]) else {
            return nil
        }
        _ = object.text("Comment", &self)
        if case .scalar(.bool(let value)) = object["Condition"]?.value.content { return .constant(value) }
        return object.expression("Condition", &self).map(ChoiceCondition.expression)
    }

    /// The condition of a rule, or of one nested in it.
    private mutating func condition(_ node: Node, isTop: Bool) -> ChoiceCondition? {
        let fields = isTop ? DefinitionReader.ruleFields : DefinitionReader.nestedRuleFields
        guard let object = object(node, fields: fields) else { return nil }
        if !isTop, object.has("Next") {
            report(
                "The field 'Next' is not supported", advice: "only the outermost rule leads to a state",
                at: object.keyPlace("Next"), object.location("Next"))
        }
        _ = object.text("Comment", &self)
        let operators = object.members.map(\.key).filter {
            DefinitionReader.operators.contains($0) || DefinitionReader.combinations.contains($0)
        }
        guard let name = operators.first else {
            report(
                "A choice rule needs an operator",
                advice: "give it one of And, Or, Not, or Variable with an operator such as StringEquals",
                at: node.tree.place, node.location)
            return nil
        }
        exclude(operators, in: object)
        if DefinitionReader.combinations.contains(name) {
            if object.has("Variable") {
                report(
                    "\(name) and Variable do not go together", advice: "put Variable into the rules of \(name)",
                    at: object.keyPlace("Variable"), object.location("Variable"))
            }
            return combination(name, object)
        }
        guard object.has("Variable") else {
            report("These fields are required: [Variable]", at: node.tree.place, node.location)
            return nil
        }
        guard let variable = object.path("Variable", &self) else { return nil }
        return test(name, variable, object)
    }

    private mutating func combination(_ name: String, _ object: ObjectFields) -> ChoiceCondition? {
        if name == "Not" {
            guard let node = object.child(name) else { return nil }
            return condition(node, isTop: false).map(ChoiceCondition.not)
        }
        guard let nodes = object.array(name, &self) else { return nil }
        if nodes.isEmpty {
            report(
                "Value cannot be empty", advice: "\(name) combines at least one rule", at: object.place(name),
                object.location(name))
            return nil
        }
        let conditions = nodes.map { condition($0, isTop: false) }
        let whole = conditions.compactMap(\.self)
        guard whole.count == conditions.count else { return nil }
        return name == "And" ? .and(whole) : .or(whole)
    }

    private mutating func test(_ name: String, _ variable: JSONPath, _ object: ObjectFields) -> ChoiceCondition? {
        if name == "IsPresent" { return object.bool(name, &self).map { .isPresent(variable, $0) } }
        if let type = ChoiceCondition.ValueType(rawValue: name) {
            return object.bool(name, &self).map { .isType(variable, type, $0) }
        }
        if name == "StringMatches" { return object.text(name, &self).map { .stringMatches(variable, pattern: $0) } }
        if let comparison = DefinitionReader.comparisons[name] {
            return literal(comparison, name, object).map { .comparison(variable, comparison, .value($0)) }
        }
        guard let comparison = DefinitionReader.comparisons[String(name.dropLast(4))] else {
            preconditionFailure("'\(name)' is no operator")
        }
        return object.path(name, &self).map { .comparison(variable, comparison, .path($0)) }
    }

    private mutating func literal(
        _ comparison: ChoiceCondition.Comparison, _ name: String, _ object: ObjectFields
    ) -> JSON? {
        switch comparison.domain {
        case .string: return object.text(name, &self).map(JSON.string)
        case .boolean: return object.bool(name, &self).map(JSON.bool)
        case .numeric:
            guard let node = object.child(name) else { return nil }
            guard case .scalar(let value) = node.tree.content, value.doubleValue != nil else {
                expected("Number", node)
                return nil
            }
            return value
        case .timestamp:
            guard let text = object.text(name, &self) else { return nil }
            guard Timestamp.microseconds(rfc3339: text) != nil else {
                report(
                    "Value is not a valid timestamp: '\(text)'", advice: "write it like 2026-03-14T01:59:00Z",
                    at: object.place(name), object.location(name))
                return nil
            }
            return .string(text)
        }
    }
}
