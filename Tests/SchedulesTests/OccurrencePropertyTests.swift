import CivilDates
import Schedules
import SeededNumbers
import Testing

/// A cron expression with what it means, said minute by minute and without the tricks of the real one.
private struct RandomCron: CustomStringConvertible {
    let minutes: (text: String, set: Set<Int>)
    let hours: (text: String, set: Set<Int>)
    let months: (text: String, set: Set<Int>)
    let days: (text: String, matches: (_ date: CivilDate, _ weekday: Int, _ length: Int) -> Bool)

    init(_ numbers: inout SplitMix64) {
        minutes = RandomCron.field(0...59, &numbers)
        hours = RandomCron.field(0...23, &numbers)
        months = RandomCron.field(1...12, &numbers)
        let n = Int.random(in: 1...31, using: &numbers)
        let weekday = Int.random(in: 1...7, using: &numbers)
        let index = Int.random(in: 1...5, using: &numbers)
        switch Int.random(in: 0...7, using: &numbers) {
        case 0: days = ("*|?", { _, _, _ in true })
        case 1: days = ("L|?", { date, _, length in date.day == length })
        case 2:
            let field = RandomCron.field(1...31, &numbers)
            days = ("\(field.text)|?", { date, _, _ in field.set.contains(date.day) })
        case 3:
            let field = RandomCron.field(1...7, &numbers)
            days = ("?|\(field.text)", { _, weekday, _ in field.set.contains(weekday) })
        case 4: days = ("?|\(weekday)L", { date, day, length in day == weekday && date.day + 7 > length })
        case 5: days = ("?|\(weekday)#\(index)", { date, day, _ in day == weekday && (date.day + 6) / 7 == index })
        case 6:
            days = (
                "LW|?",
                { date, day, length in
                    (2...6).contains(day) && (date.day == length || day == 6 && date.day + 2 >= length)
                }
            )
        default:
            days = (
                "\(n)W|?",
                { date, day, length in
                    guard n <= length, (2...6).contains(day) else { return false }
                    if date.day == n { return true }
                    // A Friday for the Saturday behind it, a Monday for the Sunday before it; never another month.
                    if day == 6 { return date.day + 1 == n || date.day + 2 == n && n == length }
                    return day == 2 && (date.day - 1 == n || date.day - 2 == n && n == 1)
                }
            )
        }
    }

    private static func field(_ bounds: ClosedRange<Int>, _ numbers: inout SplitMix64) -> (
        text: String, set: Set<Int>
    ) {
        let a = Int.random(in: bounds, using: &numbers)
        let b = Int.random(in: bounds, using: &numbers)
        let step = Int.random(in: 1...20, using: &numbers)
        switch Int.random(in: 0...5, using: &numbers) {
        case 0: return ("*", Set(bounds))
        case 1: return ("\(a)", [a])
        case 2: return ("\(min(a, b))-\(max(a, b))", Set(min(a, b)...max(a, b)))
        case 3: return ("\(a),\(b)", [a, b])
        case 4: return ("\(a)/\(step)", Set(stride(from: a, through: bounds.upperBound, by: step)))
        default: return ("*/\(step)", Set(stride(from: bounds.lowerBound, through: bounds.upperBound, by: step)))
        }
    }

    var description: String {
        let sides = days.text.split(separator: "|")
        return "cron(\(minutes.text) \(hours.text) \(sides[0]) \(months.text) \(sides[1]) *)"
    }

    /// Goes through a year minute by minute, looking at what clocks show: each minute they show fires once.
    func fires(in zone: TimeZoneRules, from start: EpochSeconds, minutes count: Int) -> [EpochSeconds] {
        var fires: [EpochSeconds] = []
        var shown: Set<LocalTime> = []
        var day: (local: CivilDate, isNamed: Bool)?
        // What was shown before the year counts too.
        for minute in -1440..<count {
            let time = start + minute * 60
            let local = zone.localTime(at: time)
            if local.secondOfDay % 3600 == 0 || day == nil {
                let date = local.date
                let weekday =
                    (date.daysSinceEpoch - CivilDate(year: 2023, month: 1, day: 1).daysSinceEpoch + 70_000) % 7 + 1
                let length = CivilDate.daysInMonth(date.month, year: date.year)
                day = (date, months.set.contains(date.month) && days.matches(date, weekday, length))
            }
            let inDay = local.secondOfDay / 60
            guard day?.isNamed == true, minutes.set.contains(inDay % 60), hours.set.contains(inDay / 60),
                shown.insert(local).inserted, minute >= 0
            else { continue }
            fires.append(time)
        }
        return fires
    }
}

@Suite struct OccurrencePropertyTests {
    /// A year of fires, found day by day and found by looking at every minute.
    @Test(arguments: [
        ("America/New_York", 2026), ("America/Santiago", 2025), ("Asia/Kolkata", 2026), ("Australia/Lord_Howe", 2027),
        ("Pacific/Apia", 2011), ("Europe/Dublin", 2028), ("UTC", 2028), ("Africa/Casablanca", 2026),
    ])
    func areThoseThatClocksShow(name: String, year: Int) throws {
        let zone = try zone(name)
        let start = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch * 86_400
        for round in 0..<6 {
            let seed = UInt64(year * 1000 + round * 31 + name.utf8.count)
            var numbers = SplitMix64(seed: seed)
            let cron = RandomCron(&numbers)
            let timing = ScheduleTiming(
                expression: try ScheduleExpression(cron.description), zone: zone, endDate: start + 365 * 86_400 - 60)
            let occurrences = Array(timing.occurrences(after: start - 1, anchor: 0))
            let fires = occurrences.compactMap(\.time)
            let expected = cron.fires(in: zone, from: start, minutes: 365 * 1440)
            #expect(fires.count == expected.count, "\(cron) in \(name), seed \(seed)")
            #expect(fires == expected, "\(cron) in \(name), seed \(seed)")
            // Asked from anywhere, the next one is the same.
            for _ in 0..<20 {
                let after = Int.random(in: start..<start + 364 * 86_400, using: &numbers)
                #expect(
                    timing.nextFire(after: after, anchor: 0)?.time == expected.first { $0 > after },
                    "\(cron) in \(name) after \(after), seed \(seed)")
            }
        }
    }

    @Test(arguments: 0..<200)
    func strictlyIncrease(seed: UInt64) throws {
        var numbers = SplitMix64(seed: seed)
        let names = ["America/New_York", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]
        let zone = try zone(names[Int.random(in: 0..<names.count, using: &numbers)])
        let text =
            Bool.random(using: &numbers)
            ? RandomCron(&numbers).description : "rate(\(Int.random(in: 1...100, using: &numbers)) hours)"
        let after = Int.random(in: 0..<4_000_000_000, using: &numbers)
        let timing = ScheduleTiming(expression: try ScheduleExpression(text), zone: zone)
        var last = after
        for occurrence in timing.occurrences(after: after, anchor: after / 2).prefix(300) {
            guard let time = occurrence.time else { continue }
            #expect(time > last, "\(text) in \(zone.name) after \(after), seed \(seed)")
            last = time
        }
    }
}
