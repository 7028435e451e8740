import Glibc
import Synchronization

/// Shows on standard error how far long work is and when it will end: as a bar that moves where it is a terminal, else
/// as a line for each step, or as a line of JSON.
public final class ProgressLine: Sendable {
    public enum Style: Sendable { case bar, lines, json, none }

    private struct State {
        var stage = ""
        var startedAt = 0.0
        var shownAt = -1.0
        var isDrawn = false
    }

    private let style: Style
    private let now: @Sendable () -> Double
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// - Parameter now: seconds on a clock that never goes back.
    public init(
        _ style: Style, now: @escaping @Sendable () -> Double = ProgressLine.seconds,
        write: @escaping @Sendable (String) -> Void = { Terminal.write($0, to: 2) }
    ) {
        self.style = style
        self.now = now
        self.write = write
    }

    /// For a command whose result goes to standard output as JSON, or for people.
    public static func forCommand(json: Bool) -> ProgressLine {
        ProgressLine(Terminal.errorIsTerminal ? .bar : json ? .json : .lines)
    }

    /// That many units of the stage's total are done. Lines come at most once a second, and at both ends.
    public func show(_ stage: String, done: Int, total: Int) {
        state.withLock { state in
            let time = now()
            if stage != state.stage {
                if state.isDrawn { write("\n") }
                state = State(stage: stage, startedAt: time)
            }
            let isEnd = done == total || done == 0
            if style == .none || (!isEnd && time - state.shownAt < 1) { return }
            state.shownAt = time
            let elapsed = time - state.startedAt
            switch style {
            case .bar:
                let filled = total > 0 ? min(30, done * 30 / total) : 0
                let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled)
                write("\r\u{1B}[2K[\(bar)]  \(Self.text(stage, done: done, total: total, elapsed: elapsed))")
                state.isDrawn = true
            case .lines: write(Self.text(stage, done: done, total: total, elapsed: elapsed) + "\n")
            case .json:
                let left = Self.remaining(done: done, total: total, elapsed: elapsed)
                write(
                    "{\"stage\":\"\(stage)\",\"done\":\(done),\"total\":\(total),\"elapsedSeconds\":\(Int(elapsed))"
                        + (left.map { ",\"etaSeconds\":\($0)" } ?? "") + "}\n")
            case .none: break
            }
        }
    }

    /// Ends the bar's line.
    public func end() {
        state.withLock { state in
            if state.isDrawn { write("\n") }
            state.isDrawn = false
        }
    }

    /// `factors 3 of 12, 25 %, ETA 0:27`
    static func text(_ stage: String, done: Int, total: Int, elapsed: Double) -> String {
        var text = "\(stage) \(done) of \(total), \(total > 0 ? done * 100 / total : 0) %"
        if let left = remaining(done: done, total: total, elapsed: elapsed) {
            let seconds = left % 60
            text += ", ETA \(left / 60):\(seconds < 10 ? "0" : "")\(seconds)"
        }
        return text
    }

    /// In seconds, as if the rest went like what is done; nil before the first unit and at the end.
    static func remaining(done: Int, total: Int, elapsed: Double) -> Int? {
        guard done > 0, done < total else { return nil }
        return Int((elapsed / Double(done) * Double(total - done)).rounded(.up))
    }

    /// Seconds since the machine's start.
    public static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
