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
    /// The two addresses that the pages of triggers ask.
    func addRecordedTriggers() {
        get("/console/api/triggers") { _, _ in
            Response.json(["Triggers": [RecordedTriggers.bucket, RecordedTriggers.disabled]])
        }
        get("/console/api/triggers/{name}") { _, _ in Response.json(RecordedTriggers.detail) }
    }
}
