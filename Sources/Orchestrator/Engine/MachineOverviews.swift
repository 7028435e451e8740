public import JSON
import Journal
import Postgres

/// What operators see of state machines: how their executions went, and what they are. Members that the wire API has too
/// have its names.
public protocol MachineService: Sendable {
    /// Machines by name, each with its figures, in pages of at most ``Engine/machinesPerPage``.
    ///
    /// - Parameter mark: `next` of the page before.
    func machineOverviews(after mark: String?) async throws(EngineError) -> JSON
    /// One machine with its versions and aliases. Throws `.machineNotFound`.
    func machineOverview(_ name: String) async throws(EngineError) -> JSON
    /// What a machine by name, or a machine or version by ARN, does: its definition as it is kept. Throws `.machineNotFound`
    /// and `.invalidARN`.
    func machineDefinition(_ nameOrARN: String) async throws(EngineError) -> JSON
}

extension Engine: MachineService {
    /// Each has its figures read.
    static let machinesPerPage = 500

    /// The time in which starts count for the figures, in hours.
    private static let figureHours = 24
    /// How far executions are counted where one machine is looked at, and where many are.
    private static let countedTo = (ofOne: 10_000, ofMany: 1_000)

    public func machineOverviews(after mark: String?) async throws(EngineError) -> JSON {
        let page = try listMachines(limit: Self.machinesPerPage, after: mark)
        let lines = try await overviews(
            of: page.items.compactMap { machines[$0.name] }, countedTo: Self.countedTo.ofMany)
        return .members(
            ("machines", .array(lines)), ("next", page.next.map(JSON.string)),
            ("figureHours", .integer(Self.figureHours)), ("countedTo", .integer(Self.countedTo.ofMany)))
    }

    public func machineOverview(_ name: String) async throws(EngineError) -> JSON {
        try requireReady()
        let machine = try machine(named: name, asked: name)
        guard var overview = try await overviews(of: [machine], countedTo: Self.countedTo.ofOne).first else {
            preconditionFailure("each machine asked for has its figures")
        }
        overview["figureHours"] = .integer(Self.figureHours)
        overview["countedTo"] = .integer(Self.countedTo.ofOne)
        overview["versions"] = .array(
            machine.versions.values.sorted { $0.number > $1.number }.map { version in
                .members(
                    ("version", .integer(version.number)),
                    ("stateMachineVersionArn", .string(machine.arn(of: version))),
                    ("description", version.description.map(JSON.string)),
                    ("creationDate", .instant(microseconds: version.createdAt)),
                    ("isCurrent", .bool(version.revision.id == machine.current.id)))
            })
        overview["aliases"] = .array(
            machine.aliases.values.map { alias in
                .members(
                    ("name", .string(alias.name)), ("stateMachineAliasArn", .string(machine.arn(of: alias))),
                    ("description", alias.description.map(JSON.string)),
                    (
                        "routingConfiguration",
                        .array(
                            alias.routes.map {
                                ["version": .integer($0.version), "weight": .integer($0.weight)]
                            })
                    ), ("updateDate", .instant(microseconds: alias.updatedAt)))
            })
        return overview
    }

    public func machineDefinition(_ nameOrARN: String) async throws(EngineError) -> JSON {
        let view = try await machine(nameOrARN)
        return [
            "stateMachineArn": .string(view.arn), "definition": .string(view.definition),
            "updateDate": .instant(microseconds: view.updatedAt),
        ]
    }

    /// Lines of machines, in their order.
    private func overviews(of machines: [Machine], countedTo: Int) async throws(EngineError) -> [JSON] {
        let byName = try await figures(of: machines.map(\.name), countedTo: countedTo)
        return machines.map { machine in
            guard let figures = byName[machine.name] else {
                preconditionFailure("each machine asked for has its figures")
            }
            return .members(
                ("name", .string(machine.name)), ("stateMachineArn", .string(machine.arn)),
                ("type", .string(machine.type.rawValue)),
                ("status", .string(machine.isDeleting ? "DELETING" : "ACTIVE")),
                ("creationDate", .instant(microseconds: machine.createdAt)),
                ("updateDate", .instant(microseconds: machine.current.createdAt)),
                ("versionCount", .integer(machine.versions.count)), ("aliasCount", .integer(machine.aliases.count)),
                ("currentVersion", machine.version(of: machine.current).map { .integer($0.number) }),
                ("figures", json(figures, countedTo: countedTo)))
        }
    }

    /// Figures of machines by their names: all who ask the same share one reading, and what it found for some seconds.
    private func figures(
        of machines: [String], countedTo: Int
    ) async throws(EngineError) -> [String: MachineFigures] {
        let question = FigureReadings.Question(machines: machines, countedTo: countedTo)
        let reading: FigureReadings.Reading
        if let shared = figureReadings.shared(question, at: now) {
            reading = shared
        } else {
            let since = now - Int64(Self.figureHours) * 3_600_000_000
            reading = Task { [journal] () async -> FigureReadings.Answer in
                do throws(PostgresError) {
                    return .success(
                        try await journal.machineFigures(of: machines, since: since, most: Int64(countedTo)))
                } catch { return .failure(error) }
            }
            figureReadings.begin(reading, question)
            figureReadings.end(question, await reading.value, at: now)
        }
        switch await reading.value {
        case .success(let figures): return Dictionary(figures.map { ($0.machine, $0) }) { first, _ in first }
        case .failure(let error): throw .unavailable(error.message)
        }
    }

    private func json(_ figures: MachineFigures, countedTo: Int) -> JSON {
        let rate = FailureRate(
            failed: Int(figures.failed + figures.timedOut), succeeded: Int(figures.succeeded),
            failuresGoOn: max(figures.failed, figures.timedOut) >= Int64(countedTo),
            successesGoOn: figures.succeeded >= Int64(countedTo))
        return .members(
            ("running", .integer(Int(figures.running))), ("succeeded", .integer(Int(figures.succeeded))),
            ("failed", .integer(Int(figures.failed))), ("timedOut", .integer(Int(figures.timedOut))),
            ("aborted", .integer(Int(figures.aborted))),
            ("failureRate", rate.map { .double($0.share) }),
            ("failureRateBound", rate?.bound.map { .string($0.rawValue) }),
            ("latestStart", figures.latestStart.map(JSON.instant(microseconds:))),
            ("typicalSeconds", figures.typicalDuration.map { .double(Double($0) / 1_000_000) }),
            ("lastFailure", figures.lastFailure.map { view($0).json }))
    }
}

/// Which share of a machine's executions failed, of those that succeeded or failed by themselves.
struct FailureRate: Equatable {
    /// What is known of a share whose counts were not brought to their end.
    enum Bound: String {
        case atMost = "AT_MOST"
        case atLeast = "AT_LEAST"
    }

    /// From 0 to 1.
    let share: Double
    /// Nil where the share is exact.
    let bound: Bound?

    /// Nil where there is nothing to tell: none of either, or too many of both.
    init?(failed: Int, succeeded: Int, failuresGoOn: Bool, successesGoOn: Bool) {
        guard failed + succeeded > 0, !(failuresGoOn && successesGoOn) else { return nil }
        share = Double(failed) / Double(failed + succeeded)
        bound = successesGoOn ? .atMost : failuresGoOn ? .atLeast : nil
    }
}
