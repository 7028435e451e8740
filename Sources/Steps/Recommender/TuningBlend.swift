import SeededNumbers

/// The search for what the families make together, and for how much features count.
extension Tuning {
    mutating func searchBlend(factors: Scores, linear: Scores?, neighbours: Scores, popular: [Float]) {
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
    mutating func searchContent() {
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
