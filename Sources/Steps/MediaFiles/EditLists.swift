/// Counts the parts that a file's edit lists (ISO/IEC 14496-12, 8.6.6) show. The library says nothing of them: it applies
/// them, or takes the first part's offset where it is told not to.
struct EditLists {
    /// Of the track that has the most; an empty edit, which only delays, is no part.
    private(set) var mostParts = 0

    private let file: StoredFile
    /// Boxes looked at: tracks have about ten each on the way.
    private var boxes = 0

    private static let boxLimit = 10_000
    /// Entries looked at.
    private static let entryLimit = 1024

    init(path: String) throws(MediaError) {
        file = try StoredFile(path: path)
        try follow(["moov", "trak", "edts", "elst"], in: 0..<file.size)
    }

    /// Goes down a way of types (4.2) through all boxes of each type, and counts at its end.
    private mutating func follow(_ types: ArraySlice<String>, in range: Range<Int>) throws(MediaError) {
        guard let wanted = types.first else { return try count(range) }
        var place = range.lowerBound
        while range.upperBound - place >= 8 {
            boxes += 1
            guard boxes <= EditLists.boxLimit else {
                throw MediaError(
                    .unsupported, "the file has more than \(EditLists.boxLimit) boxes", byte: Int64(place))
            }
            let head = try bytes(min(16, range.upperBound - place), at: place)
            var size = EditLists.number(head.prefix(4))
            var headSize = 8
            if size == 1, head.count == 16 {
                size = EditLists.number(head.dropFirst(8))
                headSize = 16
            } else if size == 0 {
                size = range.upperBound - place
            }
            // The library has read the file already: what it let pass ends the search here, too.
            guard size >= headSize, size <= range.upperBound - place else { return }
            if String(decoding: head.dropFirst(4).prefix(4), as: UTF8.self) == wanted {
                try follow(types.dropFirst(), in: place + headSize..<place + size)
            }
            place += size
        }
    }

    private mutating func count(_ list: Range<Int>) throws(MediaError) {
        guard list.count >= 8 else { return }
        let head = try bytes(8, at: list.lowerBound)
        let isLong = head[0] == 1
        let entrySize = isLong ? 20 : 12
        let entries = min(
            EditLists.number(head.dropFirst(4)), (list.count - 8) / entrySize, EditLists.entryLimit)
        var parts = 0
        for entry in 0..<entries {
            let mediaTime = try bytes(
                isLong ? 8 : 4, at: list.lowerBound + 8 + entry * entrySize + (isLong ? 8 : 4))
            if !mediaTime.allSatisfy({ $0 == 0xFF }) { parts += 1 }
        }
        mostParts = max(mostParts, parts)
    }

    private func bytes(_ count: Int, at place: Int) throws(MediaError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result: Result<Void, MediaError> = bytes.withUnsafeMutableBytes { buffer in
            do throws(MediaError) { return .success(try file.read(into: buffer, at: place)) } catch {
                return .failure(error)
            }
        }
        try result.get()
        return bytes
    }

    /// A big-endian number; beyond 63 bits the largest.
    private static func number(_ bytes: some Collection<UInt8>) -> Int {
        Int(clamping: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
