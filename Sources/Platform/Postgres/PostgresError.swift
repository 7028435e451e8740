/// Why a conversation with PostgreSQL failed, and what the caller may conclude about the statement.
public struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What became of the statement. Only this decides what may be done next; the message is for people.
    public enum Outcome: Sendable, Equatable {
        /// The statement never left this process: it is not in and never will be.
        case notSent
        /// The server answered with an error: the statement had no effect.
        case refused(sqlstate: String)
        /// The deadline passed or the connection was lost after sending: the statement may have been committed, or may
        /// still be committed later. Only the data itself can tell.
        case unknown
    }

    /// What the caller may conclude about the statement.
    public let outcome: Outcome
    /// One sentence with the values in it: the server's primary message where there is one.
    public let message: String
    /// The server's detail line, where it gave one.
    public let detail: String?
    /// The server's hint line, where it gave one.
    public let hint: String?
    /// The violated constraint's name, where the error is one.
    public let constraint: String?

    /// An error of this room or of a caller that speaks in its terms.
    public init(
        outcome: Outcome, message: String, detail: String? = nil, hint: String? = nil, constraint: String? = nil
    ) {
        self.outcome = outcome
        self.message = message
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
    }

    /// The five characters of SQLSTATE (PostgreSQL manual, appendix A), where the server answered at all.
    public var sqlstate: String? {
        if case .refused(let sqlstate) = outcome { sqlstate } else { nil }
    }

    /// Whether the same statement may succeed when it is simply sent again: serialisation failure or deadlock.
    public var isSerializationFailure: Bool { sqlstate == "40001" || sqlstate == "40P01" }

    public var description: String {
        let end =
            switch outcome {
            case .notSent: " (not sent)"
            case .refused(let sqlstate): " (SQLSTATE \(sqlstate))"
            case .unknown: " (outcome unknown)"
            }
        return ([message + end] + [detail, hint].compactMap(\.self)).joined(separator: "; ")
    }
}
