import JSON
public import StatesLanguage

/// A machine and what is looked up in it at every step, found once: executions refer to it instead of copying states, and all
/// executions of one definition to the same.
public final class MachinePlan: Sendable, Hashable {
    public let machine: StateMachine
    private let states: [String: StatePlan]

    public init(_ machine: StateMachine) {
        self.machine = machine
        states = Dictionary(
            uniqueKeysWithValues: machine.states.map { (key: $0.key, value: StatePlan($0.value)) })
    }

    func state(_ name: String) -> StatePlan {
        guard let state = states[name] else { preconditionFailure("the machine has no state '\(name)'") }
        return state
    }

    /// The processor of the Map state at a path of names and branch numbers: see ``MapRunMembership/processor``.
    func processor(at path: [String]) -> MachinePlan? {
        guard let name = path.first, let state = states[name] else { return nil }
        switch state.state.kind {
        case .map:
            return path.count == 1 ? state.children[0] : state.children[0].processor(at: Array(path.dropFirst()))
        case .parallel:
            guard path.count > 2, let branch = Int(path[1]), state.children.indices.contains(branch) else { return nil }
            return state.children[branch].processor(at: Array(path.dropFirst(2)))
        case .pass, .task, .choice, .wait, .succeed, .fail: return nil
        }
    }

    public static func == (left: MachinePlan, right: MachinePlan) -> Bool {
        left === right || left.machine == right.machine
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(machine.startAt) }
}

/// A state with the machines inside it.
final class StatePlan: Sendable {
    let state: State
    /// A Parallel state's branches, or a Map state's processor.
    let children: [MachinePlan]
    /// Whether what the state works on is its raw input.
    let passesInput: Bool
    /// Whether a state's output is the result of its work, or its input where it has no result.
    let passesResult: Bool

    init(_ state: State) {
        self.state = state
        switch state.kind {
        case .parallel(let branches): children = branches.map { MachinePlan($0) }
        case .map(let map): children = [MachinePlan(map.processor)]
        case .pass, .task, .choice, .wait, .succeed, .fail: children = []
        }
        switch state.dataFlow {
        case .jsonPath(let flow):
            passesInput = flow.inputPath.isIdentity && flow.parameters == nil
            passesResult =
                flow.resultSelector == nil && flow.resultPath == .replace && flow.outputPath.isIdentity
        case .jsonata(let flow):
            passesInput = flow.arguments == nil
            passesResult = flow.output == nil
        }
    }

    var isJSONata: Bool { state.queryLanguage == .jsonata }

    var isBranching: Bool { !children.isEmpty || isEmptyParallel }

    private var isEmptyParallel: Bool {
        if case .parallel = state.kind { true } else { false }
    }
}

extension PathFlow.Selection {
    /// Whether it selects the whole document.
    var isIdentity: Bool {
        switch self {
        case .path(let path): path.isIdentity
        case .discard: false
        }
    }
}
