import ArgumentParser
import EngineClient
import Glibc
import JSON
import Schedules
import StatesLanguage
import TerminalOutput

struct SchedulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules", abstract: "See when schedules fire, and pause, resume, run and backfill them.",
        discussion: """
            Example:
              showrunner schedules pause retrain --reason "new features are being loaded"
            """,
        subcommands: [
            List.self, Show.self, SchedulesPreviewCommand.self, Pause.self, Resume.self, RunNow.self, Backfill.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the engine's schedules with their next fires.",
            discussion: """
                Example:
                  showrunner schedules list --json
                """)

        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client().get("/console/api/schedules")
            if engine.json { return Terminal.json(document) }
            let schedules = document["Schedules"]?.arrayValue ?? []
            if schedules.isEmpty { return Terminal.error("no schedules") }
            Terminal.table(
                [["NAME", "EXPRESSION", "TIME ZONE", "NEXT", "RUNNING", "STARTS", "STATE"]]
                    + schedules.map { schedule in
                        [
                            schedule["Name"]?.stringValue ?? "", schedule["ScheduleExpression"]?.stringValue ?? "",
                            schedule["ScheduleExpressionTimezone"]?.stringValue ?? "",
                            schedule["NextFire"]?.stringValue ?? "-",
                            String(schedule["Running"]?.arrayValue?.count ?? 0),
                            String(schedule["Starts"]?.integerValue ?? 0), ScheduleText.standing(of: schedule),
                        ]
                    })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a schedule: its next fires, what runs, what it did last.",
            discussion: """
                Example:
                  showrunner schedules show retrain
                """)

        @Argument(help: "The schedule's name.")
        var name: String
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client().get(ScheduleText.path(name))
            if engine.json { Terminal.json(document) } else { ScheduleText.show(document) }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hold a schedule: what comes due meanwhile is not caught up.",
            discussion: """
                Example:
                  showrunner schedules pause retrain --reason "new features are being loaded"

                What runs goes on. 'run-now' and 'backfill' work while it is paused.
                """)

        @Argument(help: "The schedule's name.")
        var name: String
        @OptionGroup var engine: EngineOptions

        func validate() throws {
            guard engine.reason?.isEmpty == false else {
                throw ValidationError("a pause has a reason that others will read: --reason TEXT")
            }
        }

        func run() async throws {
            let document = try await engine.client().post(
                ScheduleText.path(name, "pause"), ["reason": .string(engine.reason ?? "")])
            if engine.json { Terminal.json(document) } else { Terminal.line("\(name) is paused") }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a paused schedule fire again.",
            discussion: """
                Example:
                  showrunner schedules resume retrain
                """)

        @Argument(help: "The schedule's name.")
        var name: String
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            let document = try await engine.client().post(ScheduleText.path(name, "resume"), [:])
            if engine.json { return Terminal.json(document) }
            Terminal.line("\(name) fires again" + (document["NextFire"]?.stringValue.map { ", next \($0)" } ?? ""))
        }
    }

    struct RunNow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run-now", abstract: "Start a schedule's execution now.",
            discussion: """
                Example:
                  showrunner schedules run-now retrain --overlap AllowAll

                Exit code 1 where it was skipped, because one runs already and the overlap policy says so.
                """)

        @Argument(help: "The schedule's name.")
        var name: String
        @Option(help: "Instead of the schedule's overlap policy.")
        var overlap: OverlapPolicy?
        @OptionGroup var engine: EngineOptions

        func run() async throws {
            var generator = SystemRandomNumberGenerator()
            let token = String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
            let document = try await engine.client().post(
                ScheduleText.path(name, "run-now"),
                .members(("token", .string(token)), ("overlapPolicy", overlap.map { .string($0.rawValue) })))
            let outcome = document["Outcome"]?.stringValue ?? ""
            if engine.json {
                Terminal.json(document)
            } else if let arn = document["ExecutionArn"]?.stringValue {
                Terminal.line(arn)
            } else if outcome == "Waits" {
                Terminal.line("\(document["ExecutionName"]?.stringValue ?? "") waits for the one that runs")
            }
            guard ["Started", "Waits"].contains(outcome) else {
                throw CommandFailure("nothing was started: \(outcome)")
            }
        }
    }

    struct Backfill: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start what a schedule's expression names in a range of the past.",
            discussion: """
                Example:
                  showrunner schedules backfill retrain --from 2026-03-01T00:00:00Z --to 2026-03-07T00:00:00Z

                Both ends are included. Times that ran before do not run again: their names are taken.
                """)

        @Argument(help: "The schedule's name.")
        var name: String
        @Option(help: "The first time, such as 2026-03-01T00:00:00Z.")
        var from: String
        @Option(help: "The last time.")
        var to: String
        @Option(help: "What happens while one runs; default: BufferAll, one after the other.")
        var overlap: OverlapPolicy?
        @OptionGroup var engine: EngineOptions

        func validate() throws {
            for (option, text) in [("--from", from), ("--to", to)] where Timestamp.microseconds(rfc3339: text) == nil {
                throw ValidationError("\(option) '\(text)' is no timestamp; write it like 2026-03-14T01:59:00Z")
            }
        }

        func run() async throws {
            let document = try await engine.client().post(
                ScheduleText.path(name, "backfill"),
                .members(
                    ("from", .string(from)), ("to", .string(to)),
                    ("overlapPolicy", overlap.map { .string($0.rawValue) })))
            if engine.json { Terminal.json(document) } else { ScheduleText.show(document) }
        }
    }
}

extension OverlapPolicy: ExpressibleByArgument {}

/// How the commands write schedules.
private enum ScheduleText {
    static func path(_ name: String, _ verb: String? = nil) -> String {
        "/console/api/schedules/\(EngineClient.segment(name))" + (verb.map { "/\($0)" } ?? "")
    }

    /// In a word or a sentence: how a schedule stands.
    static func standing(of schedule: JSON) -> String {
        if let trouble = schedule["Trouble"]?.stringValue { return "trouble: \(trouble)" }
        if schedule["State"] == "DISABLED" { return "disabled" }
        if let reason = schedule["Pause"]?["Reason"]?.stringValue { return "paused: \(reason)" }
        return "enabled"
    }

    static func show(_ schedule: JSON) {
        func text(_ member: String) -> String { schedule[member]?.stringValue ?? "-" }
        Terminal.line("\(text("Name"))  \(text("ScheduleExpression"))  \(text("ScheduleExpressionTimezone"))")
        Terminal.line("  \(standing(of: schedule))")
        Terminal.line(
            "  starts \(text("Target")), overlap \(text("OverlapPolicy")), catch-up \(text("CatchupPolicy"))")
        if let last = schedule["LastRecord"] { Terminal.line("  last: \(record(last))") }
        let running = schedule["Running"]?.arrayValue ?? []
        for run in running {
            Terminal.line("  runs \(run["ExecutionArn"]?.stringValue ?? run["ExecutionName"]?.stringValue ?? "")")
        }
        if let waiting = schedule["Waiting"]?.integerValue, waiting > 0 { Terminal.line("  \(waiting) wait") }
        for backfill in schedule["Backfills"]?.arrayValue ?? [] {
            Terminal.line(
                "  backfill up to \(backfill["Through"]?.stringValue ?? ""), done up to "
                    + (backfill["After"]?.stringValue ?? ""))
        }
        table("NEXT FIRES", schedule["NextFires"]?.arrayValue ?? []) { fire in
            [
                fire["StartTime"]?.stringValue ?? "-", fire["LocalTime"]?.stringValue ?? "",
                fire["Note"]?.stringValue ?? "",
            ]
        }
        table("RECENTLY", schedule["Recent"]?.arrayValue ?? []) { [$0["At"]?.stringValue ?? "", record($0)] }
    }

    private static func table(_ title: String, _ rows: [JSON], _ row: (JSON) -> [String]) {
        if rows.isEmpty { return }
        Terminal.line(title)
        Terminal.table(rows.map(row))
    }

    private static func record(_ record: JSON) -> String {
        let execution = record["ExecutionName"]?.stringValue ?? ""
        switch record["Action"]?.stringValue {
        case "Start": return "started \(execution)"
        case "Failure": return "\(execution) could not be started: \(record["Cause"]?.stringValue ?? "")"
        default:
            let (first, last) = (record["First"]?.stringValue ?? "", record["Last"]?.stringValue ?? "")
            return "skipped \(record["Count"]?.integerValue ?? 0): \(record["Reason"]?.stringValue ?? ""), "
                + (first == last ? first : "\(first) to \(last)")
        }
    }
}

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
            document = try await engine.client().get(ScheduleText.path(name, "preview") + "?" + query)
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
