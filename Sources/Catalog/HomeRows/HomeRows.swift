public import Recommender

/// Who looks at the page.
public struct Viewer: Sendable {
    public var audience: Audience
    /// What the profile did with titles, by their numbers.
    public var activity: [Int32: TitleActivity]

    public init(audience: Audience, activity: [Int32: TitleActivity]) {
        self.audience = audience
        self.activity = activity
    }

    /// What a model is told of it, titles in the order of their numbers.
    var history: History {
        let told = activity.filter { $0.value.isTelling }.sorted { $0.key < $1.key }
        return History(items: told.map(\.key), weights: told.map(\.value.evidence))
    }

    /// Titles that it likes, the latest first.
    var liked: [Int32] {
        activity.filter { $0.value.evidence >= 0.5 }
            .sorted { ($0.value.latest, $1.key) > ($1.value.latest, $0.key) }.map(\.key)
    }
}

/// Titles that may come into a row, best first. They may be too many, seen, forbidden or gone: ``HomeRows`` chooses.
public struct Candidates: Sendable {
    /// A title, and the one that it is proposed for.
    public struct Pick: Sendable, Hashable {
        public var title: Int32
        public var because: Int32?

        public init(title: Int32, because: Int32? = nil) {
            self.title = title
            self.because = because
        }
    }

    /// Whether `picks` are for this profile; otherwise they are what most watch.
    public var isPersonal = false
    public var picks: [Pick] = []
    /// For titles that the profile likes what is most like them.
    public var similar: [(seed: Int32, titles: [Int32])] = []
    public var trending: [Int32] = []
    public var newest: [Int32] = []
    public var genres: [(slug: String, titles: [Int32])] = []

    public init() {}
}

/// A row of a profile's home page.
public struct HomeRow: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case continueWatching
        /// Chosen for the profile.
        case topPicks
        /// What most watch: for profiles of which nothing is known.
        case popular
        /// Like a title that the profile likes.
        case becauseYouWatched(Int32)
        case trending
        case new
        /// By its slug.
        case genre(String)
    }

    public struct Item: Sendable, Hashable {
        public var title: Int32
        /// The title for which it was chosen, where there is one.
        public var because: Int32?
        /// The share that was watched, in ``Kind/continueWatching``.
        public var watched: Float?
    }

    public var kind: Kind
    public var items: [Item]
}

/// Which titles stand in which rows of a profile's home page.
public enum HomeRows {
    /// Titles in a row at most.
    public static let rowLength = 20

    /// The rows, none empty. A title stands in one of them only, what was seen is proposed nowhere, and neither a row nor
    /// a reason names a title that the profile may not see or that is not published.
    public static func rows(_ shelf: Shelf, for viewer: Viewer, _ candidates: Candidates) -> [HomeRow] {
        var builder = Builder(shelf: shelf, viewer: viewer)
        builder.continueWatching()
        builder.add(candidates.isPersonal ? .topPicks : .popular, candidates.picks)
        for (seed, titles) in candidates.similar where shelf.admits(seed, viewer.audience) {
            builder.add(.becauseYouWatched(seed), titles.map { Candidates.Pick(title: $0) })
        }
        builder.add(.trending, candidates.trending.map { Candidates.Pick(title: $0) })
        builder.add(.new, candidates.newest.map { Candidates.Pick(title: $0) })
        for (slug, titles) in candidates.genres {
            builder.add(.genre(slug), titles.map { Candidates.Pick(title: $0) })
        }
        return builder.rows
    }

    private struct Builder {
        let shelf: Shelf
        let viewer: Viewer
        var rows: [HomeRow] = []
        private var shown: Set<Int32> = []
        private var groups: Set<String> = []

        init(shelf: Shelf, viewer: Viewer) {
            self.shelf = shelf
            self.viewer = viewer
        }

        mutating func continueWatching() {
            var begun = viewer.activity.compactMap { number, activity in
                activity.unfinished.map { (number: number, share: $0.share, time: $0.time) }
            }
            begun.sort { ($0.time, $1.number) > ($1.time, $0.number) }
            var items: [HomeRow.Item] = []
            for one in begun where items.count < rowLength && shelf.admits(one.number, viewer.audience) {
                items.append(HomeRow.Item(title: one.number, watched: one.share))
                note(one.number)
            }
            if !items.isEmpty { rows.append(HomeRow(kind: .continueWatching, items: items)) }
        }

        mutating func add(_ kind: HomeRow.Kind, _ picks: [Candidates.Pick]) {
            var items: [HomeRow.Item] = []
            for pick in picks {
                if items.count == rowLength { break }
                guard shelf.admits(pick.title, viewer.audience), !shown.contains(pick.title),
                    viewer.activity[pick.title]?.isTelling != true
                else { continue }
                if let group = shelf.titles[Int(pick.title)]?.group, groups.contains(group) { continue }
                // A reason is told only where the title that it names may be shown.
                let because = pick.because.flatMap { shelf.admits($0, viewer.audience) ? $0 : nil }
                items.append(HomeRow.Item(title: pick.title, because: because))
                note(pick.title)
            }
            if !items.isEmpty { rows.append(HomeRow(kind: kind, items: items)) }
        }

        private mutating func note(_ number: Int32) {
            shown.insert(number)
            if let group = shelf.titles[Int(number)]?.group { groups.insert(group) }
        }
    }
}
