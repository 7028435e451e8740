import CivilDates

/// The six fields of a `cron(...)` expression, read by ``ScheduleExpression``.
///
/// Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
public struct CronExpression: Sendable, Hashable {
    /// Minutes of the day, 0...1439, in order.
    var times: [Int] = []
    var months = NumberSet()
    var years = NumberSet()
    var days = Days.any

    /// Which days of the months are meant. One of the two fields is always `?`.
    enum Days: Sendable, Hashable {
        case any
        /// Days of the month.
        case numbers(NumberSet)
        /// `L`
        case last
        /// `15W`: the day from Monday to Friday that is nearest to a day and in its month
        case nearestWeekday(Int)
        /// `LW`
        case lastWeekday
        /// Sunday 1 ... Saturday 7
        case weekdays(NumberSet)
        /// `6L`: the last Friday of the month
        case lastOf(weekday: Int)
        /// `3#2`: the second Tuesday
        case nth(weekday: Int, Int)
    }

    /// Small numbers, all at or above a base.
    struct NumberSet: Sendable, Hashable {
        private var words: [UInt64] = []

        func contains(_ number: Int) -> Bool {
            number >= 0 && number / 64 < words.count && words[number / 64] & (1 << UInt64(number % 64)) != 0
        }

        mutating func insert(_ number: Int) {
            while words.count <= number / 64 { words.append(0) }
            words[number / 64] |= 1 << UInt64(number % 64)
        }
    }

    static let yearBounds = 1970...2199

    /// Whether some day of the month may be meant.
    func matchesMonth(_ month: Int, year: Int) -> Bool {
        months.contains(month) && years.contains(year - CronExpression.yearBounds.lowerBound)
    }

    func matches(_ date: CivilDate) -> Bool {
        guard matchesMonth(date.month, year: date.year) else { return false }
        let length = CivilDate.daysInMonth(date.month, year: date.year)
        func weekdayNumber(_ day: Int) -> Int {
            weekday(ofDay: CivilDate(year: date.year, month: date.month, day: day).daysSinceEpoch) + 1
        }
        switch days {
        case .any: return true
        case .numbers(let numbers): return numbers.contains(date.day)
        case .last: return date.day == length
        case .nearestWeekday(let day):
            // A month that has no such day has none near it either.
            guard day <= length else { return false }
            return switch weekdayNumber(day) {
            case 7: date.day == (day == 1 ? 3 : day - 1)
            case 1: date.day == (day == length ? day - 2 : day + 1)
            default: date.day == day
            }
        case .lastWeekday:
            return switch weekdayNumber(length) {
            case 7: date.day == length - 1
            case 1: date.day == length - 2
            default: date.day == length
            }
        case .weekdays(let numbers): return numbers.contains(weekdayNumber(date.day))
        case .lastOf(let weekday): return weekdayNumber(date.day) == weekday && date.day > length - 7
        case .nth(let weekday, let index):
            return weekdayNumber(date.day) == weekday && (date.day - 1) / 7 + 1 == index
        }
    }
}
