import Interpreter
public import JSON
public import Journal
import StatesLanguage

/// An execution as its journal has it, after all rows or so many: folded without an engine, from the database alone.
///
/// It holds no payload, no token and no secret: of what flows it tells how large it is.
public struct JournalReport: Sendable {
    private let folded: FoldedExecution
    /// How many rows the journal has, and the row that the fold began behind: a snapshot's, or none.
    private let rowCount: Int64
    private let snapshotSeq: Int64?
    private let lastRow: StoredRow?

    /// Folds an execution.
    ///
    /// - Parameters:
    ///   - id: its UUID.
    ///   - seq: the last row to fold; nil: all.
    ///   - usesSnapshots: else every row is folded, from the first on.
    ///
    /// Nil where the journal has no such execution. Throws what can't be read, with the row that can't be.
    public static func make(
        of id: String, at seq: Int64? = nil, usesSnapshots: Bool = true, journal: Journal
    ) async throws -> JournalReport? {
        guard let rowCount = try await journal.rowCount(of: id) else { return nil }
        let end = min(seq.map { $0 + 1 } ?? rowCount, rowCount)
        var snapshot: StoredSnapshot?
        if usesSnapshots { snapshot = try await journal.snapshot(of: id, format: RunSnapshot.format, nextSeq: end) }
        var rows: [StoredRow] = []
        var next = snapshot?.nextSeq ?? 0
        while next < end {
            let page = try await journal.rows(of: id, from: next, limit: min(1_000, end - next))
            guard let last = page.last else { break }
            rows += page
            next = last.seq + 1
        }
        let stored = StoredExecution(id: id, snapshot: snapshot, rows: rows)
        guard let opened = try FoldedExecution.open(stored) else { return nil }
        let folded = try FoldedExecution.fold(
            stored, opened, try await ParsedDefinition.read(opened.start.definitionHash, from: journal))
        return JournalReport(
            folded: folded, rowCount: rowCount, snapshotSeq: snapshot.map { $0.nextSeq - 1 }, lastRow: rows.last)
    }

    /// Whether two folds give the same execution.
    public func agrees(with other: JournalReport) -> Bool { folded.execution == other.folded.execution }

    /// Everything, for programs.
    public var json: JSON {
        let execution = folded.execution
        return .members(
            ("executionArn", .string(execution.arn)), ("id", .string(execution.id)),
            ("status", .string(execution.outcome?.status ?? RunStatus.running.rawValue)),
            ("rows", .integer(rowCount)), ("seq", .integer(folded.seq - 1)),
            ("snapshotSeq", snapshotSeq.map { .integer($0) }), ("writer", lastRow.map { .string($0.writer) }),
            ("at", .instant(microseconds: execution.at)), ("startDate", .instant(microseconds: execution.startedAt)),
            ("stopDate", execution.stoppedAt.map { .instant(microseconds: $0) }),
            ("definitionHash", .string(execution.start.definitionHash)), ("events", .integer(execution.eventCount)),
            ("redriveCount", .integer(execution.redriveCount)), ("error", ending.error.map(JSON.string)),
            ("cause", ending.cause.map(JSON.string)), ("states", .array(states)), ("tasks", .array(tasks)),
            ("timers", .array(timers)), ("children", .integer(execution.pendingChildren.count)),
            ("variables", .array(variables)), ("inputBytes", .integer(execution.start.input.utf8.count)))
    }

    private var ending: (error: String?, cause: String?) {
        switch folded.execution.outcome {
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            (error, cause)
        case .succeeded, nil: (nil, nil)
        }
    }

    private func path(of entry: Entry) -> String {
        folded.execution.scopeOfEntry[entry.id].map { folded.execution.path(of: $0) } ?? ""
    }

    private func name(of phase: Phase) -> String {
        switch phase {
        case .entered: "to be evaluated"
        case .waiting: "waiting"
        case .task(let attempt):
            attempt.isCalledBack ? "waiting for its token" : attempt.started == nil ? "queued" : "started"
        case .backingOff: "backing off"
        case .branching: "branching"
        case .readingItems: "reading items"
        case .writingResults: "writing results"
        }
    }

    private var states: [JSON] {
        folded.execution.openEntries.map { entry in
            .members(
                ("entry", .integer(entry.id)), ("name", .string(entry.state)), ("path", .string(path(of: entry))),
                ("phase", .string(name(of: entry.phase))), ("enteredAt", .instant(microseconds: entry.enteredAt)),
                ("retryCount", .integer(entry.retryCount)), ("inputBytes", .integer(entry.input.utf8.count)))
        }
    }

    private var tasks: [JSON] {
        folded.execution.openEntries.compactMap { entry in
            guard case .task(let attempt) = entry.phase else { return nil }
            return .members(
                ("entry", .integer(entry.id)), ("name", .string(entry.state)), ("resource", .string(attempt.resource)),
                ("attempt", .integer(entry.retryCount + 1)), ("phase", .string(name(of: entry.phase))),
                ("scheduledAt", .instant(microseconds: attempt.scheduledAt)),
                ("worker", attempt.started.map { .string($0.worker) }),
                ("startedAt", attempt.started.map { .instant(microseconds: $0.at) }),
                ("timeoutSeconds", attempt.timeoutSeconds.map { .integer($0) }),
                ("heartbeatSeconds", attempt.heartbeatSeconds.map { .integer($0) }))
        }
    }

    private var timers: [JSON] {
        folded.execution.timers.sorted { $0.at < $1.at }.map { timer in
            .members(
                ("at", .instant(microseconds: timer.at)), ("entry", timer.entry.map { .integer($0) }),
                (
                    "name",
                    .string(timer.entry.flatMap { folded.execution.entry($0)?.state } ?? "(TimeoutSeconds)")
                ))
        }
    }

    private var variables: [JSON] {
        folded.execution.scopes.values.sorted { $0.id < $1.id }.flatMap { scope in
            scope.variables.map { name, value in
                .members(
                    ("scope", .string(folded.execution.path(of: scope.id))), ("name", .string(name)),
                    ("bytes", .integer(value.utf8.count)))
            }
        }
    }
}

extension ParsedDefinition {
    /// A definition that the journal keeps.
    static func read(_ hash: String, from journal: Journal) async throws -> ParsedDefinition {
        guard let text = try await journal.definition(hash) else {
            throw JournalFault(reason: "the definition \(hash) is not stored")
        }
        guard let machine = Definition.read(json: text).machine else {
            throw JournalFault(reason: "the definition \(hash) can't be read")
        }
        return ParsedDefinition(hash: hash, text: text, machine: machine)
    }
}
