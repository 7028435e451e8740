/// What the integrations of AWS Step Functions answer, by the references of the services' APIs: field names begin with a
/// capital, timestamps and blobs are texts. Of integrations that are not here nothing is known.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html, and the API reference of each
/// service
extension ResultShape {
    /// The result of an integration by its Resource.
    public static func ofIntegration(_ resource: String) -> ResultShape? {
        let parts = resource.split(separator: ":", omittingEmptySubsequences: false)
        // The partition differs; region and account are empty.
        guard parts.count >= 7, parts[0] == "arn", parts[2] == "states", parts[3].isEmpty, parts[4].isEmpty else {
            return nil
        }
        return results[parts[5...].joined(separator: ":")]
    }

    private static let results: [String: ResultShape] = {
        let consumed = structure([
            Field("TableName", .string), Field("CapacityUnits", .number), Field("ReadCapacityUnits", .number),
            Field("WriteCapacityUnits", .number),
        ])
        let written = structure([
            Field("Attributes", .structure([])), Field("ConsumedCapacity", consumed),
            Field("ItemCollectionMetrics", .structure([])),
        ])
        let ended = structure([
            Field("ExecutionArn", .string, required: true), Field("StateMachineArn", .string, required: true),
            Field("Status", .string, required: true), Field("StartDate", .string, required: true),
            Field("StopDate", .string), Field("Name", .string), Field("Error", .string), Field("Cause", .string),
        ])
        return [
            "lambda:invoke": structure([
                Field("StatusCode", .number), Field("FunctionError", .string), Field("LogResult", .string),
                Field("ExecutedVersion", .string),
            ]),
            "states:startExecution": structure([
                Field("ExecutionArn", .string, required: true), Field("StartDate", .string, required: true),
            ]),
            "states:startExecution.sync": ended, "states:startExecution.sync:2": ended,
            "dynamodb:getItem": structure([Field("Item", .structure([])), Field("ConsumedCapacity", consumed)]),
            "dynamodb:putItem": written, "dynamodb:updateItem": written, "dynamodb:deleteItem": written,
            "sqs:sendMessage": structure([
                Field("MD5OfMessageBody", .string), Field("MD5OfMessageAttributes", .string),
                Field("MD5OfMessageSystemAttributes", .string), Field("MessageId", .string),
                Field("SequenceNumber", .string),
            ]),
            "sns:publish": structure([Field("MessageId", .string), Field("SequenceNumber", .string)]),
            "events:putEvents": structure([
                Field("FailedEntryCount", .number),
                Field(
                    "Entries",
                    .list(
                        .structure([
                            Field("EventId", .string), Field("ErrorCode", .string), Field("ErrorMessage", .string),
                        ]))),
            ]),
            "batch:submitJob": structure([
                Field("JobArn", .string), Field("JobName", .string, required: true),
                Field("JobId", .string, required: true),
            ]),
            "ecs:runTask": structure([
                Field("Tasks", .list(.structure([]))),
                Field(
                    "Failures",
                    .list(.structure([Field("Arn", .string), Field("Reason", .string), Field("Detail", .string)]))),
            ]),
            "glue:startJobRun": structure([Field("JobRunId", .string)]),
            "athena:startQueryExecution": structure([Field("QueryExecutionId", .string)]),
        ]
    }()
}
