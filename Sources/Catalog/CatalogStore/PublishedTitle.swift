public import JSON

/// A title as the catalogue shows it.
public struct PublishedTitle: Sendable, Equatable {
    public struct Genre: Sendable, Equatable {
        public let slug: String
        public let name: String
    }

    /// A poster in one of its sizes.
    public struct Poster: Sendable, Equatable {
        public let key: String
        /// Samples.
        public let width: Int
        public let height: Int
    }

    public let id: String
    /// `movie`, `series`, `season`, `episode`, `docuseries` or `short`.
    public let kind: String
    public let name: String
    public let description: String?
    public let year: Int?
    public let rating: String?
    /// BCP 47 tags, the original first.
    public let languages: [String]
    public let genres: [Genre]
    public let series: String?
    public let season: Int?
    public let episode: Int?
    public let parentID: String?
    /// `[{"name", "role"?}]`
    public let cast: JSON
    public let posterKey: String?
    /// The poster in all its sizes, the smallest first; empty where only one is known.
    public let posters: [Poster]
    public let thumbnailsKey: String?
    /// Of the seek bar's pictures in twice the size.
    public let denseThumbnailsKey: String?
    public let durationSeconds: Double
    /// RFC 3339, UTC.
    public let publishedAt: String
    /// Number of the publication that brought it; a later one has a larger number.
    public let version: Int64

    /// The names in ``cast``.
    public var people: [String] { (cast.arrayValue ?? []).compactMap { $0["name"]?.stringValue } }

    /// Posters as the catalogue keeps them: `[{"key", "width", "height"}]`.
    static func document(of posters: [Poster]) -> JSON {
        .array(
            posters.map { ["key": .string($0.key), "width": .integer($0.width), "height": .integer($0.height)] })
    }

    static func posters(in document: JSON) -> [Poster] {
        (document.arrayValue ?? []).compactMap { poster in
            guard let key = poster["key"]?.stringValue, let width = poster["width"]?.integerValue,
                let height = poster["height"]?.integerValue
            else { return nil }
            return Poster(key: key, width: width, height: height)
        }
    }
}

/// One of the encodings a player may choose from.
public struct PublishedRendition: Sendable, Equatable {
    /// `video`, `audio` or `text`.
    public let kind: String
    /// RFC 6381.
    public let codecs: String
    public let width: Int?
    public let height: Int?
    /// Frames a second as a fraction: `30000/1001`.
    public let frameRate: String?
    /// Peak bits a second.
    public let bandwidth: Int64?
    public let averageBandwidth: Int64?
    public let language: String?
}

/// What a player needs to play a title.
public struct PublishedPlayback: Sendable, Equatable {
    public let hlsKey: String
    public let dashKey: String
    public let renditions: [PublishedRendition]
    /// Whether any rendition needs a key.
    public let isProtected: Bool
    /// Whether this service licenses all keys; false where a key server's licence servers do.
    public let isLicensedHere: Bool
    public let version: Int64

    /// Whether this service gives licences for it.
    public var hasLicence: Bool { isProtected && isLicensedHere }
}

/// An object that viewers may fetch.
public struct PublishedObject: Sendable, Equatable {
    public let key: String
    public let bytes: Int64
    /// 64 lower-case hexadecimal digits.
    public let sha256: String
}

/// Which titles a list shows.
public struct TitleFilter: Sendable, Hashable {
    public var genre: String?
    public var kind: String?
    public var yearFrom: Int?
    public var yearTo: Int?

    /// - Parameters:
    ///   - genre: a genre's slug.
    ///   - yearFrom: first year that is shown; titles without a year are not.
    ///   - yearTo: last year that is shown; titles without a year are not.
    public init(genre: String? = nil, kind: String? = nil, yearFrom: Int? = nil, yearTo: Int? = nil) {
        self.genre = genre
        self.kind = kind
        self.yearFrom = yearFrom
        self.yearTo = yearTo
    }
}
