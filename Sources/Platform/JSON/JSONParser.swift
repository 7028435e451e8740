import OrderedCollections

/// Why a text is not JSON: the byte offset of the first offending byte, and the reason in words.
public struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    public let offset: Int
    public let reason: String

    public var description: String { "not valid JSON at byte \(offset): \(reason)" }
}

extension JSON {
    /// Arrays and objects may nest this deep; deeper documents are refused rather than risking the stack.
    public static let maximumDepth = 512

    /// Parses one JSON text (RFC 8259), surrounding white space allowed, nothing after it.
    ///
    /// Of repeated members the last value counts. An unpaired UTF-16 surrogate escape becomes U+FFFD, since Swift
    /// strings hold Unicode scalars only.
    public init(parsing text: String) throws(JSONSyntaxError) {
        try self.init(parsing: Array(text.utf8))
    }

    /// Parses UTF-8 bytes; see ``init(parsing:)-(String)``.
    public init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0
        var depth = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        func failure(_ reason: String, at offset: Int? = nil) -> JSONSyntaxError {
            JSONSyntaxError(offset: offset ?? position, reason: reason)
        }

        mutating func document() throws(JSONSyntaxError) -> JSON {
            skipWhiteSpace()
            let value = try value()
            skipWhiteSpace()
            if position < bytes.count { throw failure("text after the value") }
            return value
        }

        mutating func skipWhiteSpace() {
            while position < bytes.count {
                switch bytes[position] {
                case 0x20, 0x09, 0x0A, 0x0D: position += 1
                default: return
                }
            }
        }

        mutating func value() throws(JSONSyntaxError) -> JSON {
            guard position < bytes.count else { throw failure("the text ends where a value was expected") }
            switch bytes[position] {
            case UInt8(ascii: "{"): return try object()
            case UInt8(ascii: "["): return try array()
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try literal("true", .bool(true))
            case UInt8(ascii: "f"): return try literal("false", .bool(false))
            case UInt8(ascii: "n"): return try literal("null", .null)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
            default: throw failure("unexpected character where a value was expected")
            }
        }

        mutating func literal(_ word: StaticString, _ value: JSON) throws(JSONSyntaxError) -> JSON {
            let count = word.utf8CodeUnitCount
            guard position + count <= bytes.count else { throw failure("incomplete literal") }
            for index in 0..<count where bytes[position + index] != word.utf8Start[index] {
                throw failure("expected '\(word)'")
            }
            position += count
            return value
        }

        mutating func enter() throws(JSONSyntaxError) {
            depth += 1
            if depth > JSON.maximumDepth { throw failure("nested deeper than \(JSON.maximumDepth) levels") }
        }

        mutating func object() throws(JSONSyntaxError) -> JSON {
            try enter()
            position += 1
            var members: OrderedDictionary<String, JSON> = [:]
            skipWhiteSpace()
            if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
                position += 1
                depth -= 1
                return .object(members)
            }
            while true {
                skipWhiteSpace()
                guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                    throw failure("expected a member name in double quotes")
                }
                let key = try string()
                skipWhiteSpace()
                guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                    throw failure("expected ':' after the member name")
                }
                position += 1
                skipWhiteSpace()
                members[key] = try value()
                skipWhiteSpace()
                guard position < bytes.count else { throw failure("the text ends inside an object") }
                switch bytes[position] {
                case UInt8(ascii: ","): position += 1
                case UInt8(ascii: "}"):
                    position += 1
                    depth -= 1
                    return .object(members)
                default: throw failure("expected ',' or '}' in an object")
                }
            }
        }

        mutating func array() throws(JSONSyntaxError) -> JSON {
            try enter()
            position += 1
            var elements: [JSON] = []
            skipWhiteSpace()
            if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
                position += 1
                depth -= 1
                return .array(elements)
            }
            while true {
                skipWhiteSpace()
                elements.append(try value())
                skipWhiteSpace()
                guard position < bytes.count else { throw failure("the text ends inside an array") }
                switch bytes[position] {
                case UInt8(ascii: ","): position += 1
                case UInt8(ascii: "]"):
                    position += 1
                    depth -= 1
                    return .array(elements)
                default: throw failure("expected ',' or ']' in an array")
                }
            }
        }

        mutating func string() throws(JSONSyntaxError) -> String {
            position += 1
            let start = position
            // Most strings hold no escape: take the bytes as they stand.
            while position < bytes.count {
                let byte = bytes[position]
                if byte == UInt8(ascii: "\"") {
                    let slice = bytes[start..<position]
                    position += 1
                    return try decode(slice, at: start)
                }
                if byte == UInt8(ascii: "\\") { break }
                if byte < 0x20 { throw failure("a control character inside a string must be escaped") }
                position += 1
            }
            var decoded = Array(bytes[start..<position])
            while position < bytes.count {
                let byte = bytes[position]
                switch byte {
                case UInt8(ascii: "\""):
                    position += 1
                    return try decode(decoded[...], at: start)
                case UInt8(ascii: "\\"):
                    position += 1
                    try escape(into: &decoded)
                case 0..<0x20: throw failure("a control character inside a string must be escaped")
                default:
                    decoded.append(byte)
                    position += 1
                }
            }
            throw failure("the text ends inside a string")
        }

        func decode(_ slice: ArraySlice<UInt8>, at start: Int) throws(JSONSyntaxError) -> String {
            guard let text = String(validating: slice, as: UTF8.self) else {
                throw failure("a string is not valid UTF-8", at: start)
            }
            return text
        }

        mutating func escape(into decoded: inout [UInt8]) throws(JSONSyntaxError) {
            guard position < bytes.count else { throw failure("the text ends inside an escape") }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
            case UInt8(ascii: "b"): decoded.append(0x08)
            case UInt8(ascii: "f"): decoded.append(0x0C)
            case UInt8(ascii: "n"): decoded.append(0x0A)
            case UInt8(ascii: "r"): decoded.append(0x0D)
            case UInt8(ascii: "t"): decoded.append(0x09)
            case UInt8(ascii: "u"):
                let first = try codeUnit()
                var scalar = UInt32(first)
                if (0xD800...0xDBFF).contains(first), position + 1 < bytes.count,
                    bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
                {
                    let mark = position
                    position += 2
                    let second = try codeUnit()
                    if (0xDC00...0xDFFF).contains(second) {
                        scalar = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
                    } else {
                        position = mark
                    }
                }
                let character = Unicode.Scalar(scalar) ?? "\u{FFFD}"
                decoded.append(contentsOf: UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
            default: throw failure("unknown escape '\\\(Character(Unicode.Scalar(byte)))'", at: position - 1)
            }
        }

        mutating func codeUnit() throws(JSONSyntaxError) -> UInt16 {
            guard position + 4 <= bytes.count else { throw failure("the text ends inside a \\u escape") }
            var unit: UInt16 = 0
            for _ in 0..<4 {
                guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                    throw failure("a \\u escape needs four hexadecimal digits")
                }
                unit = unit << 4 | UInt16(digit)
                position += 1
            }
            return unit
        }

        mutating func digits() throws(JSONSyntaxError) {
            let start = position
            while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
                position += 1
            }
            if position == start { throw failure("expected a digit") }
        }

        mutating func number() throws(JSONSyntaxError) -> JSON {
            let start = position
            var isInteger = true
            if bytes[position] == UInt8(ascii: "-") { position += 1 }
            if position < bytes.count, bytes[position] == UInt8(ascii: "0") {
                position += 1
                if position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
                    throw failure("a number must not start with 0")
                }
            } else {
                try digits()
            }
            if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
                isInteger = false
                position += 1
                try digits()
            }
            if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
                isInteger = false
                position += 1
                if position < bytes.count,
                    bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
                {
                    position += 1
                }
                try digits()
            }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            if isInteger, let value = Int64(text), text != "-0" { return .integer(value) }
            guard let value = Double(text), value.isFinite else {
                throw failure("the number is out of range", at: start)
            }
            return .double(value)
        }
    }
}
