import Journal
import OrderedCollections
import Postgres

/// What PostgreSQL keeps for the journal, and what its statements do to it. A statement is known by its text: one that is
/// not modelled traps. Each does its work at one instant, when it commits; when that is, which keys it holds until then, and who
/// hears of it, is the server's matter.
final class ModelDatabase {
    struct Row: Equatable {
        let writer: String
        let at: Int64
        let effects: String
        /// Who held the lease when the row went in.
        let leaseHolder: String
    }

    struct Name: Hashable {
        let machine: String
        let name: String
    }

    struct Lease {
        var incarnation: String
        var holder: String
        var renewedAt: Int64
    }

    struct Revision {
        let machine: String
        let isFirst: Bool
        let definitionHash: String
        let configuration: String
        let createdAt: Int64
    }

    struct Machine {
        let arn: String
        let type: String
        let status: String
        let revision: String
        let nextVersion: Int64
        let tags: String
        let createdAt: Int64
    }

    private(set) var journal: OrderedDictionary<String, OrderedDictionary<Int64, Row>> = [:]
    private(set) var names: OrderedDictionary<Name, (execution: String, hash: String)> = [:]
    private(set) var list: OrderedDictionary<String, ListEntry> = [:]
    private(set) var mapRuns: OrderedDictionary<String, String> = [:]
    private(set) var definitions: OrderedDictionary<String, String> = [:]
    private(set) var lease: Lease?
    var snapshots: OrderedDictionary<String, OrderedDictionary<Int64, StoredSnapshot>> = [:]
    var cold: OrderedDictionary<String, ColdExecution> = [:]
    var coldNotes = 0
    var wokenByTime = 0
    /// What publishing has made visible: a title's name and the execution whose row it came with.
    private(set) var titles: [(name: String, execution: String)] = []
    private var revisions: OrderedDictionary<String, Revision> = [:]
    private var machines: OrderedDictionary<String, Machine> = [:]
    private var settings: OrderedDictionary<String, String> = [:]
    /// Places for which one engine has written two rows: it had two executions in memory where there is one.
    private(set) var doubles: [String] = []
    /// Rows that a key kept out, or a lost lease: what the fences are for.
    private(set) var refusedRows = 0

    /// Microseconds since 1970 when a scenario begins.
    static let epoch: Int64 = 1_800_000_000_000_000
    var now: Int64 { Self.epoch + Scheduler.shared.now }

    /// How a statement stands to the row of the lease.
    static func lock(of sql: String) -> LeaseLock {
        if sql.contains("FOR KEY SHARE") { return .shared }
        // Renewing changes no key, and waits for nobody.
        let changes = ["INSERT INTO showrunner.lease", "DELETE FROM showrunner.lease"]
        return changes.contains { sql.contains($0) } ? .exclusive : .none
    }

    enum LeaseLock { case none, shared, exclusive }

    /// Of the statement for a row that comes alone.
    private static let oneRow = "SELECT $3, $4, $2, $5, $6 FROM showrunner.lease"

    /// Whether a statement that shares the row of the lease finds its incarnation in it now, and so locks it.
    func findsLease(_ parameters: [PostgresValue]) -> Bool { lease?.incarnation == Parameters(parameters).text(1) }

    /// Whether the statement that commits now found its incarnation in the lease when it began: nothing looks again.
    var foundLease = false

    /// The keys that a statement inserts, in its order: names before rows.
    func keys(of sql: String, _ parameters: [PostgresValue]) -> [ModelLocks.Key] {
        let given = Parameters(parameters)
        if sql.contains("SELECT $3, $4, $2, $5, $6 FROM lease") { return [.row(given.text(3), given.int(4))] }
        if sql.contains(Self.oneRow) { return [.row(given.text(3), given.int(4))] }
        guard sql.contains("AS given (execution_id, seq, at, effects") else { return [] }
        let rows = zip(given.texts(3), given.ints(4)).map { ModelLocks.Key.row($0 ?? "", $1 ?? -1) }
        guard sql.contains("execution_list") else { return rows }
        var names = zip(given.texts(7), given.texts(8)).compactMap { machine, name in
            machine.flatMap { machine in name.map { Name(machine: machine, name: $0) } }
        }
        if sql.contains("ORDER BY machine, name") { names.sort { ($0.machine, $0.name) < ($1.machine, $1.name) } }
        return names.map(ModelLocks.Key.name) + rows
    }

    /// Whether somebody has inserted a key and committed it.
    func has(_ key: ModelLocks.Key) -> Bool {
        switch key {
        case .name(let name): names[name] != nil
        case .row(let id, let seq): journal[id]?[seq] != nil
        }
    }

    func execute(_ sql: String, _ parameters: [PostgresValue]) -> PostgresResult {
        let given = Parameters(parameters)
        if sql.contains("showrunner.lease") && !sql.contains("FOR KEY SHARE") && !sql.contains("given.ordinal") {
            return changeLease(sql, given)
        }
        if sql.contains("AS given (execution_id, seq, at, effects") || sql.contains(Self.oneRow) {
            return append(sql, given)
        }
        if sql.contains("SELECT $3, $4, $2, $5, $6 FROM lease") { return publish(sql, given) }
        if sql.contains("SELECT given.ordinal, journal.writer") { return verdicts(given) }
        if let result = keep(sql, given) { return result }
        if sql.contains("showrunner.journal") { return load(given) }
        if sql.contains("clock_timestamp()") { return Table(["now": .bigint], [["\(now)"]]).result }
        if sql.contains("FROM showrunner.execution_list WHERE execution_id = $1") {
            return Self.lines(list[given.text(1)].map { [$0] } ?? [])
        }
        if sql.contains("FROM showrunner.execution_name") {
            let found = names[Name(machine: given.text(1), name: given.text(2))]
            return Table(
                ["execution_id": .text, "input_hash": .text], found.map { [[$0.execution, $0.hash]] } ?? []
            ).result
        }
        if sql.contains("FROM showrunner.map_run") {
            return Table(["execution_id": .text], mapRuns[given.text(1)].map { [[$0]] } ?? []).result
        }
        return registry(sql, given)
    }

    // MARK: The lease

    private func changeLease(_ sql: String, _ given: Parameters) -> PostgresResult {
        if sql.contains("INSERT INTO") {
            let (incarnation, holder, validity) = (given.text(1), given.text(2), given.int(3))
            if let lease, lease.incarnation != incarnation, lease.incarnation != given.optionalText(4),
                lease.renewedAt + validity > now
            {
                return Table(["id": .bigint], []).result
            }
            lease = Lease(incarnation: incarnation, holder: holder, renewedAt: now)
            return Table(["id": .bigint], [["1"]]).result
        }
        if sql.contains("UPDATE") {
            guard lease?.incarnation == given.text(1) else { return Table(["position": .bigint], []).result }
            lease?.renewedAt = now
            return Table(["position": .bigint], [["1"]]).result
        }
        if sql.contains("DELETE") {
            if lease?.incarnation == given.text(1) { lease = nil }
            return Table([:], []).result
        }
        return Table(
            ["incarnation": .text, "holder": .text, "address": .text, "age": .bigint],
            lease.map { [[$0.incarnation, $0.holder, nil, "\(now - $0.renewedAt)"]] } ?? []
        ).result
    }

    // MARK: The journal

    private func append(_ sql: String, _ given: Parameters) -> PostgresResult {
        let writer = given.text(2)
        let (ids, seqs, instants, effects) =
            sql.contains(Self.oneRow)
            ? ([given.text(3)], [given.int(4)], [given.int(5)], [given.text(6)])
            : (given.texts(3), given.ints(4), given.ints(5), given.texts(6))
        // Rows that take no name and change no list come in a statement of their own.
        let areAlone = !sql.contains("execution_list")
        let none = [String?](repeating: nil, count: ids.count)
        let (machines, names, hashes) =
            areAlone ? (none, none, none) : (given.texts(7), given.texts(8), given.texts(9))
        guard foundLease else {
            refusedRows += ids.count
            return Table(["execution_id": .text, "seq": .bigint], []).result
        }
        var written: [[String?]] = []
        for index in ids.indices {
            guard let id = ids[index], let seq = seqs[index], let at = instants[index], let text = effects[index] else {
                preconditionFailure("a row without a value")
            }
            if let machine = machines[index], let name = names[index], let hash = hashes[index] {
                let key = Name(machine: machine, name: name)
                guard self.names[key] == nil else {
                    refusedRows += 1
                    continue
                }
                self.names[key] = (id, hash)
            }
            if insert(id, seq, writer, at, text) { written.append([id, "\(seq)"]) }
        }
        let went = Set(written.map { "\($0[0] ?? "") \($0[1] ?? "")" })
        if areAlone { return Table(["execution_id": .text, "seq": .bigint], written).result }
        for line in given.lines(from: 10) where went.contains("\(line.executionID) \(line.projectedSeq)") { take(line) }
        if sql.contains("showrunner.map_run") {
            let last = given.count
            let (arns, runs, runSeqs) = (given.texts(last - 2), given.texts(last - 1), given.ints(last))
            for index in arns.indices where went.contains("\(runs[index] ?? "") \(runSeqs[index] ?? -1)") {
                guard let arn = arns[index], let run = runs[index], mapRuns[arn] == nil else { continue }
                mapRuns[arn] = run
            }
        }
        return Table(["execution_id": .text, "seq": .bigint], written).result
    }

    private func insert(_ id: String, _ seq: Int64, _ writer: String, _ at: Int64, _ effects: String) -> Bool {
        guard journal[id]?[seq] == nil else {
            if let row = journal[id]?[seq], row.writer != writer,
                row.writer.split(separator: "/")[0] == writer.split(separator: "/")[0]
            {
                doubles.append("\(id):\(seq) by \(row.writer) and \(writer)")
            }
            refusedRows += 1
            return false
        }
        journal[id, default: [:]][seq] = Row(
            writer: writer, at: at, effects: effects, leaseHolder: lease?.incarnation ?? "nobody")
        return true
    }

    private func take(_ line: ListEntry) {
        guard var standing = list[line.executionID] else {
            list[line.executionID] = line
            return
        }
        guard standing.projectedSeq < line.projectedSeq else { return }
        (standing.machine, standing.name, standing.status) = (line.machine, line.name, line.status)
        (standing.startedAt, standing.stoppedAt, standing.title) = (line.startedAt, line.stoppedAt, line.title)
        (standing.error, standing.cause, standing.projectedSeq) = (line.error, line.cause, line.projectedSeq)
        (standing.redriveCount, standing.redrivenAt) = (line.redriveCount, line.redrivenAt)
        list[line.executionID] = standing
    }

    private func publish(_ sql: String, _ given: Parameters) -> PostgresResult {
        let (writer, id, seq) = (given.text(2), given.text(3), given.int(4))
        guard foundLease, insert(id, seq, writer, given.int(5), given.text(6)) else {
            return Table(["execution_id": .text, "seq": .bigint], []).result
        }
        if sql.contains("listed AS") {
            take(
                ListEntry(
                    executionID: id, machine: given.text(7), name: given.text(8), status: given.text(9),
                    startedAt: given.int(10), stoppedAt: given.optionalInt(11), title: given.optionalText(12),
                    error: given.optionalText(13), cause: given.optionalText(14), projectedSeq: seq,
                    redriveCount: given.int(15), redrivenAt: given.optionalInt(16)))
        }
        if sql.contains("showrunner.map_run") {
            for arn in given.texts(sql.contains("listed AS") ? 17 : 7).compactMap(\.self) where mapRuns[arn] == nil {
                mapRuns[arn] = id
            }
        }
        precondition(sql.contains("INSERT INTO simulation.title"), "a statement attached by somebody else: \(sql)")
        titles.append((given.text(given.count), id))
        return Table(["execution_id": .text, "seq": .bigint], [[id, "\(seq)"]]).result
    }

    private func verdicts(_ given: Parameters) -> PostgresResult {
        let (ids, seqs, machines, names) = (given.texts(1), given.ints(2), given.texts(3), given.texts(4))
        let hasLease = lease?.incarnation == given.text(5) ? "t" : "f"
        let rows: [[String?]] = ids.indices.map { index in
            let row = ids[index].flatMap { journal[$0] }.flatMap { rows in seqs[index].flatMap { rows[$0] } }
            var name: (execution: String, hash: String)?
            if let machine = machines[index], let given = names[index] {
                name = self.names[Name(machine: machine, name: given)]
            }
            return ["\(index + 1)", row?.writer, name?.execution, name?.hash, hasLease]
        }
        return Table(
            [
                "ordinal": .bigint, "writer": .text, "named_id": .text, "named_hash": .text, "has_lease": .boolean,
            ], rows
        ).result
    }

    private func load(_ given: Parameters) -> PostgresResult {
        let rows = (journal[given.text(1)] ?? [:]).filter { $0.key > given.int(2) }.sorted { $0.key < $1.key }
        return Table(
            ["seq": .bigint, "writer": .text, "at": .bigint, "effects": .text],
            rows.prefix(Int(given.int(3))).map { ["\($0.key)", $0.value.writer, "\($0.value.at)", $0.value.effects] }
        ).result
    }

    // MARK: Machines

    private func registry(_ sql: String, _ given: Parameters) -> PostgresResult {
        if sql.contains("INSERT INTO showrunner.machine (name") {
            guard foundLease else { return Table(["id": .bigint], []).result }
            let (hash, revision) = (given.text(2), given.text(4))
            if definitions[hash] == nil { definitions[hash] = given.text(3) }
            if revisions[revision] == nil {
                revisions[revision] = Revision(
                    machine: given.text(5), isFirst: given.bool(6), definitionHash: hash, configuration: given.text(7),
                    createdAt: given.int(8))
            }
            machines[given.text(5)] = Machine(
                arn: given.text(9), type: given.text(10), status: given.text(11), revision: revision,
                nextVersion: given.int(12), tags: given.text(13), createdAt: given.int(14))
            return Table(["id": .bigint], [["1"]]).result
        }
        if sql.contains("FROM showrunner.machine JOIN") {
            let rows: [[String?]] = machines.sorted { $0.key < $1.key }.map { name, machine in
                guard let revision = revisions[machine.revision] else { preconditionFailure("a machine's revision") }
                return [
                    name, machine.arn, machine.type, machine.status, "\(machine.nextVersion)", machine.tags,
                    "\(machine.createdAt)", machine.revision, revision.machine, revision.isFirst ? "t" : "f",
                    revision.definitionHash, revision.configuration, "\(revision.createdAt)",
                ]
            }
            return Table(
                [
                    "name": .text, "arn": .text, "type": .text, "status": .text, "next_version": .bigint, "tags": .text,
                    "machine_created_at": .bigint, "revision_id": .text, "revision_machine": .text,
                    "is_first": .boolean, "definition_hash": .text, "configuration": .text,
                    "revision_created_at": .bigint,
                ], rows
            ).result
        }
        if sql.contains("SELECT body FROM showrunner.definition") {
            return Table(["body": .text], definitions[given.text(1)].map { [[$0]] } ?? []).result
        }
        if sql.contains("INSERT INTO showrunner.setting") {
            if settings[given.text(1)] == nil { settings[given.text(1)] = given.text(2) }
            return Table([:], []).result
        }
        if sql.contains("SELECT value FROM showrunner.setting") {
            return Table(["value": .text], settings[given.text(1)].map { [[$0]] } ?? []).result
        }
        // Nobody makes versions, aliases, activities or connections here.
        let empty = [
            "FROM showrunner.machine_version JOIN", "FROM showrunner.machine_alias", "FROM showrunner.activity",
            "FROM showrunner.connection", "FROM showrunner.worker_order", "FROM showrunner.worker_aside",
            "FROM showrunner.suspect",
        ]
        precondition(empty.contains { sql.contains($0) }, "a statement that is not modelled: \(sql)")
        return Table([:], []).result
    }

    static func lines(_ entries: [ListEntry]) -> PostgresResult {
        Table(
            [
                "execution_id": .text, "machine": .text, "name": .text, "status": .text, "started_at": .bigint,
                "stopped_at": .bigint, "title": .text, "error": .text, "cause": .text, "projected_seq": .bigint,
                "version": .bigint, "alias": .text, "map_run": .text, "redrive_count": .bigint, "redriven_at": .bigint,
                "item_count": .bigint,
            ],
            entries.map { line in
                [
                    line.executionID, line.machine, line.name, line.status, "\(line.startedAt)",
                    line.stoppedAt.map { "\($0)" }, line.title, line.error, line.cause, "\(line.projectedSeq)",
                    line.version.map { "\($0)" }, line.alias, line.mapRun, "\(line.redriveCount)",
                    line.redrivenAt.map { "\($0)" }, line.itemCount.map { "\($0)" },
                ]
            }
        ).result
    }
}

/// A result in the making: columns by name with their types, in order.
struct Table {
    let columns: KeyValuePairs<String, PostgresResult.ColumnType>
    let rows: [[String?]]

    init(_ columns: KeyValuePairs<String, PostgresResult.ColumnType>, _ rows: [[String?]]) {
        self.columns = columns
        self.rows = rows
    }

    var result: PostgresResult {
        PostgresResult(columns: columns.map { (name: $0.key, type: $0.value) }, rows: rows)
    }
}

/// A statement's parameters by their number, from 1. One of another type than asked for traps.
struct Parameters {
    private let values: [PostgresValue]

    init(_ values: [PostgresValue]) { self.values = values }

    var count: Int { values.count }

    func optionalText(_ number: Int) -> String? {
        switch values[number - 1] {
        case .text(let text), .uuid(let text): text
        case .null: nil
        case let other: preconditionFailure("$\(number) is \(other)")
        }
    }

    func text(_ number: Int) -> String {
        guard let text = optionalText(number) else { preconditionFailure("$\(number) is null") }
        return text
    }

    func optionalInt(_ number: Int) -> Int64? {
        switch values[number - 1] {
        case .int(let integer): integer
        case .null: nil
        case let other: preconditionFailure("$\(number) is \(other)")
        }
    }

    func int(_ number: Int) -> Int64 {
        guard let integer = optionalInt(number) else { preconditionFailure("$\(number) is null") }
        return integer
    }

    func bool(_ number: Int) -> Bool {
        guard case .bool(let value) = values[number - 1] else { preconditionFailure("$\(number) is no boolean") }
        return value
    }

    func texts(_ number: Int) -> [String?] {
        switch values[number - 1] {
        case .textArray(let texts), .uuidArray(let texts): texts
        case let other: preconditionFailure("$\(number) is \(other)")
        }
    }

    func ints(_ number: Int) -> [Int64?] {
        guard case .intArray(let integers) = values[number - 1] else {
            preconditionFailure("$\(number) is no bigint[]")
        }
        return integers
    }

    /// The lines of lists in the sixteen arrays from a number on.
    func lines(from first: Int) -> [ListEntry] {
        texts(first).indices.map { index in
            func text(_ offset: Int) -> String? { texts(first + offset)[index] }
            func int(_ offset: Int) -> Int64? { ints(first + offset)[index] }
            guard let id = text(0), let machine = text(1), let name = text(2), let status = text(3),
                let startedAt = int(4), let seq = int(9), let redrives = int(13)
            else { preconditionFailure("a line without a value") }
            return ListEntry(
                executionID: id, machine: machine, name: name, status: status, startedAt: startedAt, stoppedAt: int(5),
                title: text(6), error: text(7), cause: text(8), projectedSeq: seq, version: int(10), alias: text(11),
                mapRun: text(12), redriveCount: redrives, redrivenAt: int(14), itemCount: int(15))
        }
    }
}
