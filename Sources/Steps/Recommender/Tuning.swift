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
    public private(set) var recipe = Recipe()
    /// All that was tried, in order.
    public private(set) var trials: [Trial] = []
    /// Whether what was to be found is what profiles watched last.
    public var isTemporal: Bool { holdout.isTemporal }

    private let data: TrainingData
    private let holdout: Holdout
    private let threads: Threads
    private let seed: UInt64
    private let limits: TuningLimits
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
    private struct Scores {
        var trial: Trial
        var cells: [Float]
    }

    private var width: Int { holdout.training.columnCount }

    /// Whether weights say more than that something was watched.
    private var varies: Bool {
        var seen: Float?
        for weight in data.interactions.weights where weight > 0 {
            if let seen, seen != weight { return true }
            seen = weight
        }
        return false
    }

    private func weighting(_ kind: Weighting.Kind) -> Weighting { Weighting(kind: kind, scale: scale) }

    private func evidence(_ history: History, _ weighting: Weighting) -> History {
        var evidence = History(items: [], weights: [])
        for (item, weight) in zip(history.items, history.weights) where weight > 0 {
            evidence.items.append(item)
            evidence.weights.append(weighting.weight(weight))
        }
        return evidence
    }

    private func popularity(_ halfLife: Double?) -> [Float] {
        Popularity.scores(
            holdout.training, weighting: weighting(.binary), latest: holdout.training.times.max() ?? 0,
            halfLife: halfLife)
    }

    /// Ranks by rows of scores and measures.
    private mutating func measure(_ name: String, _ cells: [Float], among: [Bool]? = nil) -> Trial {
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
    private func scores(
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
    private static func climb<Value>(
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

    // MARK: Families

    private mutating func searchPopularity() {
        let day = 86_400.0
        let all: [Double?] = isTemporal ? [nil, 720 * day, 180 * day, 60 * day, 20 * day] : [nil]
        var best: Trial?
        for halfLife in all {
            let popular = popularity(halfLife)
            let cells = scores(weighting(.binary)) { _, scores in
                for (item, score) in popular.enumerated() { scores[item] = score }
            }
            let name = halfLife.map { "popularity half-life=\(Int($0 / day))d" } ?? "popularity"
            let trial = measure(name, cells)
            if trial.score > best?.score ?? -1 {
                best = trial
                recipe.popularityHalfLife = halfLife
            }
        }
    }

    private mutating func tryFactors(_ settings: FactorSettings, _ kind: Weighting.Kind) -> Scores {
        let evidence = holdout.training.evidence(weighting(kind))
        let model = FactorModel.train(
            evidence, byItem: evidence.transposed(), settings: settings, seed: seed, threads: threads)
        let panels = Panels(model.itemVectors, rows: model.items, width: settings.dimensions)
        let cells = scores(weighting(kind)) { history, scores in
            let vector = model.fold(history)
            let four = Scratch(4 * settings.dimensions)
            let products = Scratch(4 * panels.productCount)
            for k in 0..<settings.dimensions { four.base[k] = vector[k] }
            panels.multiply(four: four.base, to: products.base)
            scores.update(from: products.base, count: model.items)
        }
        let trial = measure(
            "factors dimensions=\(settings.dimensions) regularization=\(settings.regularization) "
                + "unobserved=\(settings.unobservedWeight) weights=\(kind)", cells)
        return Scores(trial: trial, cells: cells)
    }

    /// Settings that stand for places on ladders, whose rungs are a factor of about 1.5 apart.
    private struct FactorPlace: Hashable {
        static let unobserved: [Float] = [0.003, 0.006, 0.01, 0.018, 0.03, 0.055, 0.1, 0.18, 0.3, 0.55, 1, 1.8, 3]
        static let penalties: [Float] = [
            0.0002, 0.0004, 0.0006, 0.001, 0.0015, 0.002, 0.003, 0.0045, 0.0065, 0.01, 0.015, 0.022, 0.033, 0.05, 0.075,
        ]

        var dimensions: Int
        var unobserved = 6
        var penalty = 7

        var settings: FactorSettings? {
            guard Self.unobserved.indices.contains(unobserved), Self.penalties.indices.contains(penalty) else {
                return nil
            }
            return FactorSettings(
                dimensions: dimensions, epochs: 10, regularization: Self.penalties[penalty],
                unobservedWeight: Self.unobserved[unobserved])
        }
    }

    /// Climbs from a place, along one axis after the other, with strides that get shorter.
    private mutating func climbFactors(
        from start: FactorPlace, strides: [Int], tried: inout [FactorPlace: Double]
    ) -> (place: FactorPlace, best: Scores)? {
        guard let settings = start.settings else { return nil }
        var place = start
        var best = tryFactors(settings, .binary)
        tried[place] = best.trial.score
        for stride in strides {
            var moved = true
            while moved {
                moved = false
                for (axis, step) in [
                    (\FactorPlace.unobserved, stride), (\.unobserved, -stride), (\.penalty, stride),
                    (\.penalty, -stride),
                ] {
                    while true {
                        var next = place
                        next[keyPath: axis] += step
                        guard let settings = next.settings, tried[next] == nil else { break }
                        let other = tryFactors(settings, .binary)
                        tried[next] = other.trial.score
                        guard other.trial.score > best.trial.score else { break }
                        (place, best, moved) = (next, other, true)
                    }
                }
            }
        }
        return (place, best)
    }

    private mutating func searchFactors() -> Scores {
        var tried: [FactorPlace: Double] = [:]
        guard var found = climbFactors(from: FactorPlace(dimensions: 32), strides: [3, 1], tried: &tried) else {
            preconditionFailure("The first place is on the ladders.")
        }
        // Longer vectors want a higher penalty. An epoch's cost grows with their length: only where it stays bearable.
        var grown = false
        for dimensions in [64, 128, 256] where holdout.training.count * dimensions <= 300_000_000 {
            var start = found.place
            start.dimensions = dimensions
            start.penalty = min(start.penalty + 1, FactorPlace.penalties.count - 1)
            guard let longer = climbFactors(from: start, strides: [1], tried: &tried),
                longer.best.trial.score > found.best.trial.score * 1.002
            else { break }
            found = longer
            grown = true
        }
        // Tastes of few kinds.
        if !grown {
            for dimensions in [24, 16, 8] {
                var start = found.place
                start.dimensions = dimensions
                guard let shorter = climbFactors(from: start, strides: [1], tried: &tried),
                    shorter.best.trial.score >= found.best.trial.score
                else { break }
                found = shorter
            }
        }
        if let settings = found.place.settings { recipe.factors = settings }
        return found.best
    }

    private mutating func tryLinear(_ pairs: LinearModel.Pairs, _ penalty: Float, _ kind: Weighting.Kind) -> Scores {
        let model = LinearModel.train(pairs, regularization: penalty, threads: threads)
        let cells = scores(weighting(kind)) { history, scores in model.addScores(history, to: scores) }
        let trial = measure("linear regularization=\(penalty) weights=\(kind)", cells)
        return Scores(trial: trial, cells: cells)
    }

    private func pairs(_ kind: Weighting.Kind) -> LinearModel.Pairs {
        let evidence = holdout.training.evidence(weighting(kind))
        return LinearModel.Pairs(evidence, byItem: evidence.transposed(), threads: threads)
    }

    private mutating func searchLinear() -> Scores? {
        guard width <= limits.linearItems else { return nil }
        let ladder: [Float] = [10, 30, 100, 200, 400, 800, 1600, 4000, 10_000]
        let pairs = pairs(.binary)
        var best = tryLinear(pairs, ladder[4], .binary)
        let place = Self.climb(ladder, from: 4, best: &best) { tryLinear(pairs, $0, .binary) }
        recipe.linearRegularization = ladder[place]
        return best
    }

    private mutating func tryNeighbours(_ settings: NeighbourSettings, _ kind: Weighting.Kind) -> Scores {
        let evidence = holdout.training.evidence(weighting(kind))
        let model = NeighbourModel.train(
            evidence, byItem: evidence.transposed(), settings: settings, threads: threads)
        let cells = scores(weighting(kind)) { history, scores in model.addScores(history, to: scores) }
        let trial = measure(
            "neighbours \(settings.measure) damping=\(settings.damping) neighbours=\(settings.neighbours)", cells)
        return Scores(trial: trial, cells: cells)
    }

    private mutating func searchNeighbours() -> Scores {
        let walks: [Float] = [0, 0.2, 0.4, 0.6, 0.8, 1]
        var settings = NeighbourSettings(measure: .walk, damping: walks[3])
        var best = tryNeighbours(settings, .binary)
        let place = Self.climb(walks, from: 3, best: &best) {
            tryNeighbours(NeighbourSettings(measure: .walk, damping: $0), .binary)
        }
        settings.damping = walks[place]
        let cosines: [Float] = [0, 10, 100]
        var cosine = tryNeighbours(NeighbourSettings(measure: .cosine, damping: cosines[1]), .binary)
        let at = Self.climb(cosines, from: 1, best: &cosine) {
            tryNeighbours(NeighbourSettings(measure: .cosine, damping: $0), .binary)
        }
        if cosine.trial.score > best.trial.score {
            best = cosine
            settings = NeighbourSettings(measure: .cosine, damping: cosines[at])
        }
        for count in [50, 800] {
            var next = settings
            next.neighbours = count
            let other = tryNeighbours(next, .binary)
            if other.trial.score > best.trial.score * 1.002 {
                best = other
                settings = next
            }
        }
        recipe.neighbours = settings
        return best
    }

    /// Whether weights that differ say more than that something was watched.
    private mutating func searchWeighting(_ factors: inout Scores, _ linear: inout Scores?) {
        for kind in [Weighting.Kind.linear, .logarithmic] {
            let weighted = tryFactors(recipe.factors, kind)
            let pairs = linear == nil ? nil : pairs(kind)
            let other = pairs.map { tryLinear($0, recipe.linearRegularization, kind) }
            let now = max(factors.trial.score, linear?.trial.score ?? 0)
            guard max(weighted.trial.score, other?.trial.score ?? 0) > now * 1.003 else { continue }
            recipe.weighting = kind
            factors = weighted
            linear = other
        }
    }

    // MARK: Joining

    private mutating func searchBlend(factors: Scores, linear: Scores?, neighbours: Scores, popular: [Float]) {
        let width = width
        let parts = [factors, linear, neighbours].map { $0?.cells }
        func joined(_ shares: [Float], _ crowd: Float) -> [Float] {
            var cells = [Float](repeating: 0, count: holdout.histories.count * width)
            for (share, part) in zip(shares, parts) {
                guard share > 0, let part else { continue }
                for index in cells.indices { cells[index] += share * part[index] }
            }
            for row in 0..<holdout.histories.count {
                for item in 0..<width { cells[row * width + item] += crowd * popular[item] }
            }
            return cells
        }
        var best: (trial: Trial, shares: [Float], crowd: Float)?
        // A part more is worth its memory only if it shows.
        func consider(_ shares: [Float], _ crowd: Float) {
            let name =
                "blend factors=\(shares[0]) linear=\(shares[1]) neighbours=\(shares[2]) popularity=\(crowd)"
            let trial = measure(name, joined(shares, crowd))
            if let now = best {
                let more = shares.count { $0 > 0 } - now.shares.count { $0 > 0 }
                guard trial.score > now.trial.score * (1 + 0.003 * Double(max(0, more))) else { return }
            }
            best = (trial, shares, crowd)
        }
        for single in 0..<3 where parts[single] != nil {
            consider((0..<3).map { $0 == single ? 1 : 0 }, 0)
        }
        for first in 0...5 {
            for second in 0...5 - first {
                let shares = [first, second, 5 - first - second].map { Float($0) / 5 }
                if shares.contains(1) || zip(shares, parts).contains(where: { $0 > 0 && $1 == nil }) { continue }
                consider(shares, 0)
            }
        }
        guard let coarse = best else { return }
        for from in 0..<3 where coarse.shares[from] > 0.1 {
            for to in 0..<3 where to != from && parts[to] != nil {
                var shares = coarse.shares
                shares[from] -= 0.1
                shares[to] += 0.1
                consider(shares, 0)
            }
        }
        for crowd: Float in [0.03, 0.1, 0.3] {
            guard let now = best else { break }
            consider(now.shares, crowd)
            if best?.crowd != crowd { break }
        }
        guard let best else { return }
        recipe.blend = Recipe.Blend(
            factors: best.shares[0], linear: best.shares[1], neighbours: best.shares[2], popularity: best.crowd)
    }

    /// Features: first how well they predict titles that are treated as if nobody had watched them, then how much they
    /// help those that few have.
    private mutating func searchContent() {
        guard data.titles.contains(where: { $0 != nil }) else { return }
        let weighting = weighting(recipe.weighting)
        let evidence = holdout.training.evidence(weighting)
        let byItem = evidence.transposed()
        let model = FactorModel.train(
            evidence, byItem: byItem, settings: recipe.factors, seed: seed, threads: threads)
        let audience = (0..<byItem.rows).map { byItem.entries($0).count }
        let space = FeatureSpace(data.titles.compactMap { $0 })
        let rows = data.titles.map { $0.map(space.row) }
        var random = SplitMix64(seed: seed ^ 0xC01D)
        let cold = Set(
            random.permutation(width).map(Int.init).filter { audience[$0] >= 5 && rows[$0] != nil }
                .prefix(max(1, width / 5)))
        let isCold = (0..<width).map(cold.contains)
        var best: Trial?
        for penalty: Float in [0.1, 0.3, 1, 3, 10, 30] {
            let content = Model.content(
                space: space, rows: rows, factors: model, audience: audience, regularization: penalty, without: cold)
            let vectors = (0..<width).map { rows[$0].map(content.vector) }
            let cells = scores(weighting) { history, scores in
                var warm = History(items: [], weights: [])
                for (item, weight) in zip(history.items, history.weights) where !isCold[Int(item)] {
                    warm.items.append(item)
                    warm.weights.append(weight)
                }
                let user = model.fold(warm)
                for (item, vector) in vectors.enumerated() where isCold[item] {
                    scores[item] = vector.map { zip($0, user).reduce(0) { $0 + $1.0 * $1.1 } } ?? 0
                }
            }
            let trial = measure("content unseen regularization=\(penalty)", cells, among: isCold)
            if trial.score > best?.score ?? -1 {
                best = trial
                recipe.contentRegularization = penalty
            } else {
                break
            }
        }
        let content = Model.content(
            space: space, rows: rows, factors: model, audience: audience,
            regularization: recipe.contentRegularization)
        best = nil
        for count: Float in [0.3, 1, 3, 10, 30] {
            let mixed = Model.titleVectors(
                Array(data.titles[..<width]), content: content, factors: model, audience: audience, evidence: count)
            let panels = Panels(mixed, rows: width, width: recipe.factors.dimensions)
            let d = recipe.factors.dimensions
            let cells = scores(weighting) { history, scores in
                let vector = model.fold(history)
                let four = Scratch(4 * d)
                let products = Scratch(4 * panels.productCount)
                for k in 0..<d { four.base[k] = vector[k] }
                panels.multiply(four: four.base, to: products.base)
                scores.update(from: products.base, count: model.items)
            }
            let trial = measure("content evidence=\(count)", cells)
            guard trial.score > best?.score ?? -1 else { break }
            best = trial
            recipe.contentEvidence = count
        }
    }
}
