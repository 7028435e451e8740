import JSON
import OrderedCollections

extension DefinitionReader {
    /// Says what is doubtful in a machine whose states could all be read: variables that nobody assigned, and fields that
    /// nobody produces.
    mutating func lint(_ machine: StateMachine) {
        guard isComplete else { return }
        checkVariables(of: machine, visible: [], outer: [])
        var flow = DataFlowLint(contracts: contracts ?? [:], uses: uses, headers: headers)
        _ = flow.outputShape(of: machine, input: .unknown)
        diagnostics += flow.diagnostics
    }

    /// - Parameters:
    ///   - visible: the variables that may have a value where the machine starts.
    ///   - outer: those of the machines around it, whose names may not be used again.
    private mutating func checkVariables(of machine: StateMachine, visible: Set<String>, outer: Set<String>) {
        let own = machine.states.keys.reduce(into: Set<String>()) { $0.formUnion(assignedVariables(of: $1)) }
        let atEntry = assignments(in: machine, visible: visible)
        for state in machine.states.values {
            let known = atEntry[state.name] ?? []
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
        } else if let nearest = nearestName(to: name, among: own.sorted()) {
            advice = "did you mean '$\(nearest)'?"
        } else {
            advice = "no state assigns it where '\(state.name)' can see it"
        }
        report(
            .warning, .possiblyUndefinedVariable, "Variable '\(name)' is possibly not defined.", advice: advice,
            at: use.variablePlaces[name] ?? use.place, use.location)
    }

    /// For each state that can be reached, the variables that some way to it assigns.
    private func assignments(in machine: StateMachine, visible: Set<String>) -> [String: Set<String>] {
        var atEntry: [String: Set<String>] = [machine.startAt: visible]
        var pending = [machine.startAt]
        while let name = pending.popLast() {
            guard let state = machine.states[name] else { continue }
            let after = (atEntry[name] ?? []).union(assignedVariables(of: name))
            for target in state.targets {
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
