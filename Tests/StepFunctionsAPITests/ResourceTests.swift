import JSON
import StepContracts
import Testing

@testable import Engine
@testable import StepFunctionsAPI

@Suite("What definitions may name", .timeLimit(.minutes(3)))
struct ResourceTests {
    private static let supported = SupportedResources(
        contracts: [
            StepContract(
                name: "encode", version: 1, summary: "Encodes.", runner: .mediaWorker, heartbeatSeconds: 60, input: [],
                output: [])
        ], services: ["arn:aws:states:::aws-sdk:s3:getObject", "arn:aws:states:::aws-sdk:s3:putObject"])

    @Test(
        "who does what",
        arguments: [
            ("arn:aws:states:us-east-1:000000000000:activity:a", true), ("arn:aws:states:::showrunner:encode", true),
            ("arn:aws:states:::showrunner:encode.waitForTaskToken", true),
            ("arn:aws:states:::states:startExecution", true), ("arn:aws:states:::states:startExecution.sync", true),
            ("arn:aws:states:::states:startExecution.sync:2", true),
            ("arn:aws:states:::states:startExecution.waitForTaskToken", true),
            ("arn:aws:states:::aws-sdk:sfn:startExecution", true), ("arn:aws:states:::aws-sdk:s3:getObject", true),
            ("arn:aws:states:us-east-1:000000000000:activity:", false),
            ("arn:aws:states:us-east-1:000000000000:activity:a b", false),
            ("arn:aws:states:eu-central-1:000000000000:activity:a", false),
            ("arn:aws:states:us-east-1:111111111111:activity:a", false), ("arn:aws:states:::showrunner:else", false),
            ("arn:aws:states:::showrunner:encode.sync", false), ("arn:aws:states:::lambda:invoke", false),
            ("arn:aws:lambda:us-east-1:000000000000:function:f", false), ("arn:aws:states:::sqs:sendMessage", false),
            ("arn:aws:states:::aws-sdk:s3:getObject.waitForTaskToken", true),
            ("arn:aws:states:::aws-sdk:dynamodb:getItem", false),
        ])
    func rule(resource: String, isSupported: Bool) {
        #expect(Self.supported.contains(resource) == isSupported)
    }

    @Test("the sentence names each kind")
    func sentence() {
        #expect(
            Self.supported.sentence
                == "Supported are activities (arn:aws:states:us-east-1:000000000000:activity:NAME); "
                + "arn:aws:states:::states:startExecution (also .sync, .sync:2, .waitForTaskToken); "
                + "steps (arn:aws:states:::showrunner:NAME, also .waitForTaskToken; NAME is one of encode); "
                + "arn:aws:states:::aws-sdk:s3:{getObject, putObject}; arn:aws:states:::aws-sdk:sfn:startExecution")
    }

    private static func task(_ resource: String) -> String {
        #"{"Type":"Task","Resource":"\#(resource)","End":true}"#
    }

    @Test("making and changing a machine refuse what nobody here runs, wherever it stands; data is no Task")
    func refusals() async throws {
        let wire = try await Wire()
        func inner(_ name: String) -> String {
            #"{"StartAt":"\#(name)","States":{"\#(name)":\#(Self.task("arn:aws:states:::lambda:invoke"))}}"#
        }
        let definition = #"""
            {"StartAt":"A","States":{
              "A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Next":"D"},
              "D":{"Type":"Pass","Result":{"Type":"Task","Resource":"arn:aws:states:::sns:publish"},"Next":"P"},
              "P":{"Type":"Parallel","Branches":[{"StartAt":"X","States":{"X":{"Type":"Pass","End":true}}},\#(inner("I"))],
                   "Next":"M"},
              "M":{"Type":"Map","ItemProcessor":\#(inner("J")),"End":true}}}
            """#
        let members: JSON = ["name": "m", "roleArn": Wire.role, "definition": .string(definition)]
        let told = try #require(await wire.refusal("CreateStateMachine", members))
        #expect(told.hasPrefix("InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "))
        for (resource, place) in [
            ("sqs:sendMessage", "/States/A/Resource"), ("lambda:invoke", "/States/P/Branches[1]/States/I/Resource"),
            ("lambda:invoke", "/States/M/ItemProcessor/States/J/Resource"),
        ] {
            #expect(
                told.contains(
                    "The resource provided arn:aws:states:::\(resource) is not available here: nobody runs it. at \(place)"
                ))
        }
        #expect(!told.contains("sns") && told.contains("' Supported are activities (") && told.hasSuffix("."))
        try await wire.make("m")
        let arn = JSON.string(Wire.prefix + "stateMachine:m")
        let update = await wire.refusal(
            "UpdateStateMachine", ["stateMachineArn": arn, "definition": .string(definition)])
        #expect(update == told)
        #expect(
            try await wire.call("DescribeStateMachine", ["stateMachineArn": arn])["definition"]
                == .string(Wire.pass("")))
        await wire.close()
    }

    @Test(
        "what is wrong with a definition otherwise comes first, and trying and validating take every integration of AWS"
    )
    func others() async throws {
        let wire = try await Wire()
        let known = #"{"StartAt":"A","States":{"A":\#(Self.task("arn:aws:states:::lambda:invoke"))}}"#
        let unknown = #"{"StartAt":"A","States":{"A":\#(Self.task("arn:aws:states:::lambda:invite"))}}"#
        #expect(try await wire.call("ValidateStateMachineDefinition", ["definition": .string(known)])["result"] == "OK")
        let tried = try await wire.call(
            "TestState",
            [
                "definition": .string(Self.task("arn:aws:states:::lambda:invoke")), "input": "{}",
                "mock": ["result": #"{"Payload":1}"#, "fieldValidationMode": "NONE"],
            ])
        #expect(tried["status"] == "SUCCEEDED")
        let told = await wire.refusal(
            "CreateStateMachine", ["name": "m", "roleArn": Wire.role, "definition": .string(unknown)])
        #expect(
            told
                == "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The resource provided "
                + "arn:aws:states:::lambda:invite is not recognized. The value is not a valid resource ARN, or the "
                + "resource is not available in this region. at /States/A/Resource'")
        await wire.close()
    }
}
