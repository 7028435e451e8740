/// Places in a row as near to where each wants to be as the distances between them allow.
enum LeastSquares {
    struct Wish {
        let place: Double
        let weight: Double
        /// From the one before; of no meaning for the first.
        let distance: Double
    }

    /// The places, in order, that make the weighted sum of squared deviations least: isotonic regression by pooling
    /// adjacent violators (Ayer et al., "An Empirical Distribution Function for Sampling with Incomplete Information",
    /// 1955).
    static func places(_ wishes: [Wish]) -> [Double] {
        struct Pool {
            var sum: Double
            var weight: Double
            var count: Int
            var value: Double { sum / weight }
        }
        var pools: [Pool] = []
        var offsets: [Double] = []
        var offset = 0.0
        for (index, wish) in wishes.enumerated() {
            if index > 0 { offset += wish.distance }
            offsets.append(offset)
            pools.append(Pool(sum: (wish.place - offset) * wish.weight, weight: wish.weight, count: 1))
            while pools.count > 1, pools[pools.count - 2].value > pools[pools.count - 1].value {
                let last = pools.removeLast()
                pools[pools.count - 1].sum += last.sum
                pools[pools.count - 1].weight += last.weight
                pools[pools.count - 1].count += last.count
            }
        }
        let values = pools.flatMap { [Double](repeating: $0.value, count: $0.count) }
        return zip(values, offsets).map { $0 + $1 }
    }
}
