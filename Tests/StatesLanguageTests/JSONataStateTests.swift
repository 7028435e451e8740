import JSON
import StatesLanguage
import Testing

/// States in JSONata: what their fields give, and how their failures are told.
@Suite struct JSONataStateTests {
    static func template(_ json: JSON) throws -> PayloadTemplate { try PayloadTemplate(from: json, language: .jsonata) }

    static let scope = EvaluationScope(
        input: ["items": [["price": 2], ["price": 3]], "name": "Film", "nothing": nil],
        context: ["Execution": ["Id": "arn"]],
        variables: ["rate": 10], result: ["Payload": [1, 2]], seed: 1, now: 1_700_000_000_123_456)

    @Test(
        arguments: [
            (["sum": "{% $sum($states.input.items.price) * $rate %}"], #"{"sum":50}"#),
            (["x": ["{%$states.result.Payload[1]%}", "plain", 5, nil, true]], #"{"x":[2,"plain",5,null,true]}"#),
            ("{% $states.context.Execution.Id %}", #""arn""#), ("text", #""text""#),
            (["a.$": "$.b"], #"{"a.$":"$.b"}"#),
            ("{% $millis() %}", "1700000000123"), ("{% {'n': $states.input.nothing} %}", #"{"n":null}"#),
            ("{%\n  $states.input.name\n%}", #""Film""#), ("{% $states.input.items.price %}", "[2,3]"),
        ] as [(JSON, String)])
    func evaluatesTemplates(source: JSON, value: String) throws {
        #expect(
            try JSONataStateTests.template(source).evaluate(in: JSONataStateTests.scope, field: "Output").text == value)
    }

    @Test(
        arguments: [
            (
                ["a": ["b": [1, "{% $nobody %}"]]], "Arguments/a/b[1]",
                "The JSONata expression '$nobody' specified for the field 'Arguments/a/b[1]' returned nothing (undefined)."
            ),
            (
                "{% $states.input.missing %}", "Arguments",
                "The JSONata expression '$states.input.missing' specified for the field 'Arguments' returned nothing"
                    + " (undefined)."
            ),
            (
                ["f": "{% $states.input.name() %}"], "Arguments/f",
                "The JSONata expression '$states.input.name()' specified for the field 'Arguments/f' threw an error during"
                    + " evaluation. T1006: Attempted to invoke a non-function"
            ),
        ] as [(JSON, String, String)])
    func tellsFailures(source: JSON, location: String, cause: String) throws {
        let template = try JSONataStateTests.template(source)
        let error = #expect(throws: EvaluationError.self) {
            try template.evaluate(in: JSONataStateTests.scope, field: "Arguments")
        }
        #expect(
            error
                == EvaluationError(
                    error: "States.QueryEvaluationError", cause: cause, location: location, isEvaluationFailure: true))
    }

    static func state(_ fields: String, type: String) throws -> State {
        // A choice in front makes the other states reachable.
        let definition =
            #"{"QueryLanguage":"JSONata","StartAt":"Z","States":{"Z":{"Type":"Choice","Choices":["#
            + #"{"Condition":true,"Next":"S"},{"Condition":true,"Next":"X"}],"Default":"Y"},"#
            + #""S":{"Type":"\#(type)",\#(fields)},"X":{"Type":"Succeed"},"Y":{"Type":"Pass","Next":"X"}}}"#
        let reading = Definition.read(json: definition)
        return try #require(reading.machine?.states["S"], "\(reading.diagnostics)")
    }

    @Test func waits() throws {
        func end(_ fields: String) throws -> WaitEnd {
            guard case .wait(let wait) = try JSONataStateTests.state(#"\#(fields),"End":true"#, type: "Wait").kind
            else {
                preconditionFailure("the state is a Wait state")
            }
            return try wait.end(
                in: EvaluationScope(input: ["n": 3, "at": "1970-01-01T00:00:02Z", "half": 1.5, "bad": "x"]))
        }
        #expect(try end(#""Seconds":"{% $states.input.n * 2 %}""#) == .afterSeconds(6))
        #expect(try end(#""Timestamp":"{% $states.input.at %}""#) == .at(microseconds: 2_000_000))
        let half = #expect(throws: EvaluationError.self) { try end(#""Seconds":"{% $states.input.half %}""#) }
        #expect(half?.location == "Seconds" && half?.isEvaluationFailure == true)
        let bad = #expect(throws: EvaluationError.self) { try end(#""Timestamp":"{% $states.input.bad %}""#) }
        #expect(
            bad
                == EvaluationError(
                    error: "States.QueryEvaluationError",
                    cause:
                        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: x",
                    location: "Timestamp", isEvaluationFailure: true))
    }

    @Test func chooses() throws {
        let rules =
            #""Choices":[{"Condition":"{% $states.input.n > 5 %}","Next":"X"},{"Condition":false,"Next":"X"},"#
            + #"{"Condition":"{% $states.input.n = 1 %}","Next":"Y"}]"#
        guard case .choice(let choice) = try JSONataStateTests.state(rules, type: "Choice").kind else {
            preconditionFailure("the state is a Choice state")
        }
        #expect(try choice.decision(in: EvaluationScope(input: ["n": 6])).next == "X")
        #expect(try choice.decision(in: EvaluationScope(input: ["n": 1])).next == "Y")
        let none = #expect(throws: EvaluationError.self) { try choice.decision(in: EvaluationScope(input: ["n": 2])) }
        #expect(none?.error == "States.NoChoiceMatched")
        let undefined = #expect(throws: EvaluationError.self) { try choice.decision(in: EvaluationScope(input: [:])) }
        #expect(undefined?.location == nil || undefined?.location == "Choices[0]/Condition")
    }

    /// The wording that the service was seen to use.
    @Test(
        arguments: [
            (#""{% $states.input.v %}""#, "[1,2]", "[1,2]", nil),
            (#"[1,"{% $states.input.v %}",3]"#, "2", "[1,2,3]", nil),
            (
                #""{% $states.input.v %}""#, #""s""#, nil,
                "The JSONata expression '$states.input.v' specified for the field 'Items' returned an unexpected result"
                    + " type. Expected 'array', but was 'string' for value: \"s\""
            ),
            (
                #""{% $states.input.v %}""#, #"{"foo":"bar"}"#, nil,
                "The JSONata expression '$states.input.v' specified for the field 'Items' returned an unexpected result"
                    + " type. Expected 'array', but was 'object' for value: {\"foo\":\"bar\"}"
            ),
            (nil, "5", nil, #"Map state input must be an array but was: {"v":5}"#),
        ] as [(String?, String, String?, String?)])
    func mapsOver(items: String?, value: String, list: String?, cause: String?) throws {
        let field = items.map { #""Items":\#($0),"# } ?? ""
        let processor = #""ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}"#
        guard case .map(let map) = try JSONataStateTests.state(#"\#(field)\#(processor),"End":true"#, type: "Map").kind
        else { preconditionFailure("the state is a Map state") }
        let scope = EvaluationScope(input: ["v": try JSON(parsing: value)])
        if let list {
            #expect(JSON.array(try map.inputItems(in: scope)).text == list)
        } else {
            let error = #expect(throws: EvaluationError.self) { try map.inputItems(in: scope) }
            #expect(error?.cause == cause)
            #expect(error?.location == (items == nil ? nil : "Items"))
        }
    }

    /// An object is a list of its members for a distributed Map.
    @Test func distributesObjects() throws {
        let processor =
            #""ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"I","#
            + #""States":{"I":{"Type":"Pass","End":true}}}"#
        guard case .map(let map) = try JSONataStateTests.state(#"\#(processor),"End":true"#, type: "Map").kind else {
            preconditionFailure("the state is a Map state")
        }
        #expect(map.mode == .distributed(isExpress: true))
        let items = try map.inputItems(in: EvaluationScope(input: ["a": 1, "b": [2]]))
        #expect(JSON.array(items).text == #"[{"Key":"a","Value":1},{"Key":"b","Value":[2]}]"#)
    }

    @Test func takesOutputResultOrInput() throws {
        let flow = ExpressionFlow(arguments: nil, output: nil)
        #expect(try flow.output(in: EvaluationScope(input: 1, result: 2)) == 2)
        #expect(try flow.output(in: EvaluationScope(input: 1)) == 1)
        #expect(try flow.effectiveInput(in: EvaluationScope(input: 1)) == 1)
    }

    /// Expressions of one template draw numbers of their own, the same for the same seed.
    @Test func drawsApart() throws {
        let template = try JSONataStateTests.template(["{% $uuid() %}", "{% $uuid() %}"])
        func draw(_ seed: UInt64) throws -> JSON {
            try template.evaluate(in: EvaluationScope(input: [:], seed: seed), field: "Output")
        }
        #expect(try draw(1) == draw(1))
        #expect(try draw(1) != draw(2))
        #expect(try draw(1)[0] != draw(1)[1])
    }
}

/// What variables a definition's states refer to, and what an Express workflow may not use.
@Suite struct DefinitionUseTests {
    @Test func namesVariables() throws {
        let machine = try DefinitionReadingTests.machine(
            #"{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"a":1,"b":2,"c":3},"Next":"M"},"#
                + #""M":{"Type":"Map","ItemsPath":"$b","MaxConcurrencyPath":"$a","ItemSelector":{"x.$":"#
                + #""States.Format('{}', $c)","plain":"$z"},"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","#
                + #""QueryLanguage":"JSONata","Output":"{% $c & $sum([$a]) & ($local := 1; $local) %}","End":true}}},"End":true}}}"#
        )
        let references = Definition.variableReferences(machine)
        #expect(references == ["M": ["a", "b", "c"], "I": ["a", "c"]])
    }

    @Test(arguments: [(".sync", ".sync"), (".sync:2", ".sync"), (".waitForTaskToken", ".waitForTaskToken")])
    func refusesToWaitInExpress(pattern: String, name: String) {
        let definition =
            #"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution\#(pattern)","#
            + #""End":true}}}"#
        #expect(Definition.read(json: definition).machine != nil)
        let reading = Definition.read(json: definition, type: .express)
        #expect(
            reading.diagnostics.map(\.wireText) == [
                "SCHEMA_VALIDATION_FAILED: Express state machine does not support '\(name)' service integration at"
                    + " /States/T/Resource"
            ])
    }

    @Test(arguments: [
        (#""Type":"Task","Resource":"arn:aws:states:us-east-1:1:activity:a""#, "activities"),
        (
            #""Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"#
                + #""StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}"#, "Distributed Map"
        ),
    ])
    func refusesInExpress(state: String, what: String) {
        let definition = #"{"StartAt":"T","States":{"T":{\#(state),"End":true}}}"#
        #expect(Definition.read(json: definition).machine != nil)
        let messages = Definition.read(json: definition, type: .express).diagnostics.map(\.message)
        #expect(messages == ["Express state machine does not support \(what)"])
    }

    /// Machines within machines multiply what there is to follow; it is given up, never wrong.
    @Test func boundsTheFollowing() {
        var machine = #"{"StartAt":"L","States":{"L":{"Type":"Pass","End":true,"Parameters":{"x.$":"$.nope"}}}}"#
        for depth in 0..<40 {
            machine =
                #"{"StartAt":"A\#(depth)","States":{"A\#(depth)":{"Type":"Pass","Result":{"a":1},"Next":"P\#(depth)"},"#
                + #""P\#(depth)":{"Type":"Parallel","ResultPath":"$.r","Branches":[\#(machine)],"Next":"C\#(depth)"},"#
                + #""C\#(depth)":{"Type":"Choice","Choices":[{"Variable":"$.a","IsPresent":true,"Next":"P\#(depth)"}],"#
                + #""Default":"Z\#(depth)"},"Z\#(depth)":{"Type":"Succeed"}}}"#
        }
        let reading = Definition.read(json: machine)
        #expect(reading.machine != nil)
    }
}
