public import JSON
public import Postgres
import TitleMetadata

/// The rows that make a title visible, as one part of the statement that journals the publication.
///
/// The Journal writes its own row in a table expression `appended(execution_id, seq)`; everything here takes its rows
/// from that one, so either the publication is journaled and visible, or neither. Sent again after an unknown outcome it
/// changes nothing.
public struct PublishStatement: Sendable {
    public let titleID: String
    /// Keys of the two manifests.
    public let hlsKey: String
    public let dashKey: String

    private let executionID: String
    private let metadata: TitleMetadata
    private let package: PublishedPackage

    /// How much one title may bring along.
    public enum Limits {
        public static let renditions = 64
        public static let objects = 20_000
        /// Sizes of a poster.
        public static let posters = 8
    }

    /// Checks what the steps before handed over.
    ///
    /// - Parameters:
    ///   - titleID: 1 to 64 letters, digits, `-` and `_`; the same for each attempt of one execution.
    ///   - executionID: a UUID.
    ///   - title: wins over the metadata's own.
    ///   - metadata: see ``TitleMetadata``; null where nothing is known.
    ///   - package: output of the step `package`.
    ///   - thumbnails: output of the step `thumbnail`; nil or null where there is none.
    ///   - media: output of the step `validate`.
    /// - Throws: every problem at once, each with its place in the publish step's input.
    public init(
        titleID: String, executionID: String, title: String?, metadata: JSON?, package: JSON, thumbnails: JSON?,
        media: JSON?
    ) throws(PublishError) {
        precondition(CatalogID.isValid(titleID), "\(titleID) is no title id")
        precondition(UUIDText.bytes(executionID) != nil, "\(executionID) is no execution id")
        var problems: [PublishError.Problem] = []
        var checkedMetadata: TitleMetadata?
        do {
            checkedMetadata = try TitleMetadata(title: title, document: metadata)
        } catch {
            problems += error.problems.map { problem in
                let isTitle = title != nil && problem.place == "title"
                let separator = problem.place.isEmpty ? "" : "."
                return PublishError.Problem(
                    place: isTitle ? "title" : "metadata\(separator)\(problem.place)", message: problem.message)
            }
        }
        var reader = PackageReader()
        let checkedPackage = reader.read(package: package, thumbnails: thumbnails ?? .null, media: media ?? .null)
        problems += reader.problems
        guard let checkedMetadata, problems.isEmpty else { throw PublishError(problems: problems) }
        self.titleID = titleID
        self.executionID = executionID
        self.metadata = checkedMetadata
        self.package = checkedPackage
        hlsKey = checkedPackage.hlsKey
        dashKey = checkedPackage.dashKey
    }

    /// The table expressions, separated by commas, and their parameters, the first of which is `$firstParameter`.
    /// They read `appended(execution_id)`, which has one row or none.
    public func statement(firstParameter: Int) -> (sql: String, parameters: [PostgresValue]) {
        var list = ParameterList(first: firstParameter)
        let schema = CatalogStore.schema
        let renditions = package.renditions
        let objects = package.objects
        let maturity = metadata.rating.flatMap(MaturityRating.init)
        let title = """
            \(list.add(.text(titleID), "text")), \(list.add(.text(metadata.kind.rawValue), "text")),
                \(list.add(.text(metadata.title), "text")), \(list.add(.optional(metadata.description), "text")),
                \(list.add(metadata.year, "int")), \(list.add(.optional(metadata.rating), "text")),
                \(list.add(.textArray(metadata.languages), "text[]")),
                \(list.add(.optional(metadata.series), "text")), \(list.add(metadata.season, "int")),
                \(list.add(metadata.episode, "int")), \(list.add(.optional(metadata.parent), "text")),
                \(list.add(.text(metadata.castDocument.text), "text")),
                \(list.add(.optional(package.posterKey), "text")),
                \(list.add(.text(PublishedTitle.document(of: package.posters).text), "text")),
                \(list.add(.optional(package.thumbnailsKey), "text")),
                \(list.add(.optional(package.denseThumbnailsKey), "text")),
                \(list.add(.text(package.prefix), "text")), \(list.add(.text(package.hlsKey), "text")),
                \(list.add(.text(package.dashKey), "text")), \(list.add(.double(package.durationSeconds), "float8")),
                clock_timestamp(), bumped.value, \(list.add(.uuid(executionID), "uuid"))
            """
        // A genre that another title has brought meanwhile is waited for and then found there.
        let sql = """
            bumped AS (
                UPDATE \(schema).version SET value = version.value + 1 FROM appended WHERE version.id = 1
                RETURNING version.value
            ), new_title AS (
                INSERT INTO \(schema).title (
                    id, kind, name, description, year, rating, languages, series_name, season_number, episode_number,
                    parent_id, credits, poster_key, posters, thumbnails_key, dense_thumbnails_key, package_prefix,
                    hls_key, dash_key, duration_seconds, published_at, version, execution_id)
                SELECT \(title)
                FROM appended, bumped
                ON CONFLICT (id) DO NOTHING
                RETURNING id
            ), given_genre AS (
                SELECT new_title.id, given.slug, given.name, given.position
                FROM new_title, unnest(
                    \(list.add(.textArray(metadata.genres.map(\.slug)), "text[]")),
                    \(list.add(.textArray(metadata.genres.map(\.name)), "text[]"))
                ) WITH ORDINALITY AS given (slug, name, position)
            ), new_genre AS (
                INSERT INTO \(schema).genre (slug, name) SELECT slug, name FROM given_genre ORDER BY slug
                ON CONFLICT (slug) DO NOTHING
            ), new_title_genre AS (
                INSERT INTO \(schema).title_genre (title_id, position, genre_slug)
                SELECT id, position, slug FROM given_genre
            ), new_rendition AS (
                INSERT INTO \(schema).rendition (
                    title_id, position, kind, codecs, width, height, frame_rate, bandwidth, average_bandwidth, language,
                    key_id)
                SELECT new_title.id, given.position, given.kind, given.codecs, given.width, given.height,
                    given.frame_rate, given.bandwidth, given.average_bandwidth, given.language, given.key_id
                FROM new_title, unnest(
                    \(list.add(.textArray(renditions.map(\.kind)), "text[]")),
                    \(list.add(.textArray(renditions.map(\.codecs)), "text[]")),
                    \(list.add(.intArray(renditions.map(\.width)), "bigint[]")),
                    \(list.add(.intArray(renditions.map(\.height)), "bigint[]")),
                    \(list.add(.textArray(renditions.map(\.frameRate)), "text[]")),
                    \(list.add(.intArray(renditions.map(\.bandwidth)), "bigint[]")),
                    \(list.add(.intArray(renditions.map(\.averageBandwidth)), "bigint[]")),
                    \(list.add(.textArray(renditions.map(\.language)), "text[]")),
                    \(list.add(.uuidArray(renditions.map(\.keyID)), "uuid[]"))
                ) WITH ORDINALITY AS given (
                    kind, codecs, width, height, frame_rate, bandwidth, average_bandwidth, language, key_id, position)
            ), new_rating AS (
                INSERT INTO \(schema).title_rating (title_id, scheme, rating, minimum_age)
                SELECT new_title.id, given.scheme, given.rating, given.minimum_age
                FROM new_title, (SELECT
                    \(list.add(.optional(maturity?.scheme), "text")) AS scheme,
                    \(list.add(.optional(metadata.rating), "text")) AS rating,
                    \(list.add(maturity?.minimumAge, "int")) AS minimum_age) AS given
                WHERE given.scheme IS NOT NULL
            ), new_availability AS (
                INSERT INTO \(schema).availability (title_id, region, available_from, available_to)
                SELECT new_title.id, given.region, given.available_from::timestamptz, given.available_to::timestamptz
                FROM new_title, unnest(
                    \(list.add(.textArray(metadata.availability.map(\.region)), "text[]")),
                    \(list.add(.textArray(metadata.availability.map(\.from)), "text[]")),
                    \(list.add(.textArray(metadata.availability.map(\.to)), "text[]"))
                ) AS given (region, available_from, available_to)
            ), new_object AS (
                INSERT INTO \(schema).stored_object (title_id, key, bytes, sha256)
                SELECT new_title.id, given.key, given.bytes, given.sha256
                FROM new_title, unnest(
                    \(list.add(.textArray(objects.map(\.key)), "text[]")),
                    \(list.add(.intArray(objects.map(\.bytes)), "bigint[]")),
                    \(list.add(.bytesArray(objects.map(\.sha256)), "bytea[]"))
                ) AS given (key, bytes, sha256)
            )
            """
        return (sql, list.values)
    }

    /// The publish step's output: `{titleId, hls, dash}`, absolute addresses under the viewers' service.
    ///
    /// - Parameter viewerURL: the service's base address, with or without a slash at its end.
    public func output(viewerURL: String) -> JSON {
        [
            "titleId": .string(titleID),
            "hls": .string(MediaAddress.url(of: hlsKey, base: viewerURL)),
            "dash": .string(MediaAddress.url(of: dashKey, base: viewerURL)),
        ]
    }
}

/// Numbers parameters and casts each: nothing else in the statement says what a null or an array is.
private struct ParameterList {
    let first: Int
    private(set) var values: [PostgresValue] = []

    init(first: Int) { self.first = first }

    mutating func add(_ value: PostgresValue, _ type: String) -> String {
        values.append(value)
        return "$\(first + values.count - 1)::\(type)"
    }

    mutating func add(_ value: Int?, _ type: String) -> String {
        add(.optional(value.map { Int64($0) }), type)
    }
}

/// What is wrong with the input of a publication.
public struct PublishError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// The member's path in the publish step's input: `package.objects[3].sha256`.
        public let place: String
        /// A sentence with the offending value in it.
        public let message: String

        public var description: String { "\(place): \(message)" }
    }

    /// Never empty.
    public let problems: [Problem]

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
