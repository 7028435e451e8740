/// Text as UTF-16 code units, which the language's offsets count, and back. Most texts are ASCII, and those need no decoding.
enum CodeUnits {
    static func units(of text: String) -> [UInt16] {
        var units = [UInt16](repeating: 0, count: text.utf8.count)
        var seen: UInt8 = 0
        var index = 0
        for byte in text.utf8 {
            seen |= byte
            units[index] = UInt16(byte)
            index += 1
        }
        if seen < 0x80 { return units }
        return Array(text.utf16)
    }

    /// The text of a part; halves of a pair on their own become U+FFFD.
    static func text(_ units: [UInt16], _ range: Range<Int>) -> String {
        var seen: UInt16 = 0
        for index in range { seen |= units[index] }
        guard seen < 0x80 else { return String(decoding: units[range], as: UTF16.self) }
        return String(unsafeUninitializedCapacity: range.count) { buffer in
            for index in 0..<range.count { buffer[index] = UInt8(truncatingIfNeeded: units[range.lowerBound + index]) }
            return range.count
        }
    }

    static func text(_ units: [UInt16]) -> String { text(units, units.indices) }

    /// The first place at or after `start` where a text begins.
    static func first(_ sought: [UInt16], in text: [UInt16], from start: Int) -> Int? {
        guard let head = sought.first else { return start <= text.count ? start : nil }
        guard text.count >= sought.count else { return nil }
        var place = start
        let last = text.count - sought.count
        while place <= last {
            if text[place] == head {
                var length = 1
                while length < sought.count, text[place + length] == sought[length] { length += 1 }
                if length == sought.count { return place }
            }
            place += 1
        }
        return nil
    }
}
