public import CatalogStore
import Cryptography
public import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
public import Logging
public import ObjectStorage
import Postgres

/// What the service does for one profile: it records what the profile does with titles, and answers with the rows of its
/// home page.
///
/// Whoever asks shows a bearer token, and gets the rows of the token's profile and of no other. Answers are private and
/// never kept.
public struct ProfileService: Sendable {
    let catalogue: CatalogService
    let reader: CatalogReader
    let interactions: InteractionTable
    let served: ServedRecommendations
    let rates: ProfileRates

    static let headers: HTTPFields = [.cacheControl: "private, no-store"]

    /// - Parameters:
    ///   - catalogue: the service beside which it stands.
    ///   - reader: the catalogue.
    ///   - record: writes interactions.
    ///   - objects: where models and rankings lie.
    ///   - logger: is told of a generation that can't be loaded.
    ///   - now: the clock that says when a second has passed.
    public init(
        catalogue: CatalogService, reader: CatalogReader, record: @escaping CatalogReader.Query,
        objects: any ObjectStore, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.catalogue = catalogue
        self.reader = reader
        interactions = InteractionTable(query: record)
        served = ServedRecommendations(reader: reader, objects: objects, logger: logger, now: now)
        rates = ProfileRates(now: now)
    }

    /// Adds `/v1/profiles/{id}/rows` and `/v1/profiles/{id}/interactions`.
    public func addRoutes(to router: ServiceRouter) {
        router.get("/v1/profiles/{id}/rows") { request, context in
            try await answer(request, context.parameters.get("id") ?? "") { try await rows(request, $0) }
        }
        router.post("/v1/profiles/{id}/interactions") { request, context in
            try await answer(request, context.parameters.get("id") ?? "") { try await record(request, $0) }
        }
    }

    /// Answers a request of the profile that its token names.
    private func answer(
        _ request: Request, _ profile: String, _ body: (ViewerIdentity) async throws -> Response
    ) async throws -> Response {
        do {
            let viewer = try await viewer(request)
            // Nobody learns here which other profiles there are.
            guard profile == viewer.profileID || profile == "me" else {
                throw Problem.notFound(
                    "The token's account has no profile '\(profile.prefix(64))' that it may speak for.")
            }
            if let seconds = rates.take(viewer.name) {
                throw Problem(
                    "too-many-requests", status: .tooManyRequests, title: "Too many requests",
                    detail: "A profile may ask \(ProfileRates.perSecond) times a second.",
                    headers: [.retryAfter: String(seconds)])
            }
            return try await body(viewer)
        } catch let error as PostgresError {
            throw CatalogService.unavailable(error)
        }
    }

    private func viewer(_ request: Request) async throws -> ViewerIdentity {
        let field = request.headers[.authorization] ?? ""
        let scheme = "bearer "
        let token = field.lowercased().hasPrefix(scheme) ? String(field.dropFirst(scheme.count)) : ""
        guard !token.isEmpty, token.utf8.count <= 256,
            let viewer = try await reader.viewer(tokenSHA256: SHA256.hash(token).bytes)
        else {
            throw Problem(
                "not-authenticated", status: .unauthorized, title: "Not authenticated",
                detail:
                    "This needs a profile's bearer token; there is none, or it is unknown, has run out or was revoked.",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        return viewer
    }
}
