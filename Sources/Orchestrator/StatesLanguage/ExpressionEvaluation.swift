import JSON
import JSONata

/// A scope as JSONata expressions see it: the variables and `$states`, whose members are input, context, result and
/// errorOutput. Made once for all expressions of a field.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
struct ExpressionScope {
    private let bindings: [String: JSON]
    private let scope: EvaluationScope

    init(_ scope: EvaluationScope) {
        var bindings: [String: JSON] = [:]
        for (name, value) in scope.variables { bindings[name] = value }
        bindings["states"] = .members(
            ("input", scope.input), ("context", scope.context), ("result", scope.result),
            ("errorOutput", scope.errorOutput))
        self.bindings = bindings
        self.scope = scope
    }

    /// The value of an expression; nil where it has none. Each call gets random numbers of its own.
    func value(of expression: QueryExpression, seed: UInt64) throws(JSONataError) -> JSON? {
        var digest: (@Sendable (JSONataDigest, [UInt8]) -> String)?
        if let given = scope.digest {
            digest = { algorithm, bytes in given(DigestAlgorithm(algorithm), bytes) }
        }
        let environment = JSONataEnvironment(
            dialect: .statesLanguage, nowMilliseconds: scope.now / 1000, seed: seed, digest: digest)
        return try expression.evaluate(input: nil, bindings: bindings, in: environment)
    }
}

extension DigestAlgorithm {
    fileprivate init(_ algorithm: JSONataDigest) {
        switch algorithm {
        case .md5: self = .md5
        case .sha1: self = .sha1
        case .sha256: self = .sha256
        case .sha384: self = .sha384
        case .sha512: self = .sha512
        }
    }
}

extension JSONataExpression {
    /// The expression's value, in the words of Step Functions where it has none.
    ///
    /// - Parameter field: where the expression stands, such as `Arguments/FunctionName`.
    func value(
        in scope: ExpressionScope, field: String, budget: inout EvaluationBudget
    ) throws(EvaluationError) -> JSON {
        let found: JSON?
        do throws(JSONataError) {
            found = try scope.value(of: self, seed: budget.draws.next())
        } catch {
            // The service's limits have no code of the language.
            let reason = error.code.hasPrefix("U") ? ": \(error.message)" : ". \(error.code): \(error.message)"
            throw .evaluation(
                "The JSONata expression '\(text)' specified for the field '\(field)' threw an error during evaluation"
                    + reason, at: field)
        }
        guard let found else {
            throw .evaluation(
                "The JSONata expression '\(text)' specified for the field '\(field)' returned nothing (undefined).",
                at: field)
        }
        try budget.charge(found)
        return found
    }

    /// The value of an expression that is a field's whole value, which must be of a type.
    func value(
        of type: String, in scope: EvaluationScope, field: String, accepting accepts: (JSON) -> Bool
    ) throws(EvaluationError) -> JSON {
        var budget = EvaluationBudget(seed: scope.seed)
        let found = try value(in: ExpressionScope(scope), field: field, budget: &budget)
        guard accepts(found) else { throw unexpected(found, wanted: type, field: field) }
        return found
    }

    /// The error of a value that is not of the field's type.
    func unexpected(_ value: JSON, wanted: String, field: String) -> EvaluationError {
        .evaluation(
            "The JSONata expression '\(text)' specified for the field '\(field)' returned an unexpected result type."
                + " Expected '\(wanted)', but was '\(value.typeName)' for value: \(value.text)", at: field)
    }
}

extension EvaluationError {
    /// A failure of a state written in JSONata.
    static func evaluation(_ cause: String, at location: String?) -> EvaluationError {
        EvaluationError(
            error: ErrorName.queryEvaluationError, cause: cause, location: location, isEvaluationFailure: true)
    }
}

extension JSON {
    /// The type's name in causes.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
