import Interpreter
import JSON
import Testing

/// An execution written out and read again is the same one, and goes on as the same one.
@Suite("Snapshots")
struct SnapshotTests {
    /// By way of text, as the journal keeps it.
    static func roundTrip(_ execution: Execution, _ place: String) throws -> Execution {
        var table = PayloadTable()
        let snapshot = execution.snapshot(&table)
        let document = try JSON(parsing: (["e": snapshot, "p": .array(table.values)] as JSON).text)
        let (form, payloads) = (try #require(document["e"]), try #require(document["p"]?.arrayValue))
        let start = try ExecutionStart(snapshot: form)
        #expect(start == execution.start, "\(place)")
        // Only children of Map Runs run a part of their definition; none is made here.
        try #require(start.parent == nil, "\(place)")
        let read = try Execution(
            id: execution.id, snapshot: form, payloads: payloads, start: start,
            machine: execution.machine)
        #expect(read == execution, "\(place)")
        // Equality does not see the order of members, the text does.
        var again = PayloadTable()
        #expect(read.snapshot(&again).text == snapshot.text && again.values.map(\.text) == table.values.map(\.text))
        return read
    }

    @Test("payloads that come twice are written once")
    func payloads() throws {
        var table = PayloadTable()
        let long: JSON = ["text": .string(String(repeating: "x", count: 100))]
        let forms = [table.note(long), table.note("short"), table.note(long), table.note(nil), table.note([])]
        #expect(forms == [0, ["short"], 0, [nil], [[]]])
        for (form, value) in zip(forms, [long, "short", long, nil, []]) {
            #expect(try PayloadTable.value(form, in: table.values) == value)
        }
        // The same members in another order are the same value and another text.
        let other = [table.note(["a": 1, "b": 2]), table.note(["b": 2, "a": 1])]
        #expect(other == [1, 2])
        #expect(throws: SnapshotError.self) { try PayloadTable.value(3, in: table.values) }
        #expect(throws: SnapshotError.self) { try PayloadTable.value("x", in: table.values) }
    }

    @Test("a snapshot with anything missing is refused and traps nothing")
    func damage() throws {
        let talk = try Conversation(
            #"""
            {"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
              {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"End":true}}},
              {"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::showrunner:work","End":true}}},
              {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","End":true,"ItemProcessor":
                {"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
                 "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}]}}}
            """#, input: ["items": [1, "two", ["three": 3]]])
        talk.tell(.start)
        var table = PayloadTable()
        let whole = talk.execution.snapshot(&table)
        var refused = 0
        func damage(_ json: JSON, _ rebuild: (JSON) -> JSON) {
            switch json {
            case .object(let members):
                for (key, value) in members {
                    for broken in [JSON.string("?"), .integer(-7), .array([])] where broken != value {
                        var changed = json
                        changed[key] = broken
                        attempt(rebuild(changed))
                    }
                    damage(value) { inner in
                        var changed = json
                        changed[key] = inner
                        return rebuild(changed)
                    }
                }
            case .array(let elements):
                for index in elements.indices {
                    damage(elements[index]) { inner in
                        var changed = elements
                        changed[index] = inner
                        return rebuild(.array(changed))
                    }
                }
            case .null, .bool, .integer, .double, .string: break
            }
        }
        func attempt(_ form: JSON) {
            do {
                let start = try ExecutionStart(snapshot: form)
                _ = try Execution(
                    id: talk.execution.id, snapshot: form, payloads: table.values, start: start,
                    machine: talk.execution.machine)
            } catch { refused += 1 }
        }
        damage(whole) { $0 }
        #expect(refused > 100, "\(refused)")
    }
}
