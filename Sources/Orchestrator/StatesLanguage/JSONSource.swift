public import JSON

/// Why a definition's text is no JSON.
public struct JSONSourceError: Error, Sendable, Hashable {
    public let place: SourcePlace
    public let reason: String
}

extension SourceTree {
    /// Reads JSON text with the place of every value and repeated members kept. Definitions come over the wire as JSON;
    /// files are read by the YAML room, which reads JSON too.
    public init(parsingJSON text: String) throws(JSONSourceError) {
        var reader = JSONSourceReader(bytes: Array(text.utf8))
        self = try reader.document()
    }
}

extension SourceTree {
    /// The place of a byte of the text.
    func place(ofByte offset: Int, in text: String) -> SourcePlace {
        place(ofCharacter: text.utf8.prefix(offset).reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) })
    }

    /// The place of a UTF-16 code unit of what stands behind so many characters of the text.
    func place(ofCodeUnit offset: Int, in text: String, behind characters: Int) -> SourcePlace {
        place(
            ofCharacter: characters + text.utf16.prefix(offset).reduce(0) { $0 + (UTF16.isTrailSurrogate($1) ? 0 : 1) })
    }
}

extension JSONPathError {
    /// The reason, with the character at fault where the place in the file can't tell it.
    func advice(in tree: SourceTree) -> String { tree.textPlace == nil ? description : reason }
}

/// The structure of a JSON text; texts, numbers and words are left to the JSON room.
private struct JSONSourceReader {
    let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var column = 1
    private var depth = 0

    private static let maximumDepth = 200

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var place: SourcePlace { SourcePlace(line: line, column: column) }

    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ reason: String) -> JSONSourceError { JSONSourceError(place: place, reason: reason) }

    /// Columns count characters: continuation bytes of UTF-8 add none.
    private mutating func advance() {
        let byte = bytes[position]
        position += 1
        if byte == 0x0A {
            line += 1
            column = 1
        } else if byte & 0xC0 != 0x80 {
            column += 1
        }
    }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { advance() }
    }

    mutating func document() throws(JSONSourceError) -> SourceTree {
        skipSpace()
        let tree = try value()
        skipSpace()
        if byte != nil { throw failure("text after the value") }
        return tree
    }

    private mutating func value() throws(JSONSourceError) -> SourceTree {
        let start = place
        switch byte {
        case UInt8(ascii: "{"): return SourceTree(.mapping(try members()), at: start)
        case UInt8(ascii: "["): return SourceTree(.sequence(try elements()), at: start)
        case .some:
            let first = position
            let scalar = try scalar()
            let isVerbatim = bytes[first] == UInt8(ascii: "\"") && !bytes[first..<position].contains(UInt8(ascii: "\\"))
            return SourceTree(
                .scalar(scalar), at: start,
                text: isVerbatim ? SourcePlace(line: start.line, column: start.column + 1) : nil)
        case .none: throw failure("the text ends where a value was expected")
        }
    }

    private mutating func open() throws(JSONSourceError) {
        depth += 1
        if depth > JSONSourceReader.maximumDepth {
            throw failure("nested deeper than \(JSONSourceReader.maximumDepth) levels")
        }
        advance()
        skipSpace()
    }

    private mutating func close(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        advance()
        depth -= 1
        return true
    }

    private mutating func elements() throws(JSONSourceError) -> [SourceTree] {
        try open()
        var elements: [SourceTree] = []
        if close("]") { return elements }
        while true {
            elements.append(try value())
            skipSpace()
            if close("]") { return elements }
            guard byte == UInt8(ascii: ",") else { throw failure("expected ',' or ']' in an array") }
            advance()
            skipSpace()
        }
    }

    private mutating func members() throws(JSONSourceError) -> [SourceTree.Member] {
        try open()
        var members: [SourceTree.Member] = []
        if close("}") { return members }
        while true {
            let keyPlace = place
            guard byte == UInt8(ascii: "\""), case .string(let key) = try scalar() else {
                throw failure("expected a member name in double quotes")
            }
            skipSpace()
            guard byte == UInt8(ascii: ":") else { throw failure("expected ':' after the member name") }
            advance()
            skipSpace()
            members.append(SourceTree.Member(key: key, keyPlace: keyPlace, value: try value()))
            skipSpace()
            if close("}") { return members }
            guard byte == UInt8(ascii: ",") else { throw failure("expected ',' or '}' in an object") }
            advance()
            skipSpace()
        }
    }

    private mutating func scalar() throws(JSONSourceError) -> JSON {
        let start = position
        let startPlace = place
        if byte == UInt8(ascii: "\"") {
            advance()
            while let byte, byte != UInt8(ascii: "\"") {
                advance()
                if byte == UInt8(ascii: "\\"), self.byte != nil { advance() }
            }
            if byte == nil { throw JSONSourceError(place: startPlace, reason: "the text ends inside a string") }
            advance()
        } else {
            while let byte, ![0x20, 0x09, 0x0A, 0x0D].contains(byte), !",]}:[{\"".utf8.contains(byte) { advance() }
        }
        do {
            return try JSON(parsing: Array(bytes[start..<position]))
        } catch {
            throw JSONSourceError(place: startPlace, reason: error.reason)
        }
    }
}
