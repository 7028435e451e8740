import JSON
import StatesLanguage

extension SimulationReport {
    /// The history as a table: time on the virtual clock, what happened, in which state, and with what. Payloads are
    /// cut.
    public var historyTable: [[String]] {
        var rows = [["TIME", "EVENT", "STATE", "DETAIL"]]
        // Events within a state do not name it: they follow one that does.
        var states: [Int: String] = [:]
        for event in history {
            let details = event.details?.value
            var state = details?["name"]?.stringValue ?? states[event.previousID] ?? ""
            if event.type.hasPrefix("Execution") { state = "" }
            states[event.id] = state
            if let index = details?["index"]?.integerValue { state += "[\(index)]" }
            rows.append([
                SimulationReport.duration(Double(event.at - start) / 1_000_000), event.type, state,
                SimulationReport.detail(details),
            ])
        }
        return rows
    }

    /// How it ended, in lines.
    public var summary: [String] {
        var lines: [String] = []
        let took = "after \(SimulationReport.duration(seconds))"
        let made = "\(visited.values.reduce(0, +)) states entered, \(calls.values.reduce(0, +)) calls answered"
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
            lines.append("\(children.count) child executions, \(failed) of them not SUCCEEDED")
        }
        for state in unusedMocks { lines.append("note: nothing asked for the mocks of '\(state)'") }
        lines += problems.map { "problem: \($0)" } + disappointments.map { "not as expected: \($0)" }
        return lines
    }

    private static func detail(_ details: JSON?) -> String {
        guard let details else { return "" }
        let resource = details["resource"]?.stringValue.map { action in
            details["resourceType"]?.stringValue.map { "\($0):\(action)" } ?? action
        }
        var words: [String] = []
        if let error = details["error"]?.stringValue {
            words.append(details["cause"]?.stringValue.map { "\(error): \($0)" } ?? error)
        } else if let payload = details["output"] ?? details["parameters"] ?? details["input"] {
            if details["output"] == nil, let resource { words.append(resource) }
            words.append(payload.stringValue ?? payload.text)
        } else if let length = details["length"]?.integerValue {
            words.append("\(length) items")
        } else if let arn = details["mapRunArn"]?.stringValue {
            words.append(arn)
        }
        let text = words.joined(separator: " ")
        let limit = 100
        return text.count <= limit ? text : text.prefix(limit - 1) + "…"
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
