import EngineClient
import JSON
import TerminalOutput

/// How the commands write schedules.
enum ScheduleText {
    static func path(_ name: String) -> String { "/console/api/schedules/\(EngineClient.segment(name))" }

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
