import JSON
import OrderedCollections

/// Writes small random machines whose end depends on their input alone: whatever is lost, repeated or reordered on the way,
/// they give the same output or fail with the same error. So every error a machine raises has one name and one cause, an
/// attempt lost with its worker is always retried, an expression that fails is always caught, and what flows from state to
/// state is one number.
struct MachineWriter {
    private var dice: Dice
    private var names = 0
    /// Machines that tasks may start, by name.
    private let leaves: [String]

    init(dice: Dice, leaves: [String]) {
        self.dice = dice
        self.leaves = leaves
    }

    /// A number that tells results in another order apart.
    private static let inOrder = "$reduce([0, $states.result.v], function($all, $one) { ($all * 3 + $one) % 1000 })"

    static let error = "A"
    static let cause = "because"

    mutating func definition(depth: Int = 2) -> JSON {
        var machine = machine(depth: depth)
        machine["QueryLanguage"] = "JSONata"
        return machine
    }

    private mutating func machine(depth: Int) -> JSON {
        let count = Int.random(in: 1...3, using: &dice)
        let names = (0..<count).map { _ in
            self.names += 1
            return "S\(self.names)"
        }
        var states: OrderedDictionary<String, JSON> = [:]
        for (index, name) in names.enumerated() {
            states[name] = state(name, following: Array(names[(index + 1)...]), depth: depth)
        }
        return ["StartAt": .string(names[0]), "States": .object(states)]
    }

    private mutating func state(_ name: String, following: [String], depth: Int) -> JSON {
        var state: JSON = following.first.map { ["Next": .string($0)] } ?? ["End": true]
        switch Int.random(in: 0..<(depth > 0 ? 14 : 8), using: &dice) {
        case 0: return pass(state, "{% $states.input.v + 1 %}")
        case 1:
            state["Type"] = "Wait"
            let milliseconds = Int.random(in: -2_000...8_000, using: &dice)
            if dice.once(in: 2) {
                state["Seconds"] = .integer(Int.random(in: 1...8, using: &dice))
            } else {
                // Now and then one that has passed.
                state["Timestamp"] = .string(
                    "{% $fromMillis($toMillis($states.context.State.EnteredTime) + \(milliseconds)) %}")
            }
        case 2:
            guard following.count > 1 else { return pass(state, "{% $states.input.v * 2 %}") }
            return [
                "Type": "Choice", "Default": .string(following[0]),
                "Choices": [["Condition": "{% $states.input.v % 2 = 0 %}", "Next": .string(following[1])]],
            ]
        case 3:
            guard following.isEmpty, dice.once(in: 2) else { return task(state, name, following) }
            return ["Type": "Fail", "Error": .string(Self.error), "Cause": .string(Self.cause)]
        case 4...6: return task(state, name, following)
        case 7: return publication(state, name)
        case 8, 9:
            let branches = (0...Int.random(in: 1...2, using: &dice)).map { _ in machine(depth: depth - 1) }
            state["Type"] = "Parallel"
            state["Branches"] = .array(branches)
            state["Output"] = ["v": .string("{% \(Self.inOrder) %}")]
            addCatch(&state, following)
            addFailure(&state, Self.inOrder, following)
        case 10: return map(state, following, machine(depth: depth - 1))
        case 11, 12:
            var processor = machine(depth: depth - 1)
            processor["ProcessorConfig"] = [
                "Mode": "DISTRIBUTED", "ExecutionType": dice.once(in: 3) ? "EXPRESS" : "STANDARD",
            ]
            state = map(state, following, processor)
            if dice.once(in: 3) { state["ToleratedFailureCount"] = .integer(Int.random(in: 1...3, using: &dice)) }
        default:
            guard !leaves.isEmpty else { return task(state, name, following) }
            return nested(state, following)
        }
        return state
    }

    private mutating func pass(_ state: JSON, _ value: String) -> JSON {
        var state = state
        state["Type"] = "Pass"
        state["Output"] = ["v": .string(value)]
        // Each has a name of its own: an inner variable may not be named as an outer one.
        if dice.once(in: 2) {
            names += 1
            state["Assign"] = .members(("x\(names)", "{% $states.input.v %}"))
        }
        return state
    }

    /// What no definition that minds its workers does without.
    private static let lostWorker: JSON = [
        "ErrorEquals": [
            "States.HeartbeatTimeout", "States.Timeout", "Showrunner.WorkerLost", "Showrunner.PublishRefused",
        ],
        "MaxAttempts": 99_999_999, "IntervalSeconds": 1, "BackoffRate": 1,
    ]

    private mutating func task(_ state: JSON, _ name: String, _ following: [String]) -> JSON {
        var state = state
        state["Type"] = "Task"
        let isCalledBack = dice.once(in: 4)
        state["Resource"] = .string(
            "arn:aws:states:::showrunner:work" + (isCalledBack ? ".waitForTaskToken" : ""))
        let retries = dice.once(in: 2)
        state["Arguments"] = .members(
            ("state", .string(name)), ("v", "{% $states.input.v %}"), ("isRetried", .bool(retries)),
            ("token", isCalledBack ? "{% $states.context.Task.Token %}" : .none))
        state["Output"] = ["v": "{% $states.result.v %}"]
        var retriers = [Self.lostWorker]
        if retries {
            retriers.append([
                "ErrorEquals": [.string(Self.error)], "MaxAttempts": .integer(Int.random(in: 1...2, using: &dice)),
                "IntervalSeconds": 1, "JitterStrategy": dice.once(in: 2) ? "FULL" : "NONE",
            ])
        }
        state["Retry"] = .array(retriers)
        if dice.once(in: 3) { state["HeartbeatSeconds"] = 4 }
        // Who holds the token may be gone, and nothing else tells.
        if isCalledBack || dice.once(in: 4) {
            state["TimeoutSeconds"] = .integer(Int.random(in: 5...15, using: &dice))
        }
        addCatch(&state, following)
        addFailure(&state, "$states.result.v", following)
        // A token that is made, and then its task can't be asked for.
        if isCalledBack, let next = following.randomElement(using: &dice), dice.once(in: 2) {
            state["Arguments"]?["v"] = "{% $states.input.v % 3 = 0 ? $number('x') : $states.input.v %}"
            retriers.append(["ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1, "IntervalSeconds": 2])
            state["Retry"] = .array(retriers)
            state["Output"] = ["v": "{% $states.result.v %}"]
            state["Catch"] = [Self.caught(next, adding: 55)]
        }
        return state
    }

    private func publication(_ state: JSON, _ name: String) -> JSON {
        var state = state
        state["Type"] = "Task"
        state["Resource"] = "arn:aws:states:::showrunner:announce"
        state["Arguments"] = ["title": .string(name), "v": "{% $states.input.v %}"]
        state["Output"] = ["v": "{% $states.result.v %}"]
        state["Retry"] = [Self.lostWorker]
        return state
    }

    private mutating func map(_ state: JSON, _ following: [String], _ processor: JSON) -> JSON {
        var state = state
        state["Type"] = "Map"
        state["ItemProcessor"] = processor
        let count = Int.random(in: 0...4, using: &dice)
        state["Items"] = .array((0..<count).map { ["v": .string("{% $states.input.v + \($0) %}")] })
        state["MaxConcurrency"] = .integer(Int.random(in: 0...2, using: &dice))
        let value = "($count($states.result) + \(Self.inOrder)) % 1000"
        state["Output"] = ["v": .string("{% \(value) %}")]
        addCatch(&state, following)
        addFailure(&state, value, following)
        return state
    }

    private mutating func nested(_ state: JSON, _ following: [String]) -> JSON {
        var state = state
        state["Type"] = "Task"
        let leaf = leaves.randomElement(using: &dice) ?? ""
        state["Arguments"] = [
            "StateMachineArn": .string("arn:aws:states:us-east-1:000000000000:stateMachine:\(leaf)"),
            "Input": ["v": "{% $states.input.v %}"],
        ]
        if dice.once(in: 4) {
            state["Resource"] = "arn:aws:states:::states:startExecution"
            state["Output"] = ["v": "{% $states.input.v %}"]
        } else {
            state["Resource"] = "arn:aws:states:::states:startExecution.sync:2"
            state["Output"] = ["v": "{% $states.result.Output.v %}"]
            addCatch(&state, following)
        }
        return state
    }

    /// Now and then an Output that fails for some results, after which the state is done again or caught.
    private mutating func addFailure(_ state: inout JSON, _ value: String, _ following: [String]) {
        guard let next = following.randomElement(using: &dice), dice.once(in: 3) else { return }
        state["Output"] = ["v": .string("{% \(value) % 3 = 0 ? $number('x') : \(value) %}")]
        if dice.once(in: 2) {
            state["Retry"] = .array(
                (state["Retry"]?.arrayValue ?? []) + [
                    ["ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1, "IntervalSeconds": 1]
                ])
        }
        state["Catch"] = .array(
            [
                [
                    "ErrorEquals": ["States.QueryEvaluationError"], "Next": .string(next),
                    "Output": ["v": "{% $states.input.v + 33 %}"],
                ]
            ] + (state["Catch"]?.arrayValue ?? []))
    }

    private mutating func addCatch(_ state: inout JSON, _ following: [String]) {
        guard let next = following.randomElement(using: &dice), dice.once(in: 2) else { return }
        state["Catch"] = [Self.caught(next, adding: 77)]
    }

    private static func caught(_ next: String, adding number: Int) -> JSON {
        [
            "ErrorEquals": ["States.ALL"], "Next": .string(next),
            "Output": ["v": .string("{% $states.input.v + \(number) %}")],
        ]
    }
}

extension MachineWriter {
    /// A machine in the other query language, with what only that has: paths, and a selector of the result.
    static let paths: JSON = [
        "StartAt": "Begin",
        "States": [
            "Begin": [
                "Type": "Pass", "Parameters": ["v.$": "$.v", "pause": 2, "items": [1, 2, 3, 4]], "Next": "First",
            ],
            "First": [
                "Type": "Task", "Resource": "arn:aws:states:::showrunner:work",
                "Parameters": ["state": "First", "v.$": "$.v", "isRetried": true],
                "ResultSelector": ["v.$": "$.v"], "ResultPath": "$.first",
                "Retry": [
                    lostWorker, ["ErrorEquals": [.string(error)], "MaxAttempts": 2, "IntervalSeconds": 1],
                ],
                "Catch": [["ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Last"]], "Next": "Pause",
            ],
            "Pause": ["Type": "Wait", "SecondsPath": "$.pause", "Next": "All"],
            "All": [
                "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ResultPath": "$.all",
                "ItemProcessor": [
                    "StartAt": "Each",
                    "States": [
                        "Each": [
                            "Type": "Task", "Resource": "arn:aws:states:::showrunner:work",
                            "Parameters": ["state": "Each", "v.$": "$", "isRetried": false],
                            "ResultSelector": ["v.$": "$.v"], "Retry": [lostWorker], "End": true,
                        ]
                    ],
                ],
                "Catch": [["ErrorEquals": [.string(error)], "ResultPath": "$.why", "Next": "Last"]], "Next": "Last",
            ],
            "Last": ["Type": "Pass", "Parameters": ["v.$": "States.MathAdd($.v, 1)"], "End": true],
        ],
    ]
}

extension MachineWriter {
    /// Child executions that take their time, so that their parent may be stopped and redriven meanwhile.
    static let children: JSON = [
        "QueryLanguage": "JSONata", "StartAt": "All",
        "States": [
            "All": [
                "Type": "Map", "Items": "{% [0..3].{'v': $states.input.v + $} %}", "MaxConcurrency": 3,
                "ItemProcessor": [
                    "ProcessorConfig": ["Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"], "StartAt": "Each",
                    "States": [
                        "Each": [
                            "Type": "Task", "Resource": "arn:aws:states:::showrunner:work", "HeartbeatSeconds": 4,
                            "Arguments": ["state": "Each", "v": "{% $states.input.v %}", "isRetried": true],
                            "Output": ["v": "{% $states.result.v %}"],
                            "Retry": [
                                lostWorker,
                                ["ErrorEquals": [.string(error)], "MaxAttempts": 2, "IntervalSeconds": 1],
                            ],
                            "Next": "Rest",
                        ],
                        "Rest": ["Type": "Wait", "Seconds": 2, "End": true],
                    ],
                ],
                "Output": ["v": .string("{% \(inOrder) %}")], "End": true,
            ]
        ],
    ]
}

/// What the step `work` does with an attempt: a function of what it is asked, so that whoever computes it says the same.
enum Work {
    enum Outcome {
        case succeeds(JSON)
        case fails

        var isSuccess: Bool { if case .succeeds = self { true } else { false } }
    }

    static func outcome(of arguments: JSON, attempt: Int) -> Outcome {
        let state = arguments["state"]?.stringValue ?? ""
        let value = arguments["v"]?.integerValue ?? 0
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(state) \(value)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        switch hash >> 40 & 7 {
        case 0: return .fails
        // Goes well the second time, where there is one.
        case 1 where arguments["isRetried"] == true && attempt == 1: return .fails
        default: return .succeeds(["v": .integer(Int(hash >> 20 % 1000))])
        }
    }
}
