import Cryptography
import Glibc
import Recommender

/// Models and rankings as files.
enum ModelBytes {
    static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize().bytes
    }

    /// Reads a model. What can't be read, or isn't one that this program knows, is wrong use.
    static func read(_ path: String, threads: Threads) throws -> Model {
        let bytes = try FileBytes.read(path, limit: ModelFile.limit)
        do {
            return try ModelFile.decode(bytes, digest: digest, threads: threads)
        } catch {
            throw FileBytes.Unreadable(description: "\(path) can't be used: \(error)")
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try WholeFile(path)
        try file.write(bytes)
        try file.finish()
    }
}

/// A file that appears under its name when it is whole.
final class WholeFile {
    private let path: String
    private let partial: String
    private var descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        partial = "\(path).partial-\(getpid())"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw failure("created") }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(partial)
        }
    }

    func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure("written") }
                offset += count
            }
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("written") }
        guard close(descriptor) == 0 else {
            descriptor = -1
            throw failure("written")
        }
        descriptor = -1
        guard rename(partial, path) == 0 else {
            let error = failure("written")
            unlink(partial)
            throw error
        }
    }

    private func failure(_ action: String) -> CommandFailure {
        CommandFailure("\(path) can't be \(action): \(String(cString: strerror(errno)))")
    }
}
