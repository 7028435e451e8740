public import JSON

extension PathFlow {
    /// What InputPath selects from the state's raw input, which is the scope's: what the fields of the state that end in
    /// Path read.
    public func selectedInput(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        try inputPath.value(in: scope, field: "InputPath")
    }

    /// What the state works on: InputPath, then Parameters. The scope's input is the raw one.
    public func effectiveInput(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        let selected = try selectedInput(in: scope)
        guard let parameters else { return selected }
        let made = try parameters.evaluate(in: scope.reading(selected), field: "Parameters")
        try DataFlow.checkDepth(of: made)
        return made
    }

    /// What the state hands on: ResultSelector shapes the result, ResultPath puts it into the raw input, which is the
    /// scope's, OutputPath selects from that.
    public func output(of result: JSON, in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        let placed = try resultPath.placing(try shapedResult(result, in: scope), into: scope.input)
        try DataFlow.checkDepth(of: placed)
        return try selectedOutput(of: placed, in: scope)
    }

    /// What ResultSelector makes of a result: what Assign and ResultPath work with.
    public func shapedResult(_ result: JSON, in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        guard let resultSelector else { return result }
        return try resultSelector.evaluate(in: scope.reading(result), field: "ResultSelector")
    }

    /// OutputPath alone, for states without a result of their own.
    public func selectedOutput(of document: JSON, in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        try outputPath.value(in: scope.reading(document), field: "OutputPath")
    }
}

extension ExpressionFlow {
    /// What the state works on: Arguments, or its input. The scope's input is the state's.
    public func effectiveInput(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        guard let arguments else { return scope.input }
        let made = try arguments.evaluate(in: scope, field: "Arguments")
        try DataFlow.checkDepth(of: made)
        return made
    }

    /// What the state hands on: Output, or its result (the scope's), or its input where it has none.
    public func output(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        guard let output else { return scope.result ?? scope.input }
        let made = try output.evaluate(in: scope, field: "Output")
        try DataFlow.checkDepth(of: made)
        return made
    }
}

extension EvaluationScope {
    /// The same scope with another document behind `$`.
    public func reading(_ document: JSON) -> EvaluationScope {
        var scope = self
        scope.input = document
        return scope
    }
}

extension DataFlow {
    /// What the state works on, in either language. The scope's input is the raw one.
    public func effectiveInput(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        switch self {
        case .jsonPath(let flow): return try flow.effectiveInput(in: scope)
        case .jsonata(let flow): return try flow.effectiveInput(in: scope)
        }
    }

    /// What a state whose work gave a result hands on, in either language. The scope's input is the raw one.
    public func output(of result: JSON, in scope: EvaluationScope) throws(EvaluationError) -> JSON {
        switch self {
        case .jsonPath(let flow): return try flow.output(of: result, in: scope)
        case .jsonata(let flow):
            var seen = scope
            seen.result = result
            return try flow.output(in: seen)
        }
    }

    /// Data may nest this deep between states: each state may put its result deeper, and what is written must be
    /// readable again (``JSON/maximumDepth``) with what is put around it.
    public static let maximumDepth = 400

    static func checkDepth(of value: JSON) throws(EvaluationError) {
        if value.isDeeper(than: maximumDepth) {
            throw EvaluationError(
                error: ErrorName.dataLimitExceeded,
                cause: "The state's data nests deeper than \(maximumDepth) levels")
        }
    }
}

extension PathFlow.Selection {
    func value(in scope: EvaluationScope, field: String) throws(EvaluationError) -> JSON {
        switch self {
        case .discard: return .object([:])
        case .path(let path):
            switch path.lookUp(in: scope) {
            case .found(let value): return value
            case .missing: throw .runtime("Invalid path '\(path.text)' : \(path.reasonForNoMatch(in: scope))")
            case .excessive: throw path.excessError
            }
        }
    }
}

extension PathFlow.ResultPlacement {
    /// The raw input with the result in its place. Also what a Catcher does with the error output.
    public func placing(_ result: JSON, into raw: JSON) throws(EvaluationError) -> JSON {
        switch self {
        case .replace: return result
        case .discard: return raw
        case .insert(let path): return try path.setting(result, in: raw)
        }
    }
}

extension EvaluationError {
    /// The error as a state reports it. A failed path of its parameters is `States.ParameterPathFailure`, as the
    /// specification has it, where the state retries or catches that; elsewhere the service reports `States.Runtime`.
    public func reported(by state: State) -> EvaluationError {
        guard error == ErrorName.parameterPathFailure else { return self }
        let isHandled =
            state.retry.contains { $0.matches(error: error) } || state.catches.contains { $0.matches(error: error) }
        return isHandled ? self : .runtime(cause)
    }
}
