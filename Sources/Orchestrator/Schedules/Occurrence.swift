import CivilDates

/// One time that a schedule expression names.
public struct Occurrence: Sendable, Hashable {
    /// What the expression says, on the clocks of the schedule's time zone.
    public let localTime: LocalTime
    /// When that is; nil where clocks are put forward over it, so that nothing fires.
    public let time: EpochSeconds?
    /// What a change of clocks does to it.
    public let note: ClockNote?

    public init(localTime: LocalTime, time: EpochSeconds?, note: ClockNote? = nil) {
        self.localTime = localTime
        self.time = time
        self.note = note
    }
}

/// What a change of clocks does to a fire. Times that do not exist are skipped and times that exist twice fire at the
/// first, as EventBridge Scheduler does it.
///
/// Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
public enum ClockNote: Sendable, Hashable, CustomStringConvertible {
    /// Clocks are put forward over the time: there is no fire.
    case skipped(from: LocalTime, to: LocalTime)
    /// Clocks are put forward over the time of a one-time schedule: it fires as much later as they are put forward.
    case shifted(named: LocalTime, from: LocalTime, to: LocalTime)
    /// Clocks are put back and show the time again so many seconds later, when nothing fires.
    case firstOfTwo(secondsApart: Int)
    /// A rate of days counts 24 hours, so its fires come at another time of day from here on.
    case moved(from: LocalTime)

    public var description: String {
        switch self {
        case .skipped(let from, let to):
            "skipped: clocks go from \(from.clockText) to \(to.clockText), and this time does not exist"
        case .shifted(let named, let from, let to):
            "shifted: \(named.clockText) does not exist, as clocks go from \(from.clockText) to \(to.clockText)"
        case .firstOfTwo(let seconds):
            "once: clocks are put back and show this time again \(ClockNote.span(seconds)) later, which does not fire"
        case .moved(let from):
            "moved: clocks have changed, and 24 hours a day bring \(from.clockText) to another time of day"
        }
    }

    private static func span(_ seconds: Int) -> String {
        seconds % 3600 == 0
            ? "\(seconds / 3600) \(seconds == 3600 ? "hour" : "hours")" : "\(seconds / 60) minutes"
    }
}

/// When a schedule fires, apart from what it then does: an expression, a time zone and bounds.
public struct ScheduleTiming: Sendable, Hashable {
    public let expression: ScheduleExpression
    public let zone: TimeZoneRules
    /// No fire lies before it; a rate's first is at it. One-time schedules ignore both bounds.
    public let startDate: EpochSeconds?
    /// No fire lies after it.
    public let endDate: EpochSeconds?

    public init(
        expression: ScheduleExpression, zone: TimeZoneRules = .utc, startDate: EpochSeconds? = nil,
        endDate: EpochSeconds? = nil
    ) {
        self.expression = expression
        self.zone = zone
        self.startDate = startDate
        self.endDate = endDate
    }

    /// The times after a point in time, one by one and strictly increasing; those that are skipped stand where clocks
    /// are put forward.
    ///
    /// - Parameter anchor: where a rate without a start date begins: when the schedule was made.
    public func occurrences(after time: EpochSeconds, anchor: EpochSeconds) -> Occurrences {
        Occurrences(self, after: time, anchor: anchor)
    }

    /// The first fire after a point in time; nil when there is none.
    public func nextFire(after time: EpochSeconds, anchor: EpochSeconds) -> Occurrence? {
        occurrences(after: time, anchor: anchor).first { $0.time != nil }
    }

    /// What decides when a schedule fires, as text: two that are equal fire at the same times under the same rules.
    var fingerprint: String {
        "\(expression.text) \(zone.name) \(startDate.map(utcText) ?? "-") \(endDate.map(utcText) ?? "-")"
    }
}

/// The occurrences of a schedule, computed as they are asked for.
public struct Occurrences: Sequence, IteratorProtocol, Sendable {
    private let zone: TimeZoneRules
    private let endDate: EpochSeconds
    private var source: Source

    /// An occurrence with its place among the others: its time, or when clocks are put forward over it.
    private struct Placed: Sendable {
        let order: EpochSeconds
        let occurrence: Occurrence
    }

    private enum Source: Sendable {
        case ended
        case once(Occurrence)
        case rate(next: EpochSeconds, period: Int, isFirst: Bool)
        /// What was made already, last first; then the rest of a day, from one of its times on, and the days after it.
        case cron(CronExpression, day: Int, index: Int, pending: [Placed], after: EpochSeconds)
    }

    init(_ timing: ScheduleTiming, after time: EpochSeconds, anchor: EpochSeconds) {
        zone = timing.zone
        let start = timing.startDate
        // Nothing is before the start, and the start is included.
        let after = start.map { Swift.max(time, $0 - 1) } ?? time
        switch timing.expression.kind {
        case .at(let local):
            endDate = .max
            let occurrence = Occurrences.once(local, in: timing.zone)
            source = occurrence.time.map { $0 > time } == true ? .once(occurrence) : .ended
        case .rate(let period):
            endDate = timing.endDate ?? .max
            let first = start ?? anchor
            let count = after < first ? 0 : (after - first) / period + 1
            source = .rate(next: first + count * period, period: period, isFirst: count == 0)
        case .cron(let cron):
            endDate = timing.endDate ?? .max
            // Local times at or below this one are over.
            let least = after + timing.zone.leastOffset(around: after)
            let day = floorDivide(least, 86_400)
            let index = cron.times.firstIndex { $0 * 60 >= least - day * 86_400 } ?? cron.times.count
            source = .cron(cron, day: day, index: index, pending: [], after: after)
        }
    }

    private static func once(_ local: LocalTime, in zone: TimeZoneRules) -> Occurrence {
        switch zone.resolve(local) {
        case .once(let time): Occurrence(localTime: local, time: time)
        case .twice(let first, let second):
            Occurrence(localTime: local, time: first, note: .firstOfTwo(secondsApart: second - first))
        case .never(let gap):
            // As if clocks had not been put forward yet (RFC 5545, 3.3.5).
            Occurrence(
                localTime: LocalTime(secondsAsUTC: local.secondsAsUTC + gap.to.secondsAsUTC - gap.from.secondsAsUTC),
                time: gap.at + local.secondsAsUTC - gap.from.secondsAsUTC,
                note: .shifted(named: local, from: gap.from, to: gap.to))
        }
    }

    public mutating func next() -> Occurrence? {
        guard let placed = following(), placed.order <= endDate else {
            source = .ended
            return nil
        }
        return placed.occurrence
    }

    private mutating func following() -> Placed? {
        switch source {
        case .ended: return nil
        case .once(let occurrence):
            source = .ended
            return occurrence.time.map { Placed(order: $0, occurrence: occurrence) }
        case .rate(let next, let period, let isFirst):
            source = .rate(next: next + period, period: period, isFirst: false)
            return Placed(order: next, occurrence: rateOccurrence(at: next, period: period, isFirst: isFirst))
        case .cron(let cron, var day, var index, var pending, let after):
            source = .ended
            while pending.isEmpty {
                guard let next = Occurrences.matchingDay(from: day, cron) else { return nil }
                // A bound far behind would otherwise cost days without end.
                if endDate < Int.max, next * 86_400 > endDate + 3 * 86_400 { return nil }
                if next != day { index = 0 }
                day = next
                pending = occurrences(of: cron, onDay: day, index: &index, after: after)
                if index == cron.times.count { (day, index) = (day + 1, 0) }
            }
            let placed = pending.removeLast()
            source = .cron(cron, day: day, index: index, pending: pending, after: after)
            return placed
        }
    }

    private func rateOccurrence(at time: EpochSeconds, period: Int, isFirst: Bool) -> Occurrence {
        let local = zone.localTime(at: time)
        guard period % 86_400 == 0, !isFirst else { return Occurrence(localTime: local, time: time) }
        let previous = zone.localTime(at: time - period)
        return Occurrence(
            localTime: local, time: time,
            note: previous.secondOfDay == local.secondOfDay ? nil : .moved(from: previous))
    }

    /// The first day from a number on that the expression names.
    private static func matchingDay(from start: Int, _ cron: CronExpression) -> Int? {
        var day = start
        while true {
            let date = CivilDate(daysSinceEpoch: day)
            if date.year > CronExpression.yearBounds.upperBound { return nil }
            if cron.matches(date) { return day }
            // Straight to the next month where this one can't have it.
            day =
                cron.matchesMonth(date.month, year: date.year)
                ? day + 1 : day - date.day + 1 + CivilDate.daysInMonth(date.month, year: date.year)
        }
    }

    /// A day's, last first, from one of its times on: all of them where clocks change, and else some.
    private func occurrences(
        of cron: CronExpression, onDay day: Int, index: inout Int, after: EpochSeconds
    ) -> [Placed] {
        var found: [Placed] = []
        func add(_ order: EpochSeconds, _ local: LocalTime, _ time: EpochSeconds?, _ note: ClockNote? = nil) {
            guard order > after else { return }
            found.append(Placed(order: order, occurrence: Occurrence(localTime: local, time: time, note: note)))
        }
        if let offset = zone.constantOffset(ofDay: day) {
            let end = Swift.min(index + 32, cron.times.count)
            for minute in cron.times[index..<end].reversed() {
                let local = LocalTime(secondsAsUTC: day * 86_400 + minute * 60)
                add(local.secondsAsUTC - offset, local, local.secondsAsUTC - offset)
            }
            index = end
            return found
        }
        for minute in cron.times[index...] {
            let local = LocalTime(secondsAsUTC: day * 86_400 + minute * 60)
            switch zone.resolve(local) {
            case .once(let time): add(time, local, time)
            case .twice(let first, let second):
                add(first, local, first, .firstOfTwo(secondsApart: second - first))
            case .never(let gap): add(gap.at, local, nil, .skipped(from: gap.from, to: gap.to))
            }
        }
        index = cron.times.count
        // Local times are in order already, but for a zone that changes twice within hours.
        found.sort { ($0.order, $0.occurrence.localTime) > ($1.order, $1.occurrence.localTime) }
        return found
    }
}
