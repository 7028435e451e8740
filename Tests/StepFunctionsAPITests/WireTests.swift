import Engine
import JSON
import Testing

@testable import StepFunctionsAPI

@Suite("The wire's operations", .timeLimit(.minutes(3)))
struct WireTests {
    @Test("a machine from its making to its deletion, with the members that AWS answers")
    func machines() async throws {
        let wire = try await Wire()
        let made = try await wire.make("m", more: ["publish": true, "tags": [["key": "a", "value": "b"]]])
        let arn = Wire.prefix + "stateMachine:m"
        #expect(made.objectValue?.keys.sorted() == ["creationDate", "stateMachineArn", "stateMachineVersionArn"])
        #expect(made["stateMachineArn"] == .string(arn) && made["stateMachineVersionArn"] == .string(arn + ":1"))
        let described = try await wire.call("DescribeStateMachine", ["stateMachineArn": .string(arn)])
        #expect(
            described.objectValue?.keys.sorted() == [
                "creationDate", "definition", "encryptionConfiguration", "loggingConfiguration", "name", "roleArn",
                "stateMachineArn", "status", "tracingConfiguration", "type",
            ])
        #expect(described.objectValue?.values.contains(.null) == false)
        #expect(described["definition"] == .string(Wire.pass("")) && described["roleArn"] == Wire.role)
        let bare = try await wire.call(
            "DescribeStateMachine", ["stateMachineArn": .string(arn), "includedData": "METADATA_ONLY"])
        #expect(bare["definition"] == nil)
        let updated = try await wire.call(
            "UpdateStateMachine", ["stateMachineArn": .string(arn), "definition": .string(Wire.pass("2"))])
        #expect(updated.objectValue?.keys.sorted() == ["revisionId", "updateDate"])
        let version = try await wire.call("DescribeStateMachine", ["stateMachineArn": .string(arn + ":1")])
        #expect(version["definition"] == .string(Wire.pass("")) && version["revisionId"] == nil)
        #expect(
            try await wire.call("ListTagsForResource", ["resourceArn": .string(arn)]) == [
                "tags": [["key": "a", "value": "b"]]
            ])
        #expect(try await wire.call("DeleteStateMachine", ["stateMachineArn": .string(arn)]) == [:])
        #expect(
            await wire.refusal("DescribeStateMachine", ["stateMachineArn": .string(arn)])
                == "StateMachineDoesNotExist: State Machine Does Not Exist: '\(arn)'")
        await wire.close()
    }

    @Test("an execution from its start to its history")
    func executions() async throws {
        let wire = try await Wire()
        try await wire.make("m")
        let machine = Wire.prefix + "stateMachine:m"
        let started = try await wire.call(
            "StartExecution", ["stateMachineArn": .string(machine), "name": "one", "input": #"{"a":1}"#])
        let arn = Wire.prefix + "execution:m:one"
        #expect(started["executionArn"] == .string(arn))
        let described = try await wire.call("DescribeExecution", ["executionArn": .string(arn)])
        #expect(
            described.objectValue?.keys.sorted() == [
                "executionArn", "input", "inputDetails", "name", "output", "outputDetails", "redriveCount",
                "redriveStatus", "redriveStatusReason", "startDate", "stateMachineArn", "status", "stopDate",
            ])
        let history = try await wire.call(
            "GetExecutionHistory", ["executionArn": .string(arn), "reverseOrder": true, "maxResults": 1])
        #expect(history["events"]?[0]?["type"] == "ExecutionSucceeded" && history["events"]?[0]?["id"] == 4)
        let token = try #require(history["nextToken"])
        let next = try await wire.call(
            "GetExecutionHistory",
            ["executionArn": .string(arn), "reverseOrder": true, "maxResults": 1, "nextToken": token])
        #expect(next["events"]?[0]?["id"] == 3)
        #expect(
            await wire.refusal("GetExecutionHistory", ["executionArn": .string(arn), "nextToken": token])
                == "InvalidToken: Invalid Token: 'Invalid token'", "a token belongs to its call")
        let bare = try await wire.call(
            "GetExecutionHistory", ["executionArn": .string(arn), "includeExecutionData": false])
        #expect(bare["events"]?[0]?["executionStartedEventDetails"]?["input"] == nil)
        #expect(bare["events"]?[0]?["executionStartedEventDetails"]?["roleArn"] == Wire.role)
        let source = try await wire.call("DescribeStateMachineForExecution", ["executionArn": .string(arn)])
        #expect(source["definition"] == .string(Wire.pass("")) && source["updateDate"] != nil)
        #expect(
            await wire.refusal("StartExecution", ["stateMachineArn": .string(machine), "name": "one"])
                == "ExecutionAlreadyExists: Execution Already Exists: '\(arn)'")
        await wire.close()
    }

    @Test("a member that has nothing to say is not there, rather than null")
    func absence() async throws {
        let wire = try await Wire()
        let wait = #"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":600,"End":true}}}"#
        try await wire.make("m", more: ["definition": .string(wait)])
        let started = try await wire.call(
            "StartExecution", ["stateMachineArn": .string(Wire.prefix + "stateMachine:m")])
        let arn = try #require(started["executionArn"])
        for (operation, members) in [
            ("DescribeExecution", ["executionArn": arn]), ("DescribeStateMachineForExecution", ["executionArn": arn]),
            ("ListExecutions", ["stateMachineArn": .string(Wire.prefix + "stateMachine:m")]),
        ] as [(String, JSON)] {
            let answer = try await wire.call(operation, members)
            #expect(!answer.text.contains(":null"), "\(operation): \(answer)")
        }
        await wire.close()
    }

    @Test("every list pages, a result at a time, and each only with its own token")
    func pages() async throws {
        let wire = try await Wire()
        for name in ["a", "b", "c"] {
            try await wire.make(name, more: ["publish": true])
            try await wire.call("CreateActivity", ["name": .string(name)])
            try await wire.call(
                "StartExecution", ["stateMachineArn": .string(Wire.prefix + "stateMachine:a"), "name": .string(name)])
        }
        let machine = Wire.prefix + "stateMachine:a"
        for number in 2...3 {
            try await wire.call(
                "UpdateStateMachine",
                ["stateMachineArn": .string(machine), "definition": .string(Wire.pass("\(number)")), "publish": true])
        }
        for name in ["x", "y", "z"] {
            try await wire.call(
                "CreateStateMachineAlias",
                [
                    "name": .string(name),
                    "routingConfiguration": [["stateMachineVersionArn": .string(machine + ":1"), "weight": 100]],
                ])
        }
        for (operation, members, list, member) in [
            ("ListStateMachines", [:], "stateMachines", "name"), ("ListActivities", [:], "activities", "name"),
            ("ListExecutions", ["stateMachineArn": .string(machine)], "executions", "name"),
            (
                "ListStateMachineVersions", ["stateMachineArn": .string(machine)], "stateMachineVersions",
                "stateMachineVersionArn"
            ),
            (
                "ListStateMachineAliases", ["stateMachineArn": .string(machine)], "stateMachineAliases",
                "stateMachineAliasArn"
            ),
        ] as [(String, JSON, String, String)] {
            var found: [JSON?] = []
            var members = members
            members["maxResults"] = 1
            repeat {
                let page = try await wire.call(operation, members)
                #expect(page[list]?.arrayValue?.count == 1, "\(operation)")
                found.append(page[list]?[0]?[member])
                members["nextToken"] = page["nextToken"]
            } while members["nextToken"] != nil && found.count < 5
            #expect(found.count == 3 && Set(found).count == 3, "\(operation): \(found)")
            members["nextToken"] = "made-up"
            #expect(await wire.refusal(operation, members) == "InvalidToken: Invalid Token: 'Invalid token'")
        }
        await wire.close()
    }

    @Test(
        "broken constraints are told in the words of the service",
        arguments: [
            (
                "CreateStateMachine", [:] as JSON,
                "ValidationException: 3 validation errors detected: Value null at 'name' failed to satisfy constraint: "
                    + "Member must not be null; Value null at 'definition' failed to satisfy constraint: Member must "
                    + "not be null; Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
            ),
            (
                "CreateActivity", ["name": .string(String(repeating: "x", count: 81))],
                "ValidationException: 1 validation error detected: Value '\(String(repeating: "x", count: 81))' at "
                    + "'name' failed to satisfy constraint: Member must have length less than or equal to 80"
            ),
            (
                "ListActivities", ["maxResults": 1001],
                "ValidationException: 1 validation error detected: Value '1001' at 'maxResults' failed to satisfy "
                    + "constraint: Member must have value less than or equal to 1000"
            ),
            (
                "CreateStateMachine",
                ["name": "m", "definition": "{}", "roleArn": "r", "type": "SLOW"],
                "ValidationException: 1 validation error detected: Value 'SLOW' at 'type' failed to satisfy "
                    + "constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"
            ),
            ("CreateActivity", ["name": 1], "SerializationException: 'name' must be a string"),
            ("CreateActivity", ["name": "a b"], "InvalidName: Invalid Name: 'a b'"),
            (
                "DescribeExecution", ["executionArn": "nonsense"],
                "InvalidArn: Invalid Arn: 'Invalid ARN prefix: nonsense'"
            ),
            (
                "DescribeExecution", ["executionArn": .string(Wire.prefix + "stateMachine:m")],
                "InvalidArn: Invalid Arn: 'Resource type not valid in this context: stateMachine'"
            ),
            (
                "DescribeExecution", ["executionArn": .string(Wire.prefix + "execution:m:n")],
                "ExecutionDoesNotExist: Execution Does Not Exist: '\(Wire.prefix)execution:m:n'"
            ),
            (
                "GetActivityTask", ["activityArn": .string(Wire.prefix + "activity:none")],
                "ActivityDoesNotExist: Activity Does Not Exist: '\(Wire.prefix)activity:none'"
            ),
            ("SendTaskSuccess", ["taskToken": "x", "output": "{}"], "InvalidToken: Invalid Token: 'Invalid token'"),
            (
                "CreateStateMachine",
                ["name": "m", "roleArn": "r", "definition": "{}", "loggingConfiguration": ["level": "ALL"]],
                "InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."
            ),
            (
                "CreateStateMachine",
                [
                    "name": "m", "roleArn": "r", "definition": .string(Wire.pass("")), "publish": true,
                    "versionDescription": "a\0",
                ], "ValidationException: A description can't contain U+0000."
            ),
            (
                "PublishStateMachineVersion",
                ["stateMachineArn": .string(Wire.prefix + "stateMachine:m"), "description": "a\0"],
                "ValidationException: A description can't contain U+0000."
            ),
            (
                "CreateStateMachineAlias",
                [
                    "name": "n", "description": "a\0",
                    "routingConfiguration": [
                        ["stateMachineVersionArn": .string(Wire.prefix + "stateMachine:m:1"), "weight": 100]
                    ],
                ], "ValidationException: A description can't contain U+0000."
            ),
            (
                "UpdateStateMachineAlias",
                ["stateMachineAliasArn": .string(Wire.prefix + "stateMachine:m:n"), "description": "a\0"],
                "ValidationException: A description can't contain U+0000."
            ),
            ("DoTheDishes", [:], "UnknownOperationException: The operation 'DoTheDishes' is not known."),
        ] as [(String, JSON, String)])
    func refusals(operation: String, members: JSON, words: String) async throws {
        let wire = try await Wire()
        #expect(await wire.refusal(operation, members) == words)
        await wire.close()
    }

    @Test("a state is tried, and a definition is looked at")
    func trying() async throws {
        let wire = try await Wire()
        let tried = try await wire.call(
            "TestState", ["definition": #"{"Type":"Pass","Result":{"a":1},"End":true}"#, "input": "{}"])
        #expect(tried == ["status": "SUCCEEDED", "output": #"{"a":1}"#])
        let told = try await wire.call("ValidateStateMachineDefinition", ["definition": "{}"])
        #expect(told["result"] == "FAIL" && told["truncated"] == false)
        #expect(told["diagnostics"]?[0]?["location"] == "/")
        #expect(
            try await wire.call("ValidateStateMachineDefinition", ["definition": .string(Wire.pass(""))])["result"]
                == "OK")
        await wire.close()
    }
}
