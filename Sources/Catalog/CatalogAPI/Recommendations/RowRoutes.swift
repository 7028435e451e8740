import CatalogStore
import HomeRows
import HTTPServer
import Hummingbird
import JSON
import Recommender

extension ProfileService {
    /// `GET /v1/profiles/{id}/rows`: the rows of the home page, made of what the profile has done until now.
    func rows(_ request: Request, _ viewer: ViewerIdentity) async throws -> Response {
        let base = try catalogue.base(of: request)
        let state = try await served.current()
        let latest = try await InteractionTable(query: reader.query).latest(
            accountID: viewer.accountID, profileID: viewer.profileID)
        let proposals = state.proposals
        let looking = Viewer(
            audience: Audience(
                admission: Admission(ceiling: viewer.ceiling), country: viewer.country, now: viewer.now),
            activity: Self.activity(latest.events, proposals.shelf))
        let candidates = proposals.candidates(for: looking, known: try known(state, viewer, latest))
        let rows = HomeRows.rows(proposals.shelf, for: looking, candidates)
        let documents = RowDocuments(shelf: proposals.shelf, titles: state.titles, base: base)
        return .json(
            [
                "profile": .string(viewer.profileID),
                "generation": state.generation.map { .integer($0.number) } ?? .null,
                "personalised": .bool(candidates.isPersonal), "rows": .array(rows.map(documents.row)),
            ], headers: Self.headers)
    }

    private static func activity(_ events: [RecordedEvent], _ shelf: Shelf) -> [Int32: TitleActivity] {
        var activity: [Int32: TitleActivity] = [:]
        for event in events {
            // What neither the model nor the catalogue has says nothing.
            guard let number = shelf.number(of: event.titleID), let kind = ViewerEvent.Kind(rawValue: event.kind) else {
                continue
            }
            activity[number, default: TitleActivity()].add(
                ViewerEvent(item: number, kind: kind, value: Float(event.value), time: event.time))
        }
        return activity
    }

    /// The ranking made at night, where the profile has done nothing since.
    private func known(
        _ state: ServedRecommendations.State, _ viewer: ViewerIdentity, _ latest: InteractionTable.Latest
    ) throws -> [Ranked]? {
        guard let generation = state.generation, let recordedAt = latest.recordedAt, recordedAt < generation.cutoff
        else { return nil }
        return try generation.ranking(of: viewer.name)
    }
}

/// Rows as clients get them.
struct RowDocuments {
    let shelf: Shelf
    let titles: [String: PublishedTitle]
    let base: String

    func row(_ row: HomeRow) -> JSON {
        var (kind, heading): (String, String)
        var seed: Int32?
        var genre: String?
        switch row.kind {
        case .continueWatching: (kind, heading) = ("continue_watching", "Continue watching")
        case .topPicks: (kind, heading) = ("top_picks", "Top picks for you")
        case .popular: (kind, heading) = ("popular", "Popular")
        case .trending: (kind, heading) = ("trending", "Trending now")
        case .new: (kind, heading) = ("new", "New")
        case .becauseYouWatched(let number):
            (kind, heading) = ("because_you_watched", "Because you watched \(title(number)?.name ?? "")")
            seed = number
        case .genre(let slug):
            let name = row.items.lazy.compactMap { title($0.title)?.genres.first { $0.slug == slug }?.name }.first
            (kind, heading) = ("genre", name ?? slug)
            genre = slug
        }
        return [
            "kind": .string(kind), "title": .string(heading), "because": reason(seed),
            "genre": genre.map { .string($0) } ?? .null, "items": .array(row.items.compactMap(item)),
        ]
    }

    private func item(_ item: HomeRow.Item) -> JSON? {
        guard let title = title(item.title) else { return nil }
        var document = TitleDocuments(base: base).summary(title)
        document["because"] = reason(item.because)
        document["watched"] = item.watched.map { .double(Double(($0 * 10_000).rounded()) / 10_000) } ?? .null
        return document
    }

    private func title(_ number: Int32) -> PublishedTitle? {
        shelf.titles[Int(number)].flatMap { titles[$0.id] }
    }

    private func reason(_ number: Int32?) -> JSON {
        guard let number, let title = title(number) else { return .null }
        return ["id": .string(title.id), "title": .string(title.name)]
    }
}
