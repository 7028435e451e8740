public import JSON
public import StatesLanguage

/// Which events are meant, as Amazon EventBridge writes it.
///
/// A pattern has the structure of the events that it matches: each of its fields must be in the event, with a value that
/// is among those that stand in its array. Where an event has an array, one of its elements must match, and the fields
/// of one object of the pattern must match in the same element. Numbers are compared by value: 300 is 300.0.
///
/// Matching goes over the event once for each condition, after every `$or` has been written out: its cost is bounded by
/// ``maximumConditions`` times the event's size.
///
/// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
public struct EventPattern: Sendable, Hashable {
    /// The pattern as its author wrote it.
    public let source: JSON
    /// One of them must match; without `$or` there is one.
    let alternatives: [Requirement]
    /// Fields that some condition wants absent.
    let absentPaths: [[String]]

    /// A pattern may have so many conditions, those of each combination of `$or` counted.
    public static let maximumConditions = 10_000
    /// So many combinations may follow from `$or`, as in EventBridge.
    public static let maximumCombinations = 1000
    /// The longest text of a condition, in bytes of UTF-8.
    public static let maximumTextBytes = 4096

    /// Reads a pattern; what is wrong with it is noted in the document, and then there is none.
    public init?(_ node: DocumentReader.Node, in document: inout DocumentReader) {
        var reader = EventPatternReader(document: document)
        let alternatives = reader.pattern(node)
        document = reader.document
        guard let alternatives else { return nil }
        source = node.tree.json
        self.alternatives = alternatives
        absentPaths = reader.absentPaths
    }

    /// Reads a pattern alone; without problems there is one.
    public static func read(_ tree: SourceTree) -> (pattern: EventPattern?, problems: [Diagnostic]) {
        var document = DocumentReader()
        let pattern = EventPattern(DocumentReader.Node(tree), in: &document)
        return (pattern, document.diagnostics)
    }

    private init(source: JSON, alternatives: [Requirement], absentPaths: [[String]]) {
        self.source = source
        self.alternatives = alternatives
        self.absentPaths = absentPaths
    }

    /// What is left of the pattern when nothing is asked of some fields: it matches wherever the whole does.
    func ignoring(_ paths: [[String]]) -> EventPattern {
        EventPattern(
            source: source, alternatives: alternatives.map { $0.ignoring(paths.map { $0[...] }) },
            absentPaths: absentPaths)
    }

    public static func == (left: EventPattern, right: EventPattern) -> Bool { left.source == right.source }

    public func hash(into hasher: inout Hasher) { hasher.combine(source) }

    /// Whether an event is meant.
    public func matches(_ event: JSON) -> Bool {
        let absent = absentPaths.map { !EventPattern.hasValue(event, path: $0[...]) }
        return alternatives.contains { $0.matches(event, absent: absent) }
    }

    /// Whether there is a value anywhere under a path, in whichever element of arrays.
    private static func hasValue(_ value: JSON, path: ArraySlice<String>) -> Bool {
        switch value {
        case .array(let elements): elements.contains { hasValue($0, path: path) }
        case .object(let members):
            path.first.flatMap { members[$0] }.map { hasValue($0, path: path.dropFirst()) } ?? false
        case .null, .bool, .integer, .double, .string: path.isEmpty
        }
    }
}

/// What a value must be: all that the pattern says of one place in events.
struct Requirement: Sendable, Hashable {
    /// Of each list one condition must hold.
    var conditions: [[Condition]] = []
    var members: [(name: String, requirement: Requirement)] = []

    static func == (left: Requirement, right: Requirement) -> Bool {
        left.conditions == right.conditions && left.members.elementsEqual(right.members) { $0 == $1 }
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(conditions)
        for member in members {
            hasher.combine(member.name)
            hasher.combine(member.requirement)
        }
    }

    /// How many conditions there are in all.
    var size: Int {
        conditions.reduce(0) { $0 + $1.count } + members.reduce(0) { $0 + $1.requirement.size }
    }

    func ignoring(_ paths: [ArraySlice<String>]) -> Requirement {
        var left = self
        left.members = members.compactMap { name, requirement in
            let inner = paths.filter { $0.first == name }.map { $0.dropFirst() }
            return inner.contains { $0.isEmpty } ? nil : (name, requirement.ignoring(inner))
        }
        return left
    }

    /// Both at once.
    mutating func add(_ other: Requirement) {
        conditions += other.conditions
        for (name, requirement) in other.members { add(requirement, to: name) }
    }

    mutating func add(_ requirement: Requirement, to name: String) {
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].requirement.add(requirement)
        } else {
            members.append((name, requirement))
        }
    }

    /// - Parameters:
    ///   - value: nil where the event has none.
    ///   - absent: the answers for the pattern's absent paths.
    func matches(_ value: JSON?, absent: [Bool]) -> Bool {
        guard case .array(let elements) = value, !elements.isEmpty else { return holds(of: value, absent: absent) }
        return elements.contains { matches($0, absent: absent) }
    }

    private func holds(of value: JSON?, absent: [Bool]) -> Bool {
        conditions.allSatisfy { list in list.contains { $0.holds(of: value, absent: absent) } }
            && members.allSatisfy { $0.requirement.matches(value?[$0.name], absent: absent) }
    }
}
