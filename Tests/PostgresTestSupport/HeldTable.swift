import Postgres

/// Has a table for itself meanwhile, so that whoever else wants it waits, as for a database that does not answer.
///
/// - Parameter table: with its schema.
public func holding<Answer>(
    _ table: String, of url: String, _ body: () async throws -> Answer
) async throws -> Answer {
    let holder = try await PostgresConnection.connect(url, applicationName: "holder", deadline: .seconds(10))
    do {
        try await holder.script("BEGIN; LOCK TABLE \(table) IN ACCESS EXCLUSIVE MODE", deadline: .seconds(10))
        let answer = try await body()
        try await holder.script("COMMIT", deadline: .seconds(10))
        await holder.close()
        return answer
    } catch {
        await holder.close()
        throw error
    }
}
