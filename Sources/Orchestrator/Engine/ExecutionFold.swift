import Interpreter
import JSON
import Journal
import StatesLanguage

/// An execution as its rows make it, with what people see of it.
struct FoldedExecution: Sendable {
    var execution: Execution
    /// The definition's text.
    let definition: String
    var projection: RunProjection
    /// How many rows it is the fold of.
    var seq: Int64
    /// Of rows since the last snapshot, and of that.
    var bytesSinceSnapshot: Int
    var snapshotBytes: Int
}

extension FoldedExecution {
    /// Of no rows yet.
    init(_ execution: Execution, definition: String) {
        self.init(
            execution: execution, definition: definition, projection: RunProjection(), seq: 0, bytesSinceSnapshot: 0,
            snapshotBytes: 0)
    }
}

extension FoldedExecution {
    /// Takes one more effect in. What people see is kept up before and after it in place: a copy of the execution as it was
    /// would be a copy of what the effect changes.
    mutating func apply(_ effect: Effect, at instant: Instant) {
        projection.observe(effect, before: execution, at: max(execution.at, instant))
        execution.apply(effect, at: instant)
        projection.observe(effect, after: execution)
    }

    /// What the execution was begun with, and its snapshot, read; nil when the journal has nothing of it.
    static func open(_ stored: StoredExecution) throws -> (start: ExecutionStart, snapshot: RunSnapshot?)? {
        if let snapshot = stored.snapshot {
            let read = try RunSnapshot.read(snapshot.body)
            return (read.start, read)
        }
        guard let first = stored.rows.first else { return nil }
        guard case .executionStarted(let start)? = try Effect.decode(first.effects).first else {
            throw JournalFault(reason: "the first row of \(stored.id) does not start it")
        }
        return (start, nil)
    }

    /// Folds what the journal has of an execution, evaluating nothing.
    ///
    /// - Parameter definition: the one that its start names.
    static func fold(
        _ stored: StoredExecution, _ opened: (start: ExecutionStart, snapshot: RunSnapshot?),
        _ definition: ParsedDefinition
    ) throws -> FoldedExecution {
        let start = opened.start
        guard start.plan(in: definition.plan) != nil else {
            throw JournalFault(
                reason: "the definition \(start.definitionHash) has no Map state that \(stored.id) is a child of")
        }
        var folded: FoldedExecution
        if let snapshot = stored.snapshot, let read = opened.snapshot {
            let (execution, projection) = try read.execution(of: stored.id, definition.plan)
            folded = FoldedExecution(
                execution: execution, definition: definition.text, projection: projection, seq: snapshot.nextSeq,
                bytesSinceSnapshot: 0, snapshotBytes: snapshot.body.utf8.count)
        } else {
            folded = FoldedExecution(
                Execution(id: stored.id, start: start, definition: definition.plan, at: stored.rows.first?.at ?? 0),
                definition: definition.text)
        }
        for row in stored.rows { try folded.take(row) }
        folded.projection.forgetChanges()
        return folded
    }

    private mutating func take(_ row: StoredRow) throws {
        guard row.seq == seq else {
            throw JournalFault(reason: "row \(seq) of \(execution.id) is missing: the next is \(row.seq)")
        }
        for effect in try Effect.decode(row.effects) { apply(effect, at: row.at) }
        seq += 1
        bytesSinceSnapshot += row.effects.utf8.count
    }
}

extension Engine {
    /// Folds an execution's rows; nil when there are none.
    func restore(_ id: String) async throws -> Run? {
        let stored = try await journal.stored(id, format: RunSnapshot.format)
        guard stored.rows.isEmpty, stored.snapshot == nil else { return try await restore(stored) }
        let rows = try await archivedRows(of: id)
        return try await restore(StoredExecution(id: id, snapshot: nil, rows: rows))
    }

    /// Where a snapshot can't be read, all rows are folded.
    func restore(_ stored: StoredExecution) async throws -> Run? {
        do {
            return try await fold(stored)
        } catch is SnapshotError {
            return try await fold(
                StoredExecution(id: stored.id, snapshot: nil, rows: try await journal.load(stored.id)))
        }
    }

    private func fold(_ stored: StoredExecution) async throws -> Run? {
        guard let opened = try FoldedExecution.open(stored) else { return nil }
        let definition = try await definition(opened.start.definitionHash)
        // What ends the engine here ends it whenever somebody looks.
        decisionNote?.begin(subject: stored.id, event: "load", execution: opened.start.name)
        defer { decisionNote?.end() }
        return Run(try FoldedExecution.fold(stored, opened, definition))
    }
}

/// Rows that don't make an execution.
struct JournalFault: Error, CustomStringConvertible {
    let reason: String

    var description: String { reason }
}
