import Foundation
import Glibc
import TemporaryFolder

/// A file system of a few MiB in memory, to be filled.
final class SmallDisk: Sendable {
    /// Where it is mounted.
    private let folder: TemporaryFolder
    var path: String { folder.path }
    private var filler: String { path + "/filler" }

    /// Whether this process may mount one: root may, outside of containers that forbid it.
    static let isPermitted: Bool = {
        do {
            _ = try SmallDisk(mebibytes: 1)
            return true
        } catch {
            return false
        }
    }()

    init(mebibytes: Int) throws {
        folder = try TemporaryFolder()
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m,mode=0711") == 0 else { throw Self.failure("mount") }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    private static func failure(_ call: String) -> TooLate {
        TooLate(description: "\(call): \(String(cString: strerror(errno)))")
    }

    var freeBytes: Int {
        get throws {
            var status = statvfs()
            guard statvfs(path, &status) == 0 else { throw Self.failure("statvfs") }
            return Int(status.f_bavail * UInt(status.f_frsize))
        }
    }

    /// Fills it until so much is left.
    func fill(leaving bytes: Int = 0) throws {
        let descriptor = open(filler, O_WRONLY | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw Self.failure("open") }
        defer { close(descriptor) }
        let zeros = [UInt8](repeating: 0, count: 64 << 10)
        while try freeBytes > bytes {
            if write(descriptor, zeros, min(zeros.count, try freeBytes - bytes)) <= 0 { break }
        }
    }

    func makeRoom() { unlink(filler) }
}
