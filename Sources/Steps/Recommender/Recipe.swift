/// How a model is trained, and how its parts are joined.
public struct Recipe: Sendable, Hashable {
    /// What each part's scores count, once they have the mean 0 and the deviation 1 over the titles that somebody has
    /// watched. A part that counts nothing is not trained; factors always are, because unseen titles need them.
    public struct Blend: Sendable, Hashable {
        public var factors: Float
        public var linear: Float
        public var neighbours: Float
        public var popularity: Float

        public init(factors: Float = 1, linear: Float = 0, neighbours: Float = 0, popularity: Float = 0) {
            self.factors = factors
            self.linear = linear
            self.neighbours = neighbours
            self.popularity = popularity
        }
    }

    public var weighting: Weighting.Kind
    public var factors: FactorSettings
    /// Penalty of the linear model: above 0.
    public var linearRegularization: Float
    public var neighbours: NeighbourSettings
    /// In seconds; nil: old plays count like new ones.
    public var popularityHalfLife: Double?
    /// Penalty of the regression from features to vectors: above 0.
    public var contentRegularization: Float
    /// With that many profiles, a title's own vector and the one that its features predict count the same.
    public var contentEvidence: Float
    public var blend: Blend

    public init(
        weighting: Weighting.Kind = .binary, factors: FactorSettings = FactorSettings(),
        linearRegularization: Float = 300,
        neighbours: NeighbourSettings = NeighbourSettings(measure: .walk, damping: 0.6),
        popularityHalfLife: Double? = nil, contentRegularization: Float = 1, contentEvidence: Float = 1,
        blend: Blend = Blend()
    ) {
        self.weighting = weighting
        self.factors = factors
        self.linearRegularization = linearRegularization
        self.neighbours = neighbours
        self.popularityHalfLife = popularityHalfLife
        self.contentRegularization = contentRegularization
        self.contentEvidence = contentEvidence
        self.blend = blend
    }
}

/// What training has done so far.
public struct TrainingProgress: Sendable, Hashable {
    /// What is being done: `search`, `factors`, `linear`, `neighbours`, `content`.
    public var stage: String
    /// Units done and in all; epochs of `factors`, candidates of `search`.
    public var done: Int
    public var total: Int

    public init(stage: String, done: Int, total: Int) {
        self.stage = stage
        self.done = done
        self.total = total
    }
}

/// What a model learns from.
public struct TrainingData: Sendable {
    /// Names of profiles, by their numbers.
    public var users: [String]
    /// Names of titles, by their numbers: first all that interactions name, then the rest of the catalogue.
    public var items: [String]
    /// Descriptions of titles by their numbers; nil for what the catalogue doesn't have.
    public var titles: [TitleDescription?]
    /// Profiles x titles, with times.
    public var interactions: InteractionMatrix

    public init(
        users: [String], items: [String], titles: [TitleDescription?], interactions: InteractionMatrix
    ) {
        precondition(interactions.rows == users.count, "Each profile has a row.")
        precondition(interactions.columnCount <= items.count, "Each column is a title.")
        precondition(titles.count == items.count, "Each title has a description, or none.")
        self.users = users
        self.items = items
        self.titles = titles
        self.interactions = interactions
    }

    /// The mean of all positive weights; 1 where there is none.
    var meanWeight: Float {
        var (sum, count) = (0.0, 0)
        for weight in interactions.weights where weight > 0 {
            sum += Double(weight)
            count += 1
        }
        return count > 0 ? Float(sum / Double(count)) : 1
    }
}
