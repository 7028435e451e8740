import JSON
import OrderedCollections

/// Walks a definition, notes problems and builds the machine as it goes. Its parts: this file reads machines,
/// `DefinitionReader+States` states, `+Fields` single fields, `+Choices` choice rules, `+Errors` Retry and Catch.
struct DefinitionReader {
    let type: StateMachineType
    let contracts: [String: StepContractView]?
    var diagnostics: [Diagnostic] = []
    /// All state names of the definition, those of branches and iterators too: a name may stand once in all.
    var stateNames: [String: SourcePlace] = [:]
    /// The query language of what is being read: the machine's, inside a state the state's.
    var language = QueryLanguage.jsonPath
    /// Whether the state that is being read asks for JSONPath within JSONata, which is reported as a whole.
    var isDowngraded = false

    /// The labels of distributed Maps, each of which may stand once.
    var labels: [String: SourcePlace] = [:]
    /// Every path, call and expression, by the state in whose fields it stands.
    var uses: [String: [ExpressionUse]] = [:]
    /// Where each state stands.
    var headers: [String: Header] = [:]

    struct Header {
        let place: SourcePlace
        let location: String
    }

    /// Those of the state that is being read.
    var currentUses: [ExpressionUse] = []
    /// The state that is being read, and whether its work gives a result.
    var stateLocation = ""
    var hasResult = false
    /// Whether what is read runs as the Express children of a distributed Map.
    var isInExpressProcessor = false
    /// The states that could not be read, by name.
    var broken: [String: BrokenState] = [:]
    /// Names of errors of steps in ErrorEquals.
    var errorUses: [ErrorUse] = []
    /// Those that Fail states raise themselves.
    var raisedErrors: Set<String> = []

    init(type: StateMachineType, contracts: [String: StepContractView]?) {
        self.type = type
        self.contracts = contracts
    }

    /// A part of a definition with its name for messages.
    struct Node {
        let tree: SourceTree
        let location: String

        func child(_ name: String) -> String { location == "/" ? "/\(name)" : "\(location)/\(name)" }
    }

    /// Notes an error of the ordinary kind.
    mutating func report(_ message: String, advice: String? = nil, at place: SourcePlace, _ location: String) {
        report(.error, .schemaValidationFailed, message, advice: advice, at: place, location)
    }

    mutating func report(
        _ severity: Diagnostic.Severity, _ code: Diagnostic.Code, _ message: String, advice: String? = nil,
        at place: SourcePlace, _ location: String
    ) {
        diagnostics.append(
            Diagnostic(severity, code: code, message: message, advice: advice, at: place, location: location))
    }

    /// Notes an error for which AWS names another location than the place at fault.
    mutating func report(
        _ code: Diagnostic.Code, _ message: String, advice: String?, at place: SourcePlace,
        _ location: String, wireLocation: String?
    ) {
        diagnostics.append(
            Diagnostic(
                .error, code: code, message: message, advice: advice, at: place, location: location,
                wireLocation: wireLocation))
    }

    // MARK: - Machines

    private static let topFields = FieldSet([
        "Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage",
    ])
    private static let innerFields = FieldSet(["Comment", "StartAt", "States"])

    /// The whole definition.
    mutating func machine(_ tree: SourceTree) -> StateMachine? {
        machine(Node(tree: tree, location: "/"), fields: DefinitionReader.topFields, inherited: .jsonPath)
    }

    /// A Parallel branch or a Map's processor, in the language of the machine around it: the language of the state
    /// that holds it is that state's own.
    mutating func innerMachine(
        _ tree: SourceTree, at location: String, isProcessor: Bool, inherited: QueryLanguage
    ) -> StateMachine? {
        let fields =
            isProcessor ? DefinitionReader.innerFields + FieldSet(["ProcessorConfig"]) : DefinitionReader.innerFields
        return machine(Node(tree: tree, location: location), fields: fields, inherited: inherited)
    }

    private mutating func machine(_ node: Node, fields: FieldSet, inherited: QueryLanguage) -> StateMachine? {
        let outer = language
        defer { language = outer }
        guard let object = object(node, fields: fields, required: ["States", "StartAt"]) else { return nil }
        let comment = object.text("Comment", &self)
        if let version = object.text("Version", &self), version != "1.0" {
            report(
                "Version '\(version)' is not supported", advice: "the language has one version, \"1.0\"",
                at: object.place("Version"), object.location("Version"))
        }
        let timeout = object.integer("TimeoutSeconds", in: 1...99_999_999, &self)
        let machineLanguage = queryLanguage(object, inherited: inherited)
        language = machineLanguage
        guard let startAt = object.text("StartAt", &self), let statesField = object["States"] else { return nil }
        let statesNode = Node(tree: statesField.value, location: object.location("States"))
        guard case .mapping(let members) = statesNode.tree.content else {
            expected("Object", statesNode)
            return nil
        }
        if members.isEmpty {
            report(
                "Value cannot be empty", advice: "a machine has at least one state", at: statesNode.tree.place,
                statesNode.location)
            return nil
        }
        var states: OrderedDictionary<String, State> = [:]
        var outlines: [Outline] = []
        for member in members {
            note(member, in: statesNode)
            let stateNode = Node(tree: member.value, location: statesNode.child(member.key))
            let outer = (currentUses, stateLocation, hasResult)
            currentUses = []
            stateLocation = stateNode.location
            let (state, outline) = self.state(member, stateNode, inherited: machineLanguage)
            uses[member.key] = currentUses
            headers[member.key] = Header(place: member.keyPlace, location: stateNode.location)
            (currentUses, stateLocation, hasResult) = outer
            outlines.append(outline)
            if let state {
                states[state.name] = state
            } else {
                broken[member.key] = BrokenState(
                    targets: outline.targets.map(\.name), assigned: BrokenState.assignedNames(in: member.value))
            }
        }
        let target = Outline.Target(
            name: startAt, place: object.place("StartAt"), location: object.location("StartAt"))
        let start = check(outlines, start: target, statesNode: statesNode)
        // A machine that starts nowhere is never handed out, and looked at as if it started where it most likely should.
        return StateMachine(
            comment: comment, startAt: start, states: states, timeoutSeconds: timeout, queryLanguage: machineLanguage)
    }

    /// The language of the expressions below.
    mutating func queryLanguage(_ object: ObjectFields, inherited: QueryLanguage) -> QueryLanguage {
        guard object.has("QueryLanguage") else { return inherited }
        let place = object.place("QueryLanguage")
        let words = QueryLanguage.allCases.map(\.rawValue)
        // As the service has it, whatever is not the one is the other.
        guard let language = oneOf("QueryLanguage", words, in: object).flatMap(QueryLanguage.init) else {
            return .jsonata
        }
        if inherited == .jsonata, language == .jsonPath {
            report(
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", at: place,
                object.node.location)
        }
        return language
    }

    private mutating func note(_ member: SourceTree.Member, in statesNode: Node) {
        let location = statesNode.child(member.key)
        if member.key.isEmpty || member.key.unicodeScalars.count > 80 {
            report(
                .error, .invalidStateName,
                "The state name '\(member.key.prefix(100))' has \(member.key.unicodeScalars.count) characters",
                advice: "names have 1 to 80 characters", at: member.keyPlace, location)
        }
        if let first = stateNames[member.key] {
            report(
                .error, .duplicateStateName, "Duplicate state name: \(member.key)",
                advice: "line \(first.line) has it already, and a name may stand once in the whole definition",
                at: member.keyPlace, location)
        } else {
            stateNames[member.key] = member.keyPlace
        }
    }

    // MARK: - Transitions

    /// What the check of transitions needs of a state, known even where the rest of it is wrong.
    struct Outline {
        let name: String
        let place: SourcePlace
        let location: String
        var targets: [Target] = []
        var isTerminal = false

        struct Target {
            let name: String
            let place: SourcePlace
            let location: String
        }
    }

    /// Says which targets there are not and which states nothing leads to; the state at which the machine starts, or, where
    /// StartAt names none, most likely should.
    private mutating func check(_ outlines: [Outline], start: Outline.Target, statesNode: Node) -> String {
        let byName = Dictionary(outlines.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
        for target in [start] + outlines.flatMap(\.targets) where byName[target.name] == nil {
            let nearest = nearestName(to: target.name, among: outlines.map(\.name))
            report(
                .error, .missingTransitionTarget,
                "Missing 'Next' target: \(target.name)",
                advice: nearest.map { "did you mean '\($0)'?" } ?? "the States beside it hold no state of that name",
                at: target.place, target.location)
        }
        if !outlines.contains(where: \.isTerminal) {
            report(
                .missingEndState, "Workflow has no terminal state",
                advice: "give one of its states \"End\": true, or go to a Succeed or Fail state",
                at: statesNode.tree.place, statesNode.location, wireLocation: nil)
        }
        guard let start = DefinitionReader.likelyStart(start.name, outlines) else { return start.name }
        var reached: Set<String> = []
        var pending = [start]
        while let name = pending.popLast() {
            guard reached.insert(name).inserted, let outline = byName[name] else { continue }
            pending.append(contentsOf: outline.targets.map(\.name))
        }
        for outline in outlines where !reached.contains(outline.name) {
            report(
                .error, .missingTransitionTarget, "State \"\(outline.name)\" is not reachable.",
                advice: "name it in a Next, Default or Catch, or remove it", at: outline.place, outline.location)
        }
        return start
    }

    /// The state that StartAt names; without one that whose name is near, or the first of the file if no state leads to it.
    private static func likelyStart(_ startAt: String, _ outlines: [Outline]) -> String? {
        if outlines.contains(where: { $0.name == startAt }) { return startAt }
        if let nearest = nearestName(to: startAt, among: outlines.map(\.name)) { return nearest }
        guard let first = outlines.first?.name else { return nil }
        return outlines.contains { $0.targets.contains { $0.name == first } } ? nil : first
    }
}
