import Glibc
import JSON

/// Standard output and standard error.
enum Terminal {
    static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    /// A line on standard output.
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// A line on standard error.
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// A value on standard output: over several lines for people, in one for programs.
    static func json(_ value: JSON) { line(outputIsTerminal ? value.prettyText : value.text) }

    /// Writes all of it; a reader that has gone away ends the writing.
    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Columns of a table, each as wide as its widest cell; the last one as it is.
    static func table(_ rows: [[String]]) {
        guard let columns = rows.first?.count else { return }
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { index, cell in
                index == columns - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            line(cells.joined(separator: "  "))
        }
    }
}
