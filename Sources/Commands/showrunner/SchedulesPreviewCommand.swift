import ArgumentParser
import EngineClient
import Glibc
import JSON
import Schedules
import StatesLanguage
import TerminalOutput

struct SchedulesPreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Print a schedule's next times, with what changes of clocks do to them.",
        discussion: """
            Example:
              showrunner schedules preview workflows/schedules.yaml nightly --count 5

            With a file it needs no engine; a rate without StartDate is then shown as if it began at --from. With a name \
            alone it asks the engine. Times are when executions start, in UTC, beside the local time that the schedule \
            names.
            """)

    @Argument(
        help: ArgumentHelp(
            "Maybe a file of schedules, YAML or JSON; and the schedule's name.", valueName: "file> <name"))
    var words: [String]
    @Option(help: "How many fires, at most \(SchedulePreview.maximumFires).")
    var count = 10
    @Option(help: "After which time, such as 2026-03-14T01:59:00Z; now by default.")
    var from: String?
    @OptionGroup var engine: EngineOptions

    func validate() throws {
        guard (1...2).contains(words.count) else { throw ValidationError("write [FILE] NAME") }
        guard (1...SchedulePreview.maximumFires).contains(count) else {
            throw ValidationError("--count is from 1 to \(SchedulePreview.maximumFires)")
        }
        if let from, Timestamp.microseconds(rfc3339: from) == nil {
            throw ValidationError("--from '\(from)' is no timestamp; write it like 2026-03-14T01:59:00Z")
        }
    }

    func run() async throws {
        let document: JSON
        let name = words[words.count - 1]
        if words.count == 2 {
            document = try preview(in: words[0], name)
        } else {
            var query = "count=\(count)"
            if let from { query += "&after=\(EngineClient.segment(from))" }
            document = try await engine.client().get(ScheduleText.path(name) + "/preview?" + query)
        }
        if engine.json { return Terminal.json(document) }
        let rows = SchedulePreview.rows(of: document)
        if rows.isEmpty { return Terminal.error("\(name) does not fire after \(from ?? "now")") }
        Terminal.table([["START", "LOCAL TIME", "NOTE"]] + rows)
    }

    private func preview(in file: String, _ name: String) throws -> JSON {
        let (schedules, problems) = try SchedulesFile.read(file)
        for problem in problems { Terminal.error(problem) }
        guard let schedules else { throw ExitCode(2) }
        guard let schedule = schedules.first(where: { $0.name == name }) else {
            let nearest = nearestName(to: name, among: schedules.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
            throw CommandFailure("\(file) has no schedule '\(name)'\(nearest)")
        }
        let from =
            from.flatMap { Timestamp.microseconds(rfc3339: $0) }.map { EpochSeconds($0 / 1_000_000) } ?? time(nil)
        return SchedulePreview(of: schedule, after: from, count: count, anchor: from).json
    }
}
