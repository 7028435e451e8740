import CatalogStore
import JSON
import ObjectStorage
import Postgres
import Recommender
public import StepContracts

/// Puts a generation in service.
struct PublishModelStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .publishModel }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let execution = try input.text("execution")
        let cutoff = try input.moment("cutoff")
        let halfLife = try input.number("trendingHalfLifeHours", 72, in: 1...87_600)
        let model = try Workshop.reference(task.input["model"] ?? .null, "model")
        let rankings = task.input["rankings"]?.arrayValue ?? []
        guard !rankings.isEmpty, rankings.count <= RecommendationLimits.shards else {
            throw .parametersInvalid("'rankings' has \(rankings.count) shards")
        }
        for (index, ranking) in rankings.enumerated() {
            let reference = try Workshop.reference(ranking, "rankings[\(index)]")
            try await check(reference)
        }
        try await check(model)
        _ = try RecipeDocument.metrics(task.input["metrics"] ?? .null, "metrics")
        let extract = try await workshop.extract(task.input, "extract")
        let trending = try await workshop.compute { () throws(StepFailure) in
            extract.trending(halfLife: halfLife * 3600, count: RecommendationLimits.trending)
                .map { JSON.string(extract.titles[Int($0.item)]) }
        }
        let document = JSON.members(
            ("model", task.input["model"]), ("rankings", .array(rankings)), ("trending", .array(trending)),
            ("cutoff", .integer(cutoff)), ("recipe", task.input["recipe"]), ("metrics", task.input["metrics"]))
        let (number, previous) = try await workshop.asking { () throws(PostgresError) in
            try await workshop.generations.publish(document, execution: execution)
        }
        return .members(("generation", .integer(number)), ("previous", previous.map { .integer($0) }))
    }

    /// What is published is there.
    private func check(_ reference: ObjectReference) async throws(StepFailure) {
        do {
            let info = try await workshop.store.head(reference.key)
            guard info.bytes == reference.bytes else {
                throw StepFailure.sourceInvalid(
                    "the object \(reference.key) has \(info.bytes) bytes in place of \(reference.bytes)")
            }
        } catch let error as ObjectStorageError {
            throw Workshop.failure(error)
        } catch let failure as StepFailure {
            throw failure
        } catch {
            preconditionFailure("A store fails with its own error, not with \(error).")
        }
    }
}

/// Puts an earlier generation in service again.
struct RollBackStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .rollBackModel }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let execution = try input.text("execution")
        var wanted: Int64?
        if let number = task.input["generation"], number != .null {
            wanted = Int64(try input.integer("generation", nil, in: 1...(1 << 53)))
        }
        let target = wanted
        let turned = try await workshop.asking { () throws(PostgresError) in
            try await workshop.generations.rollBack(to: target, execution: execution)
        }
        guard let (number, previous) = turned else {
            throw StepFailure(
                error: StepErrorName.noGeneration,
                cause: wanted.map { "There is no generation \($0)." }
                    ?? "There is no generation before the one in service.", retry: .never)
        }
        return .members(("generation", .integer(number)), ("previous", previous.map { .integer($0) }))
    }
}

/// Forgets what nobody needs any more.
struct CollectStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .collectModels }

    /// Plays are compacted once they are so old that no extract before is made again.
    private static let settledSeconds: Int64 = 14 * 86_400
    private static let batch = 10_000

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let keep = try input.integer("keep", 7, in: 1...GenerationTable.kept)
        let hours = try input.number("olderThanHours", 48, in: 0...87_600)
        let forgotten = try await workshop.asking { () throws(PostgresError) in
            try await workshop.generations.forget(keeping: keep)
        }
        let now = try await workshop.asking { () throws(PostgresError) in try await workshop.interactions.now() }
        let kept = try await workshop.asking { () throws(PostgresError) in try await workshop.generations.all() }
        let needed = Set(kept.flatMap { Self.keys($0.document) })
        let (objects, bytes) = try await delete(
            unless: needed, madeBefore: now - Int64(hours * 3600), report: report)
        var events = 0
        while true {
            let deleted = try await workshop.asking { () throws(PostgresError) in
                try await workshop.interactions.compact(
                    recordedBefore: now - Self.settledSeconds, limit: Self.batch)
            }
            events += deleted
            guard deleted == Self.batch, !Task.isCancelled else { break }
        }
        return .members(
            ("generations", .integer(forgotten)), ("objects", .integer(objects)), ("bytes", .integer(bytes)),
            ("events", .integer(events)))
    }

    /// The objects that a generation consists of.
    private static func keys(_ document: JSON) -> [String] {
        ([document["model"] ?? .null] + (document["rankings"]?.arrayValue ?? []))
            .compactMap { $0["key"]?.stringValue }
    }

    private func delete(
        unless needed: Set<String>, madeBefore limit: Int64, report: @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> (objects: Int, bytes: Int64) {
        var (objects, bytes): (Int, Int64) = (0, 0)
        var after: String?
        do {
            repeat {
                let page = try await workshop.store.list(prefix: Workshop.prefix, after: after, limit: 1000)
                for entry in page.objects where !needed.contains(entry.key) {
                    guard let modified = entry.modifiedAt, modified <= limit else { continue }
                    guard !Task.isCancelled else { throw StepFailure.cancelled("the step was told to stop") }
                    try await workshop.store.delete(entry.key)
                    objects += 1
                    bytes += entry.bytes
                }
                report(StepProgress(stage: "collect", frames: objects))
                after = page.next
            } while after != nil
        } catch let error as ObjectStorageError {
            throw Workshop.failure(error)
        } catch let failure as StepFailure {
            throw failure
        } catch {
            preconditionFailure("A store fails with its own error, not with \(error).")
        }
        return (objects, bytes)
    }
}

extension Workshop {
    /// The steps of the retraining and of its rollback.
    public var steps: [any DataStep] {
        [
            ExtractStep(workshop: self), SplitStep(workshop: self), TrainStep(workshop: self),
            EvaluateStep(workshop: self), GateStep(workshop: self), ScoreStep(workshop: self),
            PublishModelStep(workshop: self), RollBackStep(workshop: self), CollectStep(workshop: self),
        ]
    }
}
