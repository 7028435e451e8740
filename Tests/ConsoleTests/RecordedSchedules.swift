import Engine
import JSON
import Schedules

/// Schedules as an engine once told them: what the pages are tested with.
struct RecordedSchedules: ScheduleService {
    static let line: JSON = [
        "Name": "retrain", "Description": "The nightly retraining.", "State": "ENABLED",
        "ScheduleExpression": "cron(30 2 * * ? *)", "ScheduleExpressionTimezone": "Europe/Berlin",
        "Target": "train-ranker", "OverlapPolicy": "LatestOnly", "NextFire": "2026-11-29T01:30:00Z",
        "Running": [
            [
                "ExecutionName": "retrain-20261128T013000Z",
                "ExecutionArn":
                    "arn:aws:states:us-east-1:000000000000:execution:train-ranker:retrain-20261128T013000Z",
                "ScheduledTime": "2026-11-28T01:30:00Z", "Cause": "Catchup",
            ]
        ], "Waiting": 0, "Starts": 41,
        "LastRecord": [
            "At": "2026-11-28T01:30:00.120Z", "Action": "Start", "ExecutionName": "retrain-20261128T013000Z",
            "Target": "train-ranker",
        ],
    ]

    static let paused: JSON = [
        "Name": "cleanup", "State": "ENABLED", "ScheduleExpression": "rate(1 hour)",
        "ScheduleExpressionTimezone": "UTC", "Target": "cleanup", "OverlapPolicy": "Skip",
        "Pause": ["Reason": "the store is being moved", "Since": "2026-11-27T10:00:00Z"], "Running": [],
        "Waiting": 0, "Starts": 7,
    ]

    static let detail: JSON = {
        var detail = line
        detail["FlexibleTimeWindow"] = ["Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15]
        detail["CatchupPolicy"] = "Window"
        detail["CatchupWindowInMinutes"] = 240
        detail["NextFires"] = [
            ["LocalTime": "2027-03-28T02:30:00", "Note": "skipped: clocks go from 02:00 to 03:00"],
            ["StartTime": "2027-03-29T00:30:00Z", "LocalTime": "2027-03-29T02:30:00", "Zone": "CEST"],
        ]
        detail["Waits"] = []
        detail["Backfills"] = []
        detail["Skips"] = ["Missed": 3]
        detail["Recent"] = [
            [
                "At": "2026-11-27T01:30:00.120Z", "Action": "Skip", "Reason": "Missed", "First": "2026-11-24T01:30:00Z",
                "Last": "2026-11-26T01:30:00Z", "Count": 3,
            ],
            [
                "At": "2026-11-23T01:30:00.120Z", "Action": "Failure", "ExecutionName": "retrain-20261123T013000Z",
                "Cause": "There was no machine.",
            ],
        ]
        return detail
    }()

    func listSchedules() async throws(EngineError) -> JSON { ["Schedules": [Self.line, Self.paused]] }

    func schedule(_ name: String) async throws(EngineError) -> JSON {
        guard name == "retrain" else {
            throw EngineError(code: .resourceNotFound, message: "There is no schedule '\(name)'.")
        }
        return Self.detail
    }

    func previewSchedule(_ name: String, count: Int, after: EpochSeconds?) async throws(EngineError) -> JSON {
        ["Name": .string(name), "Count": .integer(count), "After": after.map { .integer($0) } ?? .null]
    }

    func pauseSchedule(_ name: String, reason: String) async throws(EngineError) -> JSON {
        ["Pause": .string(reason)]
    }

    func resumeSchedule(_ name: String) async throws(EngineError) -> JSON { [:] }

    func runSchedule(
        _ name: String, token: String?, overlapPolicy: OverlapPolicy?
    ) async throws(EngineError) -> JSON {
        ["Token": token.map(JSON.string) ?? .null, "Policy": overlapPolicy.map { .string($0.rawValue) } ?? .null]
    }

    func backfillSchedule(
        _ name: String, from: EpochSeconds, through: EpochSeconds, overlapPolicy: OverlapPolicy?
    ) async throws(EngineError) -> JSON {
        ["From": .integer(from), "Through": .integer(through)]
    }
}
