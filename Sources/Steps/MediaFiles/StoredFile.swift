#if canImport(Glibc)
import Glibc
#endif

/// A file that is read at places, by several threads if need be. Owns the open file.
public final class StoredFile: Sendable {
    public let path: String
    /// Bytes, when it was opened.
    public let size: Int
    private let descriptor: Int32

    /// - Throws: ``MediaError`` of kind `inputOutput` when it is no regular file or cannot be read.
    public init(path: String) throws(MediaError) {
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw StoredFile.failure(path) }
        var status = stat()
        guard fstat(opened, &status) == 0 else {
            let failure = StoredFile.failure(path)
            close(opened)
            throw failure
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw MediaError(.inputOutput, "\(path) is no regular file")
        }
        self.path = path
        size = Int(status.st_size)
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Fills a buffer with the bytes from a place on.
    /// - Throws: ``MediaError`` of kind `inputOutput` when they cannot be read, or are no longer there.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at place: Int) throws(MediaError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(place + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoredFile.failure(path, byte: place + done) }
            guard count > 0 else {
                throw MediaError(
                    .inputOutput, "\(path) has become shorter while it was read", byte: Int64(place + done))
            }
            done += count
        }
    }

    private static func failure(_ path: String, byte: Int? = nil) -> MediaError {
        MediaError(
            .inputOutput, "\(path) cannot be read", byte: byte.map(Int64.init),
            libraryWords: String(cString: strerror(errno)))
    }
}
