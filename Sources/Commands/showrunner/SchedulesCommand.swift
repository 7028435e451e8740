import ArgumentParser
import Glibc
import JSON
import Schedules
import StatesLanguage
import TerminalOutput

struct SchedulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules", abstract: "See when schedules fire.", subcommands: [SchedulesPreviewCommand.self])
}

struct SchedulesPreviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Print a schedule's next times, with what changes of clocks do to them.",
        discussion: """
            Example:
              showrunner schedules preview workflows/schedules.yaml nightly --count 5

            Needs no engine. Times are when executions start, in UTC, beside the local time that the schedule names.
            A rate without StartDate is shown as if it began at --from.
            """)

    @Argument(help: "A file of schedules, YAML or JSON.")
    var file: String
    @Argument(help: "The schedule's name.")
    var name: String
    @Option(help: "How many fires, at most \(SchedulePreview.maximumFires).")
    var count = 10
    @Option(help: "After which time, such as 2026-03-14T01:59:00Z; now by default.")
    var from: String?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...SchedulePreview.maximumFires).contains(count) else {
            throw ValidationError("--count is from 1 to \(SchedulePreview.maximumFires)")
        }
        if let from, Timestamp.microseconds(rfc3339: from) == nil {
            throw ValidationError("--from '\(from)' is no timestamp; write it like 2026-03-14T01:59:00Z")
        }
    }

    func run() throws {
        let (schedules, problems) = try SchedulesFile.read(file)
        for problem in problems { Terminal.error(problem) }
        guard let schedules else { throw ExitCode(2) }
        guard let schedule = schedules.first(where: { $0.name == name }) else {
            let nearest = nearestName(to: name, among: schedules.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
            throw CommandFailure("\(file) has no schedule '\(name)'\(nearest)")
        }
        let from =
            from.flatMap { Timestamp.microseconds(rfc3339: $0) }.map { EpochSeconds($0 / 1_000_000) } ?? time(nil)
        let preview = SchedulePreview(of: schedule, after: from, count: count, anchor: from)
        if json {
            Terminal.json(preview.json)
        } else if preview.entries.isEmpty {
            Terminal.error("\(name) does not fire after \(utcText(from))")
        } else {
            Terminal.table([["START", "LOCAL TIME", "NOTE"]] + preview.rows)
        }
    }
}
