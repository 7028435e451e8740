public import JSON

/// One problem of a definition: what is wrong, where, and what mends it. A reader reports all problems at once.
public struct Diagnostic: Sendable, Hashable {
    public enum Severity: String, Sendable, Hashable {
        /// The definition cannot be used.
        case error
        /// The definition can be used and probably does not do what its author wants.
        case warning
    }

    public let severity: Severity
    /// The code of ValidateStateMachineDefinition, such as `SCHEMA_VALIDATION_FAILED`.
    public let code: String
    /// What is wrong, in AWS's wording where that is known.
    public let message: String
    /// A sentence that says how to mend it, without full stop; nil where the message says it already.
    public let advice: String?
    public let place: SourcePlace
    /// The path of member names to the place, such as `/States/Encode/Next`; `/` is the definition itself.
    public let location: String
    /// The location that AWS gives, which names the object where a whole object is at fault; nil where it gives none.
    public let wireLocation: String?

    public init(
        _ severity: Severity, code: Code = .schemaValidationFailed, message: String, advice: String? = nil,
        at place: SourcePlace, location: String
    ) {
        self.init(
            severity, code: code, message: message, advice: advice, at: place, location: location,
            wireLocation: location)
    }

    public init(
        _ severity: Severity, code: Code, message: String, advice: String?, at place: SourcePlace, location: String,
        wireLocation: String?
    ) {
        self.severity = severity
        self.code = code.rawValue
        self.message = message
        self.advice = advice
        self.place = place
        self.location = location
        self.wireLocation = wireLocation
    }

    /// The codes of AWS Step Functions, and at the end those of our own warnings.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
    public enum Code: String, Sendable {
        case schemaValidationFailed = "SCHEMA_VALIDATION_FAILED"
        case missingTransitionTarget = "MISSING_TRANSITION_TARGET"
        case missingEndState = "MISSING_END_STATE"
        case duplicateStateName = "DUPLICATE_STATE_NAME"
        case invalidStateName = "INVALID_STATE_NAME"
        case duplicateLabelName = "DUPLICATE_LABEL_NAME"
        case invalidLabelName = "INVALID_LABEL_NAME"
        case invalidJSONDescription = "INVALID_JSON_DESCRIPTION"
        case invalidJSONataExpression = "INVALID_JSONATA_EXPRESSION"
        case unsupportedJSONataExpression = "UNSUPPORTED_JSONATA_EXPRESSION"
        case duplicateVariableName = "DUPLICATE_VARIABLE_NAME"
        case noDollar = "NO_DOLLAR"
        case passResultIsStatic = "PASS_RESULT_IS_STATIC"
        case possiblyUndefinedVariable = "POSSIBLY_UNDEFINED_VARIABLE"
        /// A path to what the states before do not produce.
        case possiblyUndefinedField = "POSSIBLY_UNDEFINED_FIELD"
    }

    /// `CODE: message at /location`, as the errors of CreateStateMachine carry it.
    public var wireText: String { "\(code): \(message) at \(wireLocation ?? "null")" }

    /// `file:line:column: severity: message`, as compilers print and editors read it, with the advice behind it.
    public func text(file: String) -> String {
        let start = message.hasSuffix(".") ? String(message.dropLast()) : message
        let sentence = advice.map { "\(start); \($0)" } ?? start
        return "\(file):\(place.line):\(place.column): \(severity.rawValue): \(sentence) (at \(location))"
    }
}
