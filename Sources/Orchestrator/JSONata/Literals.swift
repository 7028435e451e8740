final class StringNode: Node, @unchecked Sendable {
    let text: String
    private let value: Value

    init(_ text: String, _ position: Int) {
        self.text = text
        value = .string(text)
        super.init(position)
    }

    override var typeName: String { "string" }
    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value { value }
}

final class NumberNode: Node, @unchecked Sendable {
    let value: Double

    init(_ value: Double, _ position: Int) {
        self.value = value
        super.init(position)
    }

    override var typeName: String { "number" }
    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value { .number(value) }
}

/// `true`, `false`, `null`
final class ConstantNode: Node, @unchecked Sendable {
    let value: Value

    init(_ value: Value, _ position: Int) {
        self.value = value
        super.init(position)
    }

    override var typeName: String { "value" }
    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value { value }
}

final class RegexNode: Node, @unchecked Sendable {
    private let value: Value

    init(_ regex: Regex, _ position: Int) {
        value = .function(Function(.regex(regex), arity: 2))
        super.init(position)
    }

    override var typeName: String { "regex" }
    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        value
    }
}

/// `[a, b..c]`
final class ArrayNode: Node, @unchecked Sendable {
    let items: [Node]

    init(_ items: [Node], _ position: Int) {
        self.items = items
        super.init(position)
    }

    override var typeName: String { "unary" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        // A range alone is not written out.
        if items.count == 1, case .array(let box) = try only(input, frame, runtime), box.isRange {
            let copy = box.copyOfRange(isSequence: false)
            copy.isConstructed = isConstructor
            return .array(copy)
        }
        let result = ArrayBox([])
        for item in items {
            let value = try item.evaluate(input, frame, runtime)
            if value.isUndefined { continue }
            if item is ArrayNode {
                try runtime.append(value, to: result)
            } else {
                try value.forEachItem { (element) throws(Failure) in try runtime.append(element, to: result) }
            }
        }
        result.isConstructed = isConstructor
        return .array(result)
    }

    private func only(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        guard let range = items[0] as? RangeNode else { return .undefined }
        return try range.evaluate(input, frame, runtime)
    }
}

/// `a..b` in an array constructor
final class RangeNode: Node, @unchecked Sendable {
    let lower: Node
    let upper: Node

    init(_ lower: Node, _ upper: Node, _ position: Int) {
        self.lower = lower
        self.upper = upper
        super.init(position)
    }

    override var typeName: String { "binary" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let first = try lower.evaluate(input, frame, runtime)
        let last = try upper.evaluate(input, frame, runtime)
        func integer(_ value: Value, _ code: String) throws(Failure) -> Double? {
            if value.isUndefined { return nil }
            guard case .number(let number) = value, number.isFinite, number == number.rounded(.towardZero) else {
                throw Failure(code, position: position, token: "..", value: value)
            }
            return number
        }
        let from = try integer(first, "T2003")
        let to = try integer(last, "T2004")
        guard let from, let to, from <= to else { return .undefined }
        let size = to - from + 1
        guard size <= 1e7 else { throw Failure("D2014", position: position, token: "..", value: .number(size)) }
        return .array(ArrayBox(first: from, count: Int(size), isSequence: true))
    }
}

/// `{"key": value}`
final class ObjectNode: Node, @unchecked Sendable {
    let grouping: Grouping

    init(_ grouping: Grouping, _ position: Int) {
        self.grouping = grouping
        super.init(position)
    }

    override var typeName: String { "unary" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        try grouping.evaluate(input, frame, runtime)
    }
}
