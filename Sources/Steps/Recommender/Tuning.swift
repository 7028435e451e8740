/// A candidate that was tried, and how it did.
public struct Trial: Sendable, Hashable {
    /// Such as `factors dimensions=64 regularization=0.003 unobserved=0.1`.
    public var name: String
    public var ndcgAt100: Double
    public var recallAt20: Double

    /// What candidates are compared by.
    var score: Double { (ndcgAt100 + recallAt20) / 2 }
}

/// How far a search goes.
public struct TuningLimits: Sendable, Hashable {
    /// Profiles held out at most.
    public var profiles = 1000
    /// Interactions that candidates train on at most; the model itself trains on all.
    public var interactions = 2_000_000
    /// Titles for which a linear model is tried at most: it takes the square in memory, the cube in time.
    public var linearItems = 6000
    /// Floats for the scores of one family of candidates.
    public var scores = 16_000_000

    public init() {}
}

/// The search for a recipe on held-out profiles: each family of models alone, then their blend, then how much the
/// features count. What a setting is tried with depends on what was best before, so it climbs and does not grid.
public struct Tuning {
    /// The best recipe so far; the default one where there are too few profiles to hold some out.
    public internal(set) var recipe = Recipe()
    /// All that was tried, in order.
    public private(set) var trials: [Trial] = []
    /// Whether what was to be found is what profiles watched last.
    public var isTemporal: Bool { holdout.isTemporal }

    let data: TrainingData
    let holdout: Holdout
    let threads: Threads
    let seed: UInt64
    let limits: TuningLimits
    private let scale: Float
    private let progress: (TrainingProgress) -> Void
    /// Steps that are still to come, as far as that is known.
    private var expected = 80

    public init(
        _ data: TrainingData, seed: UInt64, threads: Threads, limits: TuningLimits = TuningLimits(),
        progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) {
        self.data = data
        self.seed = seed
        self.threads = threads
        self.limits = limits
        self.progress = progress
        scale = data.meanWeight
        let width = max(1, data.interactions.columnCount)
        holdout = Holdout(
            data.interactions, profiles: max(50, min(limits.profiles, limits.scores / width)),
            interactionLimit: limits.interactions, seed: seed ^ 0x5EED)
    }

    public mutating func search() {
        if holdout.histories.count < 10 || holdout.training.count < 100 { return }
        searchPopularity()
        let popular = Ranker.crowd(popularity(recipe.popularityHalfLife))
        var factors = searchFactors()
        var linear = searchLinear()
        var neighbours = searchNeighbours()
        if varies { searchWeighting(&factors, &linear) }
        if recipe.weighting != .binary { neighbours = tryNeighbours(recipe.neighbours, recipe.weighting) }
        searchBlend(factors: factors, linear: linear, neighbours: neighbours, popular: popular)
        searchContent()
        progress(TrainingProgress(stage: "search", done: trials.count, total: trials.count))
    }

    // MARK: What candidates share

    /// Scores of a family's best candidate: a row for each profile, with mean 0 and deviation 1.
    struct Scores {
        var trial: Trial
        var cells: [Float]
    }

    var width: Int { holdout.training.columnCount }

    /// Whether weights say more than that something was watched.
    private var varies: Bool {
        var seen: Float?
        for weight in data.interactions.weights where weight > 0 {
            if let seen, seen != weight { return true }
            seen = weight
        }
        return false
    }

    func weighting(_ kind: Weighting.Kind) -> Weighting { Weighting(kind: kind, scale: scale) }

    func evidence(_ history: History, _ weighting: Weighting) -> History {
        var evidence = History(items: [], weights: [])
        for (item, weight) in zip(history.items, history.weights) where weight > 0 {
            evidence.items.append(item)
            evidence.weights.append(weighting.weight(weight))
        }
        return evidence
    }

    func popularity(_ halfLife: Double?) -> [Float] {
        Popularity.scores(
            holdout.training, weighting: weighting(.binary), latest: holdout.training.times.max() ?? 0,
            halfLife: halfLife)
    }

    /// Ranks by rows of scores and measures.
    mutating func measure(_ name: String, _ cells: [Float], among: [Bool]? = nil) -> Trial {
        let (ndcg, recall) = quality(cells, among: among)
        let trial = Trial(name: name, ndcgAt100: ndcg, recallAt20: recall)
        trials.append(trial)
        progress(TrainingProgress(stage: "search", done: trials.count, total: max(expected, trials.count + 1)))
        return trial
    }

    private func quality(_ cells: [Float], among: [Bool]? = nil) -> (ndcg: Double, recall: Double) {
        let width = width
        var results = [(ndcg: Double, recall: Double)](repeating: (0, 0), count: holdout.histories.count)
        let (histories, truths) = (holdout.histories, holdout.truth)
        results.withUnsafeMutableBufferPointer { buffer in
            guard let address = buffer.baseAddress else { return }
            let out = Cells(address)
            threads.forEachBlock(of: histories.count, size: 8) { _, range in
                for row in range {
                    let seen = Set(histories[row].items)
                    var selection = Selection(count: 100)
                    var floor = -Float.infinity
                    for item in 0..<width {
                        let score = cells[row * width + item]
                        guard score > floor, !seen.contains(Int32(item)), among?[item] ?? true else { continue }
                        selection.offer(Ranked(item: Int32(item), score: score))
                        floor = selection.floor ?? floor
                    }
                    let ranking = selection.ranking().map(\.item)
                    out.base[row] = (
                        Metrics.ndcg(ranking, truths[row], at: 100), Metrics.recall(ranking, truths[row], at: 20)
                    )
                }
            }
        }
        // Who has nothing to be found among these does not count.
        var (ndcg, recall, count) = (0.0, 0.0, 0)
        for (row, result) in results.enumerated() {
            if let among, !truths[row].contains(where: { among[Int($0)] }) { continue }
            ndcg += result.ndcg
            recall += result.recall
            count += 1
        }
        let total = Double(max(1, count))
        return (ndcg / total, recall / total)
    }

    /// A row of scores for each profile, standardised.
    func scores(
        _ weighting: Weighting, _ fill: @escaping @Sendable (History, UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        let width = width
        let histories = holdout.histories.map { evidence($0, weighting) }
        var cells = [Float](repeating: 0, count: histories.count * width)
        cells.withUnsafeMutableBufferPointer { buffer in
            guard let address = buffer.baseAddress else { return }
            let out = Cells(address)
            threads.forEachBlock(of: histories.count, size: 8) { _, range in
                for row in range {
                    let scores = out.base + row * width
                    fill(histories[row], scores)
                    let (mean, factor) = Ranker.standard(scores, count: width)
                    for item in 0..<width { scores[item] = (scores[item] - mean) * factor }
                }
            }
        }
        return cells
    }

    /// Walks up and down a ladder of values from a start until neither neighbour is better.
    static func climb<Value>(
        _ ladder: [Value], from start: Int, best: inout Scores, _ attempt: (Value) -> Scores
    ) -> Int {
        var place = start
        for step in [1, -1] {
            var moved = false
            while ladder.indices.contains(place + step) {
                let next = attempt(ladder[place + step])
                guard next.trial.score > best.trial.score else { break }
                best = next
                place += step
                moved = true
            }
            if moved { break }
        }
        return place
    }
}
