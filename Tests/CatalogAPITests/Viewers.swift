import CatalogAPI
import CatalogStore
import CatalogTestSupport
import Cryptography
import HTTPServer
import HTTPServerTestSupport
import JSON
import Logging
import ObjectStorage
import Postgres
import PostgresTestSupport
import Synchronization
import TemporaryFolder

/// The service over a real catalogue and a real directory store, with a clock that moves when told.
struct Viewers: Sendable {
    let catalogue: Catalogue
    let store: any ObjectStore
    let clock: HandClock
    private let directory: TemporaryFolder

    static func make() async throws -> Viewers {
        try Viewers(catalogue: try await .make(), TemporaryFolder())
    }

    init(catalogue: Catalogue, _ directory: TemporaryFolder) throws {
        self.catalogue = catalogue
        self.directory = directory
        store = try openStore(directory.path, environment: [:])
        clock = HandClock()
    }

    func service(
        publicURL: String? = nil, ring: KeyRing? = nil, wallTime: @escaping @Sendable () -> Int64 = { 0 }
    ) -> CatalogService {
        CatalogService(
            reader: catalogue.reader, objects: store, publicURL: publicURL, ring: ring, now: { [clock] in clock.now },
            wallTime: wallTime)
    }

    func router(
        publicURL: String? = nil, ring: KeyRing? = nil, wallTime: @escaping @Sendable () -> Int64 = { 0 }
    ) -> ServiceRouter {
        let router = ServiceRouter()
        let service = service(publicURL: publicURL, ring: ring, wallTime: wallTime)
        router.addHealthRoutes(readiness: { await service.readiness() }, metricsText: { "" })
        service.addRoutes(to: router)
        ProfileService(
            catalogue: service, reader: catalogue.reader, record: catalogue.query, objects: store,
            logger: Logger(label: "test"), now: { [clock] in clock.now }
        ).addRoutes(to: router)
        return router
    }

    func with<Value: Sendable>(
        publicURL: String? = nil, _ body: (LoopbackClient) async throws -> Value
    ) async throws -> Value {
        try await LoopbackServer.with(router(publicURL: publicURL)) { client, _ in try await body(client) }
    }

    /// Puts bytes under a key.
    func put(_ text: String, _ key: String) async throws -> JSON {
        let reference = try await store.put(
            .bytes(Array(text.utf8)), key: key, contentType: ContentType.forKey(key), sha256: nil)
        return [
            "key": .string(reference.key), "bytes": .integer(reference.bytes), "sha256": .string(reference.sha256),
        ]
    }

    /// Publishes a title whose objects really lie in the store.
    func publishStored(_ number: Int, metadata: JSON = [:]) async throws {
        let prefix = "media/p\(number)"
        let objects = [
            try await put("#EXTM3U \(number)\n", "\(prefix)/master.m3u8"),
            try await put("<MPD>\(number)</MPD>", "\(prefix)/manifest.mpd"),
            try await put("0123456789", "\(prefix)/video-720p/1.m4s"),
        ]
        var package = StepOutputs.package("p\(number)")
        package["objects"] = .array(objects)
        let poster = try await put("poster \(number)", "thumbnails/\(number)/poster.jpg")
        let large = try await put("large poster \(number)", "thumbnails/\(number)/poster-2x.jpg")
        let thumbnails: JSON = [
            "poster": poster,
            "posters": [
                ["width": 1280, "height": 720, "file": poster], ["width": 2560, "height": 1440, "file": large],
            ],
            "retina": [
                "thumbnails": try await put("WEBVTT\n", "thumbnails/\(number)/track-2x.vtt"),
                "sprites": [try await put("large sprite \(number)", "thumbnails/\(number)/0-2x.jpg")],
            ],
            "thumbnails": try await put("WEBVTT\n", "thumbnails/\(number)/track.vtt"),
            "sprites": [try await put("sprite \(number)", "thumbnails/\(number)/0.jpg")],
        ]
        try await catalogue.publish(
            PublishStatement(
                titleID: "t-\(number)", executionID: Catalogue.executionID(number), title: "Title \(number)",
                metadata: metadata, package: package, thumbnails: thumbnails, media: nil), execution: number)
    }
}

/// A clock that stands still until it is moved.
final class HandClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock { $0 } }

    func advance(by duration: Duration) { instant.withLock { $0 = $0.advanced(by: duration) } }
}
