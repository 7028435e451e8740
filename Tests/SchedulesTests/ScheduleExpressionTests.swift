import Schedules
import Testing

@Suite struct ScheduleExpressionTests {
    /// The first days that an expression names in 2026, at midnight in UTC.
    @Test(
        arguments: [
            ("* * ? * MON-FRI *", ["01-01", "01-02", "01-05"]),
            ("0 0 ? * 2-6 *", ["01-01", "01-02", "01-05"]),
            ("0 0 ? * 6L *", ["01-30", "02-27", "03-27"]),
            ("0 0 ? * FRIL *", ["01-30", "02-27", "03-27"]),
            ("0 0 ? * 3#2 *", ["01-13", "02-10", "03-10"]),
            ("0 0 ? * TUE#5 *", ["03-31", "06-30", "09-29"]),
            // The last day of the week.
            ("0 0 ? * L *", ["01-03", "01-10", "01-17"]),
            // January 4 and February 1 are Sundays, August 1 is a Saturday.
            ("0 0 4W 1 ? *", ["01-05"]),
            ("0 0 1W 2,8 ? *", ["02-02", "08-03"]),
            // May 31 and August 30 are Sundays, October 31 is a Saturday.
            ("0 0 31W 5,10 ? *", ["05-29", "10-30"]),
            ("0 0 30W 8 ? *", ["08-31"]),
            ("0 0 31W 2,3 ? *", ["03-31"]),
            ("0 0 LW * ? *", ["01-30", "02-27", "03-31"]),
            ("0 0 L 2,4 ? *", ["02-28", "04-30"]),
            ("0 0 1,15-16 jan,MAR ? *", ["01-01", "01-15", "01-16", "03-01"]),
            ("0 0 29/2 1 ? *", ["01-29", "01-31"]),
            ("0 0 1-20/9 1 ? *", ["01-01", "01-10", "01-19"]),
            ("0 0 */10 1 ? 2026-2030/2", ["01-01", "01-11", "01-21", "01-31"]),
        ] as [(String, [String])])
    func namesDays(fields: String, expected: [String]) throws {
        let timing = ScheduleTiming(expression: try ScheduleExpression("cron(\(fields))"))
        let start = try seconds("2026-01-01T00:00:00Z")
        var days: [String] = []
        for occurrence in timing.occurrences(after: start - 1, anchor: 0) {
            guard let time = occurrence.time, time < start + 365 * 86_400, days.count < expected.count else { break }
            let day = String(utcText(time).dropFirst(5).prefix(5))
            if days.last != day { days.append(day) }
        }
        #expect(days == expected)
    }

    @Test(
        arguments: [
            ("1/10", "*", ["00:01", "00:11", "00:21", "00:31", "00:41", "00:51", "01:01"]),
            ("0,30", "8-10/2", ["08:00", "08:30", "10:00", "10:30"]),
            ("59", "23", ["23:59"]),
            ("50/5", "22/1", ["22:50", "22:55", "23:50", "23:55"]),
        ] as [(String, String, [String])])
    func namesTimes(minutes: String, hours: String, expected: [String]) throws {
        let timing = ScheduleTiming(expression: try ScheduleExpression("cron(\(minutes) \(hours) 1 1 ? 2026)"))
        let times = timing.occurrences(after: 0, anchor: 0).prefix(expected.count).compactMap(\.time)
        #expect(times.map { String(utcText($0).dropFirst(11).prefix(5)) } == expected)
    }

    /// What is wrong, and the character at which.
    @Test(
        arguments: [
            ("cron(60 24 ? * MON *)", ["6: 60 is outside of minutes", "9: 24 is outside of hours"]),
            ("cron(0 0 * * * *)", ["14: one of day-of-month and day-of-week must be '?'"]),
            ("cron(0 0 ? * ? *)", ["14: day-of-month and day-of-week can't both be '?'"]),
            ("cron(0 0 ? FOO MON *)", ["12: 'FOO' is no value of month, which takes 1-12 or JAN-DEC"]),
            ("cron(0 0 ? * FRI-MON *)", ["14: the range 'FRI-MON' runs backwards; write FRI-SAT,SUN-MON"]),
            ("cron(0 0 ? * 3#6 *)", ["16: '6': behind # stands a number from 1 to 5"]),
            ("cron(0 0 ? * 3#1,6#3 *)", ["14: '3#1,6#3': a field with # has one expression"]),
            ("cron(0 0 1,L * ? *)", ["10: '1,L': L and W stand alone"]),
            ("cron(0 ? 1 * ? *)", ["8: '?' stands in day-of-month or day-of-week only"]),
            ("cron(*/0 0 1 * ? *)", ["8: '0' is no increment"]),
            ("cron(1/2/3 0 1 * ? *)", ["6: '1/2/3' has two increments"]),
            ("cron(0 0 1 * ? 1969)", ["16: 1969 is outside of year, which takes 1970-2199"]),
            ("cron(0 0 1 *)", ["6: cron has six fields"]),
            ("cron(, 0 1 * ? *)", ["6: '' is no value of minutes", "7: '' is no value of minutes"]),
            ("rate(0 minutes)", ["6: '0' is no positive whole number"]),
            ("rate(5 weeks)", ["8: 'weeks' is none of minutes, hours and days"]),
            ("rate(5)", ["6: rate has a number and a unit"]),
            ("rate(999999999 days)", ["6: a rate of 999999999 days is longer"]),
            ("at(2026-02-29T00:00:00)", ["4: '2026-02-29T00:00:00' is no time"]),
            ("at(2026-02-28T00:00)", ["4: '2026-02-28T00:00' is no time"]),
            ("every(5 minutes)", ["1: 'every' is none of cron, rate and at"]),
            ("0 0 * * *", ["1: a schedule expression is cron(fields)"]),
            (String(repeating: "x", count: 257), ["1: the expression has more than 256 characters"]),
        ] as [(String, [String])])
    func tellsAllThatIsWrong(text: String, expected: [String]) {
        let (expression, problems) = ScheduleExpression.read(text)
        #expect(expression == nil)
        #expect(problems.count == expected.count, "\(problems)")
        for (problem, start) in zip(problems, expected) {
            #expect("\(problem)".hasPrefix("character \(start)"), "\(problem)")
        }
    }
}
