import Encodings
import JSON
import StatesLanguage

extension SimulationReport {
    /// The history as a table, with the time on the virtual clock: see ``History/table(of:from:)``.
    public var historyTable: [[String]] { History.table(of: history, from: start) }

    /// How it ended, in lines.
    public var summary: [String] {
        var lines: [String] = []
        let took = "after \(SimulationReport.duration(seconds))"
        let (entered, answered) = (visited.values.reduce(0, +), calls.values.reduce(0, +))
        let made = "\(counted(entered, "state")) entered, \(counted(answered, "call")) answered"
        switch outcome {
        case .succeeded(let output):
            lines += ["SUCCEEDED \(took), \(made)", "output: \(output.text)"]
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            lines.append("\(outcome?.status ?? "") \(took), \(made)")
            if let error { lines.append("error: \(error)") }
            if let cause { lines.append("cause: \(cause)") }
        case nil: lines.append("HALTED \(took), \(made)")
        }
        if let halt { lines.append("\(halt.name): \(halt.reason)") }
        if !children.isEmpty {
            let failed = children.count { $0.status != "SUCCEEDED" }
            lines.append("\(counted(children.count, "child execution")), \(failed) of them not SUCCEEDED")
        }
        for state in unusedMocks { lines.append("note: nothing asked for the mocks of '\(state)'") }
        lines += problems.map { "problem: \($0)" } + disappointments.map { "not as expected: \($0)" }
        return lines
    }

    /// Seconds as people say them, to the millisecond.
    static func duration(_ seconds: Double) -> String {
        let milliseconds = Int((seconds * 1000).rounded())
        let (whole, rest) = (milliseconds / 1000, milliseconds % 1000)
        var text = "\(whole % 60)"
        if rest > 0 {
            var fraction = String(1000 + rest).dropFirst()
            while fraction.last == "0" { fraction.removeLast() }
            text += ".\(fraction)"
        }
        text += " s"
        if whole >= 60 { text = "\(whole / 60 % 60) min " + text }
        if whole >= 3600 { text = "\(whole / 3600) h " + text }
        return text
    }
}
