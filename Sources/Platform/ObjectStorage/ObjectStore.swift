/// A store of immutable objects under keys: a directory or an S3 bucket.
///
/// Keys follow ``ObjectKey``. An object that exists is never changed: putting the same content again is fine, other
/// content under the same key is ``ObjectStorageError/Code/alreadyExists``. All calls are safe from any task and block
/// no thread of the cooperative pool; a cancelled task ends its call with ``ObjectStorageError/Code/cancelled``. Failures
/// that may pass by themselves are retried a few times within the call (S3).
public protocol ObjectStore: Sendable {
    /// The store's own URL without a trailing slash: `file:///DIR` or `s3://BUCKET/PREFIX`. Holds no credentials.
    var baseURL: String { get }

    /// Checks that the store can be reached, read and written, by writing and deleting a small probe; a directory is
    /// created. The error's message is a sentence for the person who configured the store.
    func prepare() async throws(ObjectStorageError)

    /// Stores an object, whole or not at all; it is durable when this returns.
    ///
    /// - Parameters:
    ///   - contentType: a media type of printable ASCII, at most 255 bytes; kept and served with the object.
    ///   - sha256: the content's expected SHA-256 (64 hexadecimal digits); content that differs is
    ///     ``ObjectStorageError/Code/checksumMismatch`` and not stored.
    func put(
        _ content: ObjectContent, key: String, contentType: String, sha256: String?
    ) async throws(ObjectStorageError) -> ObjectReference

    /// What the store knows of an object; ``ObjectStorageError/Code/notFound`` when there is none.
    func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo

    /// An object's bytes, or those in `range`, which is cut at the object's end and has to begin before it
    /// (``ObjectStorageError/Code/invalidRange``). More than `maxBytes` is ``ObjectStorageError/Code/tooLarge``.
    func get(_ key: String, range: Range<Int64>?, maxBytes: Int) async throws(ObjectStorageError) -> [UInt8]

    /// Copies an object to a local file, which appears (or is replaced) whole and only after the content's SHA-256 has
    /// been checked against `sha256`, or without it against what the store recorded.
    func fetch(_ key: String, to path: String, sha256: String?) async throws(ObjectStorageError) -> ObjectReference

    /// An object's bytes in pieces, for serving; `range` as in ``get(_:range:maxBytes:)``.
    func stream(_ key: String, range: Range<Int64>?) async throws(ObjectStorageError) -> ObjectBody

    /// Objects whose key begins with `prefix` and comes behind `after`, in byte order of their keys, at most `limit`
    /// (1...1000). Objects whose names are no keys (``ObjectKey``) are left out.
    func list(prefix: String, after: String?, limit: Int) async throws(ObjectStorageError) -> ObjectPage

    /// Removes an object; removing what is not there is fine.
    func delete(_ key: String) async throws(ObjectStorageError)

    /// The path of the file that holds the object, which readers on this machine may open in place and never write.
    /// Nil for stores that keep no files. Says nothing about whether the object exists.
    func localPath(_ key: String) throws(ObjectStorageError) -> String?
}

extension ObjectStore {
    /// The absolute URL of an object: the store's, a slash, the key.
    public func url(for key: String) -> String { "\(baseURL)/\(key)" }

    /// The key of an object of this store, or nil when the URL is none of its.
    public func key(for url: String) -> String? {
        guard url.hasPrefix(baseURL + "/") else { return nil }
        let key = String(url.dropFirst(baseURL.count + 1))
        return ObjectKey.problem(in: key) == nil ? key : nil
    }

    /// ``put(_:key:contentType:sha256:)`` without an expected checksum.
    public func put(
        _ content: ObjectContent, key: String, contentType: String
    ) async throws(ObjectStorageError) -> ObjectReference {
        try await put(content, key: key, contentType: contentType, sha256: nil)
    }

    /// ``get(_:range:maxBytes:)`` of a whole object of at most 16 MiB.
    public func get(_ key: String) async throws(ObjectStorageError) -> [UInt8] {
        try await get(key, range: nil, maxBytes: 16 << 20)
    }
}

/// What is put.
public enum ObjectContent: Sendable {
    case bytes([UInt8])
    /// The whole file at this path, which must not change meanwhile.
    case file(String)
}

/// A stored object as workflows pass it on.
public struct ObjectReference: Sendable, Hashable {
    public let key: String
    /// Length of the content in bytes.
    public let bytes: Int64
    /// SHA-256 of the content, 64 lower-case hexadecimal digits.
    public let sha256: String

    public init(key: String, bytes: Int64, sha256: String) {
        self.key = key
        self.bytes = bytes
        self.sha256 = sha256
    }
}

/// What a store knows of an object.
public struct ObjectInfo: Sendable, Hashable {
    public let key: String
    /// Length of the content in bytes.
    public let bytes: Int64
    /// SHA-256 of the content as recorded when it was put; nil for objects that others put there.
    public let sha256: String?
    public let contentType: String
    /// Seconds since 1970, where the store says.
    public let modifiedAt: Int64?

    public init(key: String, bytes: Int64, sha256: String?, contentType: String, modifiedAt: Int64?) {
        self.key = key
        self.bytes = bytes
        self.sha256 = sha256
        self.contentType = contentType
        self.modifiedAt = modifiedAt
    }
}

/// An object's content on its way.
public struct ObjectBody: Sendable {
    /// The whole object's description.
    public let info: ObjectInfo
    /// Which of its bytes follow.
    public let range: Range<Int64>
    /// The bytes, in pieces of at most some hundred KiB, read as they are asked for. To be read once. Fails with
    /// ``ObjectStorageError``.
    public let chunks: AsyncThrowingStream<[UInt8], any Error>

    public init(info: ObjectInfo, range: Range<Int64>, chunks: AsyncThrowingStream<[UInt8], any Error>) {
        self.info = info
        self.range = range
        self.chunks = chunks
    }
}

/// One page of a listing.
public struct ObjectPage: Sendable, Hashable {
    /// One object of a listing, with what a listing tells.
    public struct Entry: Sendable, Hashable {
        public let key: String
        public let bytes: Int64
        /// Seconds since 1970.
        public let modifiedAt: Int64?

        /// The store's own mark of the content, in quotes, where it tells one.
        public let entityTag: String?

        public init(key: String, bytes: Int64, modifiedAt: Int64?, entityTag: String? = nil) {
            self.key = key
            self.bytes = bytes
            self.modifiedAt = modifiedAt
            self.entityTag = entityTag
        }
    }

    public let objects: [Entry]
    /// Where the next page begins: the `after` of the next call. Nil when this is the last page.
    public let next: String?

    public init(objects: [Entry], next: String?) {
        self.objects = objects
        self.next = next
    }
}
