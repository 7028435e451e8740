import Schedules
import StatesLanguage
import Testing

func seconds(_ text: String) throws -> EpochSeconds {
    EpochSeconds(try #require(Timestamp.microseconds(rfc3339: text), "\(text)") / 1_000_000)
}

/// `time` or the local time that is skipped, with the first word of the note.
func line(_ occurrence: Occurrence) -> String {
    let note = occurrence.note.map { " \($0.description.prefix { $0 != ":" })" } ?? ""
    return (occurrence.time.map(utcText) ?? "\(occurrence.localTime)") + note
}

@Suite struct ClockChangeTests {
    static func lines(
        _ expression: String, in name: String, after: String, count: Int, start: String? = nil, end: String? = nil
    ) throws -> [String] {
        let timing = ScheduleTiming(
            expression: try ScheduleExpression(expression), zone: try zone(name), startDate: try start.map(seconds),
            endDate: try end.map(seconds))
        let after = try seconds(after)
        return timing.occurrences(after: after, anchor: after).prefix(count).map(line)
    }

    /// Both changes of a year, in zones on each side of the equator, in one that moves by half an hour, in one that
    /// changes at midnight, in one that never changes, and where a whole day is left out.
    @Test(
        arguments: [
            // New York: forward on March 8 at 2:00, back on November 1 at 2:00.
            (
                "cron(30 2 * * ? *)", "America/New_York", "2026-03-07T00:00:00Z",
                ["2026-03-07T07:30:00Z", "2026-03-08T02:30:00 skipped", "2026-03-09T06:30:00Z"]
            ),
            (
                "cron(30 1 * * ? *)", "America/New_York", "2026-10-31T12:00:00Z",
                ["2026-11-01T05:30:00Z once", "2026-11-02T06:30:00Z", "2026-11-03T06:30:00Z"]
            ),
            // The hours around: what exists once is not touched.
            (
                "cron(0 0-4 8 3 ? 2026)", "America/New_York", "2026-03-08T00:00:00Z",
                [
                    "2026-03-08T05:00:00Z", "2026-03-08T06:00:00Z", "2026-03-08T02:00:00 skipped",
                    "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z",
                ]
            ),
            (
                "cron(0 0-3 1 11 ? 2026)", "America/New_York", "2026-11-01T00:00:00Z",
                ["2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z once", "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z"]
            ),
            // Asked between the two showings: the second does not fire.
            (
                "cron(30 1 * * ? *)", "America/New_York", "2026-11-01T05:45:00Z",
                ["2026-11-02T06:30:00Z", "2026-11-03T06:30:00Z"]
            ),
            // Berlin: forward on March 29 at 2:00, back on October 25 at 3:00.
            (
                "cron(15 2 ? * SUN *)", "Europe/Berlin", "2026-03-22T12:00:00Z",
                ["2026-03-29T02:15:00 skipped", "2026-04-05T00:15:00Z"]
            ),
            (
                "cron(15 2 ? * SUN *)", "Europe/Berlin", "2026-10-18T12:00:00Z",
                ["2026-10-25T00:15:00Z once", "2026-11-01T01:15:00Z"]
            ),
            // Santiago, south of the equator: back on April 5 at 0:00, forward on September 6 at 0:00.
            (
                "cron(30 23 * * ? *)", "America/Santiago", "2026-04-04T12:00:00Z",
                ["2026-04-05T02:30:00Z once", "2026-04-06T03:30:00Z"]
            ),
            (
                "cron(0 0 * * ? *)", "America/Santiago", "2026-09-05T12:00:00Z",
                ["2026-09-06T00:00:00 skipped", "2026-09-07T03:00:00Z"]
            ),
            // Lord Howe moves by half an hour: back on April 5 at 2:00, forward on October 4 at 2:00.
            (
                "cron(45 1 * * ? *)", "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
                ["2026-04-04T14:45:00Z once", "2026-04-05T15:15:00Z"]
            ),
            (
                "cron(15 2 * * ? *)", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
                ["2026-10-04T02:15:00 skipped", "2026-10-04T15:15:00Z"]
            ),
            // Kolkata, at +05:30, never changes.
            (
                "cron(30 2 * * ? *)", "Asia/Kolkata", "2026-03-07T00:00:00Z",
                ["2026-03-07T21:00:00Z", "2026-03-08T21:00:00Z", "2026-03-09T21:00:00Z"]
            ),
            // Apia left out December 30, 2011.
            (
                "cron(0 12 * * ? *)", "Pacific/Apia", "2011-12-29T00:00:00Z",
                ["2011-12-29T22:00:00Z", "2011-12-30T12:00:00 skipped", "2011-12-30T22:00:00Z"]
            ),
            // Dublin's law calls winter the exception; its clocks do what London's do.
            (
                "cron(30 1 * * ? *)", "Europe/Dublin", "2026-03-28T12:00:00Z",
                ["2026-03-29T01:30:00 skipped", "2026-03-30T00:30:00Z"]
            ),
            // Far beyond the changes that a zone file lists.
            (
                "cron(30 2 * * ? *)", "America/New_York", "2198-03-10T12:00:00Z",
                ["2198-03-11T02:30:00 skipped", "2198-03-12T06:30:00Z"]
            ),
            // Month ends and leap days.
            (
                "cron(0 6 L * ? *)", "Europe/Berlin", "2027-12-31T12:00:00Z",
                ["2028-01-31T05:00:00Z", "2028-02-29T05:00:00Z", "2028-03-31T04:00:00Z", "2028-04-30T04:00:00Z"]
            ),
            (
                "cron(0 0 29 2 ? *)", "UTC", "2026-01-01T00:00:00Z",
                ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"]
            ),
            ("cron(0 0 29 2 ? *)", "UTC", "2096-03-01T00:00:00Z", ["2104-02-29T00:00:00Z"]),
            (
                "cron(0 0 31 * ? *)", "UTC", "2026-01-31T00:00:00Z",
                ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z", "2026-07-31T00:00:00Z"]
            ),
            // A rate counts seconds: 24 hours a day, whatever the clocks show.
            (
                "rate(1 day)", "America/New_York", "2026-03-07T12:00:00Z",
                [
                    "2026-03-07T12:00:00Z", "2026-03-08T12:00:00Z moved", "2026-03-09T12:00:00Z",
                ]
            ),
            (
                "rate(1 hour)", "America/New_York", "2026-03-08T06:00:00Z",
                ["2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"]
            ),
            // One-time: a time that does not exist is shifted, one that exists twice is the first.
            ("at(2026-03-08T02:30:00)", "America/New_York", "2026-01-01T00:00:00Z", ["2026-03-08T07:30:00Z shifted"]),
            ("at(2026-11-01T01:30:00)", "America/New_York", "2026-01-01T00:00:00Z", ["2026-11-01T05:30:00Z once"]),
            ("at(2026-11-20T13:00:00)", "America/Los_Angeles", "2026-01-01T00:00:00Z", ["2026-11-20T21:00:00Z"]),
            ("at(2026-11-20T13:00:00)", "America/Los_Angeles", "2026-11-20T21:00:00Z", []),
        ] as [(String, String, String, [String])])
    func firesAtRealTimesOnly(expression: String, zone: String, after: String, expected: [String]) throws {
        let count = expected.isEmpty ? 1 : expected.count
        // A rate is asked from before its anchor.
        if expression.hasPrefix("rate") {
            let timing = ScheduleTiming(
                expression: try ScheduleExpression(expression), zone: try SchedulesTests.zone(zone),
                startDate: try seconds(after))
            #expect(timing.occurrences(after: 0, anchor: 0).prefix(count).map(line) == expected)
        } else {
            #expect(try Self.lines(expression, in: zone, after: after, count: count) == expected)
        }
    }

    @Test func saysWhatAChangeDoes() throws {
        func note(_ expression: String, _ name: String, _ after: String) throws -> String? {
            let timing = ScheduleTiming(expression: try ScheduleExpression(expression), zone: try zone(name))
            let after = try seconds(after)
            return timing.occurrences(after: after, anchor: after).first { _ in true }?.note?.description
        }
        #expect(
            try note("cron(30 2 8 3 ? 2026)", "America/New_York", "2026-03-08T00:00:00Z")
                == "skipped: clocks go from 02:00 to 03:00, and this time does not exist")
        #expect(
            try note("cron(45 1 5 4 ? 2026)", "Australia/Lord_Howe", "2026-04-04T00:00:00Z")
                == "once: clocks are put back and show this time again 30 minutes later, which does not fire")
        #expect(
            try note("at(2026-03-08T02:30:00)", "America/New_York", "2026-01-01T00:00:00Z")
                == "shifted: 02:30 does not exist, as clocks go from 02:00 to 03:00")
    }

    /// Both bounds are included; a rate begins at its start.
    @Test(
        arguments: [
            ("cron(0 12 * * ? *)", ["2026-05-02T12:00:00Z", "2026-05-03T12:00:00Z"]),
            ("rate(12 hours)", ["2026-05-02T12:00:00Z", "2026-05-03T00:00:00Z", "2026-05-03T12:00:00Z"]),
            // One-time schedules ignore them.
            ("at(2027-01-01T00:00:00)", ["2027-01-01T00:00:00Z"]),
        ])
    func keepsItsBounds(expression: String, expected: [String]) throws {
        #expect(
            try Self.lines(
                expression, in: "UTC", after: "2026-01-01T00:00:00Z", count: 9, start: "2026-05-02T12:00:00Z",
                end: "2026-05-03T12:00:00Z") == expected)
    }

    @Test func anExpressionCanNeverFire() throws {
        #expect(try Self.lines("cron(0 0 30 2 ? *)", in: "UTC", after: "2026-01-01T00:00:00Z", count: 1) == [])
        #expect(try Self.lines("cron(0 0 1 1 ? 2020)", in: "UTC", after: "2026-01-01T00:00:00Z", count: 1) == [])
    }
}
