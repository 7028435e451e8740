public import Postgres

/// An object as the catalogue recorded it for a title.
public struct RecordedObject: Sendable, Equatable {
    public let titleID: String
    public let object: PublishedObject

    public var cursor: RecordCursor { RecordCursor(titleID: titleID, key: object.key) }
}

/// A place in the list of all recorded objects: right behind this one, whether it is still there or not.
public struct RecordCursor: Sendable, Equatable {
    public let titleID: String
    public let key: String

    public init(titleID: String, key: String) {
        self.titleID = titleID
        self.key = key
    }

    /// `TITLE/KEY`; a title's id holds no slash.
    public var text: String { "\(titleID)/\(key)" }

    /// Nil for what ``text`` never gives.
    public init?(text: String) {
        guard let slash = text.firstIndex(of: "/"), slash != text.startIndex else { return nil }
        let key = String(text[text.index(after: slash)...])
        guard !key.isEmpty else { return nil }
        self.init(titleID: String(text[..<slash]), key: key)
    }
}

extension CatalogReader {
    /// What all titles consist of, title by title, each title's objects by key. An object that two titles share is
    /// there twice.
    ///
    /// - Parameters:
    ///   - after: only what comes behind this place; nil starts at the first.
    ///   - limit: at most so many.
    public func recordedObjects(
        after: RecordCursor? = nil, limit: Int
    ) async throws(PostgresError) -> [RecordedObject] {
        // One row comparison, so that the primary key gives the page and its order.
        let result = try await query(
            """
            SELECT title_id, key, bytes, encode(sha256, 'hex') AS sha256 FROM \(CatalogStore.schema).stored_object
            WHERE (title_id, key) > ($1, $2) ORDER BY title_id, key LIMIT $3
            """, [.text(after?.titleID ?? ""), .text(after?.key ?? ""), .int(Int64(limit))])
        return result.map { row in
            RecordedObject(
                titleID: row.text("title_id"),
                object: PublishedObject(key: row.text("key"), bytes: row.int("bytes"), sha256: row.text("sha256")))
        }
    }
}
