import CivilDates

/// Days by their number since 1970-01-01, in both directions without end.
enum CalendarDay {
    static let millisecondsPerDay = 86_400_000

    /// The number of a day; months and days beyond their range run over into the next.
    static func number(year: Int, month: Int, day: Int) -> Int {
        let months = year * 12 + month - 1
        let realYear = floor(months, 12)
        return CivilDate(year: realYear, month: months - realYear * 12 + 1, day: 1).daysSinceEpoch + day - 1
    }

    static func floor(_ value: Int, _ divisor: Int) -> Int {
        value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
    }

    /// Monday 1 ... Sunday 7
    static func weekday(_ number: Int) -> Int { number + 3 - floor(number + 3, 7) * 7 + 1 }

    /// The Monday of the first week of a year or month: the one that holds its first Thursday (ISO 8601).
    static func firstWeek(year: Int, month: Int) -> Int {
        let first = number(year: year, month: month, day: 1)
        let weekday = weekday(first)
        return weekday > 4 ? first + 8 - weekday : first - weekday + 1
    }
}

/// A component of a date/time picture (XPath and XQuery Functions 3.1, 9.8.4.1), by the letter that stands for it.
enum DateTimeComponent: UInt8 {
    case year = 0x59  // Y
    case month = 0x4D  // M
    case day = 0x44  // D
    case dayOfYear = 0x64  // d
    case weekday = 0x46  // F
    case weekOfYear = 0x57  // W
    case weekOfMonth = 0x77  // w
    case weekYear = 0x58  // X
    case weekMonth = 0x78  // x
    case hour = 0x48  // H
    case halfDayHour = 0x68  // h
    case halfDay = 0x50  // P
    case minute = 0x6D  // m
    case second = 0x73  // s
    case fraction = 0x66  // f
    case zone = 0x5A  // Z
    case zoneFromGMT = 0x7A  // z
    case calendar = 0x43  // C
    case era = 0x45  // E

    var letter: String { String(UnicodeScalar(rawValue)) }

    var isZone: Bool { self == .zone || self == .zoneFromGMT }
}

/// A moment, taken apart.
struct DateTimeFields {
    let day: CivilDate
    let dayNumber: Int
    let millisecondOfDay: Int

    init(milliseconds: Int) {
        dayNumber = CalendarDay.floor(milliseconds, CalendarDay.millisecondsPerDay)
        millisecondOfDay = milliseconds - dayNumber * CalendarDay.millisecondsPerDay
        day = CivilDate(daysSinceEpoch: dayNumber)
    }

    var hour: Int { millisecondOfDay / 3_600_000 }

    /// The value of a component; 0 for those that are no number.
    func value(of component: DateTimeComponent) -> Int {
        switch component {
        case .year: day.year
        case .month: day.month
        case .day: day.day
        case .dayOfYear: dayNumber - CalendarDay.number(year: day.year, month: 1, day: 1) + 1
        case .weekday: CalendarDay.weekday(dayNumber)
        case .weekOfYear: weekOfYear
        case .weekOfMonth: weekOfMonth
        case .weekYear: weekYear
        case .weekMonth: weekMonth
        case .hour: hour
        case .halfDayHour: hour % 12 == 0 ? 12 : hour % 12
        case .halfDay: hour < 12 ? 0 : 1
        case .minute: millisecondOfDay / 60_000 % 60
        case .second: millisecondOfDay / 1000 % 60
        case .fraction: millisecondOfDay % 1000
        case .zone, .zoneFromGMT, .calendar, .era: 0
        }
    }

    private func weeks(since start: Int) -> Int { CalendarDay.floor(dayNumber - start, 7) + 1 }

    private var weekYear: Int {
        if dayNumber < CalendarDay.firstWeek(year: day.year, month: 1) { return day.year - 1 }
        return dayNumber >= CalendarDay.firstWeek(year: day.year + 1, month: 1) ? day.year + 1 : day.year
    }

    private var weekOfYear: Int { weeks(since: CalendarDay.firstWeek(year: weekYear, month: 1)) }

    /// How many months from this one the week belongs to.
    private var weekMonthOffset: Int {
        if dayNumber < CalendarDay.firstWeek(year: day.year, month: day.month) { return -1 }
        return dayNumber >= CalendarDay.firstWeek(year: day.year, month: day.month + 1) ? 1 : 0
    }

    private var weekMonth: Int { (day.month - 1 + weekMonthOffset + 12) % 12 + 1 }

    private var weekOfMonth: Int {
        weeks(since: CalendarDay.firstWeek(year: day.year, month: day.month + weekMonthOffset))
    }
}
