#if canImport(Glibc)
import Glibc
#endif

/// The boxes of an MP4 file (ISO/IEC 14496-12, 4.2), for what libavformat reads and does not hand on. Owns the open file.
public struct FileBoxes: ~Copyable {
    /// Where a box lies, in bytes of the file.
    public struct Place: Sendable, Hashable {
        public let start: Int64
        /// Behind size and type.
        public let content: Int64
        public let end: Int64
    }

    /// Boxes looked at on one way: tracks have about ten each.
    private static let boxLimit = 10_000

    private let path: String
    private let descriptor: Int32
    private let size: Int64

    /// - Throws: ``MediaError`` of kind `inputOutput` when the file cannot be read.
    public init(path: String) throws(MediaError) {
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw FileBoxes.failure(path) }
        var status = stat()
        guard fstat(opened, &status) == 0 else {
            let failure = FileBoxes.failure(path)
            close(opened)
            throw failure
        }
        self.path = path
        descriptor = opened
        size = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// Goes down a way of types, such as `moov`, `trak`, `edts`, and calls for every box on it, each before those inside it.
    /// - Throws: ``MediaError`` of kind `unsupported` beyond 10,000 boxes, and what the receiver throws.
    public func follow(
        _ types: [String], _ visit: (_ type: String, _ place: Place) throws(MediaError) -> Void
    ) throws(MediaError) {
        var count = 0
        try follow(types[...], from: 0, to: size, &count, visit)
    }

    private func follow(
        _ types: ArraySlice<String>, from start: Int64, to end: Int64, _ count: inout Int,
        _ visit: (_ type: String, _ place: Place) throws(MediaError) -> Void
    ) throws(MediaError) {
        guard let wanted = types.first else { return }
        var place = start
        while place + 8 <= end {
            count += 1
            guard count <= FileBoxes.boxLimit else {
                throw MediaError(.unsupported, "the file has more than \(FileBoxes.boxLimit) boxes", byte: place)
            }
            let head = try bytes(16, at: place)
            var size = FileBoxes.number(head.prefix(4))
            var headSize: Int64 = 8
            if size == 1 {
                size = FileBoxes.number(head.dropFirst(8))
                headSize = 16
            } else if size == 0 {
                size = end - place
            }
            // The library has read the file already: what it let pass ends the search here, too.
            guard size >= headSize, size <= end - place else { return }
            if String(decoding: head.dropFirst(4).prefix(4), as: UTF8.self) == wanted {
                try visit(wanted, Place(start: place, content: place + headSize, end: place + size))
                try follow(types.dropFirst(), from: place + headSize, to: place + size, &count, visit)
            }
            place += size
        }
    }

    /// Bytes at a place, zeros beyond the file's end.
    /// - Throws: ``MediaError`` of kind `inputOutput` when they cannot be read.
    public func bytes(_ count: Int, at place: Int64) throws(MediaError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(place)) }
        guard got >= 0 else { throw FileBoxes.failure(path, byte: place) }
        return bytes
    }

    /// A big-endian number; beyond 63 bits the largest.
    static func number(_ bytes: some Collection<UInt8>) -> Int64 {
        Int64(clamping: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    private static func failure(_ path: String, byte: Int64? = nil) -> MediaError {
        MediaError(
            .inputOutput, "\(path) cannot be read", byte: byte, libraryWords: String(cString: strerror(errno)))
    }
}
