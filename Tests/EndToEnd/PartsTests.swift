import Foundation
import JSON
import Testing

extension EndToEnd {
    /// A long film: its parts on several workers, of which one leaves and one dies.
    @Suite struct PartsTests {
        private static let film = Film(name: "parts", size: "854x480", rate: "25", frames: 500)

        @Test("a worker that stops leaves within a part; one killed at nine tenths costs at most a part")
        func leavesAndDies() async throws {
            let stage = try sharedStage()
            let title = "In parts"
            let path = try await Self.film.make()
            let input: JSON = ["source": .string("file://\(path)"), "title": .string(title), "partSeconds": 2]
            let started = try await stage.client.call(
                "StartExecution",
                [
                    "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:ingest",
                    "input": .string(input.text),
                ])
            let arn = try #require(started["executionArn"]?.stringValue)

            let leaving = try await Self.workerOfAPart(stage, arn, done: 2)
            let process = try stage.process(leaving)
            try #require(kill(process.pid, SIGTERM) == 0)
            try await eventually("\(leaving) leaves") { !process.isRunning }
            let left = try await Self.done(stage, arn)
            #expect(left < 10, "it has waited for the last part")
            _ = try await stage.successor(of: process, leaving)

            let dying = try await Self.workerOfAPart(stage, arn, done: 8)
            let killed = try stage.kill9(dying)
            _ = try await stage.successor(of: killed, dying)

            let run = try await stage.end(of: arn)
            try #require(
                run["status"] == "SUCCEEDED",
                "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")\n\(stage.up.lastWords())")
            let attempts = try await Self.parts(stage, arn).compactMap { $0["attempts"]?.integerValue }
            print("left with \(left) of 10 parts done; attempts after kill -9 at nine tenths: \(attempts)")
            #expect(attempts.count == 10)
            #expect(
                attempts.reduce(0, +) <= 11, "whoever left has repeated nothing, whoever died one part: \(attempts)")
            let listed = try await stage.published(title)
            #expect(listed.map { $0["id"] } == [run["output"]?["titleId"]])
            try await stage.checkPlayback(
                of: Self.film, hls: try #require(run["output"]?["hls"]?.stringValue),
                dash: try #require(run["output"]?["dash"]?.stringValue))
            let join = try #require(try await stage.entries(of: arn, "Join").last?["output"])
            for rung in join["renditions"]?.arrayValue ?? [] where rung["kind"] == "video" {
                #expect(rung["scores"]?["ssim"]?.arrayValue?.count == 10, "\(rung)")
            }
        }

        private static func parts(_ stage: TestStage, _ arn: String) async throws -> [JSON] {
            try await stage.entries(of: arn, "TranscodePart")
        }

        private static func done(_ stage: TestStage, _ arn: String) async throws -> Int {
            try await Self.parts(stage, arn).count { $0["status"] == "succeeded" }
        }

        /// A worker that has a part in its hands, once so many are done.
        private static func workerOfAPart(_ stage: TestStage, _ arn: String, done: Int) async throws -> String {
            try await eventually("\(done) parts are done, and another is under way", within: .seconds(120)) {
                let found = try await Self.parts(stage, arn)
                guard found.count(where: { $0["status"] == "succeeded" }) >= done else { return nil }
                return found.first { $0["status"] == "running" && $0["worker"] != nil }?["worker"]?.stringValue
            }
        }
    }
}
