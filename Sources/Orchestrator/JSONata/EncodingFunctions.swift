/// Base 64 and URLs (docs.jsonata.org, "String functions").
enum EncodingFunctions {
    static let all: [BuiltinTable.Definition] = [
        .init("base64encode", "<s-:s>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            // As ECMAScript's btoa over "binary strings": the low byte of each code unit.
            return try call.runtime.string(encode(text.utf16.map { UInt8(truncatingIfNeeded: $0) }))
        },
        .init("base64decode", "<s-:s>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            return try call.runtime.string(String(decoding: decode(text).map { UInt16($0) }, as: UTF16.self))
        },
        url("encodeUrlComponent") { escaped($0, unreserved: component) },
        url("encodeUrl") { escaped($0, unreserved: component + ";/?:@&=+$,#") },
        url("decodeUrlComponent") { unescaped($0, reserved: "") },
        url("decodeUrl") { unescaped($0, reserved: ";/?:@&=+$,#") },
    ]

    private static let component = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"

    private static func url(
        _ name: String, _ convert: @escaping @Sendable (String) -> String?
    ) -> BuiltinTable.Definition {
        .init(name, "<s-:s>", arity: 1) { (call) throws(Failure) in
            guard case .string(let text) = call[0] else { return .undefined }
            guard let result = convert(text) else {
                throw Failure("D3140", value: call[0], details: .init(functionName: name))
            }
            return try call.runtime.string(result)
        }
    }

    /// encodeURI and encodeURIComponent (ECMA-262, Encode). Nil where a surrogate stands alone, for which strings here hold
    /// U+FFFD.
    private static func escaped(_ text: String, unreserved: String) -> String? {
        if text.unicodeScalars.contains("\u{FFFD}") { return nil }
        let plain = Set(unreserved.utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if plain.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// decodeURI and decodeURIComponent (ECMA-262, Decode): escapes of reserved characters stay. Nil where an escape is no
    /// UTF-8.
    private static func unescaped(_ text: String, reserved: String) -> String? {
        let kept = Set(reserved.utf8)
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < source.count {
            guard source[index] == UInt8(ascii: "%") else {
                bytes.append(source[index])
                index += 1
                continue
            }
            guard index + 2 < source.count, let high = Tokenizer.hexDigit(UInt16(source[index + 1])),
                let low = Tokenizer.hexDigit(UInt16(source[index + 2]))
            else { return nil }
            let byte = UInt8(high << 4 | low)
            if kept.contains(byte) { bytes += source[index..<(index + 3)] } else { bytes.append(byte) }
            index += 3
        }
        return String(validating: bytes, as: UTF8.self)
    }

    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes.count - start
            let group =
                UInt32(bytes[start]) << 16 | (rest > 1 ? UInt32(bytes[start + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[start + 2]) : 0)
            result.append(alphabet[Int(group >> 18)])
            result.append(alphabet[Int(group >> 12 & 63)])
            result.append(rest > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "="))
            result.append(rest > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "="))
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Lenient, as the language's reference is: what is no digit of base 64 is passed over, `-` and `_` stand for `+` and `/`.
    private static func decode(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var group: UInt32 = 0
        var count = 0
        for byte in text.utf8 {
            let digit: UInt32
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = UInt32(byte) - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = UInt32(byte) - 97 + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte) - 48 + 52
            case UInt8(ascii: "+"), UInt8(ascii: "-"): digit = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): digit = 63
            case UInt8(ascii: "="): return finish(result, group, count)
            default: continue
            }
            group = group << 6 | digit
            count += 1
            if count == 4 {
                result += [UInt8(group >> 16 & 255), UInt8(group >> 8 & 255), UInt8(group & 255)]
                group = 0
                count = 0
            }
        }
        return finish(result, group, count)
    }

    private static func finish(_ bytes: [UInt8], _ group: UInt32, _ count: Int) -> [UInt8] {
        switch count {
        case 2: bytes + [UInt8(group >> 4 & 255)]
        case 3: bytes + [UInt8(group >> 10 & 255), UInt8(group >> 2 & 255)]
        default: bytes
        }
    }
}
