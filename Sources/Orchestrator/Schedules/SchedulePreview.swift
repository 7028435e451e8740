public import JSON

/// What a schedule will do, as far as it alone can tell: its next times, those that clocks leave out too.
public struct SchedulePreview: Sendable, Hashable {
    public let schedule: Schedule
    public let entries: [Entry]

    public struct Entry: Sendable, Hashable {
        public let occurrence: Occurrence
        /// When the execution starts: later than the time where the schedule has a flexible window; nil where nothing
        /// fires.
        public let startTime: EpochSeconds?
        /// Nil where nothing fires.
        public let executionName: String?
        /// Such as `CEST`; nil where nothing fires.
        public let abbreviation: String?
    }

    /// So many fires can be asked for.
    public static let maximumFires = 1000

    /// The next fires after a time.
    ///
    /// - Parameters:
    ///   - count: at most ``maximumFires``; times that are skipped come on top.
    ///   - anchor: where a rate without a start date begins (``ScheduleState/anchor``, or now for one yet to be made).
    public init(of schedule: Schedule, after time: EpochSeconds, count: Int, anchor: EpochSeconds) {
        precondition(count <= SchedulePreview.maximumFires, "a preview of \(count) fires is too long")
        self.schedule = schedule
        var entries: [Entry] = []
        var fires = 0
        var occurrences = schedule.timing.occurrences(after: time, anchor: anchor)
        while fires < count, let occurrence = occurrences.next() {
            if occurrence.time != nil { fires += 1 }
            entries.append(
                Entry(
                    occurrence: occurrence, startTime: occurrence.time.map { schedule.startTime(of: $0) },
                    executionName: occurrence.time.map { schedule.executionName(at: $0) },
                    abbreviation: occurrence.time.map { schedule.timing.zone.period(at: $0).abbreviation }))
        }
        self.entries = entries
    }

    /// With the members `Name`, `ScheduleExpression`, `ScheduleExpressionTimezone` and `Fires`.
    public var json: JSON {
        let fires = entries.map { entry in
            JSON.members(
                ("ScheduledTime", entry.occurrence.time.map { .string(utcText($0)) }),
                ("LocalTime", .string(entry.occurrence.localTime.description)),
                ("Zone", entry.abbreviation.map { .string($0) }),
                ("StartTime", entry.startTime.map { .string(utcText($0)) }),
                ("ExecutionName", entry.executionName.map { .string($0) }),
                ("Note", entry.occurrence.note.map { .string($0.description) }))
        }
        return [
            "Name": .string(schedule.name), "ScheduleExpression": .string(schedule.timing.expression.text),
            "ScheduleExpressionTimezone": .string(schedule.timing.zone.name), "Fires": .array(fires),
        ]
    }

    /// A table's rows: time in UTC, local time with its zone, note.
    public var rows: [[String]] { SchedulePreview.rows(of: json) }

    /// The rows of a preview that was told as ``json``.
    public static func rows(of preview: JSON) -> [[String]] {
        (preview["Fires"]?.arrayValue ?? []).map { fire in
            let zone = fire["Zone"]?.stringValue.map { " \($0)" } ?? ""
            return [
                fire["StartTime"]?.stringValue ?? "-", (fire["LocalTime"]?.stringValue ?? "") + zone,
                fire["Note"]?.stringValue ?? "",
            ]
        }
    }
}
