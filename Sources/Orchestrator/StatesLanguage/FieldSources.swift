public import JSON
import JSONata

extension NumberSource {
    /// The number, an integer that is not negative.
    ///
    /// - Parameter field: the field without `Path`, such as `MaxConcurrency`, for the cause.
    public func value(in scope: EvaluationScope, field: String) throws(EvaluationError) -> Int {
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
            // The service takes a number's text for the number.
            guard let number = found.integerValue ?? found.stringValue.flatMap({ Int($0) }) else {
                throw .runtime(
                    "The \(field)Path field refers to value \"\(found.stringValue ?? found.text)\" which is not a valid"
                        + " integer: \(path.text)")
            }
            if number < 0 { throw .runtime("\(field) cannot be negative.") }
            return number
        case .expression(let expression):
            let found = try expression.value(of: "number", in: scope, field: field) { $0.doubleValue != nil }
            guard let number = found.integerValue else {
                throw expression.unexpected(found, wanted: "integer", field: field)
            }
            if number < 0 { throw .evaluation("\(field) cannot be negative.", at: field) }
            return number
        }
    }
}

extension PercentageSource {
    /// The percentage, 0...100.
    public func value(in scope: EvaluationScope) throws(EvaluationError) -> Double {
        let field = "ToleratedFailurePercentage"
        let reason = "\(field) must be between 0 and 100."
        switch self {
        case .literal(let value): return value
        case .path(let path):
            let found = try path.required(in: scope, field: field)
            guard let number = found.doubleValue ?? found.stringValue.flatMap({ Double($0) }) else {
                throw .runtime(
                    "The \(field)Path field refers to value \"\(found.stringValue ?? found.text)\" which is not a valid"
                        + " float: \(path.text)")
            }
            if !(0...100).contains(number) { throw .runtime(reason) }
            return number
        case .expression(let expression):
            let found = try expression.value(of: "number", in: scope, field: field) { $0.doubleValue != nil }
            guard let number = found.doubleValue, (0...100).contains(number) else {
                throw .evaluation(reason, at: field)
            }
            return number
        }
    }
}

extension JSONPath {
    func required(in scope: EvaluationScope, field: String) throws(EvaluationError) -> JSON {
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
    public func value(in scope: EvaluationScope, field: String) throws(EvaluationError) -> String {
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
        case .expression(let expression):
            value = try expression.value(of: "string", in: scope, field: field) { $0.stringValue != nil }
            source = expression.text
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
                let cause =
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string:"
                    + " \(text)"
                if case .expression = source { throw .evaluation(cause, at: "Timestamp") }
                throw .runtime(cause)
            }
            return .at(microseconds: time)
        }
    }
}

extension MapState {
    /// The items that the state maps over, from its input; not for a Map with an ItemReader.
    ///
    /// The scope's input is what InputPath selects (JSONPath), or the state's input (JSONata).
    public func inputItems(in scope: EvaluationScope) throws(EvaluationError) -> [JSON] {
        switch items {
        case .path(let path):
            switch path.lookUp(in: scope) {
            case .found(.array(let elements)): return elements
            case .found(let value):
                if let elements = members(of: value) { return elements }
                throw .runtime("Reference path \"\(path.referenceText)\" must point to array.")
            case .missing:
                throw .runtime("Invalid path '\(path.text)' : \(path.reasonForNoMatch(in: scope))")
            case .excessive: throw path.excessError
            }
        case .template(let template):
            let value = try template.evaluate(in: scope, field: "Items")
            if let elements = value.arrayValue ?? members(of: value) { return elements }
            guard case .expression(let expression, _) = template.node else {
                throw .evaluation("Items must be an array but was: \(value.text)", at: "Items")
            }
            throw expression.unexpected(value, wanted: "array", field: "Items")
        case .input:
            if let elements = scope.input.arrayValue ?? members(of: scope.input) { return elements }
            throw .evaluation("Map state input must be an array but was: \(scope.input.text)", at: nil)
        }
    }

    /// A distributed Map takes an object for a list of its members.
    private func members(of value: JSON) -> [JSON]? {
        guard case .distributed = mode, case .object(let members) = value else { return nil }
        return members.map { .members(("Key", .string($0.key)), ("Value", $0.value)) }
    }
}
