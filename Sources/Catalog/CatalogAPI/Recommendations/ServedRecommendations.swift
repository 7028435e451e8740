import CatalogStore
import Cryptography
import Foundation
import HomeRows
import JSON
import Logging
import Metrics
import ObjectStorage
import Postgres
import Recommender

/// The generation in service and the catalogue as it is, in memory: looked up once a second, replaced whole.
actor ServedRecommendations {
    /// How long what is known counts as current.
    static let age: Duration = .seconds(1)
    /// Ratings and availability are read again after this, even where nothing was published.
    static let limitsAge: Duration = .seconds(60)
    /// The newest titles, of which rows are made.
    static let titleLimit = 100_000

    /// A model with its rankings, as one publication brought them.
    struct Generation: Sendable {
        let number: Int64
        let model: Model
        let rankings: [RankingFile<Data>]
        let trending: [String]
        /// Unix seconds: what was recorded later, rankings know nothing of.
        let cutoff: Int64

        func ranking(of profile: String) throws(ModelFileError) -> [Ranked]? {
            for file in rankings {
                if let found = try file.ranking(of: profile) { return found }
            }
            return nil
        }
    }

    /// All that rows are made of, at one moment.
    struct State: Sendable {
        let version: Int64
        let generation: Generation?
        let titles: [String: PublishedTitle]
        let proposals: Proposals
    }

    private let reader: CatalogReader
    private let generations: GenerationTable
    private let objects: any ObjectStore
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private var state: State?
    private var lookedUp: ContinuousClock.Instant?
    private var limitsRead: ContinuousClock.Instant?
    private var lookup: Task<Result<State, PostgresError>, Never>?
    /// The generation in service at the last look.
    private var wanted: Int64?
    private var loading: Int64?
    private var loaded: Generation?
    /// The generation that could not be loaded, and when it was tried.
    private var failed: (number: Int64, at: ContinuousClock.Instant)?

    init(
        reader: CatalogReader, objects: any ObjectStore, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        self.reader = reader
        generations = GenerationTable(query: reader.query)
        self.objects = objects
        self.logger = logger
        self.now = now
    }

    /// What holds now, at most ``age`` old.
    ///
    /// A new generation is loaded beside the old one, which answers until then. A new state of the catalogue is waited
    /// for: what is not published any more is shown to nobody.
    func current() async throws(PostgresError) -> State {
        if let state, let lookedUp, lookedUp.duration(to: now()) < Self.age { return state }
        let task = lookup ?? start()
        return try await task.value.get()
    }

    /// One look serves everybody who waits.
    private func start() -> Task<Result<State, PostgresError>, Never> {
        let task = Task {
            let result: Result<State, PostgresError>
            do throws(PostgresError) { result = .success(try await look()) } catch { result = .failure(error) }
            lookup = nil
            return result
        }
        lookup = task
        return task
    }

    private func look() async throws(PostgresError) -> State {
        let began = now()
        let version = try await reader.version()
        let number = try await generations.numberInService()
        wanted = number
        if let number, loaded?.number != number, loading != number, mayTry(number) { load(number) }
        if number == nil { loaded = nil }
        let isFresh = limitsRead.map { $0.duration(to: began) < Self.limitsAge } ?? false
        if let state, state.version == version, state.generation?.number == loaded?.number, isFresh {
            lookedUp = began
            return state
        }
        let titles = try await reader.newestTitles(limit: Self.titleLimit)
        let limits = try await reader.titleLimits()
        let generation = loaded
        let made = State(
            version: version, generation: generation,
            titles: Dictionary(titles.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }),
            proposals: Proposals(
                model: generation?.model, catalogue: titles.map { ShelfTitle($0, limits[$0.id]) },
                trending: generation?.trending ?? []))
        state = made
        lookedUp = began
        limitsRead = began
        return made
    }

    private func mayTry(_ number: Int64) -> Bool {
        guard let failed, failed.number == number else { return true }
        return failed.at.duration(to: now()) > .seconds(30)
    }

    private func load(_ number: Int64) {
        loading = number
        Task {
            defer { if loading == number { loading = nil } }
            do {
                guard let generation = try await generations.inService(), generation.number == number else { return }
                let read = try await Self.read(generation, from: objects)
                // Another may have been put in service meanwhile, because this one is not to be shown.
                guard wanted == number else { return }
                loaded = read
                failed = nil
                Gauge(label: "recommendations_generation").record(number)
                // The next look takes it up.
                lookedUp = nil
            } catch {
                failed = (number, now())
                // The one before goes on answering, and the gauge says which that is; tried again in half a minute.
                logger.error(
                    "a generation of the recommendations can't be loaded",
                    metadata: ["generation": "\(number)", "error": "\(error)"])
            }
        }
    }

    // MARK: Objects

    private static func read(
        _ generation: RecommendationGeneration, from objects: any ObjectStore
    ) async throws -> Generation {
        let document = generation.document
        let model = try await file(document["model"] ?? .null, objects)
        var rankings: [Data] = []
        for ranking in document["rankings"]?.arrayValue ?? [] {
            rankings.append(try await file(ranking, objects))
        }
        let shards = rankings
        return try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                continuation.resume(
                    with: Result {
                        Generation(
                            number: generation.number,
                            model: try ModelFile.decode(Array(model), digest: digest),
                            rankings: try shards.map { try RankingFile($0) },
                            trending: (document["trending"]?.arrayValue ?? []).compactMap(\.stringValue),
                            cutoff: Int64(document["cutoff"]?.integerValue ?? 0))
                    })
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// An object's bytes, mapped from its file: where the store keeps files from that, else from a copy without a name.
    private static func file(_ reference: JSON, _ objects: any ObjectStore) async throws -> Data {
        guard let key = reference["key"]?.stringValue, let sha256 = reference["sha256"]?.stringValue else {
            throw ObjectStorageError(.invalidKey, "the generation names no object")
        }
        if let path = try objects.localPath(key) {
            let data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
            guard SHA256.hash(data).hex == sha256 else {
                throw ObjectStorageError(.checksumMismatch, "\(key) has another content than its name says")
            }
            return data
        }
        let copy = FileManager.default.temporaryDirectory.appending(path: "showrunner-\(UUID().uuidString)")
        _ = try await objects.fetch(key, to: copy.path, sha256: sha256)
        // The name goes whatever becomes of it, and the bytes with their last reader.
        let mapped = Result { try Data(contentsOf: copy, options: .alwaysMapped) }
        try FileManager.default.removeItem(at: copy)
        return try mapped.get()
    }

    @Sendable private static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize().bytes
    }
}

extension CatalogReader {
    /// The newest titles, in pages.
    fileprivate func newestTitles(limit: Int) async throws(PostgresError) -> [PublishedTitle] {
        var titles: [PublishedTitle] = []
        var before: Int64?
        while titles.count < limit {
            let page = try await self.titles(before: before, limit: 1000)
            titles += page
            guard page.count == 1000, let last = page.last else { break }
            before = last.version
        }
        return titles
    }
}

extension ShelfTitle {
    fileprivate init(_ title: PublishedTitle, _ limits: CatalogReader.TitleLimits?) {
        self.init(
            id: title.id, age: limits?.minimumAge,
            offers: (limits?.offers ?? []).map { Offer(country: $0.country, from: $0.from, to: $0.to) },
            genres: title.genres.map(\.slug), version: title.version, group: title.parentID ?? title.series,
            description: TitleDescription(
                title: title.name, genres: title.genres.map(\.slug), people: title.people, year: title.year))
    }
}
