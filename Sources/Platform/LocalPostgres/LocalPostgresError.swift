/// Why a private PostgreSQL server could not be run.
public struct LocalPostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// No PostgreSQL server programs were found.
        case programsMissing
        /// The directory cannot be used: not creatable, not traversable, of another owner, or used by another process.
        case directoryUnusable
        /// The file system is full, or nearly so.
        case noSpace
        /// `initdb` failed.
        case initialisationFailed
        /// The server did not come up.
        case startFailed
        /// The server did not end.
        case stopFailed
    }

    public let code: Code
    /// One sentence with the values in it.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
