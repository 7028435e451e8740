import ArgumentParser
import Encodings
import JSON
import Journal
import Logging
import ObjectStorage
import Postgres
import TerminalOutput

struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention", abstract: "Move old months of the journal into the object store.",
        discussion: """
            The runs of a month leave the database when none of them is open or can still be redriven. Their rows are \
            written to journal/YYYY-MM/ in the store as JSON Lines, gzip; their history is shown from there. Nothing waits \
            for this but this: it gives way to others' locks, and goes on where it was when it is called again.

            Example:
              showrunner retention --database postgresql://showrunner@db/showrunner \\
                --store s3://media/films --dry-run
            """)

    @Option(help: "The database, as a libpq connection URI. Default: SHOWRUNNER_DATABASE.")
    var database: String?
    @Option(help: "The object store that the engine has: a directory or s3://BUCKET/PREFIX.")
    var store: String
    @Option(help: "How many months before the present one stay in the database.")
    var keepMonths = 6
    @Flag(help: "Only say what would be moved, and what keeps the others.")
    var dryRun = false
    @Flag(help: "Print JSON.")
    var json = false

    /// RedriveExecution takes what ended within 14 days.
    static let redrivablePeriod: Int64 = 14 * 86_400 * 1_000_000

    func validate() throws {
        guard (1...1_200).contains(keepMonths) else {
            throw ValidationError("--keep-months has to be from 1 to 1200")
        }
    }

    func run() async throws {
        let url = try DatabaseArgument.url(database)
        let store = try Usage.check { () throws(ObjectStorageError) in
            try openStore(self.store, environment: ProcessEnvironment.variables)
        }
        let journal = Journal(
            url: url, incarnation: "retention", log: Logger(label: "retention") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await retire(journal, store)
        } catch {
            await journal.close(deadline: .zero)
            throw error
        }
        await journal.close(deadline: .zero)
    }

    private func retire(_ journal: Journal, _ store: any ObjectStore) async throws {
        let months = try await journal.months(before: keepMonths, redrivablePeriod: Self.redrivablePeriod)
        let retention = JournalRetention(journal: journal, store: store)
        var lines: [JSON] = []
        // What has been moved is told even where a later month fails.
        defer { if json { Terminal.json(["months": .array(lines)]) } }
        for month in months {
            var line: JSON = ["month": .string(month.label.replacing("_", with: "-"))]
            if let hindrance = month.hindrance {
                line["stays"] = .string(hindrance)
            } else if dryRun {
                line["moves"] = true
            } else {
                line["rows"] = .integer(try await retention.retire(month))
            }
            lines.append(line)
            // At once: the next month may take long, or fail.
            if !json { Self.show(line) }
        }
        if lines.isEmpty, !json { Terminal.line("no month is older than \(counted(keepMonths, "month"))") }
    }

    private static func show(_ line: JSON) {
        let month = line["month"]?.stringValue ?? ""
        if let reason = line["stays"]?.stringValue {
            Terminal.line("\(month) stays: \(reason)")
        } else if let rows = line["rows"]?.integerValue {
            Terminal.line("\(month) moved: \(counted(rows, "row"))")
        } else {
            Terminal.line("\(month) would be moved")
        }
    }
}
