import JSON
public import Journal

/// Where the rows of executions are that left the database.
public protocol ArchiveSource: Sendable {
    /// What an object holds, unpacked and checked: a line for each row, as ``ArchiveLine`` has it.
    func text(of archive: JournalArchive) async throws -> [UInt8]
}

/// A row of the journal as a line of JSON:
/// `{"executionId":"...","seq":0,"writer":"...","at":...,"effects":{...}}`, `at` in microseconds since 1970.
public enum ArchiveLine {
    /// The line, with its end.
    public static func text(_ row: StoredRow, of executionID: String) -> String {
        // Effects are JSON, and as the engine writes them they have no line breaks.
        let effects = row.effects.utf8.contains(10) ? row.effects.replacing("\n", with: " ") : row.effects
        return "\(head(executionID)),\"seq\":\(row.seq),\"writer\":\(JSON.string(row.writer).text),\"at\":\(row.at),"
            + "\"effects\":\(effects)}\n"
    }

    private static func head(_ executionID: String) -> String { "{\"executionId\":\"\(executionID)\"" }

    /// The rows of one execution among the lines of an archive.
    static func rows(of executionID: String, in text: [UInt8]) throws -> [StoredRow] {
        let head = Array(head(executionID).utf8)
        var rows: [StoredRow] = []
        for line in text.split(separator: 10) where line.starts(with: head) {
            let document = try JSON(parsing: Array(line))
            guard let seq = document["seq"]?.integerValue, let writer = document["writer"]?.stringValue,
                let at = document["at"]?.integerValue, let effects = document["effects"]
            else { throw JournalFault(reason: "a line of \(executionID) in its archive has not its members") }
            rows.append(StoredRow(seq: Int64(seq), writer: writer, at: Int64(at), effects: effects.text))
        }
        return rows
    }
}

extension Engine {
    /// The rows of an execution that left the database; none where it has not, or never was.
    func archivedRows(of id: String) async throws -> [StoredRow] {
        guard let archives else { return [] }
        if let archived, archived.id == id { return archived.rows }
        guard let archive = try await journal.archive(holding: id) else { return [] }
        let rows = try await Self.rows(of: id, in: archive, from: archives)
        // Whoever reads a page of its history will read the next.
        archived = (id, rows)
        return rows
    }

    /// Away from the engine: an archive has many megabytes.
    @concurrent private static func rows(
        of id: String, in archive: JournalArchive, from source: any ArchiveSource
    ) async throws -> [StoredRow] {
        try ArchiveLine.rows(of: id, in: try await source.text(of: archive))
    }
}
