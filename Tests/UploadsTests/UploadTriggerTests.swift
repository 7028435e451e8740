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
}
