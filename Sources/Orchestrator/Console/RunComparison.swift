import Engine
import JSON

/// What differs between an execution and another of its machine, for whoever asks what has changed since it worked.
struct RunComparison {
    /// The one asked about.
    let run: RunDetail
    /// The one it is compared with.
    let other: RunDetail

    /// Differences that are told of each kind; the others are counted.
    static let most = 100
    /// Pages that are looked through for the first that succeeded after it, and executions of each.
    static let pages = 20
    static let pageSize = 500

    /// The execution to compare with: the one that is named, or the last that succeeded before, or else the first after, of the
    /// latest 10,000 that succeeded; of a child of a Map Run, among its children.
    ///
    /// - Throws: `.notFound` where there is none, `.invalid` for one of another machine.
    static func partner(
        of run: RunView, named id: String?, among runs: any RunService
    ) async throws(EngineError) -> RunDetail {
        if let id {
            let named = try await runs.run(id)
            guard named.run.machine == run.machine else {
                throw EngineError(
                    code: .invalid,
                    message: "\(named.run.executionARN) is an execution of '\(named.run.machine)', not of "
                        + "'\(run.machine)'.")
            }
            return named
        }
        var query = RunQuery(
            machine: run.machine, status: .succeeded, limit: 1, before: run.listMark, mapRun: run.mapRunARN)
        if let last = try await runs.listRuns(query).items.first { return try await runs.run(last.id) }
        query.before = nil
        query.limit = pageSize
        var first: RunView?
        for _ in 0..<pages {
            let page = try await runs.listRuns(query)
            first = page.items.last { $0.id != run.id } ?? first
            guard let next = page.next else { break }
            query.before = next
        }
        guard let first else {
            throw EngineError(code: .notFound, message: "No other execution of '\(run.machine)' has succeeded.")
        }
        return try await runs.run(first.id)
    }

    /// `run` and `other` as list lines; `definition`, `input` and `states` with their `changes` and, where there are more than
    /// ``most``, how many are `omitted`.
    var json: JSON {
        [
            "run": run.run.json, "other": other.run.json, "definition": Self.list(definitionChanges),
            "input": Self.list(inputChanges), "states": Self.list(stateChanges),
        ]
    }

    private static func list(_ changes: [JSON]) -> JSON {
        var list: JSON = ["changes": .array(Array(changes.prefix(most)))]
        if changes.count > most { list["omitted"] = .integer(changes.count - most) }
        return list
    }

    // MARK: The definition

    /// `state` (none: the machine itself), `change` and the `fields` that differ.
    private var definitionChanges: [JSON] {
        guard run.definition != other.definition, let now = Self.document(run.definition),
            let before = Self.document(other.definition)
        else { return [] }
        var changes: [JSON] = []
        let fields = Self.fieldsThatDiffer(Self.withoutStates(now), Self.withoutStates(before))
        if !fields.isEmpty { changes.append(["change": "CHANGED", "fields": .array(fields.map(JSON.string))]) }
        let (states, earlier) = (Self.states(in: now), Self.states(in: before))
        let olds = Dictionary(earlier.map { ($0.name, $0.state) }) { first, _ in first }
        let names = Set(states.map(\.name))
        for (name, state) in states {
            guard let old = olds[name] else {
                changes.append(["state": .string(name), "change": "ADDED"])
                continue
            }
            let fields = Self.fieldsThatDiffer(state, old)
            if fields.isEmpty { continue }
            changes.append([
                "state": .string(name), "change": "CHANGED", "fields": .array(fields.map(JSON.string)),
            ])
        }
        for (name, _) in earlier where !names.contains(name) {
            changes.append(["state": .string(name), "change": "REMOVED"])
        }
        return changes
    }

    /// Definitions that run are JSON: the engine has read them.
    private static func document(_ definition: String) -> JSON? {
        do { return try JSON(parsing: definition) } catch { return nil }
    }

    /// All states, those in branches and processors too: their names are unique in a machine. Each without the states in it.
    private static func states(in machine: JSON) -> [(name: String, state: JSON)] {
        (machine["States"]?.objectValue ?? [:]).flatMap { name, state in
            [(name: name, state: withoutStates(state))] + parts(of: state).flatMap { states(in: $0) }
        }
    }

    private static let processors = ["ItemProcessor", "Iterator"]

    /// The machines within a state.
    private static func parts(of state: JSON) -> [JSON] {
        (state["Branches"]?.arrayValue ?? []) + processors.compactMap { state[$0] }
    }

    private static func withoutStates(_ value: JSON) -> JSON {
        var bare = value
        bare["States"] = nil
        if let branches = value["Branches"]?.arrayValue { bare["Branches"] = .array(branches.map(withoutStates)) }
        for name in processors { if let processor = value[name] { bare[name] = withoutStates(processor) } }
        return bare
    }

    private static func fieldsThatDiffer(_ now: JSON, _ before: JSON) -> [String] {
        let names = Set((now.objectValue ?? [:]).keys).union((before.objectValue ?? [:]).keys)
        return names.filter { now[$0] != before[$0] }.sorted()
    }

    // MARK: The input

    /// `path`, and what was there `before` and is there `now`, where something is.
    private var inputChanges: [JSON] {
        var changes: [JSON] = []
        Self.compare(run.input, other.input, at: "$", &changes)
        return changes
    }

    private static func compare(_ now: JSON?, _ before: JSON?, at path: String, _ changes: inout [JSON]) {
        if now == before { return }
        if let (here, there) = both(now?.objectValue, before?.objectValue) {
            for name in here.keys { compare(here[name], there[name], at: path + member(name), &changes) }
            for name in there.keys where here[name] == nil {
                compare(nil, there[name], at: path + member(name), &changes)
            }
            return
        }
        if let (here, there) = both(now?.arrayValue, before?.arrayValue), here.count == there.count {
            for index in here.indices { compare(here[index], there[index], at: "\(path)[\(index)]", &changes) }
            return
        }
        changes.append(.members(("path", .string(path)), ("before", before), ("now", now)))
    }

    private static func both<Value>(_ first: Value?, _ second: Value?) -> (Value, Value)? {
        guard let first, let second else { return nil }
        return (first, second)
    }

    /// A member as a JSONPath names it.
    private static func member(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isPlain && !name.isEmpty ? "." + name : "['" + name.replacing("'", with: "\\'") + "']"
    }

    // MARK: The states

    /// Passages through states that came out otherwise, were made on one side only, or took at least twice or at most half as
    /// long and a second more or less: `state`, `path`, and how it was `before` and is `now`.
    private var stateChanges: [JSON] {
        let (now, before) = (Self.passages(run), Self.passages(other))
        var changes: [JSON] = []
        for (place, state) in now.sorted(by: { $0.value.entry < $1.value.entry }) {
            let old = before[place]
            if let old, !Self.differs(state, old) { continue }
            changes.append(Self.change(place, now: state, before: old))
        }
        for (place, old) in before.sorted(by: { $0.value.entry < $1.value.entry }) where now[place] == nil {
            changes.append(Self.change(place, now: nil, before: old))
        }
        return changes
    }

    private struct Place: Hashable {
        let state: String
        let path: String
    }

    /// The last passage through each state: in a loop there are several.
    private static func passages(_ run: RunDetail) -> [Place: StateEntryView] {
        Dictionary(run.states.map { (Place(state: $0.name, path: $0.path), $0) }) { $0.entry > $1.entry ? $0 : $1 }
    }

    private static func differs(_ now: StateEntryView, _ before: StateEntryView) -> Bool {
        if now.status != before.status || now.error != before.error { return true }
        guard let (here, there) = both(seconds(now), seconds(before)), abs(here - there) >= 1 else { return false }
        return here >= 2 * there || there >= 2 * here
    }

    private static func seconds(_ state: StateEntryView) -> Double? {
        state.exitedAtMicroseconds.map { Double($0 - state.enteredAtMicroseconds) / 1_000_000 }
    }

    private static func change(_ place: Place, now: StateEntryView?, before: StateEntryView?) -> JSON {
        func side(_ state: StateEntryView?) -> JSON? {
            guard let state else { return JSON?.none }
            return .members(
                ("entry", .integer(state.entry)), ("status", .string(state.status.rawValue)),
                ("seconds", seconds(state).map(JSON.double)), ("attempts", .integer(state.attempts)),
                ("worker", state.worker.map(JSON.string)), ("error", state.error.map(JSON.string)))
        }
        return .members(
            ("state", .string(place.state)), ("path", .string(place.path)), ("before", side(before)),
            ("now", side(now)))
    }
}
