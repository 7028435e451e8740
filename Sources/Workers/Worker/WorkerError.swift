import Glibc

/// Why a worker cannot start or was told nonsense. What goes wrong with one task is a `StepFailure` instead.
public struct WorkerError: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String, Sendable { case configuration, sandbox, scratch, child, engine }
        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// A setting that cannot work.
        public static let configuration = Code(.configuration)
        /// A sandbox was required and this machine refuses it.
        public static let sandbox = Code(.sandbox)
        /// The scratch directory cannot be used.
        public static let scratch = Code(.scratch)
        /// The program that runs steps in a child process does not start or breaks its protocol.
        public static let child = Code(.child)
        /// The engine's answer breaks the protocol.
        public static let engine = Code(.engine)

        public var description: String { value.rawValue }
    }

    public let code: Code
    /// A sentence with the values in it.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// The system's words for an errno.
func systemReason(_ number: Int32) -> String { String(cString: strerror(number)) }
