import Foundation
import JSON
import StatesLanguage
import StepContracts
import Testing
import YAML

/// The workflow that is shipped: it reads without a word, fits the steps' contracts and carries the data they need.
@Suite struct IngestWorkflowTests {
    static let contracts: [StepContract] = [
        .validate, .ladder, .transcode, .join, .subtitles, .thumbnail, .protect, .package, .publish,
    ]

    static func view(_ field: StepField) -> StepContractView.Member {
        StepContractView.Member(name: field.name, kind: field.kind.rawValue, isRequired: field.isRequired)
    }

    static func machine() throws -> StateMachine {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("workflows/ingest.asl.yaml")
        let views = contracts.map { contract in
            StepContractView(
                name: contract.name, input: contract.input.map(view), output: contract.output.map(view),
                errors: contract.errors)
        }
        let reading = Definition.read(
            try YAMLDocument.parse(Array(try Data(contentsOf: file))),
            contracts: Dictionary(uniqueKeysWithValues: views.map { ($0.name, $0) }))
        #expect(reading.diagnostics.map { $0.text(file: "ingest.asl.yaml") } == [])
        return try #require(reading.machine)
    }

    static let documents: [String: JSON] = [
        "validate": ["source": ["url": "s", "bytes": 5, "sha256": "00"], "container": "mov", "durationSeconds": 9.5],
        "transcode": ["renditions": [["kind": "video"]], "framesEncoded": 10],
        "thumbnail": ["poster": ["key": "p"], "sprites": []],
        "protect": ["protection": "cbcs", "keys": [["keyId": "00112233445566778899aabbccddeeff", "label": "hd"]]],
        "package": ["prefix": "media/1", "hls": "media/1/master.m3u8", "dash": "media/1/manifest.mpd"],
        "publish": ["titleId": "t", "hls": "http://v/h", "dash": "http://v/d"],
    ]

    /// Runs the machine with the given results; notes each step's input.
    static func run(
        _ machine: StateMachine, input: JSON, execution: JSON, seen: inout [String: JSON]
    ) throws -> JSON {
        let context: JSON = ["Execution": ["Input": execution]]
        var data = input
        var name = machine.startAt
        while true {
            let state = try #require(machine.states[name])
            let effective = try state.dataFlow.effectiveInput(
                in: EvaluationScope(input: data, context: context, seed: 1))
            var result = effective
            switch state.kind {
            case .pass(let fixed): result = fixed ?? effective
            case .task(let task):
                let contract = try #require(contracts.first { $0.resource == task.resource })
                #expect(contract.problems(withInput: effective) == [])
                seen[contract.name] = effective
                result = try #require(documents[contract.name])
            case .parallel(let branches):
                var results: [JSON] = []
                for branch in branches {
                    results.append(try run(branch, input: effective, execution: execution, seen: &seen))
                }
                result = .array(results)
            case .choice(let choice):
                name = try choice.decision(in: EvaluationScope(input: effective, context: context, seed: 1)).next
                data = effective
                continue
            case .map:
                // Nothing lies beside these films.
                #expect(name == "Subtitles")
                #expect(effective["subtitles"] == [])
                result = []
            case .wait, .succeed, .fail:
                Issue.record("the way to success has no state of type \(state.type)")
                return .null
            }
            data = try state.dataFlow.output(
                of: result, in: EvaluationScope(input: data, context: context, seed: 1))
            switch state.transition {
            case .next(let next): name = next
            case .end: return data
            case nil:
                Issue.record("\(name) leads nowhere")
                return .null
            }
        }
    }

    @Test func carriesARequestToATitle() throws {
        let request: JSON = [
            "source": "http://store/film.mp4", "title": "Film", "metadata": ["year": 2026], "protection": "cbcs",
        ]
        var seen: [String: JSON] = [:]
        let output = try IngestWorkflowTests.run(
            IngestWorkflowTests.machine(), input: request, execution: request, seen: &seen)
        #expect(output == IngestWorkflowTests.documents["publish"])
        let documents = IngestWorkflowTests.documents
        #expect(seen["validate"] == ["source": "http://store/film.mp4", "partSeconds": 60, "reuse": true])
        #expect(seen["transcode"]?["source"] == documents["validate"]?["source"])
        #expect(seen["thumbnail"]?["media"] == documents["validate"])
        #expect(seen["package"]?["renditions"] == documents["transcode"]?["renditions"])
        #expect(seen["protect"]?["protection"] == "cbcs")
        #expect(seen["protect"]?["renditions"] == documents["transcode"]?["renditions"])
        #expect(seen["package"]?["subtitles"] == [])
        #expect(seen["package"]?["protection"] == "cbcs")
        #expect(seen["package"]?["keys"] == documents["protect"]?["keys"])
        #expect(seen["publish"]?["title"] == "Film")
        #expect(seen["publish"]?["metadata"] == ["year": 2026])
        #expect(seen["publish"]?["thumbnails"] == documents["thumbnail"])
    }

    @Test func fillsInWhatTheRequestLeavesOut() throws {
        let request: JSON = ["source": "http://store/film.mp4"]
        var seen: [String: JSON] = [:]
        _ = try IngestWorkflowTests.run(IngestWorkflowTests.machine(), input: request, execution: request, seen: &seen)
        #expect(seen["protect"] == nil)
        #expect(seen["package"]?["protection"] == "none" && seen["package"]?["keys"] == [])
        #expect(seen["publish"]?["title"] == .null)
        #expect(seen["publish"]?["metadata"] == [:])
    }

    private static func tasks(in state: State) -> [State] {
        switch state.kind {
        case .task: [state]
        case .parallel(let branches): branches.flatMap(\.states.values).flatMap(tasks)
        case .map(let map): map.processor.states.values.flatMap(tasks)
        case .pass, .choice, .wait, .succeed, .fail: []
        }
    }

    /// What a person must mend is not tried again; what a machine did wrong is. Every error ends in Failed.
    @Test func retriesByClass() throws {
        let machine = try IngestWorkflowTests.machine()
        var tasks: [State] = []
        for state in machine.states.values {
            let inside = IngestWorkflowTests.tasks(in: state)
            if inside.isEmpty { continue }
            tasks += inside
            #expect(state.catches.map(\.errorEquals) == [["States.ALL"]])
            #expect(state.catches.map(\.next) == ["Failed"])
        }
        #expect(tasks.count == 11)
        for task in tasks {
            for error in ["SourceInvalid", "SourceUnsupported", "ParametersInvalid", "Cancelled"] {
                #expect(!task.retry.contains { $0.matches(error: "Showrunner." + error) }, "\(task.name): \(error)")
            }
            let transient = try #require(task.retry.first { $0.matches(error: "Showrunner.StorageUnavailable") })
            #expect(transient.hasFullJitter)
            for error in [
                "Showrunner.WorkerLost", "Showrunner.StepCrashed", "States.HeartbeatTimeout", "States.Timeout",
            ] {
                #expect(task.retry.contains { $0.matches(error: error) }, "\(task.name): \(error)")
            }
        }
    }

    @Test func failsWithTheReason() throws {
        let machine = try IngestWorkflowTests.machine()
        let validate = try #require(machine.states["Validate"])
        let raw: JSON = ["source": "x"]
        let caught = try #require(validate.catches.first).resultPath.placing(
            ["Error": "Showrunner.SourceInvalid", "Cause": "no video"], into: raw)
        guard case .fail(let fail) = try #require(machine.states["Failed"]).kind else {
            Issue.record("Failed is a Fail state")
            return
        }
        let scope = EvaluationScope(input: caught)
        #expect(try fail.error?.value(in: scope, field: "Error") == "Showrunner.SourceInvalid")
        #expect(try fail.cause?.value(in: scope, field: "Cause") == "no video")
    }
}
