import Cryptography
import Glibc

// The blocking half of the directory store: runs on FileThreads only.
extension DirectoryStore {
    /// Temporary files older than this belong to nobody any more.
    private static let staleSeconds = 86_400

    // Who else may is the umask's to say: services of several accounts share a store by their group.
    static let fileMode: mode_t = 0o666
    private static let folderMode: mode_t = 0o777

    var metaRoot: String { "\(root)/\(ObjectKey.reserved)/meta" }
    var temporaryRoot: String { "\(root)/\(ObjectKey.reserved)/tmp" }
    var lockRoot: String { "\(root)/\(ObjectKey.reserved)/locks" }
    func dataPath(_ key: String) -> String { "\(root)/\(key)" }
    func metaPath(_ key: String) -> String { "\(metaRoot)/\(key)" }

    /// Puts a finished file under its key, or finds that the same content is there already.
    func commit(
        _ file: TemporaryFile, _ reference: ObjectReference, contentType: String, cancellation: FileThreads.Cancellation
    ) throws(ObjectStorageError) -> ObjectReference {
        try locked(reference.key) { () throws(ObjectStorageError) in
            if let existing = try existingReference(reference.key, cancellation: cancellation) {
                guard existing == reference else {
                    throw ObjectStorageError(
                        .alreadyExists,
                        "\(reference.key) already holds other content: \(existing.bytes) bytes with SHA-256 \(existing.sha256), not \(reference.bytes) bytes with \(reference.sha256)."
                    )
                }
                return existing
            }
            let record = try TemporaryFile(in: temporaryRoot)
            try record.write(bytes: ObjectRecord(reference, contentType: contentType).encoded())
            try record.flush()
            try place(record, at: metaPath(reference.key), replacing: true)
            try place(file, at: dataPath(reference.key), replacing: false)
            return reference
        }
    }

    private func place(_ file: TemporaryFile, at path: String, replacing: Bool) throws(ObjectStorageError) {
        // A delete elsewhere may remove an emptied folder between its making and its use.
        for _ in 0..<16 {
            try makeDirectories(of: path)
            let failure = file.move(to: path, replacing: replacing)
            if failure == ENOENT { continue }
            guard failure == 0 else { throw .system("create", path, failure) }
            return try flushDirectory(of: path)
        }
        throw .system("create", path, ENOENT)
    }

    func info(_ key: String) throws(ObjectStorageError) -> ObjectInfo {
        let status = try status(key)
        let record = try record(key, bytes: Int64(status.st_size))
        return ObjectInfo(
            key: key, bytes: Int64(status.st_size), sha256: record?.sha256,
            contentType: record?.contentType ?? ContentType.forKey(key), modifiedAt: Int64(status.st_mtim.tv_sec))
    }

    /// What is under the key, by its record; nil without an object or a record.
    func recordedReference(_ key: String) throws(ObjectStorageError) -> ObjectReference? {
        do throws(ObjectStorageError) {
            let info = try info(key)
            return info.sha256.map { ObjectReference(key: key, bytes: info.bytes, sha256: $0) }
        } catch  where error.code == .notFound {
            return nil
        }
    }

    private func existingReference(
        _ key: String, cancellation: FileThreads.Cancellation
    ) throws(ObjectStorageError) -> ObjectReference? {
        if let recorded = try recordedReference(key) { return recorded }
        guard access(dataPath(key), F_OK) == 0 else {
            if errno == ENOENT { return nil }
            throw .system("look for", dataPath(key), errno)
        }
        if let status = try directoryStatus(key), status {
            throw ObjectStorageError(.alreadyExists, "\(key) is a folder of other objects in this store.")
        }
        let digests = try FileDigests(path: dataPath(key), partBytes: .max, cancellation: cancellation)
        return ObjectReference(key: key, bytes: digests.bytes, sha256: digests.whole.hex)
    }

    private func directoryStatus(_ key: String) throws(ObjectStorageError) -> Bool? {
        var status = stat()
        guard stat(dataPath(key), &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    private func status(_ key: String) throws(ObjectStorageError) -> stat {
        var status = stat()
        let path = dataPath(key)
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw notFound(key) }
            throw .system("examine", path, errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw notFound(key) }
        return status
    }

    private func notFound(_ key: String) -> ObjectStorageError {
        ObjectStorageError(.notFound, "There is no object \(key) in \(baseURL).")
    }

    /// Nil when the record is missing, torn or of another content (a file replaced by hand).
    private func record(_ key: String, bytes: Int64) throws(ObjectStorageError) -> ObjectRecord? {
        let path = metaPath(key)
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system("read", path, errno)
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: ObjectRecord.maxBytes)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw .system("read", path, errno) }
        let record = ObjectRecord(decoding: buffer[..<count])
        return record?.bytes == bytes ? record : nil
    }

    func open(_ key: String) throws(ObjectStorageError) -> LocalFile {
        do throws(ObjectStorageError) {
            return try LocalFile(reading: dataPath(key))
        } catch {
            if error.code == .localFile { throw ObjectStorageError(.unavailable, error.message) }
            throw error
        }
    }

    func read(_ key: String, _ range: Range<Int64>, from file: LocalFile) throws(ObjectStorageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var filled = 0
        while filled < bytes.count {
            let result = bytes.withUnsafeMutableBytes { buffer in
                Result { () throws(ObjectStorageError) in
                    try file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]),
                        at: range.lowerBound + Int64(filled))
                }
            }
            let count = try result.get()
            guard count > 0 else {
                throw ObjectStorageError(
                    .unavailable, "\(key) ended before byte \(range.upperBound) while it was read.")
            }
            filled += count
        }
        return bytes
    }
}

// MARK: - Directories and locks
extension DirectoryStore {
    /// Creates the folders above `path`, each flushed into its parent. A folder that a delete elsewhere removes again
    /// meanwhile is no failure here: whoever uses it next finds out, and begins anew.
    func makeDirectories(of path: String) throws(ObjectStorageError) {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return }
        let directory = String(path[..<slash])
        if mkdir(directory, Self.folderMode) == 0 {
            return try flushDirectory(of: directory)
        }
        switch errno {
        case EEXIST:
            var status = stat()
            guard stat(directory, &status) == 0 else {
                if errno == ENOENT { return }
                throw .system("examine", directory, errno)
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw ObjectStorageError(.alreadyExists, "\(directory) has to be a folder, but is an object.")
            }
        case ENOENT:
            try makeDirectories(of: directory)
            guard mkdir(directory, Self.folderMode) == 0 || errno == EEXIST || errno == ENOENT else {
                throw .system("create", directory, errno)
            }
            try flushDirectory(of: directory)
        default: throw .system("create", directory, errno)
        }
    }

    /// Makes the names in the folder of `path` durable. A folder that is gone has no names.
    func flushDirectory(of path: String) throws(ObjectStorageError) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw .system("open", directory, errno)
        }
        defer { close(descriptor) }
        // EINVAL: the file system keeps directories durable by itself.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw .system("flush", directory, errno) }
    }

    /// Removes folders left empty; the first that is not empty ends it. Any failure only leaves an empty folder.
    func removeEmptyDirectories(above path: String, upTo top: String) {
        var path = path[...]
        while let slash = path.lastIndex(of: "/") {
            path = path[..<slash]
            guard path.utf8.count > top.utf8.count, rmdir(String(path)) == 0 else { return }
        }
    }

    /// Runs `body` as the only writer of the key, among all processes that use this directory.
    func locked<Value>(
        _ key: String, _ body: () throws(ObjectStorageError) -> Value
    ) throws(ObjectStorageError) -> Value {
        let path = "\(lockRoot)/\(SHA256.hash(key).bytes[0] & 63)"
        try makeDirectories(of: path)
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, Self.fileMode)
        guard descriptor >= 0 else { throw .system("open", path, errno) }
        // Closing unlocks.
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            if errno != EINTR { throw .system("lock", path, errno) }
        }
        return try body()
    }

    /// Files that a killed process left half written.
    func removeStaleTemporaries() throws(ObjectStorageError) {
        let now = time(nil)
        for name in try DirectoryWalk.names(in: temporaryRoot) {
            let path = "\(temporaryRoot)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            if now - status.st_mtim.tv_sec > Self.staleSeconds, unlink(path) != 0, errno != ENOENT {
                throw .system("delete", path, errno)
            }
        }
    }
}
