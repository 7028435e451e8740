import Engine
import Foundation
import HTTPServer
import JSON
import RawHTTP
import StepContracts
import Testing

@testable import Console

/// One event as it came over the wire, out of its chunk.
private struct Event {
    let name: String
    let data: JSON

    /// The next event of a stream; comments between events are passed over.
    init(from wire: Wire) throws {
        let text = try wire.text(through: "\ndata: ")
        // Not by lines: "\r\n" of the chunk's head is one Character.
        name = String(text.components(separatedBy: "event: ").last?.dropLast("\ndata: ".count) ?? "")
        data = try JSON(parsing: try wire.text(through: "\n\n"))
    }
}

@Suite struct EventFeedTests {
    private static let path = "/console/api/runs/0191f4c2-7d11-7a60-9c51-1f00c8a10001/events"

    private func withConsole(
        _ runs: RecordedRuns, lifetime: Duration = .seconds(300), maximumStreams: Int = 8,
        _ body: @escaping @Sendable (Int, @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let router = ServiceRouter()
        router.addConsoleRoutes(
            runs: runs, heartbeat: .milliseconds(20), lifetime: lifetime, maximumStreams: maximumStreams)
        try await withServer(router) { port, stop in try await body(port, stop) }
    }

    private static func open(_ path: String, _ port: Int) throws -> Wire {
        let wire = try Wire(port: port)
        try wire.begin("GET", path, ["Accept": "text/event-stream"], length: nil)
        let head = try wire.text(through: "\r\n\r\n").lowercased()
        #expect(head.contains("200 ok"))
        #expect(head.contains("content-type: text/event-stream"))
        return wire
    }

    @Test func aStreamBeginsWithTheWholeAndEndsWithTheRun() async throws {
        let runs = RecordedRuns(recordings.day)
        try await withConsole(runs) { port, _ in
            try await onThread {
                let wire = try Self.open(Self.path, port)
                let whole = try Event(from: wire)
                #expect(whole.name == "run")
                #expect(whole.data["run"]?["title"] == "Elf")
                #expect(whole.data["states"]?.arrayValue?.count == 5)
                let report = try Event(from: wire)
                #expect(report.name == "progress")
                #expect(report.data["entry"] == 3)
                #expect(report.data["progress"]?["frames"] == 247)

                var run = recordings.running.run
                var state = recordings.running.states[4]
                state.status = .succeeded
                state.exitedAtMicroseconds = recordings.now
                runs.publish(
                    RunUpdate(
                        run: run, states: [state],
                        progress: [
                            EntryProgress(
                                entry: 3, state: "Transcode", progress: StepProgress(stage: "encode", frames: 300))
                        ]))
                let change = try Event(from: wire)
                #expect(change.name == "run")
                #expect(change.data["states"]?.arrayValue?.map { $0["status"] } == ["succeeded"])
                let next = try Event(from: wire)
                #expect(next.name == "progress")
                #expect(next.data["progress"]?["frames"] == 300)

                run.status = .succeeded
                run.stopDateMicroseconds = recordings.now
                run.current = []
                run.progress = nil
                runs.publish(RunUpdate(run: run))
                var last = try Event(from: wire)
                while last.name != "end" {
                    #expect(last.data["run"]?["status"] != "RUNNING")
                    last = try Event(from: wire)
                }
            }
        }
    }

    @Test func aRunThatHasEndedIsToldAtOnce() async throws {
        try await withConsole(RecordedRuns(recordings.day)) { port, _ in
            try await onThread {
                let wire = try Self.open("/console/api/runs/\(recordings.failed.run.id)/events", port)
                let whole = try Event(from: wire)
                #expect(whole.data["run"]?["error"] == "Showrunner.SourceInvalid")
                #expect(try Event(from: wire).name == "end")
            }
        }
    }

    @Test func theStreamOfAllTellsOfNewRuns() async throws {
        let runs = RecordedRuns(recordings.day)
        try await withConsole(runs) { port, _ in
            try await onThread {
                let wire = try Self.open("/console/api/events", port)
                #expect(try Event(from: wire).name == "open")
                let view = recordings.view(
                    "0191f4d0-0000-7000-8000-000000000009", title: "New", status: .running, started: 0)
                runs.publish(RunUpdate(run: view))
                let event = try Event(from: wire)
                #expect(event.name == "run")
                #expect(event.data["run"]?["title"] == "New")
            }
        }
    }

    @Test func aSilentStreamSaysThatItLives() async throws {
        try await withConsole(RecordedRuns(recordings.day)) { port, _ in
            try await onThread {
                let wire = try Self.open("/console/api/events", port)
                for _ in 0..<3 { _ = try wire.text(through: "event: alive\ndata:\n\n") }
            }
        }
    }

    @Test func aReaderWhoLeavesIsLetGo() async throws {
        let runs = RecordedRuns(recordings.day)
        try await withConsole(runs, maximumStreams: 1) { port, _ in
            try await onThread {
                for _ in 0..<3 {
                    // The place of the reader before becomes free as soon as its connection is noticed to be gone.
                    var wire: Wire?
                    for _ in 0..<10_000 where wire == nil {
                        let candidate = try Wire(port: port)
                        try candidate.begin("GET", "/console/api/events", [:], length: nil)
                        let head = try candidate.text(through: "\r\n\r\n")
                        if head.contains("200 OK") { wire = candidate } else { #expect(head.contains("503 ")) }
                    }
                    let reader = try #require(wire)
                    #expect(try Event(from: reader).name == "open")
                    let other = try Wire(port: port).request("GET", "/console/api/events")
                    #expect(other.status == 503)
                    #expect(other["retry-after"] == "5")
                }
            }
        }
        #expect(runs.listenerCount == 0)
    }

    @Test func aStreamEndsAfterItsLifetimeAndItsReaderMayComeAgain() async throws {
        let runs = RecordedRuns(recordings.day)
        try await withConsole(runs, lifetime: .milliseconds(100)) { port, _ in
            try await onThread {
                for path in [Self.path, "/console/api/events"] {
                    let wire = try Self.open(path, port)
                    let rest = try wire.text(through: "\r\n0\r\n\r\n")
                    #expect(rest.contains("event: "))
                    // Without `end` the reader knows that there is more to come.
                    #expect(!rest.contains("event: end"))
                }
            }
        }
        #expect(runs.listenerCount == 0)
    }

    @Test func streamsCloseWhenTheServerStops() async throws {
        try await withConsole(RecordedRuns(recordings.day)) { port, stop in
            let wires = try await onThread {
                let wires = Opened([try Self.open(Self.path, port), try Self.open("/console/api/events", port)])
                for wire in wires.wires { _ = try Event(from: wire) }
                return wires
            }
            await stop()
            try await onThread {
                for wire in wires.wires {
                    let rest = try wire.rest()
                    // Without `end` the page knows that it has to come back.
                    #expect(!rest.contains("event: end"))
                }
            }
        }
    }
}

/// Connections on their way from one thread to the next; only one uses them at a time.
private struct Opened: @unchecked Sendable {
    let wires: [Wire]
    init(_ wires: [Wire]) { self.wires = wires }
}
