public import JSON

/// Where ItemReaders read from: the buckets that a definition names.
public protocol ItemSource: Sendable {
    /// A whole object. One of more than `maximumBytes` is refused before it is read.
    func object(bucket: String, key: String, maximumBytes: Int) async throws(StorageRefusal) -> [UInt8]

    /// A page of the objects whose keys begin with a prefix, by key.
    ///
    /// - Parameter after: the last key of the page before.
    func objects(bucket: String, prefix: String, after: String?) async throws(StorageRefusal) -> ListedObjects
}

/// Where ResultWriters write to.
public protocol ResultSink: Sendable {
    /// Writes an object; to write the same again is no error.
    func put(_ bytes: [UInt8], bucket: String, key: String, contentType: String) async throws(StorageRefusal)
}

public struct ListedObjects: Sendable {
    /// Each as a Map state's item: `Key`, `Size`, `LastModified` and what else the store tells.
    public let items: [JSON]
    /// The key to go on after; nil on the last page.
    public let next: String?

    public init(items: [JSON], next: String?) {
        self.items = items
        self.next = next
    }
}

/// Why an object was not read, listed or written.
public struct StorageRefusal: Error, Sendable, Hashable {
    /// A sentence for people, with the values in it.
    public let message: String
    /// Whether the same may succeed later.
    public let isTransient: Bool

    public init(message: String, isTransient: Bool = false) {
        self.message = message
        self.isTransient = isTransient
    }
}
