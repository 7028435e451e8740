/// Something wrong, or doubtful, with a playlist, a manifest or a file.
public struct Finding: Sendable, Hashable {
    public enum Severity: String, Sendable, Hashable {
        case error, warning
    }

    /// Counts from 1; nil where no line can be named.
    public let line: Int?
    public let severity: Severity
    public let message: String

    public init(line: Int? = nil, _ severity: Severity, _ message: String) {
        self.line = line
        self.severity = severity
        self.message = message
    }

    /// An error.
    public init(line: Int? = nil, _ message: String) { self.init(line: line, .error, message) }
}
