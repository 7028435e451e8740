import CivilDates

/// The rule of a time zone as the TZ environment variable has it, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
///
/// Source: POSIX.1-2017, 8.3, with the extension of RFC 8536, 3.3.1: hours of changes from -167 to 167.
struct PosixTimeZone {
    let standard: TimeZoneRules.Period
    private let daylightSaving: (period: TimeZoneRules.Period, start: Rule, end: Rule)?

    /// When in each year clocks change.
    private struct Rule {
        let day: Day
        /// Local seconds after the day's beginning, in the time that ends there.
        let second: Int

        enum Day {
            /// `Jn`: 1...365, February 29 never counted
            case julian(Int)
            /// `n`: 0...365, February 29 counted
            case ordinal(Int)
            /// `Mm.w.d`: the w-th weekday d of month m; 5 is the last
            case weekday(month: Int, week: Int, day: Int)
        }

        /// Local seconds since 1970-01-01T00:00:00.
        func localSeconds(inYear year: Int) -> Int {
            let newYear = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
            let number: Int
            switch day {
            case .julian(let day):
                let isAfterLeapDay = day > 59 && CivilDate.daysInMonth(2, year: year) == 29
                number = newYear + day - 1 + (isAfterLeapDay ? 1 : 0)
            case .ordinal(let day): number = newYear + day
            case .weekday(let month, let week, let day):
                let first = CivilDate(year: year, month: month, day: 1).daysSinceEpoch
                let offset = (day - weekday(ofDay: first) + 7) % 7
                let length = CivilDate.daysInMonth(month, year: year)
                number = first + (offset + 7 * (week - 1) < length ? offset + 7 * (week - 1) : offset + 21)
            }
            return number * 86_400 + second
        }
    }

    /// Nil when the text is none.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let name = reader.name(), let west = reader.time(hours: 0...24) else { return nil }
        standard = TimeZoneRules.Period(offset: -west, isDaylightSaving: false, abbreviation: name)
        if reader.isAtEnd {
            daylightSaving = nil
            return
        }
        guard let name = reader.name() else { return nil }
        var offset = -west + 3600
        if !reader.isAt(",") {
            guard let west = reader.time(hours: 0...24) else { return nil }
            offset = -west
        }
        guard reader.take(","), let start = reader.rule(), reader.take(","), let end = reader.rule(), reader.isAtEnd
        else { return nil }
        daylightSaving = (
            TimeZoneRules.Period(offset: offset, isDaylightSaving: true, abbreviation: name), start, end
        )
    }

    /// The changes of some years, in order of time.
    func changes(inYears years: ClosedRange<Int>) -> [TimeZoneRules.Change] {
        guard let daylightSaving else { return [] }
        var changes: [TimeZoneRules.Change] = []
        for year in years {
            changes.append(
                TimeZoneRules.Change(
                    at: daylightSaving.start.localSeconds(inYear: year) - standard.offset,
                    period: daylightSaving.period))
            changes.append(
                TimeZoneRules.Change(
                    at: daylightSaving.end.localSeconds(inYear: year) - daylightSaving.period.offset, period: standard))
        }
        changes.sort {
            // Where one year's end is the next one's start, daylight saving time goes on.
            $0.at != $1.at ? $0.at < $1.at : !$0.period.isDaylightSaving && $1.period.isDaylightSaving
        }
        return changes.indices.filter { $0 + 1 == changes.count || changes[$0 + 1].at != changes[$0].at }
            .map { changes[$0] }
    }

    private struct Reader {
        let bytes: [UInt8]
        private var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position == bytes.count }

        func isAt(_ character: Unicode.Scalar) -> Bool {
            position < bytes.count && bytes[position] == UInt8(ascii: character)
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard isAt(character) else { return false }
            position += 1
            return true
        }

        /// Three letters or more, or between angle brackets digits and signs too.
        mutating func name() -> String? {
            let isQuoted = take("<")
            let letters = bytes[position...].prefix {
                isLetter($0) || isQuoted && (isDigit($0) || "+-".utf8.contains($0))
            }
            position += letters.count
            guard letters.count >= 3, !isQuoted || take(">") else { return nil }
            return String(decoding: letters, as: UTF8.self)
        }

        mutating func number(in bounds: ClosedRange<Int>) -> Int? {
            let digits = bytes[position...].prefix(while: isDigit).prefix(4)
            position += digits.count
            guard !digits.isEmpty else { return nil }
            let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            return bounds.contains(value) ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(hours: ClosedRange<Int>) -> Int? {
            let sign = take("-") ? -1 : 1
            if sign == 1 { _ = take("+") }
            guard let hours = number(in: hours) else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] where take(":") {
                guard let value = number(in: 0...59) else { return nil }
                seconds += value * unit
            }
            return sign * seconds
        }

        mutating func rule() -> Rule? {
            let day: Rule.Day
            if take("J") {
                guard let number = number(in: 1...365) else { return nil }
                day = .julian(number)
            } else if take("M") {
                guard let month = number(in: 1...12), take("."), let week = number(in: 1...5), take("."),
                    let weekday = number(in: 0...6)
                else { return nil }
                day = .weekday(month: month, week: week, day: weekday)
            } else {
                guard let number = number(in: 0...365) else { return nil }
                day = .ordinal(number)
            }
            guard take("/") else { return Rule(day: day, second: 2 * 3600) }
            guard let second = time(hours: 0...167) else { return nil }
            return Rule(day: day, second: second)
        }
    }
}

/// Sunday 0 ... Saturday 6, of a day counted from 1970-01-01.
func weekday(ofDay number: Int) -> Int { (number + 4) - floorDivide(number + 4, 7) * 7 }
