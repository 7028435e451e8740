import Compression
import Cryptography
import Engine
import Journal
import ObjectStorage

/// Journal archives in the object store.
struct JournalArchives: ArchiveSource {
    let store: any ObjectStore

    /// Of an object, and of what it holds.
    static let maximumBytes = 2 << 30

    func text(of archive: JournalArchive) async throws -> [UInt8] {
        let file = try await store.get(archive.key, range: nil, maxBytes: Self.maximumBytes)
        guard SHA256.hash(file).bytes == archive.sha256 else {
            throw CommandFailure("the object \(archive.key) is not the one that was archived: its SHA-256 differs")
        }
        return try Gzip.read(file, maximumBytes: Self.maximumBytes)
    }
}

/// Takes months out of the journal: their rows go to the object store first, where the engine finds them.
struct JournalRetention {
    let journal: Journal
    let store: any ObjectStore
    /// An object is closed with the execution that brings its text to so many bytes.
    var objectBytes = 16 << 20
    /// An execution whose text has more stays, and its month with it: nobody could read it back.
    var maximumBytes = JournalArchives.maximumBytes

    /// Stores what is not stored yet of a month, checks that all is, and removes it. May be interrupted at any moment and
    /// called again.
    ///
    /// - Returns: how many rows left the database.
    func retire(_ month: JournalMonth) async throws -> Int64 {
        var place = try await journal.archived(month: month).map { (executionID: $0.lastID, seq: Int64.max) }
        var object = Object()
        while true {
            let page = try await journal.rows(ofMonth: month, after: place, limit: 500)
            for row in page {
                if row.executionID != object.lastID, object.textBytes >= objectBytes {
                    try await keep(&object, month)
                }
                object.add(row)
                guard object.textBytes <= maximumBytes else {
                    throw CommandFailure(
                        "the rows of the run \(row.executionID) have more than \(maximumBytes) bytes, which is more than "
                            + "can be read back from an object: the month \(month.label) stays")
                }
            }
            guard let last = page.last else { break }
            place = (last.executionID, last.row.seq)
        }
        if object.rows > 0 { try await keep(&object, month) }
        let rows = try await journal.archived(month: month)?.rows ?? 0
        try await journal.removeMonth(month, lockTimeout: .seconds(3))
        return rows
    }

    private struct Object {
        var firstID = ""
        var lastID = ""
        var rows: Int64 = 0
        var textBytes = 0
        let file = GzipWriter()

        mutating func add(_ row: ArchivedRow) {
            if rows == 0 { firstID = row.executionID }
            lastID = row.executionID
            rows += 1
            let line = ArchiveLine.text(row.row, of: row.executionID)
            textBytes += line.utf8.count
            file.write(line.utf8)
        }
    }

    private func keep(_ object: inout Object, _ month: JournalMonth) async throws {
        let file = object.file.finish()
        let digest = SHA256.hash(file)
        let label = month.label.replacing("_", with: "-")
        // The same executions of the same rows give the same object, however often it is tried.
        let key = "journal/\(label)/\(object.firstID).jsonl.gz"
        _ = try await store.put(
            .bytes(file), key: key, contentType: "application/gzip", sha256: digest.hex)
        try await journal.noteArchive(
            JournalArchive(
                firstID: object.firstID, lastID: object.lastID, month: month.label, key: key, rows: object.rows,
                bytes: Int64(file.count), sha256: digest.bytes))
        object = Object()
    }
}
