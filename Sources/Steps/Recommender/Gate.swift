import Encodings

/// Whether a new model may take the place of the one in service.
public struct Gate: Sendable, Hashable {
    /// How far each measure may fall below that of the generation in service, as a share of it: 0...1.
    public struct Tolerance: Sendable, Hashable {
        public var ndcg: Double
        public var coverage: Double
        public var novelty: Double

        public init(ndcg: Double = 0.05, coverage: Double = 0.2, novelty: Double = 0.1) {
            self.ndcg = ndcg
            self.coverage = coverage
            self.novelty = novelty
        }
    }

    public var tolerance: Tolerance
    /// With fewer profiles to be judged by, nothing is known of a model.
    public var minimumProfiles: Int

    public init(tolerance: Tolerance = Tolerance(), minimumProfiles: Int = 20) {
        self.tolerance = tolerance
        self.minimumProfiles = minimumProfiles
    }

    /// Why the candidate is refused, a sentence for each reason; empty where it is let through.
    ///
    /// - Parameters:
    ///   - profiles: how many the candidate was measured on.
    ///   - baseline: what popularity alone comes to on the same profiles; the candidate has to beat it.
    ///   - serving: what the generation in service was measured with when it came; nil where there is none.
    public func objections(
        to candidate: Metrics, profiles: Int, baseline: Metrics, serving: Metrics?
    ) -> [String] {
        guard profiles >= minimumProfiles else {
            return [
                "\(profiles) profiles have watched something before and after the split; \(minimumProfiles) are needed"
            ]
        }
        var reasons: [String] = []
        if candidate.ndcgAt100 <= baseline.ndcgAt100 {
            reasons.append(
                "NDCG@100 is \(decimal(candidate.ndcgAt100, places: 4)), and popularity alone has "
                    + decimal(baseline.ndcgAt100, places: 4))
        }
        guard let serving else { return reasons }
        for (name, new, old, allowed) in [
            ("NDCG@100", candidate.ndcgAt100, serving.ndcgAt100, tolerance.ndcg),
            ("coverage@20", candidate.coverageAt20, serving.coverageAt20, tolerance.coverage),
            ("novelty@20", candidate.noveltyAt20, serving.noveltyAt20, tolerance.novelty),
        ] where new < old * (1 - allowed) {
            reasons.append(
                "\(name) fell from \(decimal(old, places: 4)) to \(decimal(new, places: 4)), by more than "
                    + "\(Int((allowed * 100).rounded())) %")
        }
        return reasons
    }
}
