import JSON
import OrderedCollections

extension DefinitionReader {
    /// Says what is doubtful in a machine: variables that nobody assigned, and fields that nobody produces. States that
    /// could not be read may assign what they name and hand on anything.
    mutating func lint(_ machine: StateMachine) {
        checkVariables(of: machine, visible: [], outer: [])
        var flow = DataFlowLint(contracts: contracts ?? [:], uses: uses, headers: headers, broken: broken)
        _ = flow.outputShape(of: machine, input: .unknown)
        diagnostics += flow.diagnostics
    }

    /// - Parameters:
    ///   - visible: the variables that may have a value where the machine starts.
    ///   - outer: those of the machines around it, whose names may not be used again.
    private mutating func checkVariables(of machine: StateMachine, visible: Set<String>, outer: Set<String>) {
        let own = machine.states.keys.reduce(into: Set<String>()) { $0.formUnion(assignedVariables(of: $1)) }
        let atEntry = assignments(in: machine, visible: visible)
        let anywhere = broken.values.reduce(own.union(visible)) { $0.union($1.assigned) }
        for state in machine.states.values {
            // Of a state that nothing leads to it is not known what comes before it.
            let known = atEntry[state.name] ?? anywhere
            for use in uses[state.name] ?? [] {
                if case .assignment(let name) = use.content, outer.contains(name) {
                    report(
                        .error, .duplicateVariableName,
                        "The variable name '\(name)' was already defined in a parent scope.",
                        advice: "a state around this one assigns it, and no state inside may do so: take another name",
                        at: use.place, use.location)
                }
                for name in use.content.variables where !known.contains(name) {
                    warn(of: name, use, state, assignedLater: own)
                }
            }
            let inner = known.union(visible)
            switch state.kind {
            case .parallel(let branches):
                for branch in branches { checkVariables(of: branch, visible: inner, outer: outer.union(own)) }
            case .map(let map):
                // The executions of a distributed Map know no variables but their own.
                let isDistributed = map.mode != .inline
                checkVariables(
                    of: map.processor, visible: isDistributed ? [] : inner,
                    outer: isDistributed ? [] : outer.union(own))
            case .pass, .task, .choice, .wait, .succeed, .fail: break
            }
        }
    }

    private mutating func warn(
        of name: String, _ use: ExpressionUse, _ state: State, assignedLater own: Set<String>
    ) {
        let advice: String
        if own.contains(name) {
            advice = "no state on the way to '\(state.name)' assigns it"
        } else if case .expression(let expression) = use.content {
            advice = self.advice(of: name, isCalled: expression.calledFunctions.contains(name), state, own)
        } else {
            advice = nearestName(to: name, among: own.sorted()).map { "did you mean '$\($0)'?" } ?? notAssigned(state)
        }
        report(
            .warning, .possiblyUndefinedVariable, "Variable '\(name)' is possibly not defined.", advice: advice,
            at: use.variablePlaces[name] ?? use.place, use.location)
    }

    /// What an expression most likely means with a name: a variable, or a function of the language.
    private func advice(of name: String, isCalled: Bool, _ state: State, _ own: Set<String>) -> String {
        let function = nearestName(to: name, among: QueryExpression.functionNames).map {
            "did you mean the function '$\($0)'?"
        }
        if isCalled { return function ?? "JSONata has no function of that name" }
        let variable = nearestName(to: name, among: own.union(["states"]).sorted()).map { "did you mean '$\($0)'?" }
        return variable ?? function ?? notAssigned(state)
    }

    private func notAssigned(_ state: State) -> String { "no state assigns it where '\(state.name)' can see it" }

    /// For each state that can be reached, the variables that some way to it assigns.
    private func assignments(in machine: StateMachine, visible: Set<String>) -> [String: Set<String>] {
        var atEntry: [String: Set<String>] = [machine.startAt: visible]
        var pending = [machine.startAt]
        while let name = pending.popLast() {
            guard let targets = machine.states[name]?.targets ?? broken[name]?.targets else { continue }
            let after = (atEntry[name] ?? []).union(broken[name]?.assigned ?? assignedVariables(of: name))
            for target in targets {
                if let known = atEntry[target], after.isSubset(of: known) { continue }
                atEntry[target, default: []].formUnion(after)
                pending.append(target)
            }
        }
        return atEntry
    }

    /// The names that a state's Assign fields set, those of its rules and catchers too.
    private func assignedVariables(of state: String) -> Set<String> {
        (uses[state] ?? []).reduce(into: Set<String>()) { names, use in
            if case .assignment(let name) = use.content { names.insert(name) }
        }
    }
}

extension State {
    /// All states to which the state may lead.
    var targets: [String] {
        var names: [String] = []
        if case .next(let name)? = transition { names.append(name) }
        if case .choice(let choice) = kind {
            names += choice.rules.map(\.next)
            if let name = choice.defaultNext { names.append(name) }
        }
        return names + catches.map(\.next)
    }
}

extension ExpressionUse.Content {
    /// The variables that are read.
    var variables: [String] {
        switch self {
        case .path(let path): path.variable.map { [$0] } ?? []
        case .call(let call): call.variables
        case .assignment: []
        case .expression(let expression):
            Array(
                OrderedSet(expression.references.map(\.variable).filter { $0 != "states" && $0 != "$" }))
        }
    }
}

extension IntrinsicCall {
    fileprivate var variables: [String] {
        arguments.flatMap { argument -> [String] in
            switch argument {
            case .path(let path): path.variable.map { [$0] } ?? []
            case .call(let call): call.variables
            case .text, .value: []
            }
        }
    }
}
