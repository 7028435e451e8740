import HTTPServer
import Hummingbird
import JSON

/// Triggers as an engine once told them: what the pages are tested with.
enum RecordedTriggers {
    static let bucket: JSON = [
        "Name": "partner-films", "Description": "What a partner delivers.", "State": "ENABLED",
        "Source": ["Kind": "s3", "Bucket": "partner-films"], "Target": "ingest",
        "EventPattern": ["detail": ["object": ["key": [["suffix": ".mov"]]]]], "Hook": "/hooks/partner-films",
        "HasSecret": true, "ListedThrough": "2026-11-28T09:55:00.000Z",
        "Counts": ["Started": 12, "Known": 3, "Refused": 40], "LastNote": refusal,
    ]

    static let disabled: JSON = [
        "Name": "drop", "State": "DISABLED", "Source": ["Kind": "directory", "Path": "/srv/drop"], "Target": "ingest",
        "Counts": [:],
    ]

    static let paused: JSON = [
        "Name": "trailers", "State": "ENABLED", "Source": ["Kind": "upload"], "Target": "trailer",
        "Pause": ["Reason": "the cutting room is closed", "Since": "2026-11-28T09:00:00.000Z"],
        "Counts": ["Held": 2],
        "LastNote": ["At": "2026-11-28T09:30:00.000Z", "Outcome": "Held", "Count": 2],
    ]

    static let ends: JSON = [
        "Name": "tell-failures", "State": "ENABLED", "Source": ["Kind": "execution"], "Target": "notify-chat",
        "Counts": ["Started": 3], "ToldThrough": "2026-11-28T09:59:30.000Z",
        "LastNote": ["At": "2026-11-28T09:59:00.000Z", "Outcome": "Started", "Count": 1],
    ]

    private static let refusal: JSON = [
        "At": "2026-11-28T09:58:00.000Z", "Outcome": "Refused", "Count": 40,
        "Reason": "Refused: the token is wrong.",
    ]

    static let detail: JSON = {
        var detail = bucket
        detail["Input"] = ["source": "{% $states.input.detail.object.key %}"]
        detail["Recent"] = [
            refusal,
            [
                "At": "2026-11-28T09:50:00.000Z", "Outcome": "Started", "Count": 1,
                "ExecutionArn":
                    "arn:aws:states:us-east-1:000000000000:execution:ingest:partner-films-0123456789abcdef",
            ],
        ]
        return detail
    }()
}

extension ServiceRouter {
    /// What the pages of triggers ask, and the page of runs for starts that are set aside.
    func addRecordedTriggers() {
        get("/console/api/triggers") { _, _ in
            Response.json(
                [
                    "Triggers": [
                        RecordedTriggers.bucket, RecordedTriggers.disabled, RecordedTriggers.paused,
                        RecordedTriggers.ends,
                    ]
                ])
        }
        get("/console/api/triggers/{name}") { _, context in
            let others = ["trailers": RecordedTriggers.paused, "tell-failures": RecordedTriggers.ends]
            guard var detail = others[context.parameters.get("name") ?? ""] else {
                return Response.json(RecordedTriggers.detail)
            }
            detail["Recent"] = [detail["LastNote"] ?? nil]
            return Response.json(detail)
        }
        get("/console/api/starts-aside") { _, _ in
            Response.json([
                "Starts": [
                    [
                        "Id": "1f0c9a6b2d44-9b1a30c7e5d2", "Machines": ["ingest"], "Event": "start", "Crashes": 2,
                        "LastAt": "2026-11-28T08:00:00.000Z",
                    ]
                ]
            ])
        }
    }
}
