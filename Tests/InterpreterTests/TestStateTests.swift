import Interpreter
import JSON
import Testing

/// TestState by the service's documentation; where a sentence decides, it stands beside the case.
@Suite struct TestStateTests {
    static let surroundings = TestSurroundings(
        now: 1_800_000_000_000_000, seed: 1,
        resultShape: { resource in
            resource.hasSuffix(":probe")
                ? .structure([
                    ResultShape.Field("seconds", .number, required: true), ResultShape.Field("codecs", .list(.string)),
                ]) : nil
        })

    /// What TestState answers; an error as `{"refused": name, "message": ...}`.
    static func answer(_ request: JSON) -> JSON {
        do throws(TestStateError) {
            return try testState(json: request, in: surroundings)
        } catch {
            return ["refused": .string(error.name), "message": .string(error.message)]
        }
    }

    static func request(
        _ state: JSON, input: JSON = [:], level: String = "DEBUG", mock: JSON? = nil, more: [String: JSON] = [:]
    ) -> JSON {
        var request = JSON.members(
            ("definition", .string(state.text)), ("input", .string(input.text)), ("inspectionLevel", .string(level)),
            ("roleArn", "arn:aws:iam::000000000000:role/test"), ("mock", mock))
        for (name, value) in more { request[name] = value }
        return request
    }

    static func result(_ value: JSON) -> JSON { ["result": .string(value.text)] }

    static func error(_ name: String, _ cause: String) -> JSON {
        ["errorOutput": ["error": .string(name), "cause": .string(cause)]]
    }

    /// Payloads of an answer as values.
    static func inspection(_ answer: JSON, _ name: String) throws -> JSON? {
        guard let value = answer["inspectionData"]?[name] else { return nil }
        return try value.stringValue.map { try JSON(parsing: $0) } ?? value
    }

    @Test func showsEveryFieldOfATask() throws {
        let state: JSON = [
            "Type": "Task", "Resource": "arn:aws:states:::showrunner:work", "InputPath": "$.film",
            "Parameters": ["source.$": "$.url"], "ResultSelector": ["size.$": "$.bytes"], "ResultPath": "$.probe",
            "OutputPath": "$.probe", "Assign": ["size.$": "$.size"], "Next": "Encode",
        ]
        let answer = Self.answer(
            Self.request(
                state, input: ["film": ["url": "s3://b/k"], "id": 7], mock: Self.result(["bytes": 5, "more": true]),
                more: ["variables": #"{"language": "de"}"#]))
        #expect(answer["status"] == "SUCCEEDED")
        #expect(answer["nextState"] == "Encode")
        #expect(answer["output"] == #"{"size":5}"#)
        let expected: [(String, JSON)] = [
            ("input", ["film": ["url": "s3://b/k"], "id": 7]), ("afterInputPath", ["url": "s3://b/k"]),
            ("afterParameters", ["source": "s3://b/k"]), ("result", ["bytes": 5, "more": true]),
            ("afterResultSelector", ["size": 5]),
            ("afterResultPath", ["film": ["url": "s3://b/k"], "id": 7, "probe": ["size": 5]]),
            // "JSON string that contains the set of workflow variables after execution of the state."
            ("variables", ["language": "de", "size": 5]),
        ]
        for (name, value) in expected { #expect(try Self.inspection(answer, name) == value, "\(name)") }
        #expect(answer["inspectionData"]?.objectValue?.count == expected.count)
    }

    @Test func levelInfoShowsNothing() {
        let answer = Self.answer(Self.request(["Type": "Succeed"], input: 5, level: "INFO"))
        #expect(answer == ["output": "5", "status": "SUCCEEDED"])
    }

    @Test func aWaitIsSkipped() {
        let answer = Self.answer(Self.request(["Type": "Wait", "Seconds": 86_400, "Next": "On"], level: "INFO"))
        #expect(answer == ["output": "{}", "nextState": "On", "status": "SUCCEEDED"])
    }

    @Test func aFailedPathShowsHowFarItCame() throws {
        let state: JSON = ["Type": "Pass", "InputPath": "$.a", "Parameters": ["x.$": "$.missing"], "End": true]
        let answer = Self.answer(Self.request(state, input: ["a": [:]]))
        #expect(answer["status"] == "FAILED")
        #expect(answer["error"] == "States.Runtime")
        #expect(
            answer["cause"]
                == "The JSONPath '$.missing' specified for the field 'x.$' could not be found in the input '{}'")
        #expect(try Self.inspection(answer, "afterInputPath") == [:])
        #expect(answer["inspectionData"]?["afterParameters"] == nil)
    }

    @Test func noChoiceMatches() {
        let state: JSON = ["Type": "Choice", "Choices": [["Variable": "$.a", "NumericEquals": 1, "Next": "B"]]]
        #expect(Self.answer(Self.request(state, input: ["a": 2]))["error"] == "States.NoChoiceMatched")
        let answer = Self.answer(Self.request(state, input: ["a": 1], level: "INFO"))
        #expect(answer == ["output": #"{"a":1}"#, "nextState": "B", "status": "SUCCEEDED"])
    }

    // MARK: - Errors

    static let task: JSON = [
        "Type": "Task", "Resource": "arn:aws:states:::showrunner:work", "End": true,
        "Retry": [
            ["ErrorEquals": ["Other"], "MaxAttempts": 9],
            ["ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 2, "MaxDelaySeconds": 5],
        ],
        "Catch": [
            ["ErrorEquals": ["Other"], "Next": "Never"],
            ["ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Mend"],
        ],
    ]

    @Test(arguments: [(0, 3), (1, 5)]) func aRetrierTriesAgain(used: Int, seconds: Int) {
        let answer = Self.answer(
            Self.request(
                Self.task, mock: Self.error("Busy", "later"),
                more: ["stateConfiguration": ["retrierRetryCount": .integer(used)]]))
        #expect(answer["status"] == "RETRIABLE")
        #expect(answer["error"] == "Busy")
        #expect(answer["cause"] == "later")
        #expect(
            answer["inspectionData"]?["errorDetails"]
                == ["retryIndex": 1, "retryBackoffIntervalSeconds": .integer(seconds)])
        #expect(answer["output"] == nil && answer["nextState"] == nil)
    }

    @Test func thenACatcherTakesTheError() {
        let answer = Self.answer(
            Self.request(
                Self.task, input: ["a": 1], mock: Self.error("Busy", "later"),
                more: ["stateConfiguration": ["retrierRetryCount": 2]]))
        #expect(answer["status"] == "CAUGHT_ERROR")
        #expect(answer["nextState"] == "Mend")
        #expect(answer["output"] == #"{"a":1,"failure":{"Error":"Busy","Cause":"later"}}"#)
        #expect(answer["inspectionData"]?["errorDetails"] == ["catchIndex": 1, "retryIndex": 1])
    }

    // MARK: - Map and Parallel

    @Test func showsWhatAMapStateMapsOver() throws {
        let state: JSON = [
            "Type": "Map", "ItemsPath": "$.films", "ItemSelector": ["film.$": "$$.Map.Item.Value", "by.$": "$.by"],
            "ItemBatcher": ["MaxItemsPerBatch": 2, "BatchInput": ["k": 1]], "MaxConcurrencyPath": "$.n",
            "ToleratedFailurePercentage": 40,
            "ItemProcessor": [
                "ProcessorConfig": ["Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"], "StartAt": "One",
                "States": ["One": ["Type": "Succeed"]],
            ], "ResultPath": "$.out", "End": true,
        ]
        let input: JSON = ["films": ["a", "b", "c"], "by": "x", "n": 4]
        func answer(failures: Int) -> JSON {
            Self.answer(
                Self.request(
                    state, input: input, mock: Self.result([1, 2, 3]),
                    more: ["stateConfiguration": ["mapIterationFailureCount": .integer(failures)]]))
        }
        let good = answer(failures: 1)
        #expect(good["status"] == "SUCCEEDED")
        #expect(good["output"] == #"{"films":["a","b","c"],"by":"x","n":4,"out":[1,2,3]}"#)
        let selected: [JSON] = ["a", "b", "c"].map { ["film": $0, "by": "x"] }
        #expect(try Self.inspection(good, "afterItemsPath") == ["a", "b", "c"])
        #expect(try Self.inspection(good, "afterItemSelector") == .array(selected))
        #expect(
            try Self.inspection(good, "afterItemBatcher")
                == [
                    ["BatchInput": ["k": 1], "Items": .array(Array(selected[..<2]))],
                    ["BatchInput": ["k": 1], "Items": .array(Array(selected[2...]))],
                ])
        #expect(good["inspectionData"]?["maxConcurrency"] == 4)
        #expect(good["inspectionData"]?["toleratedFailurePercentage"] == .double(40))
        // Two of three are more than 40 percent.
        #expect(answer(failures: 2)["error"] == "States.ExceedToleratedFailureThreshold")
    }

    /// "The data read by ItemReader in Distributed Map states as found in its original source."
    @Test(
        arguments: [
            (["InputType": "JSON"], "[1,2]", [1, 2], nil),
            (["InputType": "JSON", "ItemsPointer": "/a~1b/0"], #"{"a/b":[[3]]}"#, [3], nil),
            (["InputType": "JSON"], #"{"k":1}"#, [["Key": "k", "Value": 1]], nil),
            (["InputType": "JSONL"], "1\n{}\n", [1, [:]], nil),
            (["InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"], "a,b\n1,2", nil, nil),
            (["InputType": "JSON"], "5", nil, "States.ItemReaderFailed"),
            (["InputType": "JSON"], "a,b", nil, "States.ItemReaderFailed"),
            (["InputType": "JSON", "ItemsPointer": "/x"], "{}", nil, "States.ItemReaderFailed"),
        ] as [(JSON, String, JSON?, String?)])
    func itemsOfAReaderAreThoseOfTheRequest(config: JSON, data: String, items: JSON?, error: String?) throws {
        let state: JSON = [
            "Type": "Map",
            "ItemReader": [
                "Resource": "arn:aws:states:::s3:getObject", "Parameters": ["Bucket": "b", "Key": "k"],
                "ReaderConfig": config,
            ],
            "ItemSelector": ["item.$": "$$.Map.Item.Value"],
            "ItemProcessor": [
                "ProcessorConfig": ["Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"], "StartAt": "One",
                "States": ["One": ["Type": "Succeed"]],
            ], "End": true,
        ]
        let answer = Self.answer(
            Self.request(
                state, mock: Self.result([]), more: ["stateConfiguration": ["mapItemReaderData": .string(data)]]))
        #expect(answer["error"] == error.map { .string($0) })
        let selected = items?.arrayValue.map { items in JSON.array(items.map { ["item": $0] }) }
        #expect(try Self.inspection(answer, "afterItemSelector") == selected)
        if config["ItemsPointer"] != nil { #expect(try Self.inspection(answer, "afterItemsPointer") == items) }
    }

    // MARK: - Refusals

    static let map: JSON = [
        "Type": "Map", "ItemProcessor": ["StartAt": "One", "States": ["One": ["Type": "Succeed"]]], "End": true,
    ]

    static let refusals: [(request: JSON, error: String, message: String)] = [
        (["input": "{}"], "ValidationException", "'definition'"),
        (["definition": "{"], "InvalidDefinition", "INVALID_JSON_DESCRIPTION"),
        (request(["Type": "Pass"]), "InvalidDefinition", "/States/StateName"),
        (request(["Type": "Pass", "Next": "Anywhere", "Nxt": 1]), "InvalidDefinition", "Nxt"),
        (request(["Type": "Pass", "End": true], more: ["input": "{"]), "InvalidExecutionInput", "Input"),
        (
            request(["Type": "Pass", "End": true], more: ["inspectionLevel": "ALL"]), "ValidationException",
            "[INFO, DEBUG"
        ),
        (request(["Type": "Pass", "End": true], more: ["variables": "[]"]), "ValidationException", "Variables"),
        (request(task, mock: ["fieldValidationMode": "NONE"]), "ValidationException", "only one"),
        (
            request(task, mock: ["result": "1", "errorOutput": ["error": "E"]]), "ValidationException",
            "[result, errorOutput]"
        ),
        (request(task, more: ["context": "{}"]), "ValidationException", "Context"),
        (request(task, mock: result(1), more: ["context": "5"]), "ValidationException", "Invalid Context object"),
        (request(map), "InvalidDefinition", "does not support Map or Parallel"),
        (
            request(map, mock: error("E", "c"), more: ["stateConfiguration": ["errorCausedByState": "Two"]]),
            "ValidationException", "'Two'"
        ),
        (
            request(map, mock: error("E", "c"), more: ["stateConfiguration": ["mapIterationFailureCount": -1]]),
            "ValidationException", "greater than or equal to 0"
        ),
        (request(task), "ValidationException", "specify a mock"),
    ]

    @Test(arguments: refusals.indices) func refuses(index: Int) {
        let (request, error, message) = Self.refusals[index]
        let answer = Self.answer(request)
        #expect(answer["refused"] == .string(error), "\(answer)")
        #expect(answer["message"]?.stringValue?.contains(message) == true, "\(answer)")
    }

    /// fieldValidationMode: "STRICT: All required fields must be present, and all present fields must conform.
    /// PRESENT: All present fields must conform. NONE: No validation."
    @Test(
        arguments: [
            ("STRICT", [:], "Required field 'seconds' is missing"),
            ("STRICT", ["seconds": 1, "codecs": ["h264", 5]], "Field 'codecs' must be a string"),
            ("STRICT", ["seconds": 1.5, "more": true], nil),
            ("PRESENT", [:], nil),
            ("PRESENT", ["seconds": "1"], "Field 'seconds' must be a number"),
            ("PRESENT", ["codecs": "h264"], "Field 'codecs' must be an array"),
            ("PRESENT", 7, "Result must be an object"),
            ("NONE", ["seconds": "1"], nil),
        ] as [(String, JSON, String?)])
    func holdsAMockedResultAgainstItsShape(mode: String, value: JSON, problem: String?) {
        let state: JSON = ["Type": "Task", "Resource": "arn:aws:states:::showrunner:probe", "End": true]
        var mock = Self.result(value)
        mock["fieldValidationMode"] = .string(mode)
        let answer = Self.answer(Self.request(state, mock: mock))
        if let problem {
            #expect(answer["message"] == .string("Mock result schema validation error: \(problem)"))
        } else {
            #expect(answer["status"] == "SUCCEEDED", "\(answer)")
        }
    }

    /// By the services' API references: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html,
    /// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html and so on.
    @Test(
        arguments: [
            ("arn:aws:states:::states:startExecution", ["ExecutionArn": "a"], "Required field 'StartDate' is missing"),
            (
                "arn:aws-cn:states:::states:startExecution.sync:2", ["Status": 1],
                "Required field 'ExecutionArn' is missing"
            ),
            ("arn:aws:states:::sns:publish", ["MessageId": 1], "Field 'MessageId' must be a string"),
            ("arn:aws:states:::lambda:invoke", ["Payload": [1], "StatusCode": 200], nil),
            ("arn:aws:states:::ecs:runTask", ["Failures": [["Reason": 5]]], "Field 'Reason' must be a string"),
            ("arn:aws:states:::aws-sdk:rds:describeDBInstances", ["Anything": 1], nil),
            ("arn:aws:states:us-east-1:000000000000:activity:sns:publish", ["MessageId": 1], nil),
        ] as [(String, JSON, String?)])
    func integrationsAreKnown(resource: String, value: JSON, problem: String?) throws {
        let request = Self.request(
            ["Type": "Task", "Resource": .string(resource), "End": true], level: "INFO", mock: Self.result(value))
        do throws(TestStateError) {
            let answer = try testState(json: request, in: TestSurroundings(now: 0, seed: 1))
            #expect(problem == nil && answer["output"] == .string(value.text))
        } catch {
            #expect(error.message == "Mock result schema validation error: \(problem ?? "none")")
        }
    }

    /// "If this field is specified, the definition must contain a fully-formed state machine definition."
    @Test func findsAStateInAMachine() {
        let machine: JSON = [
            "StartAt": "All",
            "States": [
                "All": [
                    "Type": "Parallel", "End": true,
                    "Branches": [
                        ["StartAt": "A", "States": ["A": ["Type": "Pass", "Next": "B"], "B": ["Type": "Succeed"]]]
                    ],
                ]
            ],
        ]
        let found = Self.answer(Self.request(machine, level: "INFO", more: ["stateName": "A"]))
        #expect(found == ["output": "{}", "nextState": "B", "status": "SUCCEEDED"])
        #expect(
            Self.answer(Self.request(machine, more: ["stateName": "C"]))["message"] == "State not found in definition")
    }
}
