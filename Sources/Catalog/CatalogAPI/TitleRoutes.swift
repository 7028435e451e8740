import CatalogStore
import Encodings
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import Postgres
import TitleMetadata

extension CatalogService {
    static let catalogueHeaders: HTTPFields = [
        .cacheControl: "public, max-age=60, stale-while-revalidate=600", .vary: "Authorization",
    ]
    static let defaultPage = 24
    static let largestPage = 50

    func addTitleRoutes(to router: ServiceRouter) {
        router.get("/v1/titles") { request, _ in try await answer { try await titles(request) } }
        router.get("/v1/titles/{id}") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await answer {
                try await document(request, "title \(id)", missing: id) { base, _ in
                    guard let (title, renditions) = try await reader.title(id) else { return nil }
                    return (TitleDocuments(base: base).full(title, renditions), "\(title.version)-\(id)")
                }
            }
        }
        router.get("/v1/titles/{id}/playback") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await answer {
                // Who says who he is gets what is his, for himself.
                if let viewer = try await playbackViewer(request, titleID: id) {
                    guard let playback = try await reader.playback(id) else { throw Self.missing(id) }
                    let token = try playback.hasLicence ? playbackToken(viewer, titleID: id) : nil
                    return Response.json(
                        TitleDocuments(base: try base(of: request)).playback(playback, id: id, token: token),
                        headers: [.cacheControl: "no-store", .vary: "Authorization"])
                }
                return try await document(request, "playback \(id)", missing: id) { base, _ in
                    guard let playback = try await reader.playback(id) else { return nil }
                    return (
                        TitleDocuments(base: base).playback(playback, id: id, token: nil),
                        "\(playback.version)-\(id)-playback"
                    )
                }
            }
        }
    }

    /// Turns the database's absence into 503.
    private func answer(_ body: () async throws -> Response) async throws -> Response {
        do {
            return try await body()
        } catch let error as PostgresError {
            throw Self.unavailable(error)
        }
    }

    static func unavailable(_ error: PostgresError) -> Problem {
        .unavailable("The catalogue's database does not answer at present: \(error.message).", retryAfter: 2)
    }

    /// One document from the cache, or made and kept.
    private func document(
        _ request: Request, _ name: String, missing id: String,
        make: @escaping @Sendable (_ base: String, _ version: Int64) async throws -> (JSON, String)?
    ) async throws -> Response {
        let base = try base(of: request)
        let body = try await cache.body("\(name) \(base)") { version in
            guard let (json, tag) = try await make(base, version) else { return nil }
            return ReadyBody(json: json, entityTag: "\(Self.format).\(tag)", headers: Self.catalogueHeaders)
        }
        guard let body else { throw Self.missing(id) }
        return body.response(to: request)
    }

    private static func missing(_ id: String) -> Problem {
        // Bounded, because it comes from the client.
        .notFound("No title with the id '\(id.prefix(64))' is published.")
    }

    private func titles(_ request: Request) async throws -> Response {
        let query = TitleQuery(request)
        let filter = try query.filter()
        let limit = try query.integer("limit", in: 1...Self.largestPage) ?? Self.defaultPage
        var cursor: TitleCursor?
        let key = try await cache.cursorKey()
        if let text = query["cursor"] {
            cursor = TitleCursor(text: text, filter: filter, key: key)
            if cursor == nil {
                throw Problem.invalidParameter(
                    "cursor", "The cursor is none of this service's, or belongs to a list with other filters.")
            }
        }
        let base = try base(of: request)
        let start = cursor
        let name = "titles \(filter.text) \(limit) \(start?.before ?? -1) \(start?.catalogueVersion ?? -1) \(base)"
        let body = try await cache.body(name) { version in
            // One more than shown tells whether there is a next page.
            let found = try await reader.titles(filter, before: start?.before, limit: limit + 1)
            let shown = found.prefix(limit)
            var next: JSON = .null
            var headers = Self.catalogueHeaders
            if found.count > limit, let last = shown.last {
                let cursor = TitleCursor(catalogueVersion: start?.catalogueVersion ?? version, before: last.version)
                    .text(filter: filter, key: key)
                next = .string(cursor)
                headers[.link] = "<\(base)/v1/titles?\(query.text(cursor: cursor))>; rel=\"next\""
            }
            let documents = TitleDocuments(base: base)
            return ReadyBody(
                json: ["items": .array(shown.map(documents.summary)), "next": next],
                entityTag: "\(Self.format).\(version)-titles", headers: headers)
        }
        guard let body else { preconditionFailure("a list is never missing") }
        return body.response(to: request)
    }

    /// Scheme and authority that addresses in the answer begin with.
    func base(of request: Request) throws -> String {
        if let publicURL { return publicURL }
        // Host is HTTP/1.1's; swift-http-types carries it as the authority.
        guard let authority = request.head.authority, Self.isAuthority(authority) else {
            throw Problem.invalidParameter("Host", "The Host field of the request is missing or malformed.")
        }
        return "http://\(authority)"
    }

    /// A host name or address and perhaps a port (RFC 9110, section 7.2).
    static func isAuthority(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || [".", "-", ":", "[", "]", "_"].contains(Unicode.Scalar(byte))
            }
    }
}

extension TitleFilter {
    /// Tells filters apart.
    fileprivate var text: String {
        "\(genre ?? "-") \(kind ?? "-") \(yearFrom.map(String.init) ?? "-") \(yearTo.map(String.init) ?? "-")"
    }
}

/// The query of a request for a list, read strictly: a value that cannot be is the client's mistake, not an empty list.
struct TitleQuery {
    private let values: [(name: String, value: String)]

    init(_ request: Request) {
        values = request.uri.queryParameters.map { (String($0.key), String($0.value)) }
    }

    /// The first value given under a name.
    subscript(name: String) -> String? { values.first { $0.name == name }?.value }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .invalidParameter(
                name, "'\(text.prefix(64))' is not a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    func filter() throws(Problem) -> TitleFilter {
        var filter = TitleFilter()
        if let kind = self["kind"] {
            guard TitleMetadata.Kind(rawValue: kind) != nil else {
                let kinds = TitleMetadata.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalidParameter("kind", "'\(kind.prefix(64))' is no kind of title; it is one of \(kinds).")
            }
            filter.kind = kind
        }
        if let genre = self["genre"] {
            guard let known = TitleMetadata.Genre(name: genre), genre.count <= TitleMetadata.Limits.genre else {
                throw .invalidParameter("genre", "'\(genre.prefix(64))' is no genre.")
            }
            filter.genre = known.slug
        }
        filter.yearFrom = try integer("year_from", in: TitleMetadata.Limits.years)
        filter.yearTo = try integer("year_to", in: TitleMetadata.Limits.years)
        return filter
    }

    /// The same query for the page behind a cursor.
    func text(cursor: String) -> String {
        let kept = values.filter { ["genre", "kind", "year_from", "year_to", "limit"].contains($0.name) }
        return (kept + [("cursor", cursor)]).map { "\($0.name)=\(PercentEncoding.encode($0.value))" }
            .joined(separator: "&")
    }
}
