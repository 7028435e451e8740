import JSON

/// Reads JSONPath expressions, standing alone or as arguments inside an intrinsic function.
struct JSONPathParser {
    let bytes: [UInt8]
    var position: Int
    private var descents = 0
    private var filterDepth = 0

    init(_ text: String) { self.init(bytes: Array(text.utf8), position: 0) }

    init(bytes: [UInt8], position: Int) {
        self.bytes = bytes
        self.position = position
    }

    func failure(_ reason: String, at offset: Int? = nil) -> JSONPathError {
        JSONPathError(offset: offset ?? position, reason: reason)
    }

    func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private func text(from start: Int) -> String { String(decoding: bytes[start..<position], as: UTF8.self) }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        if peek() == UInt8(ascii: character) {
            position += 1
            return true
        }
        return false
    }

    mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    /// The whole text as one path.
    mutating func wholePath() throws(JSONPathError) -> JSONPath {
        if bytes.count > JSONPath.maximumBytes {
            throw failure("a path may be \(JSONPath.maximumBytes) bytes long", at: 0)
        }
        guard peek() == UInt8(ascii: "$") else { throw failure("a path begins with '$'") }
        let path = try path()
        if position < bytes.count { throw failure("expected '.' or '[' after the path's last part") }
        return path
    }

    /// One path from here on; stops at the first byte that cannot belong to it.
    mutating func path() throws(JSONPathError) -> JSONPath {
        let start = position
        let root: JSONPath.Root
        if take("@") {
            root = .current
        } else if take("$") {
            root = take("$") ? .context : variable().map(JSONPath.Root.variable) ?? .input
        } else {
            throw failure("a path begins with '$'")
        }
        var segments: [JSONPath.Segment] = []
        loop: while let byte = peek() {
            switch byte {
            case UInt8(ascii: "."):
                position += 1
                if take(".") {
                    segments.append(try descent())
                } else {
                    segments.append(peek() == UInt8(ascii: "[") ? try bracketed() : try named())
                }
            case UInt8(ascii: "["): segments.append(try bracketed())
            default: break loop
            }
            if case .function = segments.last { break }
        }
        return JSONPath(text: text(from: start), root: root, segments: segments)
    }

    /// The name of a variable right behind `$`.
    private mutating func variable() -> String? {
        let start = position
        while let byte = peek(), isVariableByte(byte, isFirst: position == start) { position += 1 }
        return position > start ? text(from: start) : nil
    }

    /// Names are Unicode identifiers; bytes beyond ASCII belong to one.
    private func isVariableByte(_ byte: UInt8, isFirst: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
            true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !isFirst
        default: false
        }
    }

    private mutating func descent() throws(JSONPathError) -> JSONPath.Segment {
        descents += 1
        if descents > JSONPath.maximumDescents {
            throw failure("'..' may stand \(JSONPath.maximumDescents) times in one path")
        }
        if peek() == UInt8(ascii: "[") { return .descendants(try bracketed()) }
        let segment = try named()
        if case .function = segment { throw failure("a function cannot follow '..'") }
        return .descendants(segment)
    }

    /// What follows a dot: a name, `*`, or a function with its parentheses.
    private mutating func named() throws(JSONPathError) -> JSONPath.Segment {
        if take("*") { return .wildcard }
        let start = position
        while let byte = peek(), isNameByte(byte) { position += 1 }
        if position == start {
            throw failure("expected a name after '.'; names with other characters stand in brackets: ['a name']")
        }
        let name = text(from: start)
        guard take("(") else { return .names([name]) }
        guard let function = JSONPath.Function(rawValue: name) else {
            throw failure("'\(name)()' is no function of paths", at: start)
        }
        let arguments = try arguments(of: name)
        if !function.argumentCounts.contains(arguments.count) {
            throw failure("'\(name)()' does not take \(arguments.count) arguments", at: start)
        }
        return .function(function, arguments)
    }

    private mutating func arguments(of name: String) throws(JSONPathError) -> [JSONPath.Operand] {
        var arguments: [JSONPath.Operand] = []
        skipSpace()
        if take(")") { return arguments }
        filterDepth += 1
        defer { filterDepth -= 1 }
        if filterDepth > JSONPath.maximumFilterDepth { throw failure("functions nest too deep") }
        repeat {
            arguments.append(try operand())
            skipSpace()
        } while take(",")
        guard take(")") else { throw failure("expected ')' after the arguments of '\(name)'") }
        return arguments
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "$"),
            UInt8(ascii: ":"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "%"), UInt8(ascii: "+"),
            UInt8(ascii: ";"),
            UInt8(ascii: "/"), 0x80...:
            true
        default: false
        }
    }

    private mutating func bracketed() throws(JSONPathError) -> JSONPath.Segment {
        position += 1
        skipSpace()
        let segment: JSONPath.Segment
        switch peek() {
        case UInt8(ascii: "*"):
            position += 1
            segment = .wildcard
        case UInt8(ascii: "'"), UInt8(ascii: "\""): segment = .names(try quotedNames())
        case UInt8(ascii: "?"): segment = .filter(try filter())
        case UInt8(ascii: "("): segment = try lengthExpression()
        case .some: segment = try indicesOrSlice()
        case .none: throw failure("the path ends inside brackets")
        }
        skipSpace()
        guard take("]") else { throw failure("expected ']'") }
        return segment
    }

    private mutating func quotedNames() throws(JSONPathError) -> [String] {
        var names: [String] = []
        repeat {
            skipSpace()
            names.append(try quoted())
            skipSpace()
        } while take(",")
        return names
    }

    /// What a backslash and the character behind it stand for; `\u` takes four hexadecimal digits more.
    private mutating func escape(_ character: UInt8) throws(JSONPathError) -> [UInt8] {
        switch character {
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            let digits = bytes[position..<min(position + 4, bytes.count)]
            guard digits.count == 4, let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(code)
            else { throw failure("expected four hexadecimal digits of a character after '\\u'") }
            position += 4
            return Array(String(Character(scalar)).utf8)
        default: return [character]
        }
    }

    /// A text in single or double quotes; a backslash takes the next character as it stands, or a control character by
    /// its letter.
    mutating func quoted() throws(JSONPathError) -> String {
        let start = position
        guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw failure("expected a name in quotes")
        }
        position += 1
        var content: [UInt8] = []
        while let byte = peek() {
            position += 1
            if byte == quote { return String(decoding: content, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), let escaped = peek() {
                position += 1
                content += try escape(escaped)
            } else {
                content.append(byte)
            }
        }
        throw failure("the quote is not closed", at: start)
    }

    /// `(@.length-1)`, the older way to write `-1`.
    private mutating func lengthExpression() throws(JSONPathError) -> JSONPath.Segment {
        let start = position
        for byte in Array("(@.length".utf8) {
            guard peek() == byte else { throw failure("expected '(@.length-N)'", at: start) }
            position += 1
        }
        skipSpace()
        guard peek() == UInt8(ascii: "-") else { throw failure("expected '(@.length-N)'", at: start) }
        position += 1
        skipSpace()
        guard let back = try integer(), back > 0 else { throw failure("expected a positive number") }
        skipSpace()
        guard take(")") else { throw failure("expected ')'") }
        return .indices([-back])
    }

    private mutating func integer() throws(JSONPathError) -> Int? {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        let digits = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == digits {
            if position > start { throw failure("expected a number after '-'") }
            return nil
        }
        guard let value = Int32(text(from: start)) else { throw failure("the index is out of range", at: start) }
        return Int(value)
    }

    private mutating func indicesOrSlice() throws(JSONPathError) -> JSONPath.Segment {
        let first = try integer()
        skipSpace()
        if take(":") {
            skipSpace()
            let last = try integer()
            skipSpace()
            if peek() == UInt8(ascii: ":") { throw failure("slices have no step here") }
            return .slice(from: first, to: last)
        }
        guard let first else { throw failure("expected an index, a quoted name, '*', a slice or a filter in brackets") }
        var indices = [first]
        while take(",") {
            skipSpace()
            guard let next = try integer() else { throw failure("expected an index") }
            indices.append(next)
            skipSpace()
        }
        return .indices(indices)
    }
}

// MARK: - Filters

extension JSONPathParser {
    private mutating func filter() throws(JSONPathError) -> JSONPath.Filter {
        position += 1
        skipSpace()
        guard peek() == UInt8(ascii: "(") else { throw failure("a filter is written '[?(...)]'") }
        return try negatable()
    }

    private mutating func disjunction() throws(JSONPathError) -> JSONPath.Filter {
        var parts = [try conjunction()]
        while take("|", twice: true) { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func conjunction() throws(JSONPathError) -> JSONPath.Filter {
        var parts = [try negatable()]
        while take("&", twice: true) { parts.append(try negatable()) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func take(_ character: Unicode.Scalar, twice: Bool) -> Bool {
        skipSpace()
        guard peek() == UInt8(ascii: character), peek(1) == UInt8(ascii: character) else { return false }
        position += 2
        return true
    }

    private mutating func negatable() throws(JSONPathError) -> JSONPath.Filter {
        skipSpace()
        filterDepth += 1
        defer { filterDepth -= 1 }
        if filterDepth > JSONPath.maximumFilterDepth { throw failure("filters nest too deep") }
        if take("!") { return .not(try negatable()) }
        if take("(") {
            let inner = try disjunction()
            skipSpace()
            guard take(")") else { throw failure("expected ')' or an operator in the filter") }
            return inner
        }
        return try comparison()
    }

    private mutating func comparison() throws(JSONPathError) -> JSONPath.Filter {
        let start = position
        let left = try operand()
        skipSpace()
        if peek() == UInt8(ascii: "="), peek(1) == UInt8(ascii: "~") {
            position += 2
            skipSpace()
            return .pattern(left, try pattern())
        }
        guard let comparison = try comparator() else {
            guard case .path(let path) = left else {
                throw failure("a filter compares values or names a path that must exist", at: start)
            }
            return .exists(path)
        }
        skipSpace()
        return .comparison(left, comparison, try operand())
    }

    private mutating func comparator() throws(JSONPathError) -> JSONPath.Comparator? {
        for comparator in JSONPath.Comparator.allCases {
            let word = Array(comparator.rawValue.utf8)
            // Words may be written in capitals too; symbols have none.
            guard position + word.count <= bytes.count,
                zip(bytes[position...], word).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 && $1 >= UInt8(ascii: "a") })
            else { continue }
            let isWord = word[0] >= UInt8(ascii: "a")
            if isWord, let next = peek(word.count), isNameByte(next) { continue }
            position += word.count
            return comparator
        }
        return nil
    }

    /// A regular expression between slashes, its flags behind.
    private mutating func pattern() throws(JSONPathError) -> FilterPattern {
        let start = position
        guard take("/") else { throw failure("expected a regular expression between slashes") }
        let first = position
        while let byte = peek(), byte != UInt8(ascii: "/") {
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < bytes.count else { throw failure("the regular expression is not closed", at: start) }
        let body = text(from: first)
        position += 1
        let flags = position
        while let byte = peek(), (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) { position += 1 }
        do {
            return try FilterPattern(body, flags: text(from: flags))
        } catch {
            throw failure(error.reason, at: start)
        }
    }

    private mutating func operand() throws(JSONPathError) -> JSONPath.Operand {
        skipSpace()
        let start = position
        switch peek() {
        case UInt8(ascii: "@"): return .path(try path())
        case UInt8(ascii: "$"):
            let path = try path()
            // It is evaluated for every candidate, so it must be cheap.
            if !path.isDefinite { throw failure("'\(path.text)' inside a filter must name one value", at: start) }
            return .path(path)
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .value(.string(try quoted()))
        case UInt8(ascii: "["): return .value(.array(try literals()))
        default: break
        }
        while let byte = peek(), isNameByte(byte) || byte == UInt8(ascii: ".") { position += 1 }
        let word = text(from: start)
        switch word {
        case "true": return .value(.bool(true))
        case "false": return .value(.bool(false))
        case "null": return .value(.null)
        default:
            guard let number = IntrinsicCall.number(word) else {
                throw failure("'\(word)' is neither a path nor a value; texts stand in quotes", at: start)
            }
            return .value(number)
        }
    }

    private mutating func literals() throws(JSONPathError) -> [JSON] {
        position += 1
        var values: [JSON] = []
        skipSpace()
        if take("]") { return values }
        filterDepth += 1
        defer { filterDepth -= 1 }
        if filterDepth > JSONPath.maximumFilterDepth { throw failure("filters nest too deep") }
        repeat {
            guard case .value(let value) = try operand() else { throw failure("expected a value in the list") }
            values.append(value)
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("expected ']' after the list") }
        return values
    }
}
