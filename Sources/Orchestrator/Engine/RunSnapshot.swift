import Interpreter
import JSON
import Journal
import Postgres
import StatesLanguage

/// An execution and what people see of it, as one text.
struct RunSnapshot {
    /// Goes up with every change of the form; ``Execution/snapshotVersion`` is a part of it.
    static let format = Int64(Execution.snapshotVersion) * 1000 + 1

    /// Below so many bytes of rows, folding them costs nothing worth a snapshot.
    static let minimumBytes = 64 << 10
    /// What is larger than this is folded from its rows.
    static let maximumBytes = 256 << 20

    let start: ExecutionStart
    private let document: JSON
    private let payloads: [JSON]

    static func text(_ execution: Execution, _ projection: RunProjection) -> String {
        var table = PayloadTable()
        let document: JSON = [
            "execution": execution.snapshot(&table), "projection": projection.snapshot(&table),
            "payloads": .array(table.values),
        ]
        return document.text
    }

    static func read(_ text: String) throws(SnapshotError) -> RunSnapshot {
        let document: JSON
        do { document = try JSON(parsing: text) } catch { throw SnapshotError(reason: error.description) }
        guard let execution = document["execution"], let payloads = document["payloads"]?.arrayValue else {
            throw SnapshotError(reason: "no execution or no payloads")
        }
        return RunSnapshot(
            start: try ExecutionStart(snapshot: execution), document: document, payloads: payloads)
    }

    func execution(
        of id: String, _ definition: MachinePlan
    ) throws(SnapshotError) -> (execution: Execution, projection: RunProjection) {
        guard let execution = document["execution"], let projection = document["projection"] else {
            throw SnapshotError(reason: "no execution or no projection")
        }
        return (
            try Execution(id: id, snapshot: execution, payloads: payloads, start: start, definition: definition),
            try RunProjection(snapshot: projection, payloads: payloads)
        )
    }
}

extension Engine {
    /// After a row went in: where the rows since the last snapshot outweigh it, another is written, so that loading an
    /// execution costs the same however long it has gone on. Nobody waits for it.
    func keepSnapshot(of run: Run, after bytes: Int) {
        run.folded.bytesSinceSnapshot += bytes
        guard run.folded.bytesSinceSnapshot > max(run.folded.snapshotBytes, limits.snapshotBytes),
            !run.isKeepingSnapshot, run.execution.isOpen, !run.execution.start.deployment.isExpress
        else { return }
        run.isKeepingSnapshot = true
        let (execution, projection, seq) = (run.execution, run.projection, run.seq)
        run.folded.bytesSinceSnapshot = 0
        Task {
            let text = await Self.snapshotText(execution, projection)
            run.folded.snapshotBytes = text.utf8.count
            if text.utf8.count <= RunSnapshot.maximumBytes {
                do throws(PostgresError) {
                    try await self.journal.keepSnapshot(
                        StoredSnapshot(
                            executionID: execution.id, nextSeq: seq, events: Int64(execution.eventCount), body: text),
                        format: RunSnapshot.format)
                    self.snapshotCount += 1
                } catch {
                    // The rows are there; the next snapshot makes good for it.
                    self.log.warning(
                        "a snapshot was not kept", metadata: ["execution": "\(execution.id)", "error": "\(error)"])
                }
            }
            run.isKeepingSnapshot = false
        }
    }

    /// Away from the engine: a large execution takes a while to write out.
    @concurrent private static func snapshotText(_ execution: Execution, _ projection: RunProjection) async -> String {
        RunSnapshot.text(execution, projection)
    }
}
