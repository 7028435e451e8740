import Interpreter
import JSON
import OrderedCollections

extension RunProjection {
    /// All of it but the changes that nobody has asked for yet.
    func snapshot(_ payloads: inout PayloadTable) -> JSON {
        var entries: [JSON] = []
        for view in self.entries.values { entries.append(view.snapshot(&payloads)) }
        return .members(
            ("entries", .array(entries)), ("omitted", omitted == 0 ? .none : .integer(omitted)),
            ("mapRuns", mapRuns.views.isEmpty ? .none : .array(mapRuns.views.values.map(\.snapshot))),
            ("usage", usage.states.isEmpty ? .none : usage.snapshot))
    }

    init(snapshot: JSON, payloads: [JSON]) throws(SnapshotError) {
        self.init()
        var entries: OrderedDictionary<EntryID, StateEntryView> = [:]
        for document in snapshot["entries"]?.arrayValue ?? [] {
            let view = try StateEntryView(snapshot: document, payloads: payloads)
            entries[view.entry] = view
        }
        var views: OrderedDictionary<String, MapRunView> = [:]
        for document in snapshot["mapRuns"]?.arrayValue ?? [] {
            let view = try MapRunView(snapshot: document)
            views[view.arn] = view
        }
        take(
            entries: entries, omitted: snapshot["omitted"]?.integerValue ?? 0, mapRuns: MapRunProjection(views),
            usage: try RunUsage(snapshot: snapshot["usage"]))
    }
}

extension StateEntryView {
    fileprivate func snapshot(_ payloads: inout PayloadTable) -> JSON {
        .members(
            ("entry", .integer(entry)), ("name", .string(name)), ("type", .string(type)),
            ("path", path.isEmpty ? .none : .string(path)), ("status", .string(status.rawValue)),
            ("attempts", attempts == 0 ? .none : .integer(attempts)), ("worker", worker.map(JSON.string)),
            ("entered", .integer(enteredAtMicroseconds)), ("exited", exitedAtMicroseconds.map { .integer($0) }),
            ("input", input.map { payloads.note($0) }), ("output", output.map { payloads.note($0) }),
            ("error", error.map(JSON.string)), ("cause", cause.map(JSON.string)),
            ("resource", resource.map(JSON.string)), ("next", nextAttemptAtMicroseconds.map { .integer($0) }),
            ("token", taskToken.map(JSON.string)))
    }

    fileprivate init(snapshot: JSON, payloads: [JSON]) throws(SnapshotError) {
        guard let entry = snapshot["entry"]?.integerValue, let name = snapshot["name"]?.stringValue,
            let type = snapshot["type"]?.stringValue, let entered = snapshot["entered"]?.integerValue,
            let status = snapshot["status"]?.stringValue.flatMap({ Status(rawValue: $0) })
        else { throw SnapshotError(reason: "a state entry without a member") }
        func payload(_ key: String) throws(SnapshotError) -> JSON? {
            guard let form = snapshot[key] else { return .none }
            return try PayloadTable.value(form, in: payloads)
        }
        self.init(
            entry: entry, name: name, type: type, path: snapshot["path"]?.stringValue ?? "", status: status,
            attempts: snapshot["attempts"]?.integerValue ?? 0, worker: snapshot["worker"]?.stringValue,
            enteredAtMicroseconds: Int64(entered),
            exitedAtMicroseconds: (snapshot["exited"]?.integerValue).map { Int64($0) }, input: try payload("input"),
            output: try payload("output"), error: snapshot["error"]?.stringValue, cause: snapshot["cause"]?.stringValue,
            resource: snapshot["resource"]?.stringValue,
            nextAttemptAtMicroseconds: (snapshot["next"]?.integerValue).map { Int64($0) },
            taskToken: snapshot["token"]?.stringValue)
    }
}

extension MapRunView {
    fileprivate var snapshot: JSON {
        .members(
            ("arn", .string(arn)), ("execution", .string(executionARN)), ("machine", .string(machine)),
            ("status", .string(status.rawValue)), ("start", .integer(startDateMicroseconds)),
            ("stop", stopDateMicroseconds.map { .integer($0) }), ("maxConcurrency", .integer(maxConcurrency)),
            ("toleratedCount", .integer(toleratedFailureCount)),
            ("toleratedPercentage", .double(toleratedFailurePercentage)), ("redrives", .integer(redriveCount)),
            ("redriven", redriveDateMicroseconds.map { .integer($0) }),
            ("writes", resultsAreToBeWritten ? true : .none), ("items", items.snapshot),
            ("executions", executions.snapshot))
    }

    fileprivate init(snapshot: JSON) throws(SnapshotError) {
        guard let arn = snapshot["arn"]?.stringValue, let execution = snapshot["execution"]?.stringValue,
            let machine = snapshot["machine"]?.stringValue, let start = snapshot["start"]?.integerValue,
            let status = snapshot["status"]?.stringValue.flatMap({ RunStatus(rawValue: $0) }),
            let concurrency = snapshot["maxConcurrency"]?.integerValue,
            let count = snapshot["toleratedCount"]?.integerValue,
            let percentage = snapshot["toleratedPercentage"]?.doubleValue
        else { throw SnapshotError(reason: "a Map Run without a member") }
        self.init(
            arn: arn, executionARN: execution, machine: machine, status: status, startDateMicroseconds: Int64(start),
            stopDateMicroseconds: (snapshot["stop"]?.integerValue).map { Int64($0) }, maxConcurrency: concurrency,
            toleratedFailureCount: count, toleratedFailurePercentage: percentage,
            redriveCount: snapshot["redrives"]?.integerValue ?? 0,
            redriveDateMicroseconds: (snapshot["redriven"]?.integerValue).map { Int64($0) },
            resultsAreToBeWritten: snapshot["writes"] == true, items: try Counts(snapshot: snapshot["items"]),
            executions: try Counts(snapshot: snapshot["executions"]))
    }
}

extension MapRunView.Counts {
    private static let members: [WritableKeyPath<Self, Int> & Sendable] = [
        \.pending, \.running, \.succeeded, \.failed, \.timedOut, \.aborted, \.resultsWritten, \.pendingRedrive,
    ]

    fileprivate var snapshot: JSON { .array(Self.members.map { .integer(self[keyPath: $0]) }) }

    fileprivate init(snapshot: JSON?) throws(SnapshotError) {
        self.init()
        guard let counts = snapshot?.arrayValue?.compactMap(\.integerValue), counts.count == Self.members.count else {
            throw SnapshotError(reason: "a Map Run without its counts")
        }
        for (member, count) in zip(Self.members, counts) { self[keyPath: member] = count }
    }
}
