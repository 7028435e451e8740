/// What the `Range` field of a request asks of content of a known length (RFC 9110, section 14.1.2).
public enum ByteRange: Sendable, Equatable {
    /// No range, or one that a server may ignore: another unit, several ranges, or malformed.
    case whole
    case part(Range<Int>)
    /// The range lies outside the content: 416.
    case unsatisfiable

    public init(field: String?, length: Int) {
        self = Self.parse(field, length: length)
    }

    private static func parse(_ field: String?, length: Int) -> ByteRange {
        guard let field, field.lowercased().hasPrefix("bytes=") else { return .whole }
        let parts = field.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return .whole }
        let first = trimmed(parts[0])
        let last = trimmed(parts[1])
        if first.isEmpty {
            // The last so many bytes.
            guard let count = number(last) else { return .whole }
            if count == 0 || length == 0 { return .unsatisfiable }
            return .part(max(0, length - count)..<length)
        }
        guard let start = number(first) else { return .whole }
        if last.isEmpty {
            return start < length ? .part(start..<length) : .unsatisfiable
        }
        guard let end = number(last), end >= start else { return .whole }
        return start < length ? .part(start..<min(length, end == Int.max ? end : end + 1)) : .unsatisfiable
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Digits only; what does not fit is as large as can be.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text) ?? Int.max
    }
}
