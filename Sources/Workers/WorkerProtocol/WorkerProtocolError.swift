/// Why a body is not the message it should be: every problem found, each with its place.
public struct WorkerProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The member, as in `tasks[2].token`; empty for the body as a whole.
        public let member: String
        /// What is wrong with it, to be read after the member's name.
        public let reason: String

        public init(member: String, reason: String) {
            self.member = member
            self.reason = reason
        }

        public var description: String { member.isEmpty ? "the body \(reason)" : "'\(member)' \(reason)" }
    }

    /// The message that was expected, for instance "poll request".
    public let message: String
    public let problems: [Problem]

    public init(message: String, problems: [Problem]) {
        self.message = message
        self.problems = problems
    }

    public var description: String {
        "not a \(message): " + problems.map(\.description).joined(separator: "; ")
    }
}
