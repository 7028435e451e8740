import CatalogStore
import CatalogTestSupport
import Cryptography
import DataSteps
import Foundation
import JSON
import ObjectStorage
import Postgres
import Recommender
import StepContracts
import TemporaryFolder
import Testing

/// Profiles whose tastes are planted, their events in a real catalogue, and the steps over it.
private final class Studio: Sendable {
    let catalogue: Catalogue
    let store: any ObjectStore
    let workshop: Workshop
    private let directory: TemporaryFolder

    static let titles = 48
    static let profiles = 120
    /// Unix seconds of the first event; one follows the other.
    private let start = Int64(Date.now.timeIntervalSince1970) - 10 * 86_400

    init(profiles: Int = profiles) async throws {
        directory = try TemporaryFolder()
        store = try openStore(directory.path, environment: [:])
        try await store.prepare()
        catalogue = try await Catalogue.make()
        workshop = Workshop(read: catalogue.query, write: catalogue.query, store: store)
        for number in 0..<Self.titles {
            try await catalogue.publish(
                try PublishStatement.sample(
                    number, metadata: ["genres": [number % 2 == 0 ? "Drama" : "War"], "year": 2001]),
                execution: number)
            try await catalogue.rate("t-\(number)", age: number % 3 == 0 ? 16 : 6)
        }
        for number in 0..<profiles {
            try await catalogue.addProfile("a\(number)", "main", ceiling: number % 10 == 0 ? 12 : nil)
            try await watch(number, Self.plays(of: number))
        }
        try await settle()
    }

    /// What a profile watches, in order: even ones drama, odd ones war, each from its own corner of the genre.
    static func plays(of profile: Int) -> [Int] {
        (0..<12).map { place in (profile / 2 % 12 + place) % 24 * 2 + profile % 2 }
    }

    func watch(_ profile: Int, _ plays: [Int], from: Int = 0) async throws {
        let events = plays.enumerated().map { place, title in
            RecordedEvent(
                id: eventID(from + place), titleID: "t-\(title)", kind: "play", value: 1,
                time: start + Int64(place * 1000 + profile))
        }
        let outcome = try await catalogue.interactions.record(events, accountID: "a\(profile)", profileID: "main")
        #expect(outcome == .recorded(events.count))
    }

    /// Makes what was recorded old enough to be all there.
    func settle() async throws {
        try await catalogue.connection.script(
            "UPDATE catalogue.interaction SET recorded_at = now() - interval '1 minute'", deadline: Catalogue.deadline)
    }

    func run(_ name: String, _ input: JSON) async throws -> JSON {
        let step = try #require(workshop.steps.first { $0.contract.name == name })
        #expect(step.contract.problems(withInput: input).isEmpty, "\(name): \(input.text)")
        let task = StepTask(input: input, idempotencyKey: "key") { () async throws(StepFailure) in
            throw .parametersInvalid("there is no connection")
        }
        let output = try await step.run(task) { _ in }
        for field in step.contract.output where field.isRequired {
            #expect(output[field.name].map(field.accepts) == true, "\(name) gives \(output.text)")
        }
        return output
    }

    /// Now, as the database says, a few seconds ago.
    func cutoff() async throws -> JSON {
        let now = try await catalogue.interactions.now() - 20
        return .string(Date(timeIntervalSince1970: TimeInterval(now)).formatted(.iso8601))
    }

    static let recipe: JSON = [
        "dimensions": 16, "epochs": 6, "regularization": 0.01, "unobserved": 0.3,
        "blend": ["factors": 0.6, "neighbours": 0.4],
    ]
    static let popular: JSON = ["dimensions": 8, "epochs": 1, "blend": ["popularity": 1]]

    /// All steps as the workflow does them, up to publication.
    func retrain(
        _ execution: String, cutoff: JSON? = nil
    ) async throws -> (published: JSON, extract: JSON, model: JSON, rankings: [JSON]) {
        let now = try await self.cutoff()
        let extract = try await run("extract-interactions", ["cutoff": cutoff ?? now])
        let model = try await run("train-model", ["extract": extract["extract"] ?? nil, "recipe": Self.recipe])
        var rankings: [JSON] = []
        for shard in 0..<3 {
            let scored = try await run(
                "score-profiles",
                [
                    "model": model["model"] ?? nil, "extract": extract["extract"] ?? nil, "shard": .integer(shard),
                    "shards": 3, "top": 20,
                ])
            rankings.append(scored["rankings"] ?? nil)
        }
        let published = try await run(
            "publish-model",
            [
                "execution": .string(execution), "extract": extract["extract"] ?? nil, "model": model["model"] ?? nil,
                "rankings": .array(rankings), "cutoff": extract["cutoff"] ?? nil, "recipe": model["recipe"] ?? nil,
                "metrics": Self.metrics(0.3),
            ])
        return (published, extract, model, rankings)
    }

    static func metrics(_ ndcg: Double) -> JSON {
        [
            "ndcg@100": .double(ndcg), "recall@20": 0.2, "recall@50": 0.4, "coverage@20": 0.5, "novelty@20": 4,
        ]
    }

    func bytes(_ reference: JSON?) async throws -> [UInt8] {
        try await store.get(try #require(reference?["key"]?.stringValue))
    }
}

@Suite("retraining") struct RetrainingTests {
    @Test func theSameCutOffGivesTheSameExtract() async throws {
        let studio = try await Studio(profiles: 10)
        let cutoff = try await studio.cutoff()
        let first = try await studio.run("extract-interactions", ["cutoff": cutoff])
        #expect(first["profiles"] == 10 && first["titles"] == .integer(Studio.titles))
        #expect(first["interactions"] == 120)
        // What is recorded later changes nothing of it, and is in the next one.
        try await studio.watch(3, [1], from: 500)
        #expect(try await studio.run("extract-interactions", ["cutoff": cutoff]) == first)
        try await studio.settle()
        let next = try await studio.run("extract-interactions", ["cutoff": try await studio.cutoff()])
        #expect(next["interactions"] == 121 || Studio.plays(of: 3).contains(1))
        #expect(next["extract"] != first["extract"])
    }

    @Test func aCutOffAheadIsRefused() async throws {
        let studio = try await Studio(profiles: 1)
        let failure = await #expect(throws: StepFailure.self) {
            try await studio.run("extract-interactions", ["cutoff": "2090-01-01T00:00:00Z"])
        }
        #expect(failure?.error == StepErrorName.parametersInvalid)
    }

    @Test func candidatesAreMeasuredAndTheBestIsPublished() async throws {
        let studio = try await Studio()
        let extract = try await studio.run("extract-interactions", ["cutoff": try await studio.cutoff()])
        let split = try await studio.run("split-interactions", ["extract": extract["extract"] ?? nil])
        var measured: [JSON] = []
        for recipe in [Studio.recipe, Studio.popular] {
            let model = try await studio.run("train-model", ["extract": split["training"] ?? nil, "recipe": recipe])
            measured.append(
                try await studio.run(
                    "evaluate-model", ["model": model["model"] ?? nil, "truth": split["truth"] ?? nil]))
        }
        let (good, popular) = (measured[0]["metrics"] ?? nil, measured[1]["metrics"] ?? nil)
        let (goodNDCG, popularNDCG) = (try ndcg(good), try ndcg(popular))
        #expect(goodNDCG > popularNDCG * 1.5, "\(goodNDCG) \(popularNDCG)")
        let gate: JSON = ["metrics": good, "baseline": popular, "profiles": measured[0]["profiles"] ?? nil]
        #expect(try await studio.run("gate-model", gate)["accepted"] == true)
        let worse: JSON = ["metrics": popular, "baseline": popular, "profiles": 100]
        let refused = try await studio.run("gate-model", worse)
        #expect(refused["accepted"] == false)
        #expect(refused["reason"]?.stringValue?.contains("popularity alone has") == true, "\(refused.text)")
    }

    private func ndcg(_ metrics: JSON) throws -> Double { try #require(metrics["ndcg@100"]?.doubleValue) }

    @Test func theGateComparesWithWhatIsInService() async throws {
        let studio = try await Studio(profiles: 2)
        _ = try await studio.catalogue.generations.publish(["metrics": Studio.metrics(0.5)], execution: "before")
        let verdict = try await studio.run(
            "gate-model", ["metrics": Studio.metrics(0.4), "baseline": Studio.metrics(0.1), "profiles": 50])
        #expect(verdict["reasons"] == ["NDCG@100 fell from 0.5000 to 0.4000, by more than 5 %"])
        #expect(verdict["comparison"]?["serving"]?["metrics"] == Studio.metrics(0.5))
        let tolerant = try await studio.run(
            "gate-model",
            [
                "metrics": Studio.metrics(0.4), "baseline": Studio.metrics(0.1), "profiles": 50,
                "tolerance": ["ndcg": 0.3],
            ])
        #expect(tolerant["accepted"] == true)
    }

    @Test func rankingsHoldWhatEachProfileMaySee() async throws {
        let studio = try await Studio()
        let cutoff = try await studio.cutoff()
        let (published, extract, model, rankings) = try await studio.retrain("run-1", cutoff: cutoff)
        #expect(published["previous"] == nil)
        let known = try ModelFile.decode(
            try await studio.bytes(model["model"]), digest: { Array(SHA256.hash($0).bytes) })
        var ranked = 0
        for shard in rankings {
            let file = try RankingFile(try await studio.bytes(shard))
            for profile in 0..<Studio.profiles {
                guard let ranking = try file.ranking(of: "a\(profile)/main") else { continue }
                ranked += 1
                #expect(!ranking.isEmpty && ranking.count <= 20)
                let titles = ranking.map { Int(known.items[Int($0.item)].dropFirst(2)) ?? -1 }
                #expect(Set(titles).isDisjoint(with: Studio.plays(of: profile)))
                if profile % 10 == 0 { #expect(titles.allSatisfy { $0 % 3 != 0 }, "\(titles)") }
                let own = titles.prefix(6).count { $0 % 2 == profile % 2 }
                #expect(own >= 5, "a\(profile) gets \(titles)")
            }
        }
        #expect(ranked == Studio.profiles)
        // The same again makes the same objects, and the same run publishes nothing twice.
        let again = try await studio.retrain("run-1", cutoff: cutoff)
        #expect(again.published["generation"] == published["generation"])
        #expect(try await studio.catalogue.generations.all().count == 1)
        #expect(again.extract == extract && again.model["model"] == model["model"] && again.rankings == rankings)
    }

    @Test func whatNobodyNeedsIsCollected() async throws {
        let studio = try await Studio(profiles: 30)
        let first = try await studio.retrain("run-1")
        try await studio.watch(1, [0, 2], from: 700)
        try await studio.settle()
        let second = try await studio.retrain("run-2")
        // Young objects stay.
        #expect(try await studio.run("collect-models", [:])["objects"] == 0)
        _ = try await studio.run("roll-back-model", ["execution": "back"])
        try await studio.catalogue.connection.script(
            "UPDATE catalogue.interaction SET recorded_at = now() - interval '1 year'", deadline: Catalogue.deadline)
        let collected = try await studio.run("collect-models", ["keep": 1, "olderThanHours": 0])
        // Both generations are needed: one is the newest, one is in service. Their extracts are not.
        #expect(collected["generations"] == 0)
        for reference in [first.model["model"], second.model["model"]] + first.rankings + second.rankings {
            #expect(try await !studio.bytes(reference).isEmpty)
        }
        await #expect(throws: ObjectStorageError.self) { try await studio.bytes(second.extract["extract"]) }
        let failure = await #expect(throws: StepFailure.self) {
            try await studio.run("roll-back-model", ["execution": "further back"])
        }
        #expect(failure?.error == StepErrorName.noGeneration)
    }

    static let badRecipes: [(JSON, String)] = [
        (["dimension": 8], "'recipe.dimension' is no member of a recipe"),
        (["dimensions": 12], "'dimensions' is 12; it has to be a multiple of 8"),
        (["weights": "some"], "'weights' is \"some\"; it is binary, linear or logarithmic"),
        (["neighbours": 3], "'neighbours' is 3; it is walk or cosine"),
        (["blend": ["factors": 2]], "'factors' is 2; it has to be a number from 0.0 to 1.0"),
    ]

    @Test("a recipe that can't be meant is refused", arguments: badRecipes.indices)
    func refusesRecipes(_ index: Int) async throws {
        let studio = try await Studio(profiles: 0)
        let failure = await #expect(throws: StepFailure.self) {
            try await studio.run("train-model", ["extract": [:], "recipe": Self.badRecipes[index].0])
        }
        #expect(failure?.cause.hasPrefix(Self.badRecipes[index].1) == true, "\(String(describing: failure))")
    }

    @Test func anObjectOfAnotherContentIsRefused() async throws {
        let studio = try await Studio(profiles: 1)
        let extract = try await studio.run("extract-interactions", ["cutoff": try await studio.cutoff()])
        let reference = try #require(extract["extract"])
        let key = try #require(reference["key"]?.stringValue)
        let path = try #require(try studio.store.localPath(key))
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[20] ^= 1
        try bytes.write(to: URL(filePath: path))
        let failure = await #expect(throws: StepFailure.self) {
            try await studio.run("split-interactions", ["extract": reference])
        }
        #expect(failure?.error == StepErrorName.sourceInvalid)
    }

    @Test func aTrainingThatIsToldToStopStops() async throws {
        let studio = try await Studio(profiles: 30)
        let extract = try await studio.run("extract-interactions", ["cutoff": try await studio.cutoff()])
        let training = Task {
            try await studio.run(
                "train-model",
                ["extract": extract["extract"] ?? nil, "recipe": ["dimensions": 256, "epochs": 1000]])
        }
        training.cancel()
        let failure = await #expect(throws: StepFailure.self) { try await training.value }
        #expect(failure?.error == StepErrorName.cancelled)
    }
}
