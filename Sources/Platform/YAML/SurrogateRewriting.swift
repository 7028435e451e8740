import Encodings
import JSON

/// A JSON text with its surrogate escapes (`\ud83d\ude00`) written as YAML knows them (`\U0001F600`), and the way back
/// from its columns to the author's.
struct SurrogateRewriting {
    let bytes: [UInt8]
    /// By line: the columns in the rewritten text behind which it is shorter, each with the characters that went.
    private var shifts: [Int: [(column: Int, count: Int)]] = [:]

    /// Nil when the text is no JSON or holds no such escape.
    init?(json source: [UInt8]) {
        // In JSON a backslash stands in texts only, so every escape found below is one.
        guard SurrogateRewriting.isJSON(source) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var line = 1
        var column = 1
        var position = 0
        var hasChanged = false
        func unit(at offset: Int) -> UInt32? {
            guard offset + 6 <= source.count, source[offset] == UInt8(ascii: "\\"),
                source[offset + 1] == UInt8(ascii: "u")
            else { return nil }
            return UInt32(String(decoding: source[offset + 2..<offset + 6], as: UTF8.self), radix: 16)
        }
        while position < source.count {
            if let high = unit(at: position), (0xD800...0xDFFF).contains(high) {
                hasChanged = true
                if high < 0xDC00, let low = unit(at: position + 6), (0xDC00...0xDFFF).contains(low) {
                    let scalar = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
                    result += Array(("\\U" + Hex.digits(scalar)).utf8)
                    column += 10
                    shifts[line, default: []].append((column, 2))
                    position += 12
                } else {
                    // A half alone has no character; the JSON room puts U+FFFD in its place too.
                    result += Array("\\uFFFD".utf8)
                    column += 6
                    position += 6
                }
                continue
            }
            // The character after a backslash belongs to it.
            let length = source[position] == UInt8(ascii: "\\") ? 2 : 1
            for byte in source[position..<min(position + length, source.count)] {
                result.append(byte)
                if byte == 0x0A {
                    line += 1
                    column = 1
                } else if byte & 0xC0 != 0x80 {
                    column += 1
                }
            }
            position += length
        }
        if !hasChanged { return nil }
        bytes = result
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try JSON(parsing: bytes)
            return true
        } catch {
            return false
        }
    }

    func original(_ place: SourcePlace) -> SourcePlace {
        let removed = (shifts[place.line] ?? []).reduce(0) { $0 + ($1.column <= place.column ? $1.count : 0) }
        return SourcePlace(line: place.line, column: place.column + removed)
    }
}
