public import Postgres

/// A content key at rest: sealed under a master key, whose id stands beside it.
public struct StoredContentKey: Sendable, Equatable {
    /// Who made a key, and so who licenses it.
    public enum Provider: String, Sendable {
        /// This service; its own licences have it.
        case own
        /// A key server over SPEKE; its licence servers have it.
        case speke
    }

    /// A lowercase UUID.
    public var keyID: String
    /// What it was made for: the id of a title.
    public var contentID: String
    /// `audio`, `video`, `sd`, `hd` or `uhd`.
    public var label: String
    /// `cbcs` or `cenc`.
    public var scheme: String
    public var provider: Provider
    public var sealed: [UInt8]
    /// 8 bytes that name what sealed it.
    public var masterKeyID: [UInt8]

    public init(
        keyID: String, contentID: String, label: String, scheme: String, provider: Provider, sealed: [UInt8],
        masterKeyID: [UInt8]
    ) {
        self.keyID = keyID
        self.contentID = contentID
        self.label = label
        self.scheme = scheme
        self.provider = provider
        self.sealed = sealed
        self.masterKeyID = masterKeyID
    }

    /// What a sealed key is bound to: it opens as this key and as no other.
    public static func sealingContext(keyID: String) -> String { "content key \(keyID)" }

    /// The table expression that keeps keys, and its parameters, the first of which is `$firstParameter`. It takes its
    /// rows where `appended` has one, as a publication does; sent again it changes nothing.
    public static func statement(
        keeping keys: [StoredContentKey], firstParameter first: Int
    ) -> (sql: String, parameters: [PostgresValue]) {
        let sql = """
            new_content_key AS (
                INSERT INTO \(CatalogStore.schema).content_key
                    (key_id, content_id, label, scheme, provider, sealed, master_key)
                SELECT given.key_id, given.content_id, given.label, given.scheme, given.provider, given.sealed,
                    given.master_key
                FROM appended, unnest(
                    $\(first)::uuid[], $\(first + 1)::text[], $\(first + 2)::text[], $\(first + 3)::text[],
                    $\(first + 4)::text[], $\(first + 5)::bytea[], $\(first + 6)::bytea[]
                ) AS given (key_id, content_id, label, scheme, provider, sealed, master_key)
                ON CONFLICT (key_id) DO NOTHING
            )
            """
        return (
            sql,
            [
                .uuidArray(keys.map(\.keyID)), .textArray(keys.map(\.contentID)), .textArray(keys.map(\.label)),
                .textArray(keys.map(\.scheme)), .textArray(keys.map(\.provider.rawValue)),
                .bytesArray(keys.map(\.sealed)), .bytesArray(keys.map(\.masterKeyID)),
            ]
        )
    }
}

/// The engine's reads and renewals of content keys.
public struct ContentKeyTable: Sendable {
    private let query: CatalogReader.Query

    public init(query: @escaping CatalogReader.Query) { self.query = query }

    /// The key of an id, or nil where there is none.
    ///
    /// - Parameter keyID: a UUID.
    public func key(_ keyID: String) async throws(PostgresError) -> StoredContentKey? {
        try await query("\(Self.select) WHERE key_id = $1", [.uuid(keyID)]).first.map(Self.stored)
    }

    /// Keys that another master key than this one has sealed, in order of their ids.
    ///
    /// - Parameters:
    ///   - after: only ids behind this one; nil starts at the first.
    ///   - limit: at most so many.
    public func keys(
        notSealedUnder masterKeyID: [UInt8], after: String?, limit: Int
    ) async throws(PostgresError) -> [StoredContentKey] {
        try await query(
            "\(Self.select) WHERE master_key <> $1 AND ($2::uuid IS NULL OR key_id > $2::uuid) ORDER BY key_id LIMIT $3",
            [.bytes(masterKeyID), .optional(after), .int(Int64(limit))]
        ).map(Self.stored)
    }

    /// Puts boxes under a new master key in the place of the old ones, where those are still there.
    public func renew(_ keys: [(old: StoredContentKey, new: StoredContentKey)]) async throws(PostgresError) {
        _ = try await query(
            """
            UPDATE \(CatalogStore.schema).content_key SET sealed = given.sealed, master_key = given.master_key
            FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[]) AS given (key_id, old, sealed, master_key)
            WHERE content_key.key_id = given.key_id AND content_key.sealed = given.old
            """,
            [
                .uuidArray(keys.map(\.old.keyID)), .bytesArray(keys.map(\.old.sealed)),
                .bytesArray(keys.map(\.new.sealed)), .bytesArray(keys.map(\.new.masterKeyID)),
            ])
    }

    private static let select = """
        SELECT key_id::text AS key_id, content_id, label, scheme, provider, sealed, master_key
        FROM \(CatalogStore.schema).content_key
        """

    private static func stored(_ row: PostgresRow) -> StoredContentKey {
        guard let provider = StoredContentKey.Provider(rawValue: row.text("provider")) else {
            preconditionFailure("the table admits no provider '\(row.text("provider"))'")
        }
        return StoredContentKey(
            keyID: row.text("key_id"), contentID: row.text("content_id"), label: row.text("label"),
            scheme: row.text("scheme"), provider: provider, sealed: row.bytes("sealed"),
            masterKeyID: row.bytes("master_key"))
    }
}
