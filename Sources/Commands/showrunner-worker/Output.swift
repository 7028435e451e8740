import Glibc
import JSON

/// Standard output for results, standard error for everything else.
enum Output {
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// A value on standard output: over several lines for people, on one for programs.
    static func json(_ value: JSON) { line(isatty(STDOUT_FILENO) == 1 ? value.prettyText : value.text) }

    /// Writes all of it; a reader that has gone away ends the writing.
    static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            offset += count
        }
    }
}
