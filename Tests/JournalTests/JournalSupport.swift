import Glibc
import Journal
import Logging
import Postgres
import PostgresTestSupport
import Synchronization

/// A log that says nothing: what is tested is said by outcomes.
let silent = Logger(label: "journal-tests") { _ in SwiftLogNoOpLogHandler() }

/// A database with the journal's tables in it.
func journalDatabase() async throws -> String {
    try await TestDatabase.copy(of: "journal") { url in
        let journal = Journal(url: url, incarnation: "template", log: silent)
        try await journal.migrate()
        await journal.close(deadline: .seconds(10))
    }
}

/// A journal that holds the lease.
func activeJournal(
    _ url: String, incarnation: String = "engine-1", settings: JournalSettings = JournalSettings()
) async throws -> Journal {
    let journal = Journal(url: url, incarnation: incarnation, log: silent, settings: settings)
    let lease = try await journal.takeLease(holder: "test", isStillHeldAfter: .seconds(30))
    guard lease == .taken else { throw TestSupportError("the lease is held: \(lease)") }
    return journal
}

/// Lower-case UUIDv7s of this month, one after the other.
enum IDs {
    private static let time: String = {
        let hex = String(Int64(Glibc.time(nil)) * 1000, radix: 16)
        let digits = String(repeating: "0", count: 12 - hex.count) + hex
        return "\(digits.prefix(8))-\(digits.suffix(4))"
    }()
    private static let next = Mutex<UInt64>(0)

    static func execution() -> String {
        let number = next.withLock { next in
            next += 1
            return next
        }
        let hex = String(number, radix: 16)
        return "\(time)-7000-8000-" + String(repeating: "0", count: 12 - hex.count) + hex
    }
}

extension JournalRow {
    /// The first row of an execution.
    static func first(
        _ id: String, machine: String = "ingest", name: String? = nil, inputHash: String = "h", at: Int64 = 1
    ) -> JournalRow {
        let name = name ?? id
        return JournalRow(
            executionID: id, seq: 0, at: at, effects: #"{"started":"\u0000"}"#,
            name: ExecutionName(machine: machine, name: name, inputHash: inputHash),
            listing: ListEntry(
                executionID: id, machine: machine, name: name, status: "RUNNING", startedAt: at, projectedSeq: 0))
    }

    /// A later row.
    static func later(_ id: String, _ seq: Int64, effects: String = "{}") -> JournalRow {
        JournalRow(executionID: id, seq: seq, at: seq + 1, effects: effects)
    }

    /// The last row.
    static func ended(_ id: String, _ seq: Int64, status: String, machine: String = "ingest", at: Int64 = 1)
        -> JournalRow
    {
        JournalRow(
            executionID: id, seq: seq, at: at, effects: "{}",
            listing: ListEntry(
                executionID: id, machine: machine, name: id, status: status, startedAt: at, stoppedAt: at + 1,
                error: status == "FAILED" ? "Showrunner.SourceInvalid" : nil,
                cause: status == "FAILED" ? "stream 0 at 00:00:01" : nil, projectedSeq: seq))
    }
}

/// A log that tells the test of each try that is repeated: tests wait for it instead of for time.
final class Repetitions: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    private let noted = Mutex<[String]>([])

    var log: Logger { Logger(label: "journal-tests") { _ in Handler(repetitions: self) } }

    /// Why tries were repeated so far.
    var reasons: [String] { noted.withLock { $0 } }

    /// Returns when a try has failed for a reason that contains the text.
    func next(containing text: String) async {
        for await error in stream where error.contains(text) { return }
    }

    private struct Handler: LogHandler {
        let repetitions: Repetitions
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard let error = event.metadata?["error"] else { return }
            repetitions.noted.withLock { $0.append("\(error)") }
            repetitions.continuation.yield("\(error)")
        }
    }
}

/// Runs until the condition, asked over and over on a connection of its own, holds.
func waitUntil(
    _ url: String, _ condition: String, _ parameters: [PostgresValue] = []
) async throws {
    let connection = try await PostgresConnection.connect(url, applicationName: "watch", deadline: .seconds(10))
    while try await !connection.query("SELECT \(condition)", parameters, deadline: .seconds(10))[0].bool(0) {
        await Task.yield()
    }
    await connection.close()
}
