import AccessControl
import Testing

@Suite("Roles and actions")
struct RoleMatrixTests {
    /// The whole matrix, written out: `v`iewer, `o`perator, a`u`thor, `a`dmin, `w`orker, in this order.
    static let matrix: [(action: String, roles: String)] = [
        ("CreateActivity", "--ua-"),
        ("CreateStateMachine", "--ua-"),
        ("CreateStateMachineAlias", "--ua-"),
        ("DeleteActivity", "--ua-"),
        ("DeleteStateMachine", "--ua-"),
        ("DeleteStateMachineAlias", "--ua-"),
        ("DeleteStateMachineVersion", "--ua-"),
        ("DescribeActivity", "voua-"),
        ("DescribeExecution", "voua-"),
        ("DescribeMapRun", "voua-"),
        ("DescribeStateMachine", "voua-"),
        ("DescribeStateMachineAlias", "voua-"),
        ("DescribeStateMachineForExecution", "voua-"),
        ("GetActivityTask", "---aw"),
        ("GetExecutionHistory", "voua-"),
        ("ListActivities", "voua-"),
        ("ListExecutions", "voua-"),
        ("ListMapRuns", "voua-"),
        ("ListStateMachineAliases", "voua-"),
        ("ListStateMachineVersions", "voua-"),
        ("ListStateMachines", "voua-"),
        ("ListTagsForResource", "voua-"),
        ("PublishStateMachineVersion", "--ua-"),
        ("RedriveExecution", "-oua-"),
        ("SendTaskFailure", "-ouaw"),
        ("SendTaskHeartbeat", "-ouaw"),
        ("SendTaskSuccess", "-ouaw"),
        ("StartExecution", "-oua-"),
        ("StartSyncExecution", "-oua-"),
        ("StopExecution", "-oua-"),
        ("TagResource", "--ua-"),
        ("TestState", "--ua-"),
        ("UntagResource", "--ua-"),
        ("UpdateMapRun", "-oua-"),
        ("UpdateStateMachine", "--ua-"),
        ("UpdateStateMachineAlias", "--ua-"),
        ("ValidateStateMachineDefinition", "voua-"),
        ("UseConsole", "voua-"),
        ("Upload", "-oua-"),
        ("Work", "---aw"),
        ("ManageAccessKeys", "---a-"),
        ("ReadAudit", "---a-"),
        ("ManageConnections", "---a-"),
        ("ManageAccounts", "---a-"),
        ("OperateSchedules", "-oua-"),
        ("OperateTriggers", "-oua-"),
        ("OperateDispatch", "-oua-"), ("AnswerTask", "-oua-"),
    ]

    @Test("every role may do what the table says, and nothing else")
    func matrix() throws {
        #expect(Self.matrix.map(\.action) == Action.allCases.map(\.rawValue), "each action has one line")
        let letters: [(Role, Character)] = [
            (.viewer, "v"), (.operator, "o"), (.author, "u"), (.admin, "a"), (.worker, "w"),
        ]
        #expect(letters.map(\.0) == Role.allCases)
        var judged = 0
        for (name, roles) in Self.matrix {
            let action = try #require(Action(rawValue: name))
            for (index, (role, letter)) in letters.enumerated() {
                let mark = Array(roles)[index]
                #expect(mark == letter || mark == "-", "\(name)")
                #expect(role.allows(action) == (mark == letter), "\(role) and \(name)")
                judged += 1
            }
        }
        #expect(judged == 48 * 5)
    }

    @Test("the wire API has 37 operations, and no action of ours is one")
    func operations() {
        #expect(Action.allCases.filter(\.isOperation).count == 37)
        #expect(Action(operation: "StartExecution") == .startExecution)
        for name in ["ManageAccessKeys", "Work", "UseConsole", "startExecution", "", "StartExecutions"] {
            #expect(Action(operation: name) == nil)
        }
    }

    @Test("what changes something is a change, and what viewers may do is none")
    func changes() {
        let changes = Set(Action.allCases.filter(\.isChange).map(\.rawValue))
        #expect(
            changes == [
                "CreateActivity", "CreateStateMachine", "CreateStateMachineAlias", "DeleteActivity",
                "DeleteStateMachine", "DeleteStateMachineAlias", "DeleteStateMachineVersion",
                "PublishStateMachineVersion", "RedriveExecution", "SendTaskFailure", "SendTaskSuccess",
                "StartExecution", "StartSyncExecution", "StopExecution", "TagResource", "UntagResource",
                "UpdateMapRun", "UpdateStateMachine", "UpdateStateMachineAlias", "Upload", "ManageAccessKeys",
                "ManageConnections", "ManageAccounts", "OperateSchedules", "OperateTriggers", "OperateDispatch",
                "AnswerTask",
            ])
        #expect(!Action.allCases.contains { $0.isChange && Role.viewer.allows($0) })
    }
}
