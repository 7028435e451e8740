import Engine
import JSON
import Testing

@testable import StepFunctionsAPI

/// Redrives as a client of the wire sees them, call by call.
///
/// Sources: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html,
/// https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
@Suite("Redrive over the wire", .timeLimit(.minutes(2)))
struct RedriveConversationTests {
    private static let activity = JSON.string("\(Wire.prefix)activity:work")

    private static func map(type: String, batch: String = "") -> String {
        #"""
        {"StartAt":"Map","States":{"Map":{"Type":"Map","Label":"L","End":true,\#(batch)"ItemProcessor":{
          "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"\#(type)"},"StartAt":"T",
          "States":{"T":{"Type":"Task","Resource":"\#(Wire.prefix)activity:work","End":true}}}}}}
        """#
    }

    /// Starts an execution of a new machine; its ARN.
    private func start(_ wire: Wire, _ definition: String, input: String = "{}") async throws -> JSON {
        try await wire.call("CreateActivity", ["name": "work"])
        let machine = try await wire.call(
            "CreateStateMachine", ["name": "m", "roleArn": Wire.role, "definition": .string(definition)])
        let started = try await wire.call(
            "StartExecution",
            .members(("stateMachineArn", machine["stateMachineArn"]), ("name", "one"), ("input", .string(input))))
        return try #require(started["executionArn"])
    }

    /// Takes a task and answers it.
    private func answer(_ wire: Wire, failing: Bool = false) async throws {
        let task = try await wire.call("GetActivityTask", ["activityArn": Self.activity])
        let token = try #require(task["taskToken"])
        if failing {
            try await wire.call("SendTaskFailure", ["taskToken": token, "error": "Broken", "cause": "because"])
        } else {
            try await wire.call("SendTaskSuccess", ["taskToken": token, "output": try #require(task["input"])])
        }
    }

    /// Waits for the end of an execution: a child's end reaches its parent after the answer to the call that brought it.
    private func end(_ wire: Wire, _ execution: JSON) async throws {
        let id = try #require(execution.stringValue)
        let updates = await wire.engine.updates(of: id)
        if try await wire.engine.run(id).run.status != .running { return }
        for await update in updates where update.run.status != .running { return }
    }

    private func types(_ wire: Wire, _ execution: JSON) async throws -> [String] {
        let history = try await wire.call("GetExecutionHistory", ["executionArn": execution])
        return history["events"]?.arrayValue?.compactMap { $0["type"]?.stringValue } ?? []
    }

    @Test("a STANDARD execution, twice, the second time under a client's token")
    func standard() async throws {
        let wire = try await Wire()
        let task = #"{"Type":"Task","Resource":"\#(Wire.prefix)activity:work","End":true}"#
        let execution = try await start(wire, #"{"StartAt":"T","States":{"T":\#(task)}}"#)
        var description = try await wire.call("DescribeExecution", ["executionArn": execution])
        #expect(description["redriveCount"] == 0 && description["redriveDate"] == nil)
        #expect(description["redriveStatus"] == "NOT_REDRIVABLE")
        #expect(description["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven")
        #expect(
            await wire.refusal("RedriveExecution", ["executionArn": execution])
                == "ExecutionNotRedrivable: Execution is RUNNING and cannot be redriven")

        try await answer(wire, failing: true)
        description = try await wire.call("DescribeExecution", ["executionArn": execution])
        #expect(description["status"] == "FAILED" && description["redriveStatus"] == "REDRIVABLE")
        #expect(description["redriveStatusReason"] == nil)
        let first = try await wire.call("RedriveExecution", ["executionArn": execution])
        #expect(first["redriveDate"]?.doubleValue != nil)
        try await answer(wire, failing: true)

        let members: JSON = ["executionArn": execution, "clientToken": "again"]
        let second = try await wire.call("RedriveExecution", members)
        #expect(try await wire.call("RedriveExecution", members) == second, "while it runs, too")
        try await answer(wire)
        #expect(try await wire.call("RedriveExecution", members) == second, "after it has ended, too")
        description = try await wire.call("DescribeExecution", ["executionArn": execution])
        #expect(description["status"] == "SUCCEEDED" && description["redriveCount"] == 2)
        #expect(description["redriveDate"] == second["redriveDate"])
        let attempt = ["ActivityScheduled", "ActivityStarted"]
        #expect(
            try await types(wire, execution) == ["ExecutionStarted", "TaskStateEntered"] + attempt
                + ["ActivityFailed", "ExecutionFailed", "ExecutionRedriven"] + attempt
                + ["ActivityFailed", "ExecutionFailed", "ExecutionRedriven"] + attempt
                + ["ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded"])
        await wire.close()
    }

    @Test("a Map Run, twice: its counts, its children and what waits", arguments: ["STANDARD", "EXPRESS"])
    func mapRun(_ type: String) async throws {
        let wire = try await Wire()
        let execution = try await start(
            wire, Self.map(type: type, batch: #""ItemBatcher":{"MaxItemsPerBatch":2},"MaxConcurrency":1,"#),
            input: "[1,2,3,4,5]")
        let runs = try await wire.call("ListMapRuns", ["executionArn": execution])
        let run = try #require(runs["mapRuns"]?[0]?["mapRunArn"])
        #expect(runs["mapRuns"]?[0]?["stopDate"] == nil && runs["nextToken"] == nil)
        try await answer(wire)
        try await answer(wire, failing: true)
        try await end(wire, execution)
        var map = try await wire.call("DescribeMapRun", ["mapRunArn": run])
        #expect(map["status"] == "FAILED" && map["maxConcurrency"] == 1 && map["redriveCount"] == 0)
        func counts(_ name: String) -> [JSON?] {
            ["pending", "running", "succeeded", "failed", "total", "pendingRedrive"].map { map[name]?[$0] }
        }
        #expect(counts("itemCounts") == [1, 0, 2, 2, 5, 0])
        #expect(counts("executionCounts") == [0, 0, 1, 1, 2, 0])
        var children = try await wire.call("ListExecutions", ["mapRunArn": run])["executions"]?.arrayValue ?? []
        #expect(children.map { $0["itemCount"] } == [2, 2] && children.allSatisfy { $0["mapRunArn"] == run })
        let failed = try #require(children.first { $0["status"] == "FAILED" }?["executionArn"])
        let child = try await wire.call("DescribeExecution", ["executionArn": failed])
        #expect(child["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN" && child["mapRunArn"] == run)
        #expect(
            await wire.refusal("RedriveExecution", ["executionArn": failed])?.hasPrefix("ExecutionNotRedrivable")
                == true)

        for count in 1...2 {
            try await wire.call("RedriveExecution", ["executionArn": execution])
            map = try await wire.call("DescribeMapRun", ["mapRunArn": run])
            #expect(map["status"] == "RUNNING" && map["redriveCount"] == .integer(count) && map["stopDate"] == nil)
            #expect(counts("itemCounts") == [1, 2, 2, 0, 5, 0])
            try await answer(wire, failing: count == 1)
            if count == 1 { try await end(wire, execution) }
        }
        let update: JSON = ["mapRunArn": run, "maxConcurrency": 2, "toleratedFailurePercentage": 12.5]
        #expect(try await wire.call("UpdateMapRun", update) == [:])
        try await answer(wire)
        try await end(wire, execution)
        map = try await wire.call("DescribeMapRun", ["mapRunArn": run])
        #expect(map["status"] == "SUCCEEDED" && counts("itemCounts") == [0, 0, 5, 0, 5, 0])
        #expect(map["maxConcurrency"] == 2 && map["toleratedFailurePercentage"] == 12.5)
        #expect(await wire.refusal("UpdateMapRun", update)?.hasPrefix("ValidationException") == true)
        children = try await wire.call("ListExecutions", ["mapRunArn": run])["executions"]?.arrayValue ?? []
        #expect(children.count == (type == "STANDARD" ? 3 : 5), "an EXPRESS child is started anew")
        let redriven = try await wire.call("ListExecutions", ["mapRunArn": run, "redriveFilter": "REDRIVEN"])
        #expect(redriven["executions"]?.arrayValue?.count == (type == "STANDARD" ? 1 : 0))
        #expect(try await types(wire, execution).filter { $0 == "MapRunRedriven" }.count == 2)
        await wire.close()
    }

    @Test("refusals")
    func refusals() async throws {
        let wire = try await Wire()
        let machine = try #require(try await wire.make("m")["stateMachineArn"])
        let none = JSON.string("\(Wire.prefix)mapRun:m/L:0")
        let cases: [(operation: String, members: JSON, refusal: String)] = [
            ("RedriveExecution", [:], "ValidationException: 1 validation error detected"),
            ("RedriveExecution", ["executionArn": "x"], "InvalidArn: Invalid Arn: 'Invalid ARN prefix: x'"),
            ("RedriveExecution", ["executionArn": machine], "InvalidArn: "),
            ("RedriveExecution", ["executionArn": .string("\(Wire.prefix)execution:m:x")], "ExecutionDoesNotExist: "),
            (
                "RedriveExecution",
                [
                    "executionArn": .string("\(Wire.prefix)execution:m:x"),
                    "clientToken": .string(String(repeating: "t", count: 65)),
                ], "ValidationException: "
            ),
            ("ListMapRuns", ["executionArn": .string("\(Wire.prefix)execution:m:x")], "ExecutionDoesNotExist: "),
            ("DescribeMapRun", ["mapRunArn": none], "ResourceNotFound: "),
            ("DescribeMapRun", ["mapRunArn": machine], "InvalidArn: "),
            ("UpdateMapRun", ["mapRunArn": none], "ValidationException: "),
            ("UpdateMapRun", ["mapRunArn": none, "maxConcurrency": 1], "ResourceNotFound: "),
            ("UpdateMapRun", ["mapRunArn": none, "maxConcurrency": -1], "ValidationException: "),
            ("UpdateMapRun", ["mapRunArn": none, "toleratedFailurePercentage": 101], "ValidationException: "),
            (
                "ListExecutions", ["stateMachineArn": machine, "statusFilter": "PENDING_REDRIVE"],
                "ValidationException: "
            ),
            ("ListExecutions", ["stateMachineArn": machine, "redriveFilter": "REDRIVEN"], "ValidationException: "),
        ]
        for (operation, members, refusal) in cases {
            let answer = await wire.refusal(operation, members)
            #expect(answer?.hasPrefix(refusal) == true, "\(operation) \(members.text): \(answer ?? "")")
        }
        await wire.close()
    }
}
