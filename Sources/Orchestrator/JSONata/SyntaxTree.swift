/// An expression as it was written. The nodes lie in one array and refer to each other by index: a chain of a hundred
/// thousand operators is then released without recursion.
struct SyntaxTree {
    struct Node {
        var kind: Kind
        var position: Int
        var start: Int
        /// Operands in the order of their kind's comment; -1 where there is none.
        var left = -1
        var right = -1
        var third = -1
        var items: [Int] = []
        var keepArray = false
    }

    enum Kind {
        case name(String)
        case variable(String)
        case number(Double)
        case string(String)
        case constant(Value)
        case regex(pattern: [UInt16], flags: String)
        case wildcard, descendant, parent
        /// left op right
        case binary(Symbol)
        /// left, the rest in items: key, value, key, value
        case group
        /// left[right]
        case filter
        /// left, terms in items
        case sort(descending: [Bool])
        /// left := right, and so on
        case bind, focus, index, apply
        case minus  // right
        case array, block  // items
        case object  // items: key, value, ...
        case call, partial  // left: procedure, items: arguments
        case placeholder
        case lambda(Signature?)  // items: parameters, right: body
        case condition  // left ? right : third
        case coalesce, elvis  // left, right
        case transform  // left | right , third
        case end
    }

    var nodes: [Node] = []
    var root = -1
}

/// A Pratt parser (V. Pratt, "Top down operator precedence", 1973) for JSONata.
struct Parser {
    private var tokenizer: Tokenizer
    private var token: Token
    private var tree = SyntaxTree()
    private var nesting = 0
    private let stackFloor: UInt

    static func parse(_ text: String, stackBytes: Int) throws(Failure) -> SyntaxTree {
        if text.utf8.count > JSONataLimits.maximumExpressionBytes {
            throw .limit(
                "U1003", "The expression is longer than \(JSONataLimits.maximumExpressionBytes) bytes")
        }
        var parser = try Parser(text, stackBytes: stackBytes)
        let root = try parser.expression(0)
        guard case .end = parser.token.kind else { throw parser.failure("S0201") }
        parser.tree.root = root
        return parser.tree
    }

    private init(_ text: String, stackBytes: Int) throws(Failure) {
        tokenizer = Tokenizer(text)
        token = try tokenizer.next(afterOperand: false)
        let address = stackAddress()
        stackFloor = address > UInt(stackBytes) ? address - UInt(stackBytes) : 0
    }

    private func failure(_ code: String) -> Failure { Failure(code, position: token.position, token: token.text) }

    private mutating func advance(afterOperand: Bool = false) throws(Failure) {
        token = try tokenizer.next(afterOperand: afterOperand)
        if case .symbol(let symbol) = token.kind, symbol == .exclamation || symbol == .tilde {
            throw failure("S0204")
        }
    }

    private func at(_ symbol: Symbol) -> Bool {
        if case .symbol(let current) = token.kind { current == symbol } else { false }
    }

    private mutating func expect(_ symbol: Symbol, afterOperand: Bool = false) throws(Failure) {
        guard at(symbol) else {
            let isEnd = if case .end = token.kind { true } else { false }
            throw Failure(
                isEnd ? "S0203" : "S0202", position: token.position, token: token.text, value: .string(symbol.rawValue))
        }
        try advance(afterOperand: afterOperand)
    }

    private mutating func add(
        _ kind: SyntaxTree.Kind, _ token: Token, left: Int = -1, right: Int = -1, third: Int = -1, items: [Int] = []
    ) -> Int {
        tree.nodes.append(
            .init(
                kind: kind, position: token.position, start: token.start, left: left, right: right, third: third,
                items: items))
        return tree.nodes.count - 1
    }

    private mutating func expression(_ power: Int) throws(Failure) -> Int {
        nesting += 1
        if nesting > JSONataLimits.maximumNesting || stackAddress() < stackFloor {
            throw Failure(
                "U1003", position: token.position,
                details: .init(message: "The expression nests deeper than \(JSONataLimits.maximumNesting) levels"))
        }
        let first = token
        try advance(afterOperand: true)
        var left = try prefix(first)
        while case .symbol(let symbol) = token.kind, symbol.leftPower > power {
            let current = token
            try advance()
            left = try infix(symbol, current, left)
        }
        nesting -= 1
        return left
    }

    // MARK: What begins an expression

    private mutating func prefix(_ first: Token) throws(Failure) -> Int {
        switch first.kind {
        case .name(let name): return add(.name(name), first)
        case .variable(let name): return add(.variable(name), first)
        case .number(let value): return add(.number(value), first)
        case .string(let value): return add(.string(value), first)
        case .constant(let value): return add(.constant(value), first)
        case .regex(let pattern, let flags): return add(.regex(pattern: pattern, flags: flags), first)
        case .end: return add(.end, first)
        case .symbol(let symbol):
            switch symbol {
            case .and, .or, .in: return add(.name(symbol.rawValue), first)
            case .star: return add(.wildcard, first)
            case .doubleStar: return add(.descendant, first)
            case .percent: return add(.parent, first)
            case .minus:
                let operand = try expression(70)
                return add(.minus, first, right: operand)
            case .leftParenthesis:
                let items = try list(until: .rightParenthesis, separator: .semicolon, mayEndWithSeparator: true)
                return add(.block, first, items: items)
            case .leftBracket:
                let items = try arrayItems()
                return add(.array, first, items: items)
            case .leftBrace:
                let items = try pairs()
                return add(.object, first, items: items)
            case .bar:
                let pattern = try expression(0)
                try expect(.bar)
                let update = try expression(0)
                var deletion = -1
                if at(.comma) {
                    try advance()
                    deletion = try expression(0)
                }
                try expect(.bar, afterOperand: true)
                return add(.transform, first, left: pattern, right: update, third: deletion)
            default: throw Failure("S0211", position: first.position, token: first.text)
            }
        }
    }

    /// Expressions up to the closing symbol, which is taken.
    private mutating func list(
        until close: Symbol, separator: Symbol, mayEndWithSeparator: Bool
    ) throws(Failure) -> [Int] {
        var items: [Int] = []
        try reenterPrefix()
        while !at(close) {
            items.append(try expression(0))
            guard at(separator) else { break }
            try advance()
            if !mayEndWithSeparator, at(close) { break }
        }
        try expect(close, afterOperand: true)
        return items
    }

    /// The token after an opening bracket was read as if an operand had gone before; a slash there begins a regular expression.
    private mutating func reenterPrefix() throws(Failure) {
        if at(.slash) {
            tokenizer.rewind(to: token.start)
            token = try tokenizer.next(afterOperand: false)
        }
    }

    private mutating func arrayItems() throws(Failure) -> [Int] {
        var items: [Int] = []
        try reenterPrefix()
        if !at(.rightBracket) {
            while true {
                var item = try expression(0)
                if at(.range) {
                    let range = token
                    try advance()
                    let upper = try expression(0)
                    item = add(.binary(.range), range, left: item, right: upper)
                }
                items.append(item)
                guard at(.comma) else { break }
                try advance()
            }
        }
        try expect(.rightBracket, afterOperand: true)
        return items
    }

    private mutating func pairs() throws(Failure) -> [Int] {
        var items: [Int] = []
        try reenterPrefix()
        if !at(.rightBrace) {
            while true {
                items.append(try expression(0))
                try expect(.colon)
                items.append(try expression(0))
                guard at(.comma) else { break }
                try advance()
            }
        }
        try expect(.rightBrace, afterOperand: true)
        return items
    }

    // MARK: What continues an expression

    private mutating func infix(_ symbol: Symbol, _ current: Token, _ left: Int) throws(Failure) -> Int {
        switch symbol {
        case .leftParenthesis: return try call(current, left)
        case .leftBracket:
            if at(.rightBracket) {
                // An empty predicate: what the step gives stays an array.
                var step = left
                while case .filter = tree.nodes[step].kind { step = tree.nodes[step].left }
                tree.nodes[step].keepArray = true
                try advance(afterOperand: true)
                return left
            }
            let predicate = try expression(0)
            try expect(.rightBracket, afterOperand: true)
            return add(.filter, current, left: left, right: predicate)
        case .leftBrace:
            let items = try pairs()
            return add(.group, current, left: left, items: items)
        case .caret:
            try expect(.leftParenthesis)
            var terms: [Int] = []
            var descending: [Bool] = []
            while true {
                var isDescending = false
                if at(.less) {
                    try advance()
                } else if at(.greater) {
                    isDescending = true
                    try advance()
                }
                terms.append(try expression(0))
                descending.append(isDescending)
                guard at(.comma) else { break }
                try advance()
            }
            try expect(.rightParenthesis, afterOperand: true)
            return add(.sort(descending: descending), current, left: left, items: terms)
        case .bind:
            guard case .variable = tree.nodes[left].kind else {
                throw Failure("S0212", position: tree.nodes[left].position, token: text(of: left))
            }
            let value = try expression(symbol.leftPower - 1)
            return add(.bind, current, left: left, right: value)
        case .at, .hash:
            let variable = try expression(symbol.leftPower)
            guard case .variable = tree.nodes[variable].kind else {
                throw Failure("S0214", position: tree.nodes[variable].position, token: symbol.rawValue)
            }
            return add(symbol == .at ? .focus : .index, current, left: left, right: variable)
        case .question:
            let then = try expression(0)
            var otherwise = -1
            if at(.colon) {
                try advance()
                otherwise = try expression(0)
            }
            return add(.condition, current, left: left, right: then, third: otherwise)
        case .elvis, .coalesce:
            let fallback = try expression(0)
            return add(symbol == .elvis ? .elvis : .coalesce, current, left: left, right: fallback)
        case .apply:
            let function = try expression(symbol.leftPower)
            return add(.apply, current, left: left, right: function)
        default:
            let right = try expression(symbol.leftPower)
            return add(.binary(symbol), current, left: left, right: right)
        }
    }

    private func text(of node: Int) -> String? {
        switch tree.nodes[node].kind {
        case .name(let name), .variable(let name), .string(let name): name
        case .number(let value): NumberText.text(value)
        case .constant(.bool(let value)): value ? "true" : "false"
        case .constant: "null"
        case .binary(let symbol): symbol.rawValue
        case .call, .partial: "("
        case .filter, .array: "["
        case .group, .object: "{"
        default: nil
        }
    }

    private mutating func call(_ current: Token, _ procedure: Int) throws(Failure) -> Int {
        var arguments: [Int] = []
        var isPartial = false
        if !at(.rightParenthesis) {
            while true {
                if at(.question) {
                    isPartial = true
                    arguments.append(add(.placeholder, token))
                    try advance(afterOperand: true)
                } else {
                    arguments.append(try expression(0))
                }
                guard at(.comma) else { break }
                try advance()
            }
        }
        try expect(.rightParenthesis, afterOperand: true)
        guard case .name(let name) = tree.nodes[procedure].kind, name == "function" || name == "\u{3BB}" else {
            return add(isPartial ? .partial : .call, current, left: procedure, items: arguments)
        }
        return try lambda(current, arguments)
    }

    private mutating func lambda(_ current: Token, _ parameters: [Int]) throws(Failure) -> Int {
        for (index, parameter) in parameters.enumerated() {
            guard case .variable = tree.nodes[parameter].kind else {
                throw Failure(
                    "S0208", position: tree.nodes[parameter].position, token: text(of: parameter),
                    value: .integer(index + 1))
            }
        }
        var signature: Signature?
        if at(.less) {
            let start = token.position
            var text = "<"
            var depth = 1
            while depth > 0, !at(.leftBrace) {
                if case .end = token.kind { break }
                try advance(afterOperand: true)
                if at(.greater) { depth -= 1 } else if at(.less) { depth += 1 }
                text += token.text
            }
            try expect(.greater)
            do throws(Failure) {
                signature = try Signature(parsing: text)
            } catch {
                error.position = start + (error.details.index ?? 0)
                throw error
            }
        }
        try expect(.leftBrace)
        let body = try expression(0)
        try expect(.rightBrace, afterOperand: true)
        return add(.lambda(signature), current, right: body, items: parameters)
    }
}
