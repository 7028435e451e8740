import JSON

/// The core schema: which value a scalar stands for.
///
/// Source: https://yaml.org/spec/1.2.2/#1032-tag-resolution
enum ScalarResolution {
    private static let tagPrefix = "tag:yaml.org,2002:"

    static func value(
        of text: String, isPlain: Bool, tag: String?, at place: SourcePlace
    ) throws(YAMLError) -> JSON {
        guard let tag else { return isPlain ? try plain(text, at: place) : .string(text) }
        let value: JSON
        switch tag {
        case "!", tagPrefix + "str": return .string(text)
        case tagPrefix + "null": value = try plain(text, at: place)
        case tagPrefix + "bool", tagPrefix + "int", tagPrefix + "float": value = try plain(text, at: place)
        default: throw YAMLError(place: place, reason: "the tag '\(tag)' is not supported")
        }
        switch (String(tag.dropFirst(tagPrefix.count)), value) {
        case ("null", .null), ("bool", .bool), ("int", .integer), ("float", .double): return value
        case ("float", .integer(let number)): return .double(Double(number))
        default: throw YAMLError(place: place, reason: "'\(text)' is not of the type that its tag names")
        }
    }

    static func check(tag: String?, is name: String, at place: SourcePlace) throws(YAMLError) {
        if let tag, tag != "!", tag != tagPrefix + name {
            throw YAMLError(place: place, reason: "the tag '\(tag)' is not supported here")
        }
    }

    private static func plain(_ text: String, at place: SourcePlace) throws(YAMLError) -> JSON {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
            throw YAMLError(place: place, reason: "'\(text)' has no value in JSON; put it in quotes if it is a text")
        default: break
        }
        guard let first = text.utf8.first, isNumberStart(first) else { return .string(text) }
        if text.hasPrefix("0o") { return radix(text, 8) }
        if text.hasPrefix("0x") { return radix(text, 16) }
        guard let form = NumberForm(text) else { return .string(text) }
        if form == .integer, text != "-0", let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw YAMLError(place: place, reason: "the number '\(text)' is out of range")
        }
        return .double(value)
    }

    private static func isNumberStart(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".")
    }

    private static func radix(_ text: String, _ radix: Int) -> JSON {
        let digits = text.dropFirst(2)
        // A sign would be read by Int64 and is no part of the form.
        guard digits.utf8.first.map({ $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }) == true,
            let value = Int64(digits, radix: radix)
        else { return .string(text) }
        return .integer(value)
    }

    /// `[-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )?`
    private enum NumberForm {
        case integer, float

        init?(_ text: String) {
            let bytes = Array(text.utf8)
            var position = 0
            func digits() -> Int {
                var end = position
                while end < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[end]) { end += 1 }
                return end - position
            }
            func at(_ characters: String) -> Bool {
                position < bytes.count && characters.utf8.contains(bytes[position])
            }
            if at("+-") { position += 1 }
            let whole = digits()
            position += whole
            var fraction = 0
            var isInteger = true
            if at(".") {
                isInteger = false
                position += 1
                fraction = digits()
                position += fraction
            }
            if whole + fraction == 0 { return nil }
            if at("eE") {
                isInteger = false
                position += 1
                if at("+-") { position += 1 }
                let exponent = digits()
                if exponent == 0 { return nil }
                position += exponent
            }
            if position < bytes.count { return nil }
            self = isInteger ? .integer : .float
        }
    }
}
