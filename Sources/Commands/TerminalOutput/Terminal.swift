import Glibc
public import JSON

/// Standard output for results, standard error for everything else, as every command of ours uses them.
public enum Terminal {
    public static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    public static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    /// The terminal that standard error is; nil where it is none.
    public static var errorSize: TerminalSize? {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else { return nil }
        return TerminalSize(rows: Int(size.ws_row), columns: Int(size.ws_col))
    }

    /// A line on standard output.
    public static func line(_ text: String) {
        write((outputIsTerminal ? legible(text) : text) + "\n", to: STDOUT_FILENO)
    }

    /// A line on standard error.
    public static func error(_ text: String) {
        write((errorIsTerminal ? legible(text) : text) + "\n", to: STDERR_FILENO)
    }

    /// The text with pictures of the characters that a terminal would obey: titles, causes and outputs are what others
    /// wrote. Line feeds and tabs stay.
    public static func legible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var legible = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            legible.append(isControl(scalar) ? picture(of: scalar) : scalar)
        }
        return String(legible)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
    }

    /// Unicode's own (U+2400 to U+2421), which C1 has none of.
    private static func picture(of control: Unicode.Scalar) -> Unicode.Scalar {
        switch control.value {
        case 0..<0x20: Unicode.Scalar(0x2400 + control.value) ?? "\u{FFFD}"
        case 0x7F: "\u{2421}"
        default: "\u{FFFD}"
        }
    }

    /// A value on standard output: over several lines for people, in one for programs.
    public static func json(_ value: JSON) { line(outputIsTerminal ? value.prettyText : value.text) }

    /// Writes all of it; a reader that has gone away ends the writing. Where a result can't be written whole for any other
    /// reason, the process ends with status 1: nobody is to take half of it, or nothing, for the whole.
    public static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
                continue
            }
            let code = count < 0 ? errno : EIO
            switch code {
            case EINTR: continue
            case EAGAIN:
                // Whoever shares the descriptor has made it non-blocking. What fails here, the next write tells.
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&room, 1, -1)
            case EPIPE: return
            default:
                guard descriptor == STDOUT_FILENO else { return }
                error("the result is not written whole: \(String(cString: strerror(code)))")
                exit(1)
            }
        }
    }

    /// The text with pictures of its line feeds.
    static func singleLine(_ text: String) -> String {
        guard text.utf8.contains(0x0A) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\n" ? "\u{240A}" : $0 }))
    }

    /// Columns of a table, each as wide as its widest cell; the last one as it is. A row is a line, whatever stands in it.
    public static func table(_ rows: [[String]]) {
        guard let columns = rows.first?.count else { return }
        let rows = rows.map { $0.map(singleLine) }
        let widths = (0..<columns).map { column in rows.map { Columns.of($0[column]) }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { index, cell in
                index == columns - 1 ? cell : cell + String(repeating: " ", count: widths[index] - Columns.of(cell))
            }
            line(cells.joined(separator: "  "))
        }
    }
}
