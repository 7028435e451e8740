public import JSON

/// What a person says about a title before it is published: the document behind `ingest --metadata FILE.yaml`.
///
/// Checked as a whole by ``init(title:document:)``, which lists everything that is wrong at once.
public struct TitleMetadata: Sendable, Equatable {
    /// What a title is, which decides where it stands in the catalogue.
    public enum Kind: String, Sendable, CaseIterable {
        case movie, series, season, episode, docuseries, short
    }

    /// One name in the credits, and what the person does there.
    public struct CastMember: Sendable, Equatable {
        public let name: String
        public let role: String?

        public init(name: String, role: String? = nil) {
            self.name = name
            self.role = role
        }
    }

    /// A genre as people read it; its ``slug`` is what addresses and filters use.
    public struct Genre: Sendable, Hashable {
        public let name: String
        /// Lower-case letters, digits and single dashes.
        public let slug: String

        /// Nil where the name holds no letter or digit to make a slug of.
        public init?(name: String) {
            var slug = ""
            for character in name.lowercased() {
                if character.isLetter || character.isNumber {
                    slug.append(character)
                } else if !slug.isEmpty, slug.last != "-" {
                    slug.append("-")
                }
            }
            if slug.last == "-" { slug.removeLast() }
            if slug.isEmpty { return nil }
            self.name = name
            self.slug = slug
        }
    }

    public let title: String
    public let kind: Kind
    public let description: String?
    /// Of first release.
    public let year: Int?
    /// As the rating board writes it: `PG-13`, `TV-MA`, `FSK 12`.
    public let rating: String?
    /// BCP 47 tags of the spoken languages, the original first.
    public let languages: [String]
    public let genres: [Genre]
    /// Name of the series that a season or episode belongs to.
    public let series: String?
    public let season: Int?
    public let episode: Int?
    /// Catalogue id of the series or season this title belongs to, where that is published already.
    public let parent: String?
    public let cast: [CastMember]
    /// Where and when it may be shown; empty for everywhere and always. Each region once.
    public let availability: [Availability]

    /// One region in which a title may be shown, and from when until when.
    public struct Availability: Sendable, Hashable {
        /// ISO 3166-1 in capitals, or `*` for everywhere.
        public let region: String
        /// RFC 3339; nil for always so far.
        public let from: String?
        /// RFC 3339, the first moment at which it is not shown any more; nil for no end.
        public let to: String?

        public init(region: String, from: String? = nil, to: String? = nil) {
            self.region = region
            self.from = from
            self.to = to
        }
    }

    /// Reads and checks a document.
    ///
    /// - Parameters:
    ///   - title: wins over the document's own `title`.
    ///   - document: an object with the members of ``schema``; null and nil stand for an empty one.
    /// - Throws: every problem of the document.
    public init(title: String?, document: JSON?) throws(TitleMetadataError) {
        var reader = MetadataReader(document: document ?? .null)
        self.title = reader.title(given: title)
        kind = reader.kind()
        description = reader.text("description", limit: Limits.description, allowsLines: true)
        year = reader.integer("year", in: Limits.years)
        rating = reader.rating()
        languages = reader.languages()
        genres = reader.genres()
        series = reader.text("series", limit: Limits.title)
        season = reader.integer("season", in: Limits.numbers)
        episode = reader.integer("episode", in: Limits.numbers)
        parent = reader.parent()
        cast = reader.cast()
        availability = reader.availability()
        reader.checkPlace(kind: kind, series: series, season: season, episode: episode, parent: parent)
        if !reader.problems.isEmpty { throw TitleMetadataError(problems: reader.problems) }
    }

    /// The document that reads back as this value: members that say nothing are left out.
    public var document: JSON {
        .members(
            ("title", .string(title)), ("kind", .string(kind.rawValue)),
            ("description", description.map { .string($0) }), ("year", year.map { .integer($0) }),
            ("rating", rating.map { .string($0) }),
            ("languages", languages.isEmpty ? JSON?.none : .array(languages.map { .string($0) })),
            ("genres", genres.isEmpty ? JSON?.none : .array(genres.map { .string($0.name) })),
            ("series", series.map { .string($0) }), ("season", season.map { .integer($0) }),
            ("episode", episode.map { .integer($0) }), ("parent", parent.map { .string($0) }),
            ("cast", cast.isEmpty ? JSON?.none : castDocument),
            (
                "availability",
                availability.isEmpty
                    ? JSON?.none
                    : .array(
                        availability.map { place in
                            .members(
                                ("region", .string(place.region)), ("from", place.from.map { .string($0) }),
                                ("to", place.to.map { .string($0) }))
                        })
            ))
    }

    /// The `cast` member: names with their roles.
    public var castDocument: JSON {
        .array(
            cast.map { member in
                .members(("name", .string(member.name)), ("role", member.role.map { .string($0) }))
            })
    }

    /// How large the parts of a document may be. Texts are counted in characters.
    public enum Limits {
        public static let title = 300
        public static let description = 4000
        public static let rating = 16
        /// From the first film to what is already planned.
        public static let years = 1888...2200
        public static let numbers = 0...10_000
        public static let languages = 32
        public static let genres = 16
        public static let genre = 40
        public static let cast = 100
        public static let name = 200
        public static let regions = 300
    }
}

/// Everything that is wrong with a metadata document.
public struct TitleMetadataError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// The member's path from the document's root: `genres[2]`; empty for the document itself.
        public let place: String
        /// A sentence with the offending value in it.
        public let message: String

        public var description: String { place.isEmpty ? message : "\(place): \(message)" }
    }

    /// Never empty.
    public let problems: [Problem]

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
