import Glibc
public import JSON

/// Standard output for results, standard error for everything else, as every command of ours uses them.
public enum Terminal {
    public static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    public static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    /// A line on standard output.
    public static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// A line on standard error.
    public static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// A value on standard output: over several lines for people, in one for programs.
    public static func json(_ value: JSON) { line(outputIsTerminal ? value.prettyText : value.text) }

    /// Writes all of it; a reader that has gone away ends the writing.
    public static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Columns of a table, each as wide as its widest cell; the last one as it is.
    public static func table(_ rows: [[String]]) {
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
