import Engine
import JSON

/// Machines as an engine once told them: what the pages are tested with.
struct RecordedMachines: MachineService {
    private static let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:"

    static let ingest: JSON = [
        "name": "ingest", "stateMachineArn": .string(arn + "ingest"), "type": "STANDARD", "status": "ACTIVE",
        "creationDate": "2026-01-03T10:00:00Z", "updateDate": "2026-11-20T10:00:00Z", "versionCount": 12,
        "aliasCount": 1, "currentVersion": 2,
        "figures": [
            "running": 3, "succeeded": 10_000, "failed": 15, "timedOut": 1, "aborted": 0, "failureRate": 0.0015974,
            "failureRateBound": "AT_MOST", "latestStart": "2026-11-28T09:58:00Z", "typicalSeconds": 720.0,
            "lastFailure": [
                "id": "0191f4b0-2210-7f33-8a4e-7be05d4a0002", "name": "cosmos", "machine": "ingest",
                "title": "Cosmos ep. 3", "status": "FAILED", "startDate": "2026-11-28T08:00:00Z",
                "stopDate": "2026-11-28T08:12:00Z", "error": "Showrunner.SourceInvalid",
                "cause": "decoder: invalid NAL at 00:12:40.120",
            ],
        ],
    ]

    static let ranker: JSON = [
        "name": "train-ranker", "stateMachineArn": .string(arn + "train-ranker"), "type": "STANDARD",
        "status": "ACTIVE", "creationDate": "2026-01-03T10:00:00Z", "updateDate": "2026-11-20T10:00:00Z",
        "versionCount": 0, "aliasCount": 0,
        "figures": ["running": 0, "succeeded": 0, "failed": 0, "timedOut": 0, "aborted": 0],
    ]

    static let current: JSON = [
        "StartAt": "Transcode",
        "States": [
            "Transcode": ["Type": "Task", "Resource": "arn:aws:states:::showrunner:transcode", "End": true]
        ],
    ]

    static let first: JSON = ["StartAt": "Encode", "States": ["Encode": ["Type": "Pass", "End": true]]]

    /// In two pages.
    func machineOverviews(after mark: String?) async throws(EngineError) -> JSON {
        var page: JSON = [
            "machines": [mark == nil ? Self.ingest : Self.ranker], "figureHours": 24, "countedTo": 10_000,
        ]
        if mark == nil { page["next"] = "ingest" }
        return page
    }

    func machineOverview(_ name: String) async throws(EngineError) -> JSON {
        guard name == "ingest" else { throw missing(name) }
        var detail = Self.ingest
        detail["figureHours"] = 24
        detail["countedTo"] = 10_000
        detail["versions"] = .array(
            [2, 1].map { number in
                [
                    "version": .integer(number), "stateMachineVersionArn": .string(Self.arn + "ingest:\(number)"),
                    "description": number == 2 ? "with captions" : "the first", "creationDate": "2026-11-20T10:00:00Z",
                    "isCurrent": .bool(number == 2),
                ]
            })
        detail["aliases"] = [
            [
                "name": "live", "stateMachineAliasArn": .string(Self.arn + "ingest:live"),
                "routingConfiguration": [["version": 1, "weight": 90], ["version": 2, "weight": 10]],
                "updateDate": "2026-11-20T10:00:00Z",
            ]
        ]
        return detail
    }

    func machineDefinition(_ nameOrARN: String) async throws(EngineError) -> JSON {
        let definition: JSON
        switch nameOrARN {
        case "ingest": definition = Self.current
        case Self.arn + "ingest:1": definition = Self.first
        default: throw missing(nameOrARN)
        }
        return ["definition": .string(definition.text), "updateDate": "2026-11-20T10:00:00Z"]
    }

    private func missing(_ name: String) -> EngineError {
        EngineError(code: .machineNotFound, message: "State Machine Does Not Exist: '\(name)'")
    }
}
