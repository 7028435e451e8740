/// Bytes that lie outside of memory, such as a file's, read at their places.
public protocol StoredBytes: Sendable {
    var count: Int { get }
    /// - Parameter range: within `0..<count`.
    /// - Throws: `storageUnavailable` where they cannot be read.
    func bytes(_ range: Range<Int>) throws(PackagingError) -> [UInt8]
}

/// Room outside of memory for what is known of each sample, which would grow with the film.
public protocol ScratchSpace: Sendable {
    /// Keeps bytes.
    /// - Returns: their place.
    /// - Throws: `storageFull` or `storageUnavailable`.
    func append(_ bytes: [UInt8]) throws(PackagingError) -> Int
    /// Bytes that were kept.
    /// - Throws: `storageUnavailable` where they cannot be read.
    func bytes(_ range: Range<Int>) throws(PackagingError) -> [UInt8]
}

/// Bytes in memory, for what is small.
public struct MemoryBytes: StoredBytes {
    private let content: [UInt8]

    public init(_ bytes: [UInt8]) { content = bytes }

    public var count: Int { content.count }
    public func bytes(_ range: Range<Int>) -> [UInt8] { Array(content[range]) }
}
