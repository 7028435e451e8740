import Cryptography
import Encodings
import Glibc

/// Objects as files under one directory, so that a web server, rsync or a person can read them as they are:
///
///     ROOT/KEY               the content
///     ROOT/.store/meta/KEY   SHA-256, length and content type (``ObjectRecord``)
///     ROOT/.store/tmp/       files being written; on the same file system, so that they can be moved into place
///     ROOT/.store/locks/     64 lock files; a key's writers take the one its hash names
///
/// Content appears under its key by link(2), after it has been flushed and its record written. Extended attributes
/// would bind the record to the file, but tmpfs before Linux 6.6, NFS and most copying tools lose them. A record that
/// is missing or torn costs only what can be made again: the checksum is then unknown, the content type follows the
/// key's ending.
///
/// A key that is also the folder of other keys (`a` and `a/b`) works in S3 but not here; it is
/// ``ObjectStorageError/Code/alreadyExists``.
public final class DirectoryStore: ObjectStore {
    let root: String
    public let baseURL: String

    /// - Parameter path: the directory; relative to the working directory of now.
    public init(path: String) throws(ObjectStorageError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ObjectStorageError(.invalidURL, "A directory store needs a path.")
        }
        var absolute = path
        if !path.hasPrefix("/") {
            guard let current = getcwd(nil, 0) else {
                throw ObjectStorageError(
                    .invalidURL,
                    "The store '\(path)' is relative, and the working directory is unknown: \(String(cString: strerror(errno)))."
                )
            }
            defer { free(current) }
            absolute = "\(String(cString: current))/\(path)"
        }
        while absolute.count > 1 && absolute.hasSuffix("/") { absolute.removeLast() }
        root = absolute
        baseURL = "file://" + PercentEncoding.encode(absolute, keepingSlashes: true)
    }

    public func localPath(_ key: String) throws(ObjectStorageError) -> String? {
        try ObjectKey.validate(key)
        return dataPath(key)
    }

    public func prepare() async throws(ObjectStorageError) {
        try await FileThreads.shared.run { _ throws(ObjectStorageError) in
            do throws(ObjectStorageError) {
                try self.makeDirectories(of: "\(self.metaRoot)/x")
                try self.makeDirectories(of: "\(self.temporaryRoot)/x")
                try self.makeDirectories(of: "\(self.lockRoot)/x")
                try self.removeStaleTemporaries()
                let probe = try TemporaryFile(in: self.temporaryRoot)
                try probe.write(bytes: Array("probe".utf8))
                try probe.flush()
            } catch {
                throw ObjectStorageError(
                    error.code, "The object store in the directory \(self.root) cannot be used: \(error.message)")
            }
        }
    }

    public func put(
        _ content: ObjectContent, key: String, contentType: String, sha256: String?
    ) async throws(ObjectStorageError) -> ObjectReference {
        try ObjectKey.validate(key)
        try ObjectKey.validate(contentType: contentType)
        let expected = try sha256.map { text throws(ObjectStorageError) in try Checksum.parse(text) }
        return try await FileThreads.shared.run { cancellation throws(ObjectStorageError) in
            if let expected, let existing = try self.recordedReference(key), existing.sha256 == expected.hex {
                return existing
            }
            try self.makeDirectories(of: "\(self.temporaryRoot)/x")
            let file = try TemporaryFile(in: self.temporaryRoot)
            let reference = try file.fill(with: content, key: key, cancellation: cancellation)
            try Checksum.verify(reference, expected?.hex)
            try file.flush()
            return try self.commit(file, reference, contentType: contentType, cancellation: cancellation)
        }
    }

    public func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo {
        try ObjectKey.validate(key)
        return try await FileThreads.shared.run { _ throws(ObjectStorageError) in try self.info(key) }
    }

    public func get(
        _ key: String, range: Range<Int64>?, maxBytes: Int
    ) async throws(ObjectStorageError) -> [UInt8] {
        try ObjectKey.validate(key)
        return try await FileThreads.shared.run { _ throws(ObjectStorageError) in
            let info = try self.info(key)
            let range = try ObjectRange.resolve(range, of: info)
            guard range.count <= maxBytes else {
                throw ObjectStorageError(
                    .tooLarge, "\(key) has \(range.count) bytes, more than the \(maxBytes) asked for.")
            }
            return try self.read(key, range, from: try self.open(key))
        }
    }

    public func fetch(
        _ key: String, to path: String, sha256: String?
    ) async throws(ObjectStorageError) -> ObjectReference {
        try ObjectKey.validate(key)
        let expected = try sha256.map { text throws(ObjectStorageError) in try Checksum.parse(text).hex }
        return try await FileThreads.shared.run { cancellation throws(ObjectStorageError) in
            let info = try self.info(key)
            let partial = PartialFile(target: path)
            let target = try TemporaryFile(local: partial.path)
            let reference = try target.fill(
                with: .file(self.dataPath(key)), key: key, cancellation: cancellation)
            try Checksum.verify(reference, expected ?? info.sha256)
            try target.close()
            try partial.moveIntoPlace()
            return reference
        }
    }

    public func stream(_ key: String, range: Range<Int64>?) async throws(ObjectStorageError) -> ObjectBody {
        try ObjectKey.validate(key)
        let (info, range, file) = try await FileThreads.shared.run {
            _ throws(ObjectStorageError) -> (ObjectInfo, Range<Int64>, LocalFile) in
            let info = try self.info(key)
            return (info, try ObjectRange.resolve(range, of: info), try self.open(key))
        }
        let position = StreamPosition(range)
        let chunks = AsyncThrowingStream<[UInt8], any Error> {
            guard let piece = position.advance(by: 256 << 10) else { return nil }
            return try await FileThreads.shared.run { _ throws(ObjectStorageError) in
                try self.read(key, piece, from: file)
            }
        }
        return ObjectBody(info: info, range: range, chunks: chunks)
    }

    public func list(
        prefix: String, after: String?, limit: Int
    ) async throws(ObjectStorageError) -> ObjectPage {
        try ObjectKey.validate(prefix: prefix)
        precondition((1...1000).contains(limit), "A listing has 1...1000 objects a page, not \(limit).")
        return try await FileThreads.shared.run { cancellation throws(ObjectStorageError) in
            var walk = DirectoryWalk(
                root: self.root, prefix: prefix, after: after ?? "", limit: limit, cancellation: cancellation)
            return try walk.page()
        }
    }

    public func delete(_ key: String) async throws(ObjectStorageError) {
        try ObjectKey.validate(key)
        try await FileThreads.shared.run { _ throws(ObjectStorageError) in
            try self.locked(key) { () throws(ObjectStorageError) in
                let data = self.dataPath(key)
                guard unlink(data) == 0 else {
                    // A folder of other keys is no object: there is nothing to delete.
                    if [ENOENT, ENOTDIR, EISDIR].contains(errno) { return }
                    throw .system("delete", data, errno)
                }
                try self.flushDirectory(of: data)
                guard unlink(self.metaPath(key)) == 0 || errno == ENOENT else {
                    throw .system("delete", self.metaPath(key), errno)
                }
            }
            self.removeEmptyDirectories(above: self.dataPath(key), upTo: self.root)
            self.removeEmptyDirectories(above: self.metaPath(key), upTo: self.metaRoot)
        }
    }
}
