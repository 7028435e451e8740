import Engine
import EventPatterns
import Foundation
import JSON
import RawHTTP
import Testing
import YAML

@testable import Uploads

private let tus = ["Tus-Resumable": "1.0.0"]

/// What a complete upload starts, where triggers say so.
@Suite struct UploadTriggerTests {
    private static func triggers(_ yaml: String) throws -> [Trigger] {
        let (triggers, problems) = Trigger.read(try YAMLDocument.parse(Array(yaml.utf8)))
        return try #require(triggers, "\(problems.map { $0.text(file: "triggers.yaml") })")
    }

    private static let films = """
        Triggers:
          trailers:
            Source: {Kind: upload}
            EventPattern: {detail: {metadata: {kind: [trailer]}}}
            Target:
              Arn: clip
              Input: {source: "{% $states.input.detail.url %}", size: "{% $states.input.detail.size %}"}
          large:
            Source: {Kind: upload}
            EventPattern: {detail: {size: [{numeric: [">", 4]}], metadata: {kind: [trailer]}}}
            Target: {Arn: archive}
        """

    private static func upload(_ wire: Wire, _ text: String, _ metadata: [String: String]) throws -> Wire.Answer {
        let header = metadata.sorted { $0.key < $1.key }.map {
            "\($0.key) \(Data($0.value.utf8).base64EncodedString())"
        }.joined(separator: ",")
        return try wire.request(
            "POST", "/uploads",
            tus.merging([
                "Upload-Length": "\(text.utf8.count)", "Upload-Metadata": header,
                "Content-Type": "application/offset+octet-stream",
            ]) { $1 }, Array(text.utf8))
    }

    @Test func theTriggersThatMatchStartTheirMachines() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        try await withUploadServer(in: directory, runs: runs, triggers: try Self.triggers(Self.films)) {
            port, _, store in
            try await onThread {
                let wire = try Wire(port: port)
                let answer = try Self.upload(wire, "12345", ["filename": "a.mov", "kind": "trailer"])
                #expect(answer["execution-arn"]?.contains(":clip:trailers-") == true, "\(answer.headers)")
                let small = try Self.upload(wire, "1234", ["filename": "b.mov", "kind": "trailer"])
                #expect(small["execution-arn"]?.contains(":clip:trailers-") == true)
                let film = try Self.upload(wire, "12345", ["filename": "c.mov"])
                #expect(film["execution-arn"]?.contains(":ingest:upload-") == true)
                let named = try Self.upload(wire, "12345", ["kind": "trailer", "workflow": "special"])
                #expect(named["execution-arn"]?.contains(":special:upload-") == true)
            }
            #expect(runs.starts.map(\.machine) == ["clip", "archive", "clip", "ingest", "special"])
            #expect(runs.starts[0].input["size"] == 5)
            let key = try #require(runs.starts[0].input["source"]?.stringValue.flatMap { store.key(for: $0) })
            #expect(try await store.get(key) == Array("12345".utf8))
            #expect(runs.starts[1].input["detail"]?["metadata"]?["filename"] == "a.mov")
        }
    }

    @Test func whatWasDecidedBeforeACrashIsStartedAfterIt() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        runs.refuse(with: EngineError(code: .unavailable, message: "The engine is starting."))
        let path = try await withUploadServer(in: directory, runs: runs, triggers: try Self.triggers(Self.films)) {
            port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let answer = try Self.upload(wire, "12345", ["filename": "a.mov", "kind": "trailer"])
                #expect(answer.status == 201 && answer["execution-arn"] == nil)
                return try #require(answer["location"])
            }
        }
        #expect(runs.starts.isEmpty)
        runs.refuse(with: nil)
        // The file of triggers was emptied meanwhile: the upload was complete before.
        try await withUploadServer(in: directory, runs: runs) { port, _, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let first = try wire.request("HEAD", path, tus)
                #expect(first["execution-arn"]?.contains(":clip:trailers-") == true)
                #expect(try wire.request("HEAD", path, tus)["execution-arn"] == first["execution-arn"])
            }
        }
        #expect(runs.starts.map(\.machine) == ["clip", "archive"])
    }

    @Test func anUploadWhoseExecutionIsRefusedIsNotTriedAtOnceAgainAndGoesWithItsLifetime() async throws {
        let directory = try TestDirectory()
        let runs = StartedRuns()
        runs.refuse(with: EngineError(code: .machineNotFound, message: "There is no state machine 'ingest'."))
        try await withUploadServer(in: directory, runs: runs) { port, uploads, _ in
            try await onThread {
                let answer = try Self.upload(try Wire(port: port), "12345", ["filename": "a.mov"])
                #expect(answer.status == 422)
            }
            let sweep = try await uploads.sweep()
            #expect(sweep.refused.values.map(\.code) == [.invalid])
            #expect(sweep.postponed.isEmpty && sweep.removed.isEmpty)
        }
        let inEightDays: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) + 8 * 86_400 }
        try await withUploadServer(in: directory, runs: runs, now: inEightDays) { _, uploads, _ in
            let removed = try await uploads.sweep().removed
            #expect(removed.count == 1)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.spool).isEmpty)
        #expect(runs.starts.isEmpty)
    }

    @Test func anUploadForAPausedTriggerIsKeptAndStartsWhenItIsResumed() async throws {
        let directory = try TestDirectory()
        let (runs, told) = (StartedRuns(), ToldNews())
        let triggers = try Self.triggers(Self.films)
        runs.pause(["large"])
        let path = try await withUploadServer(in: directory, runs: runs, triggers: triggers, told: told) {
            port, uploads, _ in
            let path = try await onThread {
                let wire = try Wire(port: port)
                let answer = try Self.upload(wire, "12345", ["filename": "a.mov", "kind": "trailer"])
                #expect(answer.status == 201 && answer["upload-offset"] == "5", "\(answer.headers)")
                #expect(answer["execution-arn"] == nil && answer["execution-held-by"] == "large")
                #expect(answer["upload-expires"] == nil, "its bytes were acknowledged")
                let path = try #require(answer["location"])
                let again = try wire.request("HEAD", path, tus)
                #expect(again.status == 200 && again["execution-held-by"] == "large")
                return path
            }
            // The other trigger's execution does not wait for it.
            #expect(runs.starts.map(\.machine) == ["clip"])
            let id = String(path.dropFirst("/uploads/".count))
            let held = try await uploads.sweep()
            #expect(held.held == [id: "large"] && held.postponed.isEmpty && held.removed.isEmpty)
            runs.pause(["large", "trailers"])
            #expect(try await uploads.sweep().held == [id: "large"], "the other has started")
            return path
        }
        // However long it takes, and whatever the file of triggers says by then.
        let inAYear: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) + 365 * 86_400 }
        try await withUploadServer(in: directory, runs: runs, told: told, now: inAYear) { port, uploads, _ in
            #expect(try await uploads.sweep().held.count == 1)
            runs.pause([])
            let sweep = try await uploads.sweep()
            #expect(sweep == Uploads.Sweep())
            try await onThread {
                let found = try Wire(port: port).request("HEAD", path, tus)
                #expect(found["execution-arn"]?.contains(":clip:trailers-") == true, "\(found.headers)")
                #expect(found["execution-held-by"] == nil)
            }
        }
        #expect(runs.starts.map(\.machine) == ["clip", "archive"])
        #expect(told.outcomes(of: "trailers") == [.started])
        // By the upload and by HEAD; the sweeps ask for nothing that is known to be held.
        #expect(told.outcomes(of: "large") == [.held, .held, .started])
    }

    @Test func aTriggerThatCannotUseAnUploadKeepsItFromNoOther() async throws {
        let directory = try TestDirectory()
        let (runs, told) = (StartedRuns(), ToldNews())
        let triggers = try Self.triggers(
            """
            Triggers:
              numbered:
                Source: {Kind: upload}
                Target: {Arn: clip, Input: {number: "{% $number($states.input.detail.metadata.filename) %}"}}
              whole:
                Source: {Kind: upload}
                Target: {Arn: archive}
            """)
        try await withUploadServer(in: directory, runs: runs, triggers: triggers, told: told, now: { 1_800_000_000 }) {
            port, uploads, _ in
            try await onThread {
                let answer = try Self.upload(try Wire(port: port), "12345", ["filename": "a.mov"])
                #expect(answer.status == 422 && answer.text.contains("'numbered' can't use it"), "\(answer.text)")
            }
            #expect(runs.starts.map(\.machine) == ["archive"])
            #expect(try await uploads.sweep().refused.count == 1)
        }
        #expect(runs.starts.map(\.machine) == ["archive"])
        #expect(told.outcomes(of: "whole") == [.started])
        #expect(told.outcomes(of: "numbered") == [.refused, .refused])
    }

    @Test func oneRefusedStartKeepsNoOtherAndThePageOfTriggersHearsOfIt() async throws {
        let directory = try TestDirectory()
        let (runs, told) = (StartedRuns(), ToldNews())
        runs.refuse(with: EngineError(code: .machineNotFound, message: "There is no state machine 'clip'."), of: "clip")
        let triggers = try Self.triggers(
            Self.films + """

                  described:
                    Source: {Kind: upload}
                    EventPattern: {detail: {metadata: {kind: [described]}}}
                    Target: {Arn: archive, Input: {number: "{% $number($states.input.detail.metadata.filename) %}"}}
                """)
        try await withUploadServer(in: directory, runs: runs, triggers: triggers, told: told) { port, uploads, _ in
            try await onThread {
                let wire = try Wire(port: port)
                let answer = try Self.upload(wire, "12345", ["filename": "a.mov", "kind": "trailer"])
                #expect(answer.status == 422)
                let unusable = try Self.upload(wire, "12345", ["filename": "a.mov", "kind": "described"])
                #expect(unusable.status == 422)
                let named = try Self.upload(wire, "12345", ["kind": "trailer", "workflow": "special"])
                #expect(named["execution-arn"]?.contains(":special:upload-") == true)
            }
            #expect(runs.starts.map(\.machine) == ["archive", "special"])
            runs.refuse(with: nil)
            let refused = try await uploads.sweep().refused
            #expect(refused.count == 1, "what no expression can use stays so")
        }
        #expect(runs.starts.map(\.machine) == ["archive", "special", "clip"])
        // A named workflow asks no trigger.
        let trailers = told.outcomes(of: "trailers")
        #expect(trailers.first == .refused && trailers.count { $0 == .started } == 1, "\(trailers)")
        #expect(trailers.count { $0 == .unmatched } == 2, "\(trailers)")
        #expect(told.outcomes(of: "large") == [.started, .unmatched, .unmatched])
        #expect(told.outcomes(of: "described") == [.unmatched, .refused, .refused])
        #expect(told.reasons.contains("There is no state machine 'clip'."))
    }
}
