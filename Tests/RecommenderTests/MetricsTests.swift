import Foundation
import Testing

@testable import Recommender

@Suite struct MetricsTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let ranking: [Int32]
        let truth: Set<Int32>
        let recall20: Double
        let recall50: Double
        let ndcg100: Double
    }

    /// By hand: gains are 1, 0.63093, 0.5, 0.43068, 0.38685 for the ranks 1 to 5.
    @Test(arguments: [
        Row(
            testDescription: "all found at once", ranking: [1, 2], truth: [1, 2], recall20: 1, recall50: 1, ndcg100: 1),
        Row(
            testDescription: "second of two", ranking: [5, 1], truth: [1], recall20: 1, recall50: 1,
            ndcg100: 0.6309297535714574),
        Row(
            testDescription: "ranks 1 and 3 of three", ranking: [1, 9, 2, 8], truth: [1, 2, 3], recall20: 2.0 / 3,
            recall50: 2.0 / 3, ndcg100: 1.5 / 2.1309297535714574),
        Row(testDescription: "none", ranking: [4, 5, 6], truth: [1], recall20: 0, recall50: 0, ndcg100: 0),
        Row(testDescription: "nothing ranked", ranking: [], truth: [1], recall20: 0, recall50: 0, ndcg100: 0),
        Row(
            testDescription: "rank 21", ranking: Array(1...21), truth: [21], recall20: 0, recall50: 1,
            ndcg100: 0.22424382421757544),
        Row(
            testDescription: "rank 100", ranking: Array(1...100), truth: [100], recall20: 0, recall50: 0,
            ndcg100: 0.15019048322368797),
        Row(testDescription: "rank 101", ranking: Array(1...101), truth: [101], recall20: 0, recall50: 0, ndcg100: 0),
        Row(
            testDescription: "more to be found than 20 places", ranking: Array(1...20), truth: Set(1...40),
            recall20: 0.5, recall50: 0.5, ndcg100: 0.576_634_4),
    ])
    func table(_ row: Row) {
        #expect(abs(Metrics.recall(row.ranking, row.truth, at: 20) - row.recall20) < 1e-12)
        #expect(abs(Metrics.recall(row.ranking, row.truth, at: 50) - row.recall50) < 1e-12)
        var expected = row.ndcg100
        if row.truth.count == 40 {
            func sum(_ n: Int) -> Double { (1...n).reduce(0) { $0 + 1 / Foundation.log2(Double($1) + 1) } }
            expected = sum(20) / sum(40)
        }
        #expect(abs(Metrics.ndcg(row.ranking, row.truth, at: 100) - expected) < 1e-12)
    }

    @Test func meansAndTheCatalogue() {
        // Three profiles: one with a hit, one without a ranking, one with nothing to be found.
        let metrics = Metrics(
            rankings: [[0, 1], [], [2]], truth: [[0], [1], []], catalogue: 8, audience: [3, 1, 0, 0, 0, 0, 0, 0],
            population: 3)
        #expect(metrics.recallAt20 == 0.5)
        #expect(metrics.ndcgAt100 == 0.5)
        #expect(metrics.coverageAt20 == 3.0 / 8)
        // -log2(4/4), -log2(2/4), -log2(1/4)
        #expect(abs(metrics.noveltyAt20 - 1) < 1e-12)
    }

    @Test(arguments: [1e-300, 1e-3, 0.5, 0.999, 1, 1.000001, 1.414213562373095, 2, 3, 10, 1e5, 1.7e308])
    func logarithmAndItsInverse(_ x: Double) {
        let exact = Foundation.log2(x)
        #expect(abs(Elementary.log2(x) - exact) <= 4e-16 * max(1, abs(exact)))
        if abs(exact) < 900 {
            #expect(abs(Elementary.exp2(exact) / Foundation.exp2(exact) - 1) < 1e-14)
        }
    }
}
