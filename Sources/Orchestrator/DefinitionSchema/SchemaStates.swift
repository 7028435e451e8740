import JSON
import StatesLanguage
import StepContracts

/// The state types, in the order of the specification.
enum StateType: String, CaseIterable {
    case task = "Task"
    case parallel = "Parallel"
    case map = "Map"
    case pass = "Pass"
    case wait = "Wait"
    case choice = "Choice"
    case succeed = "Succeed"
    case fail = "Fail"

    private var summary: String {
        switch self {
        case .task: "Has work done: by a step, an activity's worker or a service."
        case .parallel: "Runs its branches at the same time, each on the same input; gives an array of their outputs."
        case .map: "Runs its processor once an item; gives an array of the outputs."
        case .pass: "Hands its input on, or what it makes of it."
        case .wait: "Waits for a time or until an instant."
        case .choice: "Goes on where the first rule that holds leads to."
        case .succeed: "Ends the machine well."
        case .fail: "Ends the machine with an error."
        }
    }

    /// Whether states of this type have machines inside.
    var holdsMachines: Bool { self == .parallel || self == .map }

    /// The object of a state of this type.
    ///
    /// - Parameter machine: the language of the machine around it.
    func schema(_ language: QueryLanguage, within machine: QueryLanguage, steps: [StepContract]) -> JSON {
        var fields = [
            Field("Type", ["const": .string(rawValue), "description": .string(summary)]), DefinitionSchema.comment,
            Field(
                "QueryLanguage",
                DefinitionSchema.queryLanguage(language == .jsonata ? [.jsonata] : [.jsonPath]), required: false),
        ]
        fields += dataFlow(language) + own(language, within: machine, steps: steps)
        if hasErrors { fields += [DefinitionSchema.retry, DefinitionSchema.catches(language)] }
        if hasTransition {
            fields += [
                Field("Next", DefinitionSchema.text("The state that goes on."), required: false),
                Field("End", DefinitionSchema.described(["const": true], "The machine ends here."), required: false),
            ]
        }
        var rules = self.rules(language, steps: steps)
        if hasTransition { rules.append(DefinitionSchema.oneOf(["Next", "End"])) }
        return DefinitionSchema.shape(fields, summary, rules: rules)
    }

    private var hasTransition: Bool { self != .choice && self != .succeed && self != .fail }

    private var hasErrors: Bool { self == .task || self == .parallel || self == .map }

    /// How data goes in and out.
    private func dataFlow(_ language: QueryLanguage) -> [Field] {
        if self == .fail { return [] }
        var fields: [Field] = []
        switch language {
        case .jsonPath:
            fields += [
                Field("InputPath", DefinitionSchema.pathOrNull("Selects what the state works on."), required: false),
                Field("OutputPath", DefinitionSchema.pathOrNull("Selects what is handed on."), required: false),
            ]
            if self == .task || self == .parallel || self == .pass {
                fields.append(
                    Field(
                        "Parameters", DefinitionSchema.reference("template", "What the state works on."),
                        required: false))
            }
            if hasErrors {
                fields.append(
                    Field(
                        "ResultSelector", DefinitionSchema.templateObject("Shapes the result before ResultPath."),
                        required: false))
            }
            if hasErrors || self == .pass {
                fields.append(
                    Field(
                        "ResultPath",
                        DefinitionSchema.pathOrNull(
                            "Where the result goes in the state's input; $ replaces it, null drops it."),
                        required: false))
            }
        case .jsonata:
            if self == .task || self == .parallel {
                fields.append(
                    Field(
                        "Arguments", ["description": "What the state works on: any JSON with {% expressions %}."],
                        required: false))
            }
            let addition = hasErrors ? "$states.input and $states.result are at hand." : nil
            fields.append(Field("Output", DefinitionSchema.output(addition), required: false))
        }
        if self != .succeed { fields.append(DefinitionSchema.assign(language)) }
        return fields
    }

    /// What this type alone has.
    private func own(
        _ language: QueryLanguage, within machine: QueryLanguage, steps: [StepContract]
    ) -> [Field] {
        switch self {
        case .task: DefinitionSchema.task(language, steps: steps)
        case .parallel:
            [
                Field(
                    "Branches",
                    DefinitionSchema.list(
                        DefinitionSchema.reference("processor.\(machine)"), least: 1, "Machines that run side by side."
                    ))
            ]
        case .map: DefinitionSchema.map(language, within: machine)
        case .pass:
            language == .jsonPath
                ? [Field("Result", ["description": "The state's result, as it stands."], required: false)] : []
        case .wait: wait(language)
        case .choice:
            [
                Field(
                    "Choices",
                    DefinitionSchema.list(
                        DefinitionSchema.reference("choiceRule.\(language)"), least: 1,
                        "The rules; the first that holds counts.")),
                Field(
                    "Default", DefinitionSchema.text("The state that goes on where no rule holds."), required: false),
            ]
        case .succeed: []
        case .fail:
            fail("Error", "Name of the error, for people and catchers.", language)
                + fail("Cause", "Why, for people.", language)
        }
    }

    private func wait(_ language: QueryLanguage) -> [Field] {
        let seconds = DefinitionSchema.orExpression(
            DefinitionSchema.seconds("How long, in seconds.", from: 0), language)
        let timestamp = DefinitionSchema.orExpression(DefinitionSchema.timestamp("Until when."), language)
        let fields = [Field("Seconds", seconds, required: false), Field("Timestamp", timestamp, required: false)]
        guard language == .jsonPath else { return fields }
        return fields + [
            Field("SecondsPath", DefinitionSchema.path("Path to a number of seconds in the input."), required: false),
            Field("TimestampPath", DefinitionSchema.path("Path to a timestamp in the input."), required: false),
        ]
    }

    private func fail(_ name: String, _ description: String, _ language: QueryLanguage) -> [Field] {
        let field = Field(name, DefinitionSchema.text(description), required: false)
        guard language == .jsonPath else { return [field] }
        return [
            field,
            Field(
                "\(name)Path",
                [
                    "description": .string("Path or intrinsic function that gives \(name)."), "type": "string",
                    "pattern": #"^(\$|States\.)"#,
                ], required: false),
        ]
    }

    private func rules(_ language: QueryLanguage, steps: [StepContract]) -> [JSON] {
        switch self {
        case .task:
            DefinitionSchema.notBothForms(["TimeoutSeconds", "HeartbeatSeconds"], language)
                + DefinitionSchema.stepRules(language, steps: steps)
        case .map: DefinitionSchema.mapRules(language)
        case .wait:
            [
                DefinitionSchema.oneOf(
                    language == .jsonPath
                        ? ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"] : ["Seconds", "Timestamp"])
            ]
        case .fail: DefinitionSchema.notBothForms(["Error", "Cause"], language)
        case .parallel, .pass, .choice, .succeed: []
        }
    }
}
