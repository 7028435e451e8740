import Engine
import JSON
import StepContracts
import Testing

@testable import StepFunctionsAPI

/// The operations as tasks call them: `arn:aws:states:::aws-sdk:sfn:OPERATION`.
@Suite("SDK integration", .timeLimit(.minutes(3)))
struct SDKTests {
    private func call(_ action: String, _ parameters: JSON, _ wire: Wire) async throws -> JSON {
        let resource = "arn:aws:states:::aws-sdk:sfn:\(action)"
        #expect(StepFunctionsTasks.resources.contains(resource))
        return try await StepFunctionsTasks().run(resource: resource, parameters: parameters, engine: wire.engine)
    }

    @Test("every operation of the wire is one, but for starting, which the engine does")
    func names() async throws {
        let wire = try await Wire()
        for name in WireOperations.names where name != "GetActivityTask" {
            do { _ = try await wire.call(name, [:]) } catch let error as ServiceError {
                #expect(error.name != "UnknownOperationException", "\(name)")
            } catch is EngineError {}
        }
        #expect(StepFunctionsTasks.resources.count == WireOperations.names.count - 1)
        #expect(!StepFunctionsTasks.resources.contains("arn:aws:states:::aws-sdk:sfn:startExecution"))
        await wire.close()
    }

    @Test("members begin with a capital, both ways, and timestamps are texts")
    func members() async throws {
        let wire = try await Wire()
        let made = try await call(
            "createStateMachine",
            [
                "Name": "m", "RoleArn": Wire.role,
                // An object stands for its text.
                "Definition": ["StartAt": "A", "States": ["A": ["Type": "Pass", "End": true]]],
                "Tags": [["Key": "team", "Value": "films"]],
                "LoggingConfiguration": ["Level": "OFF", "IncludeExecutionData": false],
            ], wire)
        let arn = try #require(made["StateMachineArn"]?.stringValue)
        let date = try #require(made["CreationDate"]?.stringValue)
        #expect(date.hasSuffix("Z") && date.contains("T"))
        let described = try await call("describeStateMachine", ["StateMachineArn": .string(arn)], wire)
        #expect(described["Name"] == "m")
        #expect(described["LoggingConfiguration"]?["Level"] == "OFF")
        #expect(described["Definition"]?.stringValue?.contains(#""StartAt""#) == true)
        #expect(
            try await call("listTagsForResource", ["ResourceArn": .string(arn)], wire)
                == ["Tags": [["Key": "team", "Value": "films"]]])
        let listed = try await call("listStateMachines", ["MaxResults": 10], wire)
        #expect(listed["StateMachines"]?.arrayValue?.first?["StateMachineArn"] == .string(arn))
        let sync = try await call("listExecutions", ["StateMachineArn": .string(arn)], wire)
        #expect(sync["Executions"] == [])
        await wire.close()
    }

    static let refusals: [(String, JSON, String, String)] = [
        (
            "sendTaskSuccess", ["TaskToken": "NoSuchTaskToken", "Output": "{}"], "Sfn.InvalidTokenException",
            "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: "
        ),
        (
            "describeExecution", ["ExecutionArn": .string(Wire.prefix + "execution:m:none")],
            "Sfn.ExecutionDoesNotExistException", "Execution Does Not Exist"
        ),
        (
            "describeStateMachine", ["StateMachineArn": .string(Wire.prefix + "stateMachine:none")],
            "Sfn.StateMachineDoesNotExistException", "State Machine Does Not Exist"
        ),
        ("describeStateMachine", ["StateMachineArn": "none"], "Sfn.InvalidArnException", "Invalid Arn"),
        ("describeStateMachine", [:], "Sfn.ValidationException", "Member must not be null"),
        ("listStateMachines", ["MaxResults": "ten"], "Sfn.SfnException", "must be a number"),
    ]

    @Test("refusals have the SDK's names", arguments: refusals)
    func refusal(_ action: String, _ parameters: JSON, _ error: String, _ words: String) async throws {
        let wire = try await Wire()
        let failure = await #expect(throws: StepFailure.self) { _ = try await call(action, parameters, wire) }
        #expect(failure?.error == error)
        #expect(failure?.cause.contains(words) == true, "\(failure?.cause ?? "")")
        #expect(failure?.cause.hasSuffix(" (SDK Attempt Count: 1)") == true)
        await wire.close()
    }
}
