import ArgumentParser
import Cryptography
import Encodings
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
            engine.print(
                try await engine.client().get("/console/api/schedules"), list: "Schedules", none: "no schedules",
                columns: ["NAME", "EXPRESSION", "TIME ZONE", "NEXT", "RUNNING", "STARTS", "STATE"]
            ) { schedule in
                [
                    schedule["Name"]?.stringValue ?? "", schedule["ScheduleExpression"]?.stringValue ?? "",
                    schedule["ScheduleExpressionTimezone"]?.stringValue ?? "",
                    schedule["NextFire"]?.stringValue ?? "-", String(schedule["Running"]?.arrayValue?.count ?? 0),
                    String(schedule["Starts"]?.integerValue ?? 0), ScheduleText.standing(of: schedule),
                ]
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a schedule: its next fires, what runs, what it did last.",
            discussion: """
                Example:
                  showrunner schedules show retrain
                """)

        @OptionGroup var choice: Choice

        func run() async throws {
            let document = try await choice.engine.client().get(choice.path)
            if choice.engine.json { Terminal.json(document) } else { ScheduleText.show(document) }
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

        @OptionGroup var choice: Choice
        @OptionGroup var change: ChangeReason

        func validate() throws {
            try change.require("a pause has a reason that others will read: --reason TEXT")
        }

        func run() async throws {
            let document = try await choice.order("pause", ["reason": .string(change.reason ?? "")], change)
            if choice.engine.json { Terminal.json(document) } else { Terminal.line("\(choice.name) is paused") }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a paused schedule fire again.",
            discussion: """
                Example:
                  showrunner schedules resume retrain
                """)

        @OptionGroup var choice: Choice
        @OptionGroup var change: ChangeReason

        func run() async throws {
            let document = try await choice.order("resume", [:], change)
            if choice.engine.json { return Terminal.json(document) }
            let next = document["NextFire"]?.stringValue.map { ", next \($0)" } ?? ""
            Terminal.line("\(choice.name) fires again\(next)")
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

        @OptionGroup var choice: Choice
        @OptionGroup var change: ChangeReason
        @Option(help: "Instead of the schedule's overlap policy.")
        var overlap: OverlapPolicy?

        func run() async throws {
            let token = Hex.encode(randomBytes(16))
            let document = try await choice.order(
                "run-now",
                .members(("token", .string(token)), ("overlapPolicy", overlap.map { .string($0.rawValue) })), change)
            let outcome = document["Outcome"]?.stringValue ?? ""
            if choice.engine.json {
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
                  showrunner schedules backfill retrain --from 2026-03-01T00:00:00Z \\
                    --to 2026-03-07T00:00:00Z

                Both ends are included. Times that ran before do not run again: their names are taken.
                """)

        @OptionGroup var choice: Choice
        @OptionGroup var change: ChangeReason
        @Option(help: "The first time, such as 2026-03-01T00:00:00Z.")
        var from: String
        @Option(help: "The last time.")
        var to: String
        @Option(help: "What happens while one runs; default: BufferAll, one after the other.")
        var overlap: OverlapPolicy?

        func validate() throws {
            for (option, text) in [("--from", from), ("--to", to)] where Timestamp.microseconds(rfc3339: text) == nil {
                throw ValidationError("\(option) '\(text)' is no timestamp; write it like 2026-03-14T01:59:00Z")
            }
        }

        func run() async throws {
            let document = try await choice.order(
                "backfill",
                .members(
                    ("from", .string(from)), ("to", .string(to)),
                    ("overlapPolicy", overlap.map { .string($0.rawValue) })), change)
            if choice.engine.json { Terminal.json(document) } else { ScheduleText.show(document) }
        }
    }

    /// The schedule that a command is about.
    struct Choice: ParsableArguments {
        @Argument(help: "The schedule's name.")
        var name: String
        @OptionGroup var engine: EngineOptions

        /// Its document among the console's endpoints.
        var path: String { ScheduleText.path(name) }

        /// Tells the engine to do something with it; the engine's answer.
        func order(_ verb: String, _ arguments: JSON, _ change: ChangeReason) async throws -> JSON {
            try await engine.client(change).post(path + "/" + verb, arguments)
        }
    }
}

extension OverlapPolicy: ExpressibleByArgument {}
