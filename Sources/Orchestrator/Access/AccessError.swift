/// Why something about access keys can't be done.
public struct AccessError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// There is no key of this id.
        case notFound
        /// A value has a form that it can't have.
        case invalid
        /// It does not go with the keys that are there.
        case conflict
        /// The secrets can't be sealed or opened: no master key, or another one.
        case sealing
        /// The database does not answer.
        case unavailable
    }

    public let code: Code
    /// One sentence; never a secret.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
