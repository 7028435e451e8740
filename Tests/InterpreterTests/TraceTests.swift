import Foundation
import Interpreter
import JSON
import Testing

/// Journals recorded by this and earlier releases, in Tests/Traces: each is replayed in every release to come and must
/// lead to what it led to then.
///
/// `SHOWRUNNER_RECORD_TRACES=1` records the journals below that have no file yet. A recorded one is never written anew:
/// what it holds has happened.
@Suite("Recorded journals")
struct TraceTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Traces")

    /// Names of the recorded journals, without `.json`.
    static let recorded: [String] = {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.allObjects ?? []
        let names = files.compactMap { $0 as? URL }.filter { $0.pathExtension == "json" }
            .map { $0.deletingPathExtension().lastPathComponent }
        return Set(names).union(journals.keys.map { "v1-\($0)" }).sorted()
    }()

    @Test("replays to where it led when it was recorded", arguments: recorded)
    func replay(_ name: String) throws {
        let file = TraceTests.folder.appendingPathComponent(name + ".json")
        if ProcessInfo.processInfo.environment["SHOWRUNNER_RECORD_TRACES"] == "1",
            !FileManager.default.fileExists(atPath: file.path)
        {
            try TraceTests.record(String(name.dropFirst(3))).prettyText.appending("\n").write(
                to: file, atomically: true, encoding: .utf8)
        }
        let trace = try JSON(parsing: try String(contentsOf: file, encoding: .utf8))
        let machine = try readMachine(try #require(trace["definition"]).text)
        let rows = try #require(trace["rows"]?.arrayValue).map { row in
            (at: Instant(try #require(row["at"]?.integerValue)), text: try #require(row["effects"]?.stringValue))
        }
        guard case .executionStarted(let start) = try Effect.decode(rows[0].text).first else {
            Issue.record("the first effect starts nothing")
            return
        }
        var execution = Execution(
            id: try #require(trace["id"]?.stringValue), start: start, machine: machine, at: rows[0].at)
        for row in rows {
            for effect in try Effect.decode(row.text) { execution.apply(effect, at: row.at) }
            // The fold of a snapshot and the rest is the fold of all.
            execution = try SnapshotTests.roundTrip(execution, name)
        }
        #expect(TraceTests.end(of: execution) == trace["end"])
    }

    private static func end(of execution: Execution) -> JSON {
        var end: JSON = [
            "status": .string(execution.outcome?.status ?? "RUNNING"), "at": .integer(execution.at),
            "open": .array(
                execution.openEntries.map { entry in
                    let path = execution.scopeOfEntry[entry.id].map { execution.path(of: $0) } ?? ""
                    return .string("\(entry.id) \(path) \(entry.state) \(entry.input.text)")
                }),
            "timers": .array(execution.timers.map { .integer($0.at) }),
        ]
        // Later than the first recordings.
        let children = execution.pendingChildren
        if !children.isEmpty {
            end["children"] = .array(children.map { .string("\($0.entry) \($0.index) \($0.name) \($0.input.text)") })
        }
        switch execution.outcome {
        case .succeeded(let output): end["output"] = output
        case .failed(let error, let cause), .timedOut(let error, let cause), .aborted(let error, let cause):
            end["error"] = error.map { .string($0) }
            end["cause"] = cause.map { .string($0) }
        case nil: break
        }
        return end
    }

    // MARK: Recording

    private struct Script: Sendable {
        let definition: String
        let input: JSON
        let events: @Sendable (Conversation) throws -> Void
    }

    private static func record(_ name: String) throws -> JSON {
        let script = try #require(journals[name])
        let talk = try Conversation(script.definition, input: script.input)
        talk.tell(.start)
        try script.events(talk)
        return [
            "id": .string(talk.execution.id), "definition": try JSON(parsing: script.definition),
            "rows": .array(
                talk.rows.map { row in ["at": .integer(row.at), "effects": .string(row.text)] }),
            "end": end(of: talk.execution),
        ]
    }

    private static let work = #""Type":"Task","Resource":"arn:aws:states:::showrunner:work""#

    private static let journals: [String: Script] = [
        "linear": Script(
            definition: #"""
                {"StartAt":"Shape","TimeoutSeconds":3600,"States":{
                  "Shape":{"Type":"Pass","Parameters":{"id.$":"States.UUID()","data.$":"$"},"Next":"Work"},
                  "Work":{\#(work),"TimeoutSeconds":60,"HeartbeatSeconds":10,"ResultPath":"$.result","Next":"Rest",
                    "Retry":[{"ErrorEquals":["States.Timeout"],"JitterStrategy":"FULL"},
                      {"ErrorEquals":["Showrunner.WorkerLost"],"IntervalSeconds":3}]},
                  "Rest":{"Type":"Wait","SecondsPath":"$.result.seconds","Next":"Which"},
                  "Which":{"Type":"Choice","Choices":[{"Variable":"$.result.ok","BooleanEquals":true,"Next":"Good"}],
                    "Default":"Bad"},
                  "Good":{"Type":"Succeed","OutputPath":"$.result"},"Bad":{"Type":"Fail","Error":"Bad"}}}
                """#, input: ["title": "\u{0}\u{e9}", "data": "data"]
        ) { talk in
            try talk.fail("Work", "Showrunner.WorkerLost")
            try talk.ring()
            talk.tell(.heartbeatMissed(entry: 2, nonce: talk.handOut(2)))
            try talk.ring()
            talk.wait(seconds: 4)
            try talk.complete("Work", ["ok": true, "seconds": 5, "share": 0.5])
            try talk.ring()
        },
        "measured": Script(
            definition: #"""
                {"StartAt":"Work","States":{"Work":{\#(work),"Next":"Again","Retry":[{"ErrorEquals":["E"]}]},
                  "Again":{\#(work),"End":true}}}
                """#, input: ["n": 1]
        ) { talk in
            func usage(isSaved: Bool) -> AttemptUsage {
                AttemptUsage(cpuMilliseconds: 1500, wallMilliseconds: 900, peakMemoryBytes: 4096, isSaved: isSaved)
            }
            let first = try talk.entry(in: "Work")
            talk.tell(
                .taskFailed(
                    entry: first, nonce: talk.handOut(first), error: "E", cause: "c", usage: usage(isSaved: false)))
            try talk.ring()
            talk.tell(
                .taskSucceeded(
                    entry: first, nonce: talk.handOut(first), output: ["m": 2], usage: usage(isSaved: false)))
            let second = try talk.entry(in: "Again")
            talk.tell(
                .taskSucceeded(entry: second, nonce: talk.handOut(second), output: "done", usage: usage(isSaved: true)))
        },
        "redriven": Script(
            definition: #"""
                {"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
                  {"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"End":true,
                    "ItemProcessor":{"StartAt":"Item","States":{"Item":{\#(work),"End":true}}}}}},
                  {"StartAt":"Runs","States":{"Runs":{"Type":"Map","ItemsPath":"$.items","Label":"L","End":true,
                    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
                      "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}]}}}
                """#, input: ["items": ["a", "b", "c"]]
        ) { talk in
            let first = try #require(talk.execution.openEntries.first { $0.state == "Item" }).id
            talk.tell(.taskSucceeded(entry: first, nonce: talk.handOut(first), output: "A"))
            let map = try talk.entry(in: "Runs")
            talk.tell(.childExecutionEnded(entry: map, index: 1, outcome: .succeeded(output: "one")))
            let second = try #require(talk.execution.openEntries.first { $0.state == "Item" }).id
            talk.tell(.taskFailed(entry: second, nonce: talk.handOut(second), error: "E", cause: "c"))
            talk.wait(seconds: 60)
            talk.tell(.redrive(count: 1, token: "first"))
            talk.tell(.mapRunUpdated(entry: map, maxConcurrency: 1, toleratedCount: 2, toleratedPercentage: nil))
            talk.tell(
                .childExecutionEnded(entry: map, index: 0, outcome: .succeeded(output: "zero"), redrives: 1))
            talk.tell(.stop(error: "Stopped", cause: nil))
            talk.wait(seconds: 60)
            talk.tell(.redrive(count: 2, token: nil))
            talk.wait(seconds: 1)
            talk.handOut(second)
        },
        "branches": Script(
            definition: #"""
                {"StartAt":"Both","States":{"Both":{"Type":"Parallel","Next":"After","ResultPath":"$.both",
                  "Retry":[{"ErrorEquals":["Once"],"MaxAttempts":1}],
                  "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.why","Next":"After"}],"Branches":[
                    {"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,
                      "ItemSelector":{"value.$":"$$.Map.Item.Value","index.$":"$$.Map.Item.Index"},"End":true,
                      "ToleratedFailureCount":1,
                      "ItemProcessor":{"StartAt":"Item","States":{"Item":{\#(work),"End":true}}}}}},
                    {"StartAt":"Side","States":{"Side":{\#(work),"End":true}}}]},
                  "After":{"Type":"Pass","End":true}}}
                """#, input: ["items": ["a", "b", "c"]]
        ) { talk in
            try talk.fail("Side", "Once")
            try talk.ring()
            for (number, succeeds) in [true, false, true].enumerated() {
                let entry = try #require(talk.execution.openEntries.first { $0.state == "Item" }).id
                let nonce = talk.handOut(entry)
                talk.tell(
                    succeeds
                        ? .taskSucceeded(entry: entry, nonce: nonce, output: .integer(number))
                        : .taskFailed(entry: entry, nonce: nonce, error: "Spoilt", cause: "item \(number)"))
            }
            try talk.complete("Side", ["side"])
        },
        "caught": Script(
            definition: #"""
                {"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
                    {"StartAt":"L","States":{"L":{\#(work),"End":true}}},
                    {"StartAt":"R","States":{"R":{"Type":"Wait","Seconds":60,"End":true}}}],
                  "Catch":[{"ErrorEquals":["States.TaskFailed"],"ResultPath":"$.why","Next":"Sorry"}]},
                  "Sorry":{"Type":"Fail","ErrorPath":"$.why.Error","Cause":"told"}}}
                """#, input: ["in": 1]
        ) { talk in try talk.fail("L", "Spoilt", "reason") },
        "timed-out": Script(
            definition: #"""
                {"StartAt":"Work","TimeoutSeconds":9,"States":{"Work":{\#(work),"TimeoutSeconds":5,"End":true,
                  "Retry":[{"ErrorEquals":["States.ALL"]}]}}}
                """#, input: [:]
        ) { talk in
            try talk.ring()
            try talk.ring()
            try talk.ring()
        },
        "variables": Script(
            definition: #"""
                {"QueryLanguage":"JSONata","StartAt":"A","States":{
                  "A":{"Type":"Pass","Assign":{"x":{"n":1},"y":"{% $states.input.n %}"},"Next":"T"},
                  "T":{\#(work),"Arguments":{"x":"{% $x %}"},"Assign":{"r":"{% $states.result %}"},"Next":"P",
                    "Catch":[{"ErrorEquals":["E"],"Assign":{"r":"{% $states.errorOutput %}"},"Next":"P"}]},
                  "P":{"Type":"Parallel","Next":"Z","Branches":[
                    {"StartAt":"L","States":{"L":{"Type":"Pass","Assign":{"in":"{% $r %}"},"Next":"L2"},
                      "L2":{\#(work),"Output":"{% $states.result.none %}","End":true}}},
                    {"StartAt":"R","States":{"R":{"Type":"Wait","Seconds":60,"End":true}}}],
                    "Catch":[{"ErrorEquals":["States.ALL"],"Output":"{% $states.errorOutput.Error %}","Next":"Z"}]},
                  "Z":{"Type":"Pass","Output":["{% $r %}","{% $states.input %}"],"End":true}}}
                """#, input: ["n": 2]
        ) { talk in
            try talk.fail("T", "E", "why")
            try talk.complete("L2", ["some": 1])
        },
        "token": Script(
            definition: #"""
                {"StartAt":"T","States":{"T":{"Type":"Task","Credentials":{"RoleArn":"arn:aws:iam::1:role/r"},
                  "Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"t.$":"$$.Task.Token"},
                  "Retry":[{"ErrorEquals":["Late","Refused"]}],"End":true}}}
                """#, input: [:]
        ) { talk in
            talk.tell(.attemptFailed(entry: 1, nonce: nil, stage: .schedule, error: "Refused", cause: "nobody"))
            try talk.ring()
            talk.tell(.taskSubmitted(entry: 1, nonce: talk.handOut(1), output: ["MessageId": "m"]))
            guard case .task(let attempt) = talk.execution.entry(1)?.phase else { return }
            talk.tell(.taskSucceeded(entry: 1, nonce: try #require(attempt.callbackNonce), output: "told"))
        },
        "map-run": Script(
            definition: #"""
                {"StartAt":"M","States":{"M":{"Type":"Map","Label":"each","MaxConcurrency":2,
                  "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},
                    "Parameters":{"Bucket":"b","Key.$":"$.key"}},
                  "ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"k":1}},"ToleratedFailurePercentage":50,
                  "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
                    "StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},
                  "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"p"}},
                  "End":true}}}
                """#, input: ["key": "items.json"]
        ) { talk in
            talk.tell(.itemsRead(entry: 1, items: [1, "two", [3], nil, ["five": 5]]))
            talk.tell(.childExecutionEnded(entry: 1, index: 1, outcome: .failed(error: "E", cause: "C")))
            talk.tell(.childExecutionEnded(entry: 1, index: 0, outcome: .succeeded(output: ["done": 0])))
            talk.tell(.childExecutionEnded(entry: 1, index: 2, outcome: .succeeded(output: 2)))
            talk.tell(.resultsWritten(entry: 1, output: ["MapRunArn": "arn"]))
        },
        "map-run-open": Script(
            definition: #"""
                {"StartAt":"M","States":{"M":{"Type":"Map","ItemSelector":{"v.$":"$$.Map.Item.Value"},"MaxConcurrency":2,
                  "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
                    "StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},"End":true}}}
                """#, input: ["a", "b", "c"]
        ) { talk in
            talk.tell(.childExecutionEnded(entry: 1, index: 1, outcome: .succeeded(output: "B")))
        },
        "stopped": Script(
            definition: #"{"StartAt":"Work","States":{"Work":{\#(work),"End":true}}}"#, input: nil
        ) { talk in
            talk.handOut(1)
            talk.tell(.stop(error: "Operator", cause: "enough"))
        },
        "open": Script(
            definition: #"""
                {"StartAt":"Each","States":{"Each":{"Type":"Map","MaxConcurrency":3,"End":true,
                  "ItemProcessor":{"StartAt":"Work","States":{
                    "Work":{\#(work),"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":30}],"Next":"Rest"},
                    "Rest":{"Type":"Wait","Seconds":9,"End":true}}}}}}
                """#, input: [1, [2], nil, "four"]
        ) { talk in
            talk.tell(.taskSucceeded(entry: 2, nonce: talk.handOut(2), output: 1))
            talk.tell(.taskFailed(entry: 3, nonce: talk.handOut(3), error: "E", cause: ""))
            talk.handOut(4)
        },
    ]
}
