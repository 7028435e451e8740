import JSON
import StatesLanguage
import Testing

/// How data flows through a state, and the fields that take their value from it.
@Suite struct DataFlowTests {
    static func state(_ fields: String, type: String = "Pass") throws -> State {
        let task = type == "Task" ? #","Resource":"arn:aws:states:::showrunner:x""# : ""
        let definition = #"{"StartAt":"S","States":{"S":{"Type":"\#(type)"\#(task),"End":true\#(fields)}}}"#
        let reading = Definition.read(json: definition)
        let machine = try #require(reading.machine, "\(reading.diagnostics.map { $0.text(file: "state") })")
        return try #require(machine.states["S"])
    }

    @Test(
        arguments: [
            ("", #"{"r":1}"#), (#","InputPath":"$.a","Parameters":{"x.$":"$.b"}"#, #"{"r":1}"#),
            (#","ResultPath":"$.got""#, #"{"a":{"b":2},"c":[3],"got":{"r":1}}"#),
            (#","InputPath":"$.a","ResultPath":"$.got""#, #"{"a":{"b":2},"c":[3],"got":{"r":1}}"#),
            (#","ResultPath":null"#, #"{"a":{"b":2},"c":[3]}"#),
            (#","ResultPath":"$.c[0]","OutputPath":"$.c""#, #"[{"r":1}]"#), (#","OutputPath":null"#, "{}"),
            (#","ResultSelector":{"s.$":"$.r","t":true}"#, #"{"s":1,"t":true}"#),
            (#","ResultSelector":{"s.$":"$$.State.Name"},"ResultPath":"$.a","OutputPath":"$.a""#, #"{"s":"S"}"#),
            (#","OutputPath":"$$.State""#, #"{"Name":"S"}"#),
        ] as [(String, String)])
    func handsOn(fields: String, output: String) throws {
        let flow = try DataFlowTests.state(fields, type: "Task").dataFlow
        let raw: JSON = ["a": ["b": 2], "c": [3]]
        let result = try flow.output(
            of: ["r": 1], in: EvaluationScope(input: raw, context: ["State": ["Name": "S"]]))
        #expect(result.text == output)
    }

    @Test(
        arguments: [
            ("", #"{"a":{"b":2},"c":[3]}"#), (#","InputPath":"$.a""#, #"{"b":2}"#), (#","InputPath":null"#, "{}"),
            (
                #","InputPath":"$.a","Parameters":{"x.$":"$.b","y":["$.b",{"z.$":"$"}]}"#,
                #"{"x":2,"y":["$.b",{"z":{"b":2}}]}"#
            ),
            (#","Parameters":{"v.$":"$.c[5]"}"#, #"{"v":null}"#), (#","Parameters":"constant""#, #""constant""#),
            (#","InputPath":"$$.Id""#, "7"),
            (
                #","Parameters":{"id.$":"$$.Id","n.$":"States.ArrayLength($.c)","plain.$x":"$.a"}"#,
                #"{"id":7,"n":1,"plain.$x":"$.a"}"#
            ),
        ] as [(String, String)])
    func selectsInput(fields: String, input: String) throws {
        let flow = try DataFlowTests.state(fields).dataFlow
        let value = try flow.effectiveInput(
            in: EvaluationScope(input: ["a": ["b": 2], "c": [3]], context: ["Id": 7]))
        #expect(value.text == input)
    }

    @Test(
        arguments: [
            (#","InputPath":"$.x""#, "States.Runtime", "Invalid path '$.x' : No results for path: $['x']"),
            (#","InputPath":"$.x.y""#, "States.Runtime", "Invalid path '$.x.y' : Missing property in path $['x']"),
            (
                #","Parameters":{"deep":{"y.$":"$.x"}}"#, "States.ParameterPathFailure",
                "The JSONPath '$.x' specified for the field 'y.$' could not be found in the input '{\"a\":1}'"
            ),
            (
                #","Parameters":{"y.$":"States.ArrayLength($.a)"}"#, "States.IntrinsicFailure",
                "The function 'States.ArrayLength($.a)' had the following error: Argument 1 of States.ArrayLength must be of type array, but was 1"
            ),
        ] as [(String, String, String)])
    func reportsWhy(fields: String, error: String, cause: String) throws {
        let state = try DataFlowTests.state(fields, type: "Task")
        let thrown = #expect(throws: EvaluationError.self) {
            try state.dataFlow.effectiveInput(in: EvaluationScope(input: ["a": 1]))
        }
        #expect(thrown == EvaluationError(error: error, cause: cause))
    }

    @Test(
        arguments: [
            ("", "Pass", "States.Runtime"), ("", "Task", "States.Runtime"),
            (#","Retry":[{"ErrorEquals":["Other"]}]"#, "Task", "States.Runtime"),
            (#","Retry":[{"ErrorEquals":["States.ParameterPathFailure"]}]"#, "Task", "States.ParameterPathFailure"),
            (#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"S"}]"#, "Task", "States.ParameterPathFailure"),
        ] as [(String, String, String)])
    func namesAFailedPathByWhoHandlesIt(fields: String, type: String, name: String) throws {
        let state = try DataFlowTests.state(#","Parameters":{"y.$":"$.x"}"# + fields, type: type)
        let thrown = #expect(throws: EvaluationError.self) {
            try state.dataFlow.effectiveInput(in: EvaluationScope(input: [:]))
        }
        #expect(thrown?.reported(by: state) == EvaluationError(error: name, cause: thrown?.cause ?? ""))
        let other = EvaluationError(error: "States.IntrinsicFailure", cause: "c")
        #expect(other.reported(by: state) == other)
    }

    @Test(
        arguments: [
            ("5", 5 as Int?, ""), ("0", 0, ""), ("2.0", 2, ""),
            ("1.5", nil, "The SecondsPath parameter cannot be parsed as a long value: $.v == 1.5"),
            ("-1", nil, "The SecondsPath parameter references a negative value: $.v == -1"),
            (#""x""#, nil, "The SecondsPath parameter cannot be parsed as a long value: $.v == \"x\""),
        ] as [(String, Int?, String)])
    func waitsForSeconds(value: String, seconds: Int?, cause: String) throws {
        let scope = EvaluationScope(input: ["v": try JSON(parsing: value)])
        let wait = WaitState.seconds(.path(try JSONPath("$.v")))
        if let seconds {
            #expect(try wait.end(in: scope) == .afterSeconds(seconds))
        } else {
            let error = #expect(throws: EvaluationError.self) { try wait.end(in: scope) }
            #expect(error == EvaluationError(error: "States.Runtime", cause: cause))
        }
    }

    @Test func waitsForTimestamps() throws {
        let wait = WaitState.timestamp(.path(try JSONPath("$.v")))
        let end = try wait.end(in: EvaluationScope(input: ["v": "1970-01-01T00:00:01.5Z"]))
        #expect(end == .at(microseconds: 1_500_000))
        let error = #expect(throws: EvaluationError.self) {
            try wait.end(in: EvaluationScope(input: ["v": "2026-13-05T21:29:29Z"]))
        }
        #expect(
            error?.cause == "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time"
                + " format string: $.v == 2026-13-05T21:29:29Z")
    }

    @Test(
        arguments: [
            ("4", 4 as Int?, ""),
            (
                #""NoNumber""#, nil,
                "The MaxConcurrencyPath field refers to value \"NoNumber\" which is not a valid integer: $.v"
            ),
            ("{}", nil, "The MaxConcurrencyPath field refers to value \"{}\" which is not a valid integer: $.v"),
            ("-1", nil, "MaxConcurrency cannot be negative."),
        ] as [(String, Int?, String)])
    func countsFromThePath(value: String, number: Int?, cause: String) throws {
        let source = NumberSource.path(try JSONPath("$.v"))
        let scope = EvaluationScope(input: ["v": try JSON(parsing: value)])
        if let number {
            #expect(try source.value(in: scope, field: "MaxConcurrency") == number)
        } else {
            let error = #expect(throws: EvaluationError.self) { try source.value(in: scope, field: "MaxConcurrency") }
            #expect(error == EvaluationError(error: "States.Runtime", cause: cause))
        }
    }

    @Test func takesPercentages() throws {
        let source = PercentageSource.path(try JSONPath("$.v"))
        #expect(try source.value(in: EvaluationScope(input: ["v": 12.5])) == 12.5)
        #expect(try PercentageSource.literal(3).value(in: EvaluationScope(input: [:])) == 3)
        let outside = #expect(throws: EvaluationError.self) {
            try source.value(in: EvaluationScope(input: ["v": 100.1]))
        }
        #expect(outside?.cause == "ToleratedFailurePercentage must be between 0 and 100.")
        let text = #expect(throws: EvaluationError.self) {
            try source.value(in: EvaluationScope(input: ["v": "NoNumber"]))
        }
        #expect(
            text?.cause == "The ToleratedFailurePercentagePath field refers to value \"NoNumber\" which is not a valid"
                + " float: $.v")
    }

    @Test func takesTexts() throws {
        let scope = EvaluationScope(input: ["e": "Boom", "n": 1])
        #expect(try TextSource.path(try JSONPath("$.e")).value(in: scope, field: "Error") == "Boom")
        #expect(
            try TextSource.intrinsic(try IntrinsicCall("States.Format('{}!', $.e)")).value(in: scope, field: "Error")
                == "Boom!")
        #expect(try TextSource.literal("x").value(in: scope, field: "Error") == "x")
        let path = TextSource.path(try JSONPath("$.n"))
        let error = #expect(throws: EvaluationError.self) { try path.value(in: scope, field: "Error") }
        #expect(error?.cause == "The ErrorPath parameter does not reference a string: $.n == 1")
    }
}

/// Which error names a retrier or catcher covers.
@Suite struct ErrorMatchingTests {
    @Test(
        arguments: [
            (["A"], "A", true), (["A", "B"], "B", true), (["A"], "a", false), (["A"], "A.B", false), ([], "A", false),
            (["States.ALL"], "A", true), (["States.ALL"], "States.Timeout", true),
            (["States.ALL"], "States.Runtime", false),
            (["States.ALL"], "States.DataLimitExceeded", true),
            (["States.DataLimitExceeded"], "States.DataLimitExceeded", true),
            (["States.TaskFailed"], "A", true), (["States.TaskFailed"], "States.Timeout", false),
            (["States.TaskFailed"], "States.HeartbeatTimeout", false), (["States.TaskFailed"], "States.Runtime", false),
            (["States.Timeout"], "States.HeartbeatTimeout", true),
            (["States.HeartbeatTimeout"], "States.Timeout", false),
            (["States.TaskFailed", "States.Timeout"], "States.Timeout", true),
        ] as [([String], String, Bool)])
    func covers(names: [String], error: String, isCovered: Bool) {
        #expect(Retrier(errorEquals: names).matches(error: error) == isCovered)
        #expect(Catcher(errorEquals: names, next: "X", resultPath: .replace).matches(error: error) == isCovered)
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1), ("1969-12-31T23:59:59.999999Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000), ("2026-11-22T21:10:09.5Z", 1_795_381_809_500_000),
            ("2026-11-22T23:10:09+02:00", 1_795_381_809_000_000), ("2026-11-22T15:40:09-05:30", 1_795_381_809_000_000),
            ("2026-11-22T21:10:09.123456789Z", 1_795_381_809_123_456),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000), ("2026-11-22T21:10:09+00:00", 1_795_381_809_000_000),
        ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp.microseconds(rfc3339: text) == microseconds)
    }

    @Test(arguments: [
        "", "2026-11-22", "2026-11-22T21:10:09", "2026-11-22 21:10:09Z", "2026-11-22t21:10:09Z", "2026-11-22T21:10:09z",
        "2026-11-22T21:10Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z", "2026-11-00T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T23:60:00Z",
        "2026-11-22T23:59:60Z", "2026-11-22T23:59:59.Z", "2026-11-22T23:59:59+2:00", "2026-11-22T23:59:59+0200",
        "2026-11-22T23:59:59+24:00", "2026-11-22T23:59:59Zx", "05-12-2016T21:29:29Z", "26-11-22T21:10:09Z",
        "+2026-11-22T21:10:09Z",
    ])
    func refuses(text: String) {
        #expect(Timestamp.microseconds(rfc3339: text) == nil)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_795_381_809_123_456, "2026-11-22T21:10:09.123Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func writes(microseconds: Int64, text: String) {
        #expect(Timestamp.text(microseconds: microseconds) == text)
    }

    /// Days of nine centuries come back, in steps that meet every day of the year.
    @Test func survivesTheRoundTrip() {
        for day in stride(from: Int64(-146_097), through: 200_000, by: 13) {
            let time = day * 86_400_000_000 + 45_296_789_000
            #expect(Timestamp.microseconds(rfc3339: Timestamp.text(microseconds: time)) == time)
        }
    }
}
