import Dispatch
import Foundation
import Glibc
import Synchronization

/// The directory in which uploads gather: `ID.part` holds the bytes, `ID.json` the rest.
///
/// The length of the first is the offset of the upload: bytes are only ever appended, in order, so that whatever a
/// crash leaves is a right beginning. The second is replaced as a whole and never half written. While bytes with a
/// checksum arrive, `ID.unverified` says where they begin.
struct Spool: Sendable {
    let directory: String
    private let disk = Disk.shared

    /// Makes the directory if it is not there.
    init(directory: String) throws(UploadError) {
        self.directory = directory
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw Self.failure("make", directory) }
        guard access(directory, R_OK | W_OK | X_OK) == 0 else { throw Self.failure("use", directory) }
    }

    private func partPath(_ id: String) -> String { "\(directory)/\(id).part" }
    private func recordPath(_ id: String) -> String { "\(directory)/\(id).json" }

    private func markPath(_ id: String) -> String { "\(directory)/\(id).unverified" }

    func path(of record: UploadRecord) -> String { partPath(record.id) }

    /// All uploads that can go on. Leftovers of a creation or a deletion that a crash cut short are removed.
    func load() async throws(UploadError) -> [UploadRecord] {
        try await disk.run { () throws(UploadError) in
            var records: [UploadRecord] = []
            let names = try names()
            for name in names where name.hasSuffix(".json") {
                let path = "\(directory)/\(name)"
                guard let bytes = try read(path), let record = UploadRecord(decoding: bytes),
                    "\(record.id).json" == name
                else {
                    throw UploadError(.spool, "\(path) is not the record of an upload; move it away.")
                }
                if record.executionARN != nil || access(partPath(record.id), F_OK) == 0 {
                    records.append(record)
                } else {
                    try remove(path)
                }
            }
            let known = Set(records.map(\.id))
            let finished = Set(records.filter { $0.executionARN != nil }.map(\.id))
            for name in names where name.hasSuffix(".part") {
                let id = String(name.dropLast(5))
                if !known.contains(id) || finished.contains(id) { try remove("\(directory)/\(name)") }
            }
            for name in names where name.hasSuffix(".unverified") && !known.contains(String(name.dropLast(11))) {
                try remove("\(directory)/\(name)")
            }
            for name in names where name.hasSuffix(".new") { try remove("\(directory)/\(name)") }
            return records
        }
    }

    /// Puts an upload without bytes in place, durably.
    func create(_ record: UploadRecord) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in
            let path = partPath(record.id)
            let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Self.failure("make", path) }
            close(descriptor)
            try write(record)
        }
    }

    func replace(_ record: UploadRecord) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in try write(record) }
    }

    func open(_ record: UploadRecord) async throws(UploadError) -> SpoolFile {
        try await disk.run { () throws(UploadError) in try SpoolFile(path: partPath(record.id), disk: disk) }
    }

    func removePart(_ record: UploadRecord) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in try remove(partPath(record.id)) }
    }

    /// From an offset on the bytes of an upload are not to be believed; returns when a crash will not forget that.
    func markUnverified(_ record: UploadRecord, from offset: Int64) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in
            try write(Array(String(offset).utf8), to: markPath(record.id))
        }
    }

    /// All bytes of an upload are to be believed; they have been synced before.
    func acceptUnverified(_ record: UploadRecord) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in
            try remove(markPath(record.id))
            try syncDirectory()
        }
    }

    /// Cuts off what is not to be believed, if there is any.
    func dropUnverified(_ record: UploadRecord) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in
            let mark = markPath(record.id)
            guard let bytes = try read(mark) else { return }
            guard let offset = Int64(String(decoding: bytes, as: UTF8.self)), offset >= 0 else {
                throw UploadError(.spool, "\(mark) holds no offset; move it away.")
            }
            let part = partPath(record.id)
            let descriptor = Glibc.open(part, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Self.failure("open", part) }
            defer { close(descriptor) }
            guard ftruncate(descriptor, off_t(offset)) == 0 else { throw Self.failure("cut", part) }
            guard fsync(descriptor) == 0 else { throw Self.failure("sync", part) }
            try remove(mark)
            try syncDirectory()
        }
    }

    /// Removes an upload: its record first, so that a crash in between leaves bytes that ``load()`` takes away.
    func remove(_ record: UploadRecord) async throws(UploadError) {
        try await disk.run { () throws(UploadError) in
            try remove(recordPath(record.id))
            try remove(partPath(record.id))
            try remove(markPath(record.id))
            try syncDirectory()
        }
    }

    /// Bytes of an upload so far; nil where its file is gone.
    func length(_ record: UploadRecord) async throws(UploadError) -> Int64? {
        try await disk.run { () throws(UploadError) in try status(partPath(record.id)).map { Int64($0.st_size) } }
    }

    /// When something was last written to an upload, in seconds since 1970.
    func lastChange(_ record: UploadRecord) async throws(UploadError) -> Int64 {
        try await disk.run { () throws(UploadError) in
            let part = try status(partPath(record.id))?.st_mtim.tv_sec ?? 0
            let own = try status(recordPath(record.id))?.st_mtim.tv_sec ?? 0
            return Int64(max(part, own))
        }
    }

    /// Bytes the file system still has for us.
    func freeBytes() async throws(UploadError) -> Int64 {
        try await disk.run { () throws(UploadError) in
            var status = statvfs()
            guard statvfs(directory, &status) == 0 else { throw Self.failure("measure", directory) }
            return Int64(
                clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        }
    }

    /// Whether a path lies on the spool's file system, so that a copy there takes from the same space.
    func sharesFileSystem(with path: String) async throws(UploadError) -> Bool {
        try await disk.run { () throws(UploadError) in
            guard let own = try status(directory) else { return false }
            var candidate = path
            while !candidate.isEmpty {
                if let other = try status(candidate) { return other.st_dev == own.st_dev }
                candidate = candidate.lastIndex(of: "/").map { String(candidate[..<$0]) } ?? ""
            }
            return false
        }
    }

    private func names() throws(UploadError) -> [String] {
        guard let listing = opendir(directory) else { throw Self.failure("list", directory) }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    private func status(_ path: String) throws(UploadError) -> stat? {
        var status = stat()
        if lstat(path, &status) == 0 { return status }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw Self.failure("look at", path)
    }

    private func read(_ path: String) throws(UploadError) -> [UInt8]? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Self.failure("read", path)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= 1 << 20 {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure("read", path) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
        return nil
    }

    private func write(_ record: UploadRecord) throws(UploadError) {
        try write(record.json.utf8, to: recordPath(record.id))
    }

    /// Replaces a file as a whole, durably.
    private func write(_ bytes: [UInt8], to path: String) throws(UploadError) {
        let fresh = path + ".new"
        let descriptor = Glibc.open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("make", fresh) }
        defer { close(descriptor) }
        try SpoolFile.write(bytes[...], to: descriptor, at: 0, path: fresh)
        guard fsync(descriptor) == 0 else { throw Self.failure("sync", fresh) }
        guard rename(fresh, path) == 0 else { throw Self.failure("rename", fresh) }
        try syncDirectory()
    }

    private func remove(_ path: String) throws(UploadError) {
        if unlink(path) != 0, errno != ENOENT { throw Self.failure("remove", path) }
    }

    private func syncDirectory() throws(UploadError) {
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure("sync", directory) }
    }

    static func failure(_ action: String, _ path: String, _ error: CInt = errno) -> UploadError {
        UploadError(
            error == ENOSPC || error == EDQUOT ? .noSpace : .spool,
            "Cannot \(action) \(path): \(String(cString: strerror(error))).")
    }
}

/// A few threads for blocking file work. They are neither of the cooperative pool nor of Dispatch, which share theirs:
/// a disk that takes its time would hold up everything else.
final class Disk: Sendable {
    /// Started at first use and never stopped: it lives as long as the process.
    static let shared = Disk(threads: 4)

    private typealias Job = @Sendable () -> Void
    private let jobs = Mutex<[Job]>([])
    private let waiting = DispatchSemaphore(value: 0)

    private init(threads: Int) {
        for _ in 0..<threads {
            Thread { [self] in
                while true {
                    waiting.wait()
                    let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                    job?()
                }
            }.start()
        }
    }

    /// There are never more jobs in line than requests under way.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(UploadError) -> Value
    ) async throws(UploadError) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, UploadError>, Never>) in
            jobs.withLock { jobs in jobs.append { continuation.resume(returning: Result(catching: body)) } }
            waiting.signal()
        }
        return try result.get()
    }
}

/// The bytes of one upload, open for appending; its one owner closes it.
final class SpoolFile: Sendable {
    private let descriptor: CInt
    private let path: String
    private let disk: Disk

    fileprivate init(path: String, disk: Disk) throws(UploadError) {
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        self.path = path
        self.disk = disk
        if descriptor < 0 { throw Spool.failure("open", path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func length() async throws(UploadError) -> Int64 {
        try await disk.run { [self] () throws(UploadError) in
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw Spool.failure("look at", path) }
            return Int64(status.st_size)
        }
    }

    func write(_ bytes: [UInt8], at offset: Int64) async throws(UploadError) {
        try await disk.run { [self] () throws(UploadError) in
            try Self.write(bytes[...], to: descriptor, at: offset, path: path)
        }
    }

    /// Returns when all that was written will survive a loss of power.
    func sync() async throws(UploadError) {
        try await disk.run { [self] () throws(UploadError) in
            guard fsync(descriptor) == 0 else { throw Spool.failure("sync", path) }
        }
    }

    fileprivate static func write(
        _ bytes: ArraySlice<UInt8>, to descriptor: CInt, at offset: Int64, path: String
    ) throws(UploadError) {
        var rest = bytes
        while !rest.isEmpty {
            let place = offset + Int64(bytes.count - rest.count)
            let count = rest.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(place)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Spool.failure("write", path) }
            rest = rest.dropFirst(count)
        }
    }
}
