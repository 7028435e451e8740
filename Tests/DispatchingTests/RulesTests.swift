import Dispatching
import JSON
import StepContracts
import Testing

@Suite("What operators and executions say of the dispatch")
struct RulesTests {
    private func tree(_ json: JSON) -> SourceTree {
        let place = SourcePlace(line: 1, column: 1)
        switch json {
        case .object(let members):
            return SourceTree(
                .mapping(
                    members.map { SourceTree.Member(key: $0.key, keyPlace: place, value: tree($0.value)) }), at: place)
        case .array(let elements): return SourceTree(.sequence(elements.map(tree)), at: place)
        default: return SourceTree(.scalar(json), at: place)
        }
    }

    @Test("a whole document")
    func document() throws {
        let rules = try DispatchRules(
            tree([
                "steps": ["encode": ["cores": 2.5, "memory": "6GiB", "labels": ["gpu": "yes"]]],
                "machines": ["ingest": ["priority": 7]],
                "limits": [
                    ["step": "call", "each": "/account/~1id", "concurrency": 4],
                    ["machine": "ingest", "each": "share", "rate": 0.5],
                    ["step": "call", "machine": "ingest", "rate": 3, "burst": 9],
                ], "parkAfter": 3, "quarantineAfter": 0,
            ]), steps: ["encode", "call"])
        let step = try #require(rules.steps["encode"])
        let booked = step.reservation(estimate: Resources(millicores: 1, memoryBytes: 2, scratchBytes: 3))
        #expect(
            booked
                == Reservation(
                    Resources(millicores: 2500, memoryBytes: 6 << 30, scratchBytes: 3), isDemand: true))
        #expect(step.labels == ["gpu": "yes"] && rules.priorities == ["ingest": 7])
        #expect(rules.parkAfter == 3 && rules.quarantineAfter == 0)
        let keys = rules.rules.map {
            $0.key(step: "call", machine: "ingest", share: "s", input: ["account": ["/id": "me"]])
        }
        #expect(
            keys == ["step call, /account//id me", "machine ingest, share s", "step call, machine ingest"])
        #expect(rules.rules.map { $0.key(step: "encode", machine: "m", share: "s", input: [:]) } == [nil, nil, nil])
        #expect(rules.rules[0].key(step: "call", machine: "m", share: "s", input: [:]) == nil, "nothing stands there")
        #expect(rules.rules.map(\.limit.burst) == [1, 1, 9])
    }

    @Test(
        "every mistake is told",
        arguments: [
            ([1], "has to be a mapping"), (["step": [:]], "'step' is not known here"),
            (["steps": ["nothing": [:]]], "there is no step 'nothing'"),
            (["steps": ["encode": ["cores": -1]]], "'cores'"), (["steps": ["encode": ["memory": "6 GB"]]], "'memory'"),
            (["steps": ["encode": ["labels": ["a": 1]]]], "label"), (["machines": ["m": ["priority": 10]]], "0 to 9"),
            (["limits": [["concurrency": 1]]], "for a step, a machine"), (["limits": [["step": "encode"]]], "a rate"),
            (["limits": [["step": "encode", "rate": 0]]], "'rate'"),
            (["limits": [["step": "encode", "concurrency": 1, "burst": 2]]], "goes with a rate"),
            (["limits": [["step": "encode", "concurrency": 1, "each": "title"]]], "JSON Pointer"),
            (["limits": 3], "a list"), (["parkAfter": -1], "'parkAfter'"),
        ] as [(JSON, String)])
    func mistakes(document: JSON, words: String) {
        let faults = #expect(throws: DispatchRules.Faults.self) {
            try DispatchRules(tree(document), steps: ["encode"])
        }
        #expect(faults?.faults.contains { $0.reason.contains(words) } == true, "\(faults?.faults ?? [])")
    }

    @Test("an execution's wishes")
    func wishes() throws {
        let input: JSON = [
            "showrunner": ["priority": 8, "deadline": "1970-01-01T00:00:02Z", "share": "season 3"], "title": "x",
        ]
        #expect(
            try DispatchWishes(input: input) == DispatchWishes(priority: 8, deadline: 2_000_000, share: "season 3"))
        #expect(try DispatchWishes(input: ["title": "x"]) == DispatchWishes())
        #expect(try DispatchWishes(input: [1]) == DispatchWishes())
        for wrong: JSON in [
            1, ["priority": 10], ["priority": "8"], ["deadline": "soon"], ["share": ""], ["prio": 1],
        ] {
            #expect(throws: DispatchWishes.Fault.self, "\(wrong.text)") {
                try DispatchWishes(input: ["showrunner": wrong])
            }
        }
    }

    @Test("numbers of bytes as people write them")
    func bytes() {
        #expect(ByteCount.read("6GiB") == 6 << 30 && ByteCount.read("12") == 12 && ByteCount.read("1 KiB") == 1024)
        for wrong in ["", "GiB", "6GB", "-1", "9999999TiB", "1.5GiB"] { #expect(ByteCount.read(wrong) == nil) }
        #expect(ByteCount.text(6 << 30) == "6 GiB" && ByteCount.text(1536) == "1.5 KiB" && ByteCount.text(7) == "7 B")
    }
}
