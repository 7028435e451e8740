public import Postgres

/// Writes accounts, profiles and their bearer tokens. Tokens come as hashes: nobody reads one here.
public struct AccountTable: Sendable {
    /// Profiles that an account may have.
    public static let profiles = 5
    /// Tokens of an account that hold at a time.
    public static let sessions = 100

    private let query: CatalogReader.Query

    public init(query: @escaping CatalogReader.Query) { self.query = query }

    /// A token to be given out.
    public struct Grant: Sendable {
        /// 1 to 64 letters, digits, `-` and `_`.
        public var account: String
        public var profile: String
        /// Changes the profile's ceiling where given: 0 to 21.
        public var ceiling: Int?
        /// Changes the account's country where given: two capital letters (ISO 3166-1).
        public var country: String?
        public var tokenSHA256: [UInt8]
        public var seconds: Int

        public init(
            account: String, profile: String, ceiling: Int? = nil, country: String? = nil, tokenSHA256: [UInt8],
            seconds: Int
        ) {
            self.account = account
            self.profile = profile
            self.ceiling = ceiling
            self.country = country
            self.tokenSHA256 = tokenSHA256
            self.seconds = seconds
        }
    }

    /// What came of a grant.
    public enum Outcome: Sendable, Equatable {
        /// RFC 3339, UTC.
        case granted(expiresAt: String)
        /// The account is suspended or closed.
        case notActive(state: String)
        case tooManyProfiles
        case tooManySessions
    }

    /// Gives out a token, and makes account and profile where there are none yet. One statement: all of it or nothing.
    public func grant(_ grant: Grant) async throws(PostgresError) -> Outcome {
        let schema = CatalogStore.schema
        // Rows that this statement makes are not seen by its own reads, so each count is one of before.
        let result = try await query(
            """
            WITH known AS (
                SELECT coalesce((SELECT state FROM \(schema).account WHERE id = $1), 'active') AS state,
                    (SELECT count(*) FROM \(schema).profile WHERE account_id = $1 AND id <> $2) AS profiles,
                    (SELECT count(*) FROM \(schema).session
                     WHERE account_id = $1 AND expires_at > now() AND revoked_at IS NULL) AS sessions
            ), allowed AS (
                SELECT 1 FROM known
                WHERE state = 'active' AND profiles < \(Self.profiles) AND sessions < \(Self.sessions)
            ), given_account AS (
                INSERT INTO \(schema).account (id, country) SELECT $1, $4 FROM allowed
                ON CONFLICT (id) DO UPDATE SET country = coalesce(EXCLUDED.country, account.country)
                RETURNING id
            ), given_profile AS (
                INSERT INTO \(schema).profile (account_id, id, name, ceiling)
                SELECT id, $2, $2, $3::int FROM given_account
                ON CONFLICT (account_id, id) DO UPDATE SET ceiling = coalesce(EXCLUDED.ceiling, profile.ceiling)
                RETURNING account_id, id
            ), forgotten AS (
                DELETE FROM \(schema).session WHERE account_id = $1 AND (expires_at <= now() OR revoked_at IS NOT NULL)
            ), given_session AS (
                INSERT INTO \(schema).session (token_sha256, account_id, profile_id, expires_at)
                SELECT $5, account_id, id, now() + make_interval(secs => $6) FROM given_profile
                RETURNING to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS expires_at
            )
            SELECT known.state, known.profiles, known.sessions, given_session.expires_at
            FROM known LEFT JOIN given_session ON true
            """,
            [
                .text(grant.account), .text(grant.profile), .optional(grant.ceiling.map { Int64($0) }),
                .optional(grant.country), .bytes(grant.tokenSHA256), .double(Double(grant.seconds)),
            ])
        let row = result[0]
        if let expiresAt = row.optionalText("expires_at") { return .granted(expiresAt: expiresAt) }
        if row.text("state") != "active" { return .notActive(state: row.text("state")) }
        return row.int("profiles") >= Self.profiles ? .tooManyProfiles : .tooManySessions
    }

    /// Revokes all tokens of an account and says how many there were; nil where there is no such account.
    public func revokeTokens(ofAccount account: String) async throws(PostgresError) -> Int? {
        let schema = CatalogStore.schema
        let result = try await query(
            """
            WITH revoked AS (
                UPDATE \(schema).session SET revoked_at = now()
                WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > now() RETURNING 1
            )
            SELECT (SELECT count(*) FROM revoked) AS revoked FROM \(schema).account WHERE id = $1
            """, [.text(account)])
        return result.first.map { Int($0.int("revoked")) }
    }
}
