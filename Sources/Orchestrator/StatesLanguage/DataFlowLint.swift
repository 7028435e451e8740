import JSON
import JSONata
import OrderedCollections

/// Follows what is known of the data from state to state, and warns of paths to what no state before can have produced.
///
/// It is meant never to be wrong about that: whatever it can't know may be there.
struct DataFlowLint {
    let contracts: [String: StepContractView]
    let uses: [String: [ExpressionUse]]
    /// Where each state stands.
    let headers: [String: DefinitionReader.Header]
    /// The states that could not be read.
    let broken: [String: BrokenState]
    private(set) var diagnostics: [Diagnostic] = []
    /// How many states may yet be gone through: machines within machines multiply.
    private var visitsLeft = 20_000

    init(
        contracts: [String: StepContractView], uses: [String: [ExpressionUse]],
        headers: [String: DefinitionReader.Header], broken: [String: BrokenState]
    ) {
        self.contracts = contracts
        self.uses = uses
        self.headers = headers
        self.broken = broken
    }

    /// The states of a machine are gone through this often; loops that still change by then are unknown.
    private static let maximumRounds = 8

    /// What a machine hands on.
    mutating func outputShape(of machine: StateMachine, input: DataShape) -> DataShape {
        var entries: [String: DataShape] = [machine.startAt: input]
        var pending: OrderedSet<String> = [machine.startAt]
        var visits: [String: Int] = [:]
        while !pending.isEmpty {
            let name = pending.removeFirst()
            guard let entry = entries[name], machine.states[name] != nil || broken[name] != nil else { continue }
            visits[name, default: 0] += 1
            visitsLeft -= 1
            // What was not followed to the end is not known.
            if visitsLeft < 0 {
                diagnostics = []
                return .unknown
            }
            let isTooMuch = visits[name, default: 0] > DataFlowLint.maximumRounds
            for (target, shape) in leavings(of: machine.states[name], named: name, entry: entry) {
                let known = entries[target]
                let joined = isTooMuch ? .unknown : known.map { $0.joined(shape) } ?? shape
                if joined == known { continue }
                entries[target] = joined
                pending.append(target)
            }
        }
        if visitsLeft < 0 { return .unknown }
        var output: DataShape?
        for state in machine.states.values {
            guard let entry = entries[state.name] else { continue }
            let shapes = Shapes(state, entry: entry, result: result(of: state, entry: entry, reports: true))
            check(state, shapes)
            if state.transition == .end || state.kind == .succeed {
                output = output.map { $0.joined(shapes.output) } ?? shapes.output
            }
        }
        return broken.isEmpty ? output ?? .unknown : .unknown
    }

    /// What each way out of a state hands on; of one that could not be read nothing is known.
    private mutating func leavings(
        of state: State?, named name: String, entry: DataShape
    ) -> [(String, DataShape)] {
        guard let state else { return broken[name]?.targets.map { ($0, .unknown) } ?? [] }
        let shapes = Shapes(state, entry: entry, result: result(of: state, entry: entry, reports: false))
        var leavings: [(String, DataShape)] = []
        if case .next(let next)? = state.transition { leavings.append((next, shapes.output)) }
        if case .choice(let choice) = state.kind {
            for rule in choice.rules { leavings.append((rule.next, rule.output.map(shapes.template) ?? shapes.output)) }
            if let next = choice.defaultNext { leavings.append((next, shapes.output)) }
        }
        for catcher in state.catches { leavings.append((catcher.next, shapes.caught(catcher))) }
        return leavings
    }

    /// What a state's work gives; nil where it has none and hands on what it works on.
    private mutating func result(of state: State, entry: DataShape, reports: Bool) -> DataShape? {
        switch state.kind {
        case .pass(let result): return result.map(DataShape.init)
        case .task(let task):
            guard task.resource.hasPrefix(StepContractView.resourcePrefix),
                let contract = contracts[String(task.resource.dropFirst(StepContractView.resourcePrefix.count))],
                !contract.output.isEmpty
            else { return .unknown }
            let members = contract.output.map { ($0.name, DataShape(kind: $0.kind)) }
            return .object(Dictionary(members, uniquingKeysWith: { $1 }), isClosed: true)
        case .parallel(let branches):
            let input = Shapes(state, entry: entry, result: nil).effective
            return .array(branches.map { shape(of: $0, input: input, reports: reports) })
        case .map(let map):
            if reports {
                let shapes = Shapes(state, entry: entry, result: nil)
                _ = outputShape(of: map.processor, input: shapes.item(of: map))
            }
            return map.writer == nil ? .array(nil) : .unknown
        case .choice, .wait, .succeed, .fail: return nil
        }
    }

    /// Inner machines are gone through again for each round of the outer one, and speak up in the last only.
    private mutating func shape(of machine: StateMachine, input: DataShape, reports: Bool) -> DataShape {
        let before = diagnostics
        let output = outputShape(of: machine, input: input)
        if !reports { diagnostics = before }
        return output
    }

    // MARK: - Warnings

    private mutating func check(_ state: State, _ shapes: Shapes) {
        if case .task(let task) = state.kind, !state.dataFlow.hasArguments {
            checkInput(of: task, state, shapes.effective)
        }
        for use in uses[state.name] ?? [] {
            switch use.content {
            case .path(let path):
                if let shape = shapes.document(of: use.field), !state.tests(path) {
                    check(path.shapeSteps, of: shape, path.text, use)
                }
            case .call(let call):
                guard let shape = shapes.document(of: use.field) else { continue }
                for path in call.paths { check(path.shapeSteps, of: shape, path.text, use) }
            case .assignment: break
            case .expression(let expression):
                guard let (steps, shape) = shapes.wholePath(expression, isCaught: use.field == "Catch") else {
                    continue
                }
                check(steps, of: shape, expression.text, use)
            }
        }
    }

    /// A step that gets what comes in, without arguments of its own, may miss something.
    private mutating func checkInput(of task: TaskState, _ state: State, _ input: DataShape) {
        guard visitsLeft >= 0, task.resource.hasPrefix(StepContractView.resourcePrefix),
            let header = headers[state.name],
            let contract = contracts[StepContractView.stepName(in: task.resource)],
            case .object(let members, isClosed: true) = input
        else { return }
        let missing = contract.input.filter { $0.isRequired && members[$0.name] == nil }.map { "'\($0.name)'" }
        if missing.isEmpty { return }
        diagnostics.append(
            Diagnostic(
                .warning, code: .possiblyUndefinedField,
                message: "The step '\(contract.name)' needs \(missing.joined(separator: ", ")), and no state before"
                    + " produces it",
                advice: members.isEmpty
                    ? "what comes in is empty" : "what comes in holds \(members.keys.sorted().joined(separator: ", "))",
                at: header.place, location: header.location))
    }

    private mutating func check(_ steps: [DataShape.Step]?, of shape: DataShape, _ text: String, _ use: ExpressionUse) {
        guard visitsLeft >= 0, let steps, !steps.contains(where: { if case .rest = $0 { true } else { false } }),
            case .nothing(let name, let known) = shape.finding(steps)
        else { return }
        let advice: String
        if let known {
            let nearest = nearestName(to: name, among: known)
            let list = known.isEmpty ? "it is empty" : "it holds \(known.joined(separator: ", "))"
            advice = nearest.map { "did you mean '\($0)'?" } ?? list
        } else {
            advice = "it can be neither a member nor an element of what stands before it"
        }
        diagnostics.append(
            Diagnostic(
                .warning, code: .possiblyUndefinedField,
                message: "'\(text)' finds nothing: no state before produces '\(name)'", advice: advice, at: use.place,
                location: use.location))
    }
}

extension DataFlow {
    /// Whether the state says itself what it works on.
    fileprivate var hasArguments: Bool {
        switch self {
        case .jsonPath(let flow): flow.parameters != nil
        case .jsonata(let flow): flow.arguments != nil
        }
    }
}

extension DataShape {
    /// The shape of a step's member.
    fileprivate init(kind: String) {
        switch kind {
        case "string", "number", "boolean": self = .scalar
        case "array": self = .array(nil)
        default: self = .unknown
        }
    }
}

extension IntrinsicCall {
    /// All paths among the arguments.
    var paths: [JSONPath] {
        arguments.flatMap { argument -> [JSONPath] in
            switch argument {
            case .path(let path): [path]
            case .call(let call): call.paths
            case .text, .value: []
            }
        }
    }
}

extension State {
    /// Whether a Choice state asks if the path has a value: then it may well have none.
    fileprivate func tests(_ path: JSONPath) -> Bool {
        guard case .choice(let choice) = kind else { return false }
        return choice.rules.contains { $0.condition.tests(path) }
    }
}

extension ChoiceCondition {
    fileprivate func tests(_ path: JSONPath) -> Bool {
        switch self {
        case .and(let parts), .or(let parts): parts.contains { $0.tests(path) }
        case .not(let part): part.tests(path)
        case .isPresent(let variable, _): path.text.hasPrefix(variable.text)
        case .isType, .comparison, .stringMatches, .expression, .constant: false
        }
    }
}
