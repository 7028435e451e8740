/// Counts the parts that a file's edit lists (ISO/IEC 14496-12, 8.6.6) show. The library says nothing of them: it applies
/// them, or takes the first part's offset where it is told not to.
struct EditLists {
    /// Of the track that has the most; an empty edit, which only delays, is no part.
    let mostParts: Int

    /// Entries looked at.
    private static let entryLimit: Int64 = 1024

    init(path: String) throws(MediaError) {
        let file = try FileBoxes(path: path)
        var most = 0
        try file.follow(["moov", "trak", "edts", "elst"]) { (type, place) throws(MediaError) in
            if type == "elst" { most = max(most, try EditLists.parts(in: file, place)) }
        }
        mostParts = most
    }

    private static func parts(in file: borrowing FileBoxes, _ place: FileBoxes.Place) throws(MediaError) -> Int {
        let head = try file.bytes(8, at: place.content)
        let isLong = head.first == 1
        let entrySize: Int64 = isLong ? 20 : 12
        let entries = min(
            FileBoxes.number(head.dropFirst(4)), (place.end - place.content - 8) / entrySize, EditLists.entryLimit)
        var parts = 0
        for entry in 0..<max(0, entries) {
            let mediaTime = try file.bytes(
                isLong ? 8 : 4, at: place.content + 8 + entry * entrySize + (isLong ? 8 : 4))
            if !mediaTime.allSatisfy({ $0 == 0xFF }) { parts += 1 }
        }
        return parts
    }
}
