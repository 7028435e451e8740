public import JSON

/// Reads documents that authors write beside definitions: takes members out of objects and notes every problem, so that
/// all are told at once.
public struct DocumentReader: Sendable {
    /// A part of the document with its path, such as `/Schedules/nightly`; `/` is the document.
    public struct Node: Sendable {
        public let tree: SourceTree
        public let location: String

        public init(_ tree: SourceTree, location: String = "/") {
            self.tree = tree
            self.location = location
        }

        public func child(_ member: SourceTree.Member) -> Node {
            Node(member.value, location: location == "/" ? "/\(member.key)" : "\(location)/\(member.key)")
        }

        /// The last member of that name, where this is an object.
        public func child(_ name: String) -> Node? { tree[name].map(child) }

        /// The elements, where this is an array.
        public var elements: [Node]? {
            guard case .sequence(let elements) = tree.content else { return nil }
            return elements.enumerated().map { Node($1, location: "\(location)[\($0)]") }
        }
    }

    private var noted: [Diagnostic] = []

    public init() {}

    /// What was noted, in the order of the file.
    public var diagnostics: [Diagnostic] {
        noted.sorted { ($0.place, $0.location) < ($1.place, $1.location) }
    }

    public var hasErrors: Bool { noted.contains { $0.severity == .error } }

    public mutating func report(_ message: String, advice: String? = nil, at node: Node) {
        report(.error, message, advice: advice, at: node.tree.place, node.location)
    }

    public mutating func report(
        _ severity: Diagnostic.Severity, _ message: String, advice: String? = nil, at place: SourcePlace,
        _ location: String
    ) {
        noted.append(Diagnostic(severity, message: message, advice: advice, at: place, location: location))
    }

    // MARK: - Objects

    /// The members of an object under the names it may have; unknown, repeated and missing names are noted.
    public mutating func members(
        _ node: Node, of known: [String], required: [String] = []
    ) -> [SourceTree.Member] {
        guard case .mapping(let members) = node.tree.content else {
            report("Expected an object", advice: "it may have \(known.joined(separator: ", "))", at: node)
            return []
        }
        let missing = required.filter { name in !members.contains { $0.key == name } }
        if !missing.isEmpty { report("\(missing.joined(separator: " and ")) missing", at: node) }
        return unique(members, in: node).filter { member in
            if known.contains(member.key) { return true }
            let nearest = nearestName(to: member.key, among: known)
            report(
                .error, "'\(member.key)' means nothing here",
                advice: nearest.map { "did you mean '\($0)'?" } ?? "there may be \(known.joined(separator: ", "))",
                at: member.keyPlace, node.child(member).location)
            return false
        }
    }

    /// The members of an object whose names are the author's; repeated ones are noted.
    public mutating func namedMembers(_ node: Node, what: String, atMost limit: Int) -> [SourceTree.Member] {
        guard case .mapping(let members) = node.tree.content else {
            report("Expected an object of \(what) by name", at: node)
            return []
        }
        if members.count > limit { report("There are \(members.count) \(what); \(limit) are allowed", at: node) }
        return unique(members, in: node)
    }

    private mutating func unique(_ members: [SourceTree.Member], in node: Node) -> [SourceTree.Member] {
        var seen: [String: SourcePlace] = [:]
        return members.filter { member in
            if let first = seen[member.key] {
                report(
                    .error, "'\(member.key)' stands here twice", advice: "line \(first.line) has it already",
                    at: member.keyPlace, node.child(member).location)
                return false
            }
            seen[member.key] = member.keyPlace
            return true
        }
    }

    // MARK: - Scalars

    public mutating func text(_ node: Node) -> String? {
        if case .scalar(.string(let text)) = node.tree.content { return text }
        report("Expected a text", advice: "put it in quotes", at: node)
        return nil
    }

    /// A text out of a few.
    public mutating func word(_ node: Node, of words: [String]) -> String? {
        guard let text = text(node) else { return nil }
        if words.contains(text) { return text }
        let nearest = nearestName(to: text, among: words)
        report(
            "'\(text)' is not known",
            advice: nearest.map { "did you mean '\($0)'?" } ?? "write one of \(words.joined(separator: ", "))", at: node
        )
        return nil
    }

    public mutating func integer(_ node: Node, in bounds: ClosedRange<Int>) -> Int? {
        if case .scalar(.integer(let value)) = node.tree.content, let whole = Int(exactly: value),
            bounds.contains(whole)
        {
            return whole
        }
        report("Expected a whole number from \(bounds.lowerBound) to \(bounds.upperBound)", at: node)
        return nil
    }

    /// A timestamp, in microseconds since 1970-01-01T00:00:00Z.
    public mutating func timestamp(_ node: Node) -> Int64? {
        guard let text = text(node) else { return nil }
        if let instant = Timestamp.microseconds(rfc3339: text) { return instant }
        report("'\(text)' is no timestamp", advice: "write it like 2026-03-14T01:59:00Z", at: node)
        return nil
    }

    /// A payload template; nil when there is something wrong with it.
    public mutating func template(_ node: Node, language: QueryLanguage) -> PayloadTemplate? {
        var reader = PayloadTemplateReader(language: language)
        let template = PayloadTemplate(node.tree, reader: &reader)
        for problem in reader.problems {
            noted.append(
                Diagnostic(
                    problem.severity, code: problem.code, message: problem.message, advice: problem.advice,
                    at: problem.place, location: node.location + problem.path))
        }
        return reader.problems.contains { $0.severity == .error } ? nil : template
    }
}

extension DocumentReader {
    /// Notes a name that is not 1 to so many ASCII letters, digits, `-`, `_` and `.`.
    public mutating func checkName(_ member: SourceTree.Member, _ node: Node, of kind: String, atMost limit: Int) {
        if (1...limit).contains(member.key.utf8.count), member.key.utf8.allSatisfy(isNameByte) { return }
        report(
            .error, "'\(member.key.prefix(100))' is no name of a \(kind)",
            advice: "names have 1 to \(limit) letters, digits, '-', '_' and '.'", at: member.keyPlace, node.location)
    }

    /// What is started (`Arn`), and with what (`Input`, in JSONata).
    public mutating func target(
        _ node: Node, machines: [String]?
    ) -> (machine: String, input: PayloadTemplate?)? {
        let members = members(node, of: ["Arn", "Input"], required: ["Arn"])
        var machine: String?
        var input: PayloadTemplate?
        for member in members {
            let child = node.child(member)
            switch member.key {
            case "Arn": machine = stateMachine(child, machines: machines)
            default: input = template(child, language: .jsonata)
            }
        }
        return machine.map { ($0, input) }
    }

    /// The ARN of a state machine, its version or alias, or the name of one that is here.
    ///
    /// - Parameter machines: the names of those that are here; nil where they are not known.
    private mutating func stateMachine(_ node: Node, machines: [String]?) -> String? {
        guard let text = text(node) else { return nil }
        if text.hasPrefix("arn:") {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            if (7...8).contains(parts.count), parts[2] == "states", parts[5] == "stateMachine", !parts[6].isEmpty {
                return text
            }
            report(
                "'\(text)' is no ARN of a state machine",
                advice: "write arn:aws:states:REGION:ACCOUNT:stateMachine:NAME, or the name alone", at: node)
            return nil
        }
        guard !text.isEmpty, text.unicodeScalars.count <= 80 else {
            report(
                "'\(text.prefix(100))' is no name of a state machine", advice: "names have 1 to 80 characters", at: node
            )
            return nil
        }
        if let machines, !machines.contains(text) {
            report(
                "There is no state machine '\(text)'",
                advice: nearestName(to: text, among: machines).map { "did you mean '\($0)'?" }
                    ?? "it is the name of a file without .asl.yaml", at: node)
            return nil
        }
        return text
    }
}

/// Whether a byte is an ASCII letter or digit, `-`, `_` or `.`.
public func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
    default: false
    }
}
