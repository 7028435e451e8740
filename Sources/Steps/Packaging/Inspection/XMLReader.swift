/// An element of an XML document with the line it begins on. Comments, processing instructions and document types are
/// passed over; there are no entities but the five of XML and character references.
public struct XMLNode: Sendable {
    public let name: String
    public let line: Int
    public internal(set) var attributes: [String: String]
    public internal(set) var children: [XMLNode] = []
    /// All of its text but what is blank.
    public internal(set) var text = ""
    /// The text between its children, blanks too.
    public internal(set) var runs: [Run] = []

    public struct Run: Sendable, Hashable {
        public let text: String
        /// How many children stand before it.
        public let place: Int
    }

    public func all(_ name: String) -> [XMLNode] { children.filter { $0.name == name } }
    public func first(_ name: String) -> XMLNode? { children.first { $0.name == name } }

    /// Elements within elements.
    static let maximumDepth = 64
    static let maximumSize = 32 << 20

    /// The root of a document.
    /// - Throws: what breaks XML's rules, with its line.
    public static func read(_ bytes: [UInt8]) throws(XMLProblem) -> XMLNode {
        guard bytes.count <= maximumSize else { throw XMLProblem(line: 1, "\(bytes.count) bytes are too many") }
        var reader = XMLReader(bytes)
        return try reader.document()
    }
}

/// Why bytes are no XML.
public struct XMLProblem: Error, Sendable, Hashable, CustomStringConvertible {
    public let line: Int
    public let message: String

    init(line: Int, _ message: String) {
        self.line = line
        self.message = message
    }

    public var description: String { "line \(line): \(message)" }
}

private struct XMLReader {
    private let bytes: [UInt8]
    private var place = 0
    private var line = 1

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
    }

    private var isAtEnd: Bool { place >= bytes.count }

    private func starts(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard place + length <= bytes.count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[place..<place + length]) }
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where place < bytes.count {
            if bytes[place] == 0x0A { line += 1 }
            place += 1
        }
    }

    private mutating func skip(past end: StaticString) throws(XMLProblem) {
        let from = line
        while !starts(end) {
            if isAtEnd { throw XMLProblem(line: from, "something that begins here does not end") }
            advance()
        }
        advance(end.utf8CodeUnitCount)
    }

    private mutating func skipBlanks() {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { advance() }
    }

    mutating func document() throws(XMLProblem) -> XMLNode {
        try skipMiscellany()
        guard starts("<") else { throw XMLProblem(line: line, "no element") }
        let root = try element(depth: 0)
        try skipMiscellany()
        guard isAtEnd else { throw XMLProblem(line: line, "something follows the root element") }
        return root
    }

    private mutating func skipMiscellany() throws(XMLProblem) {
        while true {
            skipBlanks()
            if starts("<?") {
                try skip(past: "?>")
            } else if starts("<!--") {
                try skip(past: "-->")
            } else if starts("<!") {
                try skip(past: ">")
            } else {
                return
            }
        }
    }

    private mutating func name() throws(XMLProblem) -> String {
        let start = place
        while place < bytes.count, ![0x20, 0x09, 0x0A, 0x0D, 0x2F, 0x3E, 0x3D, 0x3C, 0x22].contains(bytes[place]) {
            place += 1
        }
        guard place > start else { throw XMLProblem(line: line, "a name is missing") }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    private mutating func element(depth: Int) throws(XMLProblem) -> XMLNode {
        guard depth < XMLNode.maximumDepth else { throw XMLProblem(line: line, "elements are nested too deeply") }
        let start = line
        advance()
        var node = XMLNode(name: try name(), line: start, attributes: [:])
        while true {
            skipBlanks()
            if starts("/>") {
                advance(2)
                return node
            }
            if starts(">") {
                advance()
                break
            }
            let key = try name()
            skipBlanks()
            guard starts("=") else { throw XMLProblem(line: line, "attribute '\(key)' has no value") }
            advance()
            skipBlanks()
            guard let quote = isAtEnd ? nil : bytes[place], quote == 0x22 || quote == 0x27 else {
                throw XMLProblem(line: line, "the value of '\(key)' is not in quotes")
            }
            advance()
            let from = place
            while place < bytes.count, bytes[place] != quote {
                if bytes[place] == 0x3C { throw XMLProblem(line: line, "'<' in the value of '\(key)'") }
                advance()
            }
            if isAtEnd { throw XMLProblem(line: start, "the value of '\(key)' does not end") }
            if node.attributes[key] != nil { throw XMLProblem(line: line, "attribute '\(key)' stands twice") }
            node.attributes[key] = try unescaped(bytes[from..<place])
            advance()
        }
        try content(of: &node, depth: depth)
        return node
    }

    private mutating func content(of node: inout XMLNode, depth: Int) throws(XMLProblem) {
        while true {
            if starts("</") {
                advance(2)
                let end = try name()
                skipBlanks()
                guard end == node.name, starts(">") else {
                    throw XMLProblem(line: line, "'\(node.name)' of line \(node.line) is ended by '\(end)'")
                }
                advance()
                return
            }
            if starts("<!--") {
                try skip(past: "-->")
            } else if starts("<![CDATA[") {
                advance(9)
                let from = place
                try skip(past: "]]>")
                let text = String(decoding: bytes[from..<place - 3], as: UTF8.self)
                node.text += text
                node.runs.append(XMLNode.Run(text: text, place: node.children.count))
            } else if starts("<?") {
                try skip(past: "?>")
            } else if starts("<") {
                node.children.append(try element(depth: depth + 1))
            } else if isAtEnd {
                throw XMLProblem(line: node.line, "'\(node.name)' does not end")
            } else {
                let from = place
                while place < bytes.count, bytes[place] != 0x3C { advance() }
                let text = try unescaped(bytes[from..<place])
                if text.contains(where: { !$0.isWhitespace }) { node.text += text }
                node.runs.append(XMLNode.Run(text: text, place: node.children.count))
            }
        }
    }

    private func unescaped(_ bytes: ArraySlice<UInt8>) throws(XMLProblem) -> String {
        guard bytes.contains(0x26) else { return String(decoding: bytes, as: UTF8.self) }
        var result = ""
        for (index, part) in bytes.split(separator: 0x26, omittingEmptySubsequences: false).enumerated() {
            if index == 0 {
                result += String(decoding: part, as: UTF8.self)
                continue
            }
            guard let end = part.firstIndex(of: 0x3B) else { throw XMLProblem(line: line, "'&' without ';'") }
            let name = String(decoding: part[..<end], as: UTF8.self)
            switch name {
            case "amp": result += "&"
            case "lt": result += "<"
            case "gt": result += ">"
            case "quot": result += "\""
            case "apos": result += "'"
            default:
                let digits = name.dropFirst(name.hasPrefix("#x") ? 2 : 1)
                guard name.hasPrefix("#"), let code = UInt32(digits, radix: name.hasPrefix("#x") ? 16 : 10),
                    let scalar = Unicode.Scalar(code)
                else { throw XMLProblem(line: line, "'&\(name.prefix(20));' is no entity of XML's own") }
                result.unicodeScalars.append(scalar)
            }
            result += String(decoding: part[part.index(after: end)...], as: UTF8.self)
        }
        return result
    }
}
