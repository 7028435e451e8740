import Cryptography
import Glibc

/// The checksums of a file, made in one reading: of the whole, and of each part of a multipart upload.
struct FileDigests: Sendable {
    let bytes: Int64
    let partBytes: Int64
    let whole: SHA256.Digest
    /// One digest for every `partBytes` of the file, the last for the rest.
    let parts: [SHA256.Digest]

    /// Reads the file at `path`. Blocking.
    init(path: String, partBytes: Int64, cancellation: FileThreads.Cancellation) throws(ObjectStorageError) {
        let file = try LocalFile(reading: path)
        var whole = SHA256()
        var parts: [SHA256.Digest] = []
        var part = SHA256()
        var partFill: Int64 = 0
        var total: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            try cancellation.check()
            let wanted = Int(min(Int64(buffer.count), partBytes - partFill))
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: total)
            if count == 0 { break }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            whole.update(piece)
            part.update(piece)
            total += Int64(count)
            partFill += Int64(count)
            if partFill == partBytes {
                parts.append(part.finalize())
                part = SHA256()
                partFill = 0
            }
        }
        let last = part.finalize()
        if partFill > 0 { parts.append(last) }
        bytes = total
        self.partBytes = partBytes
        self.whole = whole.finalize()
        self.parts = parts
    }

    /// The same of content in memory.
    init(bytes: [UInt8], partBytes: Int64, cancellation: FileThreads.Cancellation) throws(ObjectStorageError) {
        var parts: [SHA256.Digest] = []
        for offset in stride(from: 0, to: bytes.count, by: Int(partBytes)) {
            try cancellation.check()
            parts.append(SHA256.hash(bytes[offset..<min(offset + Int(partBytes), bytes.count)]))
        }
        self.bytes = Int64(bytes.count)
        self.partBytes = partBytes
        self.whole = SHA256.hash(bytes)
        self.parts = parts
    }
}

/// A file of the caller's, open for reading. Closes itself.
final class LocalFile: Sendable {
    let path: String
    private let descriptor: CInt

    init(reading path: String) throws(ObjectStorageError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else { throw .localFile("open", path, errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Bytes read, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ObjectStorageError) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw .localFile("read", path, errno) }
        }
    }

    /// Length in bytes of a regular file.
    func length() throws(ObjectStorageError) -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .localFile("examine", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ObjectStorageError(.localFile, "\(path) is no regular file.")
        }
        return Int64(status.st_size)
    }
}
