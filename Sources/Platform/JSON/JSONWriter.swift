extension JSON: CustomStringConvertible {
    /// The value as compact JSON text: no white space, members in their order.
    public var text: String { String(decoding: utf8, as: UTF8.self) }

    public var description: String { text }

    /// The compact text as UTF-8 bytes.
    public var utf8: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }

    /// The compact text with object members sorted by the bytes of their names: equal values give equal bytes, so that
    /// it can be hashed.
    public var canonicalText: String {
        var bytes: [UInt8] = []
        write(into: &bytes, sorted: true)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The value over several lines, two spaces a level, for people.
    public var prettyText: String {
        var bytes: [UInt8] = []
        writePretty(into: &bytes, indent: 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the compact text to a buffer.
    public func write(into bytes: inout [UInt8], sorted: Bool = false) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .double(let value): bytes.append(contentsOf: JSON.numberText(value).utf8)
        case .string(let value): JSON.write(value, into: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(into: &bytes, sorted: sorted)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            var isFirst = true
            func write(_ key: String, _ value: JSON) {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                JSON.write(key, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                value.write(into: &bytes, sorted: sorted)
            }
            if sorted {
                let order = members.elements.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                for member in order { write(member.key, member.value) }
            } else {
                for member in members.elements { write(member.key, member.value) }
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func writePretty(into bytes: inout [UInt8], indent: Int) {
        func newLine(_ level: Int) {
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: level * 2))
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indent + 1)
                element.writePretty(into: &bytes, indent: indent + 1)
            }
            newLine(indent)
            bytes.append(UInt8(ascii: "]"))
        case .object(let members) where !members.isEmpty:
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indent + 1)
                JSON.write(member.key, into: &bytes)
                bytes.append(contentsOf: ": ".utf8)
                member.value.writePretty(into: &bytes, indent: indent + 1)
            }
            newLine(indent)
            bytes.append(UInt8(ascii: "}"))
        case .null, .bool, .integer, .double, .string, .array, .object: write(into: &bytes)
        }
    }

    /// A double as JSON writes it: shortest text that reads back as the same value. JSON has no word for infinities and
    /// NaN; no parser or operation here makes them.
    static func numberText(_ value: Double) -> String {
        precondition(value.isFinite, "JSON numbers are finite")
        return value.description
    }

    /// Appends a string in double quotes, escaping what RFC 8259 demands and nothing else.
    static func write(_ string: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\\"): bytes.append(contentsOf: [byte, byte])
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0x08: bytes.append(contentsOf: "\\b".utf8)
            case 0x0C: bytes.append(contentsOf: "\\f".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(byte < 16 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
                bytes.append(contentsOf: String(byte & 15, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
