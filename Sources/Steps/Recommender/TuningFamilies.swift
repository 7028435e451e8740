/// The search within each family of models, alone.
extension Tuning {
    mutating func searchPopularity() {
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

    mutating func searchFactors() -> Scores {
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

    mutating func searchLinear() -> Scores? {
        guard width <= limits.linearItems else { return nil }
        let ladder: [Float] = [10, 30, 100, 200, 400, 800, 1600, 4000, 10_000]
        let pairs = pairs(.binary)
        var best = tryLinear(pairs, ladder[4], .binary)
        let place = Self.climb(ladder, from: 4, best: &best) { tryLinear(pairs, $0, .binary) }
        recipe.linearRegularization = ladder[place]
        return best
    }

    mutating func tryNeighbours(_ settings: NeighbourSettings, _ kind: Weighting.Kind) -> Scores {
        let evidence = holdout.training.evidence(weighting(kind))
        let model = NeighbourModel.train(
            evidence, byItem: evidence.transposed(), settings: settings, threads: threads)
        let cells = scores(weighting(kind)) { history, scores in model.addScores(history, to: scores) }
        let trial = measure(
            "neighbours \(settings.measure) damping=\(settings.damping) neighbours=\(settings.neighbours)", cells)
        return Scores(trial: trial, cells: cells)
    }

    mutating func searchNeighbours() -> Scores {
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
    mutating func searchWeighting(_ factors: inout Scores, _ linear: inout Scores?) {
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
}
