import Glibc
import StepContracts

/// One task's own directory on the worker's disk, removed with all it holds when the task ends.
struct ScratchDirectory: Sendable {
    let path: String

    /// Files brought from elsewhere.
    var fetched: String { "\(path)/fetched" }
    /// What the step writes.
    var output: String { "\(path)/out" }
    /// Links a step without sandbox finds its files by.
    var links: String { "\(path)/in" }

    private static let prefix = "showrunner-task-"

    /// Makes a directory below `parent`, readable for this user alone. Its name holds this process's id and when it began, so
    /// that a later process can tell what has been left behind, also one that has got the same id, as in a container.
    init(in parent: String) throws(StepFailure) {
        let owner = "\(getpid()).\(ScratchDirectory.startTime(of: getpid()) ?? "")"
        path = "\(parent)/\(ScratchDirectory.prefix)\(owner)-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        for directory in [path, "\(path)/fetched", "\(path)/out", "\(path)/in"] {
            guard mkdir(directory, 0o700) == 0 else {
                throw .resourceExhausted("the directory \(directory) cannot be made: \(systemReason(errno))")
            }
        }
    }

    /// Removes the directory; throws the path that would not go.
    func remove() throws(WorkerError) { try removeTree(path) }

    /// Removes what dead processes have left in `parent`, and nothing else.
    static func sweep(_ parent: String) throws(WorkerError) {
        for name in try directoryEntries(parent) where name.hasPrefix(prefix) {
            let rest = name.dropFirst(prefix.count)
            guard let dash = rest.firstIndex(of: "-") else { continue }
            let owner = rest[..<dash].split(separator: ".", maxSplits: 1)
            guard let first = owner.first, let process = pid_t(first), process > 0 else { continue }
            let isGone = kill(process, 0) != 0 && errno == ESRCH
            // Without a time, as releases before wrote it, the id alone tells.
            let isAnother = owner.count == 2 && startTime(of: process).map { $0 != owner[1] } ?? false
            if isGone || isAnother { try removeTree("\(parent)/\(name)") }
        }
    }

    /// When a process began, in ticks since the machine did: field 22 of /proc/PID/stat (proc(5)); nil where it is not told.
    private static func startTime(of process: pid_t) -> Substring? {
        guard let line = readSmallFile("/proc/\(process)/stat"), let name = line.lastIndex(of: ")") else { return nil }
        // The name, which may hold anything, is the second field.
        let fields = line[name...].split(separator: " ")
        return fields.count > 20 ? fields[20] : nil
    }

    /// What a task needs beside the files it brings.
    static let reserveBytes = 64 << 20

    /// Free bytes for this user on `parent`'s file system.
    static func freeBytes(of parent: String) throws(StepFailure) -> Int {
        var info = statvfs()
        guard statvfs(parent, &info) == 0 else {
            throw .resourceExhausted("the free space of \(parent) cannot be read: \(systemReason(errno))")
        }
        let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        return overflow ? Int.max : Int(clamping: bytes)
    }

    /// Fails with a sentence when `parent`'s file system has less than `bytes` left.
    static func checkSpace(in parent: String, bytes: Int) throws(StepFailure) {
        let free = try freeBytes(of: parent)
        guard free >= bytes else {
            throw .resourceExhausted(
                "the worker's scratch directory \(parent) has \(free >> 20) MiB free, and this task may need \(bytes >> 20) MiB"
            )
        }
    }
}

/// Makes a directory and those above it.
func makeDirectories(_ path: String) throws(WorkerError) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
        made += "/\(part)"
        if mkdir(made, 0o755) != 0, errno != EEXIST {
            throw WorkerError(.scratch, "the directory \(made) cannot be made: \(systemReason(errno))")
        }
    }
}

func directoryEntries(_ path: String) throws(WorkerError) -> [String] {
    guard let directory = opendir(path) else {
        throw WorkerError(.scratch, "the directory \(path) cannot be read: \(systemReason(errno))")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
            tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// Removes a directory and all below it. Links are removed, never followed.
func removeTree(_ path: String) throws(WorkerError) {
    var info = stat()
    guard lstat(path, &info) == 0 else {
        if errno == ENOENT { return }
        throw WorkerError(.scratch, "\(path) cannot be looked at: \(systemReason(errno))")
    }
    if info.st_mode & S_IFMT == S_IFDIR {
        for name in try directoryEntries(path) { try removeTree("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else {
            throw WorkerError(.scratch, "\(path) cannot be removed: \(systemReason(errno))")
        }
    } else {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw WorkerError(.scratch, "\(path) cannot be removed: \(systemReason(errno))")
        }
    }
}
