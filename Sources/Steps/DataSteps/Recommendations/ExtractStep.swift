import CatalogStore
import JSON
import Postgres
import Recommender
import StepContracts

/// Gathers what profiles did up to a moment, and the catalogue as it is. The same moment gives the same bytes, whenever it is
/// asked and however often, as long as nobody changes titles, ratings or ceilings.
struct ExtractStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .extractInteractions }

    /// Rows of one read.
    private static let page = 20_000
    /// Who records an event stamps it when its statement begins, and a statement ends within five seconds: what is this
    /// old is all there.
    static let settleSeconds: Int64 = 10

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let cutoff = try input.moment("cutoff")
        let days = try input.integer("days", 730, in: 1...RecommendationLimits.days)
        try await settle(cutoff)
        var builder = ExtractBuilder(cutoff: cutoff, catalogue: try await catalogue(at: cutoff))
        var cursor: InteractionTable.Cursor?
        var profile: (account: String, id: String)?
        var events = 0
        while true {
            let after = cursor
            let page = try await workshop.asking { () throws(PostgresError) in
                try await workshop.interactions.events(
                    recordedBefore: cutoff, since: cutoff - Int64(days) * 86_400, after: after, limit: Self.page)
            }
            guard !Task.isCancelled else { throw .cancelled("the step was told to stop") }
            for row in page {
                if profile.map({ $0 != (row.accountID, row.profileID) }) ?? true {
                    profile = (row.accountID, row.profileID)
                    builder.begin(
                        profile: InteractionTable.name(row.accountID, row.profileID), ceiling: row.ceiling)
                }
                guard let kind = ViewerEvent.Kind(rawValue: row.event.kind) else {
                    preconditionFailure("The catalogue holds an event of the kind \(row.event.kind).")
                }
                builder.add(
                    title: row.event.titleID, kind: kind, value: Float(row.event.value), time: row.event.time)
            }
            events += page.count
            report(StepProgress(stage: "extract", frames: events))
            guard events <= RecommendationLimits.events,
                builder.interactionCount <= RecommendationLimits.interactions
            else {
                throw .resourceExhausted(
                    "there are more than \(RecommendationLimits.interactions) interactions; take fewer 'days'")
            }
            guard page.count == Self.page, let last = page.last else { break }
            cursor = last.cursor
        }
        let gathered = builder
        let (bytes, counts) = try await workshop.compute { () throws(StepFailure) in
            let extract = gathered.finish()
            return (
                ExtractFile.encode(extract),
                (extract.profiles.count, extract.titles.count, extract.interactions.count)
            )
        }
        return .members(
            ("extract", try await workshop.put(bytes, .extract)),
            ("cutoff", .string(StepInput.text(moment: cutoff))), ("profiles", .integer(counts.0)),
            ("titles", .integer(counts.1)), ("interactions", .integer(counts.2)))
    }

    /// Waits until the cut-off is so long ago that all from before it is there.
    private func settle(_ cutoff: Int64) async throws(StepFailure) {
        while true {
            let now = try await workshop.asking { () throws(PostgresError) in
                try await workshop.interactions.now()
            }
            let left = cutoff + Self.settleSeconds - now
            if left <= 0 { return }
            guard left <= 60 else {
                throw .parametersInvalid(
                    "'cutoff' is \(StepInput.text(moment: cutoff)), which is still \(left - Self.settleSeconds) s ahead"
                )
            }
            do { try await ContinuousClock().sleep(for: .seconds(left)) } catch {
                throw .cancelled("the step was told to stop")
            }
        }
    }

    private func catalogue(at moment: Int64) async throws(StepFailure) -> [ExtractBuilder.Title] {
        let limits = try await workshop.asking { () throws(PostgresError) in
            try await workshop.catalogue.titleLimits()
        }
        var titles: [ExtractBuilder.Title] = []
        var before: Int64?
        while true {
            let from = before
            let page = try await workshop.asking { () throws(PostgresError) in
                try await workshop.catalogue.titles(before: from, limit: 1000)
            }
            for title in page {
                let limit = limits[title.id]
                // Where it is offered is decided when it is shown; here counts whether it is anywhere.
                let isOffered =
                    limit?.offers.isEmpty != false
                    || limit?.offers.contains { offer in
                        offer.from.map { $0 <= moment } ?? true && offer.to.map { moment < $0 } ?? true
                    } == true
                titles.append(
                    ExtractBuilder.Title(
                        id: title.id,
                        description: TitleDescription(
                            title: title.name, genres: title.genres.map(\.slug), people: title.people, year: title.year),
                        age: limit?.minimumAge, isAvailable: isOffered))
            }
            guard titles.count <= RecommendationLimits.titles else {
                throw .resourceExhausted("there are more than \(RecommendationLimits.titles) titles")
            }
            guard page.count == 1000, let last = page.last else { return titles }
            before = last.version
        }
    }
}

/// Cuts an extract by time.
struct SplitStep: DataStep {
    let workshop: Workshop
    var contract: StepContract { .splitInteractions }

    func run(
        _ task: StepTask, report: @escaping @Sendable (StepProgress) -> Void
    ) async throws(StepFailure) -> JSON {
        let input = StepInput(document: task.input)
        let share = try input.number("share", 0.2, in: 0.01...0.9)
        let profiles = try input.integer("profiles", 2000, in: 1...RecommendationLimits.measuredProfiles)
        let seed = try input.integer("seed", 1, in: 0...(1 << 53))
        let extract = try await workshop.extract(task.input, "extract")
        report(StepProgress(stage: "split"))
        let (training, truth, split) = try await workshop.compute { () throws(StepFailure) in
            let split = extract.split(share: share, limit: profiles, seed: UInt64(seed))
            return (ExtractFile.encode(split.training), ExtractFile.encode(split.truth), split)
        }
        return .members(
            ("training", try await workshop.put(training, .extract)),
            ("truth", try await workshop.put(truth, .extract)), ("at", .string(StepInput.text(moment: split.at))),
            ("trainingInteractions", .integer(split.training.interactions.count)),
            ("truthProfiles", .integer(split.truth.profiles.count)))
    }
}
