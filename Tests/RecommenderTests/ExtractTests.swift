import SeededNumbers
import Testing

@testable import Recommender

@Suite struct ExtractTests {
    typealias Event = (title: String, kind: ViewerEvent.Kind, value: Float, time: Int64)

    static func extract(
        _ events: [(profile: String, events: [Event])], titles: [String] = ["a", "b", "c"], cutoff: Int64 = 1000
    ) -> Extract {
        var builder = ExtractBuilder(
            cutoff: cutoff,
            catalogue: titles.map {
                .init(
                    id: $0, description: TitleDescription(title: "Title \($0)", genres: ["drama"], year: 1999),
                    age: 12, isAvailable: true)
            })
        for (profile, events) in events {
            builder.begin(profile: profile, ceiling: nil)
            for event in events {
                builder.add(title: event.title, kind: event.kind, value: event.value, time: event.time)
            }
        }
        return builder.finish()
    }

    static let weighed: [([(ViewerEvent.Kind, Float, Int64)], Float)] = [
        ([(.play, 0.05, 1)], 0), ([(.play, 0.5, 1)], 0.5), ([(.play, 0.95, 1)], 1),
        ([(.play, 0.95, 1), (.play, 0.2, 2)], 1), ([(.like, 0, 1)], 1), ([(.like, 0, 2), (.dislike, 0, 1)], 1),
        ([(.like, 0, 1), (.dislike, 0, 2)], -1), ([(.like, 0, 1), (.neutral, 0, 2)], 0),
        ([(.play, 1, 1), (.dislike, 0, 2)], -1), ([(.rating, 5, 1)], 1), ([(.rating, 2, 2), (.play, 1, 1)], -1),
        ([(.rating, 1, 1), (.rating, 3.5, 2)], 0.5), ([(.listAdd, 0, 1)], 0.5),
        ([(.listAdd, 0, 1), (.listRemove, 0, 2)], 0), ([(.play, 1, 1), (.like, 0, 1), (.listAdd, 0, 1)], 2.5),
    ]

    @Test("evidence", arguments: weighed.indices)
    func weighs(_ index: Int) {
        let (events, expected) = Self.weighed[index]
        for order in [events, events.reversed()] {
            var activity = TitleActivity()
            for (kind, value, time) in order {
                activity.add(ViewerEvent(item: 0, kind: kind, value: value, time: time))
            }
            #expect(abs(activity.evidence - expected) < 1e-6, "\(events): \(activity.evidence)")
        }
    }

    @Test func whatCameAtTheCutOffOrLaterIsLeftOut() {
        let extract = Self.extract([
            ("p", [("a", .play, 1, 999), ("b", .play, 1, 1000), ("gone", .like, 0, 5)])
        ])
        #expect(extract.titles == ["a", "b", "c", "gone"])
        #expect(extract.available == [true, true, true, false])
        #expect(extract.interactions.columns == [0, 3])
        #expect(extract.interactions.times == [999, 5])
    }

    @Test func theOrderOfEventsDoesNotMatter() {
        var random = SplitMix64(seed: 11)
        var events: [Event] = (0..<300).map { _ in
            (
                "t\(random.below(20))", ViewerEvent.Kind.allCases[random.below(8)], Float(random.below(5)),
                Int64(random.below(10))
            )
        }
        let one = ExtractFile.encode(Self.extract([("p", events)]))
        for _ in 0..<20 {
            events = random.permutation(events.count).map { events[Int($0)] }
            #expect(ExtractFile.encode(Self.extract([("p", events)])) == one)
        }
    }

    static let sample = Self.extract([
        ("p", [("a", .play, 1, 10), ("b", .play, 0.4, 20), ("c", .like, 0, 900)]),
        ("q", [("b", .play, 1, 30), ("a", .dislike, 0, 910)]), ("r", [("gone", .rating, 4, 950)]),
    ])

    @Test func aFileReadsBackAsItWas() throws {
        #expect(try ExtractFile.decode(ExtractFile.encode(Self.sample)) == Self.sample)
    }

    @Test func aDamagedFileIsRefusedOrReadsAsAnotherExtract() {
        let bytes = ExtractFile.encode(Self.sample)
        for length in 0..<bytes.count {
            #expect(throws: ModelFileError.self) { try ExtractFile.decode(Array(bytes[..<length])) }
        }
        #expect(throws: ModelFileError.self) { try ExtractFile.decode(bytes + [0]) }
        var refused = 0
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x81
            do { _ = try ExtractFile.decode(damaged) } catch { refused += 1 }
        }
        #expect(refused > bytes.count / 3)
    }

    @Test func trainingDataNamesWatchedTitlesFirst() {
        let data = Self.extract([("p", [("c", .play, 1, 1)])]).trainingData
        #expect(data.items == ["c", "a", "b"])
        #expect(data.interactions.columnCount == 1)
    }

    @Test func theSplitIsByTime() {
        let split = Self.sample.split(share: 0.5, limit: 10, seed: 1)
        #expect(split.at == 900)
        #expect(split.training.interactions.times == [10, 20, 30])
        // What q did afterwards is a dislike; r did nothing before.
        #expect(split.truth.profiles == ["p"])
        #expect(split.truth.interactions.columns == [2])
    }

    @Test func whatIsWatchedNowComesFirst() {
        let extract = Self.extract([
            ("p", [("a", .play, 1, 100), ("b", .play, 1, 990)]), ("q", [("a", .play, 1, 100)]),
            ("r", [("gone", .play, 1, 999)]),
        ])
        #expect(extract.trending(halfLife: 100, count: 5).map(\.item) == [1, 0])
        #expect(extract.trending(halfLife: 1e9, count: 1).map(\.item) == [0])
    }

    static func metrics(_ ndcg: Double, _ coverage: Double = 0.5, _ novelty: Double = 5) -> Metrics {
        Metrics(ndcgAt100: ndcg, recallAt20: 0, recallAt50: 0, coverageAt20: coverage, noveltyAt20: novelty)
    }

    static let verdicts: [(Metrics, Int, Metrics?, [String])] = [
        (metrics(0.4), 100, nil, []),
        (metrics(0.4), 19, nil, ["19 profiles have watched something before and after the split; 20 are needed"]),
        (metrics(0.2), 100, nil, ["NDCG@100 is 0.2000, and popularity alone has 0.2000"]),
        (metrics(0.39), 100, metrics(0.4), []),
        (metrics(0.37), 100, metrics(0.4), ["NDCG@100 fell from 0.4000 to 0.3700, by more than 5 %"]),
        (
            metrics(0.5, 0.3, 4.4), 100, metrics(0.4),
            [
                "coverage@20 fell from 0.5000 to 0.3000, by more than 20 %",
                "novelty@20 fell from 5.0000 to 4.4000, by more than 10 %",
            ]
        ),
    ]

    @Test("the gate", arguments: verdicts.indices)
    func judges(_ index: Int) {
        let (candidate, profiles, serving, expected) = Self.verdicts[index]
        let reasons = Gate().objections(
            to: candidate, profiles: profiles, baseline: Self.metrics(0.2), serving: serving)
        #expect(reasons == expected)
    }

    /// Measured on the same truth, a model that was trained on shuffled plays is not let through.
    @Test func theGateRefusesAModelOfShuffledData() {
        func extract(shuffled: Bool) -> Extract {
            let data = PlantedData(profiles: 500, titles: 200, shuffled: shuffled).data
            var builder = ExtractBuilder(
                cutoff: 2_000_000_000,
                catalogue: data.items.indices.map {
                    .init(
                        id: data.items[$0], description: data.titles[$0] ?? TitleDescription(title: ""), age: nil,
                        isAvailable: true)
                })
            for row in data.users.indices {
                builder.begin(profile: data.users[row], ceiling: nil)
                for entry in data.interactions.entries(row) {
                    builder.add(
                        title: data.items[Int(data.interactions.columns[entry])], kind: .play, value: 1,
                        time: data.interactions.times[entry])
                }
            }
            return builder.finish()
        }
        let split = extract(shuffled: false).split(share: 0.2, limit: 400, seed: 1)
        let shuffled = extract(shuffled: true).split(share: 0.2, limit: 400, seed: 1)
        func quality(_ extract: Extract, _ blend: Recipe.Blend) -> Metrics {
            let recipe = Recipe(
                factors: FactorSettings(dimensions: 16, epochs: 6, regularization: 0.01, unobservedWeight: 0.3),
                blend: blend)
            let model = Model.train(extract.trainingData, recipe: recipe, seed: 1, threads: .one)
            return split.truth.quality(of: model, threads: .one).metrics
        }
        let good = quality(split.training, .init(factors: 1))
        let bad = quality(shuffled.training, .init(factors: 1))
        let popular = quality(split.training, .init(factors: 0, popularity: 1))
        let profiles = split.truth.profiles.count
        #expect(Gate().objections(to: good, profiles: profiles, baseline: popular, serving: nil).isEmpty)
        let reasons = Gate().objections(to: bad, profiles: profiles, baseline: popular, serving: good)
        #expect(reasons.contains { $0.hasPrefix("NDCG@100 fell") }, "\(reasons)")
    }

    @Test func rankingsAreFoundByName() throws {
        let rankings: [(profile: String, ranking: [Ranked])] = (0..<50).map { number in
            ("p\(100 + number)", (0..<number % 4).map { Ranked(item: Int32($0), score: Float(number)) })
        }
        let bytes = RankingFileWriter.encode(rankings)
        let file = try RankingFile(bytes)
        for (profile, ranking) in rankings { #expect(try file.ranking(of: profile) == ranking) }
        for name in ["", "p", "p0999", "p150", "q"] { #expect(try file.ranking(of: name) == nil) }
        for length in 0..<bytes.count {
            #expect(throws: ModelFileError.self) { try RankingFile(Array(bytes[..<length])) }
        }
        #expect(try RankingFile(RankingFileWriter.encode([])).ranking(of: "p") == nil)
    }
}
