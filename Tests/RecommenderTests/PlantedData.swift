import Recommender
import SeededNumbers

/// Interactions with planted factors and genres, drawn from a seed: titles have genres, which give their factors a
/// direction, profiles like some genres, and titles are watched by fame and by taste.
struct PlantedData {
    var data: TrainingData
    /// Profiles that training doesn't have: what is shown, what else they watched, and which unseen titles.
    var histories: [History] = []
    var truth: [Set<Int32>] = []
    var coldTruth: [Set<Int32>] = []
    /// Titles that nobody of the training has watched; their numbers come last.
    var cold: Range<Int>

    init(profiles: Int = 900, titles: Int = 400, seed: UInt64 = 7, shuffled: Bool = false) {
        let factors = 8
        let genres = ["drama", "comedy", "horror", "western", "war", "romance", "noir", "musical"]
        let heldOut = 150
        let watched = titles * 9 / 10
        cold = watched..<titles
        var random = SplitMix64(seed: seed)
        func vector(_ scale: Double) -> [Double] { (0..<factors).map { _ in random.normal() * scale } }
        func unit(_ vector: [Double]) -> [Double] {
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return vector.map { $0 / length }
        }
        let directions = genres.map { _ in vector(1) }
        var descriptions: [TitleDescription?] = []
        var planted: [[Double]] = []
        var fame: [Double] = []
        for title in 0..<titles {
            let own = Set([random.below(genres.count), random.below(genres.count)]).sorted()
            var factor = vector(0.7)
            for genre in own { for k in factor.indices { factor[k] += directions[genre][k] } }
            planted.append(unit(factor))
            fame.append(random.unit() * 1.5)
            descriptions.append(
                TitleDescription(title: "Title \(title)", genres: own.map { genres[$0] }, year: 1990 + title % 30))
        }
        var interactions: [Interaction] = []
        for user in 0..<profiles + heldOut {
            var taste = vector(0.8)
            for k in taste.indices { taste[k] += directions[user % genres.count][k] }
            taste = unit(taste)
            let scored = (0..<titles).map { title -> (title: Int, score: Double) in
                let likes = zip(taste, planted[title]).reduce(0) { $0 + $1.0 * $1.1 }
                return (title, fame[title] + 4 * likes + random.normal() * 1.2)
            }
            let seen = scored.sorted { $0.score > $1.score }.prefix(20 + random.below(30)).map { Int32($0.title) }
            let order = random.permutation(seen.count).map { seen[Int($0)] }
            let warm = order.filter { Int($0) < watched }
            if user < profiles {
                for (time, item) in warm.enumerated() {
                    interactions.append(
                        Interaction(user: Int32(user), item: item, time: Int64(1_600_000_000 + time * 3600), weight: 1))
                }
            } else {
                let shown = warm.prefix(warm.count * 4 / 5)
                histories.append(History(items: shown.sorted(), weights: shown.map { _ in 1 }))
                truth.append(Set(warm.dropFirst(shown.count)))
                coldTruth.append(Set(order.filter { Int($0) >= watched }))
            }
        }
        if shuffled {
            let dealt = random.permutation(interactions.count).map { interactions[Int($0)].item }
            for index in interactions.indices { interactions[index].item = dealt[index] }
        }
        data = TrainingData(
            users: (0..<profiles).map { "u\($0)" }, items: (0..<titles).map { "t\($0)" }, titles: descriptions,
            interactions: InteractionMatrix(interactions, users: profiles, items: watched))
    }

    /// How good a ranker is on the held-out profiles.
    func quality(_ ranker: Ranker, of truth: [Set<Int32>]) -> Metrics {
        let rankings = ranker.rank(histories, count: 100, threads: .one).map { $0.map(\.item) }
        return Metrics(
            rankings: rankings, truth: truth, catalogue: data.items.count,
            audience: [Int32](repeating: 0, count: data.items.count), population: 1)
    }

    /// Only titles that nobody has watched.
    func coldRanker(_ model: Model) -> Ranker {
        Ranker(model, admitted: data.items.indices.map(cold.contains))
    }
}
