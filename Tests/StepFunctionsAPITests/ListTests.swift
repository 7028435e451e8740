import JSON
import Testing

@testable import Engine
@testable import StepFunctionsAPI

@Suite("Lists, names and tokens of the wire", .timeLimit(.minutes(3)))
struct ListTests {
    private static let machine = Wire.prefix + "stateMachine:m"
    private static let activity = Wire.prefix + "activity:a"

    private static func task(_ fields: String = "") -> JSON {
        .string(#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"\#(activity)",\#(fields)"End":true}}}"#)
    }

    /// All pages of a list, one result each, as what a member holds.
    private func all(_ wire: Wire, _ operation: String, _ members: JSON, _ list: String, _ member: String) async throws
        -> (values: [JSON?], tokens: [JSON])
    {
        var values: [JSON?] = []
        var tokens: [JSON] = []
        var members = members
        members["maxResults"] = 1
        repeat {
            let page = try await wire.call(operation, members)
            #expect((page[list]?.arrayValue?.count ?? 0) <= 1, "\(operation)")
            values += (page[list]?.arrayValue ?? []).map { $0[member] }
            members["nextToken"] = page["nextToken"]
            if let token = page["nextToken"] { tokens.append(token) }
        } while members["nextToken"] != nil && values.count < 1000
        return (values, tokens)
    }

    @Test("executions are listed newest first, by status, page by page, and a token belongs to its list")
    func executions() async throws {
        let wire = try await Wire()
        try await wire.call("CreateActivity", ["name": "a"])
        try await wire.make("m", more: ["definition": Self.task()])
        try await wire.make("n")
        for number in 0..<5 {
            try await wire.call(
                "StartExecution", ["stateMachineArn": .string(Self.machine), "name": .string("e\(number)")])
        }
        // Tasks are given out in the order of their coming: e0 fails, e1 succeeds, e2 is stopped.
        let tokens = [
            try await wire.call("GetActivityTask", ["activityArn": .string(Self.activity)])["taskToken"],
            try await wire.call("GetActivityTask", ["activityArn": .string(Self.activity)])["taskToken"],
        ]
        try await wire.call("SendTaskFailure", ["taskToken": try #require(tokens[0]), "error": "E"])
        try await wire.call("SendTaskSuccess", ["taskToken": try #require(tokens[1]), "output": "{}"])
        try await wire.call("StopExecution", ["executionArn": .string(Wire.prefix + "execution:m:e2")])
        let whole: JSON = ["stateMachineArn": .string(Self.machine)]
        let (names, listTokens) = try await all(wire, "ListExecutions", whole, "executions", "name")
        #expect(names == ["e4", "e3", "e2", "e1", "e0"])
        for (status, expected) in [
            ("RUNNING", ["e4", "e3"]), ("SUCCEEDED", ["e1"]), ("FAILED", ["e0"]), ("ABORTED", ["e2"]),
            ("TIMED_OUT", []),
        ] as [(JSON, [JSON])] {
            var members = whole
            members["statusFilter"] = status
            #expect(try await all(wire, "ListExecutions", members, "executions", "name").values == expected)
            // The next page of another list is no page of this one.
            members["nextToken"] = listTokens[0]
            #expect(await wire.refusal("ListExecutions", members) == "InvalidToken: Invalid Token: 'Invalid token'")
        }
        let other: JSON = [
            "stateMachineArn": .string(Wire.prefix + "stateMachine:n"), "nextToken": listTokens[0],
        ]
        #expect(await wire.refusal("ListExecutions", other) == "InvalidToken: Invalid Token: 'Invalid token'")
        // maxResults 0 is the default; nothing, and too much, is told.
        var members = whole
        members["maxResults"] = 0
        #expect(try await wire.call("ListExecutions", members)["executions"]?.arrayValue?.count == 5)
        members["nextToken"] = ""
        #expect(await wire.refusal("ListExecutions", members)?.hasPrefix("ValidationException") == true)
        // One ended between two pages: nobody is told twice and nobody is lost.
        members = whole
        members["maxResults"] = 2
        let first = try await wire.call("ListExecutions", members)
        try await wire.call("StartExecution", ["stateMachineArn": .string(Self.machine), "name": "e5"])
        members["nextToken"] = first["nextToken"]
        let second = try await wire.call("ListExecutions", members)
        #expect(second["executions"]?.arrayValue?.map { $0["name"] } == ["e2", "e1"])
        await wire.close()
    }

    @Test("Map Runs of an execution, and the executions of a Map Run, page by page")
    func mapRuns() async throws {
        let wire = try await Wire()
        func map(_ name: String, _ next: String) -> String {
            #""\#(name)":{"Type":"Map","ItemsPath":"$","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","#
                + #""ExecutionType":"STANDARD"},"StartAt":"P\#(name)","States":{"P\#(name)":{"Type":"Pass","End":true}}},"#
                + "\(next)}"
        }
        let definition =
            #"{"StartAt":"A","States":{\#(map("A", #""Next":"B""#)),\#(map("B", #""Next":"C""#)),"#
            + "\(map("C", #""End":true"#))}}"
        try await wire.make("m", more: ["definition": .string(definition)])
        let arn = Wire.prefix + "execution:m:e"
        let updates = await wire.engine.updates(of: nil)
        try await wire.call(
            "StartExecution", ["stateMachineArn": .string(Self.machine), "name": "e", "input": "[1,2,3]"])
        for await update in updates where update.run.executionARN == arn && update.run.status != .running { break }
        let (runs, tokens) = try await all(
            wire, "ListMapRuns", ["executionArn": .string(arn)], "mapRuns", "mapRunArn")
        #expect(runs.count == 3 && Set(runs).count == 3 && tokens.count == 2)
        #expect(
            await wire.refusal("ListMapRuns", ["executionArn": .string(arn), "nextToken": "made-up"])
                == "InvalidToken: Invalid Token: 'Invalid token'")
        for run in runs {
            let run = try #require(run)
            let described = try await wire.call("DescribeMapRun", ["mapRunArn": run])
            #expect(described["status"] == "SUCCEEDED" && described["itemCounts"]?["succeeded"] == 3)
            for members in [["mapRunArn": run], ["mapRunArn": run, "redriveFilter": "NOT_REDRIVEN"]] as [JSON] {
                let (children, tokens) = try await all(
                    wire, "ListExecutions", members, "executions", "executionArn")
                #expect(children.count == 3 && Set(children).count == 3)
                // The page of one Map Run is none of another's.
                if let other = runs.first(where: { $0 != run }) {
                    #expect(
                        await wire.refusal(
                            "ListExecutions", ["mapRunArn": try #require(other), "nextToken": tokens[0]])
                            == "InvalidToken: Invalid Token: 'Invalid token'")
                }
            }
            #expect(
                await wire.refusal("ListExecutions", ["mapRunArn": run, "stateMachineArn": .string(Self.machine)])?
                    .hasPrefix("ValidationException") == true)
        }
        await wire.close()
    }

    @Test("a token that was changed anywhere is none")
    func tampering() async throws {
        let wire = try await Wire()
        for name in ["x", "y"] { try await wire.make(name) }
        let token = try #require(try await wire.call("ListStateMachines", ["maxResults": 1])["nextToken"]?.stringValue)
        let bytes = Array(token.utf8)
        for index in bytes.indices {
            var changed = bytes
            changed[index] = changed[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            let members: JSON = ["nextToken": .string(String(decoding: changed, as: UTF8.self))]
            #expect(
                await wire.refusal("ListStateMachines", members) == "InvalidToken: Invalid Token: 'Invalid token'",
                "changed at \(index)")
        }
        for other in [token + token, String(token.dropLast()), token.uppercased(), " " + token, "."] {
            #expect(
                await wire.refusal("ListStateMachines", ["nextToken": .string(other)])?.hasPrefix("InvalidToken")
                    == true)
        }
        await wire.close()
    }

    @Test(
        "a history page by page is the history, in both orders, also while it grows; without data nothing of it shows")
    func histories() async throws {
        let wire = try await Wire()
        try await wire.call("CreateActivity", ["name": "a"])
        try await wire.make(
            "m",
            more: [
                "definition": Self.task(
                    #""Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":1,"MaxAttempts":0}],"#
                        + #""Catch":[{"ErrorEquals":["States.ALL"],"Next":"A"}],"#)
            ])
        try await wire.call(
            "StartExecution",
            ["stateMachineArn": .string(Self.machine), "name": "e", "input": #"{"secret":"s3cret"}"#])
        let arn = JSON.string(Wire.prefix + "execution:m:e")
        func fail() async throws {
            let task = try await wire.call("GetActivityTask", ["activityArn": .string(Self.activity)])
            try await wire.call("SendTaskFailure", ["taskToken": try #require(task["taskToken"]), "error": "E"])
        }
        for _ in 0..<3 { try await fail() }
        let forward = try await all(wire, "GetExecutionHistory", ["executionArn": arn], "events", "id").values
        #expect(forward == (1...forward.count).map { .integer($0) })
        let backward = try await all(
            wire, "GetExecutionHistory", ["executionArn": arn, "reverseOrder": true], "events", "id"
        ).values
        #expect(backward == forward.reversed())
        // From the end, while events come: each that was there at the first page is told once.
        var members: JSON = ["executionArn": arn, "reverseOrder": true, "maxResults": 2]
        var told: [JSON?] = []
        repeat {
            let page = try await wire.call("GetExecutionHistory", members)
            told += (page["events"]?.arrayValue ?? []).map { $0["id"] }
            members["nextToken"] = page["nextToken"]
            if told.count == 2 { try await fail() }
        } while members["nextToken"] != nil && told.count < 1000
        #expect(told == backward)
        let bare = try await wire.call("GetExecutionHistory", ["executionArn": arn, "includeExecutionData": false])
        #expect(!bare.text.contains("s3cret") && (bare["events"]?.arrayValue?.count ?? 0) > forward.count)
        #expect(try await wire.call("GetExecutionHistory", ["executionArn": arn]).text.contains("s3cret"))
        let bareDescription = try await wire.call(
            "DescribeExecution", ["executionArn": arn, "includedData": "METADATA_ONLY"])
        #expect(!bareDescription.text.contains("s3cret") && bareDescription["inputDetails"] == ["included": false])
        await wire.close()
    }

    @Test(
        "a name is one execution's: the same input finds it while it runs, any other is refused, and its end ends that")
    func names() async throws {
        let wire = try await Wire()
        try await wire.call("CreateActivity", ["name": "a"])
        try await wire.make("m", more: ["definition": Self.task()])
        func members(_ input: String) -> JSON {
            ["stateMachineArn": .string(Self.machine), "name": "e", "input": .string(input)]
        }
        let refusal = "ExecutionAlreadyExists: Execution Already Exists: '\(Wire.prefix)execution:m:e'"
        let started = try await wire.call("StartExecution", members(#"{"a":1,"b":2}"#))
        #expect(try await wire.call("StartExecution", members(#"{"a":1,"b":2}"#)) == started)
        #expect(await wire.refusal("StartExecution", members(#"{"a":1}"#)) == refusal)
        // Without a name there is always another.
        let other = try await wire.call("StartExecution", ["stateMachineArn": .string(Self.machine)])
        #expect(other["executionArn"] != started["executionArn"])
        try await wire.call("StopExecution", ["executionArn": try #require(started["executionArn"])])
        #expect(await wire.refusal("StartExecution", members(#"{"a":1,"b":2}"#)) == refusal)
        // Names of EXPRESS executions are free for everybody.
        try await wire.make("x", more: ["type": "EXPRESS"])
        let express: JSON = ["stateMachineArn": .string(Wire.prefix + "stateMachine:x"), "name": "e"]
        let one = try await wire.call("StartExecution", express)
        #expect(try await wire.call("StartExecution", express)["executionArn"] != one["executionArn"])
        await wire.close()
    }

    @Test("a task's token: made up, of nobody, over, and good once")
    func tokens() async throws {
        let wire = try await Wire()
        try await wire.call("CreateActivity", ["name": "a"])
        try await wire.make("m", more: ["definition": Self.task()])
        try await wire.call("StartExecution", ["stateMachineArn": .string(Self.machine), "name": "e"])
        let task = try await wire.call("GetActivityTask", ["activityArn": .string(Self.activity)])
        let token = try #require(task["taskToken"]?.stringValue)
        let nobody = "019ac800-0000-7000-8000-0123456789ab.1.0123456789abcdef0123456789abcdef"
        func refusals(_ token: String) async -> [String?] {
            [
                await wire.refusal("SendTaskSuccess", ["taskToken": .string(token), "output": "{}"]),
                await wire.refusal("SendTaskFailure", ["taskToken": .string(token)]),
                await wire.refusal("SendTaskHeartbeat", ["taskToken": .string(token)]),
            ]
        }
        let invalid = "InvalidToken: Invalid Token: 'Invalid token'"
        let none = "TaskDoesNotExist: Task Does Not Exist: 'Provided task does not exist'"
        let over = "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'"
        #expect(await refusals("nonsense") == [invalid, invalid, invalid])
        #expect(await refusals(nobody) == [none, none, none])
        #expect(await refusals(String(token.dropLast(4)) + "0000") == [over, over, over])
        #expect(try await wire.call("SendTaskHeartbeat", ["taskToken": .string(token)]) == [:])
        #expect(
            await wire.refusal("SendTaskSuccess", ["taskToken": .string(token), "output": "{"])?
                .hasPrefix("InvalidOutput: Invalid Output: ") == true)
        #expect(try await wire.call("SendTaskSuccess", ["taskToken": .string(token), "output": "{}"]) == [:])
        #expect(await refusals(token) == [over, over, over])
        await wire.close()
    }
}
