import Glibc
import HomeRows
import Recommender
import SeededNumbers

/// What one request for a profile's rows computes, beside its two statements: folding in, ranking, reasons, choosing.
/// Processor time of one core.
///
/// `swift run -c release --package-path Benchmarks rows-benchmark [TITLES]`
@main
struct RowsBenchmark {
    private static let profiles = 5_000
    private static let genres = ["drama", "comedy", "horror", "western", "war", "romance", "noir", "musical"]

    static func main() throws {
        let titles = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 20_000
        let model = train(titles)
        let catalogue = (0..<titles).map { number in
            ShelfTitle(
                id: "t\(number)", age: number % 19, genres: [genres[number % 8], genres[number / 8 % 8]],
                version: Int64(number), description: TitleDescription(title: ""))
        }
        let start = seconds()
        let proposals = Proposals(
            model: model, catalogue: catalogue, trending: (0..<500).map { "t\($0 * 7 % titles)" })
        print("\(titles) titles, \(model.factors.settings.dimensions) dimensions")
        print("a new state of the catalogue: \(text(seconds() - start)) ms")
        var random = SplitMix64(seed: 2)
        for (name, ceiling) in [("all titles", nil), ("a ceiling of 12", 12)] as [(String, Int?)] {
            for plays in [0, 20, 200] {
                let viewers = (0..<100).map { _ in viewer(plays, ceiling: ceiling, titles, &random) }
                let start = seconds()
                var items = 0
                for viewer in viewers {
                    let candidates = proposals.candidates(for: viewer)
                    items += HomeRows.rows(proposals.shelf, for: viewer, candidates).reduce(0) { $0 + $1.items.count }
                }
                print("\(name), \(plays) titles watched: \(text((seconds() - start) / 100)) ms, \(items / 100) titles")
            }
        }
    }

    private static func train(_ titles: Int) -> Model {
        var random = SplitMix64(seed: 1)
        var interactions: [Interaction] = []
        for profile in 0..<profiles {
            for _ in 0..<60 {
                // Popular titles are watched more, and each profile likes one genre.
                let title = Int(Double(titles) * random.unit() * random.unit()) / 8 * 8 + profile % 8
                interactions.append(Interaction(user: Int32(profile), item: Int32(title % titles), time: 0, weight: 1))
            }
        }
        let data = TrainingData(
            users: (0..<profiles).map { "p\($0)" }, items: (0..<titles).map { "t\($0)" },
            titles: (0..<titles).map { TitleDescription(title: "", genres: [genres[$0 % 8]]) },
            interactions: InteractionMatrix(interactions, users: profiles, items: titles))
        let recipe = Recipe(
            factors: FactorSettings(dimensions: 64, epochs: 2),
            blend: Recipe.Blend(factors: 0.5, neighbours: 0.5, popularity: 0.03))
        return Model.train(data, recipe: recipe, seed: 1, threads: .one)
    }

    private static func viewer(
        _ plays: Int, ceiling: Int?, _ titles: Int, _ random: inout SplitMix64
    ) -> Viewer {
        var activity: [Int32: TitleActivity] = [:]
        let genre = random.below(8)
        for time in 0..<plays {
            let title = Int32(min(titles - 1, Int(Double(titles) * random.unit() * random.unit()) / 8 * 8 + genre))
            activity[title, default: TitleActivity()].add(
                ViewerEvent(item: title, kind: .play, value: 1, time: Int64(time)))
        }
        return Viewer(
            audience: Audience(admission: Admission(ceiling: ceiling), country: nil, now: 0), activity: activity)
    }

    private static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func text(_ seconds: Double) -> String {
        let microseconds = Int((seconds * 1e6).rounded())
        let rest = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}
