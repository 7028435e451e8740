public import JSON
import StatesLanguage

/// An execution as it was when it ended, for the event that tells it. Instants are microseconds since 1970.
public struct EndedExecution: Sendable, Hashable {
    /// What an execution was given and what it gave. JSON as text, as the event has it.
    public struct Data: Sendable, Hashable {
        public let input: String
        /// Nil where it did not succeed.
        public let output: String?
        public let error: String?
        public let cause: String?

        public init(input: String, output: String? = nil, error: String? = nil, cause: String? = nil) {
            self.input = input
            self.output = output
            self.error = error
            self.cause = cause
        }
    }

    public let executionARN: String
    public let stateMachineARN: String
    public let name: String
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    public let status: String
    public let startedAt: Int64
    public let stoppedAt: Int64
    public let versionARN: String?
    public let aliasARN: String?
    /// How often it had been redriven before this end.
    public let redriveCount: Int
    public let redrivenAt: Int64?
    /// Nil where it is not known: the event lacks it then.
    public let data: Data?

    public init(
        executionARN: String, stateMachineARN: String, name: String, status: String, startedAt: Int64, stoppedAt: Int64,
        versionARN: String? = nil, aliasARN: String? = nil, redriveCount: Int = 0, redrivenAt: Int64? = nil,
        data: Data? = nil
    ) {
        self.executionARN = executionARN
        self.stateMachineARN = stateMachineARN
        self.name = name
        self.status = status
        self.startedAt = startedAt
        self.stoppedAt = stoppedAt
        self.versionARN = versionARN
        self.aliasARN = aliasARN
        self.redriveCount = redriveCount
        self.redrivenAt = redrivenAt
        self.data = data
    }

    /// The fields of the event that come from ``data``.
    static let dataPaths = ["input", "inputDetails", "output", "outputDetails", "error", "cause"].map {
        ["detail", $0]
    }
}

extension TriggerEvents {
    /// Input and output together, escaped as they stand in the event, have so many bytes at most; AWS says 248 KB, which
    /// leaves 8 of an event's 256 for the rest.
    static let maximumDataBytes = 248 << 10

    /// An execution has ended: `Step Functions Execution Status Change`, in the members and words of Step Functions. What
    /// is not there is null. Data that the event has no room for is left out, the input first, and its `included` says so.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    public static func execution(_ ended: EndedExecution, from origin: Origin) -> JSON {
        var detail: JSON = [
            "executionArn": .string(ended.executionARN), "stateMachineArn": .string(ended.stateMachineARN),
            "name": .string(ended.name), "status": .string(ended.status),
            "startDate": .integer(Int(ended.startedAt / 1000)), "stopDate": .integer(Int(ended.stoppedAt / 1000)),
            "stateMachineVersionArn": ended.versionARN.map(JSON.string) ?? .null,
            "stateMachineAliasArn": ended.aliasARN.map(JSON.string) ?? .null,
            "redriveCount": .integer(ended.redriveCount),
            "redriveDate": ended.redrivenAt.map { .integer(Int($0 / 1000)) } ?? .null,
            "redriveStatus": ended.status == "SUCCEEDED" ? "NOT_REDRIVABLE" : "REDRIVABLE",
            "redriveStatusReason": ended.status == "SUCCEEDED"
                ? "Execution is SUCCEEDED and cannot be redriven" : .null,
        ]
        if let data = ended.data { add(data, to: &detail) }
        return event(
            id: "\(ended.executionARN)/\(ended.redriveCount)", source: "aws.states",
            type: "Step Functions Execution Status Change", time: Timestamp.text(microseconds: ended.stoppedAt),
            resources: [.string(ended.executionARN)], origin, detail: detail)
    }

    private static func add(_ data: EndedExecution.Data, to detail: inout JSON) {
        // With escapes, and what stands around a text.
        func bytes(_ text: String?) -> Int { text.map { JSON.string($0).utf8.count } ?? 0 }
        // Error and cause are always told. They may be longer than the room that AWS leaves for the rest.
        let room = maximumDataBytes - bytes(data.error) - bytes(data.cause)
        let hasOutput = bytes(data.output) <= room
        let hasInput = bytes(data.input) + bytes(data.output) <= room
        detail["input"] = hasInput ? .string(data.input) : .null
        detail["inputDetails"] = ["included": .bool(hasInput)]
        detail["output"] = hasOutput ? data.output.map(JSON.string) ?? .null : .null
        detail["outputDetails"] = data.output == nil ? .null : ["included": .bool(hasOutput)]
        detail["error"] = data.error.map(JSON.string) ?? .null
        detail["cause"] = data.cause.map(JSON.string) ?? .null
    }
}
