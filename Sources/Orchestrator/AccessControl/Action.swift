/// Something that a caller of the engine asks for. The operations of AWS Step Functions have their own names, so that
/// `states:NAME` in a refusal is the action of an AWS policy; the others are ours.
public enum Action: String, Sendable, Hashable, CaseIterable {
    // MARK: Operations of the wire API (2016-11-23), all 37

    case createActivity = "CreateActivity"
    case createStateMachine = "CreateStateMachine"
    case createStateMachineAlias = "CreateStateMachineAlias"
    case deleteActivity = "DeleteActivity"
    case deleteStateMachine = "DeleteStateMachine"
    case deleteStateMachineAlias = "DeleteStateMachineAlias"
    case deleteStateMachineVersion = "DeleteStateMachineVersion"
    case describeActivity = "DescribeActivity"
    case describeExecution = "DescribeExecution"
    case describeMapRun = "DescribeMapRun"
    case describeStateMachine = "DescribeStateMachine"
    case describeStateMachineAlias = "DescribeStateMachineAlias"
    case describeStateMachineForExecution = "DescribeStateMachineForExecution"
    case getActivityTask = "GetActivityTask"
    case getExecutionHistory = "GetExecutionHistory"
    case listActivities = "ListActivities"
    case listExecutions = "ListExecutions"
    case listMapRuns = "ListMapRuns"
    case listStateMachineAliases = "ListStateMachineAliases"
    case listStateMachineVersions = "ListStateMachineVersions"
    case listStateMachines = "ListStateMachines"
    case listTagsForResource = "ListTagsForResource"
    case publishStateMachineVersion = "PublishStateMachineVersion"
    case redriveExecution = "RedriveExecution"
    case sendTaskFailure = "SendTaskFailure"
    case sendTaskHeartbeat = "SendTaskHeartbeat"
    case sendTaskSuccess = "SendTaskSuccess"
    case startExecution = "StartExecution"
    case startSyncExecution = "StartSyncExecution"
    case stopExecution = "StopExecution"
    case tagResource = "TagResource"
    case testState = "TestState"
    case untagResource = "UntagResource"
    case updateMapRun = "UpdateMapRun"
    case updateStateMachine = "UpdateStateMachine"
    case updateStateMachineAlias = "UpdateStateMachineAlias"
    case validateStateMachineDefinition = "ValidateStateMachineDefinition"

    // MARK: Ours

    /// The console's pages and what they show.
    case useConsole = "UseConsole"
    /// Sending a film, and looking how far an upload is.
    case upload = "Upload"
    /// The workers' protocol, `/worker/v1`.
    case work = "Work"
    /// Making, listing, disabling and rotating access keys.
    case manageAccessKeys = "ManageAccessKeys"
    case readAudit = "ReadAudit"
    /// Making, listing and removing connections and the secrets in them, and the secrets of hooks.
    case manageConnections = "ManageConnections"
    /// Making viewers' accounts and their bearer tokens, and revoking these.
    case manageAccounts = "ManageAccounts"
    /// Pausing, resuming and running schedules by hand.
    case operateSchedules = "OperateSchedules"
    /// Pausing and resuming triggers.
    case operateTriggers = "OperateTriggers"
    /// Draining, quarantining and releasing workers; releasing and failing what is parked or set aside.
    case operateDispatch = "OperateDispatch"
    /// Approving and rejecting a task that waits for people, by its place: workers answer by token.
    case answerTask = "AnswerTask"

    /// Whether the name is one of the wire API's.
    public var isOperation: Bool {
        switch self {
        case .useConsole, .upload, .work, .manageAccessKeys, .readAudit, .manageConnections, .manageAccounts,
            .operateSchedules, .operateTriggers, .operateDispatch, .answerTask:
            false
        default: true
        }
    }

    /// An operation of the wire API by its name.
    public init?(operation name: String) {
        self.init(rawValue: name)
        guard isOperation else { return nil }
    }

    /// Whether it changes something that is kept, so that it is told in the audit log. Taking tasks and keeping them
    /// alive are not: an execution's own journal tells who had its tasks. An upload is, once it has started something.
    public var isChange: Bool {
        switch self {
        case .getActivityTask, .sendTaskHeartbeat, .work, .testState: false
        default: rank != .reading && self != .readAudit
        }
    }

    /// From which of the roles for people on something is allowed.
    enum Rank {
        case reading
        case operating
        case authoring
        case administering
    }

    var rank: Rank {
        switch self {
        case .describeActivity, .describeExecution, .describeMapRun, .describeStateMachine,
            .describeStateMachineAlias, .describeStateMachineForExecution, .getExecutionHistory, .listActivities,
            .listExecutions, .listMapRuns, .listStateMachineAliases, .listStateMachineVersions, .listStateMachines,
            .listTagsForResource, .validateStateMachineDefinition, .useConsole:
            .reading
        case .redriveExecution, .sendTaskFailure, .sendTaskHeartbeat, .sendTaskSuccess, .startExecution,
            .startSyncExecution, .stopExecution, .updateMapRun, .upload, .operateSchedules, .operateTriggers,
            .operateDispatch, .answerTask:
            .operating
        // A state that is tested may call services with the engine's rights: who may write it may test it.
        case .createActivity, .createStateMachine, .createStateMachineAlias, .deleteActivity, .deleteStateMachine,
            .deleteStateMachineAlias, .deleteStateMachineVersion, .publishStateMachineVersion, .tagResource,
            .testState, .untagResource, .updateStateMachine, .updateStateMachineAlias:
            .authoring
        // People take no tasks away from workers.
        case .getActivityTask, .work, .manageAccessKeys, .readAudit, .manageConnections, .manageAccounts:
            .administering
        }
    }

    /// What worker programs do, ours and those of the activity API.
    var isWork: Bool {
        switch self {
        case .work, .getActivityTask, .sendTaskFailure, .sendTaskHeartbeat, .sendTaskSuccess: true
        default: false
        }
    }
}
