import CatalogStore
import JSON
import Postgres
import Recommender
import StepContracts

/// Trains a model.
struct TrainStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .trainModel }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let recipe = try RecipeDocument.recipe(task.input["recipe"] ?? .null)
        let seed = try StepInput(document: task.input).integer("seed", 1, in: 0...(1 << 53))
        let data = try await workshop.extract(task.input, "extract").trainingData
        guard data.interactions.count > 0 else {
            throw .sourceInvalid("the extract has no interaction: there is nothing to learn")
        }
        if recipe.blend.linear > 0, data.interactions.columnCount > 20_000 {
            throw .parametersInvalid(
                "a linear model of \(data.interactions.columnCount) titles takes the square of that in memory; 20000 are the most"
            )
        }
        let (bytes, cpu) = try await workshop.compute { (isStopped) throws(StepFailure) in
            let start = Workshop.cpuSeconds()
            let model = Model.train(
                data, recipe: recipe, seed: UInt64(seed), threads: Workshop.threads, isAbandoned: isStopped
            ) { step in
                report(
                    StepProgress(
                        stage: step.stage,
                        parts: [.init(name: step.stage, share: Double(step.done) / Double(max(1, step.total)))]))
            }
            guard let model else { throw .cancelled("the step was told to stop") }
            return (ModelFile.encode(model, digest: Workshop.digest), Workshop.cpuSeconds() - start)
        }
        return .members(
            ("model", try await workshop.put(bytes, .model)), ("recipe", RecipeDocument.document(recipe)),
            ("profiles", .integer(data.users.count)), ("titles", .integer(data.items.count)),
            ("interactions", .integer(data.interactions.count)), ("cpuSeconds", .double((cpu * 1000).rounded() / 1000)))
    }
}

/// Measures a model on what came after its training.
struct EvaluateStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .evaluateModel }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let model = try await workshop.model(task.input, "model")
        let truth = try await workshop.extract(task.input, "truth")
        report(StepProgress(stage: "evaluate"))
        let (metrics, profiles) = try await workshop.compute { () throws(StepFailure) in
            truth.quality(of: model, threads: Workshop.threads)
        }
        return ["metrics": RecipeDocument.document(metrics), "profiles": .integer(profiles)]
    }
}

/// Compares a candidate with the generation in service.
struct GateStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .gateModel }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let allowed = StepInput(document: task.input["tolerance"] ?? [:])
        var tolerance = Gate.Tolerance()
        tolerance.ndcg = try allowed.number("ndcg", tolerance.ndcg, in: 0...1)
        tolerance.coverage = try allowed.number("coverage", tolerance.coverage, in: 0...1)
        tolerance.novelty = try allowed.number("novelty", tolerance.novelty, in: 0...1)
        let gate = Gate(
            tolerance: tolerance, minimumProfiles: try input.integer("minimumProfiles", 20, in: 1...1_000_000))
        let candidate = try RecipeDocument.metrics(task.input["metrics"] ?? .null, "metrics")
        let baseline = try RecipeDocument.metrics(task.input["baseline"] ?? .null, "baseline")
        let serving = try await workshop.asking { () throws(PostgresError) in
            try await workshop.generations.inService()
        }
        let measured = serving?.document["metrics"] ?? .null
        let reasons = gate.objections(
            to: candidate, profiles: try input.integer("profiles", nil, in: 0...Int(Int32.max)), baseline: baseline,
            serving: measured == .null
                ? nil : try RecipeDocument.metrics(measured, "metrics of the generation in service"))
        let sentence =
            reasons.isEmpty
            ? "The candidate is at least as good as what is in service."
            : "The candidate is refused: \(reasons.joined(separator: "; "))."
        return .members(
            ("accepted", .bool(reasons.isEmpty)), ("reasons", .array(reasons.map { .string($0) })),
            ("reason", .string(sentence)),
            (
                "comparison",
                .members(
                    ("candidate", RecipeDocument.document(candidate)), ("baseline", RecipeDocument.document(baseline)),
                    ("serving", serving.map(Self.summary) ?? .null))
            ))
    }
}

extension GateStep {
    private static func summary(_ serving: RecommendationGeneration) -> JSON {
        [
            "generation": .integer(serving.number), "publishedAt": .string(serving.publishedAt),
            "metrics": serving.document["metrics"] ?? .null,
        ]
    }
}

/// Ranks titles for one shard of the profiles. What a profile may not see is not ranked for it; it is checked again when
/// it is shown.
struct ScoreStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .scoreProfiles }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let shards = try input.integer("shards", nil, in: 1...RecommendationLimits.shards)
        let shard = try input.integer("shard", nil, in: 0...shards - 1)
        let top = try input.integer("top", 200, in: 1...1000)
        let model = try await workshop.model(task.input, "model")
        let extract = try await workshop.extract(task.input, "extract")
        guard extract.profiles == model.users else {
            throw .parametersInvalid("'model' was trained on other profiles than those of 'extract'")
        }
        let (bytes, count) = try await workshop.compute { (isStopped) throws(StepFailure) in
            let rows = model.users.count * shard / shards..<model.users.count * (shard + 1) / shards
            let rankings = try Self.rankings(model, extract, rows, top: top, isStopped: isStopped) { share in
                report(StepProgress(stage: "score", parts: [.init(name: "shard \(shard)", share: share)]))
            }
            return (RankingFileWriter.encode(rankings), rankings.count)
        }
        return ["rankings": try await workshop.put(bytes, .rankings), "profiles": .integer(count)]
    }

    private static func rankings(
        _ model: Model, _ extract: Extract, _ rows: Range<Int>, top: Int, isStopped: () -> Bool,
        done: (Double) -> Void
    ) throws(StepFailure) -> [(profile: String, ranking: [Ranked])] {
        let numbers = Dictionary(
            extract.titles.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let places = model.items.map { numbers[$0] }
        let ranker = Ranker(model)
        // Profiles with the same ceiling are ranked among the same titles.
        var rankings = [[Ranked]](repeating: [], count: rows.count)
        var finished = 0
        for (ceiling, members) in Dictionary(grouping: rows, by: { extract.ceilings[$0] }) {
            let admission = Admission(ceiling: ceiling)
            let among = places.map { place in
                place.map { admission.admits(age: extract.ages[$0], available: extract.available[$0]) } ?? false
            }
            for start in stride(from: 0, to: members.count, by: 1024) {
                if isStopped() { throw .cancelled("the step was told to stop") }
                let batch = members[start..<min(start + 1024, members.count)]
                let ranked = ranker.rank(
                    batch.map { model.history(of: $0) }, count: top, threads: Workshop.threads, among: among)
                for (row, ranking) in zip(batch, ranked) { rankings[row - rows.lowerBound] = ranking }
                finished += batch.count
                done(Double(finished) / Double(max(1, rows.count)))
            }
        }
        return zip(rows, rankings).map { (model.users[$0], $1) }
    }
}
