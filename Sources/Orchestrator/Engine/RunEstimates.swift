import Interpreter
import StepContracts

/// How far a whole execution is, from what its tasks report.
extension Engine {
    /// Of the task that has the most before it, or of the Map state whose items are worked on side by side.
    func progress(of run: Run) -> RunProgress? {
        var found: [RunProgress] = []
        var maps: [EntryID: (branches: Branches, reports: [StepProgress])] = [:]
        for (id, report) in run.progress.sorted(by: { $0.key < $1.key }) {
            if let map = run.execution.map(around: id), let branches = map.branches {
                maps[map.id, default: (branches, [])].reports.append(report)
            } else {
                found.append(RunProgress(report))
            }
        }
        found += maps.values.map {
            RunProgress(done: $0.branches.outputs.count, of: $0.branches.total, reports: $0.reports)
        }
        return found.min { ($0.share ?? 0) < ($1.share ?? 0) }
    }
}

extension Execution {
    /// The innermost Map state of more than one item that an entry belongs to, within this execution.
    fileprivate func map(around id: EntryID) -> Entry? {
        var scope = scopeOfEntry[id].flatMap { scopes[$0]?.parent }
        while let id = scope, let outer = scopes[id] {
            if let entry = outer.entry, let branches = entry.branches, branches.items != nil, branches.total > 1 {
                return entry
            }
            scope = outer.parent
        }
        return nil
    }
}

extension RunProgress {
    /// Of a Map state's items: those done, and what the tasks of others report. Each item counts as one, and where a task
    /// tells media time the others are taken to be as long.
    init(done: Int, of items: Int, reports: [StepProgress]) {
        precondition(items > 0, "a Map state that reports has items")
        let shares = reports.map { RunProgress($0).share ?? 0 }
        let share = min(1, (Double(done) + shares.reduce(0, +)) / Double(items))
        let lengths = reports.compactMap(\.totalSeconds).filter { $0 > 0 }
        let total = lengths.isEmpty ? nil : lengths.reduce(0, +) / Double(lengths.count) * Double(items)
        let speed = reports.compactMap(\.speed).reduce(0, +)
        let still = reports.compactMap(\.stillSeconds)
        let slowest = zip(shares, reports).min { $0.0 < $1.0 }?.1
        let whole = StepProgress(
            stage: slowest?.stage ?? "", mediaSeconds: total.map { $0 * share } ?? 0, totalSeconds: total,
            speed: speed > 0 ? speed : nil,
            // As long as one of them comes forward, so does the whole.
            stillSeconds: still.count == reports.count ? still.min() : nil)
        self.init(whole)
        self.share = share
    }
}
