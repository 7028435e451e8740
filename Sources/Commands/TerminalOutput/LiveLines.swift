/// Lines on a terminal that are drawn over as they change.
///
/// What wraps or scrolls can't be drawn over, so lines end at the terminal's edge, and there is one less of them than it has
/// rows: those that are too many are counted in the last.
public struct LiveLines: Sendable {
    /// How many stand above the cursor.
    private var drawn = 0

    public init() {}

    /// What draws these lines over the ones before.
    ///
    /// - Parameter size: the terminal's; without it the lines are drawn as they are.
    public mutating func redraw(_ lines: [String], size: TerminalSize?) -> String {
        var lines = lines.map { Terminal.legible(Terminal.singleLine($0)) }
        if let size {
            let room = max(size.rows - 1, 1)
            if lines.count > room { lines[(room - 1)...] = ["… and \(lines.count - room + 1) more"] }
            lines = lines.map {
                Columns.of($0) < size.columns ? $0 : Columns.prefix($0, max(size.columns - 2, 0)) + "…"
            }
        }
        // Each line is cleared as it is drawn anew.
        var text = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        for line in lines { text += "\u{1B}[2K" + line + "\n" }
        if lines.count < drawn { text += "\u{1B}[J" }
        drawn = lines.count
        return text
    }

    /// Lets the lines stand; what is drawn next comes below them.
    public mutating func leave() { drawn = 0 }
}

/// Rows and columns of characters.
public struct TerminalSize: Sendable, Equatable {
    public let rows: Int
    public let columns: Int

    public init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
    }
}
