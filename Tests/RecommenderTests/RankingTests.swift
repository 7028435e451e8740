import Foundation
import SeededNumbers
import Synchronization
import Testing

@testable import Recommender

@Suite struct RankingTests {
    static let planted = PlantedData()
    static let limits: TuningLimits = {
        var limits = TuningLimits()
        limits.profiles = 100
        return limits
    }()

    static let recipe = Recipe(
        factors: FactorSettings(dimensions: 16, epochs: 8, regularization: 0.01, unobservedWeight: 0.3),
        linearRegularization: 100, blend: Recipe.Blend(factors: 0.5, linear: 0.3, neighbours: 0.2, popularity: 0.01))

    static let model = Model.train(planted.data, recipe: recipe, seed: 1, threads: .one)

    /// Real threads, which take blocks in whatever order comes.
    static func threads(_ count: Int) -> Threads {
        Threads(count: count) { blocks, body in
            DispatchQueue.concurrentPerform(iterations: blocks) { body(blocks - 1 - $0) }
        }
    }

    @Test func collaborativeBeatsPopularity() {
        let (planted, model) = (Self.planted, Self.model)
        let popular = planted.quality(popularityAlone(), of: planted.truth)
        for blend in [
            Recipe.Blend(factors: 1), Recipe.Blend(factors: 0, linear: 1), Recipe.Blend(factors: 0, neighbours: 1),
            model.recipe.blend,
        ] {
            let metrics = planted.quality(Ranker(Self.with(model, blend)), of: planted.truth)
            #expect(metrics.ndcgAt100 > popular.ndcgAt100 * 1.3, "\(blend)")
            #expect(metrics.recallAt20 > popular.recallAt20 * 1.3, "\(blend)")
        }
    }

    private func popularityAlone() -> Ranker {
        Ranker(Self.with(Self.model, Recipe.Blend(factors: 0, popularity: 1)))
    }

    /// The same model with its parts joined otherwise.
    static func with(_ model: Model, _ blend: Recipe.Blend) -> Model {
        var recipe = model.recipe
        recipe.blend = blend
        return Model(
            recipe: recipe, weighting: model.weighting, seed: model.seed, users: model.users, items: model.items,
            history: model.history, popularity: model.popularity, factors: model.factors, linear: model.linear,
            neighbours: model.neighbours, content: model.content, titleVectors: model.titleVectors)
    }

    @Test func contentBeatsChanceOnUnseenTitles() {
        let planted = Self.planted
        let metrics = planted.quality(planted.coldRanker(Self.model), of: planted.coldTruth)
        // 40 unseen titles: chance finds half of them among 20.
        #expect(metrics.recallAt20 > 0.65)
        var random = SplitMix64(seed: 3)
        let chance = Metrics(
            rankings: planted.histories.map { _ in random.permutation(40).map { $0 + Int32(planted.cold.lowerBound) } },
            truth: planted.coldTruth, catalogue: 400, audience: [Int32](repeating: 0, count: 400), population: 1)
        #expect(metrics.ndcgAt100 > chance.ndcgAt100 * 1.15)
    }

    /// Over seen and unseen titles together: features alone can't tell fine tastes, factors alone never show what is new.
    @Test func hybridBeatsBothOnItsOwnGround() {
        let (planted, model) = (Self.planted, Self.model)
        let all = zip(planted.truth, planted.coldTruth).map { $0.union($1) }
        let hybrid = planted.quality(Ranker(Self.with(model, Recipe.Blend(factors: 1))), of: all)
        let admitted = planted.data.items.indices.map { !planted.cold.contains($0) }
        let collaborative = planted.quality(
            Ranker(Self.with(model, Recipe.Blend(factors: 1)), admitted: admitted), of: all)
        // Every title by its features.
        let described = planted.data.titles.compactMap { $0 }
        let content = Ranker(Self.with(model, Recipe.Blend(factors: 1)), newcomers: described)
        let rankings = Ranker(
            content.model, newcomers: described,
            admitted: (0..<content.items).map { $0 >= planted.data.items.count }
        ).rank(planted.histories, count: 150, threads: .one)
        let contentMetrics = Metrics(
            rankings: zip(rankings, planted.histories).map { ranking, history in
                ranking.map { $0.item - 400 }.filter { !history.items.contains($0) }
            }, truth: all, catalogue: 400, audience: [Int32](repeating: 0, count: 400), population: 1)
        #expect(hybrid.ndcgAt100 > collaborative.ndcgAt100)
        #expect(hybrid.ndcgAt100 > contentMetrics.ndcgAt100)
    }

    @Test func whatIsShuffledTeachesNothing() {
        let shuffled = PlantedData(shuffled: true)
        let model = Model.train(shuffled.data, recipe: Self.recipe, seed: 1, threads: .one)
        let honest = Self.planted.quality(Ranker(Self.model), of: Self.planted.truth)
        let fooled = shuffled.quality(Ranker(model), of: shuffled.truth)
        #expect(fooled.ndcgAt100 < honest.ndcgAt100 * 0.7)
    }

    @Test(arguments: [2, 3, 5])
    func threadsChangeNoBit(_ count: Int) {
        let other = Model.train(Self.planted.data, recipe: Self.recipe, seed: 1, threads: Self.threads(count))
        let digest: ModelFile.Digest = { _ in [UInt8](repeating: 0, count: 32) }
        #expect(ModelFile.encode(other, digest: digest) == ModelFile.encode(Self.model, digest: digest))
        let ranked = Ranker(other).rank(Self.planted.histories, count: 30, threads: Self.threads(count))
        #expect(ranked == Ranker(Self.model).rank(Self.planted.histories, count: 30, threads: .one))
    }

    @Test func anotherSeedAnotherModel() {
        let other = Model.train(Self.planted.data, recipe: Self.recipe, seed: 2, threads: .one)
        #expect(other.factors.itemVectors != Self.model.factors.itemVectors)
    }

    @Test func theSearchFindsABetterRecipe() {
        var steps: [TrainingProgress] = []
        var tuning = Tuning(Self.planted.data, seed: 1, threads: .one, limits: Self.limits) { steps.append($0) }
        tuning.search()
        #expect(tuning.isTemporal)
        #expect(tuning.trials.count > 20)
        #expect(steps.last?.done == steps.last?.total)
        let start = tuning.trials.first { $0.name.hasPrefix("factors") }
        let best = tuning.trials.filter { $0.name.hasPrefix("blend") }.map(\.score).max()
        #expect(best ?? 0 >= start?.score ?? 1)
        let found = Model.train(Self.planted.data, recipe: tuning.recipe, seed: 1, threads: .one)
        let metrics = Self.planted.quality(Ranker(found), of: Self.planted.truth)
        let popular = Self.planted.quality(popularityAlone(), of: Self.planted.truth)
        #expect(metrics.ndcgAt100 > popular.ndcgAt100 * 1.3)
        // The same search again.
        var again = Tuning(Self.planted.data, seed: 1, threads: Self.threads(3), limits: Self.limits)
        again.search()
        #expect(again.recipe == tuning.recipe)
        #expect(again.trials == tuning.trials)
    }

    @Test(arguments: [0, 1, 2, 9])
    func tooLittleToSearchIsTheDefault(_ profiles: Int) {
        let interactions = (0..<Int32(profiles)).map { Interaction(user: $0, item: $0 % 3, time: 0, weight: 1) }
        let data = TrainingData(
            users: (0..<profiles).map { "u\($0)" }, items: ["a", "b", "c"], titles: [nil, nil, nil],
            interactions: InteractionMatrix(interactions, users: profiles, items: 3))
        var tuning = Tuning(data, seed: 1, threads: .one)
        tuning.search()
        #expect(tuning.recipe == Recipe())
        let model = Model.train(data, recipe: tuning.recipe, seed: 1, threads: .one)
        let ranking = Ranker(model).rank([History(items: [], weights: [])], count: 5, threads: .one)
        #expect(ranking[0].count == 3)
    }

    @Test func seenTitlesAreLeftOut() {
        let rankings = Ranker(Self.model).rank(Self.planted.histories, count: 400, threads: .one)
        for (ranking, history) in zip(rankings, Self.planted.histories) {
            #expect(ranking.count == 400 - history.items.count)
            #expect(Set(ranking.map(\.item)).isDisjoint(with: history.items))
            #expect(zip(ranking, ranking.dropFirst()).allSatisfy { Ranked.precedes($0, $1) })
        }
    }

    @Test func aTitleDislikedIsSeenAndNoEvidence() {
        let model = Self.model
        let liked = History(items: [1, 2], weights: [1, 1])
        let mixed = History(items: [1, 2, 3], weights: [1, 1, 0])
        #expect(model.fold(liked) == model.fold(mixed))
        let ranking = Ranker(model).rank([mixed], count: 400, threads: .one)[0]
        #expect(!ranking.contains { $0.item == 3 })
    }

    @Test func whoHasSeenNothingGetsWhatIsPopular() {
        let ranking = Ranker(Self.model).rank([History(items: [], weights: [])], count: 10, threads: .one)[0]
        let popular = Self.model.popularity.enumerated().map { Ranked(item: Int32($0), score: $1) }
        #expect(ranking.map(\.item) == Ranked.best(popular, count: 10).map(\.item))
    }

    @Test func foldingInIsWhatTrainingDoes() {
        // The vector of a profile of the training solves its normal equations: the gradient is nought.
        let (model, d) = (Self.model, 16)
        let history = model.history(of: 5)
        let evidence = model.evidence(history)
        let x = model.fold(history).map(Double.init)
        let y = model.factors.itemVectors.map(Double.init)
        let settings = model.recipe.factors
        func vector(_ item: Int) -> ArraySlice<Double> { y[item * d..<(item + 1) * d] }
        func dot(_ a: some Sequence<Double>, _ b: some Sequence<Double>) -> Double {
            zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let penalty =
            Double(settings.regularization)
            * (Double(evidence.items.count) + Double(settings.unobservedWeight) * Double(model.watched))
        for k in 0..<d {
            var gradient = penalty * x[k]
            for item in 0..<model.watched {
                gradient += Double(settings.unobservedWeight) * dot(vector(item), x) * y[item * d + k]
            }
            for (item, weight) in zip(evidence.items, evidence.weights) {
                gradient += Double(weight) * (dot(vector(Int(item)), x) - 1) * y[Int(item) * d + k]
            }
            #expect(abs(gradient) < 1e-3, "dimension \(k)")
        }
    }

    @Test func explanationsAddUpToTheScore() {
        let (model, d) = (Self.model, 16)
        let history = Self.planted.histories[0]
        let evidence = model.evidence(history)
        let target = Array(model.titleVectors[0..<d])
        let parts = model.factors.contributions(evidence, to: target)
        let score = zip(model.fold(history), target).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        #expect(abs(parts.reduce(0, +) - score) < 1e-4)
        let explanation = model.explain(0, for: history, count: 3)
        #expect(explanation.count <= 3)
        #expect(explanation.allSatisfy { $0.score > 0 && history.items.contains($0.item) })
    }

    @Test func similarTitlesShareTheirGenres() {
        let model = Self.with(Self.model, Self.model.recipe.blend)
        var (common, chance) = (0, 0)
        for item in 0..<Int32(100) {
            let own = Set(Self.planted.data.titles[Int(item)]?.genres ?? [])
            for near in model.similar(to: item, count: 5) {
                #expect(near.item != item)
                common += own.isDisjoint(with: Self.planted.data.titles[Int(near.item)]?.genres ?? []) ? 0 : 1
                chance += own.isDisjoint(with: Self.planted.data.titles[Int(item * 3 + 7) % 400]?.genres ?? []) ? 0 : 1
            }
        }
        #expect(common > chance * 4 / 3)
    }

    @Test func diversityIsBoughtWithScore() {
        let ranker = Ranker(Self.model)
        let ranking = ranker.rank([Self.planted.histories[0]], count: 60, threads: .one)[0]
        #expect(ranker.diversified(ranking, diversity: 0, count: 10) == Array(ranking.prefix(10)))
        func likeness(_ list: [Ranked]) -> Float {
            var sum: Float = 0
            for (index, one) in list.enumerated() {
                for other in list[..<index] {
                    sum += DenseKernels.cosine(ranker.vectors, Int(one.item), Int(other.item), width: 16)
                }
            }
            return sum
        }
        let mixed = ranker.diversified(ranking, diversity: 0.6, count: 10)
        #expect(mixed.count == 10 && Set(mixed).isSubset(of: ranking))
        #expect(likeness(mixed) < likeness(Array(ranking.prefix(10))))
        #expect(mixed[0] == ranking[0])
    }

    @Test(arguments: [
        (nil as Int?, 18 as Int?, true as Bool?, true), (nil, nil, true, true), (nil, 0, nil, false),
        (nil, 0, false, false), (12, 12, true, true), (12, 13, true, false), (12, nil, true, false),
        (12, 0, nil, false), (0, 0, true, true),
    ])
    func whatIsUnknownIsClosed(_ ceiling: Int?, _ age: Int?, _ available: Bool?, _ admitted: Bool) {
        #expect(Admission(ceiling: ceiling).admits(age: age, available: available) == admitted)
    }

    @Test func aChildNeverSeesWhatIsAboveItsCeiling() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<200 {
            let ages = (0..<400).map { _ in random.below(5) == 0 ? nil : random.below(19) }
            let admission = Admission(ceiling: random.below(19))
            let ranker = Ranker(Self.model, admitted: ages.map { admission.admits(age: $0, available: true) })
            let histories = (0..<5).map { _ in Self.planted.histories[random.below(150)] }
            for ranking in ranker.rank(histories, count: 400, threads: .one) {
                for one in ranking { #expect(ages[Int(one.item)] ?? 99 <= admission.ceiling ?? 0) }
            }
        }
    }
}
