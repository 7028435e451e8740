import ArgumentParser
import Engine
import JSON
import Journal
import Logging
import Postgres
import TerminalOutput

struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Fold a run's journal, without an engine, and print how it stands.",
        discussion: """
            Reads the database and changes nothing. Shows the states a run is in, its tasks, its timers and how large its \
            variables are; no payloads and no tokens.

            Example:
              showrunner journal ingest/night-42 \\
                --database postgresql://showrunner@db/showrunner
              showrunner journal ingest/night-42 --at 17 --check --json
            """)

    @Argument(help: "The run: MACHINE/NAME, its ARN or its id.")
    var execution: String
    @Option(help: "The database, as a libpq connection URI. Default: SHOWRUNNER_DATABASE.")
    var database: String?
    @Option(help: "Fold up to this row, counted from 0. Default: all.")
    var at: Int64?
    @Flag(help: "Fold every row too, and compare with what the last snapshot and the rows since give.")
    var check = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let at, at < 0 { throw ValidationError("--at has to be 0 or more") }
    }

    func run() async throws {
        let journal = try DatabaseArgument.readingJournal(database)
        do {
            try await report(journal)
        } catch {
            await journal.close(deadline: .zero)
            throw error
        }
        await journal.close(deadline: .zero)
    }

    private func report(_ journal: Journal) async throws {
        guard let id = try await id(journal),
            let report = try await JournalReport.make(of: id, at: at, journal: journal)
        else { throw CommandFailure("the journal has no run '\(execution)'") }
        if check {
            let whole = try await JournalReport.make(of: id, at: at, usesSnapshots: false, journal: journal)
            guard let whole, whole.agrees(with: report) else {
                throw CommandFailure(
                    "the last snapshot of '\(execution)' and the rows since give another execution than all rows do")
            }
        }
        if json { Terminal.json(report.json) } else { Self.show(report.json) }
    }

    private func id(_ journal: Journal) async throws -> String? {
        var (machine, name): (String, String)
        let parts = execution.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if execution.hasPrefix("arn:"), parts.count >= 8 {
            // The id stands in the ARN of an EXPRESS execution.
            if parts.count == 9, UUIDText.bytes(parts[8]) != nil { return parts[8].lowercased() }
            (machine, name) = (parts[6], parts[7])
        } else if let slash = execution.lastIndex(of: "/") {
            (machine, name) = (String(execution[..<slash]), String(execution[execution.index(after: slash)...]))
        } else {
            guard UUIDText.bytes(execution) != nil else {
                throw ValidationError("'\(execution)' is no id of a run: write MACHINE/NAME, its ARN or its id")
            }
            return execution.lowercased()
        }
        return try await journal.execution(byMachine: machine, name: name)?.executionID
    }

    private static func show(_ report: JSON) {
        func text(_ value: JSON, _ key: String) -> String {
            value[key].map { $0.stringValue ?? $0.text } ?? "-"
        }
        for (label, key) in [
            ("execution", "executionArn"), ("id", "id"), ("status", "status"), ("error", "error"), ("cause", "cause"),
            ("row", "seq"), ("of rows", "rows"), ("snapshot", "snapshotSeq"), ("writer", "writer"), ("at", "at"),
            ("started", "startDate"), ("stopped", "stopDate"), ("events", "events"), ("redrives", "redriveCount"),
            ("children", "children"), ("input", "inputBytes"),
        ] where report[key] != nil {
            Terminal.line(label + String(repeating: " ", count: 11 - label.count) + text(report, key))
        }
        for (title, key, columns) in [
            ("STATES", "states", ["entry", "name", "path", "phase", "enteredAt", "retryCount", "inputBytes"]),
            (
                "TASKS", "tasks",
                ["entry", "name", "attempt", "phase", "worker", "scheduledAt", "startedAt", "resource"]
            ),
            ("TIMERS", "timers", ["at", "entry", "name"]), ("VARIABLES", "variables", ["name", "bytes", "scope"]),
        ] {
            let rows = report[key]?.arrayValue ?? []
            guard !rows.isEmpty else { continue }
            Terminal.line("\n\(title)")
            Terminal.table([columns] + rows.map { row in columns.map { text(row, $0) } })
        }
    }
}

/// Commands that look into the database by themselves.
enum DatabaseArgument {
    static func url(_ given: String?) throws -> String {
        if let url = given ?? ProcessEnvironment.variables["SHOWRUNNER_DATABASE"], !url.isEmpty { return url }
        throw ValidationError("which database? --database URL, or SHOWRUNNER_DATABASE")
    }

    /// A journal that writes nothing: its sessions are read-only.
    static func readingJournal(_ given: String?) throws -> Journal {
        var settings = JournalSettings()
        settings.isReadOnly = true
        settings.readDeadline = .seconds(10)
        return Journal(
            url: try url(given), incarnation: "reader", log: Logger(label: "journal") { _ in SwiftLogNoOpLogHandler() },
            settings: settings)
    }
}
