import SeededNumbers
import Testing

@testable import Recommender

/// The fast loops against slow ones in double precision.
@Suite struct KernelTests {
    private func matrix(_ rows: Int, _ width: Int, seed: UInt64) -> [Float] {
        var random = SplitMix64(seed: seed)
        return (0..<rows * width).map { _ in Float(random.normal()) }
    }

    @Test(arguments: [8, 16, 24, 64, 72, 128])
    func equationsAreSolved(_ width: Int) {
        let rows = width + 5
        let left = matrix(rows, width, seed: 1)
        var gram = [Float](repeating: 0, count: width * width)
        DenseKernels.addGram(left: left, right: left, rows: rows, width: width, to: &gram)
        for i in 0..<width {
            for j in i..<width {
                let exact = (0..<rows).reduce(0.0) { $0 + Double(left[$1 * width + i]) * Double(left[$1 * width + j]) }
                #expect(abs(Double(gram[i * width + j]) - exact) < 1e-3)
            }
            gram[i * width + i] += 10
        }
        let whole = (0..<width).map { i in
            (0..<width).map { j in Double(j >= i ? gram[i * width + j] : gram[j * width + i]) }
        }
        var x = matrix(1, width, seed: 2)
        let right = x
        #expect(DenseKernels.factor(&gram, width: width))
        DenseKernels.solve(gram, width: width, &x)
        for i in 0..<width {
            let product = (0..<width).reduce(0.0) { $0 + whole[i][$1] * Double(x[$1]) }
            #expect(abs(product - Double(right[i])) < 1e-3)
        }
    }

    @Test func whatIsNotPositiveIsTold() {
        var matrix = [Float](repeating: 0, count: 64)
        matrix[0] = -1
        #expect(!DenseKernels.factor(&matrix, width: 8))
    }

    @Test(arguments: [8, 56, 64, 72, 136, 200])
    func symmetricMatricesAreInverted(_ width: Int) {
        let base = matrix(width + 9, width, seed: 3)
        var cells = [Float](repeating: .nan, count: width * width)
        for i in 0..<width {
            for j in 0...i {
                let sum = (0..<width + 9).reduce(0.0) {
                    $0 + Double(base[$1 * width + i]) * Double(base[$1 * width + j])
                }
                cells[i * width + j] = Float(sum) + (i == j ? 20 : 0)
            }
        }
        let original = cells
        // Tiles may read above the diagonal, and what they make of it is never used.
        LinearModel.invert(&cells, width: width, threads: RankingTests.threads(3))
        func at(_ cells: [Float], _ i: Int, _ j: Int) -> Double {
            Double(j <= i ? cells[i * width + j] : cells[j * width + i])
        }
        for i in stride(from: 0, to: width, by: 7) {
            for j in 0..<width {
                let product = (0..<width).reduce(0.0) { $0 + at(original, i, $1) * at(cells, $1, j) }
                #expect(abs(product - (i == j ? 1 : 0)) < 1e-3, "\(i) \(j)")
            }
        }
    }

    @Test(arguments: [1, 7, 8, 9, 100])
    func panelsMultiply(_ rows: Int) {
        let width = 16
        let cells = matrix(rows, width, seed: 4)
        let four = matrix(4, width, seed: 5)
        let panels = Panels(cells, rows: rows, width: width)
        var products = [Float](repeating: 0, count: 4 * panels.productCount)
        panels.multiply(four: four, to: &products)
        for x in 0..<4 {
            for row in 0..<rows {
                let exact = (0..<width).reduce(0.0) {
                    $0 + Double(four[x * width + $1]) * Double(cells[row * width + $1])
                }
                #expect(abs(Double(products[x * panels.productCount + row]) - exact) < 1e-4)
            }
        }
    }

    @Test func theBestAreChosenAsSortingWould() {
        var random = SplitMix64(seed: 6)
        for count in [0, 1, 5, 50, 500] {
            let all = (0..<Int32(count)).map { Ranked(item: $0, score: Float(random.below(20))) }
            for top in [1, 10, 100] {
                #expect(Ranked.best(all, count: top) == Array(all.sorted(by: Ranked.precedes).prefix(top)))
            }
        }
    }

    @Test func powersAreWhatTheyAre() {
        for (base, exponent, value) in [(2.0, 10.0, 1024.0), (9, 0.5, 3), (0, 0.3, 0), (7, 1, 7), (10, -2, 0.01)] {
            #expect(abs(Elementary.power(base, exponent) - value) <= 1e-12 * max(1, value))
        }
        #expect(Elementary.exp2(-2000) == 0)
    }

    @Test func linearModelAgainstItsDefinition() {
        // Two titles always together, a third alone: by hand, P = (X^T X + l)^-1.
        let interactions = (0..<4).flatMap { user -> [Interaction] in
            user < 3
                ? [0, 1].map { Interaction(user: Int32(user), item: Int32($0), time: 0, weight: 1) }
                : [Interaction(user: 3, item: 2, time: 0, weight: 1)]
        }
        let evidence = InteractionMatrix(interactions, users: 4, items: 3)
        let pairs = LinearModel.Pairs(evidence, byItem: evidence.transposed(), threads: .one)
        let model = LinearModel.train(pairs, regularization: 1, threads: .one)
        // [[4,3],[3,4]]^-1 = [[4,-3],[-3,4]]/7, so B = 3/4.
        #expect(abs(model.weights[1] - 0.75) < 1e-6 && abs(model.weights[3] - 0.75) < 1e-6)
        #expect(model.weights[0] == 0 && abs(model.weights[2]) < 1e-6)
    }

    @Test func neighboursAgainstTheirDefinition() {
        // Profiles a: 0 1, b: 0 2, c: 0.
        let interactions = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 0)].map {
            Interaction(user: Int32($0.0), item: Int32($0.1), time: 0, weight: 1)
        }
        let evidence = InteractionMatrix(interactions, users: 3, items: 3)
        let byItem = evidence.transposed()
        let cosine = NeighbourModel.train(
            evidence, byItem: byItem, settings: NeighbourSettings(measure: .cosine, damping: 0), threads: .one)
        #expect(abs(cosine.similar(to: 1, count: 9)[0].score - 1 / Float(3).squareRoot()) < 1e-6)
        let walk = NeighbourModel.train(
            evidence, byItem: byItem, settings: NeighbourSettings(measure: .walk, damping: 1), threads: .one)
        // From 1 to a (1), to 0 (1/2), over the popularity of 0 (3).
        #expect(abs(walk.similar(to: 1, count: 9)[0].score - 0.5 / 3) < 1e-6)
        #expect(walk.similar(to: 0, count: 1).map(\.item) == [1])
        #expect(walk.similar(to: 99, count: 1).isEmpty)
    }

    @Test func popularityFades() {
        let day: Int64 = 86_400
        let interactions = InteractionMatrix(
            [
                Interaction(user: 0, item: 0, time: 10 * day, weight: 1),
                Interaction(user: 0, item: 1, time: 0, weight: 1),
                Interaction(user: 1, item: 2, time: 8 * day, weight: 3),
                Interaction(user: 1, item: 0, time: 9 * day, weight: -1),
            ], users: 2, items: 3)
        let scores = Popularity.scores(interactions, weighting: nil, latest: 10 * day, halfLife: Double(day))
        // What has no time does not fade; what is disliked does not count.
        #expect(scores == [1, 1, 0.75])
        #expect(Popularity.scores(interactions, weighting: nil, latest: 10 * day, halfLife: nil) == [1, 1, 3])
    }

    @Test func repetitionsAreAddedUp() {
        let matrix = InteractionMatrix(
            [
                Interaction(user: 1, item: 2, time: 5, weight: 1), Interaction(user: 1, item: 0, time: 9, weight: 2),
                Interaction(user: 1, item: 2, time: 3, weight: 0.5),
            ], users: 3, items: 4)
        #expect(matrix.starts == [0, 0, 2, 2])
        #expect(matrix.columns == [0, 2] && matrix.weights == [2, 1.5] && matrix.times == [9, 5])
        let turned = matrix.transposed()
        #expect(turned.starts == [0, 1, 1, 2, 2] && turned.columns == [1, 1] && turned.weights == [2, 1.5])
        #expect(turned.transposed() == matrix.timeless())
    }
}
