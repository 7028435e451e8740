import JSON
public import Postgres

/// The reads of the viewers' service. Every one is a single statement, so it sees a publication whole or not at all.
public struct CatalogReader: Sendable {
    /// Sends one statement to the catalogue's database and bounds its time.
    public typealias Query =
        @Sendable (_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresResult

    /// Sends a statement of this house's tables.
    public let query: Query

    public init(query: @escaping Query) { self.query = query }

    /// Whether the schema is the one this program knows.
    public enum SchemaState: Sendable, Equatable {
        case current
        /// The schema is missing or older: migrations have not been run.
        case behind(applied: Int64, known: Int64)
        /// A newer program has migrated it.
        case ahead(applied: Int64, known: Int64)

        /// What is wrong, as a sentence; nil if nothing is.
        ///
        /// - Parameter program: whose knowledge it is about.
        public func trouble(of program: String) -> String? {
            switch self {
            case .current: nil
            case .behind(let applied, let known):
                "the catalogue's schema is at migration \(applied) and this program needs \(known): "
                    + "start the engine, which migrates it"
            case .ahead(let applied, let known):
                "the catalogue's schema is at migration \(applied) and this program knows only \(known): "
                    + "use a newer \(program)"
            }
        }
    }

    /// Compares the database's schema with this program's.
    public func schemaState() async throws(PostgresError) -> SchemaState {
        let known = Int64(CatalogStore.migrations.steps.count)
        let exists = try await query(
            "SELECT to_regclass('\(CatalogStore.schema).migration') IS NOT NULL AS there", [])
        guard exists.first?.bool("there") == true else { return .behind(applied: 0, known: known) }
        let result = try await query(
            "SELECT coalesce(max(number), 0)::bigint AS applied FROM \(CatalogStore.schema).migration", [])
        let applied = result.first?.int("applied") ?? 0
        if applied == known { return .current }
        return applied < known ? .behind(applied: applied, known: known) : .ahead(applied: applied, known: known)
    }

    /// Number of the latest publication; 0 while there is none.
    public func version() async throws(PostgresError) -> Int64 {
        let result = try await query("SELECT value FROM \(CatalogStore.schema).version WHERE id = 1", [])
        return result.first?.int("value") ?? 0
    }

    /// The key that signs the cursors of lists: 32 bytes, the same for every process over this database.
    public func cursorKey() async throws(PostgresError) -> [UInt8] {
        let result = try await query("SELECT value FROM \(CatalogStore.schema).cursor_key WHERE id = 1", [])
        guard let row = result.first else {
            throw PostgresError(outcome: .refused(sqlstate: "02000"), message: "the catalogue has no cursor key")
        }
        return row.bytes("value")
    }

    /// Titles, newest first.
    ///
    /// - Parameters:
    ///   - before: only titles with a smaller version; nil starts at the newest.
    ///   - limit: at most so many.
    public func titles(
        _ filter: TitleFilter = TitleFilter(), before: Int64? = nil, limit: Int
    ) async throws(PostgresError) -> [PublishedTitle] {
        var parameters: [PostgresValue] = []
        var conditions: [String] = []
        func add(_ value: PostgresValue, _ condition: (String) -> String) {
            parameters.append(value)
            conditions.append(condition("$\(parameters.count)"))
        }
        if let before { add(.int(before)) { "title.version < \($0)" } }
        if let kind = filter.kind { add(.text(kind)) { "title.kind = \($0)" } }
        if let year = filter.yearFrom { add(.int(Int64(year))) { "title.year >= \($0)" } }
        if let year = filter.yearTo { add(.int(Int64(year))) { "title.year <= \($0)" } }
        if let genre = filter.genre {
            add(.text(genre)) {
                "EXISTS (SELECT 1 FROM \(CatalogStore.schema).title_genre "
                    + "WHERE title_genre.title_id = title.id AND title_genre.genre_slug = \($0))"
            }
        }
        parameters.append(.int(Int64(limit)))
        let result = try await query(
            """
            SELECT \(Self.titleColumns) FROM \(CatalogStore.schema).title
            \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            ORDER BY title.version DESC LIMIT $\(parameters.count)
            """, parameters)
        return result.map(Self.title)
    }

    /// The title and its renditions, or nil where none of that id is published.
    public func title(
        _ id: String
    ) async throws(PostgresError) -> (title: PublishedTitle, renditions: [PublishedRendition])? {
        let result = try await query(
            """
            SELECT \(Self.titleColumns), \(Self.renditionsColumn) FROM \(CatalogStore.schema).title WHERE title.id = $1
            """, [.text(id)])
        return result.first.map { (Self.title($0), Self.renditions($0)) }
    }

    /// What a player needs, or nil where no title of that id is published.
    public func playback(_ id: String) async throws(PostgresError) -> PublishedPlayback? {
        let result = try await query(
            """
            SELECT title.hls_key, title.dash_key, title.version, \(Self.renditionsColumn),
                EXISTS (SELECT 1 FROM \(CatalogStore.schema).rendition
                    WHERE rendition.title_id = title.id AND rendition.key_id IS NOT NULL) AS is_protected,
                NOT EXISTS (SELECT 1 FROM \(CatalogStore.schema).rendition
                    JOIN \(CatalogStore.schema).content_key ON content_key.key_id = rendition.key_id
                    WHERE rendition.title_id = title.id AND content_key.provider <> 'own') AS is_licensed_here
            FROM \(CatalogStore.schema).title WHERE title.id = $1
            """, [.text(id)])
        return result.first.map { row in
            PublishedPlayback(
                hlsKey: row.text("hls_key"), dashKey: row.text("dash_key"), renditions: Self.renditions(row),
                isProtected: row.bool("is_protected"), isLicensedHere: row.bool("is_licensed_here"),
                version: row.int("version"))
        }
    }

    /// The object that an address below `/media/` stands for, or nil where no published title has it.
    ///
    /// - Parameter path: without `/media/`.
    public func object(mediaPath path: String) async throws(PostgresError) -> PublishedObject? {
        guard MediaAddress.isKey(path) else { return nil }
        let result = try await query(
            """
            SELECT key, bytes, encode(sha256, 'hex') AS sha256 FROM \(CatalogStore.schema).stored_object
            WHERE key = ANY ($1::text[]) ORDER BY array_position($1::text[], key) LIMIT 1
            """, [.textArray(MediaAddress.keys(of: path))])
        return result.first.map { row in
            PublishedObject(key: row.text("key"), bytes: row.int("bytes"), sha256: row.text("sha256"))
        }
    }

    private static let titleColumns = """
        title.id, title.kind, title.name, title.description, title.year, title.rating,
        array_to_json(title.languages)::text AS languages, title.series_name, title.season_number,
        title.episode_number, title.parent_id, title.credits, title.poster_key, title.posters,
        title.thumbnails_key, title.dense_thumbnails_key, title.duration_seconds, title.version,
        to_char(title.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS published_at,
        (SELECT coalesce(json_agg(json_build_array(genre.slug, genre.name) ORDER BY title_genre.position), '[]')::text
         FROM \(CatalogStore.schema).title_genre JOIN \(CatalogStore.schema).genre ON genre.slug = title_genre.genre_slug
         WHERE title_genre.title_id = title.id) AS genres
        """

    private static let renditionsColumn = """
        (SELECT coalesce(json_agg(json_build_object(
            'kind', kind, 'codecs', codecs, 'width', width, 'height', height, 'frame_rate', frame_rate,
            'bandwidth', bandwidth, 'average_bandwidth', average_bandwidth, 'language', language
         ) ORDER BY position), '[]')::text
         FROM \(CatalogStore.schema).rendition WHERE rendition.title_id = title.id) AS renditions
        """

    private static func title(_ row: PostgresRow) -> PublishedTitle {
        PublishedTitle(
            id: row.text("id"), kind: row.text("kind"), name: row.text("name"),
            description: row.optionalText("description"), year: row.optionalInt("year").map { Int($0) },
            rating: row.optionalText("rating"),
            languages: json(row, "languages").arrayValue?.compactMap(\.stringValue) ?? [],
            genres: json(row, "genres").arrayValue?.compactMap { pair in
                guard let slug = pair[0]?.stringValue, let name = pair[1]?.stringValue else { return nil }
                return PublishedTitle.Genre(slug: slug, name: name)
            } ?? [],
            series: row.optionalText("series_name"), season: row.optionalInt("season_number").map { Int($0) },
            episode: row.optionalInt("episode_number").map { Int($0) }, parentID: row.optionalText("parent_id"),
            cast: json(row, "credits"), posterKey: row.optionalText("poster_key"),
            posters: PublishedTitle.posters(in: json(row, "posters")),
            thumbnailsKey: row.optionalText("thumbnails_key"),
            denseThumbnailsKey: row.optionalText("dense_thumbnails_key"),
            durationSeconds: row.double("duration_seconds"), publishedAt: row.text("published_at"),
            version: row.int("version"))
    }

    private static func renditions(_ row: PostgresRow) -> [PublishedRendition] {
        (json(row, "renditions").arrayValue ?? []).map { rendition in
            PublishedRendition(
                kind: rendition["kind"]?.stringValue ?? "", codecs: rendition["codecs"]?.stringValue ?? "",
                width: rendition["width"]?.integerValue, height: rendition["height"]?.integerValue,
                frameRate: rendition["frame_rate"]?.stringValue,
                bandwidth: rendition["bandwidth"]?.integerValue.map { Int64($0) },
                averageBandwidth: rendition["average_bandwidth"]?.integerValue.map { Int64($0) },
                language: rendition["language"]?.stringValue)
        }
    }

    /// JSON that we or PostgreSQL wrote.
    private static func json(_ row: PostgresRow, _ column: String) -> JSON {
        do {
            return try JSON(parsing: row.text(column))
        } catch {
            preconditionFailure("column \(column) of the catalogue holds no JSON: \(error)")
        }
    }
}
