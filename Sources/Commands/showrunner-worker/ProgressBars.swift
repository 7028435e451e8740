import Encodings
import StepContracts
import Synchronization
import TerminalOutput
import Worker

/// Shows a step's progress on standard error: as bars that move where it is a terminal, as a line every tenth of the
/// way otherwise.
final class ProgressBars: Sendable {
    private struct State {
        var lines = LiveLines()
        var stage = ""
        var tenths = -1
    }

    enum Style: Sendable { case bars, lines, none }

    private let style: Style
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(_ style: Style, write: @escaping @Sendable (String) -> Void = { Terminal.write($0, to: 2) }) {
        self.style = style
        self.write = write
    }

    /// For a command whose result goes to standard output as JSON, or for people.
    static func forCommand(json: Bool) -> ProgressBars {
        ProgressBars(Terminal.errorIsTerminal ? .bars : json ? .none : .lines)
    }

    func show(_ progress: StepProgress) {
        state.withLock { state in
            switch style {
            case .none: return
            case .bars:
                write(state.lines.redraw(ProgressBars.bars(progress), size: Terminal.errorSize))
            case .lines:
                let tenths = Int((ProgressBars.share(progress) ?? 0) * 10)
                guard progress.stage != state.stage || tenths > state.tenths else { return }
                state.stage = progress.stage
                state.tenths = tenths
                write(ProgressBars.summary(progress) + "\n")
            }
        }
    }

    /// Done share of the whole, 0...1; nil while unknown.
    static func share(_ progress: StepProgress) -> Double? {
        if let total = progress.totalSeconds, total > 0 { return min(1, max(0, progress.mediaSeconds / total)) }
        if progress.parts.isEmpty { return nil }
        return progress.parts.reduce(0) { $0 + min(1, max(0, $1.share)) } / Double(progress.parts.count)
    }

    /// `encode 00:00:12.040 of 00:01:00.000, 20 %, 1.9x, 312 frames`
    static func summary(_ progress: StepProgress) -> String {
        var text = progress.stage
        if progress.mediaSeconds > 0 || progress.totalSeconds != nil {
            text += " \(mediaClock(progress.mediaSeconds))"
            if let total = progress.totalSeconds { text += " of \(mediaClock(total))" }
        }
        if let share = share(progress) { text += ", \(percent(share))" }
        if let speed = progress.speed { text += ", \(oneDecimal(speed))x" }
        if progress.frames > 0 { text += ", \(counted(progress.frames, "frame"))" }
        return text
    }

    /// The summary, and a bar for each part.
    static func bars(_ progress: StepProgress) -> [String] {
        let width = progress.parts.map(\.name.count).max() ?? 0
        return [summary(progress)]
            + progress.parts.map { part in
                let share = min(1, max(0, part.share))
                let filled = Int((share * 30).rounded(.down))
                let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled)
                let name = part.name + String(repeating: " ", count: width - part.name.count)
                return "  \(name)  [\(bar)]  \(percent(share))"
            }
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded(.down))) %" }

    private static func oneDecimal(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e9 else { return "?" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
