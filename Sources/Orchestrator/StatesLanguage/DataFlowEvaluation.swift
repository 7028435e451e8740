public import JSON

extension DataFlow {
    /// What InputPath selects from the raw input: what the fields of the state that end in Path read.
    public func selectedInput(of raw: JSON, context: JSON) throws(EvaluationError) -> JSON {
        try inputPath.value(in: EvaluationScope(input: raw, context: context))
    }

    /// What the state works on: InputPath, then Parameters.
    public func effectiveInput(
        of raw: JSON, context: JSON, seed: UInt64, digest: EvaluationScope.Digest? = nil
    ) throws(EvaluationError) -> JSON {
        let scope = EvaluationScope(input: raw, context: context, seed: seed, digest: digest)
        let selected = try inputPath.value(in: scope)
        guard let parameters else { return selected }
        let made = try parameters.evaluate(
            in: EvaluationScope(input: selected, context: context, seed: seed, digest: digest))
        try DataFlow.checkDepth(of: made)
        return made
    }

    /// What the state hands on: ResultSelector shapes the result, ResultPath puts it into the raw input, OutputPath
    /// selects from that.
    public func output(
        raw: JSON, result: JSON, context: JSON, seed: UInt64, digest: EvaluationScope.Digest? = nil
    ) throws(EvaluationError) -> JSON {
        var shaped = result
        if let resultSelector {
            shaped = try resultSelector.evaluate(
                in: EvaluationScope(input: result, context: context, seed: seed, digest: digest))
        }
        let placed = try resultPath.placing(shaped, into: raw)
        try DataFlow.checkDepth(of: placed)
        return try selectedOutput(of: placed, context: context)
    }

    /// Data may nest this deep between states: each state may put its result deeper, and what is written must be
    /// readable again (``JSON/maximumDepth``) with what is put around it.
    public static let maximumDepth = 400

    private static func checkDepth(of value: JSON) throws(EvaluationError) {
        if value.isDeeper(than: maximumDepth) {
            throw EvaluationError(
                error: ErrorName.dataLimitExceeded,
                cause: "The state's data nests deeper than \(maximumDepth) levels")
        }
    }

    /// OutputPath alone, for states without a result of their own.
    public func selectedOutput(of document: JSON, context: JSON) throws(EvaluationError) -> JSON {
        try outputPath.value(in: EvaluationScope(input: document, context: context))
    }
}

extension DataFlow.Selection {
    func value(in scope: EvaluationScope) throws(EvaluationError) -> JSON {
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

extension DataFlow.ResultPlacement {
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

extension NumberSource {
    /// The number, an integer that is not negative.
    ///
    /// - Parameter field: the field without `Path`, such as `MaxConcurrency`, for the cause.
    public func value(in scope: EvaluationScope, field: String = "Number") throws(EvaluationError) -> Int {
        switch self {
        case .literal(let value): return value
        case .path(let path):
            let found = try path.required(in: scope, field: field)
            if field == "Seconds" {
                guard let seconds = found.integerValue else {
                    throw .runtime(
                        "The SecondsPath parameter cannot be parsed as a long value: \(path.text) == \(found.text)")
                }
                if seconds < 0 {
                    throw .runtime("The SecondsPath parameter references a negative value: \(path.text) == \(seconds)")
                }
                return seconds
            }
            guard let number = found.integerValue else {
                throw .runtime(
                    "The \(field)Path field refers to value \"\(found.stringValue ?? found.text)\" which is not a valid"
                        + " integer: \(path.text)")
            }
            if number < 0 { throw .runtime("\(field) cannot be negative.") }
            return number
        }
    }
}

extension PercentageSource {
    /// The percentage, 0...100.
    public func value(in scope: EvaluationScope) throws(EvaluationError) -> Double {
        switch self {
        case .literal(let value): return value
        case .path(let path):
            let found = try path.required(in: scope, field: "ToleratedFailurePercentage")
            guard let number = found.doubleValue else {
                throw .runtime(
                    "The ToleratedFailurePercentagePath field refers to value \"\(found.stringValue ?? found.text)\""
                        + " which is not a valid float: \(path.text)")
            }
            if !(0...100).contains(number) { throw .runtime("ToleratedFailurePercentage must be between 0 and 100.") }
            return number
        }
    }
}

extension JSONPath {
    fileprivate func required(in scope: EvaluationScope, field: String) throws(EvaluationError) -> JSON {
        switch lookUp(in: scope) {
        case .found(let value): return value
        case .missing: throw .runtime("The \(field)Path parameter does not reference an input value: \(text)")
        case .excessive: throw excessError
        }
    }
}

extension TextSource {
    /// The text.
    ///
    /// - Parameter field: the field without `Path`, such as `Cause`, for the error's cause.
    public func value(in scope: EvaluationScope, field: String = "Text") throws(EvaluationError) -> String {
        let value: JSON
        let source: String
        switch self {
        case .literal(let text): return text
        case .path(let path):
            value = try path.required(in: scope, field: field)
            source = path.text
        case .intrinsic(let call):
            value = try call.evaluate(in: scope)
            source = call.text
        }
        guard let text = value.stringValue else {
            throw .runtime("The \(field)Path parameter does not reference a string: \(source) == \(value.text)")
        }
        return text
    }
}

/// When a Wait state goes on.
public enum WaitEnd: Sendable, Hashable {
    case afterSeconds(Int)
    /// Microseconds since 1970-01-01T00:00:00Z.
    case at(microseconds: Int64)
}

extension WaitState {
    /// When the state goes on, from its literals or its effective input.
    public func end(in scope: EvaluationScope) throws(EvaluationError) -> WaitEnd {
        switch self {
        case .seconds(let source): return .afterSeconds(try source.value(in: scope, field: "Seconds"))
        case .timestamp(let source):
            if case .path(let path) = source {
                let found = try path.required(in: scope, field: "Timestamp")
                guard let time = found.stringValue.flatMap({ Timestamp.microseconds(rfc3339: $0) }) else {
                    throw .runtime(
                        "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time"
                            + " format string: \(path.text) == \(found.stringValue ?? found.text)")
                }
                return .at(microseconds: time)
            }
            let text = try source.value(in: scope, field: "Timestamp")
            guard let time = Timestamp.microseconds(rfc3339: text) else {
                throw .runtime(
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string:"
                        + " \(text)")
            }
            return .at(microseconds: time)
        }
    }
}
