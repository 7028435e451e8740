/// Reads the fields of a cron expression and notes what is wrong with each.
struct CronParser {
    private(set) var problems: [ScheduleExpressionProblem] = []

    private enum Field: Int, CaseIterable {
        case minutes, hours, dayOfMonth, month, dayOfWeek, year

        var name: String {
            switch self {
            case .minutes: "minutes"
            case .hours: "hours"
            case .dayOfMonth: "day-of-month"
            case .month: "month"
            case .dayOfWeek: "day-of-week"
            case .year: "year"
            }
        }

        var bounds: ClosedRange<Int> {
            switch self {
            case .minutes: 0...59
            case .hours: 0...23
            case .dayOfMonth: 1...31
            case .month: 1...12
            case .dayOfWeek: 1...7
            case .year: CronExpression.yearBounds
            }
        }

        /// From the least number on.
        var names: [String] {
            switch self {
            case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
            case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
            case .minutes, .hours, .dayOfMonth, .year: []
            }
        }
    }

    /// A part of the text with its place, in characters from the expression's beginning.
    private struct Part {
        let text: Substring
        let offset: Int

        init(_ text: Substring, in whole: String, behind offset: Int) {
            self.text = text
            self.offset = offset + whole.unicodeScalars.distance(from: whole.startIndex, to: text.startIndex)
        }

        init(_ text: Substring, offset: Int) {
            self.text = text
            self.offset = offset
        }

        func split(_ separator: Character) -> [Part] {
            var parts: [Part] = []
            var offset = offset
            for text in text.split(separator: separator, omittingEmptySubsequences: false) {
                parts.append(Part(text, offset: offset))
                offset += text.unicodeScalars.count + 1
            }
            return parts
        }
    }

    /// Reads what stands between the brackets, `offset` characters into the expression.
    mutating func expression(_ text: String, offset: Int) -> CronExpression? {
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { Part($0, in: text, behind: offset) }
        guard parts.count == 5 || parts.count == 6 else {
            problems.append(
                ScheduleExpressionProblem(
                    offset: offset,
                    reason: "cron has six fields (minutes hours day-of-month month day-of-week year), and here are"
                        + " \(parts.count)"))
            return nil
        }
        var cron = CronExpression()
        let minutes = numbers(parts[0], .minutes)
        let hours = numbers(parts[1], .hours)
        cron.times = (0..<1440).filter { hours.contains($0 / 60) && minutes.contains($0 % 60) }
        cron.months = numbers(parts[3], .month)
        if parts.count == 6 {
            cron.years = numbers(parts[5], .year)
        } else {
            for year in CronExpression.yearBounds { cron.years.insert(year - CronExpression.yearBounds.lowerBound) }
        }
        switch (parts[2].text == "?", parts[4].text == "?") {
        case (true, true):
            note(parts[4], "day-of-month and day-of-week can't both be '?': one of them says which days are meant")
        case (false, false):
            note(
                parts[4],
                "one of day-of-month and day-of-week must be '?': '\(parts[2].text)' and '\(parts[4].text)' both"
                    + " say which days are meant")
        case (false, true): cron.days = dayOfMonth(parts[2])
        case (true, false): cron.days = dayOfWeek(parts[4])
        }
        return problems.isEmpty ? cron : nil
    }

    private mutating func note(_ part: Part, _ reason: String) {
        problems.append(ScheduleExpressionProblem(offset: part.offset, reason: reason))
    }

    // MARK: - Days

    private mutating func dayOfMonth(_ part: Part) -> CronExpression.Days {
        let text = part.text.uppercased()
        switch text {
        case "*": return .any
        case "L": return .last
        case "LW", "WL": return .lastWeekday
        default: break
        }
        if text.hasSuffix("W") {
            guard let day = number(Part(part.text.dropLast(), offset: part.offset), .dayOfMonth) else { return .any }
            return .nearestWeekday(day)
        }
        if text.contains("L") || text.contains("W") {
            note(part, "'\(part.text)': L and W stand alone in day-of-month, as in L, 15W or LW")
            return .any
        }
        return .numbers(numbers(part, .dayOfMonth))
    }

    private mutating func dayOfWeek(_ part: Part) -> CronExpression.Days {
        let text = part.text.uppercased()
        switch text {
        case "*": return .any
        // The last day of the week.
        case "L":
            var saturday = CronExpression.NumberSet()
            saturday.insert(7)
            return .weekdays(saturday)
        default: break
        }
        if text.contains("#") {
            let sides = part.split("#")
            guard sides.count == 2, !text.contains(",") else {
                note(part, "'\(part.text)': a field with # has one expression, as in 3#2 for the second Tuesday")
                return .any
            }
            let weekday = number(sides[0], .dayOfWeek)
            guard let index = Int(sides[1].text), (1...5).contains(index) else {
                note(sides[1], "'\(sides[1].text)': behind # stands a number from 1 to 5")
                return .any
            }
            return weekday.map { .nth(weekday: $0, index) } ?? .any
        }
        if text.hasSuffix("L"), !text.contains(",") {
            let day = number(Part(part.text.dropLast(), offset: part.offset), .dayOfWeek)
            return day.map { .lastOf(weekday: $0) } ?? .any
        }
        return .weekdays(numbers(part, .dayOfWeek))
    }

    // MARK: - Numbers

    /// `*`, numbers, names, ranges and increments between commas. Years are counted from the first.
    private mutating func numbers(_ part: Part, _ field: Field) -> CronExpression.NumberSet {
        var set = CronExpression.NumberSet()
        if part.text.contains("?") {
            note(part, "'?' stands in day-of-month or day-of-week only; write * for every value")
            return set
        }
        for item in part.split(",") {
            let sides = item.split("/")
            guard sides.count <= 2 else {
                note(item, "'\(item.text)' has two increments")
                continue
            }
            guard var range = range(sides[0], field) else { continue }
            var step = 1
            if sides.count == 2 {
                guard let value = Int(sides[1].text), sides[1].text.utf8.allSatisfy(isDigit), value > 0 else {
                    note(sides[1], "'\(sides[1].text)' is no increment: behind / stands a number from 1 on")
                    continue
                }
                step = value
                // From a number on, as far as the field goes.
                if !sides[0].text.contains("-") { range = range.lowerBound...field.bounds.upperBound }
            }
            let base = field == .year ? field.bounds.lowerBound : 0
            for value in stride(from: range.lowerBound, through: range.upperBound, by: step) {
                set.insert(value - base)
            }
        }
        return set
    }

    private mutating func range(_ part: Part, _ field: Field) -> ClosedRange<Int>? {
        if part.text == "*" { return field.bounds }
        let ends = part.split("-")
        guard ends.count <= 2 else {
            note(part, "'\(part.text)' is no range")
            return nil
        }
        guard let first = number(ends[0], field) else { return nil }
        guard ends.count == 2 else { return first...first }
        guard let last = number(ends[1], field) else { return nil }
        guard first <= last else {
            note(
                part,
                "the range '\(part.text)' runs backwards; write \(part.text.prefix { $0 != "-" })-"
                    + "\(field.names.last ?? String(field.bounds.upperBound)),"
                    + "\(field.names.first ?? String(field.bounds.lowerBound))-\(ends[1].text)")
            return nil
        }
        return first...last
    }

    private mutating func number(_ part: Part, _ field: Field) -> Int? {
        if let index = field.names.firstIndex(of: part.text.uppercased()) { return field.bounds.lowerBound + index }
        let isNumber = !part.text.isEmpty && part.text.utf8.count <= 4 && part.text.utf8.allSatisfy(isDigit)
        guard isNumber, let value = Int(part.text) else {
            let names = field.names.first.flatMap { first in field.names.last.map { " or \(first)-\($0)" } } ?? ""
            note(
                part,
                "'\(part.text)' is no value of \(field.name), which takes \(field.bounds.lowerBound)-"
                    + "\(field.bounds.upperBound)\(names)")
            return nil
        }
        guard field.bounds.contains(value) else {
            note(
                part,
                "\(value) is outside of \(field.name), which takes \(field.bounds.lowerBound)-"
                    + "\(field.bounds.upperBound)")
            return nil
        }
        return value
    }
}
