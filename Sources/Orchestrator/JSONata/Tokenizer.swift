/// The symbols of the language, by how they are written.
enum Symbol: String, Sendable {
    case dot = "."
    case leftBracket = "["
    case rightBracket = "]"
    case leftBrace = "{"
    case rightBrace = "}"
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case comma = ","
    case at = "@"
    case hash = "#"
    case semicolon = ";"
    case colon = ":"
    case question = "?"
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case percent = "%"
    case bar = "|"
    case equals = "="
    case less = "<"
    case greater = ">"
    case caret = "^"
    case doubleStar = "**"
    case range = ".."
    case bind = ":="
    case notEquals = "!="
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case apply = "~>"
    case elvis = "?:"
    case coalesce = "??"
    case and = "and"
    case or = "or"
    case `in` = "in"
    case ampersand = "&"
    case exclamation = "!"
    case tilde = "~"

    /// How strongly the symbol binds to what stands left of it (docs.jsonata.org, "Operators").
    var leftPower: Int {
        switch self {
        case .leftParenthesis, .leftBracket, .at, .hash: 80
        case .dot: 75
        case .leftBrace: 70
        case .star, .slash, .percent: 60
        case .plus, .minus, .ampersand: 50
        case .equals, .less, .greater, .caret, .notEquals, .lessOrEqual, .greaterOrEqual, .apply, .elvis, .coalesce,
            .in:
            40
        case .and: 30
        case .or: 25
        case .question: 20
        case .bind: 10
        case .rightBracket, .rightBrace, .rightParenthesis, .comma, .semicolon, .colon, .bar, .doubleStar, .range,
            .exclamation, .tilde:
            0
        }
    }
}

struct Token {
    enum Kind {
        case symbol(Symbol)
        case name(String)
        case variable(String)
        case number(Double)
        case string(String)
        case constant(Value)
        case regex(pattern: [UInt16], flags: String)
        case end
    }

    let kind: Kind
    /// UTF-16 offset of the first code unit.
    let start: Int
    /// UTF-16 offset after the last: what errors name as position.
    let position: Int

    /// The token as messages name it.
    var text: String {
        switch kind {
        case .symbol(let symbol): symbol.rawValue
        case .name(let name): name
        case .variable(let name): name
        case .number(let value): NumberText.text(value)
        case .string(let value): value
        case .constant(.bool(let value)): value ? "true" : "false"
        case .constant: "null"
        case .regex(let pattern, let flags): "/" + String(decoding: pattern, as: UTF16.self) + "/" + flags
        case .end: "(end)"
        }
    }
}

/// Cuts an expression into tokens.
struct Tokenizer {
    let units: [UInt16]
    private var position = 0

    init(_ text: String) { units = Array(text.utf16) }

    /// Goes back to read a token again in another sense.
    mutating func rewind(to start: Int) { position = start }

    private func failure(_ code: String, at position: Int, token: String? = nil) -> Failure {
        Failure(code, position: position, token: token)
    }

    private func unit(_ offset: Int) -> UInt16? { offset < units.count ? units[offset] : nil }

    private static func isSpace(_ unit: UInt16) -> Bool { unit == 0x20 || (0x09...0x0D).contains(unit) && unit != 0x0C }

    private static let singles: [UInt16: Symbol] = {
        var table: [UInt16: Symbol] = [:]
        for symbol in [
            Symbol.dot, .leftBracket, .rightBracket, .leftBrace, .rightBrace, .leftParenthesis, .rightParenthesis,
            .comma, .at, .hash, .semicolon, .colon, .question, .plus, .minus, .star, .slash, .percent, .bar, .equals,
            .less, .greater, .caret, .ampersand, .exclamation, .tilde,
        ] {
            for unit in symbol.rawValue.utf16 { table[unit] = symbol }
        }
        return table
    }()

    private static func double(_ first: UInt16, _ second: UInt16?) -> Symbol? {
        guard let second, second < 0x80, first < 0x80 else { return nil }
        return switch (UInt8(first), UInt8(second)) {
        case (UInt8(ascii: "."), UInt8(ascii: ".")): .range
        case (UInt8(ascii: ":"), UInt8(ascii: "=")): .bind
        case (UInt8(ascii: "!"), UInt8(ascii: "=")): .notEquals
        case (UInt8(ascii: ">"), UInt8(ascii: "=")): .greaterOrEqual
        case (UInt8(ascii: "<"), UInt8(ascii: "=")): .lessOrEqual
        case (UInt8(ascii: "*"), UInt8(ascii: "*")): .doubleStar
        case (UInt8(ascii: "~"), UInt8(ascii: ">")): .apply
        case (UInt8(ascii: "?"), UInt8(ascii: ":")): .elvis
        case (UInt8(ascii: "?"), UInt8(ascii: "?")): .coalesce
        default: nil
        }
    }

    /// The next token. After an operand a `/` divides; elsewhere it begins a regular expression.
    mutating func next(afterOperand: Bool) throws(Failure) -> Token {
        try skipSpaceAndComments()
        let start = position
        guard position < units.count else { return Token(kind: .end, start: start, position: units.count) }
        let first = units[position]
        if first == UInt16(UInt8(ascii: "/")), !afterOperand {
            position += 1
            return try regularExpression(start)
        }
        if let symbol = Tokenizer.double(first, unit(position + 1)) {
            position += 2
            return Token(kind: .symbol(symbol), start: start, position: position)
        }
        if let symbol = Tokenizer.singles[first] {
            position += 1
            return Token(kind: .symbol(symbol), start: start, position: position)
        }
        switch first {
        case UInt16(UInt8(ascii: "\"")), UInt16(UInt8(ascii: "'")): return try string(quote: first, start)
        case UInt16(UInt8(ascii: "0"))...UInt16(UInt8(ascii: "9")): return try number(start)
        case UInt16(UInt8(ascii: "`")): return try quotedName(start)
        default: return name(start)
        }
    }

    private mutating func skipSpaceAndComments() throws(Failure) {
        while let unit = unit(position) {
            if Tokenizer.isSpace(unit) {
                position += 1
            } else if unit == UInt16(UInt8(ascii: "/")), self.unit(position + 1) == UInt16(UInt8(ascii: "*")) {
                let start = position
                position += 2
                while true {
                    guard position + 1 < units.count else { throw failure("S0106", at: start) }
                    if units[position] == UInt16(UInt8(ascii: "*")), units[position + 1] == UInt16(UInt8(ascii: "/")) {
                        break
                    }
                    position += 1
                }
                position += 2
            } else {
                return
            }
        }
    }

    /// The pattern runs to the first `/` that is neither escaped nor inside brackets.
    private mutating func regularExpression(_ start: Int) throws(Failure) -> Token {
        let patternStart = position
        var depth = 0
        var isEscaped = false
        while let unit = unit(position) {
            if isEscaped {
                isEscaped = false
            } else {
                switch unit {
                case UInt16(UInt8(ascii: "\\")): isEscaped = true
                case UInt16(UInt8(ascii: "(")), UInt16(UInt8(ascii: "[")), UInt16(UInt8(ascii: "{")): depth += 1
                case UInt16(UInt8(ascii: ")")), UInt16(UInt8(ascii: "]")), UInt16(UInt8(ascii: "}")): depth -= 1
                case UInt16(UInt8(ascii: "/")) where depth == 0:
                    let pattern = Array(units[patternStart..<position])
                    if pattern.isEmpty { throw failure("S0301", at: position) }
                    position += 1
                    let flagStart = position
                    while let flag = self.unit(position),
                        flag == UInt16(UInt8(ascii: "i")) || flag == UInt16(UInt8(ascii: "m"))
                    {
                        position += 1
                    }
                    let flags = String(decoding: units[flagStart..<position], as: UTF16.self)
                    return Token(kind: .regex(pattern: pattern, flags: flags), start: start, position: position)
                default: break
                }
            }
            position += 1
        }
        throw failure("S0302", at: position)
    }

    private mutating func string(quote: UInt16, _ start: Int) throws(Failure) -> Token {
        position += 1
        var text: [UInt16] = []
        while let unit = unit(position) {
            if unit == quote {
                position += 1
                return Token(
                    kind: .string(String(decoding: text, as: UTF16.self)), start: start, position: position)
            }
            guard unit == UInt16(UInt8(ascii: "\\")) else {
                text.append(unit)
                position += 1
                continue
            }
            position += 1
            guard let escaped = self.unit(position) else { break }
            switch escaped {
            case UInt16(UInt8(ascii: "\"")), UInt16(UInt8(ascii: "\\")), UInt16(UInt8(ascii: "/")): text.append(escaped)
            case UInt16(UInt8(ascii: "b")): text.append(0x08)
            case UInt16(UInt8(ascii: "f")): text.append(0x0C)
            case UInt16(UInt8(ascii: "n")): text.append(0x0A)
            case UInt16(UInt8(ascii: "r")): text.append(0x0D)
            case UInt16(UInt8(ascii: "t")): text.append(0x09)
            case UInt16(UInt8(ascii: "u")):
                var code: UInt16 = 0
                for index in 1...4 {
                    guard let digit = self.unit(position + index).flatMap(Tokenizer.hexDigit) else {
                        throw failure("S0104", at: position)
                    }
                    code = code << 4 | digit
                }
                text.append(code)
                position += 4
            default:
                throw failure("S0103", at: position, token: String(decoding: [escaped], as: UTF16.self))
            }
            position += 1
        }
        throw failure("S0101", at: position)
    }

    static func hexDigit(_ unit: UInt16) -> UInt16? {
        switch unit {
        case 0x30...0x39: unit - 0x30
        case 0x41...0x46: unit - 0x41 + 10
        case 0x61...0x66: unit - 0x61 + 10
        default: nil
        }
    }

    private mutating func number(_ start: Int) throws(Failure) -> Token {
        func digits(from offset: Int) -> Int {
            var end = offset
            while let unit = unit(end), (0x30...0x39).contains(unit) { end += 1 }
            return end
        }
        // A leading zero stands alone: what follows is another token.
        var end = units[position] == 0x30 ? position + 1 : digits(from: position)
        if unit(end) == UInt16(UInt8(ascii: ".")) {
            let fraction = digits(from: end + 1)
            if fraction > end + 1 { end = fraction }
        }
        if let unit = unit(end), unit | 0x20 == UInt16(UInt8(ascii: "e")) {
            var exponent = end + 1
            if let sign = self.unit(exponent), sign == UInt16(UInt8(ascii: "+")) || sign == UInt16(UInt8(ascii: "-")) {
                exponent += 1
            }
            let after = digits(from: exponent)
            if after > exponent { end = after }
        }
        let text = String(decoding: units[position..<end], as: UTF16.self)
        guard let value = Double(text), value.isFinite else { throw failure("S0102", at: position, token: text) }
        position = end
        return Token(kind: .number(value), start: start, position: position)
    }

    private mutating func quotedName(_ start: Int) throws(Failure) -> Token {
        position += 1
        guard let end = units[position...].firstIndex(of: UInt16(UInt8(ascii: "`"))) else {
            position = units.count
            throw failure("S0105", at: position)
        }
        let name = String(decoding: units[position..<end], as: UTF16.self)
        position = end + 1
        return Token(kind: .name(name), start: start, position: position)
    }

    private mutating func name(_ start: Int) -> Token {
        var end = position
        while let unit = unit(end), !Tokenizer.isSpace(unit), Tokenizer.singles[unit] == nil { end += 1 }
        position = end
        let text = String(decoding: units[start..<end], as: UTF16.self)
        let kind: Token.Kind
        if units[start] == UInt16(UInt8(ascii: "$")) {
            kind = .variable(String(decoding: units[(start + 1)..<end], as: UTF16.self))
        } else {
            switch text {
            case "or": kind = .symbol(.or)
            case "in": kind = .symbol(.in)
            case "and": kind = .symbol(.and)
            case "true": kind = .constant(.bool(true))
            case "false": kind = .constant(.bool(false))
            case "null": kind = .constant(.null)
            default: kind = .name(text)
            }
        }
        return Token(kind: kind, start: start, position: position)
    }
}
