public import Postgres

/// What a bearer token says of one title.
public struct PlaybackRight: Sendable, Equatable {
    /// Why a title is not played to somebody.
    public enum Refusal: Sendable, Equatable {
        /// `suspended` or `closed`.
        case account(state: String)
        /// The profile's ceiling is below what the title is rated; nil where nobody has rated it.
        case rating(ceiling: Int, minimumAge: Int?)
        /// Not here, or not now.
        case availability(country: String?)
    }

    public let accountID: String
    public let profileID: String
    public let refusal: Refusal?
}

extension CatalogReader {
    /// SQL, for SELECT: account, profile and device of the session whose token has the SHA-256 in `$1`, unless the token has run
    /// out or been revoked, or its device has. Whoever asks looks at the account's state himself.
    static let ofLiveSession = """
        FROM \(CatalogStore.schema).session
        JOIN \(CatalogStore.schema).account ON account.id = session.account_id
        JOIN \(CatalogStore.schema).profile
            ON profile.account_id = session.account_id AND profile.id = session.profile_id
        LEFT JOIN \(CatalogStore.schema).device
            ON device.account_id = session.account_id AND device.id = session.device_id
        WHERE session.token_sha256 = $1 AND session.expires_at > now() AND session.revoked_at IS NULL
            AND device.revoked_at IS NULL
        """

    /// Who a bearer token is, and whether a title may be played to him; nil for a token that is unknown, run out or
    /// revoked, or whose device is.
    ///
    /// - Parameter tokenSHA256: 32 bytes.
    public func playbackRight(
        tokenSHA256: [UInt8], titleID: String
    ) async throws(PostgresError) -> PlaybackRight? {
        let result = try await query(
            """
            SELECT account.id AS account_id, profile.id AS profile_id, account.state, account.country,
                profile.ceiling::bigint AS ceiling,
                (SELECT max(minimum_age)::bigint FROM \(CatalogStore.schema).title_rating
                 WHERE title_rating.title_id = $2) AS minimum_age,
                (NOT EXISTS (SELECT 1 FROM \(CatalogStore.schema).availability WHERE availability.title_id = $2)
                 OR EXISTS (
                    SELECT 1 FROM \(CatalogStore.schema).availability
                    WHERE availability.title_id = $2
                        AND (availability.region = '*' OR availability.region = account.country)
                        AND (available_from IS NULL OR available_from <= now())
                        AND (available_to IS NULL OR available_to > now()))) AS is_available
            \(Self.ofLiveSession)
            """, [.bytes(tokenSHA256), .text(titleID)])
        guard let row = result.first else { return nil }
        let minimumAge = row.optionalInt("minimum_age").map { Int($0) }
        let refusal: PlaybackRight.Refusal? =
            if row.text("state") != "active" {
                .account(state: row.text("state"))
            } else if let ceiling = row.optionalInt("ceiling").map({ Int($0) }), (minimumAge ?? Int.max) > ceiling {
                .rating(ceiling: ceiling, minimumAge: minimumAge)
            } else if !row.bool("is_available") {
                .availability(country: row.optionalText("country"))
            } else {
                nil
            }
        return PlaybackRight(
            accountID: row.text("account_id"), profileID: row.text("profile_id"), refusal: refusal)
    }

    /// The keys of a title that we license ourselves, sealed, of those asked for; none for an account that is not, or no
    /// longer, active.
    ///
    /// - Parameter keyIDs: UUIDs.
    public func licensedKeys(
        _ keyIDs: [String], titleID: String, accountID: String, profileID: String
    ) async throws(PostgresError) -> [(keyID: String, sealed: [UInt8])] {
        try await query(
            """
            SELECT DISTINCT content_key.key_id::text AS key_id, content_key.sealed
            FROM \(CatalogStore.schema).rendition
            JOIN \(CatalogStore.schema).content_key ON content_key.key_id = rendition.key_id
            WHERE rendition.title_id = $1 AND rendition.key_id = ANY ($2::uuid[]) AND content_key.provider = 'own'
                AND EXISTS (
                    SELECT 1 FROM \(CatalogStore.schema).account
                    JOIN \(CatalogStore.schema).profile ON profile.account_id = account.id
                    WHERE account.id = $3 AND account.state = 'active' AND profile.id = $4)
            ORDER BY 1
            """, [.text(titleID), .uuidArray(keyIDs), .text(accountID), .text(profileID)]
        ).map { ($0.text("key_id"), $0.bytes("sealed")) }
    }
}
