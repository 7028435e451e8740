/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    static func encode(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for index in 0..<3 {
                let position = start + index
                bits = bits << 8 | UInt32(position < group.endIndex ? bytes[position] : 0)
            }
            for index in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * index)) & 63
                result.append(index <= group.count ? alphabet[digit] : padding)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The text that the digits stand for; it must be UTF-8.
    static func decode(_ text: String) throws(IntrinsicProblem) -> String {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 4) else {
            throw IntrinsicProblem("The text is not Base64: its length is no multiple of 4")
        }
        let padded = digits.suffix(2).count { $0 == padding }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        for (index, digit) in digits.enumerated() {
            let isPadding = index >= digits.count - padded
            guard let value = isPadding ? 0 : value(of: digit), isPadding == (digit == padding) else {
                throw IntrinsicProblem("The text is not Base64: wrong character at \(index + 1)")
            }
            bits = bits << 6 | value
            if index % 4 == 3 {
                bytes += [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
                bits = 0
            }
        }
        bytes.removeLast(padded)
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw IntrinsicProblem("The decoded bytes are not UTF-8 text")
        }
        return decoded
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a") + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0") + 52)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
