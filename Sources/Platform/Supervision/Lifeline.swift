import Glibc
import Synchronization

/// Ties child processes to the life of this one: each child holds one end of a socket pair whose other end
/// only this process has. However this process ends, the kernel closes it, and every child sees the end of its input.
public final class Lifeline: Sendable {
    /// What children are told in their environment so that they watch their standard input.
    public static let environmentName = "SHOWRUNNER_SUPERVISED"

    let readingEnd: Int32
    private let writingEnd: Int32

    public init() throws(SupervisionError) {
        var ends: [Int32] = [0, 0]
        // A socket pair, because it can be closed on exec from the start, as a pipe made by Swift can't.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw SupervisionError(message: "no socket pair could be made: \(String(cString: strerror(errno)))")
        }
        (readingEnd, writingEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readingEnd)
        close(writingEnd)
    }

    /// In a child: ends this process in order (SIGTERM) when the supervisor is gone. Does nothing unless the process
    /// was started by a supervisor. To be called once, first thing in `main`.
    public static func follow() {
        guard getenv(environmentName) != nil else { return }
        // Grandchildren are not the supervisor's.
        unsetenv(environmentName)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { _ in
                var byte: UInt8 = 0
                while true {
                    let count = read(STDIN_FILENO, &byte, 1)
                    if count == 0 || (count < 0 && errno != EINTR) { break }
                }
                kill(getpid(), SIGTERM)
                return nil
            }, nil)
        precondition(status == 0, "a thread can be started at the very beginning of a process")
        pthread_detach(thread)
    }
}

/// Why a process can't be supervised.
public struct SupervisionError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String

    public init(message: String) { self.message = message }

    public var description: String { message }
}
