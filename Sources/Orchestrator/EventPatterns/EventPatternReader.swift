import JSON
import StatesLanguage

/// Reads a pattern and writes its `$or` out: gives the requirements of which an event must meet one.
struct EventPatternReader {
    typealias Node = DocumentReader.Node

    var document: DocumentReader
    private(set) var absentPaths: [[String]] = []
    private var isUsable = true
    private var isTooLarge = false

    init(document: DocumentReader) { self.document = document }

    mutating func pattern(_ node: Node) -> [Requirement]? {
        let alternatives = object(node, path: [])
        return isUsable ? alternatives : nil
    }

    private mutating func report(_ message: String, advice: String? = nil, at node: Node) {
        isUsable = false
        document.report(message, advice: advice, at: node)
    }

    /// Once: what is too large is so for every field behind.
    private mutating func reportSize(_ message: String, at node: Node) {
        if !isTooLarge { report(message, at: node) }
        isTooLarge = true
    }

    // MARK: - Structure

    private mutating func object(_ node: Node, path: [String]) -> [Requirement] {
        guard case .mapping(let members) = node.tree.content else {
            report(
                "Expected an object",
                advice: "a pattern is an object of fields, and a field's values stand in an array",
                at: node)
            return []
        }
        if members.isEmpty {
            report("An empty object matches nothing in particular", advice: "name a field, or leave it out", at: node)
        }
        var alternatives = [Requirement()]
        var seen: Set<String> = []
        for member in members {
            let child = node.child(member)
            guard seen.insert(member.key).inserted else {
                report("'\(member.key)' stands here twice", at: child)
                continue
            }
            let added: [Requirement]
            if member.key == "$or" {
                added = or(child, path: path)
            } else {
                added = field(child, path: path + [member.key]).map { requirement in
                    var outer = Requirement()
                    outer.add(requirement, to: member.key)
                    return outer
                }
            }
            alternatives = combined(alternatives, added, at: child)
        }
        return alternatives
    }

    /// Each with each.
    private mutating func combined(_ left: [Requirement], _ right: [Requirement], at node: Node) -> [Requirement] {
        func size(_ requirements: [Requirement]) -> Int { requirements.reduce(0) { $0 + $1.size } }
        if left.count * right.count > EventPattern.maximumCombinations {
            reportSize("$or makes more than \(EventPattern.maximumCombinations) combinations", at: node)
            return left
        }
        if size(left) * right.count + size(right) * left.count > EventPattern.maximumConditions {
            reportSize(
                "The pattern has more than \(EventPattern.maximumConditions) conditions, combinations of $or counted",
                at: node)
            return left
        }
        return left.flatMap { left in
            right.map { right in
                var both = left
                both.add(right)
                return both
            }
        }
    }

    private mutating func or(_ node: Node, path: [String]) -> [Requirement] {
        guard let elements = node.elements, elements.count >= 2 else {
            report("$or has an array of two patterns or more", at: node)
            return []
        }
        var alternatives: [Requirement] = []
        for element in elements {
            alternatives += object(element, path: path)
            if alternatives.count > EventPattern.maximumCombinations {
                reportSize("$or makes more than \(EventPattern.maximumCombinations) combinations", at: node)
                return []
            }
        }
        return alternatives
    }

    private mutating func field(_ node: Node, path: [String]) -> [Requirement] {
        switch node.tree.content {
        case .mapping: return object(node, path: path)
        case .sequence:
            var requirement = Requirement()
            let elements = node.elements ?? []
            if elements.isEmpty { report("An empty array matches nothing", advice: "name a value", at: node) }
            requirement.conditions = [elements.compactMap { condition($0, path: path) }]
            return [requirement]
        case .scalar(let value):
            report("Expected an array of values", advice: "write [\(value.text)]", at: node)
            return []
        }
    }

    // MARK: - Conditions

    private static let words = [
        "prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "exists", "cidr",
    ]

    private mutating func condition(_ node: Node, path: [String]) -> Condition? {
        switch node.tree.content {
        case .scalar(.string): return text(node).map { .equals(.string($0)) }
        case .scalar(let value): return .equals(value)
        case .sequence:
            report("An array can't stand in an array", advice: "write its values out", at: node)
            return nil
        case .mapping: break
        }
        guard let (word, child) = comparison(node, of: EventPatternReader.words) else { return nil }
        switch word {
        case "anything-but": return anythingBut(child)
        case "numeric": return numeric(child)
        case "exists":
            guard case .scalar(.bool(let exists)) = child.tree.content else {
                report("exists is true or false", at: child)
                return nil
            }
            if exists { return .present }
            if let index = absentPaths.firstIndex(of: path) { return .absent(index) }
            absentPaths.append(path)
            return .absent(absentPaths.count - 1)
        case "cidr":
            guard let text = text(child) else { return nil }
            if let block = AddressBlock(text) { return .cidr(block) }
            report("'\(text)' is no block of IP addresses", advice: "write it like 10.0.0.0/24", at: child)
            return nil
        default: return textual(word, child, mayIgnoreCase: true)
        }
    }

    /// The one member of a comparison.
    private mutating func comparison(_ node: Node, of words: [String]) -> (word: String, child: Node)? {
        guard case .mapping(let members) = node.tree.content, members.count == 1, let member = members.first else {
            report("A comparison has one member", advice: "it is one of \(words.joined(separator: ", "))", at: node)
            return nil
        }
        let child = node.child(member)
        guard words.contains(member.key) else {
            isUsable = false
            document.report(
                .error, "'\(member.key)' compares nothing here",
                advice: nearestName(to: member.key, among: words).map { "did you mean '\($0)'?" }
                    ?? "it is one of \(words.joined(separator: ", "))", at: member.keyPlace, child.location)
            return nil
        }
        return (member.key, child)
    }

    private mutating func text(_ node: Node) -> String? {
        guard case .scalar(.string(let text)) = node.tree.content else {
            report("Expected a text", advice: "put it in quotes", at: node)
            return nil
        }
        guard text.utf8.count <= EventPattern.maximumTextBytes else {
            report("The text has more than \(EventPattern.maximumTextBytes) bytes", at: node)
            return nil
        }
        return text
    }

    /// prefix, suffix, equals-ignore-case and wildcard.
    private mutating func textual(_ word: String, _ node: Node, mayIgnoreCase: Bool) -> Condition? {
        if case .mapping = node.tree.content, mayIgnoreCase, word == "prefix" || word == "suffix" {
            guard let (_, child) = comparison(node, of: ["equals-ignore-case"]), let text = text(child) else {
                return nil
            }
            let folded = FoldedText(text)
            return word == "prefix" ? .prefixIgnoringCase(folded) : .suffixIgnoringCase(folded)
        }
        guard let text = text(node) else { return nil }
        switch word {
        case "prefix": return .prefix(text)
        case "suffix": return .suffix(text)
        case "equals-ignore-case": return .equalsIgnoringCase(FoldedText(text))
        default:
            do throws(Wildcard.Failure) {
                return .wildcard(try Wildcard(text))
            } catch {
                isUsable = false
                document.report(
                    .error, "'\(text)' is no wildcard", advice: error.reason,
                    at: node.tree.place(ofCharacter: error.offset), node.location)
                return nil
            }
        }
    }

    /// A value or several of one type, or a comparison of texts with one or several.
    private mutating func anythingBut(_ node: Node) -> Condition? {
        if case .mapping = node.tree.content {
            let words = ["prefix", "suffix", "equals-ignore-case", "wildcard"]
            guard let (word, child) = comparison(node, of: words) else { return nil }
            guard let elements = child.elements else {
                return textual(word, child, mayIgnoreCase: true).map { .anythingBut([$0]) }
            }
            if elements.isEmpty { report("anything-but has a value", at: child) }
            return .anythingBut(elements.compactMap { textual(word, $0, mayIgnoreCase: false) })
        }
        let nodes = node.elements ?? [node]
        if nodes.isEmpty { report("anything-but has a value", at: node) }
        var others: [Condition] = []
        var hasTexts = false
        var hasNumbers = false
        for node in nodes {
            switch node.tree.content {
            case .scalar(.string):
                hasTexts = true
                if let text = text(node) { others.append(.equals(.string(text))) }
            case .scalar(.integer), .scalar(.double):
                hasNumbers = true
                others.append(.equals(node.tree.json))
            case .scalar, .sequence, .mapping:
                report("anything-but takes texts, numbers or a comparison of texts", at: node)
            }
        }
        if hasTexts, hasNumbers { report("anything-but takes texts or numbers, not both", at: node) }
        return .anythingBut(others)
    }

    /// `["=", 5]`, `["<", 10]`, `[">", 0, "<=", 5]`
    private mutating func numeric(_ node: Node) -> Condition? {
        let form = #"write it like ["=", 5], ["<", 10] or [">", 0, "<=", 5]"#
        guard let elements = node.elements, elements.count == 2 || elements.count == 4 else {
            report("numeric has a comparison and a number, or two of each", advice: form, at: node)
            return nil
        }
        var bounds: [NumericBound] = []
        for index in stride(from: 0, to: elements.count, by: 2) {
            let word = elements[index].tree.json
            guard let comparison = word.stringValue.flatMap(NumericBound.Operator.init) else {
                report("\(word.text) is none of =, <, <=, > and >=", advice: form, at: elements[index])
                return nil
            }
            let number = elements[index + 1].tree.json
            guard let value = number.doubleValue, value.isFinite else {
                report("\(number.text) is no number", advice: form, at: elements[index + 1])
                return nil
            }
            bounds.append(NumericBound(comparison: comparison, number: number))
        }
        if bounds.count == 2 {
            guard bounds[0].comparison.isLower, bounds[1].comparison == .less || bounds[1].comparison == .lessOrEqual
            else {
                report("A range has > or >= first, then < or <=", advice: form, at: node)
                return nil
            }
            guard NumericBound(comparison: .less, number: bounds[1].number).holds(of: bounds[0].number) else {
                report("The range is empty: its beginning is not below its end", at: node)
                return nil
            }
        }
        return .numeric(bounds)
    }
}
