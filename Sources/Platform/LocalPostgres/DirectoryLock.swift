import Glibc

/// Keeps two processes from running a cluster in one directory. The kernel lets go of it when this process ends, however
/// it ends.
final class DirectoryLock: Sendable {
    private let file: Int32

    init(_ path: String) throws(LocalPostgresError) {
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw LocalPostgresError(.directoryUnusable, "cannot open \(path): \(Files.reason())")
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno == EWOULDBLOCK ? "another process runs a cluster in this directory" : Files.reason()
            close(opened)
            throw LocalPostgresError(.directoryUnusable, "cannot lock \(path): \(reason)")
        }
        // Last: once its properties are set, an instance closes the file in `deinit` even where its `init` throws.
        file = opened
    }

    deinit { close(file) }
}
