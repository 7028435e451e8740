import Glibc

/// Lists the directory store in byte order of keys, as S3 does: `a-b` before `a/b` before `a0`.
struct DirectoryWalk {
    private static let maxDepth = 512

    let root: String
    let prefix: String
    let after: String
    let limit: Int
    let cancellation: FileThreads.Cancellation
    private var found: [ObjectPage.Entry] = []

    init(root: String, prefix: String, after: String, limit: Int, cancellation: FileThreads.Cancellation) {
        self.root = root
        self.prefix = prefix
        self.after = after
        self.limit = limit
        self.cancellation = cancellation
    }

    mutating func page() throws(ObjectStorageError) -> ObjectPage {
        // Only the folder that the prefix names in full needs to be read.
        let base = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
        if base.isEmpty || ObjectKey.problem(in: String(base.dropLast())) == nil {
            try walk(base, depth: 0)
        }
        let objects = Array(found.prefix(limit))
        return ObjectPage(objects: objects, next: found.count > limit ? objects.last?.key : nil)
    }

    /// Visits the keys that begin with `base`, which is empty or ends with a slash. Finds at most one more than asked
    /// for: enough to know that there is a next page.
    private mutating func walk(_ base: String, depth: Int) throws(ObjectStorageError) {
        guard depth < Self.maxDepth else {
            throw ObjectStorageError(.unavailable, "\(root)/\(base) is nested deeper than \(Self.maxDepth) folders.")
        }
        try cancellation.check()
        var entries: [(key: String, status: stat)] = []
        for name in try Self.names(in: "\(root)/\(base)") where !(base.isEmpty && name == ObjectKey.reserved) {
            guard ObjectKey.problem(in: base + name) == nil else { continue }
            var status = stat()
            // Gone since the folder was read: deleted meanwhile.
            guard stat("\(root)/\(base)\(name)", &status) == 0 else { continue }
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            if isDirectory || status.st_mode & S_IFMT == S_IFREG {
                entries.append((base + name + (isDirectory ? "/" : ""), status))
            }
        }
        entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for entry in entries where found.count <= limit {
            if entry.key.hasSuffix("/") {
                guard entry.key.hasPrefix(prefix) || prefix.hasPrefix(entry.key) else { continue }
                let isBehind = after.hasPrefix(entry.key) || after.utf8.lexicographicallyPrecedes(entry.key.utf8)
                if isBehind { try walk(entry.key, depth: depth + 1) }
            } else if entry.key.hasPrefix(prefix), after.utf8.lexicographicallyPrecedes(entry.key.utf8) {
                found.append(
                    ObjectPage.Entry(
                        key: entry.key, bytes: Int64(entry.status.st_size),
                        modifiedAt: Int64(entry.status.st_mtim.tv_sec)))
            }
        }
    }

    /// The names in a folder, without `.` and `..`; none when it does not exist.
    static func names(in directory: String) throws(ObjectStorageError) -> [String] {
        guard let handle = opendir(directory) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw .system("read", directory, errno)
        }
        defer { closedir(handle) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(handle) else {
                guard errno == 0 else { throw .system("read", directory, errno) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) {
                    String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }
}
