import Postgres

/// What became of a row given to ``Journal/append(_:)``.
public enum AppendOutcome: Sendable, Equatable {
    /// The row is durable, once.
    case committed
    /// Nothing was written: the name belongs to another execution, which was started with an input of this hash.
    case nameTaken(executionID: String, inputHash: String)
    /// The row is not this process's to write: another writer owns the execution, or this engine no longer holds the
    /// lease, or the journal was closed before the outcome was known. Throw the in-memory execution away.
    case superseded
    /// The row is certainly not in and will not be: PostgreSQL refuses it for what it holds.
    case failed(PostgresError)
}

/// A row of ``Journal/append(_:)-([NumberedRow])`` under a number of the caller's.
public struct NumberedRow: Sendable {
    public let number: UInt64
    public let row: JournalRow

    public init(number: UInt64, row: JournalRow) {
        self.number = number
        self.row = row
    }
}

/// What became of a numbered row.
public struct NumberedOutcome: Sendable {
    public let number: UInt64
    public let outcome: AppendOutcome
    /// Of the row's effects, as text; 0 where the row was not sent.
    public let effectsBytes: Int
}

/// What became of a row given to ``Journal/appendPublishing(_:attached:deadline:)``.
public enum AttachedOutcome: Sendable, Equatable {
    /// The row and everything attached to it are durable, once.
    case committed
    /// As ``AppendOutcome/superseded``: nothing was written.
    case superseded
    /// Nothing was written and nothing will be: the statement failed with this error.
    case refused(PostgresError)
}

/// The part of a publishing statement that comes from another room.
public struct AttachedStatement: Sendable {
    /// Gives the common table expressions to be attached, separated by commas, without `WITH` and without a comma at
    /// either end, and their parameters, the first of which has the number given. They may name any table expression of
    /// their own and `appended(execution_id, seq)`, which has one row if and only if the journal row went in: every
    /// writing one must take its rows `FROM appended`.
    public let statement: @Sendable (_ firstParameter: Int) -> (sql: String, parameters: [PostgresValue])

    public init(
        _ statement: @escaping @Sendable (_ firstParameter: Int) -> (sql: String, parameters: [PostgresValue])
    ) {
        self.statement = statement
    }
}

/// Who has the right to append.
public enum LeaseOutcome: Sendable, Equatable {
    /// This incarnation has it.
    case taken
    /// Another incarnation has it and renewed it this long ago, by the database's clock.
    case held(LeaseHolder, renewedBefore: Duration)
}

/// Who has the lease.
public struct LeaseHolder: Sendable, Hashable {
    /// Host and process, for people.
    public let name: String
    public let incarnation: String
    /// Scheme and authority at which other engines reach it; nil where it does not say.
    public let address: String?

    public init(name: String, incarnation: String, address: String?) {
        self.name = name
        self.incarnation = incarnation
        self.address = address
    }
}
