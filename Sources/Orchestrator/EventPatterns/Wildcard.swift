/// A text in which `*` stands for any characters, none included; `\*` and `\\` for themselves.
struct Wildcard: Sendable, Hashable {
    /// What stands between the asterisks.
    private let parts: [Part]

    /// A text to be found, with its table of Knuth, Morris and Pratt, so that finding it is linear.
    private struct Part: Sendable, Hashable {
        let bytes: [UInt8]
        /// By length of what was found: the longest end of it that is a beginning too.
        let borders: [Int]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            var borders = [0]
            var length = 0
            for byte in bytes.dropFirst() {
                while length > 0, bytes[length] != byte { length = borders[length - 1] }
                if bytes[length] == byte { length += 1 }
                borders.append(length)
            }
            self.borders = borders
        }

        /// Behind the first place, from an index on, where the part stands.
        func end(in text: ArraySlice<UInt8>) -> Int? {
            if bytes.isEmpty { return text.startIndex }
            var length = 0
            for index in text.indices {
                while length > 0, bytes[length] != text[index] { length = borders[length - 1] }
                if bytes[length] == text[index] { length += 1 }
                if length == bytes.count { return index + 1 }
            }
            return nil
        }
    }

    /// Why a text is no wildcard.
    struct Failure: Error {
        /// Characters from the text's beginning.
        let offset: Int
        let reason: String
    }

    init(_ text: String) throws(Failure) {
        var parts: [[UInt8]] = [[]]
        var isEscaped = false
        var isBehindAsterisk = false
        for (offset, scalar) in text.unicodeScalars.enumerated() {
            if isEscaped {
                guard scalar == "*" || scalar == "\\" else {
                    throw Failure(offset: offset - 1, reason: "a backslash stands before '*' or another backslash only")
                }
            } else if scalar == "\\" {
                isEscaped = true
                continue
            } else if scalar == "*" {
                if isBehindAsterisk { throw Failure(offset: offset, reason: "two '*' in a row mean what one does") }
                isBehindAsterisk = true
                parts.append([])
                continue
            }
            isEscaped = false
            isBehindAsterisk = false
            parts[parts.count - 1] += Array(String(scalar).utf8)
        }
        if isEscaped {
            throw Failure(offset: text.unicodeScalars.count - 1, reason: "nothing stands behind the backslash")
        }
        self.parts = parts.map { Part($0) }
    }

    func matches(_ text: [UInt8]) -> Bool {
        let first = parts[0].bytes
        guard parts.count > 1 else { return text == first }
        let last = parts[parts.count - 1].bytes
        guard text.count >= first.count + last.count, text.starts(with: first),
            text.suffix(last.count).elementsEqual(last)
        else { return false }
        // The first place is as good as any for those between.
        var rest = text[first.count..<text.count - last.count]
        for part in parts[1..<parts.count - 1] {
            guard let end = part.end(in: rest) else { return false }
            rest = rest[end...]
        }
        return true
    }
}
