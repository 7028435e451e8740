import CatalogStore
public import Postgres

extension Catalogue {
    /// Makes an account with one profile.
    public func addProfile(
        _ account: String, _ profile: String, ceiling: Int? = nil, country: String? = nil
    ) async throws(PostgresError) {
        _ = try await connection.query(
            "INSERT INTO catalogue.account (id, country) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [.text(account), .optional(country)], deadline: Self.deadline)
        _ = try await connection.query(
            "INSERT INTO catalogue.profile (account_id, id, name, ceiling) VALUES ($1, $2, $2, $3::int)",
            [.text(account), .text(profile), .optional(ceiling.map { Int64($0) })], deadline: Self.deadline)
    }

    /// Gives a profile a bearer token, by its hash.
    public func addSession(
        _ account: String, _ profile: String, tokenSHA256: [UInt8]
    ) async throws(PostgresError) {
        _ = try await connection.query(
            """
            INSERT INTO catalogue.session (token_sha256, account_id, profile_id, expires_at)
            VALUES ($3, $1, $2, now() + interval '1 hour')
            """, [.text(account), .text(profile), .bytes(tokenSHA256)], deadline: Self.deadline)
    }

    public func rate(_ title: String, age: Int) async throws(PostgresError) {
        _ = try await connection.query(
            "INSERT INTO catalogue.title_rating (title_id, scheme, rating, minimum_age) VALUES ($1, 'age', $2, $3::int)",
            [.text(title), .text("\(age)"), .int(Int64(age))], deadline: Self.deadline)
    }

    /// Takes a title out of the catalogue as an unpublication does.
    public func unpublish(_ title: String) async throws(PostgresError) {
        _ = try await connection.query(
            "DELETE FROM catalogue.title WHERE id = $1", [.text(title)], deadline: Self.deadline)
        _ = try await connection.query("UPDATE catalogue.version SET value = value + 1", deadline: Self.deadline)
    }

    public var interactions: InteractionTable { InteractionTable(query: query) }
    public var generations: GenerationTable { GenerationTable(query: query) }

    public var query: CatalogReader.Query {
        { [connection] (sql, parameters) throws(PostgresError) in
            try await connection.query(sql, parameters, deadline: Self.deadline)
        }
    }
}

/// A UUID made of a number.
public func eventID(_ number: Int) -> String {
    let digits = String(number)
    return "0190b000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
}
