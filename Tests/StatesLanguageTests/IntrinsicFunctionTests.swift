import JSON
import StatesLanguage
import Testing

/// Every function of the language: values, rules for arguments, failures.
@Suite struct IntrinsicFunctionTests {
    static let input: JSON = [
        "name": "Ada", "n": 3, "half": 2.5, "list": [1, 2, 3, 4, 5], "empty": [], "text": "a,b;c", "flag": true,
        "nothing": nil, "object": ["a": 1, "b": ["x", nil]], "json": #"{"k":[1,2]}"#, "brace": "{}",
    ]

    static let scope = EvaluationScope(
        input: input, context: ["Execution": ["Name": "run-1"]], seed: 7,
        digest: { algorithm, bytes in "\(algorithm.rawValue):\(bytes.count)" })

    static func value(_ call: String) throws -> String {
        try IntrinsicCall(call).evaluate(in: scope).text
    }

    @Test(
        arguments: [
            ("States.Format('Hello, {}!', $.name)", #""Hello, Ada!""#), ("States.Format('plain')", #""plain""#),
            ("States.Format('{}{}{}', 1, null, true)", #""1nulltrue""#),
            (#"States.Format('\{\} \'{}\' \\', $.name)"#, #""{} 'Ada' \\""#), ("States.Format('{a}{}', 1)", #""{a}1""#),
            ("States.Format('{} {}', $.object, $.list)", #""{a=1, b=[x, null]} [1, 2, 3, 4, 5]""#),
            ("States.Format($.name)", #""Ada""#), ("States.Format($.brace, 5)", #""5""#),
            ("States.Format('{}', States.Format('<{}>', $$.Execution.Name))", #""<run-1>""#),
            ("States.StringToJson($.json)", #"{"k":[1,2]}"#), ("States.StringToJson('')", "null"),
            ("States.StringToJson(' ')", "null"), ("States.StringToJson('-0')", "0"),
            ("States.StringToJson('1.50')", "1.5"),
            ("States.JsonToString($.object)", #""{\"a\":1,\"b\":[\"x\",null]}""#),
            ("States.JsonToString('x')", #""\"x\"""#),
            ("States.Array()", "[]"), ("States.Array(1, 'two', $.nothing, true)", #"[1,"two",null,true]"#),
            ("States.ArrayPartition($.list, 2)", "[[1,2],[3,4],[5]]"),
            ("States.ArrayPartition($.list, 9)", "[[1,2,3,4,5]]"),
            ("States.ArrayPartition($.empty, 2)", "[]"), ("States.ArrayPartition($.list, $.half)", "[[1,2,3],[4,5]]"),
            ("States.ArrayPartition($.list, 9223372036854775807)", "[[1,2,3,4,5]]"),
            ("States.ArrayContains($.list, 3)", "true"), ("States.ArrayContains($.list, 3.0)", "true"),
            ("States.ArrayContains($.list, '3')", "false"), ("States.ArrayContains($.empty, null)", "false"),
            ("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]"), ("States.ArrayRange(0, 10, 3)", "[0,3,6,9]"),
            ("States.ArrayRange(3, 1, -1)", "[3,2,1]"), ("States.ArrayRange(1, 0, 1)", "[]"),
            ("States.ArrayRange(9223372036854775806, 9223372036854775807, 5)", "[9223372036854775806]"),
            ("States.ArrayGetItem($.list, 0)", "1"), ("States.ArrayGetItem($.list, States.MathAdd($.n, 1))", "5"),
            ("States.ArrayLength($.list)", "5"), ("States.ArrayLength($.list[?(@ > 2)])", "3"),
            ("States.ArrayUnique(States.Array(1, 1, 'a', 1.0, 'a', null, null))", #"[1,"a",1.0,null]"#),
            ("States.Base64Encode('Data to encode')", #""RGF0YSB0byBlbmNvZGU=""#), ("States.Base64Encode('')", #""""#),
            ("States.Base64Encode('ab')", #""YWI=""#), ("States.Base64Encode('a')", #""YQ==""#),
            ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", #""Data to encode""#),
            ("States.Base64Decode('YQ==')", #""a""#),
            ("States.Hash('abc', 'SHA-256')", #""SHA-256:3""#), ("States.Hash($.list, 'MD5')", #""MD5:11""#),
            (
                "States.JsonMerge($.object, States.StringToJson('{\"a\":9,\"c\":0}'), false)",
                #"{"a":9,"b":["x",null],"c":0}"#
            ),
            ("States.MathAdd(1, -1)", "0"), ("States.MathAdd(1.5, 1.4)", "3"), ("States.MathAdd(-1.5, 0)", "-1"),
            ("States.MathAdd(2147483646, 1)", "2147483647"),
            ("States.StringSplit($.text, ',;')", #"["a","b","c"]"#), ("States.StringSplit(',,', ',')", "[]"),
            ("States.StringSplit('abc', '')", #"["abc"]"#),
            ("States.MathRandom(5, 6)", "5"), ("States.MathRandom(-1, 0)", "-1"),
            ("States.ArrayLength( $.list ) ", "5"),
        ] as [(String, String)])
    func gives(call: String, value: String) throws {
        #expect(try IntrinsicFunctionTests.value(call) == value)
    }

    /// The outermost call is named whole, the path from its last `$` on, and the state's input even for the context.
    @Test(arguments: [
        ("States.ArrayLength($.nope)", "$.nope"), ("States.Format('{}',$.nope)", "$.nope"),
        ("States.Format('{}', States.Format('{}', $.a.b))", "$.a.b"), ("States.Format('{}', $.items[5])", "$.items[5]"),
        ("States.Format('{}', $$.Nope.Deep)", "$.Nope.Deep"), ("States.Array($nobody)", "$nobody"),
    ])
    func namesAMissingArgument(call: String, path: String) throws {
        let scope = EvaluationScope(input: ["items": [1]], context: ["State": [:]])
        let error = #expect(throws: EvaluationError.self) { try IntrinsicCall(call).evaluate(in: scope) }
        #expect(error?.error == "States.ParameterPathFailure")
        #expect(
            error?.cause == "The function '\(call)' had the following error: The JsonPath argument for the field"
                + " '\(path)' could not be found in the input '{\"items\":[1]}'")
    }

    @Test func tellsOfAnIndexIntoNoArray() throws {
        let error = #expect(throws: EvaluationError.self) {
            try IntrinsicCall("States.Format('{}', $.other[0])").evaluate(in: EvaluationScope(input: ["other": 1]))
        }
        #expect(
            error?.cause
                == "The function 'States.Format('{}', $.other[0])' had the following error: Filter: [0] can only be"
                + " applied to arrays. Current context is: 1")
    }

    @Test(
        arguments: [
            ("States.Format($.n)", "type string"), ("States.Format($.brace)", "placeholders"),
            ("States.StringToJson('{')", "JSON"), ("States.StringToJson($.n)", "type string"),
            ("States.ArrayPartition($.list, 0)", "positive"), ("States.ArrayPartition($.list, -1)", "positive"),
            ("States.ArrayPartition($.text, 1)", "type array"), ("States.ArrayRange(1, 5, 0)", "increment"),
            ("States.ArrayRange(1, 1001, 1)", "1000"), ("States.ArrayRange(1e300, 2, 1)", "range"),
            ("States.ArrayGetItem($.list, 5)", "out of range"), ("States.ArrayGetItem($.list, -1)", "out of range"),
            ("States.ArrayLength($.object)", "type array"), ("States.Base64Decode('YQ=')", "multiple of 4"),
            ("States.Base64Decode('Y*==')", "wrong character"), ("States.Base64Decode('Y=Q=')", "wrong character"),
            ("States.Base64Decode('/w==')", "UTF-8"),
            ("States.Hash('a', 'SHA-3')", "SHA-512"), ("States.JsonMerge($.object, $.object, true)", "false"),
            ("States.JsonMerge($.object, $.list, false)", "type object"), ("States.MathRandom(2, 2)", "smaller"),
            ("States.MathAdd(2147483647, 1)", "outside"), ("States.MathAdd(2147483648, -1)", "outside"),
            ("States.StringSplit($.n, ',')", "type string"),
        ] as [(String, String)])
    func fails(call: String, word: String) throws {
        let call = try IntrinsicCall(call)
        let error = #expect(throws: EvaluationError.self) { try call.evaluate(in: IntrinsicFunctionTests.scope) }
        #expect(error?.error == "States.IntrinsicFailure")
        #expect(error?.cause.contains("had the following error: ") == true)
        #expect(error?.cause.contains(word) == true, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            ("States.Nothing()", "no intrinsic function"), ("States.Formatt('x')", "'States.Format'"),
            ("Format('x')", "no intrinsic"),
            ("States.Format", "'('"), ("States.Format(", "no argument"), ("States.Format('x'", "')'"),
            ("States.Format('x') y", "text after"), ("States.Format('x)", "not closed"),
            ("States.Format(x)", "no argument"),
            (#"States.Format('\n')"#, "backslash"), ("States.Format()", "at least 1"),
            ("States.Format('{}')", "placeholders"),
            ("States.Format(12)", "type string"), ("States.MathAdd(1, '2')", "type number"),
            ("States.MathAdd(1)", "takes 2"),
            ("States.UUID(1)", "takes 0"), ("States.MathRandom(1)", "2 or 3"), ("States.ArrayLength(1)", "type array"),
            ("States.JsonMerge($.a, $.b)", "takes 3"), ("States.Format($.a[)", "index"),
            ("States.Array(1,)", "no argument"),
            (
                "States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array("
                    + "States.Array(States.Array(States.Array())))))))))))", "10 intrinsic functions"
            ),
        ] as [(String, String)])
    func refuses(call: String, word: String) {
        let error = #expect(throws: JSONPathError.self) { try IntrinsicCall(call) }
        #expect(error?.reason.contains(word) == true, "\(String(describing: error))")
    }

    @Test(arguments: ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"]) func hashesByEveryAlgorithm(name: String) throws
    {
        #expect(try IntrinsicFunctionTests.value("States.Hash('abc', '\(name)')") == "\"\(name):3\"")
        let call = try IntrinsicCall("States.Hash('abc', '\(name)')")
        let error = #expect(throws: EvaluationError.self) { try call.evaluate(in: EvaluationScope(input: .null)) }
        #expect(error?.error == "States.IntrinsicFailure")
    }

    @Test func boundsTexts() throws {
        let long = EvaluationScope(input: ["t": .string(String(repeating: "a", count: 10_001))])
        for name in ["Base64Encode($.t)", "Base64Decode($.t)", "Hash($.t, 'MD5')"] {
            let call = try IntrinsicCall("States." + name)
            let error = #expect(throws: EvaluationError.self) { try call.evaluate(in: long) }
            #expect(error?.cause.contains("10,000") == true)
        }
    }

    @Test func drawsFromTheSeedAlone() throws {
        let template = try PayloadTemplate(from: [
            "a.$": "States.UUID()", "b.$": "States.UUID()", "c.$": "States.MathRandom(0, 1000000)",
        ])
        let one = try template.evaluate(in: EvaluationScope(input: [:], seed: 1), field: "Parameters")
        #expect(try template.evaluate(in: EvaluationScope(input: [:], seed: 1), field: "Parameters") == one)
        #expect(try template.evaluate(in: EvaluationScope(input: [:], seed: 2), field: "Parameters") != one)
        #expect(one["a"] != one["b"])
        let uuid = try #require(one["a"]?.stringValue)
        let pattern = #/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#
        #expect(try pattern.wholeMatch(in: uuid) != nil)
    }

    @Test func givesTheSameRandomNumberForTheSameSeedArgument() throws {
        let call = try IntrinsicCall("States.MathRandom(0, 999999, 3)")
        let values = try (0..<5).map { try call.evaluate(in: EvaluationScope(input: [:], seed: $0)) }
        #expect(Set(values).count == 1)
        let spread = try (0..<200).map { seed in
            try IntrinsicCall("States.MathRandom(10, 14)").evaluate(in: EvaluationScope(input: [:], seed: seed))
        }
        #expect(Set(spread) == [10, 11, 12, 13])
    }
}
