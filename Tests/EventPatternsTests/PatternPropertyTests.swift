import EventPatterns
import JSON
import OrderedCollections
import SeededNumbers
import StatesLanguage
import Testing
import YAML

/// What the tests draw from those.
private struct Draws: RandomNumberGenerator {
    private var numbers: SplitMix64

    init(seed: UInt64) { numbers = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { numbers.next() }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    mutating func one(of texts: [String]) -> String { texts[below(texts.count)] }
}

/// Says what matches by trying every choice of one element from each array of the event.
private enum NaiveMatcher {
    static func matches(_ pattern: JSON, _ event: JSON) -> Bool {
        choices(event).contains { object(pattern, $0, event, path: []) }
    }

    private static func choices(_ value: JSON) -> [JSON] {
        switch value {
        case .array(let elements): return elements.isEmpty ? [.array([])] : elements.flatMap(choices)
        case .object(let members):
            var made: [OrderedDictionary<String, JSON>] = [[:]]
            for (name, member) in members {
                made = made.flatMap { object in
                    choices(member).map { choice in
                        var object = object
                        object[name] = choice
                        return object
                    }
                }
            }
            return made.map { .object($0) }
        case .null, .bool, .integer, .double, .string: return [value]
        }
    }

    private static func object(_ pattern: JSON, _ value: JSON?, _ event: JSON, path: [String]) -> Bool {
        (pattern.objectValue ?? [:]).allSatisfy { name, inner in
            if name == "$or" { return inner.arrayValue?.contains { object($0, value, event, path: path) } == true }
            let member = value?[name]
            guard let conditions = inner.arrayValue else { return object(inner, member, event, path: path + [name]) }
            return conditions.contains { condition($0, member, event, path: path + [name]) }
        }
    }

    private static func has(_ value: JSON, _ path: [String]) -> Bool {
        if let elements = value.arrayValue { return elements.contains { has($0, path) } }
        guard let first = path.first else { return value.objectValue == nil }
        return value[first].map { has($0, Array(path.dropFirst())) } ?? false
    }

    private static func condition(_ condition: JSON, _ value: JSON?, _ event: JSON, path: [String]) -> Bool {
        if condition["exists"] == false { return !has(event, path) }
        guard let value, value.objectValue == nil, value.arrayValue == nil else { return false }
        guard let (word, argument) = condition.objectValue?.elements.first else {
            return value == condition || value.numericallyEquals(condition)
        }
        let text = value.stringValue
        switch word {
        case "exists": return true
        case "prefix": return text?.hasPrefix(argument.stringValue ?? "?") == true
        case "suffix": return text?.hasSuffix(argument.stringValue ?? "?") == true
        case "equals-ignore-case": return text?.lowercased() == argument.stringValue?.lowercased()
        case "wildcard": return text.map { wildcard(Array(argument.stringValue ?? ""), Array($0)) } ?? false
        case "numeric":
            let parts = argument.arrayValue ?? []
            return stride(from: 0, to: parts.count, by: 2).allSatisfy { index in
                guard let left = value.doubleValue, let right = parts[index + 1].doubleValue else { return false }
                return switch parts[index].stringValue {
                case "=": left == right
                case "<": left < right
                case "<=": left <= right
                case ">": left > right
                default: left >= right
                }
            }
        case "anything-but":
            if case .object(let members) = argument, let (inner, values) = members.elements.first {
                return !(values.arrayValue ?? [values]).contains {
                    self.condition([inner: $0], value, event, path: path)
                }
            }
            return !(argument.arrayValue ?? [argument]).contains {
                self.condition($0, value, event, path: path)
            }
        default: return false
        }
    }

    private static func wildcard(_ pattern: [Character], _ text: [Character]) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = Array(pattern.dropFirst())
        if first == "*" { return (0...text.count).contains { wildcard(rest, Array(text.dropFirst($0))) } }
        return text.first == first && wildcard(rest, Array(text.dropFirst()))
    }
}

@Suite struct PatternPropertyTests {
    private static let names = ["a", "b", "c"]
    private static let texts = ["", "x", "X", "xy", "yx", "xyx", "xxyxy"]

    private static func event(_ numbers: inout Draws, depth: Int) -> JSON {
        switch numbers.below(depth > 2 ? 5 : 9) {
        case 0: return .integer(numbers.below(4))
        case 1: return .double(Double(numbers.below(4)))
        case 2: return numbers.below(2) == 0 ? nil : true
        case 3, 4: return .string(numbers.one(of: texts))
        case 5, 6: return .array((0..<numbers.below(3)).map { _ in event(&numbers, depth: depth + 1) })
        default: return object(&numbers, depth: depth + 1)
        }
    }

    private static func object(_ numbers: inout Draws, depth: Int) -> JSON {
        var object: JSON = [:]
        for name in names where numbers.below(4) > 0 { object[name] = event(&numbers, depth: depth) }
        return object
    }

    private static func pattern(_ numbers: inout Draws, depth: Int) -> JSON {
        var object: JSON = [:]
        for _ in 0...numbers.below(2) {
            let name = numbers.one(of: names)
            object[name] =
                depth < 3 && numbers.below(3) == 0
                ? pattern(&numbers, depth: depth + 1)
                : .array((0...numbers.below(2)).map { _ in condition(&numbers) })
        }
        if depth < 3, numbers.below(3) == 0 {
            object["$or"] = .array((0...(1 + numbers.below(2))).map { _ in pattern(&numbers, depth: depth + 1) })
        }
        return object
    }

    private static func condition(_ numbers: inout Draws) -> JSON {
        func text() -> JSON { .string(numbers.one(of: texts)) }
        func wildcard() -> JSON { .string(numbers.one(of: ["*", "x*", "*y", "x*y*", "*xy*x", "x*x*y", "xy"])) }
        switch numbers.below(13) {
        case 0, 1: return text()
        case 2: return .integer(numbers.below(4))
        case 3: return numbers.below(2) == 0 ? nil : true
        case 4: return ["prefix": text()]
        case 5: return ["suffix": text()]
        case 6: return ["equals-ignore-case": text()]
        case 7: return ["wildcard": wildcard()]
        case 8: return ["exists": .bool(numbers.below(2) == 0)]
        case 9:
            let low = numbers.below(3)
            return ["numeric": [">=", .integer(low), "<", .integer(low + 1 + numbers.below(2))]]
        case 10: return ["anything-but": [text(), text()]]
        case 11: return ["anything-but": ["wildcard": [wildcard(), wildcard()]]]
        default: return ["anything-but": ["prefix": text()]]
        }
    }

    @Test(arguments: 0..<40)
    func agreesWithTheNaiveMatcher(round: UInt64) throws {
        var matched = 0
        for index in 0..<100 {
            let seed = round * 1000 + UInt64(index)
            var numbers = Draws(seed: seed)
            let source = Self.pattern(&numbers, depth: 0)
            let (pattern, problems) = EventPattern.read(try YAMLDocument.parse(source.utf8))
            let read = try #require(pattern, "\(source.text): \(problems.map(\.message)), seed \(seed)")
            for _ in 0..<10 {
                let event = Self.object(&numbers, depth: 0)
                let expected = NaiveMatcher.matches(source, event)
                if expected { matched += 1 }
                #expect(read.matches(event) == expected, "\(source.text) and \(event.text), seed \(seed)")
            }
        }
        // Neither everything nor nothing.
        #expect((50..<900).contains(matched), "\(matched), round \(round)")
    }
}
