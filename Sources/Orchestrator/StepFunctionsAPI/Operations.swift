import Engine
import JSON

/// The operations, each from its request's members to its response's.
struct Operations {
    let engine: Engine

    func perform(_ operation: String, _ arguments: Arguments) async throws -> JSON {
        switch operation {
        case "CreateStateMachine": try await createStateMachine(arguments)
        case "DescribeStateMachine": try await describeStateMachine(arguments)
        case "DescribeStateMachineForExecution": try await describeStateMachineForExecution(arguments)
        case "UpdateStateMachine": try await updateStateMachine(arguments)
        case "DeleteStateMachine": try await deleteStateMachine(arguments)
        case "ListStateMachines": try await listStateMachines(arguments)
        case "ValidateStateMachineDefinition": try await validateDefinition(arguments)
        case "TestState": try await testState(arguments)
        case "PublishStateMachineVersion": try await publishVersion(arguments)
        case "DeleteStateMachineVersion": try await deleteVersion(arguments)
        case "ListStateMachineVersions": try await listVersions(arguments)
        case "CreateStateMachineAlias": try await createAlias(arguments)
        case "UpdateStateMachineAlias": try await updateAlias(arguments)
        case "DescribeStateMachineAlias": try await describeAlias(arguments)
        case "DeleteStateMachineAlias": try await deleteAlias(arguments)
        case "ListStateMachineAliases": try await listAliases(arguments)
        case "TagResource": try await tagResource(arguments)
        case "UntagResource": try await untagResource(arguments)
        case "ListTagsForResource": try await listTags(arguments)
        case "StartExecution": try await startExecution(arguments)
        case "StartSyncExecution": try await startSyncExecution(arguments)
        case "StopExecution": try await stopExecution(arguments)
        case "DescribeExecution": try await describeExecution(arguments)
        case "ListExecutions": try await listExecutions(arguments)
        case "GetExecutionHistory": try await executionHistory(arguments)
        case "RedriveExecution": try await redriveExecution(arguments)
        case "ListMapRuns": try await listMapRuns(arguments)
        case "DescribeMapRun": try await describeMapRun(arguments)
        case "UpdateMapRun": try await updateMapRun(arguments)
        case "CreateActivity": try await createActivity(arguments)
        case "DescribeActivity": try await describeActivity(arguments)
        case "DeleteActivity": try await deleteActivity(arguments)
        case "ListActivities": try await listActivities(arguments)
        case "GetActivityTask": try await activityTask(arguments)
        case "SendTaskSuccess": try await sendTaskSuccess(arguments)
        case "SendTaskFailure": try await sendTaskFailure(arguments)
        case "SendTaskHeartbeat": try await sendTaskHeartbeat(arguments)
        default:
            throw ServiceError(
                name: "UnknownOperationException", message: "The operation '\(operation)' is not known.")
        }
    }

    /// Seconds since 1970 with milliseconds, as the protocol writes timestamps.
    static func timestamp(_ microseconds: Int64) -> JSON { .double(Double(microseconds / 1000) / 1000) }

    /// The mark behind a request's `nextToken`; nil for the first page. `scope` is what chooses the list.
    func mark(_ token: String?, _ operation: String, _ scope: String...) async throws -> String? {
        guard let token else { return nil }
        return try await engine.marks().mark(in: token, for: call(operation, scope))
    }

    /// The `nextToken` that leads on from a mark.
    func token(_ mark: String?, _ operation: String, _ scope: String...) async throws -> JSON? {
        guard let mark else { return nil }
        return .string(try await engine.marks().token(mark, for: call(operation, scope)))
    }

    private func call(_ operation: String, _ scope: [String]) -> String {
        JSON.array([.string(operation)] + scope.map(JSON.string)).text
    }
}
