import JSON

extension DefinitionReader {
    private static let stateTypes = ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"]

    /// The fields of each state type besides Type, Comment and QueryLanguage.
    ///
    /// Source: https://states-language.net/spec.html#state-type-table
    private static func fields(of type: String) -> FieldSet {
        let paths = FieldSet([], jsonPath: ["InputPath", "OutputPath"], jsonata: ["Output"])
        let transition = FieldSet(["Next", "End", "Assign"])
        let parameters = FieldSet([], jsonPath: ["Parameters", "ResultPath"])
        let work = FieldSet([], jsonPath: ["Parameters", "ResultPath"], jsonata: ["Arguments"])
        let errors = FieldSet(["Retry", "Catch"], jsonPath: ["ResultSelector"])
        return switch type {
        case "Pass": paths + transition + parameters + FieldSet([], jsonPath: ["Result"])
        case "Task":
            paths + transition + work + errors
                + FieldSet(
                    ["Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"],
                    jsonPath: ["TimeoutSecondsPath", "HeartbeatSecondsPath"])
        case "Choice": paths + FieldSet(["Choices", "Default", "Assign"])
        case "Wait":
            paths + transition + FieldSet(["Seconds", "Timestamp"], jsonPath: ["SecondsPath", "TimestampPath"])
        case "Succeed": paths
        case "Fail": FieldSet(["Error", "Cause"], jsonPath: ["ErrorPath", "CausePath"])
        case "Parallel": paths + transition + work + errors + FieldSet(["Branches"])
        case "Map":
            paths + transition + parameters + errors
                + FieldSet(
                    [
                        "ItemProcessor", "Iterator", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter",
                        "MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount", "Label",
                    ],
                    jsonPath: [
                        "ItemsPath", "MaxConcurrencyPath", "ToleratedFailurePercentagePath",
                        "ToleratedFailureCountPath",
                    ], jsonata: ["Items"])
        default: preconditionFailure("'\(type)' is no state type")
        }
    }

    /// One state. The outline is there even when the state is not.
    mutating func state(
        _ member: SourceTree.Member, _ node: Node, inherited: QueryLanguage
    ) -> (State?, Outline) {
        var outline = Outline(name: member.key, place: member.keyPlace, location: node.location)
        guard case .mapping(let members) = node.tree.content else {
            expected("Object", node)
            return (nil, outline)
        }
        let raw = ObjectFields(node: node, members: members)
        // Where a state goes is of interest even when the rest of it is wrong.
        outline.targets = targets(raw)
        guard raw.has("Type") else {
            report("These fields are required: [Type]", at: node.tree.place, node.location)
            outline.isTerminal = true
            return (nil, outline)
        }
        guard let type = oneOf("Type", DefinitionReader.stateTypes, in: raw) else {
            outline.isTerminal = true
            return (nil, outline)
        }
        let isEnd = raw["End"]?.value.content == .scalar(.bool(true))
        outline.isTerminal = isEnd || type == "Succeed" || type == "Fail"
        language = queryLanguage(raw, inherited: inherited)
        // A state that may not be in JSONPath is not told which of its fields belong to JSONata besides.
        hasResult = type == "Task" || type == "Parallel" || type == "Map"
        isDowngraded = inherited == .jsonata && language == .jsonPath
        defer {
            language = inherited
            isDowngraded = false
        }
        guard
            let object = object(
                node, fields: FieldSet(["Type", "Comment", "QueryLanguage"]) + DefinitionReader.fields(of: type),
                required: DefinitionReader.required(of: type))
        else { return (nil, outline) }
        let comment = object.text("Comment", &self)
        let transition = transition(object, type: type)
        let flow = dataFlow(object, type: type)
        let assign = assignment(object)
        let retry = retriers(object)
        let catches = catchers(object)
        guard let kind = kind(type, object, inherited: inherited) else { return (nil, outline) }
        let state = State(
            name: member.key, comment: comment, dataFlow: flow, assign: assign, transition: transition, retry: retry,
            catches: catches, kind: kind)
        return (state, outline)
    }

    private mutating func dataFlow(_ object: ObjectFields, type: String) -> DataFlow {
        switch language {
        case .jsonPath:
            .jsonPath(
                PathFlow(
                    inputPath: selection("InputPath", in: object),
                    parameters: type == "Map" ? nil : template("Parameters", in: object),
                    resultSelector: template("ResultSelector", in: object),
                    resultPath: placement("ResultPath", in: object),
                    outputPath: selection("OutputPath", in: object)))
        case .jsonata:
            .jsonata(
                ExpressionFlow(
                    arguments: template("Arguments", in: object), output: template("Output", in: object)))
        }
    }

    /// Assign of a state, a choice rule or a catcher.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    mutating func assignment(_ object: ObjectFields) -> PayloadTemplate? {
        let template = objectTemplate("Assign", in: object)
        guard let node = object.child("Assign"), case .mapping(let members) = node.tree.content else { return nil }
        for member in members {
            let name = plainName(member)
            note(.assignment(name), at: member.keyPlace, node.child(member.key))
            let scalars = name.unicodeScalars
            let isIdentifier =
                scalars.first?.properties.isIDStart == true && scalars.dropFirst().allSatisfy(\.properties.isIDContinue)
            if !isIdentifier || scalars.count > 80 {
                report(
                    "'\(name.prefix(100))' is not a valid variable name",
                    advice: "a name has 1 to 80 letters, digits and '_' and begins with a letter", at: member.keyPlace,
                    node.child(member.key))
            } else if name == "states" {
                report(
                    "'states' is not a valid variable name", advice: "the language keeps $states for itself",
                    at: member.keyPlace, node.child(member.key))
            }
        }
        return template
    }

    private static func required(of type: String) -> [String] {
        switch type {
        case "Task": ["Resource"]
        case "Choice": ["Choices"]
        case "Parallel": ["Branches"]
        default: []
        }
    }

    private mutating func transition(_ object: ObjectFields, type: String) -> Transition? {
        if type == "Choice" || type == "Succeed" || type == "Fail" { return nil }
        exclude(["Next", "End"], in: object)
        if object.has("Next") { return object.text("Next", &self).map(Transition.next) }
        if let isEnd = object.bool("End", &self) {
            if isEnd { return .end }
            report(
                "End is false and there is no Next", advice: "write \"End\": true or name the Next state",
                at: object.place("End"), object.location("End"))
            return nil
        }
        if !object.has("End") {
            report(
                "These fields are required: [Next]", advice: "name the Next state, or write \"End\": true",
                at: object.node.tree.place, object.node.location)
        }
        return nil
    }

    /// All names to which a state may lead, whatever its type; other problems of those fields are noted elsewhere.
    private func targets(_ object: ObjectFields) -> [Outline.Target] {
        var targets: [Outline.Target] = []
        func add(_ field: String, of fields: ObjectFields) {
            if case .scalar(.string(let name)) = fields[field]?.value.content {
                targets.append(
                    Outline.Target(name: name, place: fields.place(field), location: fields.location(field)))
            }
        }
        add("Next", of: object)
        add("Default", of: object)
        for list in ["Choices", "Catch"] {
            guard let node = object.child(list), case .sequence(let elements) = node.tree.content else { continue }
            for (index, element) in elements.enumerated() {
                guard case .mapping(let members) = element.content else { continue }
                let entry = Node(tree: element, location: "\(node.location)[\(index)]")
                add("Next", of: ObjectFields(node: entry, members: members))
            }
        }
        return targets
    }

    // MARK: - What each type does

    private mutating func kind(_ type: String, _ object: ObjectFields, inherited: QueryLanguage) -> State.Kind? {
        switch type {
        case "Pass":
            warnOfStaticResult(object)
            return .pass(result: object["Result"]?.value.json)
        case "Task": return task(object).map(State.Kind.task)
        case "Choice": return choice(object).map(State.Kind.choice)
        case "Wait": return wait(object).map(State.Kind.wait)
        case "Succeed": return .succeed
        case "Fail":
            let error = object.textSource("Error", &self)
            if case .literal(let name)? = error { raisedErrors.insert(name) }
            return .fail(FailState(error: error, cause: object.textSource("Cause", &self)))
        case "Parallel": return parallel(object, inherited: inherited)
        case "Map": return map(object, inherited: inherited).map(State.Kind.map)
        default: preconditionFailure("'\(type)' is no state type")
        }
    }

    /// A Result is handed on as it stands.
    private mutating func warnOfStaticResult(_ object: ObjectFields) {
        guard let node = object.child("Result"), case .mapping(let members) = node.tree.content,
            let member = members.first(where: { $0.key.hasSuffix(".$") })
        else { return }
        report(
            .warning, .passResultIsStatic, "Result of a Pass state is handed on as it stands, '\(member.key)' too",
            advice: "write it in Parameters to have it evaluated", at: member.keyPlace, node.child(member.key))
    }

    private mutating func task(_ object: ObjectFields) -> TaskState? {
        let timeout = object.numberSource("TimeoutSeconds", in: 1...99_999_999, &self)
        let heartbeat = object.numberSource("HeartbeatSeconds", in: 1...99_999_999, &self)
        if case .literal(let timeout) = timeout, case .literal(let heartbeat) = heartbeat, heartbeat >= timeout {
            report(
                "HeartbeatSeconds is \(heartbeat) and TimeoutSeconds \(timeout)",
                advice: "a heartbeat must be due before the time-out: make HeartbeatSeconds smaller",
                at: object.place("HeartbeatSeconds"), object.location("HeartbeatSeconds"))
        }
        guard let resource = object.text("Resource", &self) else { return nil }
        let isURI =
            resource.contains(":")
            && resource.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "#" && $0 != "*" }
            && !resource.hasSuffix(":")
        guard isURI else {
            report(
                "Value is not a valid resource ARN: '\(resource)'",
                advice: "a step is named like \(StepContractView.resourcePrefix)transcode",
                at: object.place("Resource"),
                object.location("Resource"))
            return nil
        }
        checkIntegration(resource, object)
        checkContract(resource, object)
        return TaskState(
            resource: resource, timeoutSeconds: timeout, heartbeatSeconds: heartbeat, credentials: credentials(object))
    }

    /// Credentials: a template with the RoleArn under which the task runs.
    private mutating func credentials(_ object: ObjectFields) -> PayloadTemplate? {
        guard let node = object.child("Credentials") else { return nil }
        guard case .mapping(let members) = node.tree.content else {
            expected("Object", node)
            return nil
        }
        if !members.contains(where: { $0.key == "RoleArn" || language == .jsonPath && $0.key == "RoleArn.$" }) {
            report(
                "The field 'RoleArn' is required but was missing", at: object.keyPlace("Credentials"), node.location)
        }
        return template("Credentials", in: object)
    }

    /// Compares a step's resource and its literal Parameters with the step's contract.
    private mutating func checkContract(_ resource: String, _ object: ObjectFields) {
        guard let contracts, resource.hasPrefix(StepContractView.resourcePrefix) else { return }
        let name = StepContractView.stepName(in: resource)
        guard let contract = contracts[name] else {
            let nearest = nearestName(to: name, among: contracts.keys.sorted())
            report(
                "There is no step '\(name)'",
                advice: nearest.map { "did you mean '\($0)'?" }
                    ?? "the steps are \(contracts.keys.sorted().joined(separator: ", "))",
                at: object.place("Resource"), object.location("Resource"))
            return
        }
        let argumentsName = language == .jsonPath ? "Parameters" : "Arguments"
        guard let node = object.child(argumentsName), case .mapping(let members) = node.tree.content else { return }
        let given = Set(members.map(plainName))
        let missing = contract.input.filter { $0.isRequired && !given.contains($0.name) }.map(\.name)
        if !missing.isEmpty {
            report(
                "The step '\(name)' needs \(missing.map { "'\($0)'" }.joined(separator: ", "))",
                advice: "add it to \(argumentsName)", at: object.keyPlace(argumentsName), node.location)
        }
        for member in members {
            let plain = plainName(member)
            guard let field = contract.input.first(where: { $0.name == plain }) else {
                if let nearest = nearestName(to: plain, among: contract.input.map(\.name)), !given.contains(nearest) {
                    report(
                        .warning, .schemaValidationFailed, "The step '\(name)' does not know '\(plain)'",
                        advice: "did you mean '\(nearest)'?", at: member.keyPlace, node.child(member.key))
                }
                continue
            }
            let kind = IntrinsicParameter(rawValue: field.kind) ?? .any
            let value = member.value.json
            if !isDynamic(member), !kind.accepts(value), !(value.isNull && !field.isRequired) {
                report(
                    "'\(plain)' of the step '\(name)' must be of type \(kind.rawValue)",
                    advice: "write a value of that type, or "
                        + (language == .jsonPath ? "a path under '\(plain).$'" : "an expression"),
                    at: member.value.place, node.child(member.key))
            }
        }
    }

    /// The name under which a member of arguments arrives.
    private func plainName(_ member: SourceTree.Member) -> String {
        language == .jsonPath && member.key.hasSuffix(".$") ? String(member.key.dropLast(2)) : member.key
    }

    /// Whether a member's value is known only when the state runs.
    private func isDynamic(_ member: SourceTree.Member) -> Bool {
        switch language {
        case .jsonPath: member.key.hasSuffix(".$")
        case .jsonata: if case .scalar(.string(let text)) = member.value.content { text.hasPrefix("{%") } else { false }
        }
    }

    private mutating func wait(_ object: ObjectFields) -> WaitState? {
        let forms = ["Seconds", "Timestamp"] + (language == .jsonPath ? ["SecondsPath", "TimestampPath"] : [])
        exclude(forms, in: object)
        guard let form = forms.first(where: { object.has($0) }) else {
            report(
                "These fields are required: [Seconds]",
                advice: "a Wait state has one of \(forms.joined(separator: ", "))", at: object.node.tree.place,
                object.node.location)
            return nil
        }
        switch form {
        case "Seconds", "SecondsPath":
            return object.numberSource("Seconds", in: 0...99_999_999, &self).map { .seconds($0) }
        case "TimestampPath": return object.path("TimestampPath", &self).map { .timestamp(.path($0)) }
        default:
            guard let source = object.textSource("Timestamp", &self) else { return nil }
            guard case .literal(let text) = source else { return .timestamp(source) }
            guard Timestamp.microseconds(rfc3339: text) != nil else {
                report(
                    "String does not match RFC3339 timestamp", advice: "write it like 2026-03-14T01:59:00Z",
                    at: object.place("Timestamp"), object.location("Timestamp"))
                return nil
            }
            return .timestamp(source)
        }
    }

    private mutating func parallel(_ object: ObjectFields, inherited: QueryLanguage) -> State.Kind? {
        guard let nodes = object.array("Branches", &self) else { return nil }
        if nodes.isEmpty {
            report(
                "Value cannot be empty", advice: "a Parallel state has at least one branch",
                at: object.place("Branches"), object.location("Branches"))
            return nil
        }
        let branches = nodes.map {
            innerMachine($0.tree, at: $0.location, isProcessor: false, inherited: inherited)
        }
        let whole = branches.compactMap(\.self)
        return whole.count == branches.count ? .parallel(branches: whole) : nil
    }
}
