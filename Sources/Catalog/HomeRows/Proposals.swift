public import Recommender

/// Finds candidates with a model. Made once for a model and a state of the catalogue, it serves any number of viewers
/// from any thread. Without a model it proposes what is new.
public struct Proposals: Sendable {
    public let shelf: Shelf
    private let ranker: Ranker?
    private let trending: [Int32]
    private let genres: [String: [Int32]]

    /// How many titles are ranked for a profile, of which rows choose.
    static let depth = 400
    static let diversity: Float = 0.2
    private static let similarRows = 2
    private static let genreRows = 3

    /// - Parameters:
    ///   - model: nil while none is in service.
    ///   - catalogue: what is published now.
    ///   - trending: ids of what is watched most at present, best first.
    public init(model: Model?, catalogue: [ShelfTitle], trending: [String]) {
        let shelf = Shelf(modelTitles: model?.items ?? [], catalogue: catalogue)
        self.shelf = shelf
        ranker = model.map { Ranker($0, newcomers: shelf.newcomers) }
        self.trending = trending.compactMap(shelf.number)
        var genres: [String: [Int32]] = [:]
        for number in shelf.newest {
            for genre in shelf.titles[Int(number)]?.genres ?? [] { genres[genre, default: []].append(number) }
        }
        self.genres = genres
    }

    /// What may come into the rows of a profile.
    ///
    /// - Parameter known: the profile's ranking made beforehand from the very same history; nil folds the profile in.
    public func candidates(for viewer: Viewer, known: [Ranked]? = nil) -> Candidates {
        var found = Candidates()
        found.trending = trending
        found.newest = shelf.newest
        let history = viewer.history
        var ranked: [Ranked] = []
        if let ranker {
            let admitted = shelf.admitted(viewer.audience)
            ranked = (known ?? []).filter { admitted.indices.contains(Int($0.item)) && admitted[Int($0.item)] }
            // What was ranked beforehand may be forbidden or gone by now.
            if ranked.count < HomeRows.rowLength {
                ranked = ranker.rank([history], count: Self.depth, threads: .one, among: admitted)[0]
            }
            let known = ranker.model.evidence(history)
            found.isPersonal = !known.items.isEmpty
            found.picks = picks(ranker, ranked, history, isPersonal: found.isPersonal)
            for seed in viewer.liked.lazy.filter({ Int($0) < ranker.model.items.count }).prefix(Self.similarRows) {
                found.similar.append(
                    (seed, ranker.model.similar(to: seed, count: 3 * HomeRows.rowLength).map(\.item)))
            }
        }
        found.genres = genreRows(viewer, ranked)
        return found
    }

    private func picks(
        _ ranker: Ranker, _ ranked: [Ranked], _ history: History, isPersonal: Bool
    ) -> [Candidates.Pick] {
        guard isPersonal else { return ranked.map { Candidates.Pick(title: $0.item) } }
        let first = ranker.diversified(
            Array(ranked.prefix(3 * HomeRows.rowLength)), diversity: Self.diversity, count: 2 * HomeRows.rowLength)
        return first.enumerated().map { place, one in
            // A reason costs a solution of the profile's equations; only what can be seen has one.
            let explained = place < HomeRows.rowLength && Int(one.item) < ranker.model.items.count
            let because = explained ? ranker.model.explain(one.item, for: history, count: 1).first?.item : nil
            return Candidates.Pick(title: one.item, because: because)
        }
    }

    /// The genres that the profile likes most, or that have most titles; the best ranked first, then the newest.
    private func genreRows(_ viewer: Viewer, _ ranked: [Ranked]) -> [(slug: String, titles: [Int32])] {
        var likes: [String: Float] = [:]
        for (number, activity) in viewer.activity where activity.evidence > 0 {
            guard shelf.titles.indices.contains(Int(number)), let title = shelf.titles[Int(number)] else { continue }
            for genre in title.genres { likes[genre, default: 0] += activity.evidence }
        }
        let slugs = genres.keys.sorted {
            (likes[$0] ?? 0, genres[$0]?.count ?? 0, $1) > (likes[$1] ?? 0, genres[$1]?.count ?? 0, $0)
        }
        return slugs.prefix(Self.genreRows).map { slug in
            let members = genres[slug] ?? []
            let all = Set(members)
            return (slug, ranked.map(\.item).filter(all.contains) + members)
        }
    }
}
