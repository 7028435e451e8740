/// A trained model: all that ranking needs, and nothing else.
///
/// Memory: 8 bytes for each interaction, 4 x dimensions for each title, 4 x titles^2 where the recipe has a linear part.
public struct Model: Sendable {
    public let recipe: Recipe
    public let weighting: Weighting
    public let seed: UInt64
    /// Names of profiles that it was trained on, by their numbers.
    public let users: [String]
    /// Names of titles, by their numbers; the first ``watched`` are those that somebody has interacted with.
    public let items: [String]
    /// What each profile has seen, with the weights as they came.
    public let history: InteractionMatrix
    /// Decayed sums of evidence, for each watched title.
    public let popularity: [Float]
    public let factors: FactorModel
    public let linear: LinearModel?
    public let neighbours: NeighbourModel?
    /// nil when no title was described.
    public let content: ContentModel?
    /// What titles are scored by: own and predicted vectors, mixed by evidence.
    public let titleVectors: [Float]

    public var watched: Int { history.columnCount }

    init(
        recipe: Recipe, weighting: Weighting, seed: UInt64, users: [String], items: [String],
        history: InteractionMatrix, popularity: [Float], factors: FactorModel, linear: LinearModel?,
        neighbours: NeighbourModel?, content: ContentModel?, titleVectors: [Float]
    ) {
        self.recipe = recipe
        self.weighting = weighting
        self.seed = seed
        self.users = users
        self.items = items
        self.history = history
        self.popularity = popularity
        self.factors = factors
        self.linear = linear
        self.neighbours = neighbours
        self.content = content
        self.titleVectors = titleVectors
    }

    /// Trains by a recipe. The same data, recipe and seed give the same model, bit by bit.
    public static func train(
        _ data: TrainingData, recipe: Recipe, seed: UInt64, threads: Threads,
        progress: (TrainingProgress) -> Void = { _ in }
    ) -> Model {
        let model = train(
            data, recipe: recipe, seed: seed, threads: threads, isAbandoned: { false }, progress: progress)
        guard let model else { preconditionFailure("Nobody gave this training up.") }
        return model
    }

    /// Trains likewise, and gives up, with nil, where `isAbandoned` says so: it is asked after every epoch and before
    /// every part.
    public static func train(
        _ data: TrainingData, recipe: Recipe, seed: UInt64, threads: Threads, isAbandoned: () -> Bool,
        progress: (TrainingProgress) -> Void = { _ in }
    ) -> Model? {
        let weighting = Weighting(kind: recipe.weighting, scale: data.meanWeight)
        let evidence = data.interactions.evidence(weighting)
        let byItem = evidence.transposed()
        let latest = data.interactions.times.max() ?? 0
        let popularity = Popularity.scores(
            data.interactions, weighting: weighting, latest: latest, halfLife: recipe.popularityHalfLife)
        progress(TrainingProgress(stage: "factors", done: 0, total: recipe.factors.epochs))
        let factors = FactorModel.train(
            evidence, byItem: byItem, settings: recipe.factors, seed: seed, threads: threads, isAbandoned: isAbandoned
        ) { progress(TrainingProgress(stage: "factors", done: $0, total: recipe.factors.epochs)) }
        if isAbandoned() { return nil }
        var linear: LinearModel?
        if recipe.blend.linear > 0 {
            progress(TrainingProgress(stage: "linear", done: 0, total: 1))
            let pairs = LinearModel.Pairs(evidence, byItem: byItem, threads: threads)
            linear = LinearModel.train(pairs, regularization: recipe.linearRegularization, threads: threads)
            progress(TrainingProgress(stage: "linear", done: 1, total: 1))
            if isAbandoned() { return nil }
        }
        var neighbours: NeighbourModel?
        if recipe.blend.neighbours > 0 {
            progress(TrainingProgress(stage: "neighbours", done: 0, total: 1))
            neighbours = NeighbourModel.train(evidence, byItem: byItem, settings: recipe.neighbours, threads: threads)
            progress(TrainingProgress(stage: "neighbours", done: 1, total: 1))
            if isAbandoned() { return nil }
        }
        let audience = (0..<byItem.rows).map { byItem.entries($0).count }
        let described = data.titles.contains { $0 != nil }
        var content: ContentModel?
        if described {
            progress(TrainingProgress(stage: "content", done: 0, total: 1))
            let space = FeatureSpace(data.titles.compactMap { $0 })
            let rows = data.titles.map { $0.map(space.row) }
            content = Self.content(
                space: space, rows: rows, factors: factors, audience: audience,
                regularization: recipe.contentRegularization)
            progress(TrainingProgress(stage: "content", done: 1, total: 1))
        }
        return Model(
            recipe: recipe, weighting: weighting, seed: seed, users: data.users, items: data.items,
            history: data.interactions.timeless(), popularity: popularity, factors: factors, linear: linear,
            neighbours: neighbours, content: content,
            titleVectors: titleVectors(
                data.titles, content: content, factors: factors, audience: audience, evidence: recipe.contentEvidence))
    }

    static func content(
        space: FeatureSpace, rows: [FeatureRow?], factors: FactorModel, audience: [Int], regularization: Float,
        without: Set<Int> = []
    ) -> ContentModel {
        let trained = (0..<factors.items).map { item in
            rows[item] != nil && !without.contains(item) ? Float(audience[item]) / (Float(audience[item]) + 5) : 0
        }
        return ContentModel.train(
            space: space,
            rows: (0..<factors.items).map { rows[$0] ?? FeatureRow(columns: [], weights: []) },
            vectors: factors.itemVectors, dimensions: factors.settings.dimensions, confidence: trained,
            regularization: regularization)
    }

    /// Own and predicted vectors, mixed by evidence; zeros for titles without either.
    static func titleVectors(
        _ titles: [TitleDescription?], content: ContentModel?, factors: FactorModel, audience: [Int], evidence: Float
    ) -> [Float] {
        let d = factors.settings.dimensions
        var vectors = [Float](repeating: 0, count: titles.count * d)
        for (item, title) in titles.enumerated() {
            let count = item < factors.items ? Float(audience[item]) : 0
            let predicted = title.flatMap { content?.vector($0) }
            let share = predicted == nil ? 1 : count == 0 ? 0 : count / (count + evidence)
            for k in 0..<d {
                let own = item < factors.items ? factors.itemVectors[item * d + k] : 0
                vectors[item * d + k] = share * own + (1 - share) * (predicted?[k] ?? 0)
            }
        }
        return vectors
    }

    /// What a profile that training knew has seen.
    public func history(of user: Int) -> History { history.row(user) }

    /// The part of a history that says what the profile likes, as training weighs it.
    public func evidence(_ history: History) -> History {
        var evidence = History(items: [], weights: [])
        for (item, weight) in zip(history.items, history.weights) where weight > 0 && Int(item) < watched {
            evidence.items.append(item)
            evidence.weights.append(weighting.weight(weight))
        }
        return evidence
    }

    /// A profile's vector, in closed form.
    public func fold(_ history: History) -> [Float] { factors.fold(evidence(history)) }

    /// Titles of a history and how much of the score of `item` is owed to each, most first; only what adds to it.
    ///
    /// The factors' part of the score is meant: it is a sum over what the profile has seen.
    public func explain(_ item: Int32, for history: History, count: Int) -> [Ranked] {
        let d = factors.settings.dimensions
        precondition(item >= 0 && Int(item) < items.count, "There is no such title.")
        let evidence = evidence(history)
        let vector = Array(titleVectors[Int(item) * d..<(Int(item) + 1) * d])
        let parts = zip(evidence.items, factors.contributions(evidence, to: vector)).map(Ranked.init)
        return Ranked.best(parts.filter { $0.score > 0 && $0.item != item }, count: count)
    }

    /// The titles most like one, best first: by their common audience where the model has neighbours, else by the
    /// angle between their vectors.
    public func similar(to item: Int32, count: Int) -> [Ranked] {
        precondition(item >= 0 && Int(item) < items.count, "There is no such title.")
        if let near = neighbours?.similar(to: item, count: count), !near.isEmpty { return near }
        let all = (0..<Int32(items.count)).filter { $0 != item }.map {
            Ranked(
                item: $0,
                score: DenseKernels.cosine(titleVectors, Int(item), Int($0), width: factors.settings.dimensions))
        }
        return Ranked.best(all, count: count)
    }
}
