import SeededNumbers

/// What training and scoring are given: everything that was known at one moment, and nothing later.
///
/// The same events and cut-off give the same extract, whatever order they came in.
public struct Extract: Sendable, Equatable {
    /// Unix seconds; only events before it are in here.
    public var cutoff: Int64
    /// Profiles by name, in the order of their UTF-8.
    public var profiles: [String]
    /// The highest age rating each profile may see; nil for those that may see all.
    public var ceilings: [Int?]
    /// Titles by name, in the order of their UTF-8: the whole catalogue, and what is gone but was watched.
    public var titles: [String]
    /// nil for what is gone.
    public var descriptions: [TitleDescription?]
    /// Each title's age rating in years; nil where it is not known.
    public var ages: [Int?]
    /// Whether each title may be watched.
    public var available: [Bool]
    /// Profiles x titles, with times.
    public var interactions: InteractionMatrix

    public init(
        cutoff: Int64, profiles: [String], ceilings: [Int?], titles: [String], descriptions: [TitleDescription?],
        ages: [Int?], available: [Bool], interactions: InteractionMatrix
    ) {
        precondition(profiles.count == ceilings.count, "Each profile has a ceiling, or none.")
        precondition(
            titles.count == descriptions.count && titles.count == ages.count && titles.count == available.count,
            "Each title has a description, an age and a word on whether it is available.")
        precondition(
            interactions.rows == profiles.count && interactions.columnCount == titles.count,
            "Interactions are those of the profiles with the titles.")
        self.cutoff = cutoff
        self.profiles = profiles
        self.ceilings = ceilings
        self.titles = titles
        self.descriptions = descriptions
        self.ages = ages
        self.available = available
        self.interactions = interactions
    }

    /// What a model trains on. Titles are numbered anew there: first those that somebody has done something with.
    public var trainingData: TrainingData {
        var watched = [Bool](repeating: false, count: titles.count)
        for column in interactions.columns { watched[Int(column)] = true }
        let order = titles.indices.filter { watched[$0] } + titles.indices.filter { !watched[$0] }
        let count = watched.count { $0 }
        var numbers = [Int32](repeating: 0, count: titles.count)
        for (number, title) in order.enumerated() { numbers[title] = Int32(number) }
        // Both orders are the extract's among watched titles, so columns stay ascending.
        let matrix = InteractionMatrix(
            columnCount: count, starts: interactions.starts, columns: interactions.columns.map { numbers[Int($0)] },
            weights: interactions.weights, times: interactions.times)
        return TrainingData(
            users: profiles, items: order.map { titles[$0] }, titles: order.map { descriptions[$0] },
            interactions: matrix)
    }

    /// The part to train on, and what came after it of profiles that are in both.
    public struct Split: Sendable, Equatable {
        public var training: Extract
        /// Only profiles that are to be ranked, and what they liked afterwards.
        public var truth: Extract
        /// Unix seconds; what came at it or later is to be found.
        public var at: Int64
    }

    /// Cuts by time, for all profiles at the same moment: what a model would have known then, and what came of it.
    ///
    /// - Parameters:
    ///   - share: of the interactions, how much is later: above 0 and below 1.
    ///   - limit: profiles of the truth at most; more are drawn by the seed.
    public func split(share: Double, limit: Int, seed: UInt64) -> Split {
        precondition(share > 0 && share < 1, "A share of all is later.")
        let sorted = interactions.times.sorted()
        let at = sorted.isEmpty ? cutoff : sorted[min(sorted.count - 1, Int(Double(sorted.count) * (1 - share)))]
        let all = Array(profiles.indices)
        let before = interactions.selecting(all) { _, entry in
            interactions.times[entry] < at ? interactions.weights[entry] : nil
        }
        let after = interactions.selecting(all) { _, entry in
            interactions.times[entry] >= at && interactions.weights[entry] > 0 ? interactions.weights[entry] : nil
        }
        var eligible = all.filter { row in
            !after.entries(row).isEmpty && before.entries(row).contains { before.weights[$0] > 0 }
        }
        if eligible.count > limit {
            var random = SplitMix64(seed: seed)
            eligible = random.permutation(eligible.count).prefix(limit).map { eligible[Int($0)] }.sorted()
        }
        return Split(
            training: with(rows: all, before, cutoff: at),
            truth: with(
                rows: eligible, after.selecting(eligible) { _, entry in after.weights[entry] }, cutoff: cutoff),
            at: at)
    }

    private func with(rows: [Int], _ matrix: InteractionMatrix, cutoff: Int64) -> Extract {
        Extract(
            cutoff: cutoff, profiles: rows.map { profiles[$0] }, ceilings: rows.map { ceilings[$0] }, titles: titles,
            descriptions: descriptions, ages: ages, available: available, interactions: matrix)
    }

    /// What is watched now, best first: evidence that halves with age, `sum of w 2^-((cutoff - t) / halfLife)`.
    ///
    /// - Parameters:
    ///   - halfLife: in seconds.
    ///   - count: so many titles at most; only available ones.
    public func trending(halfLife: Double, count: Int) -> [Ranked] {
        let scores = Popularity.scores(interactions, weighting: nil, latest: cutoff, halfLife: halfLife)
        return Ranked.best(
            scores.indices.filter { available[$0] && scores[$0] > 0 }.map {
                Ranked(item: Int32($0), score: scores[$0])
            }, count: count)
    }

    /// How good a model's rankings are on this extract as the truth.
    ///
    /// Ranked are profiles that the model knows, from what it knows of them; coverage is over available titles.
    public func quality(of model: Model, threads: Threads) -> (metrics: Metrics, profiles: Int) {
        let users = Dictionary(model.users.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let numbers = Dictionary(
            model.items.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        var histories: [History] = []
        var truth: [Set<Int32>] = []
        for (row, profile) in profiles.enumerated() {
            guard let user = users[profile] else { continue }
            let wanted = interactions.entries(row).compactMap { entry in
                interactions.weights[entry] > 0 ? numbers[titles[Int(interactions.columns[entry])]] : nil
            }
            if wanted.isEmpty { continue }
            histories.append(model.history(of: user))
            truth.append(Set(wanted))
        }
        let offered = Dictionary(zip(titles, available), uniquingKeysWith: { first, _ in first })
        let admitted = model.items.map { offered[$0] ?? false }
        let rankings = Ranker(model, admitted: admitted).rank(histories, count: 100, threads: threads)
        var audience = [Int32](repeating: 0, count: model.items.count)
        for column in model.history.columns { audience[Int(column)] += 1 }
        let metrics = Metrics(
            rankings: rankings.map { $0.map(\.item) }, truth: truth, catalogue: admitted.count { $0 },
            audience: audience, population: model.users.count)
        return (metrics, histories.count)
    }
}

/// Gathers a profile's events, then the next one's.
public struct ExtractBuilder: Sendable {
    private let cutoff: Int64
    private let numbers: [String: Int32]
    private var titles: [String]
    private var descriptions: [TitleDescription?]
    private var ages: [Int?]
    private var available: [Bool]
    private var gone: [String: Int32] = [:]
    private var profiles: [String] = []
    private var known: Set<String> = []
    private var ceilings: [Int?] = []
    private var interactions: [Interaction] = []
    private var activity: [Int32: TitleActivity] = [:]

    /// What the catalogue says of one title.
    public struct Title: Sendable, Equatable {
        public var id: String
        public var description: TitleDescription
        public var age: Int?
        public var isAvailable: Bool

        public init(id: String, description: TitleDescription, age: Int?, isAvailable: Bool) {
            self.id = id
            self.description = description
            self.age = age
            self.isAvailable = isAvailable
        }
    }

    public init(cutoff: Int64, catalogue: [Title]) {
        self.cutoff = cutoff
        let sorted = catalogue.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        titles = sorted.map(\.id)
        descriptions = sorted.map(\.description)
        ages = sorted.map(\.age)
        available = sorted.map(\.isAvailable)
        numbers = Dictionary(sorted.enumerated().map { ($1.id, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        precondition(numbers.count == titles.count, "A catalogue has each title once.")
    }

    /// How many interactions there are so far.
    public var interactionCount: Int { interactions.count }

    /// Profiles come in any order, each once.
    public mutating func begin(profile: String, ceiling: Int?) {
        precondition(known.insert(profile).inserted, "Each profile comes once.")
        endProfile()
        profiles.append(profile)
        ceilings.append(ceiling)
    }

    /// An event of the profile that was begun last. Events at or after the cut-off are none of this extract.
    public mutating func add(title: String, kind: ViewerEvent.Kind, value: Float, time: Int64) {
        guard time < cutoff else { return }
        let number = number(of: title)
        activity[number, default: TitleActivity()].add(
            ViewerEvent(item: number, kind: kind, value: value, time: time))
    }

    private mutating func number(of title: String) -> Int32 {
        if let number = numbers[title] ?? gone[title] { return number }
        let number = Int32(titles.count)
        titles.append(title)
        descriptions.append(nil)
        ages.append(nil)
        available.append(false)
        gone[title] = number
        return number
    }

    private mutating func endProfile() {
        for (item, activity) in activity where activity.isTelling {
            interactions.append(
                Interaction(
                    user: Int32(profiles.count - 1), item: item, time: activity.latest, weight: activity.evidence))
        }
        activity = [:]
    }

    /// Places in the order of their names' UTF-8, and each place's number in that order.
    private static func byName(_ names: [String]) -> (order: [Int], numbers: [Int32]) {
        let order = names.indices.sorted { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
        var numbers = [Int32](repeating: 0, count: names.count)
        for (number, place) in order.enumerated() { numbers[place] = Int32(number) }
        return (order, numbers)
    }

    /// Ends the last profile and gives the whole.
    public consuming func finish() -> Extract {
        endProfile()
        // Names decide about numbers, not the order in which they came.
        let (order, numbers) = Self.byName(titles)
        let (rows, users) = Self.byName(profiles)
        for index in interactions.indices {
            interactions[index].item = numbers[Int(interactions[index].item)]
            interactions[index].user = users[Int(interactions[index].user)]
        }
        return Extract(
            cutoff: cutoff, profiles: rows.map { profiles[$0] }, ceilings: rows.map { ceilings[$0] },
            titles: order.map { titles[$0] },
            descriptions: order.map { descriptions[$0] }, ages: order.map { ages[$0] },
            available: order.map { available[$0] },
            interactions: InteractionMatrix(interactions, users: profiles.count, items: titles.count))
    }
}
