/// How good rankings are against what profiles did watch. docs/recommendations.md has the formulas.
public struct Metrics: Sendable, Hashable {
    public var recallAt20: Double
    public var recallAt50: Double
    public var ndcgAt100: Double
    /// Share of the catalogue that stands in somebody's first 20.
    public var coverageAt20: Double
    /// Mean surprise of what stands in the first 20, in bits.
    public var noveltyAt20: Double

    /// What was measured before.
    public init(
        ndcgAt100: Double, recallAt20: Double, recallAt50: Double, coverageAt20: Double, noveltyAt20: Double
    ) {
        self.ndcgAt100 = ndcgAt100
        self.recallAt20 = recallAt20
        self.recallAt50 = recallAt50
        self.coverageAt20 = coverageAt20
        self.noveltyAt20 = noveltyAt20
    }

    /// Recall and NDCG are means over the profiles that watched something, where who got no ranking counts with zeros;
    /// coverage and novelty are taken over all rankings.
    ///
    /// - Parameters:
    ///   - rankings: titles for each profile, best first; each title once.
    ///   - truth: what each profile watched, as a set, in the same order.
    ///   - catalogue: how many titles there are.
    ///   - audience: for each title by how many profiles it was watched, by which its novelty is judged.
    ///   - population: how many profiles there are for ``audience``.
    public init(
        rankings: [[Int32]], truth: [Set<Int32>], catalogue: Int, audience: [Int32], population: Int
    ) {
        precondition(rankings.count == truth.count, "Each profile has a ranking and a truth.")
        var (recall20, recall50, ndcg, novelty) = (0.0, 0.0, 0.0, 0.0)
        var (profiles, shown) = (0, 0)
        var covered = Set<Int32>()
        for (ranking, truth) in zip(rankings, truth) {
            if !truth.isEmpty {
                profiles += 1
                recall20 += Self.recall(ranking, truth, at: 20)
                recall50 += Self.recall(ranking, truth, at: 50)
                ndcg += Self.ndcg(ranking, truth, at: 100)
            }
            for item in ranking.prefix(20) {
                covered.insert(item)
                novelty += Self.surprise(audience: audience[Int(item)], population: population)
                shown += 1
            }
        }
        let count = Double(max(1, profiles))
        recallAt20 = recall20 / count
        recallAt50 = recall50 / count
        ndcgAt100 = ndcg / count
        coverageAt20 = Double(covered.count) / Double(max(1, catalogue))
        noveltyAt20 = novelty / Double(max(1, shown))
    }

    /// `|first n of the ranking and truth| / |truth|`.
    public static func recall(_ ranking: [Int32], _ truth: Set<Int32>, at n: Int) -> Double {
        if truth.isEmpty { return 0 }
        return Double(ranking.prefix(n).count { truth.contains($0) }) / Double(truth.count)
    }

    /// The gain `1 / log2(rank + 1)` of every hit among the first n, over the most that was possible.
    public static func ndcg(_ ranking: [Int32], _ truth: Set<Int32>, at n: Int) -> Double {
        if truth.isEmpty { return 0 }
        var (gain, ideal) = (0.0, 0.0)
        for (index, item) in ranking.prefix(n).enumerated() where truth.contains(item) { gain += discount(index) }
        for index in 0..<min(n, truth.count) { ideal += discount(index) }
        return gain / ideal
    }

    /// `-log2((audience + 1) / (population + 1))`: 0 for what all have watched.
    public static func surprise(audience: Int32, population: Int) -> Double {
        -Elementary.log2((Double(audience) + 1) / (Double(population) + 1))
    }

    private static let discounts = (0..<128).map { 1 / Elementary.log2(Double($0) + 2) }

    private static func discount(_ index: Int) -> Double {
        index < discounts.count ? discounts[index] : 1 / Elementary.log2(Double(index) + 2)
    }
}
