import JSON
import StatesLanguage
import Testing

/// Every operator of the Choice state, read from a definition and applied.
@Suite struct ChoiceConditionTests {
    static let times = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.001Z"]

    /// Whether the rule holds for `{"v": value, "w": other}`.
    static func holds(_ rule: String, _ value: JSON, _ other: JSON = nil) throws -> Bool {
        let definition = """
            {"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{\(rule),"Next":"Yes"}],"Default":"No"},
            "Yes":{"Type":"Succeed"},"No":{"Type":"Succeed"}}}
            """
        let reading = Definition.read(json: definition)
        let machine = try #require(reading.machine, "\(reading.diagnostics.map { $0.text(file: "rule") })")
        guard case .choice(let choice) = try #require(machine.states["C"]).kind else {
            Issue.record("C is a Choice state")
            return false
        }
        return try choice.decision(in: EvaluationScope(input: ["v": value, "w": other])).next == "Yes"
    }

    /// Each relation over a smaller, an equal and a greater value.
    @Test(
        arguments: [
            ("Equals", [false, true, false]), ("LessThan", [true, false, false]),
            ("GreaterThan", [false, false, true]),
            ("LessThanEquals", [true, true, false]), ("GreaterThanEquals", [false, true, true]),
        ] as [(String, [Bool])])
    func compares(relation: String, expected: [Bool]) throws {
        let domains: [(name: String, values: [JSON])] = [
            ("String", ["abb", "abc", "abd"]), ("Numeric", [1.5, 2, 3]),
            ("Timestamp", ["2026-01-02T03:04:04Z", "2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05.001Z"]),
        ]
        for (name, values) in domains {
            let operand: JSON = name == "Timestamp" ? "2026-01-02T03:04:05Z" : values[1]
            let wrong: [JSON] = [nil, true, name == "Numeric" ? "2" : 2, [2], [:]]
            for (value, isTrue) in zip(values + wrong, expected + wrong.map { _ in false }) {
                let literal = #""Variable":"$.v","\#(name)\#(relation)":\#(operand.text)"#
                #expect(try ChoiceConditionTests.holds(literal, value) == isTrue, "\(name)\(relation) of \(value)")
                let path = #""Variable":"$.v","\#(name)\#(relation)Path":"$.w""#
                #expect(
                    try ChoiceConditionTests.holds(path, value, operand) == isTrue, "\(name)\(relation)Path of \(value)"
                )
            }
        }
    }

    @Test(
        arguments: [
            (#""BooleanEquals":true"#, true, true), (#""BooleanEquals":true"#, false, false),
            (#""BooleanEquals":true"#, "true", false),
            (#""BooleanEquals":false"#, false, true), (#""BooleanEqualsPath":"$.w""#, true, false),
            (#""NumericEquals":1"#, 1.0, true), (#""NumericEquals":1.0"#, 1, true),
            (#""NumericLessThan":9007199254740993"#, .integer(9_007_199_254_740_992 as Int64), true),
            (#""IsNull":true"#, nil, true), (#""IsNull":false"#, nil, false), (#""IsNull":true"#, 0, false),
            (#""IsString":true"#, "", true), (#""IsString":true"#, 1, false), (#""IsNumeric":true"#, 1.5, true),
            (#""IsNumeric":true"#, "1", false), (#""IsBoolean":true"#, false, true), (#""IsBoolean":false"#, 0, true),
            (#""IsTimestamp":true"#, "2026-01-02T03:04:05Z", true), (#""IsTimestamp":true"#, "2026-01-02", false),
            (#""IsTimestamp":true"#, 5, false), (#""IsPresent":true"#, nil, true), (#""IsPresent":false"#, nil, false),
        ] as [(String, JSON, Bool)])
    func tests(operation: String, value: JSON, isTrue: Bool) throws {
        #expect(try ChoiceConditionTests.holds(#""Variable":"$.v","# + operation, value) == isTrue)
    }

    @Test(
        arguments: [
            ("log-*.txt", "log-1.txt", true), ("log-*.txt", "log-.txt", true), ("log-*.txt", "log.txt", false),
            ("*", "", true),
            ("", "", true), ("", "a", false), ("a*b*c", "aXbYc", true), ("a*b*c", "acb", false), ("*a*", "bab", true),
            (#"a\\*b"#, "a*b", true), (#"a\\*b"#, "axb", false), (#"a\\\\b"#, #"a\b"#, true), (#"a\\x"#, #"a\x"#, true),
            ("*.é", "x.é", true), ("ab*", "a", false), ("a**b", "ab", true),
        ] as [(String, String, Bool)])
    func matches(pattern: String, text: String, isTrue: Bool) throws {
        #expect(
            try ChoiceConditionTests.holds(#""Variable":"$.v","StringMatches":"\#(pattern)""#, .string(text)) == isTrue)
    }

    @Test func matchesLongTextsInBoundedTime() throws {
        let pattern = String(repeating: "*a", count: 200) + "b"
        let text = JSON.string(String(repeating: "a", count: 5000))
        #expect(try !ChoiceConditionTests.holds(#""Variable":"$.v","StringMatches":"\#(pattern)""#, text))
    }

    static let isOne = #"{"Variable":"$.v","NumericEquals":1}"#
    static let isText = #"{"Variable":"$.w","IsString":true}"#

    @Test(
        arguments: [
            (#""And":[\#(isOne),\#(isText)]"#, 1, "x", true), (#""And":[\#(isOne),\#(isText)]"#, 1, 2, false),
            (#""Or":[\#(isOne),\#(isText)]"#, 2, "x", true), (#""Or":[\#(isOne),\#(isText)]"#, 2, 3, false),
            (#""Not":\#(isOne)"#, 2, nil, true), (#""Not":\#(isOne)"#, 1, nil, false),
            (#""Not":{"And":[{"Or":[\#(isOne)]},{"Not":\#(isText)}]}"#, 1, "x", true),
        ] as [(String, JSON, JSON, Bool)])
    func combines(rule: String, value: JSON, other: JSON, isTrue: Bool) throws {
        #expect(try ChoiceConditionTests.holds(rule, value, other) == isTrue)
    }

    @Test(arguments: [
        #""IsNull":true"#, #""StringEquals":"x""#, #""StringMatches":"*""#, #""NumericEqualsPath":"$.v""#,
    ])
    func failsWithoutValue(operation: String) {
        let error = #expect(throws: EvaluationError.self) {
            try ChoiceConditionTests.holds(#""Variable":"$.missing","# + operation, 1)
        }
        #expect(error?.error == "States.Runtime")
        #expect(
            error?.cause == "Invalid path '$.missing': The choice state's condition path references an invalid value.")
    }

    @Test func knowsWhatIsPresent() throws {
        #expect(try ChoiceConditionTests.holds(#""Variable":"$.missing.deep","IsPresent":false"#, 1))
        #expect(try ChoiceConditionTests.holds(#""Variable":"$.v[?(@ > 1)]","IsPresent":true"#, [1, 2]))
        #expect(try ChoiceConditionTests.holds(#""Variable":"$.v[?(@ > 5)]","IsPresent":false"#, [1, 2]))
        let guarded = #""And":[{"Variable":"$.missing","IsPresent":true},{"Variable":"$.missing","IsNull":false}]"#
        #expect(try !ChoiceConditionTests.holds(guarded, 1))
    }

    @Test func failsWithoutDefault() throws {
        let choice = ChoiceState(
            rules: [ChoiceState.Rule(condition: .isPresent(try JSONPath("$.x"), true), next: "X")], defaultNext: nil)
        let error = #expect(throws: EvaluationError.self) { try choice.decision(in: EvaluationScope(input: [:])) }
        #expect(error?.error == "States.NoChoiceMatched")
    }
}
