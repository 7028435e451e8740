import JSON
import OrderedCollections

/// Writes random valid definitions, and breaks them.
struct DefinitionWriter {
    private var state: UInt64
    private var names = 0

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    private mutating func pick(_ count: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % count
    }

    private mutating func chance() -> Bool { pick(2) == 0 }

    private mutating func one<Value>(of values: [Value]) -> Value { values[pick(values.count)] }

    private mutating func path() -> JSON {
        .string(
            one(of: ["$", "$.a", "$.a.b[0]", "$$.Execution.Id", "$['x y']", "$.list[*].v", "$..d", "$.l[?(@.v > 1)]"]))
    }

    private mutating func template() -> JSON {
        [
            "constant": one(of: [
                "text", 5, 1.5, nil, true, ["$.not", [:]], ["a: b", "- c", "#d", "'e'", "\"f\"", "{g"],
            ]),
            "path.$": path(),
            "call.$": .string(
                one(of: [
                    "States.Format('{} of {}: \\'x\\'', $.a, 5)", "States.UUID()", "States.ArrayLength($.list[*])",
                    "States.MathAdd($.n, -1)", "States.JsonMerge($.a, $.b, false)",
                ])),
            "deep": ["more.$": path(), "é": "😀 \n\ttab"],
        ]
    }

    mutating func machine(depth: Int, isWhole: Bool) -> JSON {
        let names = (0...pick(4)).map { _ in
            self.names += 1
            return one(of: ["State", "A b", "é/😀", "true", "12", "- x: y", "#"]) + " \(self.names)"
        }
        var states: OrderedDictionary<String, JSON> = [:]
        for (index, name) in names.enumerated() {
            let next = index + 1 < names.count ? names[index + 1] : nil
            states[name] = state(next: next, all: names, depth: depth)
        }
        var machine: JSON = ["StartAt": .string(names[0]), "States": .object(states)]
        if chance() { machine["Comment"] = "a # comment: with 'signs'" }
        if isWhole, chance() { machine["TimeoutSeconds"] = 3600 }
        return machine
    }

    private mutating func state(next: String?, all: [String], depth: Int) -> JSON {
        guard let next else {
            return one(of: [
                ["Type": "Succeed"], ["Type": "Fail", "Error": "E", "CausePath": "$.cause"],
                ["Type": "Pass", "End": true],
            ])
        }
        if pick(4) == 0 { return expressionState(next: next, all: all, depth: depth) }
        var result: JSON = ["Next": .string(next)]
        switch pick(depth > 0 ? 6 : 4) {
        case 0:
            result["Type"] = "Pass"
            if chance() { result["Result"] = template() }
            if chance() { result["Parameters"] = template() }
        case 1:
            result["Type"] = "Task"
            result["Resource"] = "arn:aws:states:::showrunner:transcode"
            if chance() { result["TimeoutSeconds"] = 100 }
            if chance() { result["HeartbeatSecondsPath"] = "$.beat" }
            addErrors(&result, target: next)
        case 2:
            result["Type"] = "Wait"
            let form = one(
                of: [
                    ("Seconds", 5), ("SecondsPath", "$.s"), ("Timestamp", "2026-01-02T03:04:05Z"),
                    ("TimestampPath", "$.t"),
                ] as [(String, JSON)])
            result[form.0] = form.1
        case 3:
            result = ["Type": "Choice", "Default": .string(next), "Choices": .array([rule(next: one(of: all))])]
        case 4:
            result["Type"] = "Parallel"
            result["Branches"] = .array((0...pick(2)).map { _ in machine(depth: depth - 1, isWhole: false) })
            addErrors(&result, target: next)
        default:
            result["Type"] = "Map"
            result["ItemProcessor"] = machine(depth: depth - 1, isWhole: false)
            if chance() { result["ItemSelector"] = template() }
            if chance() { result["MaxConcurrency"] = 4 }
            addErrors(&result, target: next)
        }
        if result["Type"] == "Map", chance() { distribute(&result, isJSONata: false) }
        if chance() { result["Assign"] = .object(["v\(depth)": 1, "w\(depth).$": path()]) }
        if chance() { result["InputPath"] = one(of: [path(), .null]) }
        if chance() { result["OutputPath"] = path() }
        return result
    }

    private mutating func expression() -> JSON {
        .string(
            one(of: [
                "{% $states.input.a %}", "{% $sum($states.input.list.v) %}", "{%$v ? 'yes' : \"no\" %}", "plain",
                "{% $states.context.Execution.Id & '' %}", "{%\n$map([1..3], function($i) { $i * 2 })\n%}",
            ]))
    }

    /// A state in JSONata.
    private mutating func expressionState(next: String, all: [String], depth: Int) -> JSON {
        var result: JSON = ["Next": .string(next)]
        let errors: JSON = [
            [
                "ErrorEquals": ["States.ALL"], "Next": .string(next),
                "Output": ["e": "{% $states.errorOutput.Cause %}"],
                "Assign": .object(["failed\(depth)": true]),
            ]
        ]
        switch pick(depth > 0 ? 6 : 4) {
        case 0: result["Type"] = "Pass"
        case 1:
            result["Type"] = "Task"
            result["Resource"] = "arn:aws:states:::showrunner:transcode"
            result["Arguments"] = ["x": expression(), "y": [expression()]]
            if chance() { result["TimeoutSeconds"] = "{% $states.input.t %}" }
            if chance() { result["Catch"] = errors }
        case 2:
            result["Type"] = "Wait"
            result["Seconds"] = one(of: [5, "{% $v %}"])
        case 3:
            result = [
                "Type": "Choice", "Default": .string(next),
                "Choices": [
                    ["Condition": one(of: [true, "{% $states.input.a = 1 %}"]), "Next": .string(one(of: all))],
                    [
                        "Condition": "{% $exists($v) %}", "Next": .string(next), "Output": expression(),
                        "Assign": .object(["v\(depth)": 2]),
                    ],
                ],
            ]
        case 4:
            result["Type"] = "Parallel"
            result["Branches"] = .array((0...pick(2)).map { _ in machine(depth: depth - 1, isWhole: false) })
            if chance() { result["Catch"] = errors }
        default:
            result["Type"] = "Map"
            result["ItemProcessor"] = machine(depth: depth - 1, isWhole: false)
            if chance() { result["Items"] = one(of: ["{% $states.input.list %}", [1, "{% 2 %}"]]) }
            if chance() { result["ItemSelector"] = ["i": expression()] }
            if chance() { result["MaxConcurrency"] = "{% 2 %}" }
            if chance() { distribute(&result, isJSONata: true) }
        }
        result["QueryLanguage"] = "JSONata"
        if chance() { result["Output"] = one(of: [expression(), ["deep": [expression()], "b": 1.5]]) }
        if chance() { result["Assign"] = .object(["v\(depth)": expression()]) }
        return result
    }

    private mutating func distribute(_ map: inout JSON, isJSONata: Bool) {
        map["ItemProcessor"]?["ProcessorConfig"] = ["Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"]
        let place = isJSONata ? "Arguments" : "Parameters"
        if chance() {
            map["ItemReader"] = [
                "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": ["InputType": "JSONL", "MaxItems": 5],
            ]
            map["ItemReader"]?[place] = ["Bucket": "b", "Key": "k"]
        }
        if chance() { map["ItemBatcher"] = ["MaxItemsPerBatch": 5, "BatchInput": ["x": 1]] }
        if chance() {
            map["ResultWriter"] = ["WriterConfig": ["OutputType": "JSON", "Transformation": "COMPACT"]]
        }
    }

    private mutating func addErrors(_ state: inout JSON, target: String) {
        if chance() {
            state["Retry"] = [
                [
                    "ErrorEquals": ["A", "States.Timeout"], "IntervalSeconds": 2, "BackoffRate": 1.5,
                    "JitterStrategy": "FULL",
                ],
                ["ErrorEquals": ["States.ALL"], "MaxAttempts": 0],
            ]
        }
        if chance() {
            state["Catch"] = [["ErrorEquals": ["States.ALL"], "Next": .string(target), "ResultPath": "$.error"]]
        }
        if chance() { state["ResultSelector"] = template() }
        if chance() { state["ResultPath"] = one(of: ["$.result", "$", nil]) }
    }

    private mutating func rule(next: String?) -> JSON {
        var rule: JSON
        switch pick(4) {
        case 0: rule = ["And": .array([self.rule(next: nil), self.rule(next: nil)])]
        case 1: rule = ["Not": self.rule(next: nil)]
        default:
            let test = one(
                of: [
                    ("StringEquals", "12"), ("NumericLessThan", 1.5), ("BooleanEquals", true), ("IsPresent", false),
                    ("TimestampGreaterThan", "2026-01-02T03:04:05Z"), ("StringMatches", "a*\\*"),
                    ("NumericEqualsPath", "$.x"),
                ] as [(String, JSON)])
            rule = ["Variable": path()]
            rule[test.0] = test.1
        }
        if let next { rule["Next"] = .string(next) }
        return rule
    }

    // MARK: - Breaking

    /// The definition with one value somewhere in it replaced, removed or renamed.
    mutating func breaking(_ value: JSON) -> JSON {
        let junk: [JSON] = [
            nil, true, -1, 1.5, "", "$", "$.x[", "States.Format(", "States.ALL", [], [:], ["$"], ["Type": "Pass"],
            ["x.$": "y"], "{% $ %}", "{% ( %}", "{%", ["x": "{% a.b %}"], "JSONata",
        ]
        switch value {
        case .object(var members) where !members.isEmpty:
            let key = members.keys[pick(members.count)]
            switch pick(8) {
            case 0: members[key] = one(of: junk)
            case 1: members[key] = nil
            case 2: members[key + "x"] = members[key]
            default: members[key] = members[key].map { breaking($0) }
            }
            return .object(members)
        case .array(var elements) where !elements.isEmpty:
            let index = pick(elements.count)
            elements[index] = pick(6) == 0 ? one(of: junk) : breaking(elements[index])
            return .array(elements)
        case .null, .bool, .integer, .double, .string, .array, .object: return one(of: junk)
        }
    }

    // MARK: - YAML

    /// The value as block YAML, with scalars written in one of the styles that mean the same.
    mutating func yaml(_ value: JSON) -> String { block(value, indent: 0) + "\n" }

    /// What follows a colon or dash: a scalar or flow value behind a space, or lines of their own.
    private mutating func block(_ value: JSON, indent: Int) -> String {
        let start = (chance() ? " # a comment" : "") + "\n" + String(repeating: " ", count: indent)
        switch value {
        case .object(let members) where !members.isEmpty:
            return members.map { member in
                start + JSON.string(member.key).text + ":" + block(member.value, indent: indent + 2)
            }.joined()
        case .array(let elements) where !elements.isEmpty && chance():
            return elements.map { element in start + "-" + block(element, indent: indent + 2) }.joined()
        case .string(let text) where text.utf8.allSatisfy({ $0 >= 0x20 }) && chance():
            return " '" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        case .null, .bool, .integer, .double, .string, .array, .object: return " " + value.text
        }
    }
}
