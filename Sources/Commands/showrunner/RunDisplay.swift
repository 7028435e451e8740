import Encodings
import EngineClient
import Glibc
import JSON
import StatesLanguage
import TerminalOutput

/// Shows work as it moves, on standard error: bars on a terminal, lines elsewhere, nothing when quiet.
final class RunDisplay {
    private let isQuiet: Bool
    private let isJSON: Bool
    private var lines = LiveLines()
    private var lastLine: [String: String] = [:]
    private var states: [Int: JSON] = [:]
    private var reports: [Int: JSON] = [:]
    private var lastUpload = ContinuousClock.now.advanced(by: .seconds(-10))

    /// - Parameter isJSON: each event as a JSON line on standard output.
    init(isQuiet: Bool, json isJSON: Bool = false) {
        self.isQuiet = isQuiet || isJSON
        self.isJSON = isJSON
    }

    // MARK: Upload

    func upload(sent: Int64, of total: Int64) {
        guard !isQuiet else { return }
        let isLast = sent >= total
        guard isLast || ContinuousClock.now - lastUpload > .milliseconds(200) else { return }
        lastUpload = .now
        let share = total == 0 ? 1 : Double(sent) / Double(total)
        let text = "Upload  \(Self.size(sent)) of \(Self.size(total))"
        if Terminal.errorIsTerminal {
            draw([Self.bar(share) + "  " + text])
            if isLast { lines.leave() }
        } else if isLast || lastLine["upload"] == nil {
            lastLine["upload"] = text
            Terminal.error(text)
        }
    }

    // MARK: One run

    /// Shows a run until it has ended; gives the console's document of it.
    func follow(_ run: FoundRun) async throws -> JSON {
        try await run.client.follow(run: run.arn) { event in
            if self.isJSON { Terminal.line((["event": .string(event.name), "data": event.data] as JSON).text) }
            self.take(event)
            return true
        }
        return try await run.client.get(run.path)
    }

    private func take(_ event: RunEvent) {
        switch event.name {
        case "run":
            for state in event.data["states"]?.arrayValue ?? [] {
                guard let entry = state["entry"]?.integerValue else { continue }
                states[entry] = state
                if state["exitedAt"] != nil { reports[entry] = nil }
            }
        case "progress":
            guard let entry = event.data["entry"]?.integerValue else { return }
            reports[entry] = event.data["progress"]
        default: return
        }
        guard !isQuiet else { return }
        if Terminal.errorIsTerminal { drawStates() } else { tellStates() }
    }

    private var tasks: [(entry: Int, state: JSON)] {
        states.filter { $0.value["resource"] != nil }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func drawStates() {
        var lines: [(text: String, isDone: Bool)] = []
        for (entry, state) in tasks {
            let name = Self.padded(state["name"]?.stringValue ?? "", 12)
            let status = state["status"]?.stringValue ?? ""
            guard status == "running", let report = reports[entry] else {
                let sign =
                    ["succeeded": "✓", "failed": "✗", "caught": "✗", "retrying": "↻", "aborted": "■"][status] ?? "·"
                let detail = state["error"]?.stringValue.map { "  \($0)" } ?? ""
                let isDone = status == "succeeded"
                lines.append(("\(sign) \(name) \(status)\(isDone ? "" : detail)", isDone))
                continue
            }
            lines.append(("  \(name) \(Self.bar(Self.share(report)))  \(Self.mediaTime(report))", false))
            for part in report["parts"]?.arrayValue ?? [] {
                let partName = Self.padded(part["name"]?.stringValue ?? "", 12)
                lines.append(("      \(partName) \(Self.bar(part["share"]?.doubleValue ?? 0, width: 20))", false))
            }
        }
        draw(Self.folded(lines, rows: Terminal.errorSize?.rows ?? .max))
    }

    /// Where the lines are more than the terminal shows, what is done becomes one of them.
    static func folded(_ lines: [(text: String, isDone: Bool)], rows: Int) -> [String] {
        let moving = lines.filter { !$0.isDone }.map(\.text)
        let done = lines.count - moving.count
        guard lines.count >= rows, done > 1 else { return lines.map(\.text) }
        return ["✓ \(done) tasks succeeded"] + moving
    }

    private func tellStates() {
        for (entry, state) in tasks {
            let name = state["name"]?.stringValue ?? ""
            let status = state["status"]?.stringValue ?? ""
            var text = "\(name): \(status)"
            if status == "running", let report = reports[entry] {
                // A line every tenth of the work.
                text += " \(Int(Self.share(report) * 10) * 10) %"
            } else if status != "succeeded", let error = state["error"]?.stringValue {
                text += " (\(error))"
            }
            if lastLine["\(entry)"] == text { continue }
            lastLine["\(entry)"] = text
            Terminal.error(reports[entry].map { "\(text)  \(Self.mediaTime($0))" } ?? text)
        }
    }

    // MARK: All runs

    /// Shows every open run until none is.
    static func watchAll(_ client: EngineClient, json: Bool) async throws {
        let display = RunDisplay(isQuiet: false)
        var hasSeen = false
        while true {
            let runs = try await client.get("/console/api/runs?status=RUNNING&limit=100")["items"]?.arrayValue ?? []
            if json {
                Terminal.line((["runs": .array(runs)] as JSON).text)
            } else if Terminal.errorIsTerminal {
                display.draw(runs.map(line))
            } else {
                for run in runs { display.tell(run) }
            }
            if runs.isEmpty {
                if !hasSeen, !json { Terminal.error("no run is open") }
                return
            }
            hasSeen = true
            try await Task.sleep(for: .seconds(1))
        }
    }

    private static func line(_ run: JSON) -> String {
        let title = padded(run["title"]?.stringValue ?? run["name"]?.stringValue ?? "", 24)
        guard let progress = run["progress"] else { return "\(title) \(now(run))" }
        return "\(title) \(bar(share(progress)))  \(padded(now(run), 22)) \(mediaTime(progress))"
    }

    private func tell(_ run: JSON) {
        let id = run["id"]?.stringValue ?? ""
        let text = Self.line(run)
        if lastLine[id] == text { return }
        lastLine[id] = text
        Terminal.error(text)
    }

    // MARK: A run in full

    static func show(_ run: JSON) {
        Terminal.line("execution  \(run["executionArn"]?.stringValue ?? "")")
        if let title = run["title"]?.stringValue { Terminal.line("title      \(title)") }
        Terminal.line("status     \(run["status"]?.stringValue ?? "")")
        Terminal.line("started    \(run["startDate"]?.stringValue ?? "")")
        if let stopped = run["stopDate"]?.stringValue { Terminal.line("stopped    \(stopped)") }
        if let stuck = run["stuck"]?.stringValue { Terminal.line("stuck      \(stuck)") }
        if let reason = run["quarantine"]?.stringValue { Terminal.line("set aside  \(reason)") }
        if let count = run["redriveCount"]?.integerValue, count > 0 {
            let last = run["redriveDate"]?.stringValue.map { ", last \($0)" } ?? ""
            Terminal.line("redriven   \(counted(count, "time"))\(last)")
        }
        if let origin = run["origin"] {
            let cause = origin["cause"]?.stringValue.map { " (\($0))" } ?? ""
            let ended = origin["execution"]?.stringValue.map { ", for the end of \($0)" } ?? ""
            Terminal.line(
                "started by \(origin["kind"]?.stringValue ?? "") \(origin["name"]?.stringValue ?? "")\(cause)\(ended)")
        }
        if let error = run["error"]?.stringValue { Terminal.line("error      \(error)") }
        if let cause = run["cause"]?.stringValue { Terminal.line("cause      \(cause)") }
        if let output = run["output"] { Terminal.line("output     \(output.text)") }
        let states = run["states"]?.arrayValue ?? []
        guard !states.isEmpty else { return }
        Terminal.line("")
        Terminal.table(
            [["STATE", "TYPE", "STATUS", "ATTEMPTS", "WORKER", "ENTERED", "TOOK", "ERROR"]]
                + states.map { state in
                    let path = state["path"]?.stringValue ?? ""
                    return [
                        (path.isEmpty ? "" : path + "/") + (state["name"]?.stringValue ?? ""),
                        state["type"]?.stringValue ?? "", state["status"]?.stringValue ?? "",
                        state["attempts"]?.text ?? "", state["worker"]?.stringValue ?? "-",
                        state["enteredAt"]?.stringValue ?? "", took(state), state["error"]?.stringValue ?? "",
                    ]
                })
        if let omitted = run["statesOmitted"]?.integerValue {
            Terminal.line("\(counted(omitted, "earlier state")) left out here: 'runs history' has all of them")
        }
        if let usage = run["usage"] { show(usage: usage) }
        let results = StateResults(definition: run["definition"]?.stringValue)
        let reuse = states.compactMap { state -> [String]? in
            let name = state["name"]?.stringValue ?? ""
            guard let reuse = results.result(of: name, in: state["output"])?["reuse"],
                let because = reuse["because"]?.stringValue
            else { return nil }
            return [name, reuse["reused"]?.boolValue == true ? "reused" : "made", because]
        }
        if !reuse.isEmpty {
            Terminal.line("")
            Terminal.table([["STATE", "RESULT", "BECAUSE"]] + reuse)
        }
        for state in states {
            guard let token = state["taskToken"]?.stringValue else { continue }
            Terminal.line("")
            Terminal.line("\(state["name"]?.stringValue ?? "") waits for an answer to the task token \(token)")
        }
    }

    /// What the attempts took, by state, as far as their workers told.
    private static func show(usage: JSON) {
        func seconds(_ sum: JSON, _ member: String) -> String {
            "\(decimal(sum[member]?.doubleValue ?? 0, places: 1)) s"
        }
        func line(_ name: String, _ sum: JSON) -> [String] {
            let isMeasured = (sum["attempts"]?.integerValue ?? 0) > 0
            let isReused = (sum["reused"]?.integerValue ?? 0) > 0
            return [
                name, isMeasured ? seconds(sum, "cpuSeconds") : "-", isMeasured ? seconds(sum, "wallSeconds") : "-",
                isMeasured ? size(Int64(sum["peakMemoryBytes"]?.integerValue ?? 0)) : "-",
                isReused ? seconds(sum, "savedCpuSeconds") : "-",
            ]
        }
        let states = usage["states"]?.arrayValue ?? []
        Terminal.line("")
        Terminal.table(
            [["STATE", "PROCESSOR", "AT WORK", "MEMORY", "SAVED"]]
                + states.map { line($0["state"]?.stringValue ?? "", $0) }
                + (states.count > 1 ? [line("all", usage)] : []))
    }

    /// How long a state entry took, in seconds; a stroke while it goes on.
    private static func took(_ state: JSON) -> String {
        guard let entered = state["enteredAt"]?.stringValue.flatMap(Timestamp.microseconds(rfc3339:)),
            let left = state["exitedAt"]?.stringValue.flatMap(Timestamp.microseconds(rfc3339:))
        else { return "-" }
        return "\(decimal(Double(left - entered) / 1_000_000, places: 1)) s"
    }

    // MARK: Words

    /// What a run does now: `Items + Pause x 40`, at most three states by name.
    static func now(_ run: JSON) -> String {
        let current = (run["current"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard !current.isEmpty else { return "-" }
        let counts = Dictionary(current.map { ($0, 1) }, uniquingKeysWith: +)
        var names: [String] = []
        for name in current where !names.contains(name) && names.count < namedStates { names.append(name) }
        let words = names.map { name in counts[name, default: 1] > 1 ? "\(name) x \(counts[name, default: 1])" : name }
        let others = counts.count - names.count
        return words.joined(separator: " + ") + (others > 0 ? " + \(others) more" : "")
    }

    private static let namedStates = 3

    static func share(_ report: JSON) -> Double {
        if let share = report["share"]?.doubleValue { return min(max(share, 0), 1) }
        guard let total = report["totalSeconds"]?.doubleValue, total > 0 else { return 0 }
        return min(max((report["mediaSeconds"]?.doubleValue ?? 0) / total, 0), 1)
    }

    /// `encode 00:01:12.400 of 00:02:00.000  1.9x  ETA 25 s`, and since when it stands there.
    static func mediaTime(_ report: JSON) -> String {
        var text = report["stage"]?.stringValue ?? ""
        let reached = report["mediaSeconds"]?.doubleValue ?? 0
        // As long as the engine allows before it says that the task is stuck.
        let still =
            report["stillSeconds"]?.doubleValue.flatMap { $0 >= 20 ? "  no progress for \(Int($0)) s" : nil } ?? ""
        guard let total = report["totalSeconds"]?.doubleValue else { return text + still }
        text += " \(clock(reached)) of \(clock(total))"
        if let speed = report["speed"]?.doubleValue, speed > 0 {
            text += "  \(decimal(speed, places: 1))x  ETA \(Int(min(max(total - reached, 0) / speed, 1e9))) s"
        }
        return text + still
    }

    static func clock(_ seconds: Double) -> String {
        playingTime(milliseconds: Int((min(max(seconds, 0), 1e9) * 1000).rounded()))
    }

    static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024 { return unit == "B" ? "\(bytes) B" : "\(decimal(value, places: 1)) \(unit)" }
            value /= 1024
        }
        return "\(decimal(value, places: 1)) TiB"
    }

    private static func bar(_ share: Double, width: Int = 30) -> String {
        let filled = Int(share * Double(width))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
            + " \(padded(String(Int(share * 100)), 3, right: true)) %"
    }

    private static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: max(width - text.count, 0))
        return right ? space + text : String(text.prefix(width)) + space
    }

    /// Draws over what was drawn last.
    private func draw(_ lines: [String]) {
        Terminal.write(self.lines.redraw(lines, size: Terminal.errorSize), to: STDERR_FILENO)
    }
}
