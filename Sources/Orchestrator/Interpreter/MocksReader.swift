public import JSON
import OrderedCollections
public import StatesLanguage

extension Mocks {
    /// Reads a file of mocks for a machine. All problems are told at once, in the order of the file; there are mocks
    /// when none of them is an error.
    public static func read(_ tree: SourceTree, for machine: StateMachine) -> (mocks: Mocks?, problems: [Diagnostic]) {
        var reader = MocksReader(machine)
        let mocks = reader.mocks(tree)
        return (reader.document.hasErrors ? nil : mocks, reader.document.diagnostics)
    }
}

private struct MocksReader {
    typealias Node = DocumentReader.Node

    var document = DocumentReader()
    private var states: OrderedDictionary<String, State> = [:]

    init(_ machine: StateMachine) { add(machine) }

    private mutating func add(_ machine: StateMachine) {
        for (name, state) in machine.states {
            states[name] = state
            switch state.kind {
            case .parallel(let branches): for branch in branches { add(branch) }
            case .map(let map): add(map.processor)
            case .pass, .task, .choice, .wait, .succeed, .fail: break
            }
        }
    }

    // MARK: - The file

    mutating func mocks(_ tree: SourceTree) -> Mocks {
        var mocks = Mocks()
        let node = Node(tree)
        for member in members(node, of: ["comment", "input", "clock", "seed", "states", "expect"]) {
            let child = node.child(member)
            switch member.key {
            case "comment": _ = document.text(child)
            case "input": mocks.input = member.value.json
            case "clock": mocks.start = document.timestamp(child) ?? mocks.start
            case "seed": mocks.seed = whole(child, from: 0).map { UInt64($0) } ?? mocks.seed
            case "states": mocks.states = stateMocks(child)
            default: mocks.expectation = expectation(child)
            }
        }
        return mocks
    }

    private mutating func stateMocks(_ node: Node) -> [String: Mocks.StateMock] {
        var mocks: [String: Mocks.StateMock] = [:]
        guard case .mapping(let members) = node.tree.content else {
            report("Expected an object of states by name", at: node)
            return [:]
        }
        for member in members {
            guard let state = state(member.key, at: member.keyPlace, node.child(member).location) else { continue }
            mocks[member.key] = stateMock(node.child(member), state)
        }
        return mocks
    }

    private mutating func state(_ name: String, at place: SourcePlace, _ location: String) -> State? {
        if let state = states[name] { return state }
        let nearest = nearestName(to: name, among: states.keys)
        report(
            "The machine has no state '\(name)'", advice: nearest.map { "did you mean '\($0)'?" }, at: place, location)
        return nil
    }

    // MARK: - One state

    private mutating func stateMock(_ node: Node, _ state: State) -> Mocks.StateMock {
        switch state.kind {
        case .task: return taskMock(node)
        case .map(let map) where map.reader != nil || map.writer?.resource != nil: return mapMock(node, map)
        case .map:
            report(
                "'\(state.name)' takes its items from its input",
                advice: "mock the tasks in its ItemProcessor, not the Map state", at: node)
        case .pass, .choice, .wait, .succeed, .fail, .parallel:
            report(
                "'\(state.name)' is a \(state.type) state, which calls nothing", advice: "only tasks need mocks",
                at: node)
        }
        return Mocks.StateMock()
    }

    private mutating func mapMock(_ node: Node, _ map: MapState) -> Mocks.StateMock {
        var mock = Mocks.StateMock()
        let known =
            (map.reader == nil ? [] : ["reads", "error", "cause"]) + (map.writer?.resource == nil ? [] : ["writes"])
        var error: String?
        var cause = ""
        for member in members(node, of: known) {
            let child = node.child(member)
            switch member.key {
            case "reads":
                mock.reads = member.value.json
                if mock.reads?.arrayValue == nil, mock.reads?.objectValue == nil {
                    report("reads must be an array of items, or an object for its members", at: child)
                }
            case "error": error = document.text(child)
            case "cause": cause = document.text(child) ?? ""
            default: mock.writes = member.value.json
            }
        }
        if let error {
            mock.answers = [Mocks.Answer(.error(error, cause: cause), place: node.tree.place)]
        } else if map.reader != nil, mock.reads == nil {
            report(
                "A Map state with an ItemReader needs reads or error", advice: "write the items under reads", at: node)
        }
        return mock
    }

    private mutating func taskMock(_ node: Node) -> Mocks.StateMock {
        guard case .mapping(let members) = node.tree.content, members.contains(where: { $0.key == "items" }) else {
            return Mocks.StateMock(answers: answers(node, more: ["items"]))
        }
        var mock = Mocks.StateMock()
        if let items = members.last(where: { $0.key == "items" }) { mock.items = self.items(node.child(items)) }
        // Beside items an answer for all others may stand, or a list of them.
        let rest = members.filter { $0.key != "items" }
        if let list = rest.first, list.key == "others", rest.count == 1 {
            mock.answers = answers(node.child(list), more: [])
        } else if !rest.isEmpty {
            let tree = SourceTree(.mapping(rest), at: node.tree.place)
            mock.answers = answers(Node(tree, location: node.location), more: ["items", "others"])
        }
        return mock
    }

    private mutating func items(_ node: Node) -> [Int: [Mocks.Answer]] {
        guard case .mapping(let members) = node.tree.content else {
            report(
                "Expected answers by the number of the item", advice: "write them like '2: {error: Broken}', from 0 on",
                at: node)
            return [:]
        }
        var items: [Int: [Mocks.Answer]] = [:]
        for member in members {
            guard let number = Int(member.key), number >= 0 else {
                report(
                    "'\(member.key)' is no number of an item", advice: "items are counted from 0", at: member.keyPlace,
                    node.child(member).location)
                continue
            }
            items[number] = answers(node.child(member), more: [])
        }
        return items
    }

    private mutating func answers(_ node: Node, more: [String]) -> [Mocks.Answer] {
        switch node.tree.content {
        case .mapping: return [answer(node, more: more)].compactMap(\.self)
        case .sequence:
            let elements = node.elements ?? []
            if elements.isEmpty { report("An empty list answers nothing", advice: "write one answer a call", at: node) }
            return elements.compactMap { answer($0, more: []) }
        case .scalar:
            report(
                "Expected an answer or a list of them", advice: "write 'result: ...' or 'error: ...' below the name",
                at: node)
            return []
        }
    }

    private mutating func answer(_ node: Node, more: [String]) -> Mocks.Answer? {
        var kinds: [(key: String, kind: Mocks.Answer.Kind?)] = []
        var cause: (text: String, node: Node)?
        var answer = Mocks.Answer(.never, place: node.tree.place)
        let known = ["result", "error", "cause", "never", "after", "times"]
        let before = document.diagnostics.count
        for member in members(node, of: known, alsoKnown: more) {
            let child = node.child(member)
            switch member.key {
            case "result": kinds.append(("result", document.template(child, language: .jsonata).map { .result($0) }))
            case "error": kinds.append(("error", document.text(child).map { .error($0, cause: "") }))
            case "cause": cause = document.text(child).map { ($0, child) }
            case "never": kinds.append(("never", flag(child) ? .never : nil))
            case "after": answer.after = seconds(child) ?? 0
            case "times": answer.times = whole(child, from: 1)
            default: break
            }
        }
        guard kinds.count == 1, let first = kinds.first else {
            // A misspelled member has been reported, and is most likely the one that is missing.
            if kinds.isEmpty, document.diagnostics.count > before { return nil }
            report(
                kinds.isEmpty
                    ? "The answer says neither result nor error"
                    : "The answer says \(kinds.map(\.key).joined(separator: " and "))",
                advice: "write one of result, error and never", at: node)
            return nil
        }
        guard let kind = first.kind else { return nil }
        answer.kind = kind
        if let cause {
            if case .error(let error, _) = kind {
                answer.kind = .error(error, cause: cause.text)
            } else {
                report("cause belongs to an error", advice: "drop it, or write error", at: cause.node)
            }
        }
        return answer
    }

    // MARK: - What is expected

    private mutating func expectation(_ node: Node) -> Mocks.Expectation {
        var expectation = Mocks.Expectation()
        var hasStatus = false
        let known = [
            "status", "output", "outputContains", "error", "cause", "causeContains", "visited", "notVisited", "calls",
            "seconds",
        ]
        for member in members(node, of: known) {
            let child = node.child(member)
            switch member.key {
            case "status":
                hasStatus = true
                expectation.status =
                    document.word(child, of: ["SUCCEEDED", "FAILED", "TIMED_OUT"]) ?? expectation.status
            case "output": expectation.output = member.value.json
            case "outputContains": expectation.outputContains = member.value.json
            case "error": expectation.error = document.text(child)
            case "cause": expectation.cause = document.text(child)
            case "causeContains": expectation.causeContains = document.text(child)
            case "visited": expectation.visited = stateNames(child)
            case "notVisited": expectation.notVisited = stateNames(child)
            case "calls": expectation.calls = calls(child)
            default: expectation.seconds = seconds(child)
            }
        }
        let namesFailure = expectation.error != nil || expectation.cause != nil || expectation.causeContains != nil
        let namesOutput = expectation.output != nil || expectation.outputContains != nil
        if !hasStatus, namesFailure { expectation.status = "FAILED" }
        let isSuccess = expectation.status == "SUCCEEDED"
        if isSuccess ? namesFailure : namesOutput {
            report(
                "An execution that ends \(expectation.status) has no \(isSuccess ? "error" : "output")",
                advice: "drop it, or expect another status", at: node)
        }
        return expectation
    }

    private mutating func stateNames(_ node: Node) -> [String] {
        guard let elements = node.elements else {
            report("Expected a list of states", at: node)
            return []
        }
        return elements.compactMap { child in
            guard let name = document.text(child) else { return nil }
            return state(name, at: child.tree.place, child.location).map(\.name)
        }
    }

    private mutating func calls(_ node: Node) -> [String: Int] {
        guard case .mapping(let members) = node.tree.content else {
            report("Expected numbers of calls by state", at: node)
            return [:]
        }
        var calls: [String: Int] = [:]
        for member in members {
            guard state(member.key, at: member.keyPlace, node.child(member).location) != nil else { continue }
            calls[member.key] = whole(node.child(member), from: 0)
        }
        return calls
    }

    // MARK: - Parts

    private mutating func members(
        _ node: Node, of known: [String], alsoKnown: [String] = []
    ) -> [SourceTree.Member] {
        document.members(node, of: known + alsoKnown).filter { known.contains($0.key) }
    }

    private mutating func flag(_ node: Node) -> Bool {
        if case .scalar(.bool(true)) = node.tree.content { return true }
        report("Expected true", advice: "leave it out otherwise", at: node)
        return false
    }

    private mutating func whole(_ node: Node, from least: Int) -> Int? {
        if case .scalar(.integer(let value)) = node.tree.content, value >= least, let whole = Int(exactly: value) {
            return whole
        }
        report("Expected a whole number from \(least) on", at: node)
        return nil
    }

    /// A year at most: longer waits the language has not.
    private mutating func seconds(_ node: Node) -> Double? {
        if case .scalar(let value) = node.tree.content, let seconds = value.doubleValue,
            (0...31_622_400).contains(seconds)
        {
            return seconds
        }
        report("Expected a number of seconds from 0 to 31622400", at: node)
        return nil
    }

    private mutating func report(_ message: String, advice: String? = nil, at node: Node) {
        document.report(message, advice: advice, at: node)
    }

    private mutating func report(_ message: String, advice: String? = nil, at place: SourcePlace, _ location: String) {
        document.report(.error, message, advice: advice, at: place, location)
    }
}
