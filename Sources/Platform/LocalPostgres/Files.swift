import Glibc

/// The few file operations the cluster needs, with the system's reason in the error.
enum Files {
    static func reason() -> String { String(cString: strerror(errno)) }

    static func entries(_ directory: String) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// What lies at the path, links not followed.
    static func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    /// Bytes that are free to us on the file system of a directory, or nil if it does not say.
    static func freeBytes(_ directory: String) -> Int64? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        return Int64(clamping: UInt64(status.f_bavail)) * Int64(clamping: UInt64(status.f_frsize))
    }

    static func isDirectory(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }

    /// Creates the directory and what is missing above it.
    static func createDirectory(_ path: String, mode: mode_t) throws(LocalPostgresError) {
        if let status = status(path), isDirectory(status) { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try createDirectory(String(path[..<slash]), mode: 0o755)
        }
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw LocalPostgresError(.directoryUnusable, "cannot create \(path): \(reason())")
        }
        // The umask took bits away that the server's account needs.
        guard chmod(path, mode) == 0 else {
            throw LocalPostgresError(.directoryUnusable, "cannot set the mode of \(path): \(reason())")
        }
    }

    /// The path with all links resolved.
    static func realPath(_ path: String) throws(LocalPostgresError) -> String {
        guard let resolved = realpath(path, nil) else {
            throw LocalPostgresError(.directoryUnusable, "cannot resolve \(path): \(reason())")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// What a symbolic link says, or nil.
    static func linkTarget(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink(path, bytes.bindMemory(to: CChar.self).baseAddress!, bytes.count)
        }
        return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    /// The beginning of a small text file, or nil if it cannot be read.
    static func text(_ path: String, limit: Int = 64 << 10) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let read = buffer.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + count, limit - count) }
            if read <= 0 { break }
            count += read
        }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    /// Removes a directory with all in it. Links are removed, not followed.
    static func removeTree(_ path: String) throws(LocalPostgresError) {
        guard let status = status(path) else { return }
        if isDirectory(status) {
            for entry in entries(path) { try removeTree(path + "/" + entry) }
            guard rmdir(path) == 0 else {
                throw LocalPostgresError(.directoryUnusable, "cannot remove \(path): \(reason())")
            }
        } else {
            guard unlink(path) == 0 else {
                throw LocalPostgresError(.directoryUnusable, "cannot remove \(path): \(reason())")
            }
        }
    }
}
