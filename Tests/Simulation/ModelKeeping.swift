import Journal
import Postgres

/// What the database keeps so that loading costs the same however much there is: snapshots and cold executions.
extension ModelDatabase {
    /// Nil where the statement is none of these.
    func keep(_ sql: String, _ given: Parameters) -> PostgresResult? {
        if sql.contains("showrunner.snapshot") { return snapshot(sql, given) }
        if sql.contains("AS wanted (execution_id, next_seq)") { return loadMany(given) }
        return sql.contains("showrunner.cold") ? changeCold(sql, given) : nil
    }

    private func snapshot(_ sql: String, _ given: Parameters) -> PostgresResult {
        if sql.contains("INSERT INTO") {
            let snapshot = StoredSnapshot(
                executionID: given.text(1), nextSeq: given.int(2), events: given.int(4), body: given.text(5))
            if snapshots[snapshot.executionID]?[snapshot.nextSeq] == nil {
                snapshots[snapshot.executionID, default: [:]][snapshot.nextSeq] = snapshot
            }
            return Table([:], []).result
        }
        let found: [StoredSnapshot]
        if sql.contains("DISTINCT ON") {
            found = given.texts(1).compactMap { id in latest(of: id ?? "") { _ in true } }
        } else {
            let (rows, events) = (given.int(3), given.int(4))
            found = [latest(of: given.text(1)) { $0.nextSeq <= rows && $0.events <= events }].compactMap(\.self)
        }
        return Table(
            ["execution_id": .text, "next_seq": .bigint, "events": .bigint, "body": .text],
            found.map { [$0.executionID, "\($0.nextSeq)", "\($0.events)", $0.body] }
        ).result
    }

    private func latest(of id: String, _ condition: (StoredSnapshot) -> Bool) -> StoredSnapshot? {
        snapshots[id]?.values.filter(condition).max { $0.nextSeq < $1.nextSeq }
    }

    private func loadMany(_ given: Parameters) -> PostgresResult {
        let (ids, places) = (given.texts(1), given.ints(2))
        var rows: [[String?]] = []
        for (id, place) in zip(ids, places).sorted(by: { ($0.0 ?? "") < ($1.0 ?? "") }) {
            guard let id, let place else { continue }
            for (seq, row) in (journal[id] ?? [:]).sorted(by: { $0.key < $1.key }) where seq >= place {
                rows.append([id, "\(seq)", row.writer, "\(row.at)", row.effects])
            }
        }
        return Table(
            ["execution_id": .text, "seq": .bigint, "writer": .text, "at": .bigint, "effects": .text],
            Array(rows.prefix(Int(given.int(3))))
        ).result
    }

    /// Whether a note of an execution holds.
    private func isCold(_ id: String, dueBefore instant: Int64) -> Bool {
        guard let note = cold[id], list[id]?.status == "RUNNING", journal[id]?[note.nextSeq] == nil else {
            return false
        }
        return note.nextWake.map { $0 > instant } ?? true
    }

    private func changeCold(_ sql: String, _ given: Parameters) -> PostgresResult {
        func ids(_ ids: [String]) -> PostgresResult { Table(["execution_id": .text], ids.map { [$0] }).result }
        let isFenced = sql.contains("FOR KEY SHARE")
        if isFenced, !foundLease { return Table(["id": .bigint], []).result }
        let isOurs = Table(["id": .bigint], [["1"]]).result
        if sql.contains("INSERT INTO showrunner.cold") {
            for id in given.texts(2).compactMap(\.self) { cold[id] = nil }
            for (index, id) in given.texts(3).enumerated() {
                guard let id, let seq = given.ints(4)[index], cold[id]?.nextSeq ?? 0 <= seq else { continue }
                coldNotes += 1
                cold[id] = ColdExecution(id: id, nextSeq: seq, nextWake: given.ints(5)[index])
            }
            return isOurs
        }
        if sql.contains("WHERE next_wake <= $1 ORDER BY") {
            let instant = given.int(1)
            let due = cold.values.filter { $0.nextWake.map { $0 <= instant } ?? false }
                .sorted { ($0.nextWake ?? 0, $0.id) < ($1.nextWake ?? 0, $1.id) }.prefix(Int(given.int(2)))
            return Table(
                ["execution_id": .text, "next_seq": .bigint, "next_wake": .bigint],
                due.map { [$0.id, "\($0.nextSeq)", $0.nextWake.map { "\($0)" }] }
            ).result
        }
        if sql.contains("DELETE FROM showrunner.cold USING") {
            for (index, id) in given.texts(2).enumerated() {
                guard let id, let note = cold[id], note.nextSeq == given.ints(3)[index] else { continue }
                cold[id] = nil
                wokenByTime += 1
            }
            return isOurs
        }
        if sql.contains("min(next_wake) AS next_wake FROM showrunner.cold WHERE") {
            return Table(
                ["next_wake": .bigint], [[cold.values.compactMap(\.nextWake).min().map { "\($0)" }]]
            ).result
        }
        if sql.contains("SELECT next_seq FROM showrunner.cold") {
            return Table(["next_seq": .bigint], cold[given.text(1)].map { [["\($0.nextSeq)"]] } ?? []).result
        }
        if sql.contains("LEFT JOIN showrunner.cold") {
            let (after, limit, instant) = (given.text(1), Int(given.int(2)), given.int(3))
            let open = list.values.filter { $0.status == "RUNNING" && $0.executionID > after }.map(\.executionID)
            return ids(Array(open.filter { !isCold($0, dueBefore: instant) }.sorted().prefix(limit)))
        }
        if sql.contains("GROUP BY machine") {
            for id in cold.keys where list[id]?.status != "RUNNING" { cold[id] = nil }
            let instant = given.int(1)
            let left = cold.values.filter { isCold($0.id, dueBefore: instant) }
            let machines = Dictionary(grouping: left) { list[$0.id]?.machine ?? "" }.sorted { $0.key < $1.key }
            return Table(
                ["machine": .text, "count": .bigint, "next_wake": .bigint],
                machines.map { name, notes in
                    [name, "\(notes.count)", notes.compactMap(\.nextWake).min().map { "\($0)" }]
                }
            ).result
        }
        precondition(sql.contains("WHERE machine = $1"), "a statement that is not modelled: \(sql)")
        let (machine, after) = (given.text(1), given.text(2))
        let found = cold.keys.filter { $0 > after && list[$0]?.machine == machine && list[$0]?.status == "RUNNING" }
        return ids(Array(found.sorted().prefix(Int(given.int(3)))))
    }
}
