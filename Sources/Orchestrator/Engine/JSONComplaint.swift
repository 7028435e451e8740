import JSON

/// Why a text is no JSON, in the words of the parser behind AWS (Jackson), which its clients know and search for. Where
/// that parser would have another word than the few here, ours.
func complaint(about text: String) -> String {
    var finder = ComplaintFinder(bytes: Array(text.utf8))
    if let found = finder.value() { return found }
    do {
        _ = try JSON(parsing: text)
        preconditionFailure("only a text that is no JSON is complained about")
    } catch { return "\(error.reason) at byte \(error.offset)" }
}

private struct ComplaintFinder {
    let bytes: [UInt8]
    var offset = 0
    /// How far brackets are followed; a text that nests deeper is refused for that already.
    var depth = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func next() -> UInt8? {
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
        return offset < bytes.count ? bytes[offset] : nil
    }

    /// The complaint about the value that begins here; nil when it ends without one.
    mutating func value() -> String? {
        guard let byte = next() else { return "Unexpected end-of-input" }
        switch byte {
        case UInt8(ascii: "{"): return members()
        case UInt8(ascii: "["): return elements()
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            while offset < bytes.count, isNumberByte(bytes[offset]) { offset += 1 }
            return nil
        default: return word(byte)
        }
    }

    private mutating func word(_ byte: UInt8) -> String? {
        let start = offset
        while offset < bytes.count, isWordByte(bytes[offset]) { offset += 1 }
        let word = String(decoding: bytes[start..<offset], as: UTF8.self)
        if word.isEmpty {
            return unexpected(
                "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
        }
        if ["null", "true", "false"].contains(word) { return nil }
        return "Unrecognized token '\(word)': was expecting "
            + "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
    }

    private mutating func members() -> String? {
        offset += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= JSON.maximumDepth else { return nil }
        if next() == UInt8(ascii: "}") {
            offset += 1
            return nil
        }
        while true {
            guard let quote = next() else { return "Unexpected end-of-input: expected close marker for Object" }
            guard quote == UInt8(ascii: "\"") else {
                return unexpected("was expecting double-quote to start field name")
            }
            if let found = string() { return found }
            guard next() == UInt8(ascii: ":") else {
                return unexpected("was expecting a colon to separate field name and value")
            }
            offset += 1
            if let found = value() { return found }
            switch next() {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "}"):
                offset += 1
                return nil
            case nil: return "Unexpected end-of-input: expected close marker for Object"
            default: return unexpected("was expecting comma to separate Object entries")
            }
        }
    }

    private mutating func elements() -> String? {
        offset += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= JSON.maximumDepth else { return nil }
        if next() == UInt8(ascii: "]") {
            offset += 1
            return nil
        }
        while true {
            if let found = value() { return found }
            switch next() {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "]"):
                offset += 1
                return nil
            case nil: return "Unexpected end-of-input: expected close marker for Array"
            default: return unexpected("was expecting comma to separate Array entries")
            }
        }
    }

    private mutating func string() -> String? {
        offset += 1
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return nil
            case UInt8(ascii: "\\"): offset += 2
            default: offset += 1
            }
        }
        return "Unexpected end-of-input in VALUE_STRING"
    }

    private func unexpected(_ expectation: String) -> String {
        guard offset < bytes.count,
            let scalar = String(decoding: bytes[offset...].prefix(4), as: UTF8.self)
                .unicodeScalars.first
        else { return "Unexpected end-of-input" }
        return "Unexpected character ('\(Character(scalar))' (code \(scalar.value))): \(expectation)"
    }

    private func isNumberByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "$") || byte >= 0x80
    }
}
