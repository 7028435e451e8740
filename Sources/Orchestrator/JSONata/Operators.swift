/// The arithmetic of the language: IEEE doubles, and an operand that is infinite is an error.
enum Arithmetic {
    static func checkFinite(_ value: Double) throws(Failure) {
        if value.isInfinite { throw Failure("D1001", value: .number(value)) }
    }

    static func number(_ value: Value, else code: String) throws(Failure) -> Double? {
        switch value {
        case .undefined: return nil
        case .number(let number) where !number.isNaN:
            try checkFinite(number)
            return number
        default: throw Failure(code, value: value)
        }
    }
}

/// One or more binary operators of the same strength in a row, taken from left to right: a long sum then nests no deeper than a short one.
final class ChainNode: Node, @unchecked Sendable {
    struct Link {
        let symbol: Symbol
        let right: Node
        let position: Int
    }

    let first: Node
    private(set) var links: [Link]

    init(_ first: Node, _ link: Link) {
        self.first = first
        links = [link]
        super.init(link.position)
    }

    override var typeName: String { "binary" }

    /// Only while compiling.
    func add(_ link: Link) { links.append(link) }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        var left = try first.evaluate(input, frame, runtime)
        var index = 0
        while index < links.count {
            let link = links[index]
            index += 1
            try runtime.step()
            if link.symbol == .ampersand {
                left = try concatenation(left, &index, input, frame, runtime)
                continue
            }
            if link.symbol == .and || link.symbol == .or {
                left = try ChainNode.logical(left, link, input, frame, runtime)
                continue
            }
            left = try ChainNode.combine(left, link.right.evaluate(input, frame, runtime), link, runtime)
        }
        return left
    }

    /// A row of `&` grows one text, which copies each part once. `index` is that of the link after the first of the row, and then
    /// after its last.
    @inline(never)
    private func concatenation(
        _ left: Value, _ index: inout Int, _ input: Value, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> Value {
        index -= 1
        var text: String?
        while index < links.count, links[index].symbol == .ampersand {
            let link = links[index]
            let right = try link.right.evaluate(input, frame, runtime)
            do throws(Failure) {
                if text == nil {
                    let start = try left.conversionText(runtime)
                    try runtime.charge(start.utf8.count)
                    text = start
                }
                let part = try right.conversionText(runtime)
                try runtime.step()
                try runtime.charge(part.utf8.count)
                text?.append(part)
            } catch {
                error.locate(position: link.position, token: link.symbol.rawValue)
                throw error
            }
            index += 1
        }
        return .string(text ?? "")
    }

    /// The right side is evaluated only if it matters. Its errors are the operator's, as in the language's reference.
    @inline(never)
    private static func logical(
        _ left: Value, _ link: Link, _ input: Value, _ frame: Frame, _ runtime: Runtime
    ) throws(Failure) -> Value {
        do throws(Failure) {
            let isTrue = try left.truth(runtime)
            if isTrue == (link.symbol == .or) { return .bool(isTrue) }
            return .bool(try link.right.evaluate(input, frame, runtime).truth(runtime))
        } catch {
            error.position = link.position
            error.token = link.symbol.rawValue
            throw error
        }
    }

    @inline(never)
    private static func combine(
        _ left: Value, _ right: Value, _ link: Link, _ runtime: Runtime
    ) throws(Failure) -> Value {
        do throws(Failure) { return try apply(link.symbol, left, right, runtime) } catch {
            error.locate(position: link.position, token: link.symbol.rawValue)
            throw error
        }
    }

    private static func apply(
        _ symbol: Symbol, _ left: Value, _ right: Value, _ runtime: Runtime
    ) throws(Failure) -> Value {
        switch symbol {
        case .plus, .minus, .star, .slash, .percent:
            let a = try Arithmetic.number(left, else: "T2001")
            let b = try Arithmetic.number(right, else: "T2002")
            guard let a, let b else { return .undefined }
            return switch symbol {
            case .plus: .number(a + b)
            case .minus: .number(a - b)
            case .star: .number(a * b)
            case .slash: .number(a / b)
            default: .number(a.truncatingRemainder(dividingBy: b))
            }
        case .equals, .notEquals:
            // Nothing is neither equal nor unequal to anything.
            if left.isUndefined || right.isUndefined { return .bool(false) }
            return .bool(try left.equals(right, runtime) == (symbol == .equals))
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return try compare(symbol, left, right)
        case .in:
            if left.isUndefined || right.isUndefined { return .bool(false) }
            for index in 0..<right.itemCount {
                try runtime.step()
                if try left.equals(right.item(index), runtime) { return .bool(true) }
            }
            return .bool(false)
        default: preconditionFailure("the compiler makes chains of binary operators only")
        }
    }

    private static func compare(_ symbol: Symbol, _ left: Value, _ right: Value) throws(Failure) -> Value {
        func isComparable(_ value: Value) -> Bool {
            switch value {
            case .undefined, .number, .string: true
            default: false
            }
        }
        guard isComparable(left), isComparable(right) else {
            throw Failure("T2010", value: isComparable(left) ? right : left)
        }
        switch (left, right) {
        case (.undefined, _), (_, .undefined): return .undefined
        case (.number(let a), .number(let b)):
            let holds =
                switch symbol {
                case .less: a < b
                case .lessOrEqual: a <= b
                case .greater: a > b
                default: a >= b
                }
            return .bool(holds)
        case (.string(let a), .string(let b)):
            let holds =
                switch symbol {
                case .less: a.precedes(b)
                case .lessOrEqual: !b.precedes(a)
                case .greater: b.precedes(a)
                default: !a.precedes(b)
                }
            return .bool(holds)
        default: throw Failure("T2009", value: left, details: .init(value2: right))
        }
    }
}

/// `-x`
final class MinusNode: Node, @unchecked Sendable {
    let operand: Node

    init(_ operand: Node, _ position: Int) {
        self.operand = operand
        super.init(position)
    }

    override var typeName: String { "unary" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let value = try operand.evaluate(input, frame, runtime)
        switch value {
        case .undefined: return .undefined
        case .number(let number) where !number.isNaN:
            do throws(Failure) {
                try Arithmetic.checkFinite(number)
            } catch {
                error.locate(position: position, token: "-")
                throw error
            }
            return .number(-number)
        default: throw Failure("D1002", position: position, token: "-", value: value)
        }
    }
}

/// `a ? b : c`
final class ConditionNode: Node, @unchecked Sendable {
    let condition: Node
    let then: Node
    let otherwise: Node?

    init(_ condition: Node, _ then: Node, _ otherwise: Node?, _ position: Int) {
        self.condition = condition
        self.then = then
        self.otherwise = otherwise
        super.init(position)
    }

    override var typeName: String { "condition" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        if try condition.evaluate(input, frame, runtime).truth(runtime) {
            return try then.evaluate(input, frame, runtime)
        }
        return try otherwise?.evaluate(input, frame, runtime) ?? .undefined
    }
}

/// `a ?: b` (the left side if it is true) and `a ?? b` (the left side if there is one); it is evaluated once.
final class FallbackNode: Node, @unchecked Sendable {
    let symbol: Symbol
    let left: Node
    let right: Node

    init(_ symbol: Symbol, _ left: Node, _ right: Node, _ position: Int) {
        self.symbol = symbol
        self.left = left
        self.right = right
        super.init(position)
    }

    override var typeName: String { "condition" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let value = try left.evaluate(input, frame, runtime)
        let isGood = symbol == .elvis ? try value.truth(runtime) : !value.isUndefined
        return isGood ? value : try right.evaluate(input, frame, runtime)
    }
}

/// `(a; b)`
final class BlockNode: Node, @unchecked Sendable {
    let expressions: [Node]
    /// Whether an assignment somewhere inside may land in this block's scope.
    let bindsInside: Bool

    init(_ expressions: [Node], bindsInside: Bool, _ position: Int) {
        self.expressions = expressions
        self.bindsInside = bindsInside
        super.init(position)
    }

    override var typeName: String { "block" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        // Expressions that bind nothing need no scope of their own.
        var scope = frame
        if bindsInside {
            try runtime.charge(64)
            scope = Frame(parent: frame)
        }
        var result = Value.undefined
        for expression in expressions { result = try expression.evaluate(input, scope, runtime) }
        return result
    }
}

/// `$name := value`
final class BindNode: Node, @unchecked Sendable {
    let name: Int
    let value: Node

    init(_ name: Int, _ value: Node, _ position: Int) {
        self.name = name
        self.value = value
        super.init(position)
    }

    override var typeName: String { "bind" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let result = try value.evaluate(input, frame, runtime)
        try runtime.bind(name, result, in: frame)
        return result
    }
}

/// `$name`, `$$`
final class VariableNode: Node, @unchecked Sendable {
    let text: String
    let name: Int
    let start: Int
    /// Nothing in the expression binds the name: it is the caller's or a built-in function.
    var isGlobal = false
    /// The function of that name, where every caller has the same.
    private let builtin: Value?

    init(_ text: String, _ name: Int, start: Int, _ position: Int) {
        let function = BuiltinTable.function(named: text, in: .statesLanguage)
        builtin = function === BuiltinTable.function(named: text, in: .reference) ? function.map { .function($0) } : nil
        self.text = text
        self.name = name
        self.start = start
        super.init(position)
    }

    override var typeName: String { "variable" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        if isGlobal, !runtime.bindsDynamically {
            if let builtin, runtime.bindings.isEmpty { return builtin }
            return runtime.global(name)
        }
        return frame.lookup(name) ?? runtime.global(name)
    }
}

/// `$`
final class ContextNode: Node, @unchecked Sendable {
    override var typeName: String { "variable" }

    override func run(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        if case .array(let box) = input, box.isOuterWrapper { return box[0] }
        return input
    }
}
