import Cryptography
import Encodings
import Packaging
import StepContracts
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A file without a name, in which packaging keeps what it knows of each sample. It goes away with its owner, however that
/// ends.
final class ScratchFile: ScratchSpace {
    private let descriptor: Int32
    private let folder: String
    private let end = Mutex(0)

    /// - Parameter folder: one with room: some 30 bytes a sample are written.
    init(in folder: String) throws(StepFailure) {
        let name = "\(folder)/.samples-\(Hex.encode(randomBytes(8)))"
        descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .systemCall("no file can be made in \(folder)") }
        self.folder = folder
        guard unlink(name) == 0 else { throw .systemCall("a file in \(folder) cannot be unlinked") }
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws(PackagingError) -> Int {
        let place = end.withLock { end in
            defer { end += bytes.count }
            return end
        }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(place + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("written") }
            done += count
        }
        return place
    }

    func bytes(_ range: Range<Int>) throws(PackagingError) -> [UInt8] {
        var done = 0
        var bytes = [UInt8](repeating: 0, count: range.count)
        while done < range.count {
            let count = bytes.withUnsafeMutableBytes { bytes in
                pread(
                    descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(range.lowerBound + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("read") }
            done += count
        }
        return bytes
    }

    private func failure(_ what: String) -> PackagingError {
        let failure = StepFailure.systemCall("what is known of samples cannot be \(what) in \(folder)")
        return PackagingError(
            failure.error == StepErrorName.resourceExhausted ? .storageFull : .storageUnavailable, failure.cause)
    }
}
