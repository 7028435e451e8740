import HashTreeCollections
public import JSON
import OrderedCollections
import StatesLanguage

extension ExecutionStart {
    /// What the execution of a snapshot was begun with: it names the definition that reading the rest takes.
    public init(snapshot: JSON) throws(SnapshotError) {
        guard let document = snapshot["start"] else { throw SnapshotError(reason: "'start' is missing") }
        do throws(JournalFormatError) {
            guard case .executionStarted(let start) = try Effect(json: document) else {
                throw JournalFormatError(reason: "it starts nothing")
            }
            self = start
        } catch { throw SnapshotError(reason: error.reason) }
    }
}

extension Execution {
    /// Reads what ``snapshot(_:)`` wrote.
    ///
    /// - Parameters:
    ///   - payloads: ``PayloadTable/values``.
    ///   - definition: the plan of that which ``ExecutionStart/init(snapshot:)`` names.
    public init(
        id: String, snapshot: JSON, payloads: [JSON], start: ExecutionStart, definition: MachinePlan
    ) throws(SnapshotError) {
        let reader = SnapshotReader(json: snapshot, payloads: payloads)
        guard start.plan(in: definition) != nil else {
            throw SnapshotError(reason: "the definition has no such Map state")
        }
        self.init(id: id, start: start, definition: definition, at: try reader.integer("startedAt"))
        at = try reader.integer("at")
        outcome = try reader.optional("outcome").map { reader throws(SnapshotError) in try reader.outcome() }
        stoppedAt = try reader.optionalInteger("stoppedAt")
        eventCount = try reader.number("events")
        nextScope = try reader.number("nextScope")
        nextEntry = try reader.number("nextEntry")
        let queue = try reader.array("queue")
        guard queue.count == 3, let head = queue[0].integerValue, let tail = queue[1].integerValue else {
            throw SnapshotError(reason: "'queue' is no queue")
        }
        runnable = RunQueue(head: head, tail: tail, turns: try SnapshotReader.pairs(queue[2]))
        entriesInIO = TreeSet(try reader.numbers("io"))
        entriesWithChildren = TreeSet(try reader.numbers("withChildren"))
        scopes.removeAll()
        for document in try reader.array("scopes") {
            let reader = SnapshotReader(json: document, payloads: payloads)
            let around = try reader.optionalNumber("parent").map { (parent) throws(SnapshotError) -> Entry in
                guard let entry = scopes.shared(parent)?.value.entry else {
                    throw SnapshotError(reason: "a scope stands before the one around it")
                }
                return entry
            }
            let scope = try reader.scope(in: around, top: plan)
            if let entry = scope.entry { scopeOfEntry.insert(scope.id, for: entry.id) }
            scopes.insert(scope)
        }
        remains = try reader.optional("remains").map { [plan] reader throws(SnapshotError) in
            try reader.scope(in: nil, top: plan)
        }
        if let redrive = try reader.optional("redrive") {
            redriveCount = try redrive.number("count")
            redrivenAt = try redrive.optionalInteger("at")
            redrivenEventID = try redrive.number("event")
            for token in redrive.optionalArray("tokens") {
                guard let text = token[0]?.stringValue, let at = token[1]?.integerValue else {
                    throw SnapshotError(reason: "a token is no token")
                }
                redriveTokens.append(RedriveToken(token: text, at: Instant(at)))
            }
            if redriveCount > 0 {
                constantContext = start.context(
                    of: id, startedAt: startedAt, redriveCount: redriveCount, redrivenAt: redrivenAt)
            }
        }
    }
}

/// The members of one object of a snapshot, each demanded with its type.
private struct SnapshotReader {
    let json: JSON
    let payloads: [JSON]

    func integer(_ key: String) throws(SnapshotError) -> Instant {
        guard let integer = json[key]?.integerValue else { throw missing(key) }
        return Instant(integer)
    }

    func number(_ key: String) throws(SnapshotError) -> Int { Int(try integer(key)) }

    func optionalInteger(_ key: String) throws(SnapshotError) -> Instant? {
        if case .some = json[key] { try integer(key) } else { nil }
    }

    func optionalNumber(_ key: String) throws(SnapshotError) -> Int? { try optionalInteger(key).map { Int($0) } }

    func text(_ key: String) throws(SnapshotError) -> String {
        guard let text = json[key]?.stringValue else { throw missing(key) }
        return text
    }

    func array(_ key: String) throws(SnapshotError) -> [JSON] {
        guard let array = json[key]?.arrayValue else { throw missing(key) }
        return array
    }

    func optionalArray(_ key: String) -> [JSON] { json[key]?.arrayValue ?? [] }

    func optional(_ key: String) throws(SnapshotError) -> SnapshotReader? {
        json[key].map { SnapshotReader(json: $0, payloads: payloads) }
    }

    func numbers(_ key: String) throws(SnapshotError) -> [Int] {
        try optionalArray(key).map { element throws(SnapshotError) in
            guard let number = element.integerValue else { throw missing(key) }
            return number
        }
    }

    static func pairs(_ json: JSON?) throws(SnapshotError) -> [(Int, Int)] {
        try (json?.arrayValue ?? []).map { pair throws(SnapshotError) in
            guard let first = pair[0]?.integerValue, let second = pair[1]?.integerValue else {
                throw SnapshotError(reason: "a pair is no pair")
            }
            return (first, second)
        }
    }

    private func missing(_ key: String) -> SnapshotError {
        SnapshotError(reason: "'\(key)' is missing or of another type")
    }

    func payload(_ key: String) throws(SnapshotError) -> JSON {
        guard let form = json[key] else { throw missing(key) }
        return try PayloadTable.value(form, in: payloads)
    }

    func optionalPayload(_ key: String) throws(SnapshotError) -> JSON? {
        if case .some = json[key] { try payload(key) } else { .none }
    }

    private func optionalItem(_ key: String, _ index: Int, _ items: [JSON]?) throws(SnapshotError) -> JSON? {
        if case .some = json[key] { try item(key, index, items) } else { .none }
    }

    private func item(_ key: String, _ index: Int, _ items: [JSON]?) throws(SnapshotError) -> JSON {
        guard json[key] == .string("item") else { return try payload(key) }
        guard let items, items.indices.contains(index) else {
            throw SnapshotError(reason: "there is no item \(index)")
        }
        return items[index]
    }

    func outcome() throws(SnapshotError) -> Outcome {
        let error = json["error"]?.stringValue
        let cause = json["cause"]?.stringValue
        switch try text("status") {
        case "SUCCEEDED": return .succeeded(output: try payload("output"))
        case "FAILED": return .failed(error: error, cause: cause)
        case "TIMED_OUT": return .timedOut(error: error, cause: cause)
        case "ABORTED": return .aborted(error: error, cause: cause)
        case let status: throw SnapshotError(reason: "'\(status)' is no way to end")
        }
    }

    /// - Parameters:
    ///   - around: the Parallel or Map state that the scope is in; nil for the machine's own.
    ///   - top: the machine's plan.
    func scope(in around: Entry?, top: MachinePlan) throws(SnapshotError) -> Scope {
        let index = try optionalNumber("index") ?? 0
        var plan = top
        if let around {
            let isMap = if case .map = around.plan.state.kind { true } else { false }
            let child = isMap ? 0 : index
            guard around.plan.children.indices.contains(child) else {
                throw SnapshotError(reason: "the state '\(around.state)' has no branch \(child)")
            }
            plan = around.plan.children[child]
        }
        var variables: EvaluationScope.Variables = [:]
        if let given = try optionalPayload("variables") {
            guard let members = given.objectValue else { throw missing("variables") }
            variables = members
        }
        var scope = Scope(
            id: try number("id"), parent: try optionalNumber("parent"), index: index, plan: plan,
            data: try payload("data"), variables: variables,
            item: try optionalItem("item", index, around?.branches?.items),
            follows: try number("follows"))
        scope.entry = try optional("entry").map { reader throws(SnapshotError) in try reader.entry(plan, top) }
        return scope
    }

    private func entry(_ plan: MachinePlan, _ top: MachinePlan) throws(SnapshotError) -> Entry {
        let name = try text("state")
        guard plan.machine.states[name] != nil else {
            throw SnapshotError(reason: "the machine has no state '\(name)'")
        }
        var entry = Entry(
            id: try number("id"), state: name, plan: plan.state(name), input: try payload("input"),
            enteredAt: try integer("at"), enteredEventID: try number("event"),
            precedingEventID: try number("preceding"))
        entry.retries = Dictionary(try Self.pairs(json["retries"])) { first, _ in first }
        entry.mapRunCount = try optionalNumber("mapRuns") ?? 0
        entry.lostWorkers = optionalArray("lost").compactMap(\.stringValue)
        entry.assigned = optionalArray("assigned").compactMap(\.stringValue)
        entry.turn = try optionalNumber("turn")
        entry.credentials = try optionalPayload("credentials")
        entry.callbackNonce = json["callback"]?.stringValue
        let around = entry
        entry.branches = try optional("branches").map { reader throws(SnapshotError) in
            try reader.branches(of: around, top)
        }
        guard let phase = try optional("phase") else { throw missing("phase") }
        entry.phase = try phase.phase(of: entry)
        return entry
    }

    private func phase(of entry: Entry) throws(SnapshotError) -> Phase {
        var map: MapState?
        if case .map(let state) = entry.plan.state.kind { map = state }
        switch try text("is") {
        case "entered": return .entered
        case "branching": return .branching
        case "waiting": return .waiting(until: try integer("until"))
        case "backingOff": return .backingOff(until: try integer("until"))
        case "task": return .task(try attempt())
        case "readingItems":
            guard let reader = map?.reader else { throw SnapshotError(reason: "the state has no ItemReader") }
            return .readingItems(
                ItemReadRequest(reader, parameters: try payload("parameters"), maxItems: try optionalNumber("maxItems"))
            )
        case "writingResults":
            guard let writer = map?.writer, let arn = entry.branches?.mapRun?.arn,
                let request = ResultWriteRequest(writer, parameters: try payload("parameters"), mapRunARN: arn)
            else { throw SnapshotError(reason: "the state has no ResultWriter") }
            return .writingResults(request)
        case let phase: throw SnapshotError(reason: "'\(phase)' is no phase")
        }
    }

    private func attempt() throws(SnapshotError) -> TaskAttempt {
        var started: TaskAttempt.Started?
        if let given = json["started"] {
            guard let worker = given[0]?.stringValue, let incarnation = given[1]?.stringValue,
                let nonce = given[2]?.stringValue, let at = given[3]?.integerValue
            else { throw missing("started") }
            started = TaskAttempt.Started(worker: worker, incarnation: incarnation, nonce: nonce, at: Instant(at))
        }
        return TaskAttempt(
            resource: try text("resource"), parameters: try payload("parameters"),
            timeoutSeconds: try optionalNumber("timeout"), heartbeatSeconds: try optionalNumber("heartbeat"),
            credentials: try optionalPayload("credentials"), callbackNonce: json["callback"]?.stringValue,
            scheduledAt: try integer("at"), started: started, isSubmitted: json["submitted"] == true)
    }

    private func branches(of entry: Entry, _ top: MachinePlan) throws(SnapshotError) -> Branches {
        var branches = Branches(
            total: try number("total"), items: try optionalPayload("items")?.arrayValue,
            maxConcurrency: try number("maxConcurrency"), toleratedFailures: try number("tolerated"),
            nextFollows: try number("follows"))
        branches.next = try number("next")
        branches.failed = try number("failed")
        for (index, scope) in try Self.pairs(json["running"]) { branches.running[index] = scope }
        for output in optionalArray("outputs") {
            guard let index = output[0]?.integerValue, let form = output[1] else { throw missing("outputs") }
            branches.outputs[index] = try PayloadTable.value(form, in: payloads)
        }
        branches.awaitingRedrive = try numbers("awaiting")
        branches.mapRun = try optional("mapRun").map { [items = branches.items] reader throws(SnapshotError) in
            try reader.mapRun(items)
        }
        var around = entry
        around.branches = branches
        for broken in optionalArray("broken") {
            guard let index = broken[0]?.integerValue, let document = broken[1] else { throw missing("broken") }
            branches.broken[index] = try SnapshotReader(json: document, payloads: payloads).scope(in: around, top: top)
        }
        return branches
    }

    private func mapRun(_ items: [JSON]?) throws(SnapshotError) -> MapRun {
        var mapRun = MapRun(
            arn: try text("arn"), number: try number("number"), toleratedCount: try optionalNumber("toleratedCount"),
            toleratedPercentage: json["toleratedPercentage"]?.doubleValue, hasItems: json["hasItems"] == true,
            startedEventID: try number("event"))
        mapRun.nextItem = try number("nextItem")
        mapRun.failedItems = try number("failedItems")
        mapRun.redriveCount = try number("redrives")
        mapRun.pendingRedrive = try numbers("pendingRedrive")
        for document in optionalArray("running") {
            let reader = SnapshotReader(json: document, payloads: payloads)
            mapRun.running[try reader.number("index")] = try reader.child(items)
        }
        for document in optionalArray("ended") {
            let reader = SnapshotReader(json: document, payloads: payloads)
            guard let outcome = try reader.optional("outcome") else { throw missing("outcome") }
            mapRun.ended[try reader.number("index")] = MapRun.ChildResult(
                try reader.child(items), outcome: try outcome.outcome(), stoppedAt: try reader.integer("stoppedAt"))
        }
        return mapRun
    }

    private func child(_ items: [JSON]?) throws(SnapshotError) -> MapRun.Child {
        let first = try number("first")
        return MapRun.Child(
            input: try item("input", first, items), firstItem: first, itemCount: try optionalNumber("count") ?? 1,
            startedAt: try integer("at"), redrives: try optionalNumber("redrives") ?? 0)
    }
}
