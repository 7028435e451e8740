import Foundation
import JSON
import Schedules
import StatesLanguage
import Testing
import YAML

@Suite struct SchedulesFileTests {
    static func read(_ yaml: String, machines: [String]? = nil) throws -> (schedules: [Schedule]?, lines: [String]) {
        let tree = try YAMLDocument.parse(Array(yaml.utf8))
        let (schedules, problems) = Schedule.read(tree, machines: machines) { name throws(TimeZoneError) in
            if name == "Broken/Zone" { throw TimeZoneError(name: name, reason: "its file is no TZif file") }
            do { return name.contains("Nowhere") ? nil : try zone(name) } catch { return nil }
        }
        return (schedules, problems.map { $0.text(file: "schedules.yaml") })
    }

    @Test func readsWhatAScheduleHas() throws {
        let (schedules, lines) = try Self.read(
            """
            Comment: nights
            Schedules:
              retrain:
                Description: The nightly retraining.
                ScheduleExpression: cron(30 2 ? * MON-FRI *)
                ScheduleExpressionTimezone: Europe/Berlin
                StartDate: 2026-01-01T00:00:00Z
                EndDate: 2026-12-31T00:00:00+01:00
                State: DISABLED
                FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 15}
                OverlapPolicy: BufferOne
                CatchupPolicy: Window
                CatchupWindowInMinutes: 90
                Target:
                  Arn: train-ranker
                  Input: {night: "{% $states.context.Schedule.LocalTime %}", epochs: 5}
              plain:
                ScheduleExpression: rate(1 hour)
                Target: {Arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m"}
            """, machines: ["train-ranker"])
        #expect(lines == [])
        let retrain = try #require(schedules?.first)
        #expect(retrain.name == "retrain")
        #expect(retrain.timing.zone.name == "Europe/Berlin")
        #expect(retrain.timing.startDate == 1_767_225_600)
        #expect(retrain.timing.endDate == (try seconds("2026-12-30T23:00:00Z")))
        #expect(!retrain.isEnabled)
        #expect(retrain.flexibleWindow == 900)
        #expect(retrain.overlapPolicy == .bufferOne)
        #expect(retrain.catchupPolicy == .window(seconds: 5400))
        let plain = try #require(schedules?.last)
        #expect(plain.timing.zone == .utc)
        #expect(plain.overlapPolicy == .skip)
        #expect(plain.catchupPolicy == .last)
        #expect(plain.flexibleWindow == 0 && plain.isEnabled && plain.input == nil)
    }

    @Test func readsWhatTheDocumentationShows() throws {
        let checkout = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let page = try String(
            contentsOf: checkout.appending(path: "../../docs/schedules.md").standardized, encoding: .utf8)
        let examples = page.components(separatedBy: "```yaml\n").dropFirst().map { part in
            part.components(separatedBy: "```")[0]
        }
        #expect(!examples.isEmpty)
        for example in examples { #expect(try Self.read(example).lines == [], "\(example)") }
        // The preview on the page is that of the program.
        let schedule = Schedule(
            name: "x",
            timing: ScheduleTiming(
                expression: try ScheduleExpression("cron(30 2 * * ? *)"), zone: try zone("America/New_York")),
            target: "m")
        let after = try seconds("2026-03-07T00:00:00Z")
        for row in SchedulePreview(of: schedule, after: after, count: 2, anchor: after).rows {
            for cell in row where !cell.isEmpty { #expect(page.contains(cell), "\(cell)") }
        }
    }

    /// All at once, each at its place.
    @Test func tellsAllThatIsWrong() throws {
        let (schedules, lines) = try Self.read(
            """
            Schedules:
              a b:
                ScheduleExpression: cron(0 25 * * * *)
                ScheduleExpressionTimezone: Nowhere/Land
                Target: {Arn: trian, Input: "{% $foo( %}"}
              c:
                ScheduleExpresion: rate(1 day)
                OverlapPolicy: BufferTwo
                FlexibleTimeWindow: {Mode: FLEXIBLE}
                CatchupPolicy: Window
                Target: {}
              d:
                ScheduleExpression: rate(1 day)
                ScheduleExpressionTimezone: ../passwd
                StartDate: tomorrow
                CatchupWindowInMinutes: 5
                FlexibleTimeWindow: {Mode: "OFF", MaximumWindowInMinutes: 5}
                Target: {Arn: "arn:aws:lambda:us-east-1:0:function:x"}
              e:
                ScheduleExpression: cron(0 0 30 2 ? *)
                ScheduleExpressionTimezone: Broken/Zone
                Target: {Arn: train}
              f:
                ScheduleExpression: cron(0 0 30 2 ? *)
                Target: {Arn: train}
              g:
                ScheduleExpression: rate(1 day)
                StartDate: 2026-02-01T00:00:00Z
                EndDate: 2026-01-01T00:00:00Z
                Target: {Arn: train}
              g: {}
            """, machines: ["train"])
        #expect(schedules == nil)
        let expected = [
            "2:3: error: 'a b' is no name of a schedule; names have 1 to 60 letters, digits, '-', '_' and '.'",
            "3:32: error: 25 is outside of hours, which takes 0-23",
            "3:39: error: one of day-of-month and day-of-week must be '?': '*' and '*' both say which days are meant",
            "4:33: error: There is no time zone 'Nowhere/Land'; write a name of the IANA database",
            "5:19: error: There is no state machine 'trian'; did you mean 'train'?",
            "5:42: error: Expected ')' before end of expression",
            "7:5: error: ScheduleExpression missing",
            "7:5: error: 'ScheduleExpresion' means nothing here; did you mean 'ScheduleExpression'?",
            "8:20: error: 'BufferTwo' is not known; did you mean 'BufferOne'?",
            "9:25: error: A FLEXIBLE window has MaximumWindowInMinutes",
            "10:20: error: The CatchupPolicy Window has CatchupWindowInMinutes beside it",
            "11:13: error: Arn missing",
            "14:33: error: There is no time zone '../passwd'",
            "15:16: error: 'tomorrow' is no timestamp",
            "16:29: error: CatchupWindowInMinutes means nothing without CatchupPolicy: Window",
            "17:63: error: A window that is OFF has no MaximumWindowInMinutes",
            "18:19: error: 'arn:aws:lambda:us-east-1:0:function:x' is no ARN of a state machine",
            "21:33: error: The time zone 'Broken/Zone' can't be used; its file is no TZif file",
            "24:25: error: The schedule never fires",
            "29:14: error: EndDate is before StartDate",
            "31:3: error: 'g' stands here twice; line 26 has it already",
        ]
        #expect(lines.count == expected.count)
        for (line, start) in zip(lines, expected) { #expect(line.hasPrefix("schedules.yaml:\(start)"), "\(line)") }
    }

    @Test func warnsOfTimesAroundAChangeOfClocks() throws {
        let (schedules, lines) = try Self.read(
            """
            Schedules:
              once:
                ScheduleExpression: at(2026-03-08T02:30:00)
                ScheduleExpressionTimezone: America/New_York
                StartDate: 2026-01-01T00:00:00Z
                Target: {Arn: m}
            """)
        #expect(schedules?.count == 1)
        #expect(
            lines == [
                "schedules.yaml:3:25: warning: Clocks of America/New_York change around 2026-03-08T02:30:00: shifted:"
                    + " 02:30 does not exist, as clocks go from 02:00 to 03:00; it fires at 2026-03-08T07:30:00Z"
                    + " (at /Schedules/once/ScheduleExpression)",
                "schedules.yaml:5:16: warning: A one-time schedule has no use for StartDate and EndDate; drop it"
                    + " (at /Schedules/once/StartDate)",
            ])
    }

    @Test func aFileHasSchedules() throws {
        #expect(try Self.read("[]").lines.first?.contains("Expected an object") == true)
        #expect(try Self.read("{}").lines.first?.contains("Schedules missing") == true)
        #expect(
            try Self.read("{Schedules: 3}").lines.first?.contains("Expected an object of schedules by name") == true)
    }

    /// The input follows from the start alone; without one it is the event of EventBridge Scheduler.
    @Test func givesAnInput() throws {
        let (schedules, _) = try Self.read(
            """
            Schedules:
              a:
                ScheduleExpression: cron(0 2 * * ? *)
                ScheduleExpressionTimezone: America/New_York
                Target:
                  Arn: m
                  Input:
                    all: "{% $states.context.Schedule %}"
                    at: "{% $states.input.time %}"
                    now: "{% $now() %}"
                    id: "{% $uuid() %}"
                    plain: 1
              b: {ScheduleExpression: rate(1 day), Target: {Arn: m}}
            """)
        let schedule = try #require(schedules?.first)
        var engine = VirtualEngine(schedule, at: try seconds("2026-07-01T00:00:00Z"))
        engine.now = try seconds("2026-07-01T06:00:05Z")
        let decision = decide(schedule, engine.state, .tick, now: engine.now)
        guard case .start(let start) = decision.actions.first else {
            Issue.record("\(decision.actions)")
            return
        }
        let input = try schedule.input(for: start, account: "000000000000", region: "us-east-1")
        #expect(
            input["all"] == [
                "Name": "a", "ScheduledTime": "2026-07-01T06:00:00Z", "LocalTime": "2026-07-01T02:00:00",
                "TimeZone": "America/New_York", "Cause": "Schedule",
            ])
        #expect(input["at"] == "2026-07-01T06:00:00Z")
        #expect(input["now"] == "2026-07-01T06:00:00.000Z")
        #expect(input["plain"] == 1)
        #expect(try schedule.input(for: start, account: "000000000000", region: "us-east-1") == input)
        let plain = try #require(schedules?.last)
        #expect(
            try plain.input(for: start, account: "000000000000", region: "us-east-1") == [
                "version": "0", "id": "a-20260701T060000Z", "detail-type": "Scheduled Event", "source": "aws.scheduler",
                "account": "000000000000", "time": "2026-07-01T06:00:00Z", "region": "us-east-1",
                "resources": ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/b"], "detail": [:],
            ])
    }

    @Test func previewsWithNotes() throws {
        let schedule = Schedule(
            name: "nightly",
            timing: ScheduleTiming(
                expression: try ScheduleExpression("cron(30 2 * * ? *)"), zone: try zone("America/New_York")),
            target: "m")
        let after = try seconds("2026-03-07T12:00:00Z")
        let preview = SchedulePreview(of: schedule, after: after, count: 1, anchor: after)
        #expect(
            preview.rows == [
                [
                    "-", "2026-03-08T02:30:00",
                    "skipped: clocks go from 02:00 to 03:00, and this time does not exist",
                ],
                ["2026-03-09T06:30:00Z", "2026-03-09T02:30:00 EDT", ""],
            ])
        #expect(
            preview.json == [
                "Name": "nightly", "ScheduleExpression": "cron(30 2 * * ? *)",
                "ScheduleExpressionTimezone": "America/New_York",
                "Fires": [
                    [
                        "LocalTime": "2026-03-08T02:30:00",
                        "Note": "skipped: clocks go from 02:00 to 03:00, and this time does not exist",
                    ],
                    [
                        "ScheduledTime": "2026-03-09T06:30:00Z", "LocalTime": "2026-03-09T02:30:00", "Zone": "EDT",
                        "StartTime": "2026-03-09T06:30:00Z", "ExecutionName": "nightly-20260309T063000Z",
                    ],
                ],
            ])
        let once = ScheduleTiming(expression: try ScheduleExpression("at(2020-01-01T00:00:00)"))
        let past = Schedule(name: "x", timing: once, target: "m")
        #expect(SchedulePreview(of: past, after: after, count: 5, anchor: after).entries.isEmpty)
    }
}
