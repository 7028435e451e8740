/// Base64 with padding (RFC 4648, section 4).
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// Four digits for each three bytes begun.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity((bytes.underestimatedCount + 2) / 3 * 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                digits.append(alphabet[Int(bits >> UInt32(count)) & 63])
            }
        }
        if count > 0 { digits.append(alphabet[Int(bits << UInt32(6 - count)) & 63]) }
        while !digits.count.isMultiple(of: 4) { digits.append(padding) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The bytes that the digits stand for. Bits left over in the last digit are not looked at.
    ///
    /// - Throws: ``Base64Error`` for anything that is not well-formed.
    public static func decode(_ text: some StringProtocol) throws(Base64Error) -> [UInt8] {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 4) else { throw .length }
        let padded = digits.suffix(2).count { $0 == padding }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        var bits: UInt32 = 0
        for (index, digit) in digits.enumerated() {
            let isPadding = index >= digits.count - padded
            guard let value = isPadding ? 0 : value(of: digit), isPadding == (digit == padding) else {
                throw .character(position: index + 1)
            }
            bits = bits << 6 | value
            if index % 4 == 3 {
                bytes += [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
                bits = 0
            }
        }
        bytes.removeLast(padded)
        return bytes
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

/// Why a text is not Base64.
public enum Base64Error: Error, Sendable, Hashable, CustomStringConvertible {
    /// Its length is no multiple of 4.
    case length
    /// A character, counted from 1, that is no digit, or padding before the end.
    case character(position: Int)

    public var description: String {
        switch self {
        case .length: "its length is no multiple of 4"
        case .character(let position): "wrong character at \(position)"
        }
    }
}
