public import Postgres

/// One thing that a profile did with a title, as its client tells it.
public struct RecordedEvent: Sendable, Hashable {
    /// The client's own UUID, the same where it sends the event again.
    public var id: String
    public var titleID: String
    /// `play`, `like`, `dislike`, `neutral`, `rating`, `list_add`, `list_remove` or `dismiss`.
    public var kind: String
    /// Of a play the watched share, 0...1; of a rating the stars, 0.5...5; of all others 0.
    public var value: Double
    /// Unix seconds.
    public var time: Int64

    public init(id: String, titleID: String, kind: String, value: Double, time: Int64) {
        self.id = id
        self.titleID = titleID
        self.kind = kind
        self.value = value
        self.time = time
    }
}

/// Who looks, as a bearer token says.
public struct ViewerIdentity: Sendable, Hashable {
    public let accountID: String
    public let profileID: String
    /// Shows nothing that is for older people than this; nil: no ceiling.
    public let ceiling: Int?
    /// ISO 3166-1; nil where it is not known.
    public let country: String?
    /// Of the database's clock, in Unix seconds.
    public let now: Int64

    /// The profile's name in models and rankings.
    public var name: String { InteractionTable.name(accountID, profileID) }
}

/// What profiles did with titles.
public struct InteractionTable: Sendable {
    /// Events of one batch.
    public static let batch = 100
    /// Events that a profile may have in all.
    public static let eventsOfProfile = 50_000
    /// The latest events that say what a profile's rows are made of.
    public static let latestEvents = 5_000

    private let query: CatalogReader.Query

    public init(query: @escaping CatalogReader.Query) { self.query = query }

    /// The profile's name in models and rankings: neither part holds a slash.
    public static func name(_ accountID: String, _ profileID: String) -> String { "\(accountID)/\(profileID)" }

    public enum Outcome: Sendable, Equatable {
        /// So many are new; the others were there already.
        case recorded(Int)
        /// The profile has ``eventsOfProfile`` events.
        case full
    }

    /// Records a batch, durably, whole or not at all. An event that is there already stays as it is.
    public func record(
        _ events: [RecordedEvent], accountID: String, profileID: String
    ) async throws(PostgresError) -> Outcome {
        precondition(events.count <= Self.batch, "A batch has \(Self.batch) events at most.")
        let result = try await query(
            """
            WITH known AS (
                SELECT count(*) AS events FROM (
                    SELECT 1 FROM \(CatalogStore.schema).interaction
                    WHERE account_id = $1 AND profile_id = $2 LIMIT \(Self.eventsOfProfile)
                ) AS counted
            ), recorded AS (
                INSERT INTO \(CatalogStore.schema).interaction
                    (account_id, profile_id, event_id, title_id, kind, value, at)
                SELECT $1, $2, given.event_id, given.title_id, given.kind, given.value::float8, to_timestamp(given.at)
                FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[])
                    AS given (event_id, title_id, kind, value, at), known
                WHERE known.events < \(Self.eventsOfProfile)
                ORDER BY given.event_id
                ON CONFLICT DO NOTHING RETURNING 1
            )
            SELECT (SELECT events FROM known) AS events, (SELECT count(*) FROM recorded) AS recorded
            """,
            [
                .text(accountID), .text(profileID), .uuidArray(events.map(\.id)), .textArray(events.map(\.titleID)),
                .textArray(events.map(\.kind)), .textArray(events.map { "\($0.value)" }),
                .intArray(events.map(\.time)),
            ])
        let row = result[0]
        return row.int("events") >= Self.eventsOfProfile ? .full : .recorded(Int(row.int("recorded")))
    }

    /// What a profile did latest, latest first.
    public struct Latest: Sendable, Equatable {
        public let events: [RecordedEvent]
        /// When the last of them was recorded, in Unix seconds; nil where there is none.
        public let recordedAt: Int64?
    }

    /// The latest events of a profile.
    public func latest(accountID: String, profileID: String) async throws(PostgresError) -> Latest {
        let result = try await query(
            """
            SELECT event_id::text AS event_id, title_id, kind, value::float8 AS value,
                floor(extract(epoch FROM at))::bigint AS at,
                floor(extract(epoch FROM recorded_at))::bigint AS recorded_at
            FROM \(CatalogStore.schema).interaction WHERE account_id = $1 AND profile_id = $2
            ORDER BY at DESC, event_id LIMIT \(Self.latestEvents)
            """, [.text(accountID), .text(profileID)])
        return Latest(events: result.map(Self.event), recordedAt: result.map { $0.int("recorded_at") }.max())
    }

    private static func event(_ row: PostgresRow) -> RecordedEvent {
        RecordedEvent(
            id: row.text("event_id"), titleID: row.text("title_id"), kind: row.text("kind"),
            value: row.double("value"), time: row.int("at"))
    }

    // MARK: Extract

    /// A place in the list of all events, right behind this one.
    public struct Cursor: Sendable, Equatable {
        public var accountID: String
        public var profileID: String
        public var eventID: String
    }

    /// An event with whose it is.
    public struct ProfileEvent: Sendable {
        public let accountID: String
        public let profileID: String
        public let ceiling: Int?
        public let event: RecordedEvent

        public var cursor: Cursor { Cursor(accountID: accountID, profileID: profileID, eventID: event.id) }
    }

    /// Events that were recorded before a moment, a profile's together.
    ///
    /// - Parameters:
    ///   - before: Unix seconds; of the database's clock, and long enough ago that no statement from before is under
    ///     way.
    ///   - since: Unix seconds; what happened earlier is left out.
    public func events(
        recordedBefore before: Int64, since: Int64, after cursor: Cursor?, limit: Int
    ) async throws(PostgresError) -> [ProfileEvent] {
        var parameters: [PostgresValue] = [.int(before), .int(since), .int(Int64(limit))]
        var place = ""
        if let cursor {
            place = "AND (interaction.account_id, interaction.profile_id, event_id) > ($4, $5, $6::uuid)"
            parameters += [.text(cursor.accountID), .text(cursor.profileID), .uuid(cursor.eventID)]
        }
        return try await query(
            """
            SELECT interaction.account_id, interaction.profile_id, profile.ceiling::bigint AS ceiling,
                event_id::text AS event_id, title_id, kind, value::float8 AS value,
                floor(extract(epoch FROM at))::bigint AS at
            FROM \(CatalogStore.schema).interaction
            JOIN \(CatalogStore.schema).profile
                ON profile.account_id = interaction.account_id AND profile.id = interaction.profile_id
            WHERE recorded_at < to_timestamp($1) AND at >= to_timestamp($2) \(place)
            ORDER BY interaction.account_id, interaction.profile_id, event_id LIMIT $3
            """, parameters
        ).map { row in
            ProfileEvent(
                accountID: row.text("account_id"), profileID: row.text("profile_id"),
                ceiling: row.optionalInt("ceiling").map { Int($0) }, event: Self.event(row))
        }
    }

    /// The database's clock, in Unix seconds.
    public func now() async throws(PostgresError) -> Int64 {
        try await query("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS now", [])[0].int("now")
    }

    /// Deletes plays that a later one of the same title covers: neither how far it was watched nor where it was left
    /// changes by that. Gives how many there were.
    ///
    /// - Parameter recordedBefore: Unix seconds; extracts of moments before it may come out otherwise afterwards.
    public func compact(recordedBefore: Int64, limit: Int) async throws(PostgresError) -> Int {
        let result = try await query(
            """
            WITH covered AS (
                SELECT account_id, profile_id, event_id FROM \(CatalogStore.schema).interaction AS earlier
                WHERE kind = 'play' AND recorded_at < to_timestamp($1) AND EXISTS (
                    SELECT 1 FROM \(CatalogStore.schema).interaction AS later
                    WHERE later.account_id = earlier.account_id AND later.profile_id = earlier.profile_id
                        AND later.title_id = earlier.title_id AND later.kind = 'play'
                        AND later.recorded_at < to_timestamp($1)
                        AND later.at > earlier.at AND later.value >= earlier.value)
                LIMIT $2
            ), deleted AS (
                DELETE FROM \(CatalogStore.schema).interaction USING covered
                WHERE interaction.account_id = covered.account_id AND interaction.profile_id = covered.profile_id
                    AND interaction.event_id = covered.event_id
                RETURNING 1
            )
            SELECT count(*) AS deleted FROM deleted
            """, [.int(recordedBefore), .int(Int64(limit))])
        return Int(result[0].int("deleted"))
    }
}

extension CatalogReader {
    /// Who a bearer token is; nil for one that is unknown, run out or revoked, whose device is, or whose account is not
    /// active.
    ///
    /// - Parameter tokenSHA256: 32 bytes.
    public func viewer(tokenSHA256: [UInt8]) async throws(PostgresError) -> ViewerIdentity? {
        let result = try await query(
            """
            SELECT session.account_id, session.profile_id, profile.ceiling::bigint AS ceiling, account.country,
                floor(extract(epoch FROM now()))::bigint AS now
            \(Self.ofLiveSession) AND account.state = 'active'
            """, [.bytes(tokenSHA256)])
        return result.first.map { row in
            ViewerIdentity(
                accountID: row.text("account_id"), profileID: row.text("profile_id"),
                ceiling: row.optionalInt("ceiling").map { Int($0) }, country: row.optionalText("country"),
                now: row.int("now"))
        }
    }

    /// What decides to whom a title may be shown.
    public struct TitleLimits: Sendable {
        /// In years; nil where nobody has rated it.
        public let minimumAge: Int?
        /// Country, or nil for everywhere, with Unix seconds from and to; empty: everywhere and always.
        public let offers: [(country: String?, from: Int64?, to: Int64?)]
    }

    /// The limits of all titles that have some, by their ids.
    public func titleLimits() async throws(PostgresError) -> [String: TitleLimits] {
        var ages: [String: Int] = [:]
        for row in try await query(
            "SELECT title_id, max(minimum_age)::bigint AS age FROM \(CatalogStore.schema).title_rating GROUP BY 1", [])
        {
            ages[row.text("title_id")] = Int(row.int("age"))
        }
        var offers: [String: [(country: String?, from: Int64?, to: Int64?)]] = [:]
        for row in try await query(
            """
            SELECT title_id, nullif(region, '*') AS country, extract(epoch FROM available_from)::bigint AS since,
                extract(epoch FROM available_to)::bigint AS until
            FROM \(CatalogStore.schema).availability ORDER BY title_id, region
            """, [])
        {
            offers[row.text("title_id"), default: []].append(
                (row.optionalText("country"), row.optionalInt("since"), row.optionalInt("until")))
        }
        let ids = Set(ages.keys).union(offers.keys)
        return Dictionary(
            uniqueKeysWithValues: ids.map { ($0, TitleLimits(minimumAge: ages[$0], offers: offers[$0] ?? [])) })
    }
}
