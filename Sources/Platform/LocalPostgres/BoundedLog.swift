import Glibc
import Synchronization

/// A log file that never grows beyond its limit: when it is full it becomes `NAME.1`, replacing the one before. The last
/// lines are kept in memory too, for the sentence that says why the server did not start.
final class BoundedLog: Sendable {
    private struct State {
        var file: Int32 = -1
        var size = 0
        var tail: [UInt8] = []
    }

    private let path: String
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: of one file in bytes; there are at most two.
    init(path: String, limit: Int) {
        self.path = path
        self.limit = limit
    }

    deinit { state.withLock { if $0.file >= 0 { close($0.file) } } }

    /// Copies all that comes out of a pipe, until its other end is closed, then closes this one.
    func drain(_ pipe: Int32) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(pipe, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            append(buffer.prefix(count))
        }
        close(pipe)
    }

    /// The last lines.
    var tail: String { state.withLock { String(decoding: $0.tail, as: UTF8.self) } }

    func forgetTail() { state.withLock { $0.tail = [] } }

    private func append(_ bytes: ArraySlice<UInt8>) {
        state.withLock { state in
            state.tail += bytes
            if state.tail.count > 8192 { state.tail.removeFirst(state.tail.count - 8192) }
            if state.file >= 0, state.size + bytes.count > limit {
                close(state.file)
                state.file = -1
                rename(path, path + ".1")
            }
            if state.file < 0 {
                state.file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
                state.size = state.file < 0 ? 0 : Int(max(0, lseek(state.file, 0, SEEK_END)))
            }
            // A full disk loses log lines, not the server: the pipe must be emptied whatever happens.
            bytes.withUnsafeBytes { bytes in
                var written = 0
                while state.file >= 0, written < bytes.count {
                    let count = write(state.file, bytes.baseAddress! + written, bytes.count - written)
                    if count < 0, errno == EINTR { continue }
                    if count <= 0 { break }
                    written += count
                }
                state.size += written
            }
        }
    }
}
