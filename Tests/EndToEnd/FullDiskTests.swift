import Foundation
import JSON
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SmallDisk.isPermitted, "a file system in memory can't be mounted here"))
    struct FullDiskTests {
        @Test("up on a full disk is one sentence and exit code 1", arguments: [1, 30, 100])
        func refusesToStart(mebibytes: Int) async throws {
            let disk = try SmallDisk(mebibytes: mebibytes)
            let ended = try await Program.run(
                Binaries.showrunner,
                ["up", "--data", disk.path + "/data", "--port", "\(FreePorts.neighbours(2))", "--workers", "1"])
            #expect(ended.status == 1)
            #expect(ended.output == "")
            #expect(ended.errors.hasPrefix("showrunner: the disk is full: "), "\(ended.errors)")
            #expect(ended.errors.hasSuffix("a new database needs 128 MiB; make room there\n"), "\(ended.errors)")
            #expect(ended.errors.filter { $0 == "\n" }.count == 1)
        }

        /// What is missing first: room for a page of a table, or for a whole segment of PostgreSQL's log, without
        /// which the server ends.
        @Test(
            "when the disk fills up starts are refused with the reason, and all goes on with new room",
            arguments: [0, 10])
        func goesOnWithNewRoom(mebibytesLeft: Int) async throws {
            let disk = try SmallDisk(mebibytes: 200)
            let workflows = Workplace.file("workflows")
            try FileManager.default.createDirectory(atPath: workflows, withIntermediateDirectories: true)
            try "StartAt: A\nStates:\n  A: {Type: Pass, End: true}\n"
                .write(toFile: workflows + "/short.asl.yaml", atomically: true, encoding: .utf8)
            let stage = try await TestStage.start(
                workers: 1, in: disk.path + "/data", options: ["--workflows", workflows])
            let before = try await stage.showrunner("runs", "start", "short", "--wait")
            #expect(before.status == 0, "\(before)")

            try disk.fill(leaving: mebibytesLeft << 20)
            var acknowledged: [String] = []
            var pending: Program?
            for number in 1...300 {
                let name = "full-\(number)"
                let input = Workplace.file("input.json")
                try Self.noise().write(toFile: input, atomically: true, encoding: .utf8)
                let start = try Program(
                    Binaries.showrunner, ["runs", "start", "short", "--input", "@\(input)", "--name", name],
                    environment: ["SHOWRUNNER_ENGINE": stage.engineURL], logs: Workplace.path,
                    name: "\(mebibytesLeft)-\(name)")
                try await eventually("an answer, or none because the database is full") {
                    if !start.isRunning { return true }
                    return try await !Self.isReady(stage)
                }
                if start.isRunning {
                    pending = start
                    break
                }
                try #require(try await start.status(within: .seconds(10)) == 0, "\(start.lastWords())")
                acknowledged.append(name)
            }
            let waiting = try #require(pending, "the disk did not fill up")

            let health = try await stage.http.send(.init("GET", stage.engineURL + "/readyz"))
            #expect(health.status == 503)
            #expect(health.text.contains("it takes no writes: "), "\(health.text)")
            let refused = try await stage.showrunner("runs", "start", "short", "--name", "refused")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("The database takes no writes: "), "\(refused.errors)")
            if mebibytesLeft == 0 { #expect(refused.errors.contains("No space left on device"), "\(refused.errors)") }
            let upload = try await stage.showrunner("ingest", try await Film(name: "unwanted", frames: 5).make())
            #expect(upload.status == 1)
            #expect(upload.errors.contains("the disk has 0 for them"), "\(upload.errors)")

            disk.makeRoom()
            #expect(
                try await waiting.status(within: .seconds(60)) == 0, "\(waiting.lastWords())\n\(stage.up.lastWords())")
            try await eventually("the engine is ready again") { try await Self.isReady(stage) }
            let after = try await stage.showrunner("runs", "start", "short", "--wait")
            #expect(after.status == 0, "\(after)")
            let list = try JSON(parsing: try await stage.showrunner("runs", "list", "--limit", "500", "--json").output)
            let runs = list["items"]?.arrayValue ?? []
            #expect(runs.allSatisfy { $0["status"] == "SUCCEEDED" })
            let names = Set(runs.compactMap { $0["name"]?.stringValue })
            #expect(names.isSuperset(of: acknowledged))
            #expect(!names.contains("refused"))
            #expect(runs.count == acknowledged.count + 3, "the first, the one that waited, and the last")
            try await stage.stop()
        }

        private static func isReady(_ stage: TestStage) async throws -> Bool {
            try await stage.http.send(.init("GET", stage.engineURL + "/readyz")).status == 200
        }

        /// An input that PostgreSQL can't make smaller.
        private static func noise() -> String {
            let bytes = Data((0..<150_000).map { _ in UInt8.random(in: .min ... .max) })
            return #"{"noise": "\#(bytes.base64EncodedString())"}"#
        }
    }
}
