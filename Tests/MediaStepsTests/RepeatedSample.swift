import Testing

/// Makes a QuickTime file of one picture into one of many that are all the same bytes: hours of work in a small file.
enum RepeatedSample {
    /// - Parameters:
    ///   - bytes: a file with one track of one sample, its index behind the media.
    ///   - times: how often the sample is shown.
    static func film(_ bytes: [UInt8], times: Int) throws -> [UInt8] {
        var film: [UInt8] = []
        for box in try boxes(bytes[...]) {
            film += box.type == "moov" ? try rebuilt(box, of: bytes, times) : Array(bytes[box.whole])
        }
        return film
    }

    private static func rebuilt(_ box: Box, of bytes: [UInt8], _ times: Int) throws -> [UInt8] {
        var type = box.type
        var body = Array(bytes[box.body])
        switch type {
        case "moov", "trak", "mdia", "minf", "stbl":
            body = try boxes(bytes[box.body]).flatMap { try rebuilt($0, of: bytes, times) }
        // One entry: so many samples of this duration.
        case "stts": body.replaceSubrange(8..<12, with: big(times))
        // All of one size, so that no table follows.
        case "stsz":
            let size = Array(body[4..<8]) == [0, 0, 0, 0] ? Array(body[12..<16]) : Array(body[4..<8])
            body = Array(body[0..<4]) + size + big(times)
        // A chunk for each, and all chunks at the same place.
        case "stco":
            let place = Array(body[8..<12])
            body = Array(body[0..<4]) + big(times) + (0..<times).flatMap { _ in place }
        // The edit would end the film with its first picture.
        case "edts": type = "free"
        default: break
        }
        return big(8 + body.count) + Array(type.utf8) + body
    }

    private struct Box {
        let type: String
        let whole: Range<Int>
        let body: Range<Int>
    }

    private static func boxes(_ bytes: ArraySlice<UInt8>) throws -> [Box] {
        var found: [Box] = []
        var place = bytes.startIndex
        while place + 8 <= bytes.endIndex {
            let size = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
            try #require(size >= 8 && place + size <= bytes.endIndex, "the file has boxes of 32-bit sizes")
            found.append(
                Box(
                    type: String(decoding: bytes[(place + 4)..<(place + 8)], as: UTF8.self),
                    whole: place..<(place + size), body: (place + 8)..<(place + size)))
            place += size
        }
        return found
    }

    private static func big(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
}
