import Glibc
import Synchronization

/// Where log lines go: whole lines, one at a time.
public final class LogOutput: Sendable {
    private let descriptor: CInt
    private let lock = Mutex(())

    /// Standard error.
    public static let standardError = LogOutput(descriptor: STDERR_FILENO)

    /// - Parameter descriptor: an open file, pipe or terminal, which stays the caller's.
    public init(descriptor: CInt) { self.descriptor = descriptor }

    /// Whether a person is reading.
    public var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Writes a line and its line feed. When the other end has gone, or the disk is full, the line is lost: there is
    /// nowhere left to say so.
    func write(line: String) {
        let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
        lock.withLock { _ in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN {
                    // Somebody made the pipe non-blocking; wait for room, but never for ever.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&ready, 1, 1000) <= 0 { return }
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
