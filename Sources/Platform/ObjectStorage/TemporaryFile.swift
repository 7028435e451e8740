import Cryptography
import Encodings
import Glibc

/// A new file being written under a name of its own. Removed when it goes away, unless it was moved into place.
final class TemporaryFile {
    let path: String
    private var descriptor: CInt
    private var isOurs = true
    private let failure: (String, String, CInt) -> ObjectStorageError

    /// In a folder of the store.
    init(in directory: String) throws(ObjectStorageError) {
        path = "\(directory)/\(Hex.encode(randomBytes(16)))"
        failure = ObjectStorageError.system
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, DirectoryStore.fileMode)
        guard descriptor >= 0 else {
            isOurs = false
            throw failure("create", path, errno)
        }
    }

    /// Under a path of the caller's.
    init(local path: String) throws(ObjectStorageError) {
        self.path = path
        failure = ObjectStorageError.localFile
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            isOurs = false
            throw failure("create", path, errno)
        }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
        if isOurs { unlink(path) }
    }

    /// Copies the content and answers its length and checksum.
    func fill(
        with content: ObjectContent, key: String, cancellation: FileThreads.Cancellation
    ) throws(ObjectStorageError) -> ObjectReference {
        switch content {
        case .bytes(let bytes):
            try write(bytes: bytes)
            return ObjectReference(key: key, bytes: Int64(bytes.count), sha256: SHA256.hash(bytes).hex)
        case .file(let source):
            let file = try LocalFile(reading: source)
            _ = try file.length()
            var hasher = SHA256()
            var total: Int64 = 0
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { buffer.deallocate() }
            while true {
                try cancellation.check()
                let count = try file.read(into: buffer, at: total)
                if count == 0 { break }
                let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hasher.update(piece)
                try write(piece)
                total += Int64(count)
            }
            return ObjectReference(key: key, bytes: total, sha256: hasher.finalize().hex)
        }
    }

    func write(bytes: [UInt8]) throws(ObjectStorageError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(ObjectStorageError) in try write(buffer) }
        }
        try result.get()
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(ObjectStorageError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("write", path, errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Waits until the content is on the disk.
    func flush() throws(ObjectStorageError) {
        guard fsync(descriptor) == 0 else { throw failure("flush", path, errno) }
    }

    /// Closes a file that is read by its path from now on; some file systems report a failed write only here.
    func close() throws(ObjectStorageError) {
        let descriptor = self.descriptor
        self.descriptor = -1
        isOurs = false
        guard Glibc.close(descriptor) == 0 else {
            let error = errno
            unlink(path)
            throw failure("write", path, error)
        }
    }

    /// Gives the file its final name. Answers 0 or errno.
    func move(to target: String, replacing: Bool) -> CInt {
        if !replacing {
            // link(2) never replaces, whoever else writes there. Some file systems have no links; our lock then has
            // to do.
            if link(path, target) == 0 { return 0 }
            let error = errno
            guard [EPERM, ENOTSUP, EMLINK, ENOSYS].contains(error) else { return error }
        }
        guard rename(path, target) == 0 else { return errno }
        isOurs = false
        return 0
    }
}

/// The neighbour of a file that is being fetched. Whoever fetches the same path at the same time has another one.
final class PartialFile: Sendable {
    let path: String
    private let target: String

    init(target: String) {
        self.target = target
        path = "\(target).partial-\(Hex.encode(randomBytes(8)))"
    }

    /// Whatever ended the fetch early leaves nothing behind; after a success there is nothing to remove.
    deinit { unlink(path) }

    func moveIntoPlace() throws(ObjectStorageError) {
        guard rename(path, target) == 0 else { throw .localFile("create", target, errno) }
    }
}
