/// How much titles are watched, with old plays fading: the baseline, what new profiles get, and trending.
public enum Popularity {
    /// The decayed sum of evidence of every title: `sum of w 2^-((latest - t) / halfLife)`.
    ///
    /// - Parameters:
    ///   - interactions: profiles x titles, with times or without.
    ///   - latest: the moment to look from, in Unix seconds.
    ///   - halfLife: in seconds; nil for no decay. What has no time counts as if it came then.
    public static func scores(
        _ interactions: InteractionMatrix, weighting: Weighting?, latest: Int64, halfLife: Double?
    ) -> [Float] {
        var sums = [Double](repeating: 0, count: interactions.columnCount)
        for entry in 0..<interactions.count {
            let raw = interactions.weights[entry]
            guard raw > 0 else { continue }
            var weight = Double(weighting?.weight(raw) ?? raw)
            if let halfLife, !interactions.times.isEmpty, interactions.times[entry] > 0 {
                let age = max(0, Double(latest) - Double(interactions.times[entry]))
                weight *= Elementary.exp2(-age / halfLife)
            }
            sums[Int(interactions.columns[entry])] += weight
        }
        return sums.map { Float($0) }
    }
}
