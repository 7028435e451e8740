import JSON
import OrderedCollections
import StatesLanguage

/// What a state leaves behind. Output and Assign are evaluated side by side: neither sees what the other made.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
struct Exit {
    let output: Payload
    let assigned: OrderedDictionary<String, Payload>
}

extension Decider {
    /// Leaves a state by its transition.
    mutating func leave(_ scope: ScopeID, with exit: Exit) {
        if !exit.assigned.isEmpty { emit(.variablesAssigned(scope: scope, variables: exit.assigned)) }
        emit(.stateExited(scope: scope, output: exit.output))
    }

    /// What a state hands on.
    ///
    /// - Parameters:
    ///   - result: what its work gave; nil for states that do none.
    ///   - template: Output of the Choice rule that matched, instead of the state's own.
    mutating func output(
        _ scope: ScopeID, _ entry: Entry, result: Payload?, instead template: PayloadTemplate? = nil
    ) throws(EvaluationError) -> Payload {
        let made: Payload
        if entry.plan.passesResult, template == nil, result != nil || entry.plan.passesInput || entry.plan.isJSONata {
            made = result ?? .input
        } else {
            made = .value(try evaluatedOutput(scope, entry, result: result, instead: template))
        }
        try charge(made, in: scope)
        return made
    }

    private func evaluatedOutput(
        _ scope: ScopeID, _ entry: Entry, result: Payload?, instead template: PayloadTemplate?
    ) throws(EvaluationError) -> JSON {
        var seen = evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4 + 1)
        let value = result.map { execution.resolve($0, in: scope) }
        switch entry.plan.state.dataFlow {
        case .jsonPath(let flow):
            if let value { return try flow.output(of: value, in: seen) }
            return try flow.selectedOutput(of: try flow.effectiveInput(in: seen), in: seen)
        case .jsonata(let flow):
            seen.result = value
            if let template { return try ExpressionFlow(arguments: nil, output: template).output(in: seen) }
            return try flow.output(in: seen)
        }
    }

    /// The variables that a state's Assign sets. In JSONPath `$` is the state's result as ResultSelector shapes it, or its
    /// effective input where it has none.
    mutating func assigned(
        _ template: PayloadTemplate?, _ scope: ScopeID, _ entry: Entry, result: Payload?
    ) throws(EvaluationError) -> OrderedDictionary<String, Payload> {
        guard let template else { return [:] }
        var seen = evaluationScope(scope, input: entry.input, draw: entry.retryCount * 4 + 3)
        let value = result.map { execution.resolve($0, in: scope) }
        switch entry.plan.state.dataFlow {
        case .jsonPath(let flow):
            if let value {
                seen.input = try flow.shapedResult(value, in: seen)
            } else {
                seen.input = try flow.effectiveInput(in: seen)
            }
        case .jsonata: seen.result = value
        }
        return try assigned(template, scope, entry, reading: seen)
    }

    /// The variables that an Assign sets, evaluated in a scope that is made already.
    mutating func assigned(
        _ template: PayloadTemplate?, _ scope: ScopeID, _ entry: Entry, reading seen: EvaluationScope
    ) throws(EvaluationError) -> OrderedDictionary<String, Payload> {
        guard let template else { return [:] }
        let value = try template.evaluate(in: seen, field: "Assign")
        guard case .object(let members) = value else {
            throw EvaluationError(
                error: entry.plan.isJSONata ? ErrorName.queryEvaluationError : ErrorName.runtime,
                cause: "Assign must be an object but was: \(value.text)", location: "Assign",
                isEvaluationFailure: entry.plan.isJSONata)
        }
        try charge(.value(value), in: scope)
        var visible = seen.variables
        for (name, value) in members { visible[name] = value }
        guard JSON.object(visible).textBytes(upTo: limits.variableBytes) != nil else { throw tooLarge(in: scope) }
        return members.mapValues { .value($0) }
    }
}
