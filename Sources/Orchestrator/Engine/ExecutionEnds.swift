import Interpreter
public import Journal
import Postgres

/// Ends of executions, for whoever is told of each of them.
///
/// The lists say which executions have ended and when; how one stood at an end of its, the journal. Both hold committed rows
/// alone, so that nobody is told of what may never have been.
public protocol ExecutionEnds: Sendable {
    /// Up to when all ends are known; nil while the engine does not serve.
    func endHorizon() async -> EndHorizon?
    /// Executions that ended behind a mark and before an instant, in the order of their ends, as the lists have them.
    /// Children of Map Runs are left out.
    func endedRuns(after mark: EndMark, before horizon: Int64, limit: Int) async throws(EngineError) -> [RunView]
    /// The same of those that were redriven, in the order of their last redrives: of ends before that the lists tell nothing.
    func redrivenRuns(after mark: EndMark, before horizon: Int64, limit: Int) async throws(EngineError) -> [RunView]
    /// When an execution was at its ends that a redrive followed, oldest first: the n-th had been redriven n times.
    func earlierEnds(of id: String) async throws(EngineError) -> [Int64]
    /// An execution as it was when it ended after so many redrives; nil where it did not.
    func end(of id: String, redriveCount: Int) async throws(EngineError) -> RunDetail?
    /// From when on a trigger is to be told of ends: where it was told last, some time before that, since clocks of engines
    /// differ, and never what ended before ends became its business. That is now, where they were not.
    func beginTelling(_ trigger: String) async throws(EngineError) -> ToldEnds
    /// A trigger has been told of all that ended before an instant. Engine time, in microseconds since 1970.
    func noteTold(_ trigger: String, through instant: Int64) async throws(EngineError)
    /// Ends are the business of these triggers and of no other: those begin anew when they come back.
    func tellOnly(_ triggers: Set<String>) async throws(EngineError)
}

/// A place in the order of executions by an instant of theirs: their end, or their last redrive.
public struct EndMark: Sendable, Hashable, Comparable {
    /// Engine time, in microseconds since 1970.
    public let at: Int64
    /// The execution's UUID.
    public let id: String

    public init(at: Int64, id: String) {
        self.at = at
        self.id = id
    }

    /// Before every execution of an instant.
    public init(before at: Int64) { self.init(at: at, id: "00000000-0000-0000-0000-000000000000") }

    public static func < (left: EndMark, right: EndMark) -> Bool { (left.at, left.id) < (right.at, right.id) }
}

/// What is known of ends. Engine time, in microseconds since 1970.
public struct EndHorizon: Sendable, Equatable {
    /// Every end and every redrive before this instant is committed, and none will come.
    public let instant: Int64
    /// When the latest end or redrive was that this engine has committed; 0 where there was none.
    public let latest: Int64

    public init(instant: Int64, latest: Int64) {
        self.instant = instant
        self.latest = latest
    }
}

extension Engine: ExecutionEnds {
    /// Rows are made by one engine at a time, each not before the instant at which it is made; what its predecessor did not
    /// commit before the lease was taken is never committed. Children of Map Runs, whose first rows are made a little after
    /// the instant they have, are left out of the lists of ends.
    public func endHorizon() -> EndHorizon? {
        guard isReady else { return nil }
        return EndHorizon(instant: min(now, outbox.oldest ?? .max), latest: latestEnd)
    }

    /// A row that ends an execution, or opens it again, is committed.
    func noteEnd(of run: Run, at instant: Int64) {
        guard run.execution.start.parent == nil else { return }
        latestEnd = max(latestEnd, instant)
    }

    public func endedRuns(
        after mark: EndMark, before horizon: Int64, limit: Int
    ) async throws(EngineError) -> [RunView] {
        try await runs { journal async throws(PostgresError) in
            try await journal.endedExecutions(after: (mark.at, mark.id), before: horizon, limit: limit)
        }
    }

    public func redrivenRuns(
        after mark: EndMark, before horizon: Int64, limit: Int
    ) async throws(EngineError) -> [RunView] {
        try await runs { journal async throws(PostgresError) in
            try await journal.redrivenExecutions(after: (mark.at, mark.id), before: horizon, limit: limit)
        }
    }

    /// A page of the lists.
    private func runs(
        _ page: @Sendable (Journal) async throws(PostgresError) -> [ListEntry]
    ) async throws(EngineError) -> [RunView] {
        try requireReady()
        do throws(PostgresError) { return try await page(journal).map(listed) } catch {
            throw .unavailable("\(error)")
        }
    }

    public func earlierEnds(of id: String) async throws(EngineError) -> [Int64] {
        let rows = try await allRows(of: id)
        return try Self.redrives(in: rows).map { rows[$0 - 1].at }
    }

    public func end(of id: String, redriveCount: Int) async throws(EngineError) -> RunDetail? {
        try requireReady()
        if let suspect = suspects[id], suspect.event == "load" {
            throw EngineError(code: .conflict, message: "\(suspect.sentence) It is not looked at.")
        }
        let last: Run?
        do { last = if let running = runs[id] { running } else { try await restore(id) } } catch {
            throw readingFailure(id, error)
        }
        guard let last else { return nil }
        if !last.execution.isOpen, last.execution.redriveCount == redriveCount { return detail(of: last) }
        let rows = try await allRows(of: id)
        let redrives = try Self.redrives(in: rows)
        guard redriveCount < redrives.count else { return nil }
        let before = Array(rows[..<redrives[redriveCount]])
        let past: Run?
        do { past = try await restore(StoredExecution(id: id, snapshot: nil, rows: before)) } catch {
            throw readingFailure(id, error)
        }
        return past.map { detail(of: $0) }
    }

    /// Places of the rows that redrove an execution: those before each, of which there are some, are the execution as it had
    /// ended.
    private static func redrives(in rows: [StoredRow]) throws(EngineError) -> [Int] {
        var places: [Int] = []
        // Decoding an execution's whole journal takes long, and very few rows are meant.
        for (place, row) in rows.enumerated() where row.effects.contains("executionRedriven") {
            let effects: [Effect]
            do throws(JournalFormatError) { effects = try Effect.decode(row.effects) } catch {
                throw EngineError(code: .conflict, message: "Row \(row.seq) can't be read: \(error).")
            }
            guard effects.contains(where: { if case .executionRedriven = $0 { true } else { false } }) else { continue }
            guard place > 0 else {
                throw EngineError(code: .conflict, message: "Row \(row.seq) redrives an execution that has not begun.")
            }
            places.append(place)
        }
        return places
    }

    private func allRows(of id: String) async throws(EngineError) -> [StoredRow] {
        try requireReady()
        do {
            let rows = try await journal.load(id)
            return rows.isEmpty ? try await archivedRows(of: id) : rows
        } catch {
            throw readingFailure(id, error)
        }
    }

    private func readingFailure(_ id: String, _ error: any Error) -> EngineError {
        error is PostgresError
            ? .unavailable("\(error)")
            : EngineError(code: .conflict, message: "The execution \(id) can't be read: \(error)")
    }

    /// So far before the place where it was told last a trigger is told again after a start of the engine, in microseconds:
    /// clocks of engines that follow each other differ by less.
    static let endOverlap: Int64 = 60_000_000

    public func beginTelling(_ trigger: String) async throws(EngineError) -> ToldEnds {
        try requireReady()
        let now = self.now
        try await changeTrigger(trigger) { stored in
            // Another engine's clock may have been ahead: what this one ends is later than its own now, and no more.
            stored.told = ToldEnds(
                since: min(stored.told?.since ?? now, now), through: min(stored.told?.through ?? now, now))
        }
        guard let told = try await storedTrigger(trigger).told else {
            throw EngineError.unavailable("The trigger '\(trigger)' has just lost its place.")
        }
        return ToldEnds(since: told.since, through: max(told.since, told.through - Self.endOverlap))
    }

    public func noteTold(_ trigger: String, through instant: Int64) async throws(EngineError) {
        try requireReady()
        try await changeTrigger(trigger) { stored in
            guard let told = stored.told else { return }
            stored.told?.through = max(told.through, instant)
        }
    }

    public func tellOnly(_ triggers: Set<String>) async throws(EngineError) {
        try requireReady()
        try await changingRegistry { () async throws(EngineError) in try await loadTriggers() }
        for stored in scheduling.triggers.values where stored.told != nil && !triggers.contains(stored.name) {
            try await changeTrigger(stored.name) { $0.told = nil }
        }
    }
}
