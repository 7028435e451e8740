import JSON
import StatesLanguage

/// The JSONPath fields of a state applied to payloads, in the language's order: InputPath, Parameters, (the work),
/// ResultSelector, ResultPath, OutputPath.
/// Source: https://states-language.net/spec.html#input-and-output-processing
extension DataFlow {
    /// Whether the effective input is the raw input, so that the journal need not hold it again.
    var passesInput: Bool { inputPath.isIdentity && parameters == nil }

    /// Whether a state's output is the result of its work as it is.
    var passesResult: Bool { resultSelector == nil && resultPath == .replace && outputPath.isIdentity }

    var passesOutput: Bool { outputPath.isIdentity }

    /// What InputPath selects from the raw input.
    func selectedInput(of scope: EvaluationScope) throws(EvaluationError) -> JSON {
        try inputPath.value(in: scope, field: "InputPath")
    }

    /// What the state works on: InputPath, then Parameters.
    func effectiveInput(of scope: EvaluationScope) throws(EvaluationError) -> JSON {
        var scope = scope
        scope.input = try selectedInput(of: scope)
        return try parameters?.evaluate(in: scope) ?? scope.input
    }

    /// What the state hands on, given the raw input in the scope and the result of its work.
    func output(of scope: EvaluationScope, result: JSON) throws(EvaluationError) -> JSON {
        var selected = scope
        selected.input = result
        let shaped = try resultSelector?.evaluate(in: selected) ?? result
        switch resultPath {
        case .replace: selected.input = shaped
        case .discard: selected.input = scope.input
        case .insert(let path): selected.input = try path.setting(shaped, in: scope.input)
        }
        return try selectedOutput(of: selected)
    }

    /// What OutputPath selects from the document in the scope.
    func selectedOutput(of scope: EvaluationScope) throws(EvaluationError) -> JSON {
        try outputPath.value(in: scope, field: "OutputPath")
    }
}

extension DataFlow.Selection {
    fileprivate var isIdentity: Bool {
        switch self {
        case .path(let path): path.isIdentity
        case .discard: false
        }
    }

    fileprivate func value(in scope: EvaluationScope, field: String) throws(EvaluationError) -> JSON {
        switch self {
        case .discard: return .object([:])
        case .path(let path):
            guard let value = path.value(in: scope) else {
                throw EvaluationError(
                    error: ErrorName.runtime,
                    cause: "Invalid path '\(path.text)' : No results for path: \(path.text) (\(field))")
            }
            return value
        }
    }
}
