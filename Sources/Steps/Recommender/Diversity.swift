extension Ranker {
    /// Orders the best of a ranking anew so that they are unlike each other: maximal marginal relevance (Carbonell and
    /// Goldstein 1998), with scores brought to 0...1 and likeness the cosine of the titles' vectors.
    ///
    /// Time: `count` x the ranking's length.
    ///
    /// - Parameter diversity: 0 leaves the order, 1 looks at nothing but differences.
    public func diversified(_ ranking: [Ranked], diversity: Float, count: Int) -> [Ranked] {
        precondition((0...1).contains(diversity), "Diversity is a share.")
        guard diversity > 0, let highest = ranking.map(\.score).max(), let lowest = ranking.map(\.score).min() else {
            return Array(ranking.prefix(count))
        }
        let span = highest > lowest ? highest - lowest : 1
        let width = model.factors.settings.dimensions
        var left = ranking
        var closest = [Float](repeating: 0, count: ranking.count)
        var chosen: [Ranked] = []
        while chosen.count < count, !left.isEmpty {
            var (best, bestValue) = (0, -Float.infinity)
            for (index, one) in left.enumerated() {
                let value = (1 - diversity) * (one.score - lowest) / span - diversity * closest[index]
                if value > bestValue { (best, bestValue) = (index, value) }
            }
            let one = left.remove(at: best)
            closest.remove(at: best)
            chosen.append(one)
            for (index, other) in left.enumerated() {
                let likeness = DenseKernels.cosine(vectors, Int(one.item), Int(other.item), width: width)
                closest[index] = max(closest[index], likeness)
            }
        }
        return chosen
    }
}
