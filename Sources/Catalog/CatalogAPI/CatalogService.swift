public import CatalogStore
public import Cryptography
import Glibc
public import HTTPServer
public import ObjectStorage

/// The viewers' service: what is published, how to play it, its bytes, and the pages that show them.
///
/// Bodies are serialised once per publication and kept, so that a list or a title costs no database access; the
/// catalogue's version is looked up once a second at most. While PostgreSQL is away, what is kept is still served, and the
/// rest is 503 with `Retry-After`.
public struct CatalogService: Sendable {
    /// The version of this service's own document shapes: a part of every entity tag, so that a release that changes a
    /// shape is not taken for unchanged content.
    static let format = 1

    let reader: CatalogReader
    let objects: any ObjectStore
    let publicURL: String?
    let cache: CatalogCache
    let ring: KeyRing?
    let wallTime: @Sendable () -> Int64

    /// - Parameters:
    ///   - reader: the catalogue.
    ///   - objects: where the media lies.
    ///   - publicURL: scheme and authority that viewers see, where a proxy stands in front; nil takes each request's
    ///     `Host`.
    ///   - ring: opens content keys and signs playback tokens; without one no licence is given.
    ///   - now: the clock that says when a second has passed.
    ///   - wallTime: seconds since 1970.
    public init(
        reader: CatalogReader, objects: any ObjectStore, publicURL: String? = nil, ring: KeyRing? = nil,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now },
        wallTime: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }
    ) {
        self.reader = reader
        self.objects = objects
        self.ring = ring
        self.wallTime = wallTime
        self.publicURL = publicURL.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        cache = CatalogCache(reader: reader, now: now)
    }

    /// Adds all routes but those for health.
    public func addRoutes(to router: ServiceRouter) {
        addTitleRoutes(to: router)
        addLicenceRoutes(to: router)
        addMediaRoutes(to: router)
        addPageRoutes(to: router)
    }

    /// Whether the catalogue can be read, and its schema is the one this program knows.
    public func readiness() async -> Readiness {
        do {
            let state = try await reader.schemaState()
            return Readiness([
                Readiness.Check("database", trouble: nil),
                Readiness.Check("schema", trouble: state.trouble(of: "showrunner-api")),
            ])
        } catch {
            return Readiness([Readiness.Check("database", trouble: error.message)])
        }
    }
}
