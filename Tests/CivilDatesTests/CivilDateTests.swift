import CivilDates
import Testing

@Suite("Days of the calendar")
struct CivilDateTests {
    @Test("the number of a day gives the day, and the day its number, over 1,200 years")
    func bothWays() {
        var expected = CivilDate(year: 1499, month: 12, day: 31)
        let first = CivilDate(year: 1500, month: 1, day: 1).daysSinceEpoch
        #expect(CivilDate(daysSinceEpoch: 0) == CivilDate(year: 1970, month: 1, day: 1))
        for number in first..<first + 3 * 146_097 {
            let (year, month, day) = (expected.year, expected.month, expected.day)
            expected =
                day < CivilDate.daysInMonth(month, year: year)
                ? CivilDate(year: year, month: month, day: day + 1)
                : CivilDate(year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
            let found = CivilDate(daysSinceEpoch: number)
            guard found == expected, found.daysSinceEpoch == number else {
                Issue.record("day \(number) is \(found), not \(expected)")
                return
            }
        }
    }

    /// The first is RFC 9110's own.
    @Test(
        "times are written as HTTP wants them",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"), (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] as [(Int64, String)])
    func httpDates(seconds: Int64, text: String) {
        #expect(HTTPDate.text(seconds: seconds) == text)
        #expect(HTTPDate.parse(text) == seconds)
    }

    @Test(
        "what is no time of HTTP is none",
        arguments: [
            "", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Thu, 29 Feb 2023 00:00:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:60 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08.49:37 GMT",
        ])
    func noHTTPDates(text: String) { #expect(HTTPDate.parse(text) == nil) }
}
