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

    public init(
        _ severity: Severity, code: Code = .schemaValidationFailed, message: String, advice: String? = nil,
        at place: SourcePlace, location: String
    ) {
        self.severity = severity
        self.code = code.rawValue
        self.message = message
        self.advice = advice
        self.place = place
        self.location = location
    }

    /// The codes of AWS Step Functions.
    public enum Code: String, Sendable {
        case schemaValidationFailed = "SCHEMA_VALIDATION_FAILED"
        case missingTransitionTarget = "MISSING_TRANSITION_TARGET"
        case duplicateStateName = "DUPLICATE_STATE_NAME"
        case noTerminalState = "NO_TERMINAL_STATE"
        case invalidJSONDescription = "INVALID_JSON_DESCRIPTION"
    }

    /// `CODE: message at /location`, as the errors of CreateStateMachine carry it.
    public var wireText: String { "\(code): \(message) at \(location)" }

    /// `file:line:column: severity: message`, as compilers print and editors read it, with the advice behind it.
    public func text(file: String) -> String {
        let start = message.hasSuffix(".") ? String(message.dropLast()) : message
        let sentence = advice.map { "\(start); \($0)" } ?? start
        return "\(file):\(place.line):\(place.column): \(severity.rawValue): \(sentence) (at \(location))"
    }
}
