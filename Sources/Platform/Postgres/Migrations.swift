/// One numbered step of a schema. A published step is never changed: write the next one.
public struct Migration: Sendable, Equatable {
    /// From 1, without gaps.
    public let number: Int64
    /// A few words for people.
    public let name: String
    /// One or more statements that may run in one transaction. Names without a schema mean the migrated schema.
    public let sql: String
    /// For its statements, where they take longer the more there is; nil where what all are given is enough.
    public let deadline: Duration?

    public init(number: Int64, name: String, sql: String, deadline: Duration? = nil) {
        self.number = number
        self.name = name
        self.sql = sql
        self.deadline = deadline
    }
}

/// The steps that make up one schema, and how they are applied.
///
/// Each step is one transaction, which first locks the row of `migration_lock` and then, inside the lock, reads which
/// steps have been applied: so any number of programs may migrate at once. A row lock rather than an advisory one works
/// behind a pooler and on databases that only speak PostgreSQL's protocol.
public struct Migrations: Sendable {
    public let schema: String
    public let steps: [Migration]

    /// - Parameter schema: lowercase letters, digits and underscores; becomes part of the SQL text.
    public init(schema: String, steps: [Migration]) {
        precondition(
            !schema.isEmpty && schema.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 },
            "\(schema) is not a plain schema name")
        precondition(
            steps.indices.allSatisfy { steps[$0].number == Int64($0) + 1 }, "migrations are numbered 1, 2, 3...")
        self.schema = schema
        self.steps = steps
    }

    /// Applies what is missing.
    ///
    /// - Parameter deadline: for each statement of a step that has none of its own. Whoever waits for another program that
    ///   migrates is given as much as the longest of the steps that are missing.
    /// - Throws: `.refused(sqlstate: "55000")` where the database is newer than this program or holds another step under
    ///   the same number; otherwise what PostgreSQL said.
    public func apply(on connection: PostgresConnection, deadline: Duration) async throws(PostgresError) {
        _ = try await retrying { () async throws(PostgresError) in
            try await connection.script(
                """
                CREATE SCHEMA IF NOT EXISTS \(schema);
                CREATE TABLE IF NOT EXISTS \(schema).migration (
                    number bigint PRIMARY KEY, name text NOT NULL, sql text NOT NULL, applied_at timestamptz NOT NULL);
                CREATE TABLE IF NOT EXISTS \(schema).migration_lock (id int PRIMARY KEY CHECK (id = 1));
                INSERT INTO \(schema).migration_lock (id) VALUES (1) ON CONFLICT DO NOTHING;
                """, deadline: deadline)
        }
        while try await retrying({ () async throws(PostgresError) in
            try await applyNext(on: connection, deadline: deadline)
        }) {}
    }

    /// Applies one step; false when none is missing.
    private func applyNext(on connection: PostgresConnection, deadline: Duration) async throws(PostgresError) -> Bool {
        try await connection.transaction(deadline: deadline) { (connection) throws(PostgresError) in
            // What another one makes meanwhile is still missing here.
            let count = try connection.query("SELECT FROM \(schema).migration", deadline: deadline).count
            let patience = steps.dropFirst(count).reduce(deadline) { max($0, $1.deadline ?? deadline) }
            _ = try connection.query(
                "SELECT id FROM \(schema).migration_lock WHERE id = 1 FOR UPDATE", deadline: patience)
            let applied = try connection.query(
                "SELECT number, name, sql FROM \(schema).migration ORDER BY number", deadline: deadline)
            for (row, step) in zip(applied, steps) {
                guard row.int("number") == step.number, row.text("sql") == step.sql else {
                    throw refusal(
                        "migration \(step.number) of schema \(schema) was applied as \"\(row.text("name"))\" "
                            + "and is not the one this program knows as \"\(step.name)\"")
                }
            }
            guard applied.count <= steps.count else {
                throw refusal(
                    "schema \(schema) is at migration \(applied.count), this program knows \(steps.count): "
                        + "the database is newer than the program")
            }
            guard applied.count < steps.count else { return false }
            let step = steps[applied.count]
            try connection.script("SET LOCAL search_path TO \(schema)", deadline: deadline)
            try connection.script(step.sql, deadline: step.deadline ?? deadline)
            _ = try connection.query(
                """
                INSERT INTO \(schema).migration (number, name, sql, applied_at)
                VALUES ($1, $2, $3, clock_timestamp())
                """, [.int(step.number), .text(step.name), .text(step.sql)], deadline: deadline)
            return true
        }
    }

    private func refusal(_ message: String) -> PostgresError {
        PostgresError(outcome: .refused(sqlstate: "55000"), message: message)
    }

    /// Tries again what lost against another program that migrates at the same time. `IF NOT EXISTS` does not wait for
    /// the other one: the slower gets a unique violation in the catalogue (23505) or "already exists".
    private func retrying<Value>(
        _ body: () async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        var triesLeft = 20
        while true {
            do throws(PostgresError) {
                return try await body()
            } catch {
                triesLeft -= 1
                let isRace = ["23505", "42P06", "42P07"].contains(error.sqlstate ?? "")
                guard error.isSerializationFailure || isRace, triesLeft > 0 else { throw error }
            }
            await Task.yield()
        }
    }
}
