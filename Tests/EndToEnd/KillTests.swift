import Foundation
import JSON
import Testing

extension EndToEnd {
    /// `kill -9` in the middle of an encode: the run ends SUCCEEDED, once.
    @Suite struct KillTests {
        /// Long enough that the kill meets the encode in its middle.
        static let film = Film(name: "long", size: "960x540", rate: "25", frames: 300)

        enum Victim: String, CaseIterable, CustomTestStringConvertible {
            case engine, worker, postgres

            var testDescription: String { rawValue }
        }

        @Test("a killed process costs its run nothing but time", arguments: Victim.allCases)
        func survives(victim: Victim) async throws {
            let stage = try sharedStage()
            let title = "Killed: \(victim.rawValue)"
            let arn = try await stage.ingest(try await Self.film.make(), title: title)
            let reached = try await stage.firstProgress(of: arn, in: "Transcode")
            #expect(reached < Self.film.seconds, "the kill came too late to prove anything")
            let name = victim == .worker ? try await stage.worker(of: arn, at: "Transcode") : victim.rawValue
            let killed = try stage.kill9(name)
            let successor = try await stage.successor(of: killed, name)
            #expect(successor.pid != killed.pid)

            let run = try await stage.end(of: arn)
            try await Self.check(stage, run, title)
            let transcode = try #require(try await stage.entries(of: arn, "Transcode").last)
            let attempts = try #require(transcode["attempts"]?.integerValue)
            switch victim {
            // The work goes on where it was: the worker announces its task to the new engine.
            case .engine, .postgres: #expect(attempts == 1)
            case .worker: #expect(attempts == 2)
            }
            let repeated = attempts > 1 ? Self.frames(in: reached) : 0
            print(
                "kill -9 \(victim.rawValue): \(attempts) attempts, \(repeated) of \(Self.film.frames) source frames repeated"
            )
        }

        @Test("when up is killed all its processes end, and up again goes on")
        func survivesTheEndOfUp() async throws {
            let stage = try sharedStage()
            let title = "Killed: up"
            let arn = try await stage.ingest(try await Self.film.make(), title: title)
            let reached = try await stage.firstProgress(of: arn, in: "Transcode")
            #expect(reached < Self.film.seconds, "the kill came too late to prove anything")
            let processes = try stage.processes()
            #expect(processes.count >= 7)
            stage.up.signal(SIGKILL)
            #expect(try await stage.up.status(within: .seconds(10)) == 128 + SIGKILL)
            try await stage.waitForEnd(of: processes)
            try await stage.startAgain()

            let run = try await stage.end(of: arn)
            try await Self.check(stage, run, title)
            let attempts = try await stage.entries(of: arn, "Transcode").compactMap { $0["attempts"]?.integerValue }
            #expect(attempts == [2])
            print(
                "kill -9 up: \(attempts) attempts, \(Self.frames(in: reached)) of \(Self.film.frames) source frames repeated"
            )
        }

        /// Source frames in so much media time, as it was last reported; reports count those of all rungs together.
        private static func frames(in seconds: Double) -> Int {
            Int((seconds * film.framesPerSecond).rounded())
        }

        /// The run is published, once, and whole.
        private static func check(_ stage: TestStage, _ run: JSON, _ title: String) async throws {
            try #require(
                run["status"] == "SUCCEEDED",
                "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")\n\(stage.up.lastWords())")
            let listed = try await stage.published(title)
            #expect(listed.map { $0["id"] } == [run["output"]?["titleId"]])
            try await stage.checkPlayback(
                of: film, hls: try #require(run["output"]?["hls"]?.stringValue),
                dash: try #require(run["output"]?["dash"]?.stringValue))
        }
    }

    @Suite struct TogetherTests {
        @Test("two films are encoded at the same time and both are published")
        func encodesTwoFilmsAtOnce() async throws {
            let stage = try sharedStage()
            var arns: [String] = []
            for number in 1...2 {
                arns.append(try await stage.ingest(try await KillTests.film.make(), title: "Together \(number)"))
            }
            let wanted = Set(arns)
            try await eventually("both at work at the same time", within: .seconds(120)) {
                let page = try await stage.client.get("/console/api/runs?status=RUNNING&limit=50")
                let moving = (page["items"]?.arrayValue ?? []).filter { run in
                    run["current"]?.arrayValue?.contains("Transcode") == true
                        && (run["progress"]?["mediaSeconds"]?.doubleValue ?? 0) > 0
                }
                return wanted.isSubset(of: moving.compactMap { $0["executionArn"]?.stringValue })
            }
            for (number, arn) in arns.enumerated() {
                let run = try await stage.end(of: arn)
                #expect(run["status"] == "SUCCEEDED", "\(run["cause"]?.text ?? "")")
                let listed = try await stage.published("Together \(number + 1)")
                #expect(listed.map { $0["id"] } == [run["output"]?["titleId"]])
            }
        }
    }
}
