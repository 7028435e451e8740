import JSON
import OrderedCollections

/// Numbers that a printed seed gives again; a fuzzer gives the first of them itself.
struct Dice {
    private var state: UInt64
    private var given: ArraySlice<UInt8>

    init(seed: UInt64, given: [UInt8] = []) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0xD1B5_4A32_D192_ED03
        self.given = given[...]
    }

    /// 0 to `count` - 1.
    mutating func roll(_ count: Int) -> Int {
        if let byte = given.popFirst() { return Int(byte) % count }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % count
    }

    mutating func one<Value>(of values: [Value]) -> Value { values[roll(values.count)] }

    /// True once in so many times.
    mutating func once(in count: Int) -> Bool { roll(count) == 0 }
}

/// Writes small random machines that do something: most of their paths find what they look for, some don't.
struct RandomMachine {
    private var dice: Dice
    private var names = 0
    /// In which query language the states are, mostly.
    private let isJSONata: Bool

    init(seed: UInt64, isJSONata: Bool = false) {
        self.init(dice: Dice(seed: seed), isJSONata: isJSONata)
    }

    init(dice: Dice, isJSONata: Bool) {
        self.dice = dice
        self.isJSONata = isJSONata
    }

    static let input: JSON = [
        "n": 2, "s": 1, "text": "a{}b", "t": "2027-01-15T08:00:03Z", "items": [1, ["n": 1], "x"], "deep": ["n": 7],
        "nothing": nil,
    ]

    static let errors = ["A", "B", "States.Timeout", "Showrunner.WorkerLost"]

    mutating func definition() -> JSON {
        var machine = machine(depth: 2)
        if dice.once(in: 5) { machine["TimeoutSeconds"] = .integer(1 + dice.roll(20)) }
        if isJSONata { machine["QueryLanguage"] = "JSONata" }
        return machine
    }

    /// A state, now and then with an Assign; variables are named by depth, as an inner one may not be named as an outer.
    private mutating func state(next: String?, all: [String], depth: Int) -> JSON {
        var state =
            isJSONata
            ? expressionState(next: next, all: all, depth: depth) : pathState(next: next, all: all, depth: depth)
        let type = state["Type"]?.stringValue
        if type != "Fail", type != "Succeed", dice.once(in: 4) {
            state["Assign"] =
                isJSONata
                ? ["v\(depth)": .string(expression()), "w\(depth)": [1, .string(expression())]]
                : ["v\(depth).$": path(), "w\(depth)": "text"]
        }
        return state
    }

    /// `{% ... %}`: most have a value, some don't, some fail.
    private mutating func expression() -> String {
        "{% "
            + dice.one(of: [
                "$states.input", "$states.input.n", "$states.input.items", "$states.context.Execution.Name", "1 + 1",
                "$v2", "$exists($v1) ? $v1 : 'none'", "$count($states.input.items)", "$random()",
                "$states.input.missing", "$uuid()", "'a' & 1", "$sum('a')", "{'n': 1, 's': 0, 'items': [1, 2]}",
            ]) + " %}"
    }

    private mutating func expressionState(next: String?, all: [String], depth: Int) -> JSON {
        var state: JSON = next.map { ["Next": .string($0)] } ?? ["End": true]
        switch dice.roll(depth > 0 ? 9 : 6) {
        case 0:
            state["Type"] = "Pass"
            if dice.once(in: 2) { state["Output"] = ["n": 1, "s": 1, "made": .string(expression())] }
        case 1, 2:
            state["Type"] = "Task"
            state["Resource"] = .string(
                "arn:aws:states:::showrunner:work" + dice.one(of: ["", "", ".sync", ".waitForTaskToken"]))
            if dice.once(in: 3) { state["TimeoutSeconds"] = dice.one(of: [5, "{% $states.input.n %}"]) }
            if dice.once(in: 3) { state["Arguments"] = ["made": .string(expression()), "deep": ["n": 1]] }
            if dice.once(in: 3) {
                state["Output"] = dice.one(of: [.string(expression()), ["n": 1, "result": "{% $states.result %}"]])
            }
            addErrors(&state, all: all)
        case 3:
            state["Type"] = "Wait"
            let (form, value) = dice.one(
                of: [
                    ("Seconds", 3), ("Seconds", "{% $states.input.s %}"), ("Timestamp", "2027-01-15T08:00:05Z"),
                    ("Timestamp", "{% $states.input.t %}"),
                ] as [(String, JSON)])
            state[form] = value
        case 4:
            guard let next else { return ["Type": "Succeed", "Output": .string(expression())] }
            state = [
                "Type": "Choice", "Default": .string(next),
                "Choices": [
                    [
                        "Condition": .string(dice.one(of: ["{% $states.input.n = 2 %}", "{% true %}", expression()])),
                        "Next": .string(dice.one(of: all)), "Output": .string(expression()),
                    ]
                ],
            ]
        case 5:
            guard next == nil else {
                state["Type"] = "Pass"
                break
            }
            return dice.once(in: 2) ? ["Type": "Fail"] : ["Type": "Fail", "Error": "A", "Cause": .string(expression())]
        case 6:
            state["Type"] = "Parallel"
            state["Branches"] = .array((0...dice.roll(3)).map { _ in machine(depth: depth - 1) })
            if dice.once(in: 3) { state["Arguments"] = ["n": 1, "made": .string(expression())] }
            addErrors(&state, all: all)
        default:
            state["Type"] = "Map"
            state["ItemProcessor"] = processor(depth: depth)
            state["Items"] = dice.one(of: ["{% $states.input.items %}", [1, "{% $states.input.n %}"], "{% 5 %}"])
            if dice.once(in: 2) {
                state["ItemSelector"] = [
                    "n": "{% $states.context.Map.Item.Index %}", "s": 1, "items": [1, 2], "made": .string(expression()),
                ]
            }
            if dice.once(in: 2) { state["MaxConcurrency"] = .integer(dice.roll(3)) }
            addErrors(&state, all: all)
        }
        return state
    }

    /// A Map's processor, now and then a distributed one.
    private mutating func processor(depth: Int) -> JSON {
        var machine = machine(depth: depth - 1)
        if dice.once(in: 2) { machine["ProcessorConfig"] = ["Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"] }
        return machine
    }

    /// What only a distributed Map has.
    private mutating func addMapRun(_ state: inout JSON) {
        guard state["ItemProcessor"]?["ProcessorConfig"] != nil else { return }
        if dice.once(in: 3) {
            state["ItemsPath"] = nil
            state["ItemReader"] = [
                "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": ["InputType": "JSON", "MaxItems": 3],
                "Parameters": ["Bucket": "b", "Key.$": "$.text"],
            ]
        }
        if dice.once(in: 3) {
            state["ItemBatcher"] = ["MaxItemsPerBatch": .integer(1 + dice.roll(3)), "BatchInput": ["n.$": path()]]
        }
        if dice.once(in: 2) {
            state["ResultWriter"] = dice.one(of: [
                ["Resource": "arn:aws:states:::s3:putObject", "Parameters": ["Bucket": "b", "Prefix": "p"]],
                ["WriterConfig": ["Transformation": "FLATTEN", "OutputType": "JSON"]],
            ])
        }
        if dice.once(in: 2) { state["ToleratedFailureCount"] = .integer(dice.roll(3)) }
    }

    private mutating func machine(depth: Int) -> JSON {
        let count = 1 + dice.roll(4)
        let names = (0..<count).map { _ in
            self.names += 1
            return "S\(self.names)"
        }
        var states: OrderedDictionary<String, JSON> = [:]
        for (index, name) in names.enumerated() {
            let next = index + 1 < count ? names[index + 1] : nil
            states[name] = state(next: next, all: names, depth: depth)
        }
        return ["StartAt": .string(names[0]), "States": .object(states)]
    }

    private mutating func path() -> JSON {
        .string(
            dice.one(of: [
                "$", "$.n", "$.s", "$.items", "$.items[1].n", "$.deep", "$.text", "$$.Execution.Name",
                "$$.Map.Item.Value", "$.missing", "$$.State.RetryCount", "$v2", "$w1",
            ]))
    }

    private mutating func template() -> JSON {
        [
            "n": .integer(dice.roll(4)), "s": 0, "items": [1, 2], "copy.$": path(),
            "call.$": .string(
                dice.one(of: [
                    "States.UUID()", "States.MathRandom(1, 100)", "States.Format('{}', $.n)", "States.Array($.n, 'x')",
                    "States.MathAdd(1, 1)",
                ])),
        ]
    }

    private mutating func pathState(next: String?, all: [String], depth: Int) -> JSON {
        var state: JSON = next.map { ["Next": .string($0)] } ?? ["End": true]
        switch dice.roll(depth > 0 ? 9 : 6) {
        case 0:
            state["Type"] = "Pass"
            if dice.once(in: 2) { state["Result"] = .integer(dice.roll(5)) }
            if dice.once(in: 2) { state["ResultPath"] = "$.n" }
            if dice.once(in: 3) { state["Parameters"] = template() }
        case 1, 2:
            state["Type"] = "Task"
            state["Resource"] = "arn:aws:states:::showrunner:work"
            if dice.once(in: 3) { state["TimeoutSeconds"] = .integer(1 + dice.roll(9)) }
            if dice.once(in: 4) { state["HeartbeatSecondsPath"] = "$.s" }
            if dice.once(in: 3) { state["Parameters"] = template() }
            addErrors(&state, all: all)
        case 3:
            state["Type"] = "Wait"
            let (form, value) = dice.one(
                of: [
                    ("Seconds", 3), ("SecondsPath", "$.s"), ("Timestamp", "2027-01-15T08:00:05Z"),
                    ("TimestampPath", "$.t"),
                ] as [(String, JSON)])
            state[form] = value
        case 4:
            guard let next else { return ["Type": "Succeed", "OutputPath": path()] }
            state = [
                "Type": "Choice", "Default": .string(next),
                "Choices": [
                    ["Variable": "$.n", "NumericEquals": .integer(dice.roll(3)), "Next": .string(dice.one(of: all))]
                ],
            ]
        case 5:
            guard next == nil else {
                state["Type"] = "Pass"
                break
            }
            return dice.once(in: 2) ? ["Type": "Fail"] : ["Type": "Fail", "Error": "A", "CausePath": "$.text"]
        case 6:
            state["Type"] = "Parallel"
            state["Branches"] = .array((0...dice.roll(3)).map { _ in machine(depth: depth - 1) })
            addErrors(&state, all: all)
        default:
            state["Type"] = "Map"
            state["ItemProcessor"] = processor(depth: depth)
            state["ItemsPath"] = .string(dice.one(of: ["$.items", "$.items", "$.items", "$.n"]))
            if dice.once(in: 2) {
                state["ItemSelector"] = [
                    "n.$": "$$.Map.Item.Index", "s": 1, "items": [1, 2], "text": "t", "item.$": "$$.Map.Item.Value",
                    "t": "2027-01-15T08:00:01Z", "deep.$": dice.one(of: ["$.deep", "$.n", "$.missing"]),
                ]
            }
            if dice.once(in: 2) { state["MaxConcurrency"] = .integer(dice.roll(3)) }
            if dice.once(in: 3) { state["ToleratedFailureCount"] = .integer(dice.roll(3)) }
            addMapRun(&state)
            addErrors(&state, all: all)
        }
        if dice.once(in: 12) { state["InputPath"] = dice.one(of: [path(), .null]) }
        if dice.once(in: 12) { state["OutputPath"] = path() }
        return state
    }

    private mutating func addErrors(_ state: inout JSON, all: [String]) {
        if dice.once(in: 2) {
            state["Retry"] = [
                [
                    "ErrorEquals": ["A", "States.Timeout"], "IntervalSeconds": .integer(1 + dice.roll(3)),
                    "MaxAttempts": .integer(dice.roll(3)), "JitterStrategy": .string(dice.one(of: ["FULL", "NONE"])),
                ],
                ["ErrorEquals": ["States.ALL"], "MaxAttempts": 1],
            ]
        }
        if isJSONata {
            if dice.once(in: 2) {
                state["Catch"] = [
                    [
                        "ErrorEquals": ["States.ALL"], "Next": .string(dice.one(of: all)),
                        "Output": dice.one(of: ["{% $states.errorOutput %}", .string(expression())]),
                    ]
                ]
            }
            return
        }
        if dice.once(in: 2) {
            state["Catch"] = [
                [
                    "ErrorEquals": ["States.ALL"], "Next": .string(dice.one(of: all)),
                    "ResultPath": dice.one(of: ["$.error", "$.deep.error", nil]),
                ]
            ]
        }
        if dice.once(in: 6) { state["ResultSelector"] = template() }
        state["ResultPath"] = dice.one(of: ["$.result", "$.result", "$.deep.result", "$", nil])
    }
}
