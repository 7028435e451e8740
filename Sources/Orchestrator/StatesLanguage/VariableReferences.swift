import JSONata
public import OrderedCollections

extension Definition {
    /// The variables that each state refers to, by state name, those of branches and processors too; states without are
    /// left out. DescribeStateMachine's `variableReferences`.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
    public static func variableReferences(_ machine: StateMachine) -> OrderedDictionary<String, [String]> {
        var references: OrderedDictionary<String, [String]> = [:]
        add(machine, to: &references)
        return references
    }

    private static func add(_ machine: StateMachine, to references: inout OrderedDictionary<String, [String]>) {
        for state in machine.states.values {
            var names = VariableNames()
            names.add(state)
            if !names.found.isEmpty { references[state.name] = names.found.sorted() }
            switch state.kind {
            case .parallel(let branches): for branch in branches { add(branch, to: &references) }
            case .map(let map): add(map.processor, to: &references)
            case .pass, .task, .choice, .wait, .succeed, .fail: break
            }
        }
    }
}

/// Gathers the variables in the fields of one state.
private struct VariableNames {
    var found: Set<String> = []

    mutating func add(_ state: State) {
        switch state.dataFlow {
        case .jsonPath(let flow):
            add(flow.inputPath)
            add(flow.parameters)
            add(flow.resultSelector)
            add(flow.outputPath)
        case .jsonata(let flow):
            add(flow.arguments)
            add(flow.output)
        }
        add(state.assign)
        for catcher in state.catches {
            add(catcher.assign)
            add(catcher.output)
        }
        add(state.kind)
    }

    private mutating func add(_ kind: State.Kind) {
        switch kind {
        case .task(let task):
            add(task.timeoutSeconds)
            add(task.heartbeatSeconds)
            add(task.credentials)
        case .choice(let choice):
            for rule in choice.rules {
                add(rule.condition)
                add(rule.assign)
                add(rule.output)
            }
        case .wait(.seconds(let source)): add(source)
        case .wait(.timestamp(let source)): add(source)
        case .fail(let fail):
            add(fail.error)
            add(fail.cause)
        case .map(let map): add(map)
        case .pass, .succeed, .parallel: break
        }
    }

    private mutating func add(_ map: MapState) {
        switch map.items {
        case .path(let path): add(path)
        case .template(let template): add(template)
        case .input: break
        }
        add(map.reader?.parameters)
        add(map.reader?.maxItems)
        add(map.itemSelector)
        add(map.batcher?.batchInput)
        add(map.batcher?.maxItemsPerBatch)
        add(map.batcher?.maxInputBytesPerBatch)
        add(map.writer?.parameters)
        add(map.maxConcurrency)
        add(map.toleratedFailureCount)
        switch map.toleratedFailurePercentage {
        case .path(let path): add(path)
        case .expression(let expression): add(expression)
        case .literal, nil: break
        }
    }

    private mutating func add(_ path: JSONPath) { if let name = path.variable { found.insert(name) } }

    private mutating func add(_ selection: PathFlow.Selection) { if case .path(let path) = selection { add(path) } }

    private mutating func add(_ expression: QueryExpression) {
        for reference in expression.references where reference.variable != "states" && reference.variable != "$" {
            found.insert(reference.variable)
        }
    }

    private mutating func add(_ source: NumberSource?) {
        switch source {
        case .path(let path): add(path)
        case .expression(let expression): add(expression)
        case .literal, nil: break
        }
    }

    private mutating func add(_ source: TextSource?) {
        switch source {
        case .path(let path): add(path)
        case .intrinsic(let call): add(call)
        case .expression(let expression): add(expression)
        case .literal, nil: break
        }
    }

    private mutating func add(_ call: IntrinsicCall) {
        for argument in call.arguments {
            switch argument {
            case .path(let path): add(path)
            case .call(let inner): add(inner)
            case .text, .value: break
            }
        }
    }

    private mutating func add(_ template: PayloadTemplate?) { if let template { add(template.node) } }

    private mutating func add(_ node: PayloadTemplate.Node) {
        switch node {
        case .literal: break
        case .path(let path, _): add(path)
        case .call(let call): add(call)
        case .expression(let expression, _): add(expression)
        case .array(let nodes): for node in nodes { add(node) }
        case .object(let members): for member in members { add(member.value) }
        }
    }

    private mutating func add(_ condition: ChoiceCondition) {
        switch condition {
        case .and(let parts), .or(let parts): for part in parts { add(part) }
        case .not(let part): add(part)
        case .isPresent(let path, _), .isType(let path, _, _), .stringMatches(let path, _): add(path)
        case .comparison(let path, _, let operand):
            add(path)
            if case .path(let other) = operand { add(other) }
        case .expression(let expression): add(expression)
        case .constant: break
        }
    }
}
