public import StatesLanguage

/// A state machine as a drawing has it: states, the ways between them, and machines within states.
public struct StateGraph: Sendable, Hashable {
    /// The machine's name, for the heading.
    public let name: String
    public let comment: String?
    public let region: Region

    /// The states of one machine, with a start and where states end it an end.
    public struct Region: Sendable, Hashable {
        public let startAt: String
        /// In the author's order.
        public let nodes: [Node]
        public let edges: [Edge]
    }

    public struct Node: Sendable, Hashable {
        public let name: String
        public let kind: Kind
        /// What the state does, in a few words: the step, how long it waits, how many branches it has.
        public let detail: String
        public let comment: String?
        /// What of the state's errors is tried again, a line a retrier.
        public let retries: [String]
        /// Whether a retrier tries again; one with MaxAttempts 0 says that it does not.
        public let isRetried: Bool
        /// A Parallel state's branches, a Map state's processor.
        public let regions: [Region]

        /// The states' types.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case task = "Task"
            case parallel = "Parallel"
            case map = "Map"
            case pass = "Pass"
            case wait = "Wait"
            case choice = "Choice"
            case succeed = "Succeed"
            case fail = "Fail"
        }
    }

    public struct Edge: Sendable, Hashable {
        public let from: String
        /// nil: the machine ends.
        public let to: String?
        public let kind: Kind
        /// Empty where nothing needs to be said.
        public let label: String

        public enum Kind: Sendable, Hashable {
            case next
            /// A choice rule; the label is its condition.
            case choice
            /// A Choice state's Default.
            case otherwise
            /// A catcher; the label names its errors.
            case caught
        }
    }

    /// The graph of a checked machine.
    ///
    /// - Parameter name: what stands above it, such as the file's name.
    public init(_ machine: StateMachine, name: String) {
        self.name = name
        comment = machine.comment
        region = Region(machine)
    }

    /// All states, those of machines within states too.
    public var stateCount: Int { region.stateCount }
}

extension StateGraph.Region {
    init(_ machine: StateMachine) {
        startAt = machine.startAt
        nodes = machine.states.values.map(StateGraph.Node.init)
        edges = machine.states.values.flatMap(StateGraph.Edge.edges)
    }

    var stateCount: Int { nodes.reduce(0) { $0 + 1 + $1.regions.reduce(0) { $0 + $1.stateCount } } }
}

extension StateGraph.Node {
    init(_ state: State) {
        guard let kind = Kind(rawValue: state.type) else { preconditionFailure("'\(state.type)' is no state type") }
        name = state.name
        self.kind = kind
        detail = state.kind.summary
        comment = state.comment
        retries = state.retry.map { retrier in
            retrier.maxAttempts == 0
                ? "\(retrier.errorEquals.joined(separator: ", ")): not again"
                : "\(retrier.errorEquals.joined(separator: ", ")): up to \(retrier.maxAttempts) times"
        }
        isRetried = state.retry.contains { $0.maxAttempts > 0 }
        switch state.kind {
        case .parallel(let branches): regions = branches.map(StateGraph.Region.init)
        case .map(let map): regions = [StateGraph.Region(map.processor)]
        case .pass, .task, .choice, .wait, .succeed, .fail: regions = []
        }
    }
}

extension StateGraph.Edge {
    static func edges(of state: State) -> [StateGraph.Edge] {
        var edges: [StateGraph.Edge] = []
        if case .choice(let choice) = state.kind {
            for rule in choice.rules {
                edges.append(
                    StateGraph.Edge(from: state.name, to: rule.next, kind: .choice, label: rule.condition.summary))
            }
            if let next = choice.defaultNext {
                edges.append(StateGraph.Edge(from: state.name, to: next, kind: .otherwise, label: "otherwise"))
            }
        }
        switch state.transition {
        case .next(let next): edges.append(StateGraph.Edge(from: state.name, to: next, kind: .next, label: ""))
        case .end: edges.append(StateGraph.Edge(from: state.name, to: nil, kind: .next, label: ""))
        case nil: break
        }
        for catcher in state.catches {
            edges.append(
                StateGraph.Edge(
                    from: state.name, to: catcher.next, kind: .caught,
                    label: catcher.errorEquals.joined(separator: ", ")))
        }
        return edges
    }
}
